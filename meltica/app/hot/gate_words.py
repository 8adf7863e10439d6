"""The kill words of hot gates on this machine: shared memory that a gate reads with every order."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from pathlib import Path

from meltica.hot.shared import KillReason, KillWord, SegmentError

LOG = logging.getLogger("meltica.hot_gates")


class KillWords:
    """One that can't be reached stops no other, and is told: the gate gets the kill record by the link as well."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = tuple(dict.fromkeys(Path(path) for path in paths if path))

    def engage(self, who: str, reason: str) -> None:
        for path in self._paths:
            self._each(path, lambda word: word.engage(KillReason.OPERATOR, who, reason))

    def release(self, who: str) -> None:
        """Two persons have released the switch of everything."""
        for path in self._paths:
            self._each(path, lambda word: _released(word, who))

    def _each(self, path: Path, act: Callable[[KillWord], object]) -> None:
        try:
            word = KillWord.attach(path)
            try:
                act(word)
            finally:
                word.detach()
        except (SegmentError, OSError) as error:
            LOG.error("kill word %s: %s", path, error)  # noqa: TRY400 - the sentence is enough


def _released(word: KillWord, who: str) -> None:
    status = word.status()
    if status["engaged"] and not word.release(int(status["epoch"]), who):
        LOG.warning("a kill word was engaged again while it was released: it stays engaged")
