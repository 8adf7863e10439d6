"""The near side: a process with the model, and calls that it answers."""

from __future__ import annotations

import fcntl
import hashlib
import multiprocessing
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, Self

from fpga.filelist import ROOT, sources
from sim.explore import adapter

CACHE: Final = ROOT / ".cache/explore"
START_WITHIN_S: Final = 60.0
RESET_CYCLES: Final = 2


class ExplorerError(RuntimeError):
    """No such block or port, a value that does not fit, or a model that has ended; the message says which."""


class Explorer:
    """One block. Ports by name, ``step`` for the clock."""

    def __init__(self, block: str, *, parameters: Mapping[str, int] | None = None) -> None:
        """Builds it when it has changed (some seconds), starts its process and resets it."""
        self.block = block
        given = dict(parameters or {})
        try:
            model = _built(block, given)
        except OSError as error:
            raise ExplorerError(f"{block} can't be built: {error}") from error
        context = multiprocessing.get_context("spawn")
        self._link, far = context.Pipe()
        self._process = context.Process(target=_serve, args=(far, str(model)), daemon=True)
        self._process.start()
        far.close()
        if not self._link.poll(START_WITHIN_S):
            self.close()
            raise ExplorerError(f"{block}: its model did not start")
        self.inputs: dict[str, int]
        self.outputs: dict[str, int]
        self.inputs, self.outputs = self._receive()
        if "rst_ni" in self.inputs:
            self.step(RESET_CYCLES)
            self["rst_ni"] = 1

    def __getitem__(self, port: str) -> int:
        if port not in self.inputs and port not in self.outputs:
            raise ExplorerError(f"{self.block} has no port {port!r}")
        return int(self._ask("get", port))

    def __setitem__(self, port: str, value: int) -> None:
        if (width := self.inputs.get(port)) is None:
            raise ExplorerError(f"{self.block} has no input {port!r}")
        if value < 0 or value.bit_length() > width:
            raise ExplorerError(f"{port} has {width} bits: {value} does not fit")
        self._ask("set", port, value)

    def step(self, cycles: int = 1) -> None:
        """Rising edges of clk_i."""
        if cycles < 0:
            raise ExplorerError(f"{cycles} cycles: time does not run backwards")
        self._ask("step", cycles)

    def trace(self, path: str | Path) -> None:
        """From now on every half cycle goes into this VCD file."""
        self._ask("trace", str(Path(path).absolute()))

    def values(self) -> dict[str, int]:
        """All ports."""
        return dict(self._ask("values"))

    def _ask(self, *question: object) -> Any:
        try:
            self._link.send(question)
            return self._receive()
        except (EOFError, OSError) as error:
            self._process.join(1.0)
            raise ExplorerError(
                f"{self.block}: its model has ended (exit code {self._process.exitcode}): an assertion or $fatal,"
                " see what it printed; start again"
            ) from error

    def _receive(self) -> Any:
        answer = self._link.recv()
        if isinstance(answer, Exception):
            raise ExplorerError(str(answer))
        return answer

    def close(self) -> None:
        """Idempotent."""
        with suppress(OSError):
            self._link.close()
        self._process.join(1.0)
        if self._process.is_alive():
            self._process.terminate()
            self._process.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _built(block: str, parameters: dict[str, int]) -> Path:
    files = sources(block)
    digest = hashlib.sha256(repr(sorted(parameters.items())).encode())
    for path in [*files, Path(adapter.__file__)]:
        digest.update(path.read_bytes())
    folder = CACHE / f"{block}-{digest.hexdigest()[:16]}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        model = folder / f"V{block}"
        return model if model.exists() else adapter.build(block, files, folder, parameters)


def _serve(link: Connection, model: str) -> None:
    """The far side: PyVerilator, and questions until the link is closed."""
    pyverilator = adapter.load()
    sim = pyverilator.PyVerilator(model)
    link.send((dict(sim.inputs), dict(sim.outputs)))
    with suppress(EOFError):
        while True:
            what, *rest = link.recv()
            link.send(_answer(sim, what, rest))


def _answer(sim: Any, what: str, rest: list[Any]) -> Any:
    if what == "get":
        return sim[rest[0]]
    if what == "set":
        sim[rest[0]] = rest[1]
    elif what == "step":
        for _ in range(rest[0]):
            sim.clock.tick()
    elif what == "trace":
        sim.start_vcd_trace(rest[0])
    elif what == "values":
        return {name: sim[name] for name, _ in [*sim.inputs, *sim.outputs]}
    return None
