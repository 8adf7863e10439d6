"""Where the hot process lives: its cores, its memory, its priority. Each wish is tried, and each says what came of it.

Nothing fails silently: a wish that the host does not grant is in the report with the kernel's word and what would grant
it, and one that was required ends the start.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Self

from meltica.hot.kernel import Kernel, Linux

HUGE_PAGE: Final = 2 << 20
TIMER_SLACK_NS: Final = 1
LATENCY_DEVICE: Final = "dev/cpu_dma_latency"
REFUSED: Final = (1, 12, 13)  # EPERM, ENOMEM (over RLIMIT_MEMLOCK), EACCES


class Outcome(StrEnum):
    GOT = "got"
    NOT_ALLOWED = "not allowed"
    NOT_THERE = "not there"
    NOT_ASKED = "not asked"


class Wish(StrEnum):
    PINNING = "pinning"
    NUMA = "numa"
    REALTIME = "realtime"
    TIMER_SLACK = "timer_slack"
    MLOCK = "mlock"
    HUGEPAGES = "hugepages"
    CPU_LATENCY = "cpu_latency"
    ISOLATED = "isolated"


@dataclass(frozen=True)
class Measure:
    """What came of one wish; ``of`` is the thread, or ``process``."""

    wish: Wish
    of: str
    outcome: Outcome
    detail: str

    def row(self) -> dict[str, str]:
        return {name: str(value) for name, value in asdict(self).items()}


class PlacementError(Exception):
    """A required wish was not granted; the message lists each, with its reason."""


# What to do about a refusal, in the operator's words.
REMEDY: Final = {
    Wish.PINNING: "give the process the core (cpuset, AllowedCPUs= of the unit)",
    Wish.NUMA: "a kernel with NUMA, and CAP_SYS_NICE where a filter forbids set_mempolicy",
    Wish.REALTIME: "LimitRTPRIO= of the unit, or CAP_SYS_NICE",
    Wish.TIMER_SLACK: "a kernel with prctl PR_SET_TIMERSLACK",
    Wish.MLOCK: "LimitMEMLOCK=infinity of the unit, or CAP_IPC_LOCK",
    Wish.HUGEPAGES: "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled, and free memory",
    Wish.CPU_LATENCY: "write access to /dev/cpu_dma_latency, or intel_idle.max_cstate=0 at boot",
    Wish.ISOLATED: "isolcpus= and nohz_full= with this core on the kernel's command line",
}


class Placement:
    """Tries the wishes and keeps what must be kept open. ``root`` is where /sys, /proc and /dev are."""

    def __init__(self, kernel: Kernel | None = None, root: Path = Path("/")) -> None:
        self._kernel = kernel or Linux()
        self._root = root
        self._held: list[int] = []
        self.report: list[Measure] = []

    def place_thread(self, name: str, cpu: int | None, priority: int = 0) -> None:
        """The calling thread onto ``cpu`` (None: wherever), FIFO at ``priority`` (0: as it is)."""
        self._try(Wish.TIMER_SLACK, name, self._slack)
        if cpu is None:
            for wish in (Wish.PINNING, Wish.NUMA, Wish.ISOLATED):
                self._note(wish, name, Outcome.NOT_ASKED, "no core is named for it")
        else:
            self._try(Wish.PINNING, name, lambda: self._pin(cpu))
            self._try(Wish.NUMA, name, lambda: self._prefer_node(cpu))
            self._isolated(name, cpu)
        if priority:
            self._try(Wish.REALTIME, name, lambda: self._realtime(priority))
        else:
            self._note(Wish.REALTIME, name, Outcome.NOT_ASKED, "realtime_priority is 0")

    def place_process(self, *, lock: bool = True, huge: bool = True, latency: bool = True) -> None:
        """Memory and sleep states, after everything big was allocated."""
        wishes = (
            (Wish.HUGEPAGES, huge, self._huge_pages),
            (Wish.MLOCK, lock, self._lock),
            (Wish.CPU_LATENCY, latency, self._latency),
        )
        for wish, asked, attempt in wishes:
            if asked:
                self._try(wish, "process", attempt)
            else:
                self._note(wish, "process", Outcome.NOT_ASKED, "switched off in the settings")

    def require(self, names: Iterable[str]) -> None:
        """:raises PlacementError: one of the wishes was not granted to everyone who had it, or is no wish."""
        wanted = list(names)
        if unknown := sorted(set(wanted) - set(Wish)):
            raise PlacementError(f"{', '.join(unknown)}: not a wish; there are {', '.join(Wish)}")
        missed = [m for m in self.report if m.wish in wanted and m.outcome is not Outcome.GOT]
        if missed:
            lines = [f"{m.wish} of {m.of}: {m.outcome}: {m.detail}" for m in missed]
            raise PlacementError("required, and not granted: " + "; ".join(lines))

    def close(self) -> None:
        """Lets the cores sleep again."""
        while self._held:
            os.close(self._held.pop())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- each wish: returns what was got, raises OSError, or LookupError when the host has no such thing ---

    def _slack(self) -> str:
        self._kernel.timer_slack(TIMER_SLACK_NS)
        return f"{TIMER_SLACK_NS} ns"

    def _pin(self, cpu: int) -> str:
        if not (self._root / f"sys/devices/system/cpu/cpu{cpu}").exists():
            raise LookupError(f"this host has no core {cpu}")
        self._kernel.pin(cpu)
        return f"core {cpu}"

    def _prefer_node(self, cpu: int) -> str:
        nodes = sorted(self._root.glob(f"sys/devices/system/cpu/cpu{cpu}/node[0-9]*"))
        if not nodes:
            raise LookupError(f"the kernel names no memory node for core {cpu}")
        node = int(nodes[0].name.removeprefix("node"))
        self._kernel.prefer_node(node)
        return f"node {node}, that of core {cpu}"

    def _realtime(self, priority: int) -> str:
        self._kernel.realtime(priority)
        return f"SCHED_FIFO {priority}"

    def _lock(self) -> str:
        self._kernel.lock_memory()
        locked = self._of_status("VmLck")
        return f"{locked // 1024} MiB locked, and what is still to come"

    def _huge_pages(self) -> str:
        allowed = self._read("sys/kernel/mm/transparent_hugepage/enabled")
        if "[never]" in allowed:
            raise LookupError(f"transparent huge pages are switched off here: {allowed}")
        got, asked, refused = 0, 0, OSError(0, f"no memory of {HUGE_PAGE >> 20} MiB or more to ask for")
        for begin, end in self._large_mappings():
            asked += end - begin
            try:
                self._kernel.huge(begin, end - begin)
            except OSError as error:
                refused = error  # A part that can't be: the others can
            else:
                got += end - begin
        if not got:
            raise refused
        return f"{got >> 20} of {asked >> 20} MiB on huge pages"

    def _latency(self) -> str:
        device = self._root / LATENCY_DEVICE
        if not device.exists():
            raise LookupError(f"no /{LATENCY_DEVICE}: a guest without power management has none")
        self._held.append(self._kernel.hold_cpu_latency(str(device)))
        return "0 us to wake up, as long as this process lives"

    def _isolated(self, name: str, cpu: int) -> None:
        files = ("isolated", "nohz_full")
        lists = {file: cores(self._read(f"sys/devices/system/cpu/{file}", missing="")) for file in files}
        missing = [file for file, members in lists.items() if cpu not in members]
        if missing:
            self._note(Wish.ISOLATED, name, Outcome.NOT_THERE, f"core {cpu} is not in {', '.join(missing)}")
        else:
            self._note(Wish.ISOLATED, name, Outcome.GOT, f"core {cpu} is in {', '.join(files)}")

    # --- looking ---

    def _try(self, wish: Wish, of: str, attempt: Callable[[], str]) -> None:
        try:
            detail = attempt()
        except OSError as error:
            outcome = Outcome.NOT_ALLOWED if error.errno in REFUSED else Outcome.NOT_THERE
            self._note(wish, of, outcome, f"{error.strerror or error}")
        except LookupError as error:
            self._note(wish, of, Outcome.NOT_THERE, str(error.args[0]))
        else:
            self._note(wish, of, Outcome.GOT, detail)

    def _note(self, wish: Wish, of: str, outcome: Outcome, detail: str) -> None:
        missed = outcome in (Outcome.NOT_ALLOWED, Outcome.NOT_THERE)
        self.report.append(Measure(wish, of, outcome, f"{detail}; it takes {REMEDY[wish]}" if missed else detail))

    def _large_mappings(self) -> list[tuple[int, int]]:
        """Whole huge pages within this process' private, anonymous, writable memory."""
        found = []
        for line in self._read("proc/self/maps").splitlines():
            place, rights, _, device, *_ = line.split(maxsplit=5)
            begin, end = (int(word, 16) for word in place.split("-"))
            begin, end = -(-begin // HUGE_PAGE) * HUGE_PAGE, end // HUGE_PAGE * HUGE_PAGE
            if rights == "rw-p" and device == "00:00" and "[stack" not in line and begin < end:
                found.append((begin, end))
        return found

    def _of_status(self, name: str) -> int:
        found = re.search(rf"^{name}:\s+(\d+) kB$", self._read("proc/self/status"), re.MULTILINE)
        return int(found.group(1)) if found else 0

    def _read(self, name: str, missing: str | None = None) -> str:
        path = self._root / name
        if missing is not None and not path.exists():
            return missing
        return path.read_text().strip()


def cores(text: str) -> set[int]:
    """``0-2,5`` as the kernel writes lists of cores; "" and "(null)" are none."""
    found: set[int] = set()
    for part in text.replace("(null)", "").split(","):
        first, _, last = part.strip().partition("-")
        if first:
            found |= set(range(int(first), int(last or first) + 1))
    return found


def check_cores(wanted: Sequence[int | None]) -> None:
    """:raises PlacementError: two loops that spin would share a core."""
    named = [cpu for cpu in wanted if cpu is not None]
    if len(set(named)) != len(named):
        raise PlacementError(f"each loop spins, so each needs a core of its own: {named}")
