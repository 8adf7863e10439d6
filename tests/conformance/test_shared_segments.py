"""What is no segment of ours is refused with a sentence, and who has a place keeps it as long as it lives."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from meltica.hot import BackendError
from meltica.hot.shared import load_shared, run_folder
from tests.conformance.shared_records import BACKENDS, PAIRS, folder, poke, record, shared

backends = pytest.mark.parametrize("backend", BACKENDS)
ROOT = Path(__file__).resolve().parents[2]
HOLD = """
import sys
from meltica.hot.shared import load_shared
ring = load_shared(sys.argv[1]).SpscRing.attach(sys.argv[2], role="producer")
ring.push(bytes(64))
print("ready", flush=True)
sys.stdin.read()
"""


def make(backend: str, path: Path) -> Path:
    shared(backend).SpscRing.create(path, slots=4, role="producer").detach()
    return path


@backends
@pytest.mark.parametrize(
    ("offset", "value", "size", "complaint"),
    [
        (0, 0, 8, "was begun and never finished: remove it"),
        (0, int.from_bytes(b"#!/bin/s", "little"), 8, "is no shared segment: it begins with b'#!/bin/s'"),
        (8, 0, 4, "has layout version 0, this program knows 1: end the programs that use it, and remove it"),
        (8, 2, 4, "has layout version 2, this program knows 1"),
        (12, 3, 4, "is a broadcast ring, not an SPSC ring"),
        (12, 77, 4, "is of an unknown kind, not an SPSC ring"),
        (16, 65, 4, "a slot has 64, 128 or 256 bytes, not 65"),
        (24, 6, 8, "the number of slots is a power of two within 2..16777216, not 6"),
        (24, 8, 8, "is too small for 8 slots of 64 bytes"),
        (32, 4096 + 257, 8, "is truncated: 4352 bytes, its header says 4353"),
        (64, 12345, 8, "was made before this machine's last start: remove it"),
        (72, 1, 8, "was made in another pid namespace: whether its producer lives can't be told from here"),
    ],
)
def test_a_segment_with_a_wrong_header(backend: str, offset: int, value: int, size: int, complaint: str) -> None:
    with folder() as run:
        path = make(backend, run / "ring")
        poke(path, offset, value, size)
        before = path.read_bytes()
        with pytest.raises(ValueError, match=complaint) as caught:
            shared(backend).SpscRing.attach(path, role="producer")
        assert isinstance(caught.value, shared(backend).SegmentError)
        assert str(path) in str(caught.value)
        assert path.read_bytes() == before


@backends
@pytest.mark.parametrize("size", [0, 1, 127, 128, 4095])
def test_a_segment_cut_short(backend: str, size: int) -> None:
    with folder() as run:
        path = make(backend, run / "ring")
        os.truncate(path, size)
        with pytest.raises(ValueError, match=f"is truncated: {size} bytes|is truncated: {size // 8 * 8} bytes"):
            shared(backend).SpscRing.attach(path, role="producer")


@backends
def test_files_that_are_not_ours(backend: str) -> None:
    with folder() as run:
        attach = shared(backend).SpscRing.attach
        with pytest.raises(ValueError, match="can't be opened: No such file or directory"):
            attach(run / "none", role="producer")
        with pytest.raises(ValueError, match="can't be opened: Is a directory"):
            attach(run, role="producer")
        os.mkfifo(run / "pipe", 0o600)
        with pytest.raises(ValueError, match="is no regular file"):
            attach(run / "pipe", role="producer")
        path = make(backend, run / "ring")
        (run / "link").symlink_to(path)
        with pytest.raises(ValueError, match="can't be opened: Too many levels of symbolic links"):
            attach(run / "link", role="producer")
        path.chmod(0o640)
        with pytest.raises(ValueError, match=r"is open to other users \(mode 0640\), it must be 0600"):
            attach(path, role="producer")
        path.chmod(0o600)
        os.chown(path, 12345, -1) if os.geteuid() == 0 else path.chmod(0o000)
        with pytest.raises(ValueError, match=r"belongs to user 12345|can't be opened: Permission denied"):
            attach(path, role="producer")


@backends
@pytest.mark.parametrize(
    ("how", "complaint"),
    [
        ({"slots": 3}, "power of two within 2..16777216, not 3"),
        ({"slots": 1}, "power of two within"),
        ({"slots": 2**25}, "power of two within"),
        ({"slots": 4, "slot_size": 63}, "64, 128 or 256 bytes, not 63"),
        ({"slots": 4, "role": "both"}, "one of producer, consumer, observer, not 'both'"),
    ],
)
def test_shapes_that_are_refused(backend: str, how: dict, complaint: str) -> None:
    with folder() as run:
        with pytest.raises(ValueError, match=complaint):
            shared(backend).SpscRing.create(run / "ring", **{"role": "producer"} | how)
        assert list(run.iterdir()) == []


@backends
def test_other_shapes(backend: str) -> None:
    with folder() as run:
        kinds = shared(backend)
        with pytest.raises(ValueError, match=r"a ring has 1\.\.64 lanes, not 65"):
            kinds.MpscRing.create(run / "ring", slots=4, lanes=65, role="consumer")
        with pytest.raises(ValueError, match="starts at one of oldest, newest, next, not 'now'"):
            kinds.BroadcastReader.attach(run / "ring", start="now")
        with pytest.raises(ValueError, match="can't be made: there is no folder"):
            kinds.SpscRing.create(run / "none" / "ring", slots=4, role="producer")
        kinds.MpscRing.create(run / "ring", slots=4, lanes=2, role="consumer")
        with pytest.raises(ValueError, match="has 2 lanes of 4 slots of 64 bytes, not 3 of 4 of 64"):
            kinds.MpscRing.create(run / "ring", slots=4, lanes=3, role="consumer", exist_ok=True)
        make(backend, run / "spsc")
        with pytest.raises(ValueError, match="exists already: attach to it, or remove it when nobody uses it"):
            kinds.SpscRing.create(run / "spsc", slots=4, role="producer")
        with pytest.raises(ValueError, match="has 4 slots of 64 bytes, not 8 of 64"):
            kinds.SpscRing.create(run / "spsc", slots=8, role="producer", exist_ok=True)
        with pytest.raises(ValueError, match="is an SPSC ring, not a broadcast ring"):
            kinds.BroadcastWriter.create(run / "spsc", slots=4, exist_ok=True)
        assert sorted(path.name for path in run.iterdir()) == ["ring", "spsc"]


@backends
def test_a_new_segment_is_ours_alone_whatever_the_umask(backend: str) -> None:
    with folder() as run:
        before = os.umask(0)
        try:
            path = make(backend, run / "ring")
        finally:
            os.umask(before)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.stat().st_blocks * 512 >= 4096 + 256  # Its room is there, not only promised


@backends
def test_a_segment_from_before_the_last_start_is_replaced_where_one_may_be_there(backend: str) -> None:
    with folder() as run:
        path = make(backend, run / "ring")
        poke(path, 64, 12345)
        poke(path, 128, 3)
        ring = shared(backend).SpscRing.create(path, slots=4, role="producer", exist_ok=True)
        assert ring.position == 0
        assert ring.segment.is_current()
        path.unlink()
        assert not ring.segment.is_current()
        make(backend, path)
        assert not ring.segment.is_current()


@backends
def test_what_a_dead_maker_left_is_swept_away_and_what_a_living_one_makes_is_not(backend: str) -> None:
    with folder() as run:
        with subprocess.Popen([sys.executable, "-c", ""]) as child:
            child.wait()
        for pid in (child.pid, os.getppid()):
            (run / f".ring.{pid}.new").write_bytes(b"half")
        make(backend, run / "ring")
        assert sorted(path.name for path in run.iterdir()) == [f".ring.{os.getppid()}.new", "ring"]


@backends
def test_no_room_is_an_error_and_leaves_nothing(backend: str) -> None:
    """2^24 slots of 256 bytes are 4 GiB; the limit stands for a full tmpfs."""
    code = f"""
import resource, signal, sys
from meltica.hot.shared import load_shared
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
try:
    load_shared("{backend}").SpscRing.create(sys.argv[1], slots=1024, role="producer")
except ValueError as error:
    print(error)
"""
    with folder() as run:
        done = subprocess.run(
            [sys.executable, "-c", code, run / "ring"], capture_output=True, text=True, check=True, cwd=ROOT
        )
        assert done.stdout.strip() == f"{run}/ring can't have 69632 bytes: File too large"
        assert list(run.iterdir()) == []


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_a_place_belongs_to_the_living_and_goes_over_from_the_dead(pair: tuple[str, str]) -> None:
    with folder() as run:
        path = make(pair[0], run / "ring")
        command = [sys.executable, "-c", HOLD, pair[0], str(path)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as holder:
            assert holder.stdout is not None
            holder.stdout.readline()
            attach = shared(pair[1]).SpscRing.attach
            taken = f"has a producer already: process {holder.pid}, which lives"
            with pytest.raises(ValueError, match=taken):
                attach(path, role="producer")
            holder.send_signal(signal.SIGSTOP)  # Stopped is not dead: it may go on at any moment
            with pytest.raises(ValueError, match=taken):
                attach(path, role="producer")
            holder.kill()
            os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)
            # Dead with all its threads, though nobody has fetched its exit code yet
            producer = attach(path, role="producer")
            assert (producer.position, producer.counters()["takeovers"]) == (1, 1)


@backends
def test_a_child_made_by_fork_does_not_give_away_its_parents_place(backend: str) -> None:
    code = f"""
import os, sys
from meltica.hot.shared import load_shared
ring = load_shared("{backend}").SpscRing.create(sys.argv[1], slots=4, role="producer")
child = os.fork()
if child == 0:
    ring.detach()
    os._exit(0)
os.waitpid(child, 0)
print(ring.counters()["producer"] == os.getpid())
"""
    with folder() as run:
        done = subprocess.run([sys.executable, "-c", code, run / "r"], capture_output=True, check=True, cwd=ROOT)
        assert done.stdout == b"True\n"


def test_pages_are_where_they_were_asked_for_or_it_is_said() -> None:
    with folder() as run:
        ring = shared("cython").SpscRing.create(
            run / "ring", slots=4, role="producer", lock=True, huge_pages=True, numa_node=0
        )
        found = ring.segment.placement
        assert found["bytes"] == 4096 + 256
        assert found["locked_bytes"] >= found["bytes"] or any("lock: " in note for note in found["notes"])
        assert found["huge_bytes"] > 0 or any("huge pages: " in note for note in found["notes"])
        assert found["numa_node"] in (0, None) or any("NUMA node 0" in note for note in found["notes"])
        other = shared("cython").SpscRing.attach(run / "ring", role="consumer", numa_node=64)
        assert other.segment.placement["notes"] == ["NUMA node 64 is not within 0..63"]
        twin = shared("python").SpscRing.attach(run / "ring", role="observer", lock=True)
        assert twin.segment.placement["notes"] == ["lock: the python backend leaves its pages where they are"]


def test_readers_can_not_write() -> None:
    with folder() as run:
        for backend in BACKENDS:
            writer = shared(backend).BroadcastWriter.create(run / backend, slots=4)
            writer.push(record(1))
            reader = shared(backend).BroadcastReader.attach(run / backend)
            assert not reader.segment.writable
            maps = Path("/proc/self/maps").read_text().splitlines()
            # The writer's mapping still has the name under which it was made
            assert [line.split()[1] for line in maps if line.endswith(f"{run}/{backend}")] == ["r--s"]


def test_the_door(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="MELTICA_HOT is one of cython, python"):
        load_shared("fpga")
    name = f"test-{os.getpid()}"
    made = run_folder(name)
    try:
        assert made == run_folder(name)
        assert stat.S_IMODE(made.stat().st_mode) == 0o700
        made.chmod(0o755)
        with pytest.raises(ValueError, match=r"is no folder of ours alone: user .* mode 755"):
            run_folder(name)
    finally:
        made.rmdir()
