"""What the host grants, refuses or lacks, each told apart; on a made-up /sys and /proc, and once on the real ones."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from meltica.hot.kernel import Linux
from meltica.hot.placement import Outcome, Placement, PlacementError, Wish, check_cores, cores

MAPS = """\
7f0000000000-7f0000a00000 rw-p 00000000 00:00 0
7f0001000000-7f0001010000 rw-p 00000000 00:00 0                    [heap]
7f0002000000-7f0004000000 r--p 00000000 00:00 0
7f0005000000-7f0007000000 rw-p 00000000 fd:00 77                   /usr/lib/libbig.so
7f0008100000-7f0008600000 rw-p 00000000 00:00 0
7ffc00000000-7ffc00800000 rw-p 00000000 00:00 0                    [stack]
"""


class GenerousKernel:
    """Grants everything, and writes it down."""

    def __init__(self, refuses: dict[str, int] | None = None) -> None:
        self.calls: list[tuple[object, ...]] = []
        self._refuses = refuses or {}

    def _called(self, *call: object) -> None:
        self.calls.append(call)
        if number := self._refuses.get(str(call[0]), 0):
            raise OSError(number, os.strerror(number))

    def pin(self, cpu: int) -> None:
        self._called("pin", cpu)

    def lock_memory(self) -> None:
        self._called("lock_memory")

    def unlock_memory(self) -> None:
        self._called("unlock_memory")

    def prefer_node(self, node: int) -> None:
        self._called("prefer_node", node)

    def realtime(self, priority: int) -> None:
        self._called("realtime", priority)

    def timer_slack(self, ns: int) -> None:
        self._called("timer_slack", ns)

    def huge(self, address: int, size: int) -> None:
        self._called("huge", address, size)

    def hold_cpu_latency(self, path: str) -> int:
        self._called("hold_cpu_latency", path)
        return os.open(path, os.O_RDONLY)


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A host with two nodes, where core 3 is isolated and of node 1."""
    write = {
        "sys/devices/system/cpu/cpu3/node1/cpulist": "2-3",
        "sys/devices/system/cpu/isolated": "2-3\n",
        "sys/devices/system/cpu/nohz_full": "3\n",
        "sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n",
        "proc/self/maps": MAPS,
        "proc/self/status": "VmPeak:\t 9 kB\nVmLck:\t 20480 kB\n",
        "dev/cpu_dma_latency": "",
    }
    for name, text in write.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def outcomes(placement: Placement) -> dict[str, tuple[Outcome, str]]:
    return {measure.wish: (measure.outcome, measure.detail) for measure in placement.report}


def test_a_generous_host_grants_everything(host: Path) -> None:
    kernel = GenerousKernel()
    with Placement(kernel, host) as placement:
        placement.place_thread("orders", 3, priority=10)
        placement.place_process()
        assert {outcome for outcome, _ in outcomes(placement).values()} == {Outcome.GOT}
        assert set(outcomes(placement)) == set(Wish)
        placement.require(list(Wish))
    assert ("pin", 3) in kernel.calls
    assert ("prefer_node", 1) in kernel.calls
    assert ("realtime", 10) in kernel.calls
    assert ("timer_slack", 1) in kernel.calls
    huge = [call[1:] for call in kernel.calls if call[0] == "huge"]
    assert huge == [(0x7F0000000000, 0xA00000), (0x7F0008200000, 0x400000)]
    assert outcomes(placement)[Wish.MLOCK][1].startswith("20 MiB")
    assert outcomes(placement)[Wish.HUGEPAGES][1] == "14 of 14 MiB on huge pages"


REFUSALS = {
    "pin": (errno.EPERM, Wish.PINNING, "AllowedCPUs"),
    "prefer_node": (errno.EPERM, Wish.NUMA, "set_mempolicy"),
    "realtime": (errno.EPERM, Wish.REALTIME, "LimitRTPRIO"),
    "lock_memory": (errno.ENOMEM, Wish.MLOCK, "LimitMEMLOCK"),
    "hold_cpu_latency": (errno.EACCES, Wish.CPU_LATENCY, "cpu_dma_latency"),
}


@pytest.mark.parametrize("call", REFUSALS)
def test_a_refusal_is_told_with_its_reason_and_what_would_help(host: Path, call: str) -> None:
    number, wish, remedy = REFUSALS[call]
    with Placement(GenerousKernel({call: number}), host) as placement:
        placement.place_thread("orders", 3, priority=10)
        placement.place_process()
        found = outcomes(placement)
        assert found[wish][0] is Outcome.NOT_ALLOWED
        assert os.strerror(number) in found[wish][1]
        assert remedy in found[wish][1]
        assert [name for name, (outcome, _) in found.items() if outcome is not Outcome.GOT] == [wish]
        with pytest.raises(PlacementError, match=f"{wish} of .*not allowed"):
            placement.require([wish])
        placement.require([name for name in Wish if name != wish])


def test_a_part_that_cannot_be_huge_leaves_the_others(host: Path) -> None:
    class Picky(GenerousKernel):
        def huge(self, address: int, size: int) -> None:
            super().huge(address, size)
            if address == 0x7F0000000000:
                raise OSError(errno.EINVAL, "Invalid argument")

    with Placement(Picky(), host) as placement:
        placement.place_process(lock=False, latency=False)
        assert outcomes(placement)[Wish.HUGEPAGES] == (Outcome.GOT, "4 of 14 MiB on huge pages")


def test_what_the_kernel_does_not_have_is_not_there(host: Path) -> None:
    with Placement(GenerousKernel({"prefer_node": errno.ENOSYS, "huge": errno.EINVAL}), host) as placement:
        placement.place_thread("orders", 3)
        placement.place_process(lock=False)
        found = outcomes(placement)
        assert found[Wish.NUMA][0] is found[Wish.HUGEPAGES][0] is Outcome.NOT_THERE


def test_what_the_host_does_not_have_is_not_there(host: Path) -> None:
    (host / "dev/cpu_dma_latency").unlink()
    (host / "sys/kernel/mm/transparent_hugepage/enabled").write_text("always madvise [never]")
    (host / "sys/devices/system/cpu/cpu4").mkdir()
    kernel = GenerousKernel()
    with Placement(kernel, host) as placement:
        placement.place_thread("orders", 4)
        placement.place_process(lock=False)
        found = outcomes(placement)
        for wish in (Wish.NUMA, Wish.ISOLATED, Wish.HUGEPAGES, Wish.CPU_LATENCY):
            assert found[wish][0] is Outcome.NOT_THERE, wish
        assert found[Wish.PINNING][0] is Outcome.GOT
        assert "isolated, nohz_full" in found[Wish.ISOLATED][1]
    with Placement(kernel, host) as placement:
        placement.place_thread("orders", 9)
        assert outcomes(placement)[Wish.PINNING] == (
            Outcome.NOT_THERE,
            f"this host has no core 9; it takes {'give the process the core (cpuset, AllowedCPUs= of the unit)'}",
        )
    assert ("pin", 9) not in kernel.calls


def test_a_core_isolated_but_not_from_the_tick_says_which(host: Path) -> None:
    (host / "sys/devices/system/cpu/nohz_full").write_text("(null)\n")
    with Placement(GenerousKernel(), host) as placement:
        placement.place_thread("orders", 3)
        assert "core 3 is not in nohz_full" in outcomes(placement)[Wish.ISOLATED][1]


def test_what_nobody_asked_for_is_no_miss_but_no_grant_either(host: Path) -> None:
    kernel = GenerousKernel()
    with Placement(kernel, host) as placement:
        placement.place_thread("orders", None)
        placement.place_process(lock=False, huge=False, latency=False)
        found = outcomes(placement)
        assert {name for name, (outcome, _) in found.items() if outcome is Outcome.NOT_ASKED} == set(Wish) - {
            Wish.TIMER_SLACK
        }
        with pytest.raises(PlacementError, match="mlock of process: not asked"):
            placement.require(["mlock"])
    assert [call[0] for call in kernel.calls] == ["timer_slack"]


def test_a_wish_that_is_none_is_named() -> None:
    with pytest.raises(PlacementError, match=r"pining: not a wish; there are pinning, "):
        Placement(GenerousKernel()).require(["pining", "mlock"])


def test_one_thread_without_is_a_miss(host: Path) -> None:
    with Placement(GenerousKernel(), host) as placement:
        placement.place_thread("orders", 3)
        placement.place_thread("market", None)
        with pytest.raises(PlacementError, match="pinning of market"):
            placement.require(["pinning"])


def test_the_latency_device_is_let_go(host: Path) -> None:
    placement = Placement(GenerousKernel(), host)
    placement.place_process()
    held = placement._held[0]
    placement.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(held)


def test_lists_of_cores() -> None:
    assert cores("0-2,5") == {0, 1, 2, 5}
    assert cores("7\n") == {7}
    assert cores("") == cores("(null)") == set()
    check_cores([0, 1, None, None])
    with pytest.raises(PlacementError, match="a core of its own"):
        check_cores([1, 0, 1])


def test_the_real_kernel_pins_a_thread_and_no_other() -> None:
    """In a thread of its own, which ends: the interpreter's other threads keep their cores."""
    before = os.sched_getaffinity(0)
    core = max(before)
    seen: dict[str, object] = {}

    def pinned() -> None:
        with Placement() as placement:
            placement.place_thread("orders", core)
            seen["cores"] = os.sched_getaffinity(0)
            seen["slack"] = Path(f"/proc/{threading.get_native_id()}/timerslack_ns").read_text().strip()
            seen["report"] = {measure.wish: measure for measure in placement.report}

    thread = threading.Thread(target=pinned)
    thread.start()
    thread.join()
    assert seen["cores"] == {core}
    assert seen["slack"] == "1"
    assert os.sched_getaffinity(0) == before
    report = seen["report"]
    assert isinstance(report, dict)
    assert report[Wish.PINNING].outcome is report[Wish.TIMER_SLACK].outcome is Outcome.GOT
    assert report[Wish.NUMA].outcome is not Outcome.NOT_ASKED


def test_the_real_kernel_says_no_in_words() -> None:
    """Core 9,999 is not there; a node beyond the mask's truth is refused; no address 0 to make huge."""
    linux = Linux()
    with pytest.raises(OSError, match="Invalid argument"):
        linux.pin(9_999)
    with pytest.raises(OSError, match="Invalid argument"):
        linux.prefer_node(1_000)
    with pytest.raises(OSError, match=r"Cannot allocate|Invalid argument|Bad address"):
        linux.huge(0, 1 << 21)
