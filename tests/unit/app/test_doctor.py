"""The doctor is judged on recorded hosts: an untuned virtual machine as it was found, and a tuned server.

``hosts/*.json`` holds a recording each, path -> text; a recording is a folder, so the test writes it out first. The
server's was typed after the formats of the kernel and of ethtool, for want of one; each setting is spoilt in turn.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from meltica.app.cli import app
from meltica.app.doctor.checks import CHECKS, Finding, Grade, Target, cpu_list, examine
from meltica.app.doctor.host import RecordedHost, RecordingError

HOSTS = Path(__file__).parent / "hosts"
SERVER = Target((2, 3), "ens1f0")

SPOILT = [
    ("isolated cores", Grade.BAD, {"proc/cmdline": "isolcpus=2 nohz_full=2-3", "sys/devices/system/cpu/isolated": "2"}),
    ("tickless cores", Grade.BAD, {"proc/cmdline": "rcu_nocbs=2-3", "sys/devices/system/cpu/nohz_full": ""}),
    ("RCU callbacks elsewhere", Grade.BAD, {"proc/cmdline": "rcu_nocbs=2", "sys/devices/system/cpu/nohz_full": "2"}),
    ("C-states", Grade.BAD, {"sys/devices/system/cpu/cpu3/cpuidle/state1/disable": "0"}),
    ("frequency governor", Grade.BAD, {"sys/devices/system/cpu/cpu2/cpufreq/scaling_governor": "powersave"}),
    ("hyperthread siblings", Grade.WARN, {"sys/devices/system/cpu/cpu2/topology/thread_siblings_list": "0,2"}),
    ("interrupt affinity", Grade.BAD, {"proc/irq/77/effective_affinity_list": "3"}),
    ("irqbalance", Grade.BAD, {"proc/900/comm": "irqbalance"}),
    ("huge pages", Grade.BAD, {"sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages": "511"}),
    ("transparent huge pages", Grade.BAD, {"sys/kernel/mm/transparent_hugepage/enabled": "[always] madvise never"}),
    ("NIC coalescing", Grade.BAD, {"commands/ethtool -c ens1f0": "Adaptive RX: on  TX: off\nrx-usecs:\t0"}),
    ("NIC coalescing", Grade.BAD, {"commands/ethtool -c ens1f0": "Adaptive RX: off  TX: off\nrx-usecs:\t3"}),
    ("NIC coalescing", Grade.UNKNOWN, {"commands/ethtool -c ens1f0": "rx-usecs: n/a"}),
    ("NIC and cores on one node", Grade.BAD, {"sys/class/net/ens1f0/device/numa_node": "1"}),
    ("NIC and cores on one node", Grade.UNKNOWN, {"sys/class/net/ens1f0/device/numa_node": "-1"}),
    ("PTP", Grade.WARN, {"proc/813/comm": "sleep"}),
    ("swap", Grade.WARN, {"proc/swaps": "Filename\tType\tSize\tUsed\tPriority\n/dev/sda3 partition 1 0 -2"}),
    ("clock source", Grade.BAD, {"sys/devices/system/clocksource/clocksource0/current_clocksource": "hpet"}),
    ("real-time throttling", Grade.WARN, {"proc/sys/kernel/sched_rt_runtime_us": "950000"}),
    ("NUMA balancing", Grade.WARN, {"proc/sys/kernel/numa_balancing": "1"}),
    ("NMI watchdog", Grade.WARN, {"proc/sys/kernel/nmi_watchdog": "1"}),
    ("timer migration", Grade.WARN, {"proc/sys/kernel/timer_migration": "1"}),
    ("same-page merging", Grade.WARN, {"sys/kernel/mm/ksm/run": "1"}),
    ("busy polling", Grade.WARN, {"proc/sys/net/core/busy_poll": "0"}),
]  # fmt: skip


def written(folder: Path, name: str, **changes: str) -> Path:
    for path, text in {**json.loads((HOSTS / f"{name}.json").read_text("utf-8")), **changes}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text + "\n", "utf-8")
    return folder


def looked_at(folder: Path, target: Target = SERVER) -> dict[str, Finding]:
    return {finding.check: finding for finding in examine(RecordedHost(folder), target)}


def test_a_tuned_server_is_fine(tmp_path: Path) -> None:
    found = looked_at(written(tmp_path, "tuned_server"))
    assert len(found) == len(CHECKS)
    assert [finding for finding in found.values() if finding.grade is not Grade.OK] == []


@pytest.mark.parametrize(
    ("check", "grade", "changes"), SPOILT, ids=lambda value: value if isinstance(value, str) else ""
)
def test_each_setting_matters(tmp_path: Path, check: str, grade: Grade, changes: dict[str, str]) -> None:
    found = looked_at(written(tmp_path, "tuned_server", **changes))
    assert found[check].grade is grade
    also = {"tickless cores"} if check == "RCU callbacks elsewhere" else set()  # nohz_full takes the callbacks away too
    assert {name for name, finding in found.items() if finding.grade is not Grade.OK} == {check} | also
    assert found[check].why
    assert found[check].how


def test_every_check_is_spoilt_above() -> None:
    assert {check for check, _, _ in SPOILT} == {finding.check for finding in examine(Nothing(), Target((), ""))}


def test_an_untuned_machine_is_told_what_to_do(tmp_path: Path) -> None:
    found = looked_at(written(tmp_path, "untuned_vm"), Target((1,), "eth0"))
    bad = {name for name, finding in found.items() if finding.grade is Grade.BAD}
    assert bad == {
        "isolated cores",
        "tickless cores",
        "RCU callbacks elsewhere",
        "interrupt affinity",
        "huge pages",
        "PTP",
    }
    assert found["isolated cores"].how == "add isolcpus=1 to the kernel's command line and reboot"


class Nothing:
    """A host that tells nothing at all."""

    def read(self, path: str) -> str | None:
        return None

    def names(self, path: str) -> tuple[str, ...]:
        return ()

    def run(self, *command: str) -> str | None:
        return None


def test_a_host_that_tells_nothing_is_unknown_and_never_fine() -> None:
    grades = {finding.check: finding.grade for finding in examine(Nothing(), SERVER)}
    assert Grade.OK not in {grade for check, grade in grades.items() if check != "hyperthread siblings"}


@pytest.mark.parametrize(
    ("text", "cores"),
    [
        ("", ()),
        ("3", (3,)),
        ("0-2,5", (0, 1, 2, 5)),
        ("domain,managed_irq,2-3", (2, 3)),
        ("(null)", ()),
        ("-", ()),
        ("2-", (2,)),
        ("x-3", ()),
    ],
)
def test_core_lists(text: str, cores: tuple[int, ...]) -> None:
    assert cpu_list(text) == frozenset(cores)


def test_the_command_says_what_is_bad_and_exits_with_1(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["doctor", "--recorded", str(written(tmp_path, "untuned_vm"))])
    assert done.exit_code == 1
    assert "BAD   isolated cores" in done.output
    assert "do:  add isolcpus=1" in done.output


def test_the_command_gives_json_and_exits_with_0_on_a_tuned_host(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["doctor", "--json", "--recorded", str(written(tmp_path, "tuned_server"))])
    assert done.exit_code == 0, done.output
    assert {finding["grade"] for finding in json.loads(done.output)} == {"ok"}


def test_a_recording_of_this_machine_gives_the_same_findings(tmp_path: Path) -> None:
    live = CliRunner().invoke(app, ["doctor", "--cores", "0", "--interface", "lo", "--record", str(tmp_path / "host")])
    again = CliRunner().invoke(app, ["doctor", "--recorded", str(tmp_path / "host")])
    assert live.output == again.output
    assert live.exit_code == again.exit_code


@pytest.mark.parametrize("arguments", [["--interface", "-c eth0"], ["--interface", "a b"], ["--cores", "two"]])
def test_bad_arguments_are_refused(arguments: list[str]) -> None:
    done = CliRunner().invoke(app, ["doctor", *arguments])
    assert done.exit_code == 2


def test_a_folder_that_is_no_recording_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="no folder proc"):
        RecordedHost(tmp_path)
    (tmp_path / "proc").mkdir()
    (tmp_path / "facts.json").write_text("[1", "utf-8")
    with pytest.raises(RecordingError, match=r"facts\.json is not readable"):
        RecordedHost(tmp_path).facts()
