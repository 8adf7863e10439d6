"""All fills of one account in one instrument, in the order in which they were booked, and the positions that follow.

A bust or a correction changes one row and books again what came after it: from the newest checkpoint before the row,
never from the beginning (but once after a restart, for checkpoints are not stored).
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final, NamedTuple

import msgspec

from meltica.domain.accounting import CostMethod, PositionMode
from meltica.ledger.positions import Fill, Hedged, Netted, Positions

CHECKPOINT_ROWS: Final = 1024
"""A correction of the last trade books at most this many again; copying open lots is spread over twice their number."""


class Sums(NamedTuple):
    """Money in nanos; what changed of it makes an entry."""

    lots: int = 0
    cost: int = 0
    realised: int = 0
    rounding: int = 0
    """Cost of lots that splits left nothing of."""

    def since(self, before: Sums) -> Sums:
        return Sums(*(mine - its for mine, its in zip(self, before, strict=True)))


class Split(msgspec.Struct, gc=False, array_like=True):
    before_row: int
    numerator: int
    denominator: int


class Charge(msgspec.Struct, gc=False, array_like=True):
    """What the venue's schedule said from this row on; in ppm, None: nothing."""

    row: int
    maker_ppm: int | None
    taker_ppm: int | None


class Costs(msgspec.Struct, array_like=True):
    """What a strategy paid and received beside the trades themselves; nanos."""

    fees: int = 0
    funding: int = 0
    other: int = 0
    """Interest, fees and adjustments that were booked for it."""
    traded: int = 0
    fills: int = 0


class StreamTable(msgspec.Struct, kw_only=True):
    """What a checkpoint of the ledger stores of a stream."""

    account: str
    instrument: str
    currency: str
    method: CostMethod
    mode: PositionMode
    rows: list[Fill] = []
    stored: int = 0
    """How many rows a checkpoint has beside it."""
    splits: list[Split] = []
    net: Netted | None = None
    """NETTING: the account's position. HEDGING: it is the sum of the strategies'."""
    strategies: dict[str, Positions] = {}
    rounding: int = 0
    costs: dict[str, Costs] = {}
    """By strategy; "" is what belongs to none."""
    charges: list[Charge] = []
    """One whenever another tier or schedule came to hold; a correction is judged by that of its trade."""


class Checkpoint(NamedTuple):
    """What followed from the first ``rows`` rows and ``splits`` splits."""

    rows: int
    splits: int
    net: Netted | None
    strategies: dict[str, Positions]
    rounding: int


class Stream:
    def __init__(self, table: StreamTable) -> None:
        self.table = table
        if table.mode is PositionMode.NETTING and table.net is None:
            table.net = Netted(method=table.method)
        self._checkpoints: list[Checkpoint] = []
        """Oldest first."""
        self._splits = len(table.splits)
        """Those that the positions know."""
        self._booked: int | None = None
        """While rows are booked again: how many are."""
        self._next = len(table.rows) + CHECKPOINT_ROWS
        if not table.rows:
            self._keep()

    @property
    def sums(self) -> Sums:
        table = self.table
        if table.net is not None:
            return Sums(*table.net.sums, table.rounding)
        lots = cost = realised = 0
        for positions in table.strategies.values():
            its_lots, its_cost, its_realised = positions.sums
            lots, cost, realised = lots + its_lots, cost + its_cost, realised + its_realised
        return Sums(lots, cost, realised, table.rounding)

    def costs(self, strategy: str) -> Costs:
        if (found := self.table.costs.get(strategy)) is None:
            found = self.table.costs[strategy] = Costs()
        return found

    @property
    def holds(self) -> bool:
        """Somebody does: strategies may be long and short while the account is flat."""
        return self.sums.lots != 0 or any(positions.sums[0] for positions in self.table.strategies.values())

    def charge(self, ppm: tuple[int, int] | None) -> None:
        """What the schedule says (maker, taker) of the newest row."""
        charges, (maker, taker) = self.table.charges, ppm or (None, None)
        if not charges or (charges[-1].maker_ppm, charges[-1].taker_ppm) != (maker, taker):
            charges.append(Charge(len(self.table.rows) - 1, maker, taker))

    def ppm(self, row: int, *, maker: bool | None) -> int | None:
        """What the schedule said of this row when it was new."""
        charges = self.table.charges
        at = bisect_right(charges, row, key=lambda charge: charge.row) - 1
        if at < 0:
            return None
        return charges[at].maker_ppm if maker else charges[at].taker_ppm

    def is_before_split(self, row: int) -> bool:
        splits = self.table.splits
        return bool(splits) and row < splits[-1].before_row

    def append(self, fill: Fill) -> tuple[int, int, int]:
        """Book one more. The changes of (lots, cost, realised)."""
        rows = self.table.rows
        if len(rows) >= self._next:
            self._keep()
        change = self._take(fill, len(rows))
        rows.append(fill)
        costs = self.costs(fill.strategy)
        costs.fees += fill.fee
        costs.traded += abs(fill.value)
        costs.fills += bool(fill.lots)
        return change

    def replace(self, changed: dict[int, Fill]) -> Sums:
        """These rows are others now; all that came after them is booked again. What changed."""
        before, rows = self.sums, self.table.rows
        for row, fill in changed.items():
            old, rows[row] = rows[row], fill
            costs = self.costs(fill.strategy)
            costs.fees += fill.fee - old.fee
            costs.traded += abs(fill.value) - abs(old.value)
            costs.fills += bool(fill.lots) - bool(old.lots)
        self._book_again(min(changed))
        return self.sums.since(before)

    def split(self, numerator: int, denominator: int) -> Sums:
        """Restate the open lots. What changed: lots, and the cost of those that nothing is left of."""
        before = self.sums
        rows = len(self.table.rows)
        self.table.splits.append(Split(rows, numerator, denominator))
        self._catch_up(rows)
        return self.sums.since(before)

    def keep_as(self, method: CostMethod, mode: PositionMode) -> None:
        """By another method from now on. Only for a stream whose rows are all empty."""
        table = self.table
        table.method, table.mode, table.net, table.strategies = method, mode, None, {}
        self._checkpoints.clear()
        self._book_again(0)

    def find(self, order_id: int, execution_id: str) -> int | None:
        """The row of an execution that stands under this id: its first, or the newest that a correction gave it.

        Looks from the newest row back: corrections are rare, most are of a trade of today, and an index of a million
        ids is not small. No id is one row's first and another one's newest: the engine takes none twice.
        """
        rows = self.table.rows
        for row in range(len(rows) - 1, -1, -1):
            fill = rows[row]
            if fill.order_id == order_id and execution_id in (fill.first_id, fill.execution_id):
                return row
        return None

    def _take(self, fill: Fill, row: int) -> tuple[int, int, int]:
        if fill.lots == 0:
            return 0, 0, 0
        table = self.table
        positions = table.strategies.get(fill.strategy)
        if positions is None:
            made: Positions = Netted(method=table.method) if table.net is not None else Hedged(method=table.method)
            positions = table.strategies[fill.strategy] = made
        net: Positions = positions if table.net is None else table.net
        lots, cost, realised = net.sums
        positions.take(fill, row)
        if net is not positions:
            net.take(fill, row)
        new_lots, new_cost, new_realised = net.sums
        return new_lots - lots, new_cost - cost, new_realised - realised

    def _restate(self, split: Split) -> None:
        table = self.table
        lost = 0
        for positions in table.strategies.values():
            lost += positions.split(split.numerator, split.denominator)
        if table.net is not None:
            lost = table.net.split(split.numerator, split.denominator)
        table.rounding += lost

    def _keep(self) -> None:
        table = self.table
        rows = len(table.rows) if self._booked is None else self._booked
        net = None if table.net is None else table.net.copy()
        strategies = {name: positions.copy() for name, positions in table.strategies.items()}
        self._checkpoints.append(Checkpoint(rows, self._splits, net, strategies, table.rounding))
        size = (0 if net is None else net.size) + sum(positions.size for positions in strategies.values())
        self._next = rows + max(CHECKPOINT_ROWS, 2 * size)

    def _book_again(self, first: int) -> None:
        """Go back to the newest checkpoint that knows nothing of row ``first``, and book from there on."""
        table, kept = self.table, self._checkpoints
        while kept and kept[-1].rows > first:
            kept.pop()
        start = kept.pop() if kept else Checkpoint(0, 0, self._fresh_net(), {}, 0)
        table.net, table.strategies, table.rounding = start.net, start.strategies, start.rounding
        self._booked, self._splits = start.rows, start.splits
        self._keep()
        for row in range(start.rows, len(table.rows)):
            self._booked = row
            self._catch_up(row)
            if row >= self._next:
                self._keep()
            self._take(table.rows[row], row)
        self._booked = None
        self._catch_up(len(table.rows))

    def _catch_up(self, row: int) -> None:
        """Splits that came before this row."""
        splits = self.table.splits
        while self._splits < len(splits) and splits[self._splits].before_row <= row:
            split = splits[self._splits]
            self._splits += 1
            self._restate(split)

    def _fresh_net(self) -> Netted | None:
        return Netted(method=self.table.method) if self.table.mode is PositionMode.NETTING else None
