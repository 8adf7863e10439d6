"""Gates with one check broken: the compiled one and the RTL, each built once with all its mutants and told which to be.

A mutant is a one-line change of a copy of the source. The sources themselves know nothing of this.
"""

import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from fpga.filelist import ROOT, sources
from meltica.hot import Check, gate_twin, rules_twin
from sim.verilated import build
from sim.verilated.builder import TOOLS

NEVER, ALWAYS = 1, 129  # plus the number of the check
PLAIN = 300  # plus the number of a bound of the plain path
FLAGS = ("-O1", "-w", "-shared", "-fPIC", "-fno-math-errno", "-DNPY_NO_DEPRECATED_API=NPY_1_7_API_VERSION")


class Patch:
    """A copy of a source file, changed where an expected text is."""

    def __init__(self, path: Path) -> None:
        self.path, self.text = path, path.read_text("utf-8")

    def change(self, pattern: str, with_: str | Callable[[re.Match[str]], str], *, times: int | None = 1) -> None:
        self.text, done = re.subn(pattern, with_, self.text, flags=re.DOTALL | re.MULTILINE)
        assert done == times or (times is None and done), f"{self.path.name}: {pattern!r} is there {done} times"

    def save(self) -> None:
        self.path.write_text(self.text, "utf-8")


def check_number(name: str) -> int:
    """Of a name as the RTL writes it."""
    return {check.name.replace("_", "").lower(): int(check) for check in Check}[name.lower()]


# --- RTL ---


def rtl_with_mutants(folder: Path, parameters: dict[str, int]) -> ModuleType:
    """A risk_gate with one more input, mutant_i: 0 is the gate as it is."""
    copies = [Path(shutil.copy(path, folder / path.name)) for path in sources("risk_gate")]
    for name, instances in (("risk_gate", ["u_core"]), ("risk_gate_core", ["u_stage1", "u_stage2"])):
        patch = Patch(folder / f"{name}.sv")
        patch.change(
            r"^    input wire logic rst_ni,$", "    input wire logic rst_ni,\n    input wire logic [8:0] mutant_i,"
        )
        for instance in instances:
            patch.change(rf"\b{instance} \(", f"{instance} (\n      .mutant_i,")
        patch.save()
    for name in ("gate_stage1", "gate_stage2"):
        patch = Patch(folder / f"{name}.sv")
        patch.change(
            r"^    input wire logic( +)valid_i,",
            r"    input wire logic [8:0] mutant_i,\n    input wire logic\1valid_i,",
        )
        patch.change(r"\b((?:judged_o\.)?fired)\[Check(\w+)\]( *)= (.+?);", broken_assignment, times=None)
        if name == "gate_stage2":
            malformed = f"mutant_i == 9'd{ALWAYS} || (judged_i.malformed && mutant_i != 9'd{NEVER})"
            patch.change(r"if \(judged_i\.malformed\)", f"if ({malformed})")
        patch.save()
    files = sorted(copies, key=lambda path: [one.name for one in sources("risk_gate")].index(path.name))
    return build("risk_gate", files=files, parameters=parameters, fast=False, assertions=False)


def broken_assignment(found: re.Match[str]) -> str:
    target, name, space, expression = found.groups()
    never, always = (f"9'd{offset + check_number(name)}" for offset in (NEVER, ALWAYS))
    return f"{target}[Check{name}]{space}= mutant_i != {never} && (mutant_i == {always} || ({expression}));"


# --- Cython ---

SWITCH = '''
cdef extern from *:
    """
    #ifndef MELTICA_MUTANT
    #define MELTICA_MUTANT
    static int meltica_mutant;
    #endif
    """
    int meltica_mutant

'''


def cython_with_mutants(folder: Path) -> tuple[ModuleType, list[str]]:
    """A copy of cython_ext.gate with set_mutant(number), and the bounds of its plain path, in the order of PLAIN."""
    package = folder / "cython_ext"
    package.mkdir()
    for path in (ROOT / "cython_ext").iterdir():
        if path.suffix in {".pxd", ".h"} or path.name in {"__init__.py", "gate.pyx"}:
            shutil.copy(path, package / path.name)
    tables = Patch(package / "tables.pxd")
    tables.change(r"^cdef enum:\n    CHECK_NUMBERS", f"{SWITCH}cdef enum:\n    CHECK_NUMBERS")
    tables.save()
    rules = Patch(package / "rules.pxd")
    rules.change(r"^from cython_ext\.tables cimport ", "from cython_ext.tables cimport meltica_mutant, ")
    rules.change(
        r"    return <uint64_t>\(fires != 0\) << check$",
        f"    if meltica_mutant == {NEVER} + check:\n        return 0\n"
        f"    return <uint64_t>(fires != 0 or meltica_mutant == {ALWAYS} + check) << check",
    )
    crossed = f"if self_match(t, order, case) or meltica_mutant == {ALWAYS + Check.SELF_MATCH}:"
    rules.change(r"if self_match\(t, order, case\):", crossed)
    rules.save()
    bounds: list[str] = []

    def without(found: re.Match[str]) -> str:
        bounds.append(found[1])
        return f"        or (meltica_mutant != {PLAIN + len(bounds) - 1} and ({found[1]}))"

    judge = Patch(package / "gate_judge.pxd")
    judge.change(r"^from cython_ext\.tables cimport \(", "from cython_ext.tables cimport (\n    meltica_mutant,")
    judge.change(r"^        or ([^\n]+?)(?=,?$)", without, times=None)
    judge.change(
        r"    if is_malformed\(order\):\n",
        f"    if meltica_mutant == {NEVER} and is_malformed(order):\n        return PASS\n"
        f"    if is_malformed(order) or meltica_mutant == {ALWAYS}:\n",
    )
    plain = (
        f"    if meltica_mutant >= {ALWAYS} and meltica_mutant < {PLAIN}:\n        return False\n    cdef uint32_t side"
    )
    judge.change(
        r"    cdef uint32_t side = <uint32_t>order\.side - SIDE_BUY", f"{plain} = <uint32_t>order.side - SIDE_BUY"
    )
    judge.save()
    gate = Patch(package / "gate.pyx")
    gate.change(r"^from cython_ext\.tables cimport \(", "from cython_ext.tables cimport (\n    meltica_mutant,")
    gate.text += "\n\ndef set_mutant(int number):\n    global meltica_mutant\n    meltica_mutant = number\n"
    gate.save()
    return compiled(package / "gate.pyx"), bounds


def compiled(source: Path) -> ModuleType:
    module = source.with_suffix(sysconfig.get_config_var("EXT_SUFFIX"))
    run([str(TOOLS / "cython"), "-3", "-X", "boundscheck=False,wraparound=False,cdivision=True", str(source)])
    includes = [f"-I{path}" for path in (sysconfig.get_paths()["include"], np.get_include(), source.parent)]
    run(["gcc", *FLAGS, *includes, str(source.with_suffix(".c")), "-o", str(module)])
    name = "tests.conformance.mutants.gate"
    spec = spec_from_file_location(name, module, loader=ExtensionFileLoader(name, str(module)))
    assert spec is not None
    assert spec.loader is not None
    loaded = module_from_spec(spec)
    sys.modules[name] = loaded
    spec.loader.exec_module(loaded)
    return loaded


def run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"


# --- Python ---


@contextmanager
def broken_twin(check: Check, *, always: bool) -> Iterator[None]:
    """A check of the twin that never fires, or always does."""

    def answer(_: Any) -> bool:
        return always

    with pytest.MonkeyPatch.context() as patch:
        if check == Check.MALFORMED:
            patch.setattr(gate_twin, "malformed", answer)
        else:
            patch.setitem(rules_twin.RULES, check, answer)
        yield
