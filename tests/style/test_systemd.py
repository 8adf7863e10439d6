"""The units in deploy/systemd: systemd itself says whether they are well-formed and how exposed a service is."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from meltica.app.cli import app

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "systemd"
UNIT = FOLDER / "meltica-hot@.service"
MOST_EXPOSED = 20
"""Tenths: systemd's scale goes to 100, a unit without any hardening has 96."""


@pytest.fixture
def analyze() -> str:
    found = shutil.which("systemd-analyze")
    assert found, "systemd-analyze is missing: tools/bootstrap.sh dev installs it (systemd)"
    return found


def values(text: str, name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", text, re.MULTILINE)


def test_the_hot_process_is_hardly_exposed(analyze: str, tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text("utf-8"), "utf-8")
    command = [analyze, "security", "--offline=true", f"--threshold={MOST_EXPOSED}", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-400:] + done.stderr


def test_with_the_rights_of_af_xdp_it_is_exposed_a_little_more(analyze: str, tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    drop_in = tmp_path / f"{UNIT.name}.d" / "xdp.conf"
    drop_in.parent.mkdir()
    unit.write_text(UNIT.read_text("utf-8"), "utf-8")
    drop_in.write_text((FOLDER / "xdp.conf").read_text("utf-8"), "utf-8")
    command = [analyze, "security", "--offline=true", "--threshold=30", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-400:] + done.stderr


def test_systemd_knows_every_line(analyze: str, tmp_path: Path) -> None:
    """Only the program's path may be missing here: it is where a site installs it."""
    unit = tmp_path / UNIT.name.replace("@", "@nasdaq1")
    unit.write_text(UNIT.read_text("utf-8"), "utf-8")
    done = subprocess.run([analyze, "verify", str(unit)], capture_output=True, text=True, check=False)
    about_us = [line for line in done.stderr.splitlines() if UNIT.stem.rstrip("@") in line]
    assert [line for line in about_us if "is not executable: No such file" not in line] == []


def test_the_command_of_the_unit_is_one_that_we_have() -> None:
    (command,) = values(UNIT.read_text("utf-8"), "ExecStart")
    program, *arguments = shlex.split(command)
    assert program == "/opt/meltica/.venv/bin/meltica"
    names = [word for word in arguments if not word.startswith(("-", "/"))]
    shown = CliRunner().invoke(app, [*names, "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0, shown.output
    assert all(word in shown.output for word in arguments if word.startswith("--"))


def test_it_gets_what_the_loops_need() -> None:
    text = UNIT.read_text("utf-8")
    assert values(text, "LimitMEMLOCK") == ["infinity"]
    assert "CAP_SYS_NICE CAP_IPC_LOCK" in values(text, "AmbientCapabilities")
    assert values(text, "IPAddressDeny") == []  # A filter on every packet
    assert int(values(text, "LimitRTPRIO")[0]) >= 50
