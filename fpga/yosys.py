"""yosys as a program. The pyosys wheel has yosys as a library only, and sby wants to call `yosys -ql LOG SCRIPT`."""

from __future__ import annotations

import argparse
import os
import sys

from pyosys import libyosys


def main() -> int:
    parser = argparse.ArgumentParser(prog="yosys", description=__doc__)
    parser.add_argument("-q", action="store_true", help="nothing but errors on the standard output")
    parser.add_argument("-l", metavar="LOG", help="write the log there")
    parser.add_argument("-p", metavar="COMMANDS", help="run these")
    parser.add_argument("scripts", nargs="*")
    asked = parser.parse_args()
    if asked.l or asked.q:
        log = os.open(asked.l or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(log, 1)
    design = libyosys.Design()
    for command in [*(f"script {name}" for name in asked.scripts), *([asked.p] if asked.p else [])]:
        libyosys.run_pass(command, design)
    libyosys.log_flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
