"""Builds a block with Verilator and runs its cocotb bench; raises when anything in it fails.

    from sim.rtl.runner import simulate
    def test_risk_gate(): simulate("risk_gate", bench="sim.rtl.risk_gate.bench_risk_gate", parameters={"Accounts": 4})

Environment: SEED=7 repeats a run; WAVES=1 writes .cache/sim/<block>/waves.fst; WAVES=0 spares the second run, with
waves, that a failing bench otherwise gets (its FST is .cache/sim/<block>/failed.fst).
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import SystemRandom
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

from cocotb_tools.runner import Verilator

from fpga.filelist import ROOT, sources
from sim.rtl import RUN_FOLDER

CACHE = ROOT / ".cache/sim"
WAIVERS = ROOT / "fpga/lint/verilator.vlt"
TOOLS = Path(sys.prefix) / "bin"
BUILD_ARGS = (
    *("--assert", "--timing", "-Wall", "--x-assign", "unique", "--x-initial", "unique"),
    *("-j", "2"),
)
LOG_LINES = 60
NO_BUILD = "does not build"


class SimulationError(AssertionError):
    """A block did not build, an assertion in it fired, or a bench found it wrong."""


class Job(NamedTuple):
    """What decides a build directory, and what runs in it."""

    block: str
    top: str
    bench: str
    parameters: Mapping[str, object]
    testcase: str | Sequence[str] | None
    env: Mapping[str, str]
    seed: int
    internals: bool


class _Verilator(Verilator):
    """cocotb's runner with our compiler cache, and without making every inner signal visible when nobody asks."""

    internals = True

    def _set_env_build(self) -> None:
        super()._set_env_build()
        self.env |= {
            "PATH": f"{TOOLS}{os.pathsep}{self.env['PATH']}",
            "MAKEFLAGS": "OBJCACHE=ccache",
            "CCACHE_DIR": str(ROOT / ".cache/ccache"),
            "CCACHE_SLOPPINESS": "pch_defines,time_macros",
            "CCACHE_NOHASHDIR": "1",
        }

    def _set_env_test(self) -> None:
        super()._set_env_test()
        self.env["PYTHONPATH"] = f"{ROOT}{os.pathsep}{self.env['PYTHONPATH']}"

    def _simulator_in_path_build_only(self) -> None:
        self.executable = str(TOOLS / "verilator")

    def _build_command(self) -> list[list[str]]:
        verilate, make = super()._build_command()
        if not self.internals:
            verilate.remove("--public-flat-rw")
            ports = self.build_dir / "top.vlt"
            ports.write_text(f'`verilator_config\npublic_flat_rw -module "{self.hdl_toplevel}" -var "*"\n')
            verilate.append(str(ports))
        return [verilate, make]


def seed() -> int:
    """The seed of this run: SEED of the environment. The runner always sets it, and prints it."""
    return int(os.environ["SEED"]) if os.environ.get("SEED") else SystemRandom().randrange(1, 2**31)


def simulate(
    block: str,
    *,
    bench: str,
    top: str | None = None,
    parameters: Mapping[str, object] | None = None,
    testcase: str | Sequence[str] | None = None,
    extra_env: Mapping[str, str] | None = None,
    internals: bool = True,
) -> None:
    """Builds fpga/rtl/<block>.f and runs the cocotb tests of the module `bench`.

    `top` is another top than the block: sim/rtl/<block>/<top>.sv if there is such a file, else a module of its list.
    internals=False hides all but the signals of the top itself from the bench: it builds and runs faster.
    """
    __tracebackhide__ = True
    env = dict(extra_env or {})
    job = Job(block, top or block, bench, dict(parameters or {}), testcase, env, seed(), internals)
    waves = os.environ.get("WAVES", "")
    failure = _run(job, waves=waves == "1")
    if failure and not waves and not failure.startswith(NO_BUILD):
        print(f"sim {block}: failed; once more with waves, SEED={job.seed}", flush=True)
        again = _run(job, waves=True)
        failure = again or f"{failure}\n(with waves on it passed: does it depend on something besides the seed?)"
    if failure:
        raise SimulationError(f"{block}, SEED={job.seed}: {failure}")


def _run(job: Job, *, waves: bool) -> str:
    """The reason of a failure, or nothing."""
    where = _parameters(job)
    print(f"sim {job.block}{f' ({where})' if where else ''}: SEED={job.seed}", flush=True)
    folder = CACHE / job.block / f"run-{os.getpid()}-{time.monotonic_ns()}"
    folder.mkdir(parents=True)
    try:
        runner = _Verilator()
        runner.log.setLevel(logging.WARNING)
        runner.internals = job.internals
        with _built(runner, job, folder, waves=waves) as problem:
            failure = problem or _test(runner, job, folder, waves=waves)
        if waves and (folder / "dump.fst").exists():
            kept = CACHE / job.block / ("failed.fst" if failure else "waves.fst")
            shutil.move(folder / "dump.fst", kept)
            print(f"sim {job.block}: waves in {kept}", flush=True)
        return failure
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _built(runner: _Verilator, job: Job, folder: Path, *, waves: bool) -> Iterator[str]:
    """Holds the build directory so that nobody builds in it while the simulation runs; yields what went wrong."""
    wrapper = ROOT / "sim/rtl" / job.block / f"{job.top}.sv"
    files = [WAIVERS, *sources(job.block), *([wrapper] if job.top != job.block and wrapper.exists() else [])]
    name = _digest(job.top, json.dumps(dict(job.parameters), sort_keys=True, default=str), waves, job.internals)
    build = CACHE / "build" / job.block / name
    build.mkdir(parents=True, exist_ok=True)
    inputs = _digest(*_build_args(waves=waves), *(file.read_bytes() for file in files), *files)
    stamp = build / "stamp"
    with (build.parent / f"{name}.lock").open("w") as lock:
        problem = ""
        while not problem:
            fcntl.flock(lock, fcntl.LOCK_SH)
            if stamp.exists() and stamp.read_text() == inputs:
                break
            fcntl.flock(lock, fcntl.LOCK_EX)
            if stamp.exists() and stamp.read_text() == inputs:
                continue
            stamp.unlink(missing_ok=True)
            runner.build_dir = build
            problem = _build(runner, job, files, folder / "build.log", waves=waves)
            if not problem:
                stamp.write_text(inputs)
        runner.build_dir = build
        yield problem


def _build_args(*, waves: bool) -> list[str]:
    return [*BUILD_ARGS, *(["--trace-fst", "--trace-structs"] if waves else [])]


def _build(runner: _Verilator, job: Job, files: Sequence[Path], log: Path, *, waves: bool) -> str:
    begin = time.monotonic()
    parameters = {name: int(value) if isinstance(value, bool) else value for name, value in job.parameters.items()}
    with _environment(WAVES="1" if waves else "0"):
        try:
            runner.build(
                sources=list(files),
                parameters=parameters,
                build_args=_build_args(waves=waves),
                hdl_toplevel=job.top,
                build_dir=runner.build_dir,
                timescale=("1ns", "1ps"),
                waves=waves,
                log_file=log,
            )
        except (RuntimeError, SystemExit) as error:
            return f"{NO_BUILD}: {error}\n{_tail(log)}"
    print(f"sim {job.block}: built in {time.monotonic() - begin:.1f} s", flush=True)
    return ""


def _test(runner: _Verilator, job: Job, folder: Path, *, waves: bool) -> str:
    results, log, begin = folder / "results.xml", folder / "run.log", time.monotonic()
    random = ["+verilator+rand+reset+2", f"+verilator+seed+{job.seed % (2**31 - 1) + 1}"]
    with _environment(WAVES="1" if waves else "0", SEED=str(job.seed), PYTEST_CURRENT_TEST=None):
        try:
            runner.test(
                test_module=job.bench,
                hdl_toplevel=job.top,
                hdl_toplevel_lang="verilog",
                testcase=job.testcase,
                seed=job.seed,
                plusargs=random,
                extra_env={**job.env, RUN_FOLDER: str(folder)},
                test_dir=folder,
                results_xml=str(results),
                log_file=log,
                waves=waves,
            )
        except (RuntimeError, SystemExit) as error:
            return f"{_failures(results) or error}\n{_tail(log)}"
    failures = _failures(results)
    if failures:
        return f"{failures}\n{_tail(log)}"
    _sum_up(job, folder, time.monotonic() - begin)
    return ""


def _failures(results: Path) -> str:
    """What cocotb's report says went wrong. A report without a single test is a failure too."""
    if not results.exists():
        return "the simulation ended without a report"
    cases = list(ET.parse(results).getroot().iter("testcase"))  # noqa: S314 - our own file
    run = [case for case in cases if case.find("skipped") is None]
    bad = [(case, child) for case in run for child in case if child.tag in {"failure", "error"}]
    if bad:
        return "\n".join(f"{c.get('classname')}.{c.get('name')}: {_reason(child)}" for c, child in bad)
    return "" if run else "no cocotb test ran"


def _reason(failure: ET.Element) -> str:
    return failure.get("message") or failure.get("error_msg") or (failure.text or "failed").strip().splitlines()[-1]


def _sum_up(job: Job, folder: Path, seconds: float) -> None:
    """Prints what benches reported and keeps the cycles for the report."""
    for fact in _reported(folder, "coverage"):
        print(f"sim {job.block}: coverage {fact['name']} {fact['hit']}/{fact['bins']}", flush=True)
    cycles = sum(fact["cycles"] for fact in _reported(folder, "cycles"))
    if not cycles:
        return
    print(f"sim {job.block}: {cycles:,} cycles in {seconds:.1f} s, {cycles / seconds:,.0f} a second", flush=True)
    line = {"block": job.block, "test": job.bench, "parameters": _parameters(job), "cycles": cycles}
    line |= {"seconds": round(seconds, 3), "at": round(time.time(), 3)}
    with (CACHE / "cycles.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def _parameters(job: Job) -> str:
    return ", ".join(f"{name}={value}" for name, value in job.parameters.items())


def _reported(folder: Path, what: str) -> list[dict[str, Any]]:
    path = folder / f"{what}.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def _tail(log: Path) -> str:
    if not log.exists():
        return ""
    lines = log.read_text("utf-8", errors="replace").splitlines()
    return "\n".join(lines[-LOG_LINES:])


def _digest(*parts: object) -> str:
    whole = hashlib.sha256()
    for part in parts:
        whole.update(part if isinstance(part, bytes) else str(part).encode())
        whole.update(b"\0")
    return whole.hexdigest()[:16]


@contextmanager
def _environment(**changes: str | None) -> Iterator[None]:
    """cocotb's runner reads the environment of the process; this changes it for a moment."""
    before = {name: os.environ.get(name) for name in changes}
    _set_environment(changes)
    try:
        yield
    finally:
        _set_environment(before)


def _set_environment(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
