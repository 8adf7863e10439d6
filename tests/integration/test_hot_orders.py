"""The order loop, turn by turn: what reaches the venue, what the drop copies say, and what never leaves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random, SystemRandom
from typing import Any

import pytest

from meltica.hot import Check
from meltica.hot.hot_parts import EntryKind, LoopState, OrderLoop, SpscRing, Stage, Word
from meltica.hot.layout_gen import (
    Action,
    DropKind,
    KillRecord,
    KillScope,
    LeaseRecord,
    Mark,
    MarkRecord,
    OrderType,
    PortLimitsRecord,
    SelfMatch,
    Side,
    TimeInForce,
    TopOfBookRecord,
)
from tests.integration.hot_desk import (
    ACCOUNT,
    INSTRUMENT,
    LOCATE,
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


def reasons(desk: HotDesk) -> list[int]:
    return [copy.reason for copy in desk.copies(DropKind.REFUSED)]


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
    assert all(copy.port_id == PORT and copy.time_ns > 0 for copy in copies)
    assert (copies[2].last_lots, copies[2].leaves_lots, copies[3].leaves_lots) == (4, 6, 0)
    state = desk.gate.export_state()
    assert desk.word(Word.LIVE_ORDERS) == 0
    assert desk.word(Word.SENT_NEW) == desk.word(Word.ACCEPTED) == desk.word(Word.EXECUTIONS) == 1
    assert desk.word(Word.GATE_FAULTS) == 0
    assert state["firm"]["open_value_nanos"] == 0 if isinstance(state["firm"], dict) else True
    for stage in (Stage.RING_WAIT, Stage.VIEW, Stage.GATE, Stage.ENCODE, Stage.RECORD, Stage.TO_OUT):
        assert desk.reader.histogram(stage).total == 1, stage


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
    """A strategy that stamps its orders with tomorrow gains nothing."""
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
    assert reasons(desk) == [Check.MALFORMED, Check.MALFORMED]
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
    assert reasons(desk) == [128 + 7]
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
    assert reasons(desk)[0] == Check.ACCOUNT_DISABLED


# --- the ways to stop ---


def test_the_kill_word_stops_the_next_order_and_cancels_what_works(desk: HotDesk) -> None:
    first, second = desk.buy(), desk.buy(price_ticks=REFERENCE_TICKS - 1)
    desk.turns()
    for order in desk.received():
        desk.accept(order)
    desk.copies()
    desk.buy()
    epoch = desk.kill.engage(2, "test", "stop")
    desk.loop.turns(1)  # One turn
    desk.turns()
    assert {message.type for message in desk.received()} == {"X"}
    copies = desk.copies()
    assert [copy.kind for copy in copies][:2] == [DropKind.KILLED, DropKind.REFUSED]
    assert copies[1].fired_mask & 1 << Check.KILL_SWITCH
    assert {copy.order_id for copy in copies if copy.kind == DropKind.SENT} == {first.order_id, second.order_id}
    assert desk.word(Word.TRIP_CANCELS) == 2
    assert (desk.word(Word.KILL_ENGAGED), desk.word(Word.KILL_EPOCH)) == (1, epoch)
    assert desk.kill.status()["gates"][0]["epoch"] == epoch, "it says that it has seen it"


def test_a_release_lets_orders_pass_and_engaging_again_stops_them(desk: HotDesk) -> None:
    for _ in range(2):
        epoch = desk.kill.engage(2, "test", "stop")
        desk.buy()
        desk.turns()
        assert "O" not in [message.type for message in desk.received()]
        assert desk.kill.release(epoch, "test")
        desk.buy()
        desk.turns()
        assert [message.type for message in desk.received()] == ["O"]


def test_a_kill_that_was_released_before_the_loop_looked_cancels_all_the_same(desk: HotDesk) -> None:
    desk.buy()
    desk.turns()
    desk.accept(desk.received()[0])
    desk.copies()
    epoch = desk.kill.engage(2, "test", "stop")
    desk.kill.release(epoch, "test")
    desk.turns(20)
    assert [message.type for message in desk.received()] == ["X"]
    assert [copy.kind for copy in desk.copies()][0] == DropKind.KILLED
    desk.buy()
    desk.turns()
    assert [message.type for message in desk.received()] == ["O"]


def test_engaged_once_more_while_engaged_is_said_once_more(desk: HotDesk) -> None:
    for _ in range(2):
        epoch = desk.kill.engage(2, "test", "stop")
        desk.turns()
        assert [copy.execution_id for copy in desk.copies(DropKind.KILLED)] == [epoch]


def test_either_kill_switch_stops_and_both_must_let_go(desk: HotDesk) -> None:
    kill = {"scope": KillScope.GLOBAL, "id": 0, "time_ns": 1}
    desk.tell(KillRecord(engage=1, **kill))
    epoch = desk.kill.engage(2, "test", "stop")
    desk.turns()
    desk.tell(KillRecord(engage=0, **kill))
    desk.buy()
    desk.turns()
    assert reasons(desk) == [Check.KILL_SWITCH]
    desk.kill.release(epoch, "test")
    desk.buy()
    desk.turns()
    assert len(desk.received()) == 1


@pytest.mark.parametrize(
    ("scope", "id_"),
    [
        (KillScope.ACCOUNT, ACCOUNT),
        (KillScope.STRATEGY, STRATEGY),
        (KillScope.PORT, PORT),
        (KillScope.INSTRUMENT, INSTRUMENT),
    ],
)
def test_a_narrower_switch_cancels_what_it_stands_over(desk: HotDesk, scope: KillScope, id_: int) -> None:
    desk.buy()
    desk.turns()
    desk.accept(desk.received()[0])
    desk.tell(KillRecord(scope=scope, engage=1, id=id_ + 1, time_ns=1))
    desk.turns(20)
    assert desk.received() == [], "another's switch"
    desk.tell(KillRecord(scope=scope, engage=1, id=id_, time_ns=1))
    desk.turns(20)
    assert [message.type for message in desk.received()] == ["X"]


def test_many_orders_are_all_cancelled_though_one_turn_takes_few(desk: HotDesk) -> None:
    for at in range(100):
        desk.buy(price_ticks=REFERENCE_TICKS - at)
        desk.turns(2)
    for order in desk.received():
        desk.accept(order)
    assert desk.word(Word.LIVE_ORDERS) == 100
    desk.kill.engage(2, "test", "stop")
    desk.turns(30)
    cancels = [message["UserRefNum"] for message in desk.received()]
    assert sorted(cancels) == list(range(1, 101))


def test_without_a_lease_nothing_leaves_and_with_one_it_does(tmp_path: Path) -> None:
    with HotDesk(tmp_path, leased=True, cancel_after_ms=0) as desk:
        desk.connect()
        desk.buy()
        desk.turns()
        assert reasons(desk) == [Check.LEASE_EXPIRED]
        desk.tell(LeaseRecord(until_ns=desk.now_ns() + 10**10))
        desk.buy()
        desk.turns()
        assert len(desk.received()) == 1
        assert desk.word(Word.LEASE_UNTIL_NS) > desk.now_ns()
        desk.tell(LeaseRecord(until_ns=0))
        desk.buy()
        desk.turns(20)
        assert desk.received() == [], "what works stays: cancel_after_ms is 0"
        assert reasons(desk) == [Check.LEASE_EXPIRED]
        assert desk.word(Word.LEASE_LAPSES) == 1


def test_a_lease_that_is_not_renewed_is_over_and_takes_the_orders_with_it(tmp_path: Path) -> None:
    with HotDesk(tmp_path, leased=True, cancel_after_ms=20) as desk:
        desk.connect()
        desk.tell(LeaseRecord(until_ns=desk.now_ns() + 10**10))
        desk.buy()
        desk.turns()
        desk.accept(desk.received()[0])
        until_ns = desk.now_ns() + 5_000_000
        desk.tell(LeaseRecord(until_ns=until_ns))
        while desk.now_ns() <= until_ns:
            desk.turns(1)
        desk.buy()
        desk.turns(2)
        assert reasons(desk) == [Check.LEASE_EXPIRED]
        assert desk.received() == [], "not yet: the second timer"
        while desk.now_ns() <= until_ns + 20_000_000:
            desk.turns(1)
        desk.turns(20)
        assert [message.type for message in desk.received()] == ["X"]


def test_a_lease_in_time_saves_the_orders(tmp_path: Path) -> None:
    with HotDesk(tmp_path, leased=True, cancel_after_ms=50) as desk:
        desk.connect()
        desk.tell(LeaseRecord(until_ns=desk.now_ns() + 10**10))
        desk.buy()
        desk.turns()
        desk.accept(desk.received()[0])
        desk.tell(LeaseRecord(until_ns=0))
        desk.tell(LeaseRecord(until_ns=desk.now_ns() + 10**10))
        begin_ns = desk.now_ns()
        while desk.now_ns() <= begin_ns + 60_000_000:
            desk.turns(1)
        assert desk.received() == []


def test_closed_it_refuses_everything(tmp_path: Path) -> None:
    with HotDesk(tmp_path) as desk:
        desk.buy()
        desk.turns()
        desk.connect()
        desk.loop.open(False)
        desk.buy()
        desk.turns()
        assert reasons(desk) == [Check.PORT_DOWN, Check.PORT_DOWN]
        assert desk.received() == []


def test_another_ports_order_does_not_leave_here(desk: HotDesk) -> None:
    desk.writer.port_id = PORT + 1
    desk.buy()
    desk.turns()
    (copy,) = desk.copies(DropKind.REFUSED)
    assert copy.fired_mask & 1 << Check.PORT_DOWN
    assert desk.packets() == []


# --- the gate's other sides ---


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
        assert reasons(desk) == [check]
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


# --- market data ---


def top(status: str = "T", condition: int = 0, bid: int = 9_990, ask: int = 10_010) -> TopOfBookRecord:
    """Prices in ticks; the record has them in wire units."""
    return TopOfBookRecord(
        locate=LOCATE,
        trading_status=ord(status),
        condition=condition,
        bid_price=bid * 100,
        bid_shares=500,
        ask_price=ask * 100,
        ask_shares=400,
        exchange_time_ns=1,
        receive_time_ns=0,
        update_count=0,
    )


@pytest.fixture
def fed(tmp_path: Path) -> Iterator[HotDesk]:
    """A desk with tops of book; its instrument has no reference but theirs."""
    with HotDesk(tmp_path, tops=True) as desk:
        for record in limits():
            if getattr(record, "reference_max_age_ns", 0):
                data = bytearray(record.to_bytes())
                desk.gate.tell(type(record).from_bytes(bytes(data)))
        desk.connect()
        desk.copies()
        yield desk


def store(desk: HotDesk, row: TopOfBookRecord) -> None:
    assert desk.tops is not None
    desk.tops.put(LOCATE, row.to_bytes())
    desk.status.words.put(Word.FEED_TIME_NS, desk.now_ns())


def test_the_collar_stands_around_the_middle_of_the_book(fed: HotDesk) -> None:
    store(fed, top(bid=20_000, ask=20_020))
    fed.buy(price_ticks=20_000)
    fed.turns()
    assert len(fed.received()) == 1
    fed.buy(price_ticks=REFERENCE_TICKS)
    fed.turns()
    assert reasons(fed) == [Check.PRICE_COLLAR]


@pytest.mark.parametrize("status", ["H", "P", "Q", "\0"])
def test_a_status_that_is_not_trading_is_a_halt(fed: HotDesk, status: str) -> None:
    store(fed, top(status=status))
    fed.buy()
    fed.turns()
    assert reasons(fed) == [Check.HALTED]
    store(fed, top())
    fed.buy()
    fed.turns()
    assert len(fed.received()) == 1


@pytest.mark.parametrize("condition", [2, 4])
def test_a_stale_or_gapped_row_stops(fed: HotDesk, condition: int) -> None:
    store(fed, top(condition=condition))
    fed.buy()
    fed.turns()
    assert reasons(fed) == [Check.STALE_REFERENCE]
    store(fed, top())
    fed.buy()
    fed.turns()
    assert len(fed.received()) == 1


def test_a_gap_of_the_feed_stops_every_instrument_at_once(fed: HotDesk) -> None:
    store(fed, top())
    fed.status.words.put(Word.FEED_GAPPED, 1)
    fed.buy()
    fed.turns()
    assert reasons(fed) == [Check.STALE_REFERENCE]
    fed.status.words.put(Word.FEED_GAPPED, 0)
    fed.buy()
    fed.turns()
    assert len(fed.received()) == 1


def test_a_halt_of_either_side_stays_until_both_have_gone(fed: HotDesk) -> None:
    store(fed, top(status="H"))
    fed.buy()
    fed.turns()
    fed.tell(MarkRecord(mark=Mark.HALTED, on=1, id=INSTRUMENT, time_ns=1))
    store(fed, top())
    fed.buy()
    fed.turns()
    assert reasons(fed) == [Check.HALTED, Check.HALTED]
    fed.tell(MarkRecord(mark=Mark.HALTED, on=0, id=INSTRUMENT, time_ns=1))
    fed.buy()
    fed.turns()
    assert len(fed.received()) == 1


# --- the session ---


def test_a_lost_session_refuses_and_a_new_one_settles_what_never_arrived(tmp_path: Path) -> None:
    with HotDesk(tmp_path, asks=True) as desk:
        desk.connect()
        desk.answer_query(1)
        arrived, lost = desk.buy(), desk.buy(price_ticks=REFERENCE_TICKS - 1)
        desk.turns()
        first, _ = desk.received()
        assert desk.venue is not None
        desk.venue.close()
        desk.turns()
        assert desk.word(Word.SESSION_UP) == 0
        desk.buy()
        desk.turns()
        assert reasons(desk) == [Check.PORT_DOWN]
        desk.copies()
        desk.connect()
        desk.buy()
        desk.turns()
        assert reasons(desk) == [Check.PORT_DOWN], "the venue is still telling"
        desk.accept(first)
        desk.answer_query(2)  # Number 2 never arrived
        copies = desk.copies()
        assert [(copy.kind, copy.order_id) for copy in copies if copy.order_id] == [
            (DropKind.ACCEPTED, arrived.order_id),
            (DropKind.REJECTED, lost.order_id),
        ]
        assert (desk.word(Word.CAUGHT_UP), desk.word(Word.SETTLED_ORDERS), desk.word(Word.LIVE_ORDERS)) == (1, 1, 1)
        desk.buy()
        desk.turns()
        assert [message["UserRefNum"] for message in desk.received()] == [3], "no number is used twice"


def test_a_cancel_that_was_lost_is_sent_again(tmp_path: Path) -> None:
    with HotDesk(tmp_path, asks=True) as desk:
        desk.connect()
        desk.answer_query(1)
        intent = desk.buy()
        desk.turns()
        (order,) = desk.received()
        desk.accept(order)
        desk.writer.send(desk.writer.cancel(intent))
        desk.turns()
        assert desk.venue is not None
        desk.venue.close()
        desk.turns()
        desk.connect()
        desk.answer_query(2)
        desk.turns(20)
        assert [message.type for message in desk.received()] == ["X"]


def test_a_kill_while_the_session_is_away_is_made_good_when_it_is_back(desk: HotDesk) -> None:
    desk.buy()
    desk.turns()
    desk.accept(desk.received()[0])
    assert desk.venue is not None
    desk.venue.close()
    desk.turns()
    desk.kill.engage(2, "test", "stop")
    desk.turns()
    desk.connect()
    desk.turns(20)
    assert [message.type for message in desk.received()] == ["X"]


def test_a_packet_of_no_length_ends_the_session(desk: HotDesk) -> None:
    assert desk.venue is not None
    desk.venue.sendall(b"\0\0")
    desk.turns()
    (copy,) = desk.copies(DropKind.SESSION_DOWN)
    assert (copy.reason, desk.loop.session_lost) == (ord("B"), 1)


def test_packets_in_pieces_and_unknown_ones_do_no_harm(desk: HotDesk) -> None:
    desk.buy()
    desk.turns()
    (order,) = desk.received()
    assert desk.venue is not None
    desk.venue.sendall(b"\0\x02S!")  # No OUCH message begins so
    desk.turns()
    assert desk.word(Word.BAD_PACKETS) == 1
    packet = b"\0\x01H" * 3
    for byte in packet:
        desk.venue.sendall(bytes([byte]))
        desk.turns(2)
    desk.accept(order)
    assert [copy.kind for copy in desk.copies()] == [DropKind.SENT, DropKind.ACCEPTED]


def test_a_reject_of_the_venue_frees_what_was_reserved(desk: HotDesk) -> None:
    desk.buy()
    desk.turns()
    (order,) = desk.received()
    desk.say("J", {"Timestamp": 1, "UserRefNum": order["UserRefNum"], "Reason": 1, "ClOrdID": order["ClOrdID"]})
    assert [copy.kind for copy in desk.copies()] == [DropKind.SENT, DropKind.REJECTED]
    assert [row for row in desk.gate.export_state()["positions"] if any(row[5:])] == []


def test_a_venue_that_does_not_read_holds_intents_back_and_loses_none(desk: HotDesk) -> None:
    import socket

    assert desk._ours is not None
    desk._ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_608)
    sent = 0
    for _ in range(12):
        for _ in range(200):
            desk.buy(price_ticks=REFERENCE_TICKS - sent % 900)
            sent += 1
        desk.turns(220)
        if desk.word(Word.HELD_BACK):
            break
    assert desk.word(Word.HELD_BACK) > 0
    assert desk.word(Word.SEND_BLOCKED) > 0
    got: list[Any] = []
    for _ in range(400):
        desk.turns(40)
        got += _whole(desk)
        if len(got) == sent:
            break
    assert [message["UserRefNum"] for message in got] == list(range(1, sent + 1))


_REST: dict[int, bytes] = {}


def _whole(desk: HotDesk) -> list[Any]:
    """As ``received``, for a stream that stops within a packet."""
    from meltica.venues.nasdaq.ouch50 import CODEC

    assert desk.venue is not None
    data = _REST.pop(id(desk), b"")
    try:
        while part := desk.venue.recv(1 << 20):
            data += part
    except BlockingIOError:
        pass
    found = []
    while len(data) >= 2 and len(data) >= (end := 2 + int.from_bytes(data[:2], "big")):
        found.append(CODEC.decode("inbound", data[3:end]))
        data = data[end:]
    _REST[id(desk)] = data
    return found


def test_a_full_journal_lets_nothing_new_out_and_cancels_still(tmp_path: Path) -> None:
    with HotDesk(tmp_path) as desk:
        desk.connect()
        intent = desk.buy()
        desk.turns()
        while desk.journal.entries.bytes_left > 1 << 20:
            desk.journal.entries.write(EntryKind.SESSION, bytes(60_000))
        desk.copies()
        desk.buy()
        desk.writer.send(desk.writer.cancel(intent))
        desk.turns()
        assert [message.type for message in desk.received()] == ["O", "X"]
        assert reasons(desk) == [Check.PORT_DOWN]
        assert desk.word(Word.JOURNAL_FULL) == 1


def test_a_journal_that_is_full_to_the_last_line_ends_the_session(tmp_path: Path) -> None:
    with HotDesk(tmp_path) as desk:
        desk.connect()
        desk.buy()
        desk.turns()
        (order,) = desk.received()
        while (left := desk.journal.entries.bytes_left) > 64:
            desk.journal.entries.write(EntryKind.SESSION, bytes(min(60_000, max(0, left - 128))))
        desk.accept(order)
        (copy,) = desk.copies(DropKind.SESSION_DOWN)
        assert copy.reason == ord("F")
        assert desk.word(Word.ORDER_STATE) == LoopState.FAULTED


# --- the whole of it ---


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
