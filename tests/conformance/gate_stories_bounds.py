"""How wide the gate counts: the widest value passes, one more is refused and changes nothing."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from meltica.hot import Action, Check, KillScope, Side
from meltica.hot import layout_gen as lay
from meltica.hot.bounds import CARD_BOUNDS
from meltica.hot.layout_gen import Mark, SelfMatch
from tests.conformance.gate_desk import A, Desk, P, S, Stories, T, X, made

ORDER_LOTS, TICKS, TOLD_LOTS, UNIT = 2**20 - 1, 2**31 - 1, 2**32 - 1, 100_000
POSITION = 2**46
ROOMY = {
    "value_per_tick_lot_nanos": UNIT,
    "max_quantity_lots": 2**62,
    "max_value_nanos": 2**63 - 1,
    "max_price_ticks": 2**62,
    "collar_bps": 100_000,
}
# One that is too much; the first value of each is just not.
FIELDS: list[tuple[type[lay.Record], str, int]] = [
    (lay.FillRecord, "quantity_lots", TOLD_LOTS),
    (lay.FillRecord, "reserved_price_ticks", TICKS),
    (lay.ReleaseRecord, "quantity_lots", TOLD_LOTS),
    (lay.ReleaseRecord, "reserved_price_ticks", TICKS),
    (lay.ReserveRecord, "reserved_price_ticks", TICKS),
    (lay.ReserveRecord, "quantity_lots", TOLD_LOTS),
    (lay.ReferencePriceRecord, "price_ticks", TICKS),
    (lay.QuoteRecord, "bid_ticks", TICKS),
    (lay.QuoteRecord, "bid_lots", TOLD_LOTS),
    (lay.QuoteRecord, "ask_ticks", TICKS),
    (lay.QuoteRecord, "ask_lots", TOLD_LOTS),
    (lay.PriceBandRecord, "high_ticks", TICKS),
    (lay.AdjustRecord, "delta_lots", TOLD_LOTS),
    (lay.AccountLimitsRecord, "self_match", SelfMatch.CANCEL_BOTH),
]
USUAL: dict[type[lay.Record], dict[str, int]] = {
    lay.FillRecord: {"side": Side.BUY, "strategy_id": S, "quantity_lots": 1},
    lay.ReleaseRecord: {"side": Side.BUY, "strategy_id": S},
    lay.ReserveRecord: {"side": Side.BUY, "strategy_id": S},
    lay.QuoteRecord: {"bid_ticks": 1, "bid_lots": 1, "ask_ticks": 1, "ask_lots": 1},
}


class BoundStories(Stories):
    """Of a gate with the bounds of the card."""

    @pytest.fixture
    def desk(self) -> Iterator[Desk]:
        with made(self.kind, bounds=CARD_BOUNDS, max_working_orders=64) as gate:
            desk = CardDesk(self.kind, gate)
            desk.firm(max_open_value_nanos=2**63 - 1)
            desk.account(max_open_value_nanos=2**63 - 1)
            desk.strategy(max_open_value_nanos=2**63 - 1)
            desk.instrument(**ROOMY)
            desk.limits(max_long_lots=2**60, max_short_lots=2**60)
            yield desk

    def unchanged(self, desk: Desk, record_class: type[lay.Record], **values: int) -> None:
        digest = desk.gate.state_digest()
        with pytest.raises(ValueError, match=r"\w"):
            desk.tell(record_class, **values)
        assert desk.gate.state_digest() == digest

    @pytest.mark.parametrize(("record_class", "name", "most"), FIELDS)
    def test_a_told_value_at_its_bound_is_taken_and_one_more_is_not(
        self, desk: Desk, record_class: type[lay.Record], name: str, most: int
    ) -> None:
        keys = {"account_id": A, "instrument_id": X}
        names = record_class.DTYPE.names or ()
        values = USUAL.get(record_class, {}) | {key: value for key, value in keys.items() if key in names}
        self.unchanged(desk, record_class, **(values | {name: most + 1}))
        desk.tell(record_class, **(values | {name: most}))
        if record_class is lay.AdjustRecord:
            self.unchanged(desk, record_class, **(values | {name: -most - 1}))
            desk.tell(record_class, **(values | {name: -most}))

    def test_the_quantity_of_an_order(self, desk: Desk) -> None:
        desk.passes(quantity_lots=ORDER_LOTS)
        desk.refuses(Check.FIELD_SANITY, quantity_lots=ORDER_LOTS + 1)
        desk.refuses(Check.FIELD_SANITY, quantity_lots=ORDER_LOTS + 1 + 2**32)
        desk.refuses(Check.FIELD_SANITY, quantity_lots=2**62)

    def test_the_price_of_an_order(self, desk: Desk) -> None:
        desk.gate.set_reference(X, TICKS, T)
        assert desk.passes(price_ticks=TICKS) == TICKS
        desk.refuses(Check.FIELD_SANITY, price_ticks=TICKS + 1)
        desk.refuses(Check.FIELD_SANITY, price_ticks=TICKS + 1 + 2**32)

    def test_the_collar_of_a_market_order_ends_at_the_highest_price(self, desk: Desk) -> None:
        desk.gate.set_reference(X, 2**30, T)
        assert desk.passes(order_type=lay.OrderType.MARKET, price_ticks=0, quantity_lots=1) == TICKS

    @pytest.mark.parametrize(("name", "most"), [("working_lots", ORDER_LOTS), ("working_price_ticks", TICKS)])
    def test_what_works_of_a_replaced_order(self, desk: Desk, name: str, most: int) -> None:
        for _ in range(3):
            desk.gate.reserve(A, X, Side.BUY, TOLD_LOTS // 4, 10_000, opens=True, strategy_id=S)
        values = {"working_lots": 10, "working_price_ticks": 10_000}
        desk.refuses(Check.FIELD_SANITY, action=Action.REPLACE, **(values | {name: most + 1}))
        desk.passes(action=Action.REPLACE, **(values | {name: most}))

    def test_there_is_one_unit_of_value(self, desk: Desk) -> None:
        for unit in (0, UNIT - 1, UNIT + 1, UNIT + 2**32):
            self.unchanged(
                desk, lay.InstrumentLimitsRecord, instrument_id=X, **(ROOMY | {"value_per_tick_lot_nanos": unit})
            )

    def test_limits_of_a_position_are_kept_as_far_as_they_count(self, desk: Desk) -> None:
        desk.limits(max_long_lots=POSITION + 1, max_short_lots=2**60, located_lots=POSITION)
        names = ("max_long_lots", "max_short_lots", "located_lots")
        assert [desk.column("positions", name, A, X) for name in names] == [POSITION] * 3
        desk.limits(max_long_lots=POSITION - 1)
        assert desk.column("positions", "max_long_lots", A, X) == POSITION - 1

    def test_what_an_own_order_has_left(self, desk: Desk) -> None:
        desk.gate.reserve(A, X, Side.SELL, TOLD_LOTS, 1, order_id=900, strategy_id=S)
        self.unchanged(
            desk,
            lay.ReserveRecord,
            account_id=A,
            instrument_id=X,
            side=Side.SELL,
            order_id=900,
            strategy_id=S,
            quantity_lots=1,
            reserved_price_ticks=1,
        )
        desk.gate.release(A, X, Side.SELL, 1, 1, closes=False, order_id=900, strategy_id=S)
        desk.gate.reserve(A, X, Side.SELL, 1, 1, order_id=900, strategy_id=S)
        assert desk.working() == {900: TOLD_LOTS}

    @pytest.mark.slow
    def test_a_position_at_its_bound(self, desk: Desk) -> None:
        """It takes 2**14 records to get there."""
        for sign in (1, -1):
            for _ in range(2**14):
                desk.gate.adjust_position(A, X, sign * TOLD_LOTS)
            held = desk.position()[0]
            assert abs(held) == 2**14 * TOLD_LOTS
            room = POSITION - 1 - abs(held)
            with pytest.raises(ValueError, match=r"\w"):
                desk.gate.adjust_position(A, X, sign * (room + 1))
            with pytest.raises(ValueError, match=r"\w"):
                desk.gate.fill(A, X, 1 if sign > 0 else 2, room + 1, 1, closes=False, strategy_id=S)
            desk.gate.adjust_position(A, X, sign * room)
            assert desk.position()[0] == sign * (POSITION - 1)
            desk.refuses(Check.POSITION_LIMIT, side=1 if sign > 0 else 2, quantity_lots=2)
            desk.gate.adjust_position(A, X, -sign * room)
            for _ in range(2**14):
                desk.gate.adjust_position(A, X, -sign * TOLD_LOTS)
            assert desk.position()[0] == 0

    @pytest.mark.slow
    def test_open_lots_at_their_bound(self, desk: Desk) -> None:
        """At the price 0, which is worth nothing: only the lots count."""
        for _ in range(2**14):
            desk.gate.reserve(A, X, Side.BUY, TOLD_LOTS, 0, opens=False, strategy_id=S)
        room = POSITION - 1 - 2**14 * TOLD_LOTS
        with pytest.raises(ValueError, match=r"\w"):
            desk.gate.reserve(A, X, Side.BUY, room + 1, 0, opens=False, strategy_id=S)
        desk.gate.reserve(A, X, Side.BUY, room, 0, opens=False, strategy_id=S)
        assert desk.position() == (0, POSITION - 1, 0)
        desk.refuses(Check.POSITION_LIMIT, quantity_lots=2)
        desk.passes(quantity_lots=1)

    def test_ports_may_be_few(self) -> None:
        with made(self.kind, bounds=replace(CARD_BOUNDS, ports=P + 1), max_working_orders=64) as gate:
            desk = FewPortsDesk(self.kind, gate)
            desk.passes()
            desk.refuses(Check.ACCOUNT_DISABLED, Check.PORT_DOWN, port_id=P + 1)
            desk.refuses(Check.ACCOUNT_DISABLED, Check.PORT_DOWN, port_id=255)
            self.unchanged(desk, lay.PortLimitsRecord, port_id=P + 1, enabled=1)
            self.unchanged(desk, lay.MarkRecord, mark=Mark.CONNECTED, id=P + 1, on=1)
            self.unchanged(desk, lay.KillRecord, scope=KillScope.PORT, id=P + 1, engage=1)
            with pytest.raises(ValueError, match=r"\w"):
                gate.switch_engaged(KillScope.PORT, P + 1)
            assert gate.switch_engaged(KillScope.PORT, P) is False


class CardDesk(Desk):
    """Its instruments have the card's unit."""

    def instrument(self, instrument_id: int = X, **changes: int) -> None:
        super().instrument(instrument_id, **({"value_per_tick_lot_nanos": UNIT, "max_value_nanos": 2**62} | changes))


class FewPortsDesk(CardDesk):
    def port(self, port_id: int = P, **changes: int) -> None:
        if port_id == P:
            super().port(port_id, **changes)

    def mark(self, mark: Mark, number: int, on: int = 1) -> None:
        if mark != Mark.CONNECTED or number == P:
            super().mark(mark, number, on)


class ImportStories(Stories):
    """Of gates that take another's state over."""

    def test_a_state_beyond_the_bounds_is_taken_whole_or_not_at_all(self) -> None:
        with made(self.kind) as wide, made(self.kind, bounds=replace(CARD_BOUNDS, ports=P + 1)) as narrow:
            Desk(self.kind, wide)
            digest = narrow.state_digest()
            with pytest.raises(ValueError, match="port_id"):
                narrow.import_state(json.loads(json.dumps(wide.export_state())))
            assert narrow.state_digest() == digest
