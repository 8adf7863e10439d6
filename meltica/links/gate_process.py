"""The gate's process as a child: started, waited for, stopped by its own pid. No fork of this process' state."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Final, Self

from meltica.domain.errors import MelticaError
from meltica.links.frames import GateShape
from meltica.links.gate_server import DEFAULT_LEASE_MS

READY_WITHIN_S: Final = 20.0
STOP_WITHIN_S: Final = 5.0
MAX_LINE_BYTES: Final = 4_096


class GateProcessError(MelticaError):
    """The gate's process did not come up; the message has what it said."""


class GateProcess:
    """Ready when the constructor returns. The child ends by itself when this process dies, however it dies."""

    def __init__(
        self,
        endpoint: str,
        keys: Path,
        shape: GateShape | None = None,
        *,
        lease_ms: int = DEFAULT_LEASE_MS,
        ready_within_s: float = READY_WITHIN_S,
    ) -> None:
        shape = shape or GateShape()
        command = [sys.executable, "-m", "meltica.links.gate_server", "--until-stdin-closes"]
        command += ["--endpoint", endpoint, "--keys", str(keys), "--lease-ms", str(lease_ms)]
        command += ["--max-instruments", str(shape.max_instruments), "--max-accounts", str(shape.max_accounts)]
        command += ["--max-strategies", str(shape.max_strategies)]
        command += ["--max-working-orders", str(shape.max_working_orders)]
        command += ["--leased"] if shape.leased else []
        command += ["--duplicate-depth", str(shape.duplicate_depth)]
        command += ["--reference-future-tolerance-ns", str(shape.reference_future_tolerance_ns)]
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - our own module
        try:
            self.ready_line = self._wait_ready(time.monotonic() + ready_within_s)
        except BaseException:
            self.stop(within_s=0)
            raise
        self.endpoint = dict(word.partition("=")[::2] for word in self.ready_line.split())["endpoint"]

    @property
    def pid(self) -> int:
        return self._child.pid

    def running(self) -> bool:
        return self._child.poll() is None

    def stop(self, within_s: float = STOP_WITHIN_S) -> int:
        """SIGTERM, then SIGKILL when that is not enough; the exit status. Idempotent."""
        if self.running():
            self._child.terminate()
        try:
            status = self._child.wait(within_s)
        except subprocess.TimeoutExpired:
            self._child.kill()
            status = self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                pipe.close()
        return status

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _wait_ready(self, deadline: float) -> str:
        assert self._child.stdout is not None  # noqa: S101 - asked for with PIPE
        descriptor = self._child.stdout.fileno()
        said = b""
        while b"\n" not in said and len(said) < MAX_LINE_BYTES:
            readable, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
            if not readable:
                raise GateProcessError(f"the gate's process was not ready in time; it said {said!r}")
            if not (part := os.read(descriptor, MAX_LINE_BYTES)):
                raise GateProcessError("the gate's process ended before it was ready; its error output says why")
            said += part
        line = said.partition(b"\n")[0].decode(errors="replace")
        if not line.startswith("gate ready "):
            raise GateProcessError(f"the gate's process said {line!r} instead of being ready")
        return line
