"""Writes meltica/v1 from proto/meltica/v1: messages, services and their type stubs.

``python -m tools.gen_proto`` writes the files, ``--check`` only says which ones are stale (exit 1).
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "proto"
PACKAGE = Path("meltica/v1")
GENERATED = ("*_pb2.py", "*_pb2_grpc.py", "*_pb2.pyi", "*_pb2_grpc.pyi")


def generate(target: Path) -> None:
    """Generate every file below ``target``. :raises SystemExit: protoc found a mistake; it said which."""
    protos = sorted(path.relative_to(SOURCES).as_posix() for path in (SOURCES / PACKAGE).glob("*.proto"))
    (target / PACKAGE).mkdir(parents=True, exist_ok=True)
    outputs = [f"--{kind}_out={target}" for kind in ("python", "grpc_python", "mypy", "mypy_grpc")]
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{SOURCES}", *outputs, *protos]
    # The plugins protoc-gen-mypy and protoc-gen-mypy_grpc stand beside the interpreter.
    search = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(
        command, check=False, cwd=ROOT, env={**os.environ, "PATH": search}, text=True, capture_output=True
    )
    if done.returncode != 0:
        sys.exit(f"protoc failed:\n{done.stderr}")


def contents(root: Path) -> dict[str, bytes]:
    """The generated files below ``root``, by name."""
    return {path.name: path.read_bytes() for pattern in GENERATED for path in (root / PACKAGE).glob(pattern)}


def stale(fresh: dict[str, bytes], present: dict[str, bytes]) -> list[str]:
    """Names of the files that are missing, differ, or have no source any more."""
    return sorted(name for name in fresh.keys() | present.keys() if fresh.get(name) != present.get(name))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 and list what is stale")
    check = parser.parse_args().check
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        fresh = contents(Path(folder))
    names = stale(fresh, contents(ROOT))
    if check:
        if names:
            sys.exit("stale: " + " ".join(f"{PACKAGE}/{name}" for name in names) + "; run: python -m tools.gen_proto")
        return
    for name in names:
        path = ROOT / PACKAGE / name
        if name in fresh:
            path.write_bytes(fresh[name])
        else:
            path.unlink()
        print(f"{'wrote' if name in fresh else 'removed'} {PACKAGE / name}")


if __name__ == "__main__":
    main()
