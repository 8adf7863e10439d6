"""The order loop and its venue: lost lines, what never arrived, garbage, back pressure, a full journal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from meltica.hot import Check
from meltica.hot.hot_parts import EntryKind, LoopState, Word
from meltica.hot.layout_gen import (
    AccountLimitsRecord,
    DropKind,
)
from tests.integration.hot_desk import (
    REFERENCE_TICKS,
    HotDesk,
    limits,
)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[HotDesk]:
    with HotDesk(tmp_path) as desk:
        desk.connect()
        desk.copies()
        yield desk


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
        assert desk.reasons() == [Check.PORT_DOWN]
        desk.copies()
        desk.connect()
        desk.buy()
        desk.turns()
        assert desk.reasons() == [Check.PORT_DOWN], "the venue is still telling"
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


def test_rejects_in_a_row_trip_the_accounts_breaker(desk: HotDesk) -> None:
    for record in limits():
        if isinstance(record, AccountLimitsRecord):
            desk.gate.tell(replace(record, max_consecutive_rejects=2))
    for number in (1, 2):
        desk.buy()
        desk.turns()
        (order,) = desk.received()
        assert order["UserRefNum"] == number
        desk.say("J", {"Timestamp": 1, "UserRefNum": number, "Reason": 1, "ClOrdID": order["ClOrdID"]})
    desk.buy()
    desk.turns()
    assert desk.reasons() == [Check.CONSECUTIVE_REJECTS]


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
        assert desk.reasons() == [Check.PORT_DOWN]
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
