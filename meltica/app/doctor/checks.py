"""What ``meltica doctor`` looks at on a host of the hot process: each check is a function of the host, nothing more.

Sources: kernel Documentation/admin-guide/kernel-parameters.txt (isolcpus, nohz_full, rcu_nocbs, *_idle.max_cstate, mce,
nmi_watchdog), cpuidle and cpufreq under Documentation/admin-guide/pm, AMD UG1586 (Onload), linuxptp's phc2sys(8).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Final, NamedTuple

from meltica.app.doctor.host import Host


class Grade(StrEnum):
    OK = "ok"
    WARN = "warn"
    """Costs latency now and then."""
    BAD = "bad"
    """Costs latency on every order, or the hot process does not get what it asks for."""
    UNKNOWN = "unknown"
    """The host does not tell (a virtual machine, a missing program, no permission)."""


class Target(NamedTuple):
    """For what: the cores of the hot threads and the interface of the market data; empty: not chosen yet."""

    core_ids: tuple[int, ...]
    interface: str


class Finding(NamedTuple):
    check: str
    grade: Grade
    found: str
    why: str
    """What it does to the hot path."""
    how: str
    """How to change it."""


Check = Callable[[Host, Target], Finding]


def cpu_list(text: str) -> frozenset[int]:
    """The kernel's list format: ``0-3,8,10-11``. Flags of isolcpus (``domain,managed_irq,2-3``) are passed over."""
    cores: set[int] = set()
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        if first.isdigit() and (not last or last.isdigit()):
            cores.update(range(int(first), int(last or first) + 1))
    return frozenset(cores)


def parameter(host: Host, name: str) -> str | None:
    """The last ``name=value`` of the kernel's command line; "" for a bare ``name``."""
    found = None
    for word in (host.read("proc/cmdline") or "").split():
        key, _, value = word.partition("=")
        if key == name:
            found = value
    return found


def _cores(host: Host, target: Target) -> tuple[int, ...]:
    return target.core_ids or tuple(sorted(cpu_list(host.read("sys/devices/system/cpu/isolated") or "")))


def _named(cores: frozenset[int] | tuple[int, ...]) -> str:
    return ",".join(str(core) for core in sorted(cores)) or "none"


def _shielded(check: str, name: str, source: str, why: str) -> Check:
    """A list of cores that must hold every hot core."""

    def look(host: Host, target: Target) -> Finding:
        have = cpu_list(host.read(source) or "") | cpu_list(parameter(host, name) or "")
        wanted = frozenset(_cores(host, target))
        how = f"add {name}={_named(wanted) if wanted else '<hot cores>'} to the kernel's command line and reboot"
        missing = wanted - have
        grade = Grade.BAD if missing or not wanted else Grade.OK
        found = f"{name}: {_named(have)}" + (f"; not in it: {_named(missing)}" if missing else "")
        return Finding(check, grade, found, why, how)

    return look


def idle_states(host: Host, target: Target) -> Finding:
    """A core that sleeps deeply wakes after tens of microseconds; polling threads never sleep, their neighbours do."""
    check, worst_us, deep = "C-states", 0, set()
    cores = _cores(host, target) or (0,)
    known = False
    for core in cores:
        folder = f"sys/devices/system/cpu/cpu{core}/cpuidle"
        for state in host.names(folder):
            latency, disabled = host.read(f"{folder}/{state}/latency"), host.read(f"{folder}/{state}/disable")
            known = known or latency is not None
            if latency is not None and latency.isdigit() and disabled != "1" and int(latency) > DEEPEST_US:
                deep.add(core)
                worst_us = max(worst_us, int(latency))
    why = "leaving a deep idle state takes longer than the whole way of an order"
    how = (
        "intel_idle.max_cstate=0 processor.max_cstate=1 idle=poll, or the process's own request (/dev/cpu_dma_latency)"
    )
    limit = parameter(host, "intel_idle.max_cstate") or parameter(host, "processor.max_cstate")
    if not known:
        grade = Grade.OK if limit in ("0", "1") or parameter(host, "idle") == "poll" else Grade.UNKNOWN
        return Finding(check, grade, f"no cpuidle states are shown; max_cstate={limit or 'not set'}", why, how)
    if deep:
        return Finding(check, Grade.BAD, f"cores {_named(frozenset(deep))} may sleep {worst_us} us deep", why, how)
    return Finding(check, Grade.OK, f"no state deeper than {DEEPEST_US} us is enabled", why, how)


def governor(host: Host, target: Target) -> Finding:
    cores = _cores(host, target) or (0,)
    paths = [f"sys/devices/system/cpu/cpu{core}/cpufreq/scaling_governor" for core in cores]
    found = sorted({text for path in paths if (text := host.read(path))})
    grade = Grade.UNKNOWN if not found else Grade.OK if found == ["performance"] else Grade.BAD
    return Finding(
        "frequency governor",
        grade,
        ", ".join(found) or "no cpufreq is shown",
        "a core that changes its clock stands still meanwhile, and runs slowly at first",
        "cpupower frequency-set -g performance",
    )


def siblings(host: Host, target: Target) -> Finding:
    """Two hyperthreads of one core share its caches and ports."""
    shared: set[str] = set()
    cores = _cores(host, target)
    for core in cores:
        others = cpu_list(host.read(f"sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list") or "") - {core}
        online = cpu_list(host.read("sys/devices/system/cpu/online") or "")
        shared.update(f"{core}+{other}" for other in others if other in online)
    grade = Grade.WARN if shared else Grade.OK if cores else Grade.UNKNOWN
    return Finding(
        "hyperthread siblings",
        grade,
        f"online siblings: {', '.join(sorted(shared))}"
        if shared
        else "no hot core shares its core with another thread",
        "a sibling at work halves the caches and takes execution ports at random moments",
        "echo 0 > /sys/devices/system/cpu/cpu<sibling>/online, or nosmt",
    )


def interrupts(host: Host, target: Target) -> Finding:
    """Affinity of every interrupt that fired; the kernel's per-CPU ones can't be moved and are not in /proc/irq."""
    cores = frozenset(_cores(host, target))
    numbers = [name for name in host.names("proc/irq") if name.isdigit()]
    hits = [
        number
        for number in numbers
        if cores
        & cpu_list(
            host.read(f"proc/irq/{number}/effective_affinity_list")
            or host.read(f"proc/irq/{number}/smp_affinity_list")
            or ""
        )
    ]
    grade = Grade.UNKNOWN if not numbers or not cores else Grade.BAD if hits else Grade.OK
    found = (
        f"interrupts on hot cores: {', '.join(hits[:12])}" if hits else f"{len(numbers)} interrupts, none on a hot core"
    )
    return Finding(
        "interrupt affinity",
        grade,
        found if numbers else "/proc/irq is not readable",
        "each interrupt stops the thread for microseconds and empties its caches",
        "irqaffinity=<other cores>, or write the other cores to /proc/irq/<n>/smp_affinity_list",
    )


def irqbalance(host: Host, _target: Target) -> Finding:
    names = [host.read(f"proc/{name}/comm") for name in host.names("proc") if name.isdigit()]
    running = "irqbalance" in names
    return Finding(
        "irqbalance",
        Grade.BAD if running else Grade.OK if names else Grade.UNKNOWN,
        "running" if running else "not running",
        "it moves interrupts back to the hot cores",
        "systemctl disable --now irqbalance, or IRQBALANCE_BANNED_CPULIST=<hot cores>",
    )


def huge_pages(host: Host, target: Target) -> Finding:
    """On the node of the hot cores, because a page of another node costs more at each miss."""
    node = core_node(host, (_cores(host, target) or (0,))[0])
    path = f"sys/devices/system/node/node{node}/hugepages/hugepages-2048kB"
    free = host.read(f"{path}/free_hugepages") or host.read("sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages")
    if free is None or not free.isdigit():
        grade, found = Grade.UNKNOWN, "the kernel shows no 2 MiB pages"
    else:
        grade = Grade.OK if int(free) >= WANTED_HUGE_PAGES else Grade.BAD
        found = f"{free} free pages of 2 MiB on node {node}; {WANTED_HUGE_PAGES} hold the whole market's books"
    return Finding(
        "huge pages",
        grade,
        found,
        "books of a million orders miss the TLB on nearly every message with small pages",
        f"echo {WANTED_HUGE_PAGES} > /{path}/nr_hugepages, early after boot",
    )


def transparent_huge_pages(host: Host, _target: Target) -> Finding:
    text = host.read("sys/kernel/mm/transparent_hugepage/enabled") or ""
    chosen = text.partition("[")[2].partition("]")[0]
    return Finding(
        "transparent huge pages",
        Grade.UNKNOWN if not chosen else Grade.BAD if chosen == "always" else Grade.OK,
        chosen or "not shown",
        "with `always` khugepaged and page faults compact memory at random moments; `madvise` leaves it to who asks",
        "transparent_hugepage=madvise",
    )


def coalescing(host: Host, target: Target) -> Finding:
    """ethtool prints ``rx-usecs:\t3`` and ``Adaptive RX: on  TX: off``."""
    why = "the card waits that long for more packets before it tells anybody of the first one"
    how = f"ethtool -C {target.interface or '<interface>'} adaptive-rx off rx-usecs 0 rx-frames 1"
    if not target.interface:
        return Finding("NIC coalescing", Grade.UNKNOWN, "no interface was named (--interface)", why, how)
    text = host.run("ethtool", "-c", target.interface)
    if text is None:
        return Finding("NIC coalescing", Grade.UNKNOWN, "ethtool is missing or the driver does not tell", why, how)
    values = {
        key.strip().lower(): value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())
    }
    adaptive = values.get("adaptive rx", "").split()[:1] == ["on"]
    wait = values.get("rx-usecs", "n/a").split()[0]
    grade = Grade.BAD if adaptive or (wait.isdigit() and int(wait) > 0) else Grade.OK if wait == "0" else Grade.UNKNOWN
    return Finding("NIC coalescing", grade, f"adaptive-rx {'on' if adaptive else 'off'}, rx-usecs {wait}", why, how)


def nic_node(host: Host, target: Target) -> Finding:
    why = "each packet crosses the bus between the sockets"
    how = "pin the hot threads to cores of the card's node (lscpu, /sys/class/net/<interface>/device/numa_node)"
    node = host.read(f"sys/class/net/{target.interface}/device/numa_node") if target.interface else None
    cores = _cores(host, target)
    if node is None or node == "-1" or not cores:
        return Finding("NIC and cores on one node", Grade.UNKNOWN, "the card or the cores have no node", why, how)
    away = [core for core in cores if core_node(host, core) != int(node)]
    found = f"card on node {node}, cores elsewhere: {_named(tuple(away))}" if away else f"all on node {node}"
    return Finding("NIC and cores on one node", Grade.BAD if away else Grade.OK, found, why, how)


def precision_time(host: Host, target: Target) -> Finding:
    """A PTP clock in the card, and something that steers the system clock by it."""
    clocks = host.names("sys/class/ptp")
    running = {host.read(f"proc/{name}/comm") for name in host.names("proc") if name.isdigit()}
    steering = sorted({"phc2sys", "ptp4l", "chronyd"} & {name for name in running if name})
    why = "order and feed times are compared with the exchange's; without PTP they are off by milliseconds"
    how = "apt install linuxptp; ptp4l -i <interface> -s; phc2sys -s <interface> -w (or chrony with refclock PHC)"
    good = bool(clocks) and ("phc2sys" in steering or "chronyd" in steering)
    grade = Grade.OK if good else Grade.WARN if steering else Grade.BAD
    _ = target
    return Finding(
        "PTP", grade, f"clocks: {', '.join(clocks) or 'none'}; running: {', '.join(steering) or 'none'}", why, how
    )


def core_node(host: Host, core: int) -> int:
    for name in host.names(f"sys/devices/system/cpu/cpu{core}"):
        if name.startswith("node") and name[4:].isdigit():
            return int(name[4:])
    return 0


def _setting(check: str, path: str, wanted: Callable[[str], bool], bad: Grade, *, why: str, how: str) -> Check:
    """A file with one value."""

    def look(host: Host, _target: Target) -> Finding:
        value = host.read(path)
        grade = Grade.UNKNOWN if value is None else Grade.OK if wanted(value) else bad
        return Finding(check, grade, f"/{path}: {value if value is not None else 'not there'}", why, how)

    return look


def swap(host: Host, _target: Target) -> Finding:
    lines = (host.read("proc/swaps") or "").splitlines()
    areas = [line.split()[0] for line in lines[1:] if line]
    return Finding(
        "swap",
        Grade.UNKNOWN if not lines else Grade.WARN if areas else Grade.OK,
        ", ".join(areas) or "none",
        "a page of a process without mlockall can go to the disk, and comes back in milliseconds",
        "swapoff -a, and remove it from /etc/fstab",
    )


DEEPEST_US: Final = 2
WANTED_HUGE_PAGES: Final = 512

CHECKS: Final[tuple[Check, ...]] = (
    _shielded(
        "isolated cores",
        "isolcpus",
        "sys/devices/system/cpu/isolated",
        "the scheduler puts other threads on the hot cores",
    ),
    _shielded(
        "tickless cores",
        "nohz_full",
        "sys/devices/system/cpu/nohz_full",
        "the timer tick stops the thread up to 1,000 times a second",
    ),
    _shielded(
        "RCU callbacks elsewhere",
        "rcu_nocbs",
        "sys/devices/system/cpu/nohz_full",  # The kernel takes the callbacks of these away by itself
        "the kernel frees its memory on the hot cores",
    ),
    idle_states,
    governor,
    siblings,
    interrupts,
    irqbalance,
    huge_pages,
    transparent_huge_pages,
    coalescing,
    nic_node,
    precision_time,
    swap,
    _setting(
        "clock source",
        "sys/devices/system/clocksource/clocksource0/current_clocksource",
        lambda value: value in ("tsc", "kvm-clock", "arch_sys_counter"),
        Grade.BAD,
        why="with hpet or acpi_pm each reading of the time is a system call of a microsecond",
        how="tsc=reliable clocksource=tsc",
    ),
    _setting(
        "real-time throttling",
        "proc/sys/kernel/sched_rt_runtime_us",
        lambda value: value == "-1",
        Grade.WARN,
        why="a thread with real-time priority is stopped for 50 ms of each second",
        how="sysctl kernel.sched_rt_runtime_us=-1",
    ),
    _setting(
        "NUMA balancing",
        "proc/sys/kernel/numa_balancing",
        lambda value: value == "0",
        Grade.WARN,
        why="the kernel unmaps pages to see who uses them: page faults in the loop",
        how="sysctl kernel.numa_balancing=0",
    ),
    _setting(
        "NMI watchdog",
        "proc/sys/kernel/nmi_watchdog",
        lambda value: value == "0",
        Grade.WARN,
        why="it interrupts every core and takes a performance counter",
        how="nmi_watchdog=0",
    ),
    _setting(
        "timer migration",
        "proc/sys/kernel/timer_migration",
        lambda value: value == "0",
        Grade.WARN,
        why="timers of other cores may move to an idle hot core",
        how="sysctl kernel.timer_migration=0",
    ),
    _setting(
        "same-page merging",
        "sys/kernel/mm/ksm/run",
        lambda value: value == "0",
        Grade.WARN,
        why="ksmd write-protects pages: page faults in the loop",
        how="echo 0 > /sys/kernel/mm/ksm/run",
    ),
    _setting(
        "busy polling",
        "proc/sys/net/core/busy_poll",
        lambda value: value.isdigit() and int(value) > 0,
        Grade.WARN,
        why="without it a kernel socket waits for the interrupt (no matter with AF_XDP, Onload or DPDK)",
        how="sysctl net.core.busy_poll=50 net.core.busy_read=50",
    ),
)


def examine(host: Host, target: Target) -> tuple[Finding, ...]:
    return tuple(check(host, target) for check in CHECKS)
