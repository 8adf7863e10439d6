"""Every command of the guides and runbooks, as printed, against a gateway as `make up` starts it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.integration.document_commands import (
    GUIDES,
    ROOT,
    Terminal,
    all_of,
    blocks,
    commands,
    endless,
    ids_in,
    is_stream,
    options_of,
    substituted,
    unmarked,
)

NOT_HERE: Final = {
    r"meltica doctor": "judges the host that it runs on: any answer is right",
    r"meltica hot run": "needs a venue, a feed and cores of its own; tests/integration/test_hot_*.py run it",
    r"(\.venv/bin/)?meltica hot status": "looks at a hot process of this machine; test_hot_whole.py runs it",
    r"meltica feed": "reads recordings, or the market's multicast; tests/integration/test_feed_live.py runs it",
    r"meltica-kill": "would stop every gate of this machine, other people's too; test_kill.py runs it",
    r"journalctl": "reads the log of a service of systemd",
    r"ethtool": "sets up a network card",
    r"aarch64-linux-gnu-gcc": "needs a compiler and an emulator of another processor",
    r"make up CONFIG=": "starts another gateway, with the reader's own strategy: see test_the_strategy_guide",
    r"python -m sim\.venues": "runs until it is stopped: see test_the_pretended_venue_starts",
}
"""Command -> why it is not run here. That its options exist is looked at all the same."""

NO_SUCH_STATE: Final = {
    "ReconciliationService/SettleDifference": "UNKNOWN_DIFFERENCE",
    "meltica reconcile settle": "UNKNOWN_DIFFERENCE",
    "meltica reconcile approve": "UNKNOWN_PROPOSAL",
    "OutcomeService/ResolveOutcome": "NOT_UNCERTAIN",
    "RiskService/RearmBreaker": "NOT_TRIPPED",
    "RiskService/ArmGate": "UNKNOWN_GATE",
    "RiskService/ApproveProposal": "UNKNOWN_PROPOSAL",
}
"""What a sound gateway answers to lines that are for one in trouble: the form is right, the trouble is missing."""

ORDER: Final = (
    "docs/guides/many_orders.md",
    "docs/guides/contingent_orders.md",
    "docs/guides/order_types.md",
    "docs/guides/algorithms.md",
    "docs/guides/execution_analytics.md",
    "docs/guides/reconciliation.md",
)
"""First pages; the others follow by name, and what stops everything comes last."""
LAST: Final = (
    "docs/runbooks/uncertain-orders.md",
    "docs/runbooks/account-mismatched.md",
    "docs/runbooks/stop-everything.md",
    "docs/runbooks/release-the-kill-switch.md",
)
BOUGHT: Final = """$G -d '{"request_id": "0b0f7c1e-5d0c-4a3e-9a53-6f6f0a2f8c11", "account": "main", "quantity": "0.010",
 "instrument": "BTC/USDT@PAPER", "side": "SIDE_BUY", "type": "ORDER_TYPE_LIMIT", "price": "59000.0",
 "time_in_force": "TIME_IN_FORCE_GTC"}' 127.0.0.1:50051 meltica.v1.OrderService/SubmitOrder"""


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def cli(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "meltica.app.cli", *words]
    return subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that looks like a clone in which `make up` was run."""
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parent.parent)
    up = cli("up", folder=tmp_path)
    assert up.returncode == 0, f"is something else listening on port 50051?\n{up.stdout}{up.stderr}"
    yield tmp_path
    assert "gateway stopped" in cli("down", folder=tmp_path).stdout


def excused(command: str) -> bool:
    return any(re.match(pattern, command) for pattern in NOT_HERE)


def pages() -> list[str]:
    rest = [page for page in GUIDES if page not in ORDER and page not in LAST]
    return [*ORDER, *rest, *LAST]


@pytest.mark.slow
def test_every_command_works_as_printed(folder: Path) -> None:
    terminal = Terminal(folder, environment())
    faults: list[str] = []
    known = {}
    try:
        for setting in commands("docs/runbooks/README.md"):
            terminal.run(setting)
        known.update(ids_in(terminal.run(BOUGHT).output))
        for page in pages():
            for printed in commands(page):
                if excused(printed):
                    continue
                typed = substituted(printed, known)
                said = terminal.run(endless(typed) if is_stream(typed) else typed)
                known.update(ids_in(said.output))
                if not understood(printed, said.code, said.output):
                    faults.append(f"{page}: {typed}\n-> {said.code} {said.output[:600]}")
    finally:
        terminal.close()
    assert not faults, "\n\n".join(faults)


def understood(command: str, code: int, output: str) -> bool:
    """Did it do what it was printed for?"""
    if is_stream(command):
        return code == 124 and '"sequence"' in output
    reason = next((why for method, why in NO_SUCH_STATE.items() if method in command), None)
    if reason is not None and code != 0:
        return reason in output
    return code == 0 and "OUTCOME_REFUSED" not in output and "Traceback" not in output


@pytest.mark.parametrize("page", [*GUIDES])
def test_what_looks_like_a_command_says_so(page: str) -> None:
    assert not unmarked(page), "mark the block as sh, so that it is tried"
    for language, text in blocks(page):
        assert "grpcurl ..." not in text, f"{language}: print what somebody can type"


def plain_lines() -> list[tuple[str, str]]:
    """Commands of the README in blocks without a language: they take long, or need what not all hosts have."""
    lines = [line for language, text in blocks("README.md") if not language for line in text.splitlines()]
    return [("README.md", line) for line in lines if re.match(r"(\.venv/bin/|make )", line)]


def test_targets_that_are_printed_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    printed = {line.split()[1] for _, line in plain_lines() if line.startswith("make ")}
    assert len(printed) >= 3
    assert printed <= targets


def test_what_is_not_run_here_has_the_options_that_are_printed() -> None:
    helps: dict[tuple[str, ...], str] = {}
    for page, command in [*all_of(GUIDES), *plain_lines()]:
        if (page != "README.md" and not excused(command)) or "meltica" not in command.split()[0]:
            continue
        words = shlex.split(command.partition("|")[0], comments=True)
        program, *rest = words
        wanted = tuple(word for word in rest[:2] if re.fullmatch(r"[a-z]+", word))
        door = "meltica.app.kill" if program.endswith("-kill") else "meltica.app.cli"
        if wanted not in helps:
            done = subprocess.run(
                [sys.executable, "-m", door, *wanted, "--help"],
                env={**environment(), "COLUMNS": "200"},
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )
            assert done.returncode == 0, f"{page}: {command}: {done.stderr}"
            helps[wanted] = done.stdout
        missing = [option for option in options_of(command.partition("|")[0]) if option not in helps[wanted]]
        assert not missing, f"{page}: {command}: no {missing}"


def test_every_excuse_is_needed() -> None:
    printed = [command for _, command in all_of(GUIDES)]
    for pattern in NOT_HERE:
        assert any(re.match(pattern, command) for command in printed), f"nothing is like {pattern} any more"


@pytest.mark.slow
def test_the_pretended_venue_starts() -> None:
    (command,) = commands("docs/guides/nasdaq_order_entry.md")
    words = shlex.split(command)
    words[0] = sys.executable
    words[words.index("--port") + 1] = "0"
    with pytest.raises(subprocess.TimeoutExpired) as caught:
        subprocess.run(words, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=4, check=True)
    assert "Traceback" not in str(caught.value.stderr)


@pytest.mark.slow
def test_the_strategy_guide(tmp_path: Path) -> None:
    """Its class, its settings and its line, together."""
    page = blocks("docs/guides/strategies.md")
    (code,) = [text for language, text in page if language == "python" and "class DipBuyer" in text]
    (settings,) = [text for language, text in page if language == "toml"]
    (command,) = [text for language, text in page if language == "sh"]
    assert command.strip() == "make up CONFIG=dip.toml"
    package = tmp_path / "my_package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "dip.py").write_text(code)
    (tmp_path / "dip.toml").write_text(settings)
    recipe = (ROOT / "Makefile").read_text("utf-8")
    assert "meltica.app.cli up $(if $(CONFIG),--settings '$(CONFIG)')" in recipe
    up = cli("up", "--settings", "dip.toml", folder=tmp_path)
    down = cli("down", "--settings", "dip.toml", folder=tmp_path)
    assert up.returncode == 0, up.stdout + up.stderr
    assert "gateway stopped" in down.stdout
    shown = cli("journal", "show", ".meltica/journal.db", "--count", "1000", folder=tmp_path)
    assert "'dip-buyer'" in shown.stdout, "its limits were set, so it was started"
