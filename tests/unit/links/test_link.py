"""The client's end against a gate that answers wrongly: whatever comes, nothing passes by mistake."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
import zmq

from meltica.domain.errors import GateUnreachableError, InvariantError
from meltica.hot import PASS, Gate, OrderIntent
from meltica.links.frames import Header, Kind, fault_text, pack, unpack
from meltica.links.gate_desk import GateDesk
from meltica.links.keys import KeyRing
from meltica.links.remote_gate import INTENTS_PER_MESSAGE, RemoteGate
from meltica.links.zap import Doorkeeper
from tests.unit.links.test_gate_desk import SHAPE, T, open_gate

Spoil = Callable[[Header, bytes], bytes | None]


def honest(header: Header, body: bytes) -> bytes:
    return pack(
        Kind(header.kind),
        body,
        extra=header.extra,
        session=header.session,
        epoch=header.epoch,
        sequence=header.sequence,
    )


class SpoilingServer:
    """A real desk behind real sockets, whose answers go through ``spoil``; None: no answer."""

    def __init__(self, folder: Path, spoil: Spoil) -> None:
        self.spoil = spoil
        self.endpoint = f"ipc://{folder}/spoiling.sock"
        self._desk = GateDesk(Gate(max_instruments=4, max_accounts=2), SHAPE, lease_ns=10**10, pid=1)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._router = self._context.socket(zmq.ROUTER)
        self._router.linger = 0
        self._router.curve_server = True
        self._router.curve_secretkey = KeyRing(folder / "keys").gate().secret
        self._router.bind(self.endpoint)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        self._context.term()  # Ends the thread
        self._thread.join()

    def _run(self) -> None:
        try:
            while True:
                peer, message = self._router.recv_multipart()
                answer = self.spoil(*unpack(self._desk.receive("key", message, 0)))
                if answer is not None:
                    self._router.send_multipart([peer, answer])
        except zmq.ContextTerminated:
            self._router.close()


@contextmanager
def spoiled(spoil: Spoil, *, deadline_ms: int = 20_000) -> Iterator[RemoteGate]:
    """Connected to an honest server that spoils its answers from now on."""
    with tempfile.TemporaryDirectory() as name:
        server = SpoilingServer(Path(name), honest)
        gate = RemoteGate(server.endpoint, KeyRing(Path(name) / "keys"), SHAPE, deadline_ms=deadline_ms)
        try:
            gate.reconnect(open_gate().export_state())
            assert gate.check(order(1)) == PASS
            server.spoil = spoil
            yield gate
        finally:
            gate.close()
            server.close()


def order(order_id: int) -> OrderIntent:
    return OrderIntent(
        action=1, side=1, instrument_id=0, account_id=0, order_id=order_id, quantity_lots=1, price_ticks=100, time_ns=T
    )


def of_verdicts(change: Spoil) -> Spoil:
    return lambda header, body: (change if header.kind == Kind.VERDICTS else honest)(header, body)


WRONG: dict[str, tuple[Spoil, str]] = {
    "an answer to a later question": (
        lambda header, body: honest(header._replace(sequence=header.sequence + 1), body),
        "came after",
    ),
    "an answer to an earlier question": (
        lambda header, body: honest(header._replace(sequence=header.sequence - 1), body),
        "came after",
    ),
    "another epoch": (lambda header, body: honest(header._replace(epoch=header.epoch + 1), body), "started anew"),
    "another session": (lambda header, body: honest(header._replace(session=1), body), "started anew"),
    "garbage": (lambda header, body: b"garbage", "unreadable answer"),
    "another version": (lambda header, body: b"ML\x02" + honest(header, body)[3:], "link version 2"),
    "no verdict": (lambda header, body: honest(header, b""), "0 bytes of verdicts"),
    "two verdicts": (lambda header, body: honest(header, body + body), "64 bytes of verdicts"),
    "an unreadable fault": (lambda header, body: honest(header._replace(kind=Kind.FAULT), b"\xff"), "unreadable fault"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_answer_lets_nothing_pass(wrong: str) -> None:
    change, words = WRONG[wrong]
    with spoiled(of_verdicts(change)) as gate:
        state = gate.export_state()
        with pytest.raises(GateUnreachableError, match=words):
            gate.check(order(2))
        assert gate.export_state() == state
        with pytest.raises(GateUnreachableError, match=words):
            gate.check(order(3))


def test_a_verdict_that_the_books_do_not_share_stops_everything() -> None:
    refusal = b"\x02\0\x01\x01" + bytes(28)  # Verdict: KILL_SWITCH, and the gate does not say that it is tripped
    spoil = of_verdicts(lambda header, _: honest(header, refusal))
    with spoiled(spoil) as gate, pytest.raises(InvariantError, match="disagree"):
        gate.check(order(2))


def test_a_batch_is_all_or_nothing_when_the_link_is_lost_on_its_way() -> None:
    answered = iter([True, False])
    spoil = of_verdicts(lambda header, body: honest(header, body) if next(answered) else b"garbage")
    with spoiled(spoil) as gate:
        state = gate.export_state()
        records = b"".join(order(number).to_bytes() for number in range(2, INTENTS_PER_MESSAGE + 10))
        with pytest.raises(GateUnreachableError):
            gate.check_batch(records)
        assert gate.export_state() == state
        assert next(answered, None) is None


def test_no_answer_before_the_deadline() -> None:
    with spoiled(of_verdicts(lambda *_: None), deadline_ms=300) as gate:
        with pytest.raises(GateUnreachableError, match="before the deadline"):
            gate.check(order(2))
        assert "before the deadline" in gate.why()


def test_notices_that_nobody_answers_are_noticed() -> None:
    """One-way calls alone: the bound on unanswered messages finds a gate that swallows them."""
    with spoiled(
        lambda header, body: None if header.kind == Kind.DONE else honest(header, body), deadline_ms=300
    ) as gate:
        for _ in range(300):
            gate.unkill()
        assert not gate.alive()
        assert "before the deadline" in gate.why()


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff", b'{"code":99,"text":"x"}', msgspec.json.encode([1])])
def test_any_fault_can_be_shown(body: bytes) -> None:
    assert "unreadable fault" in fault_text(body)


# The doorkeeper

REQUEST = [b"1.0", b"7", b"meltica.gate", b"", b"", b"CURVE"]


@pytest.fixture
def doorkeeper(tmp_path: Path) -> Iterator[Doorkeeper]:
    with zmq.Context() as context:
        keeper = Doorkeeper(context, KeyRing(tmp_path / "keys"))
        yield keeper
        keeper.close()


def test_an_allowed_key_is_let_in_under_its_name(doorkeeper: Doorkeeper, tmp_path: Path) -> None:
    public = KeyRing(tmp_path / "keys").client().public
    answer = doorkeeper.answer([*REQUEST, zmq.utils.z85.decode(public)])
    assert answer == [b"1.0", b"7", b"200", b"OK", public, b""]


@pytest.mark.parametrize(
    ("at", "wrong"), [(0, b"2.0"), (2, b""), (2, b"meltica"), (5, b"NULL"), (5, b"PLAIN"), (6, bytes(32))]
)
def test_all_else_stays_outside(doorkeeper: Doorkeeper, tmp_path: Path, at: int, wrong: bytes) -> None:
    request = [*REQUEST, zmq.utils.z85.decode(KeyRing(tmp_path / "keys").client().public)]
    request[at] = wrong
    answer = doorkeeper.answer(request)
    assert answer[2] in (b"400", b"500")
    assert answer[4] == b""
    assert doorkeeper.counts == {"let_in": 0, "refused": 1}


@pytest.mark.parametrize("request_", [[], [b"1.0"], REQUEST, [*REQUEST, b"", b""], [*REQUEST, b"short"]])
def test_an_unreadable_request_stays_outside(doorkeeper: Doorkeeper, request_: list[bytes]) -> None:
    assert doorkeeper.answer(request_)[2] in (b"400", b"500")
