"""A real gateway process for tests: started, asked, killed by its own pid; every wait is bounded."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path

START_S = 30.0
END_S = 20.0
REPOSITORY = Path(__file__).parents[2]


class Gateway:
    """One folder: ``gateway.toml``, the state, the log. At most one process at a time."""

    def __init__(self, folder: Path, settings: str = "", *, listen: str = "127.0.0.1:0") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.state = folder / "state"
        self.journal = self.state / "journal.db"
        self.log = folder / "gateway.log"
        self.settings = folder / "gateway.toml"
        self.address = ""
        self.process: subprocess.Popen[bytes] | None = None
        self._listen = listen
        self.configure(settings)

    def configure(self, settings: str) -> None:
        """``settings``: TOML, top-level keys first. State and address are already there."""
        self.settings.write_text(f'state = "{self.state}"\nlisten = "{self._listen}"\n{settings}', "utf-8")

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def launch(self, environment: Mapping[str, str] | None = None) -> None:
        """Begin to start; whether it comes up is for ``ready`` or ``ended`` to say."""
        assert self.process is None or self.process.poll() is not None, "one at a time"
        command = [sys.executable, "-W", "error", "-m", "meltica.app.cli", "run", "--settings", str(self.settings)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=REPOSITORY,
                env=os.environ | dict(environment or {}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def ready(self) -> str:
        """Its address, once it takes commands."""
        ready_file = self.state / "gateway.ready"
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            words = ready_file.read_text("ascii").split() if ready_file.exists() else []
            if words and int(words[0]) == self.pid:
                self.address = words[1]
                return self.address
            assert self.process is not None
            assert self.process.poll() is None, f"ended with {self.process.returncode}:\n{self.said()}"
            time.sleep(0.01)
        raise AssertionError(f"not ready after {START_S} s:\n{self.said()}")

    def start(self, environment: Mapping[str, str] | None = None) -> str:
        self.launch(environment)
        return self.ready()

    def ended(self, timeout_s: float = END_S) -> int:
        """Its exit code; negative: the signal that ended it. One that does not end is killed, and the test fails."""
        assert self.process is not None
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.reap()
            raise

    def stop(self) -> int:
        """SIGTERM and the exit code."""
        os.kill(self.pid, signal.SIGTERM)
        return self.ended()

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        assert self.ended() == -signal.SIGKILL

    def said(self, lines: int = 40) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-lines:])

    def refuses_to_start(self, environment: Mapping[str, str] | None = None) -> tuple[int, str]:
        """The exit code of a start that must fail, and what it said then."""
        begin = self.log.stat().st_size if self.log.exists() else 0
        self.launch(environment)
        try:
            code = self.ended()
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it has not refused to start within {END_S} s:\n{self.said()}") from None
        finally:
            self.reap()
        return code, self.log.read_bytes()[begin:].decode("utf-8", "replace")

    def reap(self) -> None:
        """Leave nothing running behind a test that failed."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(END_S)


@contextmanager
def gateway(folder: Path, settings: str = ""):
    """A running one; killed at the end if the test has not stopped it."""
    found = Gateway(folder, settings)
    try:
        found.start()
        yield found
    finally:
        found.reap()
