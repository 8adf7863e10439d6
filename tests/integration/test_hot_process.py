"""The hot process as a process: a venue that speaks OUCH, a feed that speaks ITCH, a control plane, and kill -9."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from meltica.hot import Check
from meltica.hot.hot_parts import KillWord
from meltica.hot.layout_gen import DropKind, Mark, MarkRecord, PositionLimitsRecord, Side
from meltica.links.control_link_arming import Arming
from meltica.links.control_link_desk import ControlDesk
from meltica.links.control_link_messages import DROP_BYTES
from meltica.links.control_link_server import ControlLink
from meltica.links.control_link_session import Dropped, Joined, Notice, Seat
from meltica.links.keys import KeyRing
from sim.venues.nasdaq_feed import NasdaqFeedSimulator
from tests.integration.hot_desk import INSTRUMENT, LOCATE, REFERENCE_TICKS, SYMBOL, limits
from tests.integration.hot_running import Copies, Running, free_port, halt, itch_day, itch_file, within

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture
def running() -> Iterator[Running]:
    with Running() as running:
        yield running


def cross(desk: object, *, price_ticks: int = REFERENCE_TICKS, side: Side = Side.BUY, lots: int = 10) -> int:
    intent = desk.limit(  # type: ignore[attr-defined]
        instrument_id=INSTRUMENT, side=side, quantity_lots=lots, price_ticks=price_ticks
    )
    desk.send(intent)  # type: ignore[attr-defined]
    return intent.order_id


def test_orders_pass_work_and_are_cancelled_and_refused_ones_never_arrive(running: Running) -> None:
    running.trading()
    with running.writer() as desk:
        copies = Copies(desk)
        works = desk.limit(instrument_id=INSTRUMENT, side=Side.BUY, quantity_lots=10, price_ticks=REFERENCE_TICKS)
        desk.send(works)
        copies.wait(1, DropKind.ACCEPTED)
        refused = cross(desk, lots=1_001)
        copies.wait(1, DropKind.REFUSED)
        desk.send(desk.replace(works, quantity_lots=20, price_ticks=REFERENCE_TICKS - 1))
        copies.wait(1, DropKind.REPLACED)
        desk.send(desk.cancel(works))
        copies.wait(1, DropKind.CANCELED)
        assert [copy.sequence_number for copy in copies.all] == list(
            range(copies.all[0].sequence_number, copies.all[0].sequence_number + len(copies.all))
        )
        (copy,) = copies.of(DropKind.REFUSED)
        assert (copy.order_id, copy.reason) == (refused, Check.MAX_QUANTITY)
    assert [order.type for order in running.line.orders()] == ["Q", "O", "U", "X"]
    found = running.status()
    assert found["rejects"] == {"MAX_QUANTITY": 1}
    assert found["stages"]["to_out"]["count"] == 3
    assert found["words"]["live_orders"] == 0
    assert running.end() == 0
    assert running.status()["verdict"] == "ended"
    assert running.line.to_venue.endswith(b"\0\1O"), "a logout"


def test_a_new_kill_word_is_engaged_and_the_process_says_so(running: Running) -> None:
    running.start()
    found = within(lambda: (one := running.status())["words"]["caught_up"] and one, "logged in")
    assert found["verdict"] == "no new order leaves: the kill switch is engaged"
    with running.writer() as desk:
        copies = Copies(desk)
        cross(desk)
        (copy,) = copies.wait(1, DropKind.REFUSED)
        assert copy.reason == Check.KILL_SWITCH
    assert "O" not in [order.type for order in running.line.orders()]


def test_engaging_the_kill_word_cancels_at_the_venue(running: Running) -> None:
    running.trading()
    with running.writer() as desk:
        copies = Copies(desk)
        for at in range(20):
            cross(desk, price_ticks=REFERENCE_TICKS - at)
        copies.wait(20, DropKind.ACCEPTED)
        epoch = KillWord.attach(running.files.kill).engage(2, "test", "stop")
        copies.wait(20, DropKind.CANCELED)
        cross(desk)
        copies.wait(1, DropKind.REFUSED)
    found = within(lambda: (one := running.status()).get("kill", {}).get("epoch") == epoch and one, "the status")
    assert (found["kill"]["who"], found["kill"]["reason"]) == ("test", "stop")
    assert found["words"]["trip_cancels"] == 20


def test_killed_and_started_again_nothing_is_lost_or_doubled(running: Running) -> None:
    """With orders at work, some of which the process did not hear about before it died."""
    running.trading()
    with running.writer() as desk:
        copies = Copies(desk)
        for at in range(10):
            cross(desk, price_ticks=REFERENCE_TICKS - at)
        copies.wait(10, DropKind.ACCEPTED)
        for at in range(10):
            cross(desk, price_ticks=REFERENCE_TICKS - 20 - at)
        running.end(signal.SIGKILL)
        assert running.status()["verdict"].startswith("DEAD")
        running.start()
        within(lambda: running.status()["words"]["caught_up"], "caught up")
        copies.wait(20, DropKind.ACCEPTED, DropKind.REFUSED, DropKind.REJECTED)
        sent = {copy.order_id for copy in copies.of(DropKind.SENT)}
        accepted = [copy.order_id for copy in copies.of(DropKind.ACCEPTED)]
        rejected = [copy.order_id for copy in copies.of(DropKind.REJECTED)]
        assert len(accepted) == len(set(accepted))
        assert sent == set(accepted) | set(rejected)
        assert running.status()["words"]["live_orders"] == len(accepted)
        numbers = [copy.sequence_number for copy in copies.all]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        entered = [order["UserRefNum"] for order in running.line.orders() if order.type == "O"]
        assert len(entered) == len(set(entered)), "no number twice"
        cross(desk)
        copies.wait(len(accepted) + 1, DropKind.ACCEPTED)
        KillWord.attach(running.files.kill).engage(2, "test", "stop")
        within(lambda: running.status()["words"]["live_orders"] == 0, "all cancelled")


def test_a_cut_line_is_picked_up_where_it_broke(running: Running) -> None:
    running.trading()
    with running.writer() as desk:
        copies = Copies(desk)
        cross(desk)
        copies.wait(1, DropKind.ACCEPTED)
        for _ in range(3):
            running.line.cut()
            copies.wait(1, DropKind.SESSION_DOWN)
            within(lambda: running.status()["words"]["caught_up"], "caught up again")
        cross(desk, price_ticks=REFERENCE_TICKS - 1)
        assert len(copies.wait(2, DropKind.ACCEPTED)) == 2
    assert running.status()["words"]["reconnects"] == 3


def test_stopped_it_says_so_and_continued_it_goes_on(running: Running) -> None:
    running.trading()
    running.send_signal(signal.SIGSTOP)
    found = within(lambda: (one := running.status())["process"] == "stopped" and one, "stopped")
    assert found["verdict"].startswith("STOPPED")
    running.send_signal(signal.SIGCONT)
    within(lambda: running.status()["verdict"] == "orders leave", "orders leave again")


def test_a_second_process_is_turned_away_from_the_folder(running: Running) -> None:
    running.trading()
    first = running.process
    with pytest.raises(AssertionError, match="another hot process runs here"):
        running.start()
    assert running.process is not None
    running.process.wait()
    assert running.process.stdout is not None
    running.process.stdout.close()
    running.process = first
    assert running.status()["verdict"] == "orders leave", "the first one did not notice"


def test_a_wish_that_was_required_and_not_granted_ends_the_start(running: Running) -> None:
    with pytest.raises(AssertionError, match=r"required, and not granted: .*mlock of process: not asked"):
        running.start("--require", "timer_slack,mlock")


def test_without_a_control_plane_it_must_be_told_so(running: Running) -> None:
    running._standalone = False
    with pytest.raises(AssertionError, match="no control link is in the settings"):
        running.start()


# --- with a feed ---


def test_a_recorded_feed_gives_references_and_halts(tmp_path: Path) -> None:
    itch_file(itch_day(20_000, 20_002), tmp_path / "day")
    with Running(feed=f'[feed]\nsource = "itch"\nspeed = 0\npath = "{tmp_path}/day"\nmax_orders = 1000') as running:
        running.start()
        running.release()
        within(lambda: running.status()["verdict"] == "orders leave", "orders leave")
        with running.writer() as desk:
            copies = Copies(desk)
            cross(desk, price_ticks=20_000)
            copies.wait(1, DropKind.ACCEPTED)
            cross(desk, price_ticks=REFERENCE_TICKS)
            assert copies.wait(1, DropKind.REFUSED)[0].reason == Check.PRICE_COLLAR
            row = desk.top(LOCATE)
            assert row is not None
            assert (row.bid_price, row.ask_price, row.bid_shares) == (2_000_000, 2_000_200, 100)


def test_a_live_feed_on_two_lines_moves_the_gate_and_its_silence_stops_it() -> None:
    targets = [("127.0.0.1", free_port()), ("127.0.0.1", free_port())]
    lines = "".join(f'{name} = "{host}:{port}"\n' for name, (host, port) in zip("ab", targets, strict=True))
    feed = f'[feed]\nsource = "udp"\nmax_orders = 1000\nstale_after_ms = 500\n{lines}'
    with Running(feed=feed) as running, NasdaqFeedSimulator(targets) as simulator:
        running.trading()
        with running.writer() as desk:
            copies = Copies(desk)
            cross(desk)
            assert copies.wait(1, DropKind.REFUSED)[0].reason == Check.STALE_REFERENCE
            simulator.publish(itch_day())
            within(lambda: desk.top(LOCATE) is not None and desk.top(LOCATE).ask_price, "the top")
            cross(desk)
            copies.wait(1, DropKind.ACCEPTED)
            simulator.publish([halt(b"H")])
            within(lambda: desk.top(LOCATE).trading_status == ord("H"), "the halt")
            cross(desk)
            assert copies.wait(2, DropKind.REFUSED)[1].reason == Check.HALTED
            simulator.publish([halt(b"T")])
            within(lambda: desk.top(LOCATE).trading_status == ord("T"), "trading again")
            assert running.status()["words"]["feed_gapped"] == 0
            simulator.__exit__()
            within(lambda: running.status()["words"]["feed_gapped"], "silence is noticed")
            cross(desk)
            assert copies.wait(3, DropKind.REFUSED)[2].fired_mask & 1 << Check.STALE_REFERENCE


# --- with a control plane ---


class ControlPlane:
    """A gateway's end of the link that tells limits at once and keeps drop copies."""

    def __init__(self, folder: Path) -> None:
        self.keys = KeyRing(folder / "keys")
        self.drops = b""
        self.joined = 0
        self.link = ControlLink(
            lambda now_ns: ControlDesk(
                [Seat("edge", self.keys.client().public)],
                stream_epoch=time.time_ns(),
                now_ns=now_ns,
                lease_ns=250_000_000,
                arming=Arming(),
            ),
            commands=f"ipc://{folder}/c",
            state=f"ipc://{folder}/s",
            keys=self.keys,
            told=self._told,
        )
        self.link.tell("edge", [record.to_bytes() for record in [SYMBOL, *limits()]])

    def section(self) -> str:
        names = f'commands = "{self.link.commands}"\nstate = "{self.link.state}"\nkeys = "{self.keys.folder}"'
        return f"[link]\n{names}\ncancel_after_ms = 200"

    def _told(self, notices: Sequence[Notice]) -> None:
        for notice in notices:
            if isinstance(notice, Dropped):
                self.drops += notice.records
                self.link.keep("edge", notice.first + len(notice.records) // DROP_BYTES)
            elif isinstance(notice, Joined):
                self.joined += 1
                self.link.admit("edge", notice.gate_epoch)


@pytest.fixture
def leased(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, ControlPlane]]:
    import shutil
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="mcp"))  # Short: it is part of a UNIX socket's name
    folder.chmod(0o700)
    plane = ControlPlane(folder)
    with Running(leased=plane.section()) as running:
        yield running, plane
    plane.link.close()
    shutil.rmtree(folder)


def beat(plane: ControlPlane, running: Running, want: str) -> None:
    def look() -> bool:
        for _ in range(20):
            plane.link.pulse()
            time.sleep(0.01)
        return running.status()["verdict"].startswith(want)

    within(look, want)


class Pulse:
    """The engine that goes on calling ``pulse``."""

    def __init__(self, plane: ControlPlane) -> None:
        import threading

        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(plane,))
        self._thread.start()

    def _run(self, plane: ControlPlane) -> None:
        while not self._ended.wait(0.02):
            plane.link.pulse()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()


def test_leased_it_trades_while_the_control_plane_is_heard(leased: tuple[Running, ControlPlane]) -> None:
    running, plane = leased
    pulse = Pulse(plane)
    try:
        running.start()
        running.release()
        within(lambda: running.status()["link"]["phase"] == "in step", "in step")
        plane.link.arm("edge")
        within(lambda: running.status()["verdict"] == "orders leave", "orders leave")
        with running.writer() as desk:
            copies = Copies(desk)
            cross(desk)
            copies.wait(1, DropKind.ACCEPTED)
            plane.link.tell("edge", [MarkRecord(mark=Mark.HALTED, on=1, id=INSTRUMENT, time_ns=1).to_bytes()])
            time.sleep(0.3)
            cross(desk)
            assert copies.wait(1, DropKind.REFUSED)[0].reason == Check.HALTED
            within(lambda: len(plane.drops) // DROP_BYTES >= len(copies.of()), "drop copies are kept")
            pulse.stop()
            copies.wait(1, DropKind.CANCELED)  # The lease lapses, then the second timer
            cross(desk)
            assert copies.wait(2, DropKind.REFUSED)[1].reason == Check.LEASE_EXPIRED
        found = running.status()
        assert found["verdict"].startswith("no new order leaves: ")
        assert "no lease" in found["verdict"]
        assert found["lease"]["lapses"] == 1
    finally:
        pulse.stop()


def test_leased_and_killed_the_next_life_knows_what_is_open(leased: tuple[Running, ControlPlane]) -> None:
    """Ten lots of a buy work: with room for 25, sixteen more are too many, and fifteen are not."""
    running, plane = leased
    room = [replace(row, max_long_lots=25) for row in limits() if isinstance(row, PositionLimitsRecord)]
    plane.link.tell("edge", [row.to_bytes() for row in room])
    pulse = Pulse(plane)

    def armed() -> bool:
        plane.link.arm("edge")
        return bool(running.status()["verdict"] == "orders leave")

    try:
        running.start()
        running.release()
        within(armed, "orders leave")
        with running.writer() as desk:
            copies = Copies(desk)
            cross(desk, side=Side.SELL, price_ticks=REFERENCE_TICKS + 5)
            copies.wait(1, DropKind.ACCEPTED)
            cross(desk)
            copies.wait(2, DropKind.ACCEPTED)
            running.end(signal.SIGKILL)
            running.start()
            within(armed, "orders leave again")
            cross(desk, lots=16)
            assert copies.wait(1, DropKind.REFUSED)[-1].reason == Check.POSITION_LIMIT
            cross(desk, lots=15, price_ticks=REFERENCE_TICKS - 1)
            copies.wait(3, DropKind.ACCEPTED)
        assert running.status()["words"]["gate_faults"] == 0
    finally:
        pulse.stop()
