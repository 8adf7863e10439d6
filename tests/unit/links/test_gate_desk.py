"""The gate's end of the link, without sockets: who is in control, what order messages have, when it trips."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meltica.hot import Action, Check, Gate, OrderIntent, Side
from meltica.hot import layout_gen as layout
from meltica.hot.layout_gen import (
    LAYOUT_VERSION,
    REASON_PASS,
    AdjustRecord,
    HeartbeatRecord,
    KillRecord,
    QueryRecord,
    Record,
    Subject,
    VerdictRecord,
)
from meltica.links.frames import HEADER, Fault, FaultCode, GateShape, Header, Hello, Kind, ServerFlag, pack, unpack
from meltica.links.gate_desk import GateDesk

SHAPE = GateShape(max_instruments=4, max_accounts=2)
LEASE_NS = 1_000
T = 1_700_000_000_000_000_000


RATE: dict[str, int] = {"messages_per_second": 1_000_000, "message_burst": 1_000}


def record(kind: type[Record], **values: int) -> Record:
    """With 0 in every field that has no value."""
    names = {one.name for one in fields(kind)} - {"type_id"}
    made: Any = kind
    found: Record = made(**(dict.fromkeys(names, 0) | values))
    return found


def open_gate() -> Any:
    """Account 0 may trade instrument 0, for strategy 0 through port 0."""
    gate = Gate(max_instruments=4, max_accounts=2)
    most = 2**63 - 1
    for row in (
        record(layout.FirmLimitsRecord, **RATE, max_open_orders=100, max_open_value_nanos=most),
        record(layout.PortLimitsRecord, **RATE, enabled=1),
        record(layout.StrategyLimitsRecord, **RATE, enabled=1, max_open_value_nanos=most, max_executions=most),
        record(
            layout.InstrumentLimitsRecord,
            **RATE,
            enabled=1,
            short_sale=layout.ShortSale.FREE,
            collar_bps=1_000,
            value_per_tick_lot_nanos=1,
            max_price_ticks=1_000,
            max_quantity_lots=1_000,
            max_value_nanos=10**9,
            reference_max_age_ns=10**9,
            session_close_ns=2**64 - 1,
            max_day_lots=most,
        ),
        record(
            layout.AccountLimitsRecord,
            **RATE,
            enabled=1,
            market_orders_allowed=1,
            max_open_value_nanos=10**12,
            max_open_orders=100,
            max_consecutive_rejects=9,
            max_daily_loss_nanos=most,
            max_drawdown_nanos=most,
        ),
        layout.PositionLimitsRecord(0, 0, 1_000, 1_000, 0),
        layout.MarkRecord(layout.Mark.CONNECTED, 1, 0, T),
    ):
        gate.tell(row)
    gate.set_reference(0, 100, T)
    return gate


def halted(on: int = 1, instrument_id: int = 0) -> layout.MarkRecord:
    return layout.MarkRecord(layout.Mark.HALTED, on, instrument_id, T)


class Client:
    """Speaks to a desk as one client; ``now_ns`` is everybody's clock."""

    def __init__(self, desk: GateDesk, user: str = "key", instance: str = "one") -> None:
        self.desk, self.user, self.instance = desk, user, instance
        self.now_ns = 0
        self.session = self.sequence = self.orders = 0

    def say(
        self, kind: int, body: bytes = b"", *, extra: int = 0, step: int = 1, **changed: int
    ) -> tuple[Header, bytes]:
        self.sequence += step
        fields = {"session": self.session, "epoch": self.desk.epoch, "sequence": self.sequence} | changed
        message = pack(kind, body, extra=extra, **fields)  # type: ignore[arg-type]
        answer, body = unpack(self.desk.receive(self.user, message, self.now_ns))
        assert answer.sequence == fields["sequence"]
        return answer, body

    def hello(self, shape: GateShape = SHAPE, layout: int = LAYOUT_VERSION) -> tuple[Header, bytes]:
        hello = Hello(instance=self.instance, layout_version=layout, shape=shape)
        answer, body = self.say(Kind.HELLO, msgspec.json.encode(hello), step=0)
        if answer.kind == Kind.WELCOME:
            self.session, self.sequence = answer.session, 0
        return answer, body

    def arm(self) -> None:
        state = open_gate().export_state()
        assert self.say(Kind.IMPORT, msgspec.json.encode(state))[0].kind == Kind.DONE
        assert self.say(Kind.ARM)[0].kind == Kind.DONE

    def beat(self) -> int:
        """The lease that is left."""
        header, body = self.say(Kind.HEARTBEAT, HeartbeatRecord(0, 7, 0).to_bytes(), step=0)
        assert header.kind == Kind.HEARTBEAT
        assert HeartbeatRecord.from_bytes(body).sequence_number == 7
        return HeartbeatRecord.from_bytes(body).lease_ms

    def order(self, **fields: int) -> bytes:
        self.orders += 1
        usual = {"action": 1, "side": 1, "instrument_id": 0, "account_id": 0, "quantity_lots": 1, "price_ticks": 100}
        return OrderIntent(**(usual | {"order_id": self.orders, "time_ns": T} | fields)).to_bytes()

    def check(self, **fields: int) -> int:
        _, body = self.say(Kind.CHECK, self.order(**fields))
        return VerdictRecord.from_bytes(body).reason


def fault(answer: tuple[Header, bytes]) -> FaultCode:
    assert answer[0].kind == Kind.FAULT
    return FaultCode(msgspec.json.decode(answer[1], type=Fault).code)


@pytest.fixture
def desk() -> GateDesk:
    gate = Gate(max_instruments=4, max_accounts=2)
    return GateDesk(gate, SHAPE, lease_ns=LEASE_NS * 1_000_000, pid=1)


@pytest.fixture
def client(desk: GateDesk) -> Client:
    client = Client(desk)
    assert client.hello()[0].kind == Kind.WELCOME
    client.arm()
    return client


LEASE = LEASE_NS * 1_000_000


def test_an_armed_gate_lets_orders_pass(client: Client) -> None:
    assert client.check() == REASON_PASS
    assert client.beat() == LEASE_NS


# The lease


def test_a_gate_that_nobody_armed_refuses_all_but_cancels(desk: GateDesk) -> None:
    client = Client(desk)
    client.hello()
    assert client.say(Kind.IMPORT, msgspec.json.encode(open_gate().export_state()))[0].kind == Kind.DONE
    header, body = client.say(Kind.CHECK, client.order() + client.order(action=Action.CANCEL))
    assert header.extra & ServerFlag.TRIPPED
    assert [VerdictRecord.from_bytes(body[at : at + 32]).reason for at in (0, 32)] == [Check.KILL_SWITCH, REASON_PASS]
    assert client.beat() == 0


def test_silence_of_exactly_the_lease_is_allowed_and_one_more_trips(client: Client) -> None:
    client.now_ns += LEASE
    assert not client.desk.expire(client.now_ns)
    assert client.check() == REASON_PASS
    client.now_ns += LEASE + 1
    assert client.desk.next_expiry_ns() == client.now_ns
    assert client.desk.expire(client.now_ns)
    assert client.desk.counts["trips"] == 1


def test_a_late_order_is_refused_even_when_nobody_looked_at_the_clock(client: Client) -> None:
    """The process itself was stopped: its queue is full of orders that were fresh long ago."""
    client.now_ns += LEASE + 1
    assert client.check() == Check.KILL_SWITCH
    assert client.check() == Check.KILL_SWITCH, "it released itself"
    assert client.check(action=Action.REPLACE, working_lots=1, working_price_ticks=100) == Check.KILL_SWITCH
    assert client.check(action=Action.CANCEL) == REASON_PASS
    assert client.check(action=9) == Check.MALFORMED
    assert not client.desk.gate.killed, "the lease is not the kill switch and must not be released with it"


def test_heartbeats_alone_do_not_arm_again_but_arm_does(client: Client) -> None:
    client.now_ns += LEASE + 1
    assert client.beat() == 0
    client.now_ns += 1
    assert client.beat() == 0
    assert client.say(Kind.ARM)[0].kind == Kind.DONE
    assert client.beat() == LEASE_NS
    assert client.check() == REASON_PASS


def test_heartbeats_keep_the_lease(client: Client) -> None:
    for _ in range(20):
        client.now_ns += LEASE // 2
        assert client.beat() == LEASE_NS
    assert client.check() == REASON_PASS


def test_the_kill_switch_stays_engaged_through_a_trip(client: Client) -> None:
    kill = KillRecord(scope=1, engage=1, id=0, time_ns=0).to_bytes()
    assert client.say(Kind.TELL, kill, extra=len(kill))[0].kind == Kind.DONE
    client.now_ns += LEASE + 1
    assert client.check() == Check.KILL_SWITCH
    client.say(Kind.ARM)
    assert client.check() == Check.KILL_SWITCH
    assert client.desk.gate.killed


def test_arming_comes_after_the_state(desk: GateDesk) -> None:
    client = Client(desk)
    client.hello()
    assert fault(client.say(Kind.ARM)) == FaultCode.REFUSED
    assert not desk.armed


# Control


def test_a_second_client_is_refused_until_the_first_was_silent_for_its_lease(client: Client) -> None:
    other = Client(client.desk, user="other", instance="two")
    other.now_ns = LEASE
    answer = other.hello()
    assert fault(answer) == FaultCode.BUSY
    assert b"another client is in control (key key" in answer[1]
    assert client.check() == REASON_PASS
    other.now_ns = LEASE + 1
    assert other.hello()[0].kind == Kind.WELCOME
    client.now_ns = other.now_ns
    assert fault(client.say(Kind.CHECK, client.order())) == FaultCode.NO_SESSION
    assert other.check() == Check.KILL_SWITCH, "a new client has to bring its state first"


def test_a_client_replaces_itself_at_once_and_its_old_messages_are_not_taken(client: Client) -> None:
    old = client.session
    again = Client(client.desk)
    assert again.hello()[0].kind == Kind.WELCOME
    again.arm()
    assert fault(client.say(Kind.CHECK, client.order(), session=old)) == FaultCode.NO_SESSION
    assert again.check() == REASON_PASS


def test_a_client_that_says_goodbye_makes_room(client: Client) -> None:
    assert client.say(Kind.BYE)[0].kind == Kind.DONE
    assert not client.desk.armed
    assert Client(client.desk, user="other").hello()[0].kind == Kind.WELCOME


def test_another_key_cannot_use_the_session(client: Client) -> None:
    thief = Client(client.desk, user="thief")
    thief.session, thief.sequence = client.session, client.sequence
    for kind in (Kind.CHECK, Kind.ARM, Kind.HEARTBEAT, Kind.BYE):
        assert fault(thief.say(kind, thief.order())) == FaultCode.NO_SESSION
    assert client.check() == REASON_PASS


def test_a_message_for_an_earlier_start_of_the_gate_is_refused(client: Client) -> None:
    assert fault(client.say(Kind.CHECK, client.order(), epoch=client.desk.epoch ^ 1)) == FaultCode.NO_SESSION


@pytest.mark.parametrize("hello", [{"shape": GateShape()}, {"layout": LAYOUT_VERSION + 1}], ids=str)
def test_other_tables_do_not_fit(desk: GateDesk, hello: dict[str, Any]) -> None:
    answer = Client(desk).hello(**hello)
    assert fault(answer) == FaultCode.MISFIT
    assert b"start both with the same sizes" in answer[1]


# Order


@pytest.mark.parametrize("step", [0, 2, -1])
def test_a_gap_breaks_the_session_for_good(client: Client, step: int) -> None:
    assert client.check() == REASON_PASS
    assert fault(client.say(Kind.CHECK, client.order(), step=step)) == FaultCode.GAP
    client.sequence = 4  # Where it should have gone on
    assert fault(client.say(Kind.CHECK, client.order(), step=0)) == FaultCode.GAP
    assert fault(client.say(Kind.ARM)) == FaultCode.GAP
    assert client.beat() == 0
    assert client.desk.counts["gaps"] == 1
    assert client.hello()[0].kind == Kind.WELCOME
    client.arm()
    assert client.check() == REASON_PASS


def test_notices_are_applied_before_the_order_that_follows_them(client: Client) -> None:
    halt = halted().to_bytes()
    _, body = client.say(Kind.CHECK, halt + client.order(), extra=len(halt))
    assert VerdictRecord.from_bytes(body).reason == Check.HALTED


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        (AdjustRecord(account_id=9, instrument_id=0, delta_lots=1), b"account_id"),
        (KillRecord(scope=9, engage=1, id=0, time_ns=0), b"scope"),
        (halted(instrument_id=4), b"MarkRecord"),
        (layout.StrategyLimitsRecord(999, 1, 1, 1, 1, 1), b"strategy"),
        (layout.CreditRecord(9, 0, 1), b"scope"),
        (layout.RearmRecord(9, 0, T), b"breaker"),
    ],
    ids=lambda it: type(it).__name__,
)
def test_a_notice_that_the_gate_refuses_breaks_the_session(client: Client, wrong: Record, word: bytes) -> None:
    bad = wrong.to_bytes()
    answer = client.say(Kind.CHECK, bad + client.order(), extra=len(bad))
    assert fault(answer) == FaultCode.REFUSED
    assert word in answer[1]
    assert client.desk.gate.counters()["passed"][Action.NEW] == 0
    assert not client.desk.armed


# Bad input

UNREADABLE = [
    (Kind.TELL, b"\0" * 8, 8),
    (Kind.TELL, b"x", 0),
    (Kind.TELL, halted().to_bytes()[:7], 7),
    (Kind.TELL, halted().to_bytes(), 17),
    (Kind.TELL, layout.TopOfBookRecord(*[0] * 11).to_bytes(), 64),
    (Kind.CHECK, b"", 0),
    (Kind.CHECK, b"x" * 63, 0),
    (Kind.CHECK, b"x" * 64, 64),
    (Kind.ASK, b"", 0),
    (Kind.ASK, QueryRecord(Subject.KILLED, 2, 9).to_bytes(), 0),
    (Kind.ASK, QueryRecord(77, 1, 0).to_bytes(), 0),
    (Kind.ARM, b"x", 0),
    (Kind.WELCOME, b"", 0),
    (200, b"", 0),
]


@pytest.mark.parametrize(("kind", "body", "extra"), UNREADABLE)
def test_unreadable_requests_are_counted_and_change_nothing(client: Client, kind: int, body: bytes, extra: int) -> None:
    digest = client.desk.gate.state_digest()
    assert fault(client.say(kind, body, extra=extra)) == FaultCode.MALFORMED
    assert client.desk.counts["malformed"] == 1
    assert client.desk.gate.state_digest() == digest


@pytest.mark.parametrize("state", [b"", b"[]", b"{}", b'{"version":9}', b"[" * 100_000, b'{"version":1,"killed":0}'])
def test_a_state_that_is_none_is_refused(client: Client, state: bytes) -> None:
    digest = client.desk.gate.state_digest()
    assert fault(client.say(Kind.IMPORT, state)) == FaultCode.REFUSED
    assert client.desk.gate.state_digest() == digest
    assert not client.desk.armed


@settings(max_examples=300, deadline=None, print_blob=True)
@given(
    kind=st.integers(0, 255),
    extra=st.integers(0, 200),
    body=st.binary(max_size=200),
    header=st.one_of(st.none(), st.binary(max_size=40)),
    own=st.booleans(),
)
def test_garbage_is_answered_and_never_arms(
    kind: int, extra: int, body: bytes, header: bytes | None, own: bool
) -> None:
    """Whatever comes: one readable answer, no exception, no change in who is in control, nothing passes."""
    desk = GateDesk(Gate(max_instruments=4, max_accounts=2), SHAPE, lease_ns=LEASE, pid=1)
    client = Client(desk)
    client.hello()
    if header is not None:
        answer = desk.receive("key", header + body, 0)
    else:
        fields = {"session": client.session, "epoch": desk.epoch, "sequence": 1} if own else {}
        answer = desk.receive("key", HEADER.pack(0x4C4D, 1, kind, extra, *(fields.values() or (0, 0, 0))) + body, 0)
    assert unpack(answer)[0].epoch == desk.epoch
    assert not desk.armed
    assert desk.gate.counters()["passed"][Action.NEW] == 0


@settings(max_examples=100, deadline=None, print_blob=True)
@given(side=st.integers(0, 255), lots=st.integers(-(2**63), 2**63 - 1), account=st.integers(0, 65_535))
def test_any_intent_gets_a_verdict(side: int, lots: int, account: int) -> None:
    desk = GateDesk(Gate(max_instruments=4, max_accounts=2), SHAPE, lease_ns=LEASE, pid=1)
    client = Client(desk)
    client.hello()
    client.arm()
    passed = client.check(side=side, quantity_lots=lots, account_id=account) == REASON_PASS
    assert passed == (side in (Side.BUY, Side.SELL) and 1 <= lots <= 1_000 and account == 0)
