"""``python -m sim.device serve FOLDER``: see sim.device.process."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sim.device.process import serve


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m sim.device", description="The Verilated card as a live device.")
    parser.add_argument(
        "command", choices=["serve"], help="serve: until it is ended, for the driver in meltica.hot.card"
    )
    parser.add_argument("folder", type=Path, help="where its rings are made; best in /dev/shm")
    parser.add_argument("--trace", default="", help="an FST file for the waves; slow")
    parser.add_argument("--seconds", type=float, help="end by itself")
    given = parser.parse_args(arguments)
    speed = serve(given.folder, trace=given.trace, seconds=given.seconds)
    sys.stdout.write(f"{speed / 1e6:.2f} million cycles a second\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
