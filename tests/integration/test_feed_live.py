"""The feed over loopback multicast: a simulated Nasdaq that loses, doubles and reorders; the commands as operators run
them; and a recorder that is killed in the middle."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from random import Random

import pytest
from typer.testing import CliRunner

from meltica.app.commands.feed import app
from meltica.app.feed.live import open_feed, open_lines
from meltica.app.feed.record import recover_folder
from meltica.hot.udp import UdpError
from meltica.ticks.itch_segments import read_index
from meltica.venues.nasdaq.feed import NasdaqFeed, RerequestSocket
from meltica.venues.nasdaq.feed_sources import PcapSource
from meltica.venues.nasdaq.mold_events import FILE_LIMITS, GapLost, LineSilent, Messages, MoldEvent, MoldLimits
from meltica.venues.nasdaq.mold_session import MoldSession
from sim.venues.nasdaq_feed import LineFaults, NasdaqFeedSimulator
from tests.conformance.itch_messages import BODIES, framed, message

GROUPS = ("239.77.20.1", "239.77.20.2")
LOOPBACK = "127.0.0.1"
KINDS = sorted(BODIES)


def free_ports(count: int) -> list[int]:
    socks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    for one in socks:
        one.bind((LOOPBACK, 0))
    ports = [one.getsockname()[1] for one in socks]
    for one in socks:
        one.close()
    return ports


@pytest.fixture
def targets() -> list[str]:
    return [f"{group}:{port}" for group, port in zip(GROUPS, free_ports(2), strict=True)]


def pairs(targets: list[str]) -> list[tuple[str, int]]:
    return [(host, int(port)) for host, port in (target.split(":") for target in targets)]


def messages(seed: int, count: int) -> list[bytes]:
    chance = Random(seed)
    return [message(chance.choice(KINDS)) for _ in range(count)]


def until_ended(feed: NasdaqFeed, seconds: float = 20) -> list[MoldEvent]:
    events: list[MoldEvent] = []
    end = time.monotonic() + seconds
    while not feed.ended:
        assert time.monotonic() < end, feed.status()
        events += feed.poll(20_000_000)
    return events


def block_of(events: list[MoldEvent]) -> bytes:
    return b"".join(event.block for event in events if isinstance(event, Messages))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_everything_arrives_in_order_over_two_bad_lines(targets: list[str], seed: int):
    faults = [LineFaults(loss=0.2, doubled=0.1, late=0.2), LineFaults(loss=0.3, late=0.1, delay_ns=200_000)]
    sent = messages(seed, 6_000)
    with NasdaqFeedSimulator(pairs(targets), seed=seed, faults=faults) as nasdaq:
        source = open_lines(targets, interface=LOOPBACK)
        address = "{}:{}".format(*nasdaq.request_address)
        feed = open_feed(source, count=2, rerequest=address, start=1)
        events: list[MoldEvent] = []
        for at in range(0, len(sent), 40):
            nasdaq.publish(sent[at : at + 40])
            events += feed.poll(1_000_000)
        nasdaq.end()
        events += until_ended(feed)
        feed.close()
    assert block_of(events) == framed(*sent), f"seed {seed}: dropped {nasdaq.dropped}, {nasdaq.server.counts}"
    assert not [event for event in events if isinstance(event, GapLost)]
    assert sum(nasdaq.dropped) > 0
    assert feed.session.counts["recovered"] > 0


def test_without_a_server_what_both_lines_lost_is_declared(targets: list[str]):
    sent = messages(4, 4_000)
    with NasdaqFeedSimulator(pairs(targets), seed=4, faults=[LineFaults(loss=0.3)] * 2) as nasdaq:
        feed = open_feed(open_lines(targets, interface=LOOPBACK), count=2, start=1)
        events: list[MoldEvent] = []
        for at in range(0, len(sent), 40):
            nasdaq.publish(sent[at : at + 40])
            events += feed.poll(1_000_000)
        nasdaq.end()
        events += until_ended(feed)
        feed.close()
    lost = [event for event in events if isinstance(event, GapLost)]
    missing = {number for event in lost for number in range(event.sequence, event.sequence + event.count)}
    assert missing
    assert block_of(events) == framed(*[one for number, one in enumerate(sent, 1) if number not in missing])


def test_a_line_that_dies_is_said_and_nothing_is_lost(targets: list[str]):
    port = pairs(targets)
    sent = messages(5, 400)
    with NasdaqFeedSimulator([port[0]], seed=5) as nasdaq:
        source = open_lines(targets, interface=LOOPBACK)
        session = MoldSession(start=1, limits=MoldLimits(idle_ns=300_000_000))
        feed = NasdaqFeed(source, session)
        nasdaq.publish(sent)
        events: list[MoldEvent] = []
        end = time.monotonic() + 10
        while not session.silent_lines and time.monotonic() < end:
            events += feed.poll(50_000_000)
        nasdaq.end()
        events += until_ended(feed)
        feed.close()
    silent = [event for event in events if isinstance(event, LineSilent)]
    assert [event.line for event in silent] == [1]
    assert block_of(events) == framed(*sent)


def test_a_server_that_is_not_there_is_counted(targets: list[str]):
    (port,) = free_ports(1)
    asker = RerequestSocket(LOOPBACK, port)
    for _ in range(3):
        asker.send(b"x")
        assert asker.answers() == []
    assert asker.failed > 0
    asker.close()
    with pytest.raises(UdpError, match=r"can't receive 192\.0\.2\.1"):
        open_lines([targets[0], "192.0.2.1:5"], interface=LOOPBACK)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "meltica.app.cli", "feed", *arguments]


def record(folder: Path, targets: list[str], *options: str) -> list[str]:
    return command(*("record", str(folder), "--a", targets[0], "--b", targets[1], "--interface", LOOPBACK), *options)


def wait_for(folder: Path, pattern: str, seconds: float = 20) -> Path:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for path in folder.glob(pattern):
            if path.stat().st_size:
                return path
        time.sleep(0.02)
    raise AssertionError(f"no {pattern} in {folder}")


def publish_slowly(nasdaq: NasdaqFeedSimulator, sent: list[bytes], stop: threading.Event) -> None:
    for at in range(0, len(sent), 20):
        if stop.is_set():
            return
        nasdaq.publish(sent[at : at + 20])
        time.sleep(0.002)


def test_a_recording_of_a_bad_feed_is_the_feed(targets: list[str], tmp_path: Path):
    sent = messages(6, 3_000)
    with NasdaqFeedSimulator(pairs(targets), seed=6, faults=[LineFaults(loss=0.2, late=0.1)] * 2) as nasdaq:
        address = "{}:{}".format(*nasdaq.request_address)
        run = subprocess.Popen(
            record(tmp_path, targets, "--rerequest", address, "--from-start", "--packets", "--seconds", "30"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        nasdaq.publish(sent[:20])
        wait_for(tmp_path, "*.itch.part")
        publish_slowly(nasdaq, sent[20:], threading.Event())
        nasdaq.end()
        out, err = run.communicate(timeout=40)
    assert run.returncode == 0, err
    summary = json.loads(out)
    assert (summary["messages"], summary["messages_lost"]) == (3_000, 0)
    path = tmp_path / "SIM0000001-000000000001.itch"
    assert summary["files"] == [path.name]
    assert path.read_bytes() == framed(*sent)
    session, entries = read_index(path)
    assert session == b"SIM0000001"
    assert [entry.sequence for entry in entries[1:]] == [entry.sequence + entry.count for entry in entries[:-1]]
    assert all(0 < time.time_ns() - entry.time_ns < 120 * 10**9 for entry in entries)
    # The captures hold every packet of both lines: what the lines alone gave, gaps and all.
    (capture,) = summary["captures"]
    feed = NasdaqFeed(PcapSource([(tmp_path / capture).read_bytes()]), MoldSession(start=1, limits=FILE_LIMITS))
    events = until_ended(feed)
    lost = sum(event.count for event in events if isinstance(event, GapLost))
    assert sum(event.count for event in events if isinstance(event, Messages)) + lost == 3_000
    assert lost > 0


def test_a_recorder_that_is_killed_leaves_nothing_half(targets: list[str], tmp_path: Path):
    sent = messages(7, 40_000)
    stop = threading.Event()
    with NasdaqFeedSimulator(pairs(targets), seed=7) as nasdaq:
        address = "{}:{}".format(*nasdaq.request_address)
        run = subprocess.Popen(
            record(tmp_path, targets, "--from-start", "--rerequest", address, "--packets"),
            stderr=subprocess.DEVNULL,
        )
        thread = threading.Thread(target=publish_slowly, args=(nasdaq, sent, stop))
        thread.start()
        wait_for(tmp_path, "*.itch.part")
        time.sleep(0.3)
        run.send_signal(signal.SIGKILL)
        run.wait(timeout=10)
        stop.set()
        thread.join()
    finished = recover_folder(tmp_path)
    assert sorted(path.suffix for path in finished) == [".itch", ".pcap"]
    assert not list(tmp_path.glob("*.part"))
    data = finished[0].read_bytes()
    assert data
    assert framed(*sent).startswith(data)
    _, entries = read_index(finished[0])
    assert sum(entry.length for entry in entries) == len(data)
    for kind in ("decode", "stats"):
        result = CliRunner().invoke(app, [kind, str(finished[0])])
        assert result.exit_code == 0
    assert CliRunner().invoke(app, ["decode", str(finished[1])]).exit_code == 0
    assert recover_folder(tmp_path) == []


def test_replay_and_live_statistics(targets: list[str], tmp_path: Path):
    sent = messages(8, 2_000)
    recording = tmp_path / "day"
    recording.write_bytes(framed(*sent))
    (request_port,) = free_ports(1)
    run = subprocess.Popen(
        command(
            *("stats", "--a", targets[0], "--b", targets[1], "--interface", LOOPBACK, "--every", "0.2"),
            *("--rerequest", f"{LOOPBACK}:{request_port}", "--seconds", "30"),
        ),
        stdout=subprocess.PIPE,
    )
    assert run.stdout is not None
    first = run.stdout.readline()  # It listens.
    arguments = ["replay", str(recording), "--to", targets[0], "--to-b", targets[1], "--interface", LOOPBACK]
    arguments += [
        "--speed",
        "max",
        "--session",
        "AGAIN",
        "--rerequest",
        f"{LOOPBACK}:{request_port}",
        "--linger",
        "0.5",
    ]
    replayed = CliRunner().invoke(app, arguments)
    out, _ = run.communicate(timeout=40)
    assert replayed.exit_code == 0
    assert json.loads(replayed.stdout)["messages"] == 2_000
    last = json.loads(out.splitlines()[-1])
    assert json.loads(first)["messages"] == 0
    assert run.returncode == 0
    assert (last["session"], last["ended"], last["messages"], last["messages_lost"]) == ("AGAIN", True, 2_000, 0)
    assert sum(counts["messages"] for counts in last["lines"].values()) == 2_000
    assert last["source"]["line_0"]["kernel_drops"] == 0


def test_replay_keeps_the_pace(targets: list[str], tmp_path: Path):
    """Ten messages, 20 ms apart, twice as fast: nine pauses of 10 ms, and not one less."""
    step = 20_000_000
    stamped = [
        message("D")[:5] + (34_200 * 10**9 + number * step).to_bytes(6, "big") + message("D")[11:]
        for number in range(10)
    ]
    recording = tmp_path / "day"
    recording.write_bytes(framed(*stamped))
    feed = open_feed(open_lines(targets, interface=LOOPBACK), count=2, start=1)
    arguments = ["replay", str(recording), "--to", targets[0], "--interface", LOOPBACK, "--speed", "2", "--linger", "0"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0
    events = until_ended(feed)
    feed.close()
    times = [event.time_ns for event in events if isinstance(event, Messages)]
    assert block_of(events) == framed(*stamped)
    assert times[-1] - times[0] < 30 * 10**9
    assert json.loads(result.stdout)["seconds"] >= 0.09


def test_an_interrupt_finishes_the_files(targets: list[str], tmp_path: Path):
    with NasdaqFeedSimulator(pairs(targets), seed=9) as nasdaq:
        run = subprocess.Popen(
            command("record", str(tmp_path), "--a", targets[0], "--interface", LOOPBACK),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + 20
        while not list(tmp_path.glob("*.part")) and time.monotonic() < end:
            nasdaq.publish([message("D")])
            time.sleep(0.05)
        os.kill(run.pid, signal.SIGTERM)
        out, _ = run.communicate(timeout=20)
    assert run.returncode == 0
    summary = json.loads(out)
    assert len(summary["files"]) == 1
    assert (tmp_path / summary["files"][0]).read_bytes() == framed(*[message("D")] * summary["messages"])


def test_bad_options_are_one_clear_line(tmp_path: Path):
    for arguments, why in (
        (["record", str(tmp_path), "--a", "nowhere"], "an IPv4 address and a port"),
        (["stats", "--a", "239.1.1.1:0"], "a port is 1 to 65535"),
        (["replay", str(tmp_path / "absent"), "--to", "127.0.0.1:9"], "No such file"),
        (["replay", str(tmp_path), "--to", "127.0.0.1:9", "--speed", "-1"], "a factor above 0"),
        (["replay", str(tmp_path), "--to", "127.0.0.1:9", "--session", "much too long"], "ASCII letters"),
        (["stats", "--a", "239.1.1.1:5", "--interface", "nosuch0"], "nosuch0"),
    ):
        run = subprocess.run(command(*arguments), capture_output=True, text=True, check=False, timeout=60)
        assert run.returncode == 1, arguments
        assert why in run.stderr, run.stderr
        assert len(run.stderr.splitlines()) == 1, run.stderr
