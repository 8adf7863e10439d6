"""kill -9 and SIGSTOP of either side of a ring at any moment: nothing published is lost or doubled, all is counted."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from meltica.hot.shared import BroadcastReader, BroadcastWriter, MpscRing, SpscRing, TopOfBookReader, TopOfBookWriter
from tests.chaos.ring_actor import BATCH, MAX_RECORDS, check_row, tally_of
from tests.conformance.shared_records import folder, number_of

ROOT = Path(__file__).resolve().parents[2]
KILLS = 12
DEADLINE_S = 30


@pytest.fixture
def dice() -> random.Random:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - a failed run can be repeated
    return random.Random(seed)


@contextmanager
def actor(*arguments: object) -> Iterator[subprocess.Popen[bytes]]:
    """Running, and past its start; killed at the end if it still lives. Its complaints go to our standard error."""
    command = [sys.executable, "-m", "tests.chaos.ring_actor", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield process
        finally:
            process.kill()


def kill(process: subprocess.Popen[bytes]) -> None:
    assert process.poll() is None, "it failed by itself"
    process.kill()
    process.wait()


def wait_until(what: object) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not what():  # type: ignore[operator]
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.001)


@pytest.mark.slow
def test_either_side_of_an_spsc_ring_killed_at_any_moment(dice: random.Random) -> None:
    with folder() as run:
        path, tally_path = run / "ring", run / "tally"
        ring = SpscRing.create(path, slots=64, role="observer")

        def moves(records: int) -> None:
            before = ring.counters()["popped"]
            wait_until(lambda: ring.counters()["popped"] >= before + records)
            time.sleep(dice.random() * 0.02)

        for _ in range(KILLS):
            with actor("consumer", "spsc", path, tally_path) as consumer:
                with actor("producer", "spsc", path) as producer:
                    moves(100)
                    kill(producer)
                with actor("producer", "spsc", path):
                    moves(100)
                    kill(consumer)
                    wait_until(lambda: len(ring) == 64)
        with actor("consumer", "spsc", path, tally_path) as consumer:
            wait_until(lambda: len(ring) == 0)
            kill(consumer)
        told = ring.counters()
        tally = tally_of(tally_path)
        assert told["pushed"] == told["popped"] < MAX_RECORDS
        assert tally[: told["pushed"]].min() == 1, "a published record was lost"
        # At most the one that a dying consumer had in hand is met again, at its own position
        assert np.count_nonzero(tally > 1) <= KILLS
        assert not tally[told["pushed"] : told["pushed"] + 2**20].any()
        assert told["takeovers"] == (2 * KILLS - 1) + KILLS
        assert told["lost"] <= 2 * KILLS * BATCH


@pytest.mark.slow
def test_producers_of_an_mpsc_ring_killed_at_any_moment(dice: random.Random) -> None:
    with folder() as run:
        path = run / "ring"
        consumer = MpscRing.create(path, slots=32, lanes=3, role="consumer")
        expected = [0, 0, 0]
        recovered = []

        def drain(seconds: float) -> None:
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                for _ in range(100):
                    data = consumer.pop()
                    if data is not None:
                        number = number_of(data)
                        lane, at = number >> 32, number & 2**32 - 1
                        assert (lane, at) == (consumer.lane_number, expected[lane])
                        expected[lane] += 1

        for _ in range(KILLS):
            with actor("producer", "mpsc", path) as one, actor("producer", "mpsc", path) as other:
                before = list(expected)
                while sum(now > then for now, then in zip(expected, before, strict=True)) < 2:
                    drain(0.01)
                drain(dice.random() * 0.02)
                kill(one)
                drain(0.005)  # The other one goes on
                kill(other)
            drain(0.01)
            recovered += consumer.recover()
        drain(0.01)
        told = consumer.counters()
        assert told["pushed"] == told["popped"] == sum(expected)
        assert len(recovered) == told["takeovers"] == 2 * KILLS
        assert told["lost"] == sum(one["lost"] for one in recovered)
        assert (len(consumer), told["producers"]) == (0, [])


@pytest.mark.slow
def test_a_broadcast_goes_on_after_its_writer(dice: random.Random) -> None:
    with folder() as run:
        path = run / "ring"
        BroadcastWriter.create(path, slots=64).detach()
        ours = BroadcastReader.attach(path, start="oldest")
        with actor("reader", "broadcast", path) as reader:
            for _ in range(KILLS):
                with actor("writer", "broadcast", path) as writer:
                    begin, deadline = ours.position, time.monotonic() + dice.random() * 0.05
                    while time.monotonic() < deadline or ours.position < begin + 100:
                        if (data := ours.pop()) is not None:
                            assert number_of(data) == ours.position - 1
                    kill(writer)
            while (data := ours.pop()) is not None:
                assert number_of(data) == ours.position - 1
            assert reader.poll() is None, "a reader saw a torn record"
        told = ours.counters()
        # A writer that died after its last record and before saying so left one more than it told of
        assert ours.position - told["pushed"] in (0, 1)
        assert ours.received + ours.lost == ours.position
        assert told["takeovers"] == KILLS - 1
        assert told["lost"] <= KILLS


@pytest.mark.slow
def test_no_row_is_shown_torn_whenever_its_writer_dies(dice: random.Random) -> None:
    with folder() as run:
        path = run / "tops"
        TopOfBookWriter.create(path).detach()
        ours = TopOfBookReader.attach(path)
        with actor("writer", "top", path) as first, actor("reader", "top", path) as reader:
            kill(first)
            for _ in range(KILLS):
                with actor("writer", "top", path) as writer:
                    mark = ours.changed_since(0)[1]
                    deadline = time.monotonic() + dice.random() * 0.05
                    while time.monotonic() < deadline or ours.changed_since(mark)[1] == mark:
                        for locate in range(7):
                            check_row(ours.read_bytes(locate))
                    kill(writer)
            assert reader.poll() is None, "a reader saw a torn row"
        TopOfBookWriter.attach(path).detach()
        for locate in range(7):
            check_row(ours.read_bytes(locate))
        told = ours.counters()
        assert told["takeovers"] == KILLS + 1
        assert told["torn"] <= KILLS + 1


@pytest.mark.slow
def test_a_stopped_side_keeps_its_place_and_goes_on(dice: random.Random) -> None:
    with folder() as run:
        path, tally_path = run / "ring", run / "tally"
        ring = SpscRing.create(path, slots=64, role="observer")
        with actor("producer", "spsc", path) as producer, actor("consumer", "spsc", path, tally_path) as consumer:
            for victim, role in ((producer, "producer"), (consumer, "consumer")) * 4:
                time.sleep(dice.random() * 0.02)
                os.kill(victim.pid, signal.SIGSTOP)
                wait_until(lambda role=role: len(ring) == (0 if role == "producer" else 64))
                with pytest.raises(ValueError, match=f"has a {role} already: process {victim.pid}, which lives"):
                    SpscRing.attach(path, role=role)
                before = ring.counters()["popped"]
                os.kill(victim.pid, signal.SIGCONT)
                wait_until(lambda before=before: ring.counters()["popped"] > before)
            kill(producer)
            wait_until(lambda: len(ring) == 0)
            kill(consumer)
        told = ring.counters()
        tally = tally_of(tally_path)
        assert told["pushed"] == told["popped"]
        assert tally[: told["pushed"]].tobytes() == b"\1" * told["pushed"]
        assert (told["takeovers"], told["full"] > 0) == (0, True)
