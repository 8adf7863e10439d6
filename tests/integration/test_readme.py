"""The README's lines, exactly as printed, against a gateway as `make up` starts it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PORT = 50051


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that looks like a clone in which `make up` was run."""
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parent.parent)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "meltica.app.cli"]
    up = subprocess.run(
        [*command, "up"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert up.returncode == 0, f"is something else listening on port {PORT}?\n{up.stdout}{up.stderr}"
    yield tmp_path
    down = subprocess.run(
        [*command, "down"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert "gateway stopped" in down.stdout, down.stdout + down.stderr


def blocks(document: str) -> list[str]:
    return re.findall(r"```sh\n(.*?)```", (ROOT / document).read_text("utf-8"), re.DOTALL)


@pytest.mark.slow
def test_the_lines_work_as_printed(folder: Path) -> None:
    lines = blocks("README.md")
    assert len(lines) >= 10
    script = "set -o pipefail\n"
    for block in lines:
        endless = "StreamOrderEvents" in block
        script += f"echo '#### ' >&2\n{'timeout 3 ' if endless else ''}{block.strip()}\n"
        script += "" if endless else 'code=$?; [ $code = 0 ] || { echo "exit code $code" >&2; exit 1; }\n'
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    for expected in (
        "meltica.v1.OrderService",
        "ORDER_STATUS_PENDING_NEW",
        "KIND_REPLACE",
        "KIND_CANCEL",
        "EXEC_TYPE_CANCELED",
        '"max_long_quantity": "2.000"',
        '"engaged": true',
        "KillSwitchEngaged",
        "the chain holds",
        "every event is the same",
    ):
        assert expected in said, f"{expected!r} is missing in\n{said}"


@pytest.mark.slow
def test_the_example_client_runs(folder: Path) -> None:
    command = [sys.executable, str(ROOT / "examples/clients/place_and_watch.py")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    first, *events = done.stdout.splitlines()
    order, _, again = first.partition(";")
    assert order.rpartition(" ")[2] == again.rpartition(" ")[2]
    said = [line.split(maxsplit=1)[1].strip() for line in events]
    assert said == ["submitted", "reported EXEC_TYPE_NEW", "cancel_requested", "reported EXEC_TYPE_CANCELED"]
