"""Functional coverage: a bench says beforehand what must happen, and fails when some of it did not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable

from sim.rtl import report


class Cover:
    """Bins by name; a hit outside them is a mistake of the bench and raises at once."""

    def __init__(self, name: str, bins: Iterable[Hashable]) -> None:
        self.name = name
        self.bins = tuple(dict.fromkeys(bins))
        if not self.bins:
            raise ValueError(f"coverage {name}: no bins, so it could never fail")
        self.hits: Counter[Hashable] = Counter()
        self._known = frozenset(self.bins)

    def hit(self, name: Hashable) -> None:
        if name not in self._known:
            raise KeyError(f"coverage {self.name}: no bin {name!r}")
        self.hits[name] += 1

    def missing(self) -> list[Hashable]:
        return [name for name in self.bins if not self.hits[name]]

    def require_full(self) -> None:
        """Reports, and raises with the names of the bins that nothing hit."""
        missing = self.missing()
        hit = len(self.bins) - len(missing)
        report("coverage", name=self.name, hit=hit, bins=len(self.bins), missing=[str(name) for name in missing])
        if missing:
            raise AssertionError(f"coverage {self.name}: {hit} of {len(self.bins)} bins; nothing hit {missing}")
