"""What PyVerilator 0.7.0 (2021) needs to build a model with today's Verilator and Python; the package is not touched.

Its Tcl wrapper does not import on Python 3.9 and newer, and is for GTKWave alone: an empty module takes its place. Its
``build`` reads one .v file, wants C++11 and misreads the ``&`` that Verilator's headers have since: it is replaced.
What is left as it is: one model a process once time has passed, no internal signals, and an assertion that fails ends
the process.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final

TOOLS: Final = Path(sys.prefix) / "bin"
PORT: Final = re.compile(r"VL_(IN|OUT)\w*\(&?(\w+),(\d+),(\d+)\)")


def load() -> Any:
    """The package ``pyverilator``, importable."""
    sys.modules.setdefault("tclwrapper", ModuleType("tclwrapper"))
    import pyverilator

    return pyverilator


def build(top: str, files: Sequence[Path], folder: Path, parameters: Mapping[str, object]) -> Path:
    """The shared object of a model, as PyVerilator's own ``build`` would have made it. :raises OSError: it fails."""
    load()
    from pyverilator import verilatorcpp

    folder.mkdir(parents=True, exist_ok=True)
    wrapper = folder / "pyverilator_wrapper.cpp"
    given = [f"-G{name}={value}" for name, value in parameters.items()]
    verilate = [
        *(str(TOOLS / "verilator"), "--cc", "--trace", "--assert", "--no-timing", "-Wno-fatal", "-Mdir", str(folder)),
        *("--top-module", top, "--prefix", f"V{top}", "--exe", str(wrapper), *given),
        *("-CFLAGS", "-std=c++17 -fPIC -DVL_USER_FINISH", *map(str, files)),
    ]
    _run(verilate)
    ports = PORT.findall((folder / f"V{top}.h").read_text("utf-8"))
    inputs, outputs = (
        [(name, int(high) - int(low) + 1) for kind, name, high, low in ports if kind == wanted]
        for wanted in ("IN", "OUT")
    )
    wrapper.write_text(verilatorcpp.template_cpp(top, inputs, outputs, [], '"null"'), "utf-8")
    _run(["make", "-C", str(folder), "-f", f"V{top}.mk", "-j2", "LDFLAGS=-fPIC -shared", "OBJCACHE=ccache"])
    return folder / f"V{top}"


def _run(command: Sequence[str]) -> None:
    path = {"PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, env=os.environ | path, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise OSError(f"{Path(command[0]).name} failed:\n{(done.stdout + done.stderr)[-4000:]}")
