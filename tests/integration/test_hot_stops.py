"""Every way to stop the order loop: kill words, switches, leases, closed doors; and what is cancelled then."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from meltica.hot import Check
from meltica.hot.hot_parts import Word
from meltica.hot.layout_gen import (
    DropKind,
    KillRecord,
    KillScope,
    LeaseRecord,
)
from tests.integration.hot_desk import (
    ACCOUNT,
    INSTRUMENT,
    PORT,
    REFERENCE_TICKS,
    STRATEGY,
    HotDesk,
)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[HotDesk]:
    with HotDesk(tmp_path) as desk:
        desk.connect()
        desk.copies()
        yield desk


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
    assert next(copy.kind for copy in desk.copies()) == DropKind.KILLED
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
    desk.buy()
    desk.turns()
    assert desk.reasons() == [Check.KILL_SWITCH], "the control plane's alone"
    epoch = desk.kill.engage(2, "test", "stop")
    desk.turns()
    desk.tell(KillRecord(engage=0, **kill))
    desk.buy()
    desk.turns()
    assert desk.reasons() == [Check.KILL_SWITCH]
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
        assert desk.reasons() == [Check.LEASE_EXPIRED]
        desk.tell(LeaseRecord(until_ns=desk.now_ns() + 10**10))
        desk.buy()
        desk.turns()
        assert len(desk.received()) == 1
        assert desk.word(Word.LEASE_UNTIL_NS) > desk.now_ns()
        desk.tell(LeaseRecord(until_ns=0))
        desk.buy()
        desk.turns(20)
        assert desk.received() == [], "what works stays: cancel_after_ms is 0"
        assert desk.reasons() == [Check.LEASE_EXPIRED]
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
        assert desk.reasons() == [Check.LEASE_EXPIRED]
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
        assert desk.reasons() == [Check.PORT_DOWN, Check.PORT_DOWN]
        assert desk.received() == []


def test_another_ports_order_does_not_leave_here(desk: HotDesk) -> None:
    desk.writer.port_id = PORT + 1
    desk.buy()
    desk.turns()
    (copy,) = desk.copies(DropKind.REFUSED)
    assert copy.fired_mask & 1 << Check.PORT_DOWN
    assert desk.packets() == []
