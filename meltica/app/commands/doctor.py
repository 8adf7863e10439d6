"""``meltica doctor``: is this host fit for the hot process, and if not, what to change."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Final

import typer

from meltica.app.commands.terminal import examples
from meltica.app.doctor.checks import Finding, Grade, Target, cpu_list, examine
from meltica.app.doctor.host import Host, LiveHost, RecordedHost, Recorder

INTERFACE: Final = re.compile(r"[A-Za-z0-9_.:@-]{0,15}", re.ASCII)
"""IFNAMSIZ is 16 with the closing zero; nothing that a program could take for an option of another kind."""
SIGNS: Final = {Grade.OK: "ok", Grade.WARN: "WARN", Grade.BAD: "BAD", Grade.UNKNOWN: "?"}


def add_to(app: typer.Typer) -> None:
    app.command(epilog=examples("meltica doctor --cores 2-3 --interface eth1"))(doctor)


def doctor(
    *,
    cores: Annotated[str, typer.Option(help="Cores of the hot threads, as 2,3 or 2-5; else the isolated ones.")] = "",
    interface: Annotated[str, typer.Option(help="Network interface of the market data, as eth1.")] = "",
    recorded: Annotated[Path | None, typer.Option(help="Look at a recorded host instead of this one.")] = None,
    record: Annotated[Path | None, typer.Option(help="Write down what was looked at, for somebody else.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Explain what is fine as well.")] = False,
) -> None:
    """Check each setting of the host that costs latency and explain it. Exit code 1 when something is bad."""
    if not INTERFACE.fullmatch(interface) or interface.startswith("-"):
        raise typer.BadParameter(f"{interface!r} is no name of an interface", param_hint="--interface")
    core_ids = tuple(sorted(cpu_list(cores)))
    if cores and not core_ids:
        raise typer.BadParameter(f"{cores!r} is no list of cores: write 2,3 or 2-5", param_hint="--cores")
    host: Host = LiveHost()
    if recorded is not None:
        host = tree = RecordedHost(recorded)
        known_cores, known_interface = tree.facts()
        core_ids, interface = core_ids or known_cores, interface or known_interface
    if record is not None:
        host = Recorder(host, record, core_ids, interface)
    findings = examine(host, Target(core_ids, interface))
    if as_json:
        print(json.dumps([finding._asdict() for finding in findings], indent=2))
    else:
        print(report(findings, verbose=verbose))
    if any(finding.grade is Grade.BAD for finding in findings):
        raise typer.Exit(1)


def report(findings: tuple[Finding, ...], *, verbose: bool) -> str:
    lines = []
    for finding in findings:
        lines.append(f"{SIGNS[finding.grade]:<5} {finding.check:<26} {finding.found}")
        if verbose or finding.grade in (Grade.BAD, Grade.WARN):
            lines += [f"      why: {finding.why}", f"      do:  {finding.how}"]
    counts = {grade: sum(finding.grade is grade for finding in findings) for grade in Grade}
    lines.append("\n" + ", ".join(f"{count} {grade}" for grade, count in counts.items() if count))
    return "\n".join(lines)
