"""A gate with a stopwatch: how long each check takes, seen from the engine."""

from __future__ import annotations

import time
from bisect import bisect_left
from typing import TYPE_CHECKING, Any, Final

from meltica.domain.ports import GateStatus
from meltica.hot import Check
from meltica.hot.ports import RiskGate

BUCKETS: Final = tuple(int(100 * 1.15**n) for n in range(100))
"""Upper bounds in ns: 100 ns to 0.1 s in steps of 15 %."""


class Stopwatch:
    """A histogram of durations; constant memory."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BUCKETS) + 1)
        self._total = 0

    def add(self, duration_ns: int) -> None:
        self._counts[bisect_left(BUCKETS, duration_ns)] += 1
        self._total += 1

    def quantile_ns(self, share: float) -> int:
        """The bucket bound below which ``share`` of all durations lie; 0 before the first."""
        seen = 0
        for bound, count in zip((*BUCKETS, BUCKETS[-1]), self._counts, strict=True):
            seen += count
            if seen and seen >= share * self._total:
                return bound
        return 0


class MeasuredGate:
    """Any ``RiskGate``; only ``check`` is changed, and only by a clock before and after it."""

    def __init__(self, gate: RiskGate, backend: str) -> None:
        self._gate = gate
        self._check = gate.check
        self._backend = backend
        self.stopwatch = Stopwatch()
        # What each order asks for: bound once, since ``__getattr__`` costs ten times the call itself.
        self.set_reference, self.set_quote, self.set_profit = gate.set_reference, gate.set_quote, gate.set_profit
        self.reserve, self.release, self.fill = gate.reserve, gate.release, gate.fill
        self.tell, self.breakers, self.self_matches = gate.tell, gate.breakers, gate.self_matches

    def check(self, intent: Any, /) -> int:
        begin = time.perf_counter_ns()
        reason = self._check(intent)
        self.stopwatch.add(time.perf_counter_ns() - begin)
        return reason

    @property
    def fired_mask(self) -> int:
        return self._gate.fired_mask

    @property
    def reserved_price_ticks(self) -> int:
        return self._gate.reserved_price_ticks

    @property
    def allowed_lots(self) -> int:
        return self._gate.allowed_lots

    if not TYPE_CHECKING:  # For mypy ``measured`` says that the rest is the gate's own

        def __getattr__(self, name: str) -> Any:
            return getattr(self._gate, name)

    def status(self) -> GateStatus:
        counters = self._gate.counters()
        refused = {Check(n).name: count for n, count in enumerate(counters["rejected"]) if count}
        return GateStatus(
            backend=self._backend,
            passed=sum(counters["passed"]),
            refused=refused,
            latency_p50_ns=self.stopwatch.quantile_ns(0.50),
            latency_p99_ns=self.stopwatch.quantile_ns(0.99),
        )
