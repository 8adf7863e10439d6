"""Orders and records in volume: a busy market near every limit, in which each check fires often, alone and in company.

An episode is a list of operations for a fresh gate. Draws are made for a whole episode at once; what refers to an order
that passed (fills, releases, replaces) follows a gate that runs along. Everything hangs on the seed.
"""

from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any, NamedTuple

import numpy as np

from meltica.hot import PASS, Action, OrderType, Side, TimeInForce, load
from meltica.hot import layout_gen as lay
from meltica.hot.bounds import Bounds, card_bounds
from meltica.hot.layout_gen import OrderIntentRecord
from meltica.hot.ports import RiskGate
from tests.conformance.gate_volume_rows import ROW_BYTES, Shape, World, odd_value

CYTHON = load("cython")
SHAPE = Shape()
RECONCILED_EVERY = 400  # operations
MOST_WORKING = 24  # of passed orders that the generator still means to settle
_ORDER = OrderIntentRecord.CODEC


class Told:
    """A record that is bytes already."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data

    def to_bytes(self) -> bytes:
        return self.data


class Scale(NamedTuple):
    """How large the numbers of an episode are."""

    ticks: int
    lots: int
    unit: int


SCALES = (
    Scale(1, 1, 100_000),
    Scale(1, 1, 100_000),
    Scale(1, 1, 1),
    Scale(200_000, 50_000, 1),
    Scale(200_000, 50_000, 4_600),
    Scale(7, 3, 2**32 - 1),
)


@dataclass(frozen=True)
class Episode:
    seed: int
    scale: Scale
    leased: bool
    is_order: np.ndarray = field(repr=False)  # else it is told
    data: np.ndarray = field(repr=False)  # (operations, 128) bytes
    size: np.ndarray = field(repr=False)

    def __len__(self) -> int:
        return len(self.size)

    @property
    def bounds(self) -> Bounds:
        return card_bounds(self.scale.unit, SHAPE.ports)

    @property
    def arguments(self) -> dict[str, Any]:
        """Of the gate that it is for."""
        return SHAPE.arguments | {"leased": self.leased, "bounds": self.bounds}

    def record(self, at: int) -> bytes:
        return self.data[at, : self.size[at]].tobytes()


def episode(seed: int, count: int) -> Episode:
    rng = np.random.default_rng(seed)
    scale, leased = SCALES[seed % len(SCALES)], bool(rng.integers(4))
    draft = Draft(rng, count, scale, leased=leased)
    draft.write()
    data = np.zeros((count, ROW_BYTES), np.uint8)
    for at, record in enumerate(draft.records):
        data[at, : len(record)] = np.frombuffer(record, np.uint8)
    size = np.array([len(record) for record in draft.records], np.uint16)
    return Episode(seed, scale, leased, np.array(draft.is_order), data, size)


@dataclass(slots=True)
class Working:
    order_id: int
    account_id: int
    instrument_id: int
    side: int
    strategy_id: int
    port_id: int
    lots: int
    price: int


class Draft:
    """An episode on its way."""

    def __init__(self, rng: np.random.Generator, count: int, scale: Scale, *, leased: bool) -> None:
        self.count, self.scale = count, scale
        self.world = World(rng, scale.ticks, scale.lots, scale.unit)
        bounds = card_bounds(scale.unit, SHAPE.ports)
        self.gate: RiskGate = CYTHON.Gate(**SHAPE.arguments, leased=leased, bounds=bounds)
        self.records: list[bytes] = []
        self.is_order: list[bool] = []
        self.working: list[Working] = []
        self.later: list[tuple[int, int, bytes]] = []  # heap of what puts something right again: when, and in turn
        self.last_of_account: dict[int, tuple[Any, ...]] = {}
        # All chance of the episode: whole arrays, as lists because single elements are read.
        self.now = (1_700_000_000_000_000_000 + np.cumsum(rng.integers(0, 2_000, count + 1))).tolist()
        self.kind = rng.random(count + 1).tolist()
        self.pick = rng.integers(0, 2**62, (count + 1, 4)).tolist()
        self.orders = self.ordinary_orders(rng, count + 1)

    def ordinary_orders(self, rng: np.random.Generator, count: int) -> list[tuple[Any, ...]]:
        """In the order of the record's fields."""
        ticks, lots = self.scale.ticks, self.scale.lots
        side = rng.integers(1, 3, count)
        away = np.where(rng.random(count) < 0.03, rng.integers(-620, 620, count), rng.integers(1, 480, count))
        price = 10_000 + np.where(side == Side.BUY, -away, away)
        quantity = rng.choice([*range(1, 21), 21, 25], count, p=[0.0485] * 20 + [0.02, 0.01])
        order_type = np.where(rng.random(count) < 0.1, OrderType.MARKET, OrderType.LIMIT)
        tif = rng.choice(
            [TimeInForce.DAY, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK], count, p=[0.6, 0.2, 0.1, 0.1]
        )
        flags = rng.choice([0, 1, 2, 4], count, p=[0.8, 0.05, 0.08, 0.07])
        short = np.where(side == Side.SELL, rng.choice([0, 8, 24], count, p=[0.7, 0.2, 0.1]), 0)
        columns = {
            "type_id": np.full(count, OrderIntentRecord.TYPE_ID),
            "action": np.full(count, Action.NEW),
            "side": side,
            "flags": flags | short,
            "port_id": rng.integers(0, SHAPE.ports, count),
            "order_type": order_type,
            "tif": tif,
            "instrument_id": rng.choice(SHAPE.used_instruments, count),
            "account_id": rng.integers(0, SHAPE.accounts, count),
            "strategy_id": rng.integers(0, SHAPE.strategies, count),
            "order_id": np.arange(1, count + 1),
            "price_ticks": np.where(order_type == OrderType.MARKET, 0, price * ticks),
            "quantity_lots": quantity * lots,
            "time_ns": self.now,
            "working_lots": np.zeros(count, np.int64),
            "working_price_ticks": np.zeros(count, np.int64),
        }
        assert list(columns) == list(OrderIntentRecord.DTYPE.names or ())
        return list(zip(*(np.asarray(column).tolist() for column in columns.values()), strict=True))

    # --- operations ---

    def write(self) -> None:
        for record in self.world.open_for_business(self.now[0]):
            self.tell(record)
        while len(self.records) < self.count:
            while self.later and self.later[0][0] <= len(self.records):
                self.tell(heappop(self.later)[2])
            if len(self.records) % RECONCILED_EVERY == 0:
                self.reconcile()
            self.operate(len(self.records))
        del self.records[self.count :], self.is_order[self.count :]

    def operate(self, at: int) -> None:
        kind = self.kind[min(at, self.count)]
        at = min(at, self.count)
        if kind < 0.56:
            self.order(at)
        elif kind < 0.82:
            self.settle(at)
        elif kind < 0.93:
            self.tell(self.world.market(self.pick[at], self.now[at]))
        elif kind < 0.955:
            self.disturb(at)
        elif kind < 0.985:
            self.tell(self.world.upkeep(self.pick[at], self.now[at]))
        else:
            self.odd_record(at)

    def reconcile(self) -> None:
        """Own orders whose end was told without their id end here, as the books of a desk would find out."""
        alive = {one.order_id for one in self.working}
        for order_id, account, instrument, side, price, leaves in self.gate.export_state()["orders"]:
            if order_id not in alive:
                gone = lay.ReleaseRecord(account, instrument, side, 1, 0, order_id, leaves, price)
                self.tell(gone.to_bytes())

    def tell(self, data: bytes) -> None:
        self.records.append(data)
        self.is_order.append(False)
        try:
            self.gate.tell(Told(data))  # type: ignore[arg-type]
        except ValueError:
            return

    def order(self, at: int) -> None:
        values, (what, which, *_) = list(self.orders[at]), self.pick[at]
        what %= 100
        if what < 14 and self.working:
            self.replace(values, self.working[which % len(self.working)], what)
        elif what < 17:
            values[1] = Action.CANCEL
        elif what < 20:
            before = self.last_of_account.get(values[8])
            if before is not None:
                values = [*before[:10], values[10], *before[11:13], values[13], 0, 0]
        elif what < 22:
            values[10] = max(0, values[10] - which % 40)
        elif what < 24:
            values[13] -= which % 3_000_000
        elif what < 29:
            self.spoil(values, which)
        self.send(values)

    def replace(self, values: list[int], old: Working, what: int) -> None:
        values[1], values[2], values[10] = Action.REPLACE, old.side, old.order_id
        values[7], values[8], values[9] = old.instrument_id, old.account_id, old.strategy_id
        values[3] = values[3] & 7 if old.side == Side.BUY else values[3]
        if what == 0:
            return  # it reopens an order of which nothing is left
        values[14], values[15] = old.lots, old.price
        if what < 4:
            values[14] += (what - 2) * self.scale.lots
        if what > 9:
            values[11], values[5] = old.price, OrderType.LIMIT

    def spoil(self, values: list[int], which: int) -> None:
        """One field, or two, that no desk should send."""
        spoilt = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 11, 12, 12, 12, 14, 15)
        for turn in range(1 + which % 2):
            at = spoilt[(which >> 8 + 8 * turn) % len(spoilt)]
            values[at] = odd_value(_ORDER.format[at + 1], which >> 24 + 16 * turn, small=at < 10)

    def send(self, values: list[int]) -> None:
        data = _ORDER.pack(*values)
        self.records.append(data)
        self.is_order.append(True)
        reason = self.gate.check(CYTHON.OrderIntent.from_bytes(data))
        if reason != PASS or values[1] == Action.CANCEL:
            return
        _, action, side, _, port, _, _, instrument, account, strategy, order_id, *_ = values
        lots, price = self.gate.allowed_lots, self.gate.reserved_price_ticks
        if action == Action.NEW:
            self.last_of_account[account] = tuple(values)
        elif values[14]:
            self.working = [one for one in self.working if one.order_id != order_id]
        self.working.append(Working(order_id, account, instrument, side, strategy, port, lots, price))

    def settle(self, at: int) -> None:
        """A fill or a release of a part or all of an order that works; now and then of more."""
        which, how, part, _ = self.pick[at]
        if not self.working or (len(self.working) < MOST_WORKING and how % 5 == 0):
            self.tell(self.world.market(self.pick[at], self.now[at]))
            return
        place = (which % len(self.working)) if how % 3 else 0
        old = self.working[place]
        lots = old.lots if part % 3 else max(1, old.lots // 2)
        closes = lots == old.lots
        if how % 61 == 0:
            lots *= 2  # more than there is: a fault
        keys = (old.account_id, old.instrument_id, old.side, int(closes), old.strategy_id, old.order_id, lots)
        order_id_known = how % 97 != 0
        keys = (*keys[:5], keys[5] if order_id_known else 0, lots)
        record_class = lay.FillRecord if how % 2 else lay.ReleaseRecord
        self.tell(record_class(*keys, old.price).to_bytes())
        if closes:
            del self.working[place]
        else:
            old.lots -= min(old.lots, lots)

    def disturb(self, at: int) -> None:
        """Something goes wrong, and is put right some operations later."""
        wrong, right = self.world.disturbance(self.pick[at], self.now[at])
        for record in wrong:
            self.tell(record)
        self.put_right(right, self.pick[at][3] % 40)

    def odd_record(self, at: int) -> None:
        """Values on and beyond the edges, and what puts its row right again."""
        odd, right = self.world.odd_record(self.pick[at], self.now[at])
        self.tell(odd)
        self.put_right(right, self.pick[at][3] % 6)

    def put_right(self, records: list[bytes], delay: int) -> None:
        when = len(self.records) + 1 + delay
        for turn, record in enumerate(records):
            heappush(self.later, (when, turn, record))
