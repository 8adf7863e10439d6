"""The order loop, turn by turn: what reaches the venue, what the drop copies say, and what never leaves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random, SystemRandom

import pytest

from meltica.hot import Check
from meltica.hot.hot_parts import OrderLoop, SpscRing, Stage, Word, uses
from meltica.hot.layout_gen import (
    Action,
    DropKind,
    InstrumentLimitsRecord,
    Mark,
    MarkRecord,
    OrderType,
    PortLimitsRecord,
    SelfMatch,
    Side,
    TimeInForce,
)
from meltica.links.lease_lines import LineKind
from tests.integration.hot_desk import (
    ACCOUNT,
    INSTRUMENT,
    PORT,
    REFERENCE_TICKS,
    STRATEGY,
    SYMBOL,
    HotDesk,
    limits,
)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[HotDesk]:
    with HotDesk(tmp_path) as desk:
        desk.connect()
        desk.copies()
        yield desk


def test_an_order_passes_works_and_trades(desk: HotDesk) -> None:
    intent = desk.buy(lots=10)
    desk.turns()
    (order,) = desk.received()
    assert (order.type, order["Side"], order["Quantity"], order["Symbol"]) == ("O", "B", 10, "ABCD")
    desk.accept(order)
    desk.execute(order["UserRefNum"], 4)
    desk.cancelled(order["UserRefNum"], 6)
    copies = desk.copies()
    assert [copy.kind for copy in copies] == [DropKind.SENT, DropKind.ACCEPTED, DropKind.EXECUTED, DropKind.CANCELED]
    assert {copy.order_id for copy in copies} == {intent.order_id}
    assert {(copy.account_id, copy.strategy_id, copy.instrument_id) for copy in copies} == {
        (ACCOUNT, STRATEGY, INSTRUMENT)
    }
    assert [copy.sequence_number for copy in copies] == list(
        range(copies[0].sequence_number, copies[0].sequence_number + 4)
    )
    assert copies[-1].sequence_number == desk.drops.position == desk.word(Word.DROPS_NEXT) - 1
    assert all(copy.port_id == PORT and copy.time_ns > 0 for copy in copies)
    assert (copies[2].last_lots, copies[2].leaves_lots, copies[3].leaves_lots) == (4, 6, 0)
    state = desk.gate.export_state()
    assert desk.word(Word.LIVE_ORDERS) == 0
    assert desk.word(Word.SENT_NEW) == desk.word(Word.ACCEPTED) == desk.word(Word.EXECUTIONS) == 1
    assert desk.word(Word.GATE_FAULTS) == 0
    assert state["firm"]["open_value_nanos"] == 0 if isinstance(state["firm"], dict) else True
    for stage in (Stage.RING_WAIT, Stage.VIEW, Stage.GATE, Stage.ENCODE, Stage.RECORD, Stage.TO_OUT):
        assert desk.reader.histogram(stage).total == 1, stage


def test_what_is_in_use_of_each_limit_is_told(desk: HotDesk) -> None:
    desk.buy(lots=10)
    desk.turns()
    (order,) = desk.received()
    desk.accept(order)
    desk.execute(order["UserRefNum"], 4)
    value = 6 * REFERENCE_TICKS
    assert sorted(uses(desk.gate)) == [
        (LineKind.FIRM_OPEN_VALUE, 0, 0, value),
        (LineKind.FIRM_OPEN_ORDERS, 0, 0, 1),
        (LineKind.ACCOUNT_OPEN_VALUE, ACCOUNT, 0, value),
        (LineKind.ACCOUNT_OPEN_ORDERS, ACCOUNT, 0, 1),
        (LineKind.STRATEGY_OPEN_VALUE, STRATEGY, 0, value),
        (LineKind.STRATEGY_EXECUTIONS, STRATEGY, 0, 1),
        (LineKind.POSITION_LONG, ACCOUNT, INSTRUMENT, 10),
        (LineKind.DAY_LOTS, 0, INSTRUMENT, 10),
    ]


def test_what_the_gate_refuses_never_reaches_the_venue(desk: HotDesk) -> None:
    desk.buy(lots=1_001)
    desk.buy(price_ticks=REFERENCE_TICKS * 2)
    desk.turns()
    assert desk.packets() == []
    copies = desk.copies()
    assert [copy.kind for copy in copies] == [DropKind.REFUSED] * 2
    assert [copy.reason for copy in copies] == [Check.MAX_QUANTITY, Check.PRICE_COLLAR]
    assert [copy.fired_mask for copy in copies] == [1 << Check.MAX_QUANTITY, 1 << Check.PRICE_COLLAR]
    assert desk.word(Word.REFUSED) == 2
    assert desk.journal.entries.count == 1, "a refused order leaves no trace in the journal: only the symbol is there"


def test_the_loop_judges_by_its_own_clock(desk: HotDesk) -> None:
    """A strategy that stamps its orders with tomorrow gains nothing: not even that the market is closed then."""
    for record in limits():
        if isinstance(record, InstrumentLimitsRecord):
            desk.gate.tell(replace(record, session_close_ns=desk.now_ns() + 10**13))
    intent = desk.writer.limit(instrument_id=INSTRUMENT, side=Side.BUY, quantity_lots=1, price_ticks=REFERENCE_TICKS)
    data = bytearray(intent.to_bytes())
    data[40:48] = (2**63).to_bytes(8, "little")
    desk.writer._ring.push(bytes(data))
    desk.turns()
    (copy,) = desk.copies(DropKind.SENT)
    assert abs(copy.time_ns - desk.now_ns()) < 10**10


def test_garbage_in_the_ring_is_refused_as_malformed(desk: HotDesk) -> None:
    desk.writer._ring.push(bytes(range(64)))
    desk.writer._ring.push(b"\xff" * 64)
    desk.turns()
    assert desk.reasons() == [Check.MALFORMED, Check.MALFORMED]
    assert desk.packets() == []


def test_random_bytes_in_the_ring_never_reach_the_venue(desk: HotDesk) -> None:
    seed = SystemRandom().randrange(2**32)
    chance = Random(seed)
    for _ in range(200):
        desk.writer._ring.push(chance.randbytes(64))
        desk.turns(1)
    desk.turns(20)
    assert desk.packets() == [], seed
    assert desk.word(Word.INTENTS) == desk.word(Word.REFUSED) == 200, seed


def test_replace_is_judged_by_what_really_works(desk: HotDesk) -> None:
    intent = desk.buy(lots=10)
    desk.turns()
    (order,) = desk.received()
    desk.accept(order)
    desk.writer.send(desk.writer.replace(intent, quantity_lots=20, price_ticks=REFERENCE_TICKS + 1))
    desk.turns()
    (replace,) = desk.received()
    assert (replace.type, replace["OrigUserRefNum"], replace["Quantity"]) == ("U", order["UserRefNum"], 20)
    (sent,) = [copy for copy in desk.copies(DropKind.SENT) if copy.action == Action.REPLACE]
    assert sent.leaves_lots == 20
    position = desk.gate.export_state()["positions"]
    assert any(20 in row for row in position)


def test_a_replace_of_an_unknown_order_is_taken_back(desk: HotDesk) -> None:
    before = desk.gate.state_digest()
    stranger = desk.writer.limit(instrument_id=INSTRUMENT, side=Side.BUY, quantity_lots=5, price_ticks=REFERENCE_TICKS)
    desk.writer.send(desk.writer.replace(stranger, quantity_lots=7, price_ticks=REFERENCE_TICKS))
    desk.turns()
    assert desk.packets() == []
    (copy,) = desk.copies(DropKind.REFUSED)
    assert copy.reason == 128 + 3
    assert desk.word(Word.NOT_ENCODED) == 1
    open_rows = [row for row in desk.gate.export_state()["positions"] if any(row[5:])]
    assert open_rows == [], before


def test_what_ouch_cannot_say_is_refused_and_reserved_no_longer(desk: HotDesk) -> None:
    desk.writer.send(
        desk.writer.limit(
            instrument_id=INSTRUMENT,
            side=Side.BUY,
            quantity_lots=5,
            price_ticks=REFERENCE_TICKS,
            tif=TimeInForce.GTC,
        )
    )
    desk.turns()
    assert desk.reasons() == [128 + 7]
    assert [row for row in desk.gate.export_state()["positions"] if any(row[5:])] == []
    assert desk.packets() == []


def test_a_cancel_leaves_though_new_orders_may_not(desk: HotDesk) -> None:
    intent = desk.buy()
    desk.turns()
    desk.accept(desk.received()[0])
    desk.tell(PortLimitsRecord(port_id=PORT, enabled=0, messages_per_second=0, message_burst=0))
    desk.buy()
    desk.writer.send(desk.writer.cancel(intent))
    desk.turns()
    assert [message.type for message in desk.received()] == ["X"]
    assert desk.reasons()[0] == Check.ACCOUNT_DISABLED


def test_own_orders_on_the_other_side_leave_first(desk: HotDesk) -> None:
    desk.buy(price_ticks=REFERENCE_TICKS)
    desk.turns()
    desk.accept(desk.received()[0])
    desk.buy(price_ticks=REFERENCE_TICKS - 1, side=Side.SELL)
    desk.turns()
    assert [message.type for message in desk.received()] == ["X", "O"]
    assert desk.word(Word.SELF_MATCH_CANCELS) == 1


def test_own_orders_are_lessened_by_the_lots_that_would_meet(tmp_path: Path) -> None:
    with HotDesk(tmp_path) as desk:
        for record in limits(SelfMatch.DECREMENT):
            desk.gate.tell(record)
        desk.connect()
        desk.buy(lots=10)
        desk.turns()
        desk.accept(desk.received()[0])
        desk.copies()
        desk.buy(lots=4, side=Side.SELL)
        desk.turns()
        (replace,) = desk.received()
        assert (replace.type, replace["Quantity"]) == ("U", 6)
        assert [copy.kind for copy in desk.copies()] == [DropKind.SENT, DropKind.REFUSED]


def test_halts_and_gaps_of_the_control_plane_stop(desk: HotDesk) -> None:
    for mark, check in ((Mark.HALTED, Check.HALTED), (Mark.GAPPED, Check.STALE_REFERENCE)):
        desk.tell(MarkRecord(mark=mark, on=1, id=INSTRUMENT, time_ns=1))
        desk.buy()
        desk.turns()
        assert desk.reasons() == [check]
        desk.tell(MarkRecord(mark=mark, on=0, id=INSTRUMENT, time_ns=1))
        desk.buy()
        desk.turns()
        assert len(desk.received()) == 1


def test_a_record_that_no_gate_takes_is_counted_and_changes_nothing(desk: HotDesk) -> None:
    before = desk.gate.state_digest()
    for garbage in (b"\xff" * 128, bytes(128), PortLimitsRecord(0, 9, 1, 1).to_bytes().ljust(128, b"\0")):
        desk.control.push(garbage)
    desk.turns()
    assert desk.word(Word.CONTROL_REFUSED) == 3
    assert desk.gate.state_digest() == before


def test_a_market_order_is_valued_at_the_collar_and_sent(desk: HotDesk) -> None:
    from meltica.hot import OrderIntent

    intent = desk.writer.limit(instrument_id=INSTRUMENT, side=Side.BUY, quantity_lots=3, price_ticks=1)
    market = OrderIntent(
        action=Action.NEW,
        side=Side.BUY,
        instrument_id=INSTRUMENT,
        account_id=ACCOUNT,
        strategy_id=STRATEGY,
        port_id=PORT,
        order_id=intent.order_id,
        quantity_lots=3,
        time_ns=1,
        order_type=OrderType.MARKET,
        tif=TimeInForce.IOC,
    )
    desk.writer.send(market)
    desk.turns()
    (order,) = desk.received()
    assert (order["Quantity"], order["Time In Force"]) == (3, "3")


def test_warming_up_touches_everything_and_changes_nothing(tmp_path: Path) -> None:
    with HotDesk(tmp_path) as desk:
        from meltica.hot.hot_parts import OuchPort

        scratch = OuchPort(max_orders=64, max_instruments=16)
        scratch.set_symbol(SYMBOL)
        before = desk.gate.state_digest()
        assert desk.loop.warm(scratch, 10) == 10
        assert desk.word(Word.WARMED) == 10
        assert desk.gate.state_digest() == before
        assert desk.port.next_user_ref_num == 1
        desk.connect()
        with pytest.raises(RuntimeError, match="too late"):
            desk.loop.warm(scratch, 1)


def test_rings_of_another_shape_are_refused(tmp_path: Path) -> None:
    with HotDesk(tmp_path) as desk:
        small = SpscRing.create(tmp_path / "small", slots=64, slot_size=64, role="consumer")
        with pytest.raises(ValueError, match="largest record takes 128"):
            OrderLoop(
                gate=desk.gate,
                port=desk.port,
                intents=desk.intents,
                control=small,
                drops=desk.drops,
                kill=desk.kill,
                status=desk.status.words,
                journal=desk.journal.entries,
            )
        desk.connect()
        with pytest.raises(RuntimeError, match="not over yet"):
            desk.loop.offer_session(0)


def test_a_reader_may_ask_for_histograms_from_now_on(desk: HotDesk) -> None:
    desk.buy()
    desk.turns()
    assert desk.reader.histogram(Stage.GATE).total == 1
    desk.status.words.add(Word.RESET_WANTED)
    desk.turns()
    desk.buy()
    desk.turns()
    assert desk.reader.histogram(Stage.GATE).total == 1
