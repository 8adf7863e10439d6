"""``make demo HOT=fpga``: the demo, its orders judged by the Verilated card in a process of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from meltica.app.demo.card import STATUS_FILE
from sim.device.top import LIVE
from sim.verilated import build

READY_S: Final = 120.0


def main(arguments: list[str]) -> int:
    """The arguments go on to ``meltica demo``."""
    begin = time.monotonic()
    sys.stdout.write("building the card's model (minutes the first time, then from the cache)\n")
    sys.stdout.flush()
    build("meltica_top", parameters=LIVE)
    sys.stdout.write(f"the model is there after {time.monotonic() - begin:.0f} s\n")
    shared = Path("/dev/shm")  # noqa: S108 - a private folder in it
    folder = Path(tempfile.mkdtemp(prefix="meltica-card-", dir=shared if shared.is_dir() else None))
    device = subprocess.Popen([sys.executable, "-m", "sim.device", "serve", str(folder)])  # noqa: S603
    try:
        deadline = time.monotonic() + READY_S
        while not (folder / STATUS_FILE).exists():
            if device.poll() is not None or time.monotonic() > deadline:
                sys.stderr.write("the simulated card did not start\n")
                return 1
            time.sleep(0.05)
        command = [sys.executable, "-m", "meltica.app.cli", "demo", "--card", str(folder), *arguments]
        return subprocess.run(command, check=False).returncode  # noqa: S603
    finally:
        device.terminate()
        device.wait()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
