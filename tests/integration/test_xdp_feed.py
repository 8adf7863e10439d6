"""The feed past the kernel's stack, as operators run it: `meltica feed` and the hot process on veth pairs, the
simulated Nasdaq in a namespace at the other end. Making namespaces takes root; without it there is nothing to test.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, Self

import pytest

from meltica.hot.hot_parts import Word
from meltica.venues.nasdaq.feed import NasdaqFeed
from meltica.venues.nasdaq.feed_sources import PcapSource
from meltica.venues.nasdaq.mold_events import FILE_LIMITS, Messages
from meltica.venues.nasdaq.mold_session import MoldSession
from tests.conformance.itch_messages import BODIES, framed, message
from tests.integration.hot_desk import LOCATE
from tests.integration.hot_running import Running, halt, itch_day, within
from tests.integration.xdp_wire import ROOT, FarFeed, Pairs, hidden_library, ip

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces take root; this user is not"),
]

GROUPS = ("239.77.30.1", "239.77.30.2")
PORT = 26477
TARGETS = [(group, PORT) for group in GROUPS]
KINDS = sorted(BODIES)
NO_LIBRARY = "AF_XDP: libxdp.so.1 does not load: install libxdp1"
FALLBACK = f"meltica: {NO_LIBRARY}; going on with the kernel's sockets"


def messages(seed: int, count: int) -> list[bytes]:
    chance = Random(seed)
    return [message(chance.choice(KINDS)) for _ in range(count)]


def feed_command(what: str, *options: str) -> list[str]:
    lines = ["--a", f"{GROUPS[0]}:{PORT}", "--b", f"{GROUPS[1]}:{PORT}"]
    return [sys.executable, "-m", "meltica.app.cli", "feed", what, *lines, *options]


class Recording:
    """`meltica feed record` in the near namespace; ``wait_for`` a word that it says."""

    def __init__(self, command: Sequence[str]) -> None:
        self.said: list[str] = []
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
        )

    def wait_for(self, word: str) -> None:
        assert self.process.stderr is not None
        while line := self.process.stderr.readline():
            self.said.append(line.rstrip("\n"))
            if word in line:
                return
        raise AssertionError(f"it ended without {word!r}: {self.said}")

    def summary(self) -> dict[str, Any]:
        out, err = self.process.communicate(timeout=60)
        self.said += err.splitlines()
        assert self.process.returncode == 0, self.said
        found: dict[str, Any] = json.loads(out)
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate(timeout=20)


def recorded(folder: Path) -> bytes:
    return (folder / "SIM0000001-000000000001.itch").read_bytes()


def test_a_feed_with_losses_on_one_line_is_recorded_whole_through_one_queue(tmp_path: Path) -> None:
    sent = messages(seed=21, count=3_000)
    faults = [{"loss": 0.3, "doubled": 0.1}, {}]
    with Pairs() as pairs, FarFeed(pairs, targets=TARGETS, seed=21, faults=faults, interface="10.77.0.1") as far:
        options = (str(tmp_path), "--receive", "xdp", "--interface", pairs.interfaces[0], "--from-start", "--packets")
        with Recording([*pairs.inside(), *feed_command("record", *options, "--seconds", "60")]) as recording:
            recording.wait_for("session SIM0000001 from 1 on")
            far.publish(sent, end=True)
            summary = recording.summary()
        told = far.close()
    assert told["dropped"][0] > 0
    assert recorded(tmp_path) == framed(*sent)
    assert (summary["messages"], summary["messages_lost"], summary["malformed"]) == (3_000, 0, 0)
    source = summary["source"]
    assert source["receive"] == "xdp"
    counted = source["lines_0_to_1"]
    assert (counted["interface"], counted["queue"], counted["kernel_drops"]) == (pairs.interfaces[0], 0, 0)
    by_line = [counted["lines"][f"{group}:{PORT}"]["packets"] for group in GROUPS]
    assert counted["packets"] == sum(by_line)
    assert [summary["lines"][name]["packets"] for name in "AB"] == by_line
    assert 0 < summary["lines"]["B"]["wins"] <= by_line[1]
    # The captures name each line by its group, and hold what came on it.
    (capture,) = summary["captures"]
    feed = NasdaqFeed(PcapSource([(tmp_path / capture).read_bytes()]), MoldSession(start=1, limits=FILE_LIMITS))
    blocks = []
    while not feed.ended:
        blocks += [event.block for event in feed.poll(0) if isinstance(event, Messages)]
    assert b"".join(blocks) == framed(*sent)


def test_lines_on_two_interfaces_with_their_gaps_asked_for_on_a_third(tmp_path: Path) -> None:
    sent = messages(seed=22, count=3_000)
    faults = [{"loss": 0.3, "late": 0.1}, {"loss": 0.3, "delay_ns": 200_000}]
    with Pairs(3) as pairs:
        for number, group in enumerate(GROUPS):
            pairs.route(group, number)
        with FarFeed(pairs, targets=TARGETS, seed=22, faults=faults) as far:
            options = (
                *(str(tmp_path), "--receive", "xdp", "--interface", pairs.interfaces[0], "--from-start"),
                *("--interface-b", pairs.interfaces[1], "--rerequest", f"10.77.2.1:{far.request_port}"),
            )
            with Recording([*pairs.inside(), *feed_command("record", *options, "--seconds", "60")]) as recording:
                recording.wait_for("session SIM0000001 from 1 on")
                far.publish(sent, end=True)
                summary = recording.summary()
            told = far.close()
    assert min(told["dropped"]) > 0
    assert recorded(tmp_path) == framed(*sent)
    assert summary["messages_lost"] == 0
    assert summary["gaps"] > 0
    source = summary["source"]
    assert [source[f"line_{number}"]["interface"] for number in (0, 1)] == pairs.interfaces[:2]
    assert [source[f"line_{n}"]["packets"] for n in (0, 1)] == [summary["lines"][name]["packets"] for name in "AB"]
    assert all(summary["lines"][name]["wins"] > 0 for name in "AB")


def test_auto_says_why_it_goes_on_with_the_kernels_sockets(tmp_path: Path) -> None:
    sent = messages(seed=23, count=1_000)
    with Pairs() as pairs, FarFeed(pairs, targets=TARGETS, seed=23, interface="10.77.0.1") as far:
        options = (str(tmp_path), "--receive", "auto", "--interface", pairs.interfaces[0], "--from-start")
        command = [*pairs.inside(), *hidden_library(), *feed_command("record", *options, "--seconds", "60")]
        with Recording(command) as recording:
            recording.wait_for("session SIM0000001 from 1 on")
            far.publish(sent, end=True)
            summary = recording.summary()
    assert recording.said[0] == FALLBACK
    assert recorded(tmp_path) == framed(*sent)
    assert (summary["source"]["receive"], summary["source"]["why_not_xdp"]) == ("udp", NO_LIBRARY)


def test_xdp_that_cannot_be_had_ends_the_command_in_one_line() -> None:
    with Pairs() as pairs:
        for options, why in (
            (("--xdp-queue", "7"), f"AF_XDP on queue 7 of {pairs.interfaces[0]}: there is no such queue"),
            ((), NO_LIBRARY),
        ):
            command = feed_command("stats", "--receive", "xdp", "--interface", pairs.interfaces[0], *options)
            hidden = [] if options else hidden_library()
            done = subprocess.run(
                [*pairs.inside(), *hidden, *command], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
            )
            assert done.returncode == 1
            (line,) = done.stderr.splitlines()
            assert why in line


class NearRunning(Running):
    """Its programs begin with ``before``."""

    def __init__(self, before: Sequence[str], *, feed: str) -> None:
        self._before = list(before)
        super().__init__(feed=feed)

    def _spawn(self, module: str, *arguments: str) -> subprocess.Popen[str]:
        command = [*self._before, sys.executable, "-m", module, *arguments]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def page(self) -> str:
        command = [sys.executable, "-m", "meltica.app.cli", "hot", "status", "--folder", str(self.folder)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
        return " ".join(done.stdout.split())


@pytest.mark.parametrize("there", [True, False], ids=["af_xdp", "no library"])
def test_the_hot_process_takes_the_best_way_and_says_which(there: bool) -> None:
    with Pairs(own=False) as pairs, FarFeed(pairs, targets=TARGETS, seed=24, interface="10.77.0.1") as far:
        lines = f'a = "{GROUPS[0]}:{PORT}"\nb = "{GROUPS[1]}:{PORT}"\ninterface = "{pairs.interfaces[0]}"\n'
        feed = f'[feed]\nsource = "udp"\nreceive = "auto"\nmax_orders = 1000\n{lines}'
        with NearRunning([] if there else hidden_library(), feed=feed) as running:
            running.start()
            within(lambda: running.status()["feed_counts"]["session"], "heartbeats are heard")
            sent = [*itch_day(), *[halt(b"TH"[number % 2 :][:1]) for number in range(400)]]
            far.publish(sent)
            found = within(
                lambda: (one := running.status())["words"]["feed_messages"] == len(sent) and one, "all of it"
            )
            page = running.page()
            with running.writer() as desk:
                assert desk.top(LOCATE).trading_status == ord("H")
            assert running.end() == 0
            assert "xdp" not in shown(pairs.interfaces[0])
    words, counts = found["words"], found["feed_counts"]
    assert (words["feed_gapped"], words["feed_lost"], words[Word.FEED_DROPS.name.lower()]) == (0, 0, 0)
    if there:
        assert counts["source"]["receive"] == "xdp"
        assert counts["source"]["lines_0_to_1"]["queue"] == 0
        assert f"receive AF_XDP ({counts['source']['lines_0_to_1']['mode']})" in page
    else:
        assert (counts["source"]["receive"], counts["source"]["why_not_xdp"]) == ("udp", NO_LIBRARY)
        assert f"receive the kernel's sockets; {NO_LIBRARY}" in page


def shown(interface: str) -> str:
    done = subprocess.run(["ip", "link", "show", interface], check=True, capture_output=True, text=True, timeout=20)
    return done.stdout


def passes(pairs: Pairs, payload: bytes) -> bytes:
    """An ordinary packet from the far side to an ordinary socket here."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as near:
        near.bind(("10.77.0.2", 0))
        near.settimeout(10)
        send = (
            f"import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto({payload!r}, {near.getsockname()})"
        )
        subprocess.run(["ip", "netns", "exec", pairs.far, sys.executable, "-c", send], check=True, timeout=20)
        return near.recv(100)


def test_after_kill_9_the_queue_is_the_kernels_again_and_the_successor_takes_it() -> None:
    with Pairs(own=False) as pairs, FarFeed(pairs, targets=TARGETS, seed=26, interface="10.77.0.1") as far:
        lines = f'a = "{GROUPS[0]}:{PORT}"\nb = "{GROUPS[1]}:{PORT}"\ninterface = "{pairs.interfaces[0]}"\n'
        with NearRunning([], feed=f'[feed]\nsource = "udp"\nreceive = "xdp"\nmax_orders = 1000\n{lines}') as running:
            for sent in (itch_day(), [halt(b"H")]):
                running.start()
                within(lambda: running.status()["feed_counts"]["session"], "heartbeats are heard")
                far.publish(sent)
                within(lambda: running.status()["words"]["feed_messages"], "messages")
                assert running.status()["feed_counts"]["source"]["receive"] == "xdp"
                running.end(signal.SIGKILL)
                assert passes(pairs, b"to the kernel's stack") == b"to the kernel's stack"


def test_a_line_whose_interface_goes_down_is_silent_and_comes_back(tmp_path: Path) -> None:
    sent = messages(seed=25, count=900)
    with Pairs(2) as pairs:
        for number, group in enumerate(GROUPS):
            pairs.route(group, number)
        with FarFeed(pairs, targets=TARGETS, seed=25) as far:
            options = (
                *(str(tmp_path), "--receive", "xdp", "--interface", pairs.interfaces[0], "--from-start"),
                *("--interface-b", pairs.interfaces[1], "--seconds", "60"),
            )
            with Recording([*pairs.inside(), *feed_command("record", *options)]) as recording:
                recording.wait_for("session SIM0000001 from 1 on")
                far.publish(sent[:300])
                ip("-n", pairs.near, "link", "set", pairs.interfaces[0], "down")
                far.publish(sent[300:600])
                ip("-n", pairs.near, "link", "set", pairs.interfaces[0], "up")
                ip("-n", pairs.near, "link", "set", pairs.interfaces[1], "down")
                far.publish(sent[600:], end=True)
                summary = recording.summary()
    assert recorded(tmp_path) == framed(*sent)
    assert all(summary["lines"][name]["wins"] > 0 for name in "AB")
