"""The API's contracts: linted, unbroken, and what is generated from them is fresh."""

import subprocess
import sys
from pathlib import Path

from tools import gen_proto

ROOT = Path(__file__).resolve().parents[3]
BUF = Path(sys.executable).with_name("buf")


def run(*command: str | Path) -> str:
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False)
    return f"{done.returncode}: {done.stdout}{done.stderr}"


def test_the_protos_are_linted():
    assert run(BUF, "lint", "proto") == "0: "


def test_no_promise_is_broken():
    assert run(BUF, "breaking", "proto", "--against", "proto/baseline.binpb") == "0: "


def test_the_generated_code_is_fresh():
    assert run(sys.executable, "-m", "tools.gen_proto", "--check") == "0: "


def test_stale_files_are_named(tmp_path):
    present = gen_proto.contents(ROOT)
    assert gen_proto.stale(present, present) == []
    changed = {**present, "order_pb2.py": b"", "gone_pb2.py": b""}
    del changed["limits_pb2.pyi"]
    assert gen_proto.stale(present, changed) == ["gone_pb2.py", "limits_pb2.pyi", "order_pb2.py"]
