"""slang as a program. The pyslang wheel has it as a library only: `python -m fpga.slang -Wextra --top T FILE ...`."""

from __future__ import annotations

import shlex
import sys

from pyslang.driver import Driver


def main(arguments: list[str]) -> int:
    driver = Driver()
    driver.addStandardArgs()
    good = (
        driver.parseCommandLine(shlex.join(["slang", *arguments]))
        and driver.processOptions()
        and driver.parseAllSources()
        and driver.runFullCompilation()
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
