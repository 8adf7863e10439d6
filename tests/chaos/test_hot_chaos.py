"""The hot path's processes killed, stopped and continued at random moments while intents flow.

What is judged are the records of both sides: the intents, the drop copies of the hot process, and the bytes that
reached the venue. Nothing may be lost or doubled, and who lost the other says so. Seeds are printed.
"""

from __future__ import annotations

import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from meltica.hot import Check, Side
from meltica.hot.hot_parts import KillWord
from meltica.hot.layout_gen import DropCopyRecord, DropKind
from meltica.hot.ouch_wire_twin import order_id_of
from meltica.links.keys import KeyRing
from tests.integration.hot_desk import INSTRUMENT, REFERENCE_TICKS, SYMBOL, limits
from tests.integration.hot_running import ROOT, Copies, Running, within

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

LEASE_MS = 250
MS = 1_000_000


@pytest.fixture
def chance() -> random.Random:
    seed = int(os.environ.get("MELTICA_SEED", "0")) or secrets.randbits(32)
    print(f"MELTICA_SEED={seed}")  # noqa: T201 - pytest shows it with a failure
    return random.Random(seed)


class Flow:
    """Intents at a steady pace, from a thread of its own, until it is told to stop; every order id that was sent."""

    def __init__(self, running: Running) -> None:
        self.ids: list[int] = []
        self._writer = running.writer()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()
        self._writer.close()

    def _run(self) -> None:
        while not self._ended.wait(0.01):
            at = len(self.ids)
            if at - self._answered() > 150:
                continue  # The ring holds 256; who takes them may be dead
            intent = self._writer.limit(
                instrument_id=INSTRUMENT, side=Side.BUY, quantity_lots=10, price_ticks=REFERENCE_TICKS - at % 90
            )
            self._writer.send(intent)
            self.ids.append(intent.order_id)

    _heard = 0

    def _answered(self) -> int:
        self._heard += sum(copy.kind in (DropKind.SENT, DropKind.REFUSED) for copy in self._writer.drop_copies())
        return self._heard


def judge(running: Running, copies: list[DropCopyRecord], ids: list[int]) -> None:
    """Each intent has one fate, each that left reached the venue once, and the drop copies have no gap."""
    numbers = [copy.sequence_number for copy in copies]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), "drop copies without a gap"
    kinds: dict[DropKind, Counter[int]] = {kind: Counter() for kind in DropKind}
    for copy in copies:
        kinds[DropKind(copy.kind)][copy.order_id] += copy.action == 1
    left, refused = kinds[DropKind.SENT], kinds[DropKind.REFUSED]
    assert sorted([*left.elements(), *refused.elements()]) == sorted(ids), "each intent has one fate"
    entered = [order for order in running.line.orders() if order.type == "O"]
    at_venue = Counter(order_id_of(order["ClOrdID"]) for order in entered)
    assert all(count == 1 for count in at_venue.values()), "an order was doubled"
    assert len({order["UserRefNum"] for order in entered}) == len(entered), "no number twice"
    accepted, rejected = kinds[DropKind.ACCEPTED], kinds[DropKind.REJECTED]
    assert set(at_venue) <= set(left.keys()), "nothing at the venue that was not written down before"
    assert all(count == 1 for count in accepted.values())
    assert set(accepted) | set(rejected) == {order for order, count in left.items() if count}, "an order was lost"
    assert set(accepted) == set(at_venue), "what the venue has is what we know it has"


def settled(running: Running, copies: Copies, ids: list[int]) -> None:
    """Everything that was sent has its fate, and the venue's answer."""

    def done() -> bool:
        seen = copies.of()
        left = {copy.order_id for copy in seen if copy.kind == DropKind.SENT}
        fates = left | {copy.order_id for copy in seen if copy.kind == DropKind.REFUSED}
        answered = {copy.order_id for copy in seen if copy.kind in (DropKind.ACCEPTED, DropKind.REJECTED)}
        return set(ids) <= fates and left <= answered

    within(done, "every order has its answer")
    within(lambda: running.status()["words"]["caught_up"], "caught up")


def test_the_hot_process_is_killed_and_stopped_while_intents_flow(chance: random.Random) -> None:
    with Running() as running:
        running.trading()
        with running.writer() as desk:
            copies, flow = Copies(desk), Flow(running)
            try:
                for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGKILL):
                    time.sleep(chance.uniform(0.1, 1.0))
                    copies.of()
                    if number == signal.SIGSTOP:
                        running.send_signal(signal.SIGSTOP)
                        found = within(lambda: (one := running.status())["process"] == "stopped" and one, "stopped")
                        assert found["verdict"].startswith("STOPPED")
                        time.sleep(chance.uniform(0.0, 0.5))
                        running.send_signal(signal.SIGCONT)
                    else:
                        running.end(signal.SIGKILL)
                        assert running.status()["verdict"].startswith("DEAD")
                        running.start()
            finally:
                flow.stop()
            settled(running, copies, flow.ids)
            judge(running, copies.all, flow.ids)
            working = running.status()["words"]["live_orders"]
            KillWord.attach(running.files.kill).engage(2, "test", "the end")
            within(lambda: running.status()["words"]["live_orders"] == 0, "all cancelled")
            cancelled = {copy.order_id for copy in copies.of(DropKind.CANCELED)}
            assert len(cancelled) == working


def test_the_venue_is_stopped_and_continued_while_intents_flow(chance: random.Random) -> None:
    with Running() as running:
        running.trading()
        with running.writer() as desk:
            copies, flow = Copies(desk), Flow(running)
            try:
                for _ in range(3):
                    time.sleep(chance.uniform(0.1, 0.6))
                    os.kill(running.venue.pid, signal.SIGSTOP)
                    time.sleep(chance.uniform(0.1, 1.5))
                    copies.of()
                    os.kill(running.venue.pid, signal.SIGCONT)
            finally:
                flow.stop()
            settled(running, copies, flow.ids)
            judge(running, copies.all, flow.ids)


def test_a_venue_that_dies_stops_the_orders_and_is_said(chance: random.Random) -> None:
    """Its memory is gone with it; nothing leaves any more, and every intent after it is refused with a reason."""
    with socket.create_server(("127.0.0.1", 0)) as deaf, Running() as running:
        running.trading()
        with running.writer() as desk:
            copies, flow = Copies(desk), Flow(running)
            try:
                time.sleep(chance.uniform(0.1, 0.8))
                # In its place there is somebody who takes connections and says nothing.
                running.line._target = deaf.getsockname()
                running.venue.kill()
                running.venue.wait()
                down = copies.wait(1, DropKind.SESSION_DOWN)[0]
                before = len(flow.ids)
                within(lambda: len(flow.ids) > before + 20, "intents go on")
            finally:
                flow.stop()

            def all_have_fates() -> bool:
                return len(copies.of(DropKind.SENT, DropKind.REFUSED)) >= len(flow.ids)

            within(all_have_fates, "every intent has its fate")
            late = [copy for copy in copies.all if copy.sequence_number > down.sequence_number]
            assert not [copy for copy in late if copy.kind == DropKind.SENT], "an order left without a session"
            refused = [copy for copy in late if copy.kind == DropKind.REFUSED]
            assert refused
            assert all(copy.fired_mask >> Check.PORT_DOWN & 1 for copy in refused)
            found = running.status()
            assert found["process"] == "running"
            assert found["verdict"] != "orders leave"


# --- the control plane, a process of its own ---


class ControlPlane:
    """tests.integration.control_side, which can be killed, stopped and started again; it keeps its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.keys = folder, KeyRing(folder / "keys")
        self._key = self.keys.client().public.decode()
        self.keys.control()
        with (folder / "tell").open("w") as file:
            file.writelines(record.to_bytes().hex() + "\n" for record in [SYMBOL, *limits()])
        self.process = self._start()

    def section(self) -> str:
        sockets = f'commands = "ipc://{self.folder}/commands.sock"\nstate = "ipc://{self.folder}/state.sock"'
        return f'[link]\n{sockets}\nkeys = "{self.keys.folder}"\ncancel_after_ms = 60000'

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self._close_pipes()

    def again(self) -> None:
        self.process = self._start()

    def close(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGCONT)
        if self.process.poll() is None:
            self.kill()

    def _close_pipes(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()

    def _start(self) -> subprocess.Popen[bytes]:
        words = [str(self.folder), str(self.keys.folder), str(LEASE_MS), f"edge={self._key}"]
        command = [sys.executable, "-m", "tests.integration.control_side", *words]
        child = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        return child


@pytest.fixture
def plane() -> Iterator[ControlPlane]:
    with tempfile.TemporaryDirectory(prefix="mcp") as name:  # Short: it is part of a UNIX socket's name
        one = ControlPlane(Path(name))
        yield one
        one.close()


def test_a_silent_control_plane_stops_the_orders_within_the_lease(plane: ControlPlane, chance: random.Random) -> None:
    with Running(leased=plane.section()) as running:
        running.start()
        running.release()
        within(lambda: running.status()["verdict"] == "orders leave", "orders leave")
        with running.writer() as desk:
            copies, flow, silences = Copies(desk), Flow(running), []
            try:
                for number in (signal.SIGSTOP, signal.SIGKILL, signal.SIGSTOP):
                    time.sleep(chance.uniform(0.1, 0.8))
                    copies.of()
                    at_ns = time.time_ns()
                    os.kill(plane.process.pid, number)
                    refused_from = within(lambda at_ns=at_ns: _lapsed(copies, at_ns), "orders are refused")
                    silences.append((at_ns, refused_from))
                    assert running.status()["verdict"] != "orders leave"
                    if number == signal.SIGKILL:
                        plane.kill()
                        plane.again()
                    else:
                        os.kill(plane.process.pid, signal.SIGCONT)
                    within(lambda: running.status()["verdict"] == "orders leave", "orders leave again")
            finally:
                flow.stop()
            settled(running, copies, flow.ids)
            judge(running, copies.all, flow.ids)
        # By the hot process' own stamps: no order left later than one lease after the silence began.
        for begin_ns, refused_ns in silences:
            left = [copy.time_ns for copy in copies.all if copy.kind == DropKind.SENT and copy.time_ns <= refused_ns]
            assert max(left, default=0) <= begin_ns + LEASE_MS * MS
        kept = (plane.folder / "edge.kept").read_bytes()
        size = DropCopyRecord.SIZE
        theirs = [DropCopyRecord.from_bytes(kept[at : at + size]).sequence_number for at in range(0, len(kept), size)]
        assert theirs == list(range(1, len(theirs) + 1)), "the control plane has each drop copy once"
        said = (plane.folder / "notices").read_text()
        assert said.count("why='silent for ") >= 1, "a gate that is silent is marked dead"
        assert said.count("why='arming ") >= 1 + len(silences), "after each silence it was armed anew"


def _lapsed(copies: Copies, since_ns: int) -> int:
    """When the first order after the silence was refused for its lease; 0: not yet."""
    expired = (
        copy.time_ns
        for copy in copies.of(DropKind.REFUSED)
        if copy.time_ns > since_ns and copy.fired_mask >> Check.LEASE_EXPIRED & 1
    )
    return next(expired, 0)
