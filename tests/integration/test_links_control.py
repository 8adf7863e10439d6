"""The control link over real sockets and between processes that are stopped, killed and started again."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from struct import Struct

import pytest
import zmq

from meltica.links.control_link_arming import Arming
from meltica.links.control_link_desk import ControlDesk
from meltica.links.control_link_messages import DROP_BYTES
from meltica.links.control_link_server import QUEUED_MESSAGES, ControlLink
from meltica.links.control_link_session import Changed, Dropped, Joined, Notice, Seat, Standing
from meltica.links.hot_link import HotLink
from meltica.links.hot_link_phase import Phase
from meltica.links.keys import KeyPair, KeyRing
from meltica.links.zap import fingerprint
from tests.unit.links.control_world import MS, Store, adjust, price

LEASE_MS = 250
PATIENCE_S = 20.0  # The machine may be busy; a hang would be far longer
NANOS = Struct("<q")


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:  # Not tmp_path: its name may be too long for a UNIX socket
        yield Path(name)


def within(condition: Callable[[], bool], seconds: float = PATIENCE_S) -> float:
    begin = time.monotonic()
    while not condition():
        assert time.monotonic() - begin < seconds, "it did not happen in time"
        time.sleep(0.002)
    return time.monotonic() - begin


# In one process, over real sockets


class Gateway:
    """A link whose notices are kept; gates are admitted and drop copies are durable at once."""

    def __init__(self, folder: Path, lease_ms: int = 5_000, commands: str = "", state: str = "") -> None:
        self.ring = KeyRing(folder / "keys")
        self.kept = b""
        self.changes: list[Changed] = []
        self.admits = True
        self.link = ControlLink(
            lambda now_ns: ControlDesk(
                [Seat("a", self.ring.client().public)],
                stream_epoch=time.time_ns(),
                now_ns=now_ns,
                lease_ns=lease_ms * MS,
                arming=Arming(),
            ),
            commands=commands or f"ipc://{folder}/commands.sock",
            state=state or f"ipc://{folder}/state.sock",
            keys=self.ring,
            told=self.told,
        )

    def told(self, notices: Sequence[Notice]) -> None:
        for notice in notices:
            if isinstance(notice, Dropped):
                self.kept += notice.records
                self.link.keep("a", notice.first + len(notice.records) // DROP_BYTES)
            elif isinstance(notice, Joined) and self.admits:
                self.link.admit("a", notice.gate_epoch)
            elif isinstance(notice, Changed):
                self.changes.append(notice)

    def standing(self) -> Standing:
        self.link.pulse()
        return self.link.status()[0].standing


@pytest.fixture
def gateway(folder: Path) -> Iterator[Gateway]:
    gateway = Gateway(folder)
    yield gateway
    gateway.link.close()


def hot_link(gateway: Gateway, store: Store | None = None, keys: KeyPair | None = None) -> HotLink:
    return HotLink(
        "a",
        gate_epoch=time.time_ns(),
        keys=keys or gateway.ring.client(),
        gateway_public=gateway.ring.control_public(),
        commands=gateway.link.commands,
        state=gateway.link.state,
        drops=store or Store(),
    )


def polled(link: HotLink, gateway: Gateway, enough: Callable[[list[bytes]], bool]) -> list[bytes]:
    records: list[bytes] = []

    def done() -> bool:
        gateway.link.pulse()
        records.extend(link.poll(timeout_ms=1))
        return enough(records)

    within(done)
    return records


def test_a_late_joiner_gets_the_state_the_lease_and_then_what_changes(gateway: Gateway) -> None:
    gateway.link.tell("a", [price(0, 7), price(1, 8)])
    with hot_link(gateway) as link:
        records = polled(link, gateway, lambda _: link.lease_until_ns > 0)
        assert records[:2] == [price(0, 7), price(1, 8)]
        gateway.link.tell("a", [price(0, 9)])
        gateway.link.tell("a", [adjust(3)], origin=1)
        news = polled(link, gateway, lambda told: adjust(3) in told)
        assert [record for record in news if len(record) != 16 or record == adjust(3)] == [price(0, 9), adjust(3)]
        link.report()
    within(lambda: gateway.standing() is Standing.DEAD)  # It said goodbye


def test_over_tcp(folder: Path) -> None:
    gateway = Gateway(folder, commands="tcp://127.0.0.1:*", state="tcp://127.0.0.1:*")
    try:
        gateway.link.tell("a", [price(0, 7)])
        with hot_link(gateway) as link:
            assert price(0, 7) in polled(link, gateway, lambda _: link.lease_until_ns > 0)
    finally:
        gateway.link.close()


def test_drop_copies_over_the_wire(gateway: Gateway) -> None:
    store = Store()
    with hot_link(gateway, store) as link:
        for count in (1, 700, 20_000):
            link.send_drop_copies(*store.write(count))
            link.poll(timeout_ms=1)
        polled(link, gateway, lambda _: len(gateway.kept) == 20_701 * DROP_BYTES)
        assert gateway.kept == store.read(1, 20_701)
        polled(link, gateway, lambda _: link.health().kept == 20_702)


def test_a_key_that_is_not_allowed_does_not_get_in_and_is_logged(
    gateway: Gateway, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = KeyRing(folder / "strange").client()
    with caplog.at_level(logging.WARNING), hot_link(gateway, keys=stranger) as link:
        polled(link, gateway, lambda _: gateway.link.counts()["keys_refused"] > 1)
        assert link.lease_until_ns == 0
        assert link.health().phase is Phase.ALONE
    assert fingerprint(stranger.public) in caplog.text
    assert stranger.public.decode() not in caplog.text


def test_a_gateway_with_another_key_is_not_believed(gateway: Gateway, folder: Path) -> None:
    link = HotLink(
        "a",
        gate_epoch=1,
        keys=gateway.ring.client(),
        gateway_public=KeyRing(folder / "strange").control_public(),
        commands=gateway.link.commands,
        state=gateway.link.state,
        drops=Store(),
    )
    with link:
        for _ in range(50):
            assert link.poll(timeout_ms=10) == []
        assert link.health().phase is Phase.ALONE


def test_an_allowed_key_of_no_gate_is_turned_away(gateway: Gateway, folder: Path) -> None:
    other = KeyRing(folder / "other").client()
    (gateway.ring.allowed_folder / "other.public").write_bytes(other.public)
    with hot_link(gateway, keys=other) as link:
        polled(link, gateway, lambda _: link.health().phase is Phase.TURNED_AWAY)
        assert "WRONG_KEY" in link.health().why


def test_garbage_and_foreign_frames_end_nothing(gateway: Gateway) -> None:
    with hot_link(gateway) as link, zmq.Context() as context, context.socket(zmq.DEALER) as rude:
        rude.linger = 0
        rude.curve_publickey, rude.curve_secretkey = gateway.ring.client()
        rude.curve_serverkey = gateway.ring.control_public()
        rude.connect(gateway.link.commands)
        for message in ([b""], [b"x" * 100], [b"a", b"b", b"c"], [bytes(32)]):
            rude.send_multipart(message)
        polled(link, gateway, lambda _: link.lease_until_ns > 0 and gateway.link.counts()["malformed"] == 4)
        for _ in range(4):
            assert rude.poll(5_000)
            rude.recv()


def test_a_subscriber_that_does_not_read_is_named_and_counts_as_dead(gateway: Gateway) -> None:
    """The stream is larger than every buffer between; the side thread of the gate stands still."""
    with hot_link(gateway) as link:
        polled(link, gateway, lambda _: link.lease_until_ns > 0)
        # One record a message, and more than the queues of both ends hold with what the kernel buffers
        gone = 0
        for n in range(1, 40 * QUEUED_MESSAGES):
            gateway.link.tell("a", [price(n % 2, n)])
            if n % 64 == 0 and any("queue is full" in change.why for change in gateway.changes):
                gone = n
                break
            if n % 1_024 == 0:
                time.sleep(0.01)
        assert gone
        assert gateway.standing() is not Standing.ARMED
        gateway.link.arm("a")  # It may have been silent for too long to be armed by itself
        told = polled(link, gateway, lambda _: gateway.standing() is Standing.ARMED)
        assert {price(n % 2, n) for n in (gone - 1, gone)} <= set(told)


def test_two_links_at_one_endpoint_are_refused(gateway: Gateway, folder: Path) -> None:
    with pytest.raises(Exception, match="already listens"):
        Gateway(folder)
