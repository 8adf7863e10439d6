"""A gateway as a process of its own: start it, wait until it answers, stop it. By its own pid, never by name."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from meltica.domain.errors import MelticaError

START_S = 30.0
"""Recovery of a long journal included; a gateway that is not up by then has said why in its log."""
STOP_S = 10.0
LOG_LINES = 15


class StartError(MelticaError):
    """The gateway process did not come up; the message holds the end of its log."""


class FolderError(MelticaError):
    """The operator's fault: the folder is not ours to make or to write in."""


def private_folder(path: Path) -> Path:
    """Made, if it is not there. :raises FolderError: it can't be, or can't be written in."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        why = "a file is in its place" if isinstance(error, FileExistsError) else error.strerror
        raise FolderError(f"the folder {path} can't be made: {why}. Choose another `state` in the settings") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise FolderError(f"the folder {path} can't be written in: whoever runs the gateway must own it")
    return path


class GatewayProcess:
    """``meltica run`` in the background. ``ready_file`` holds its pid and address once it takes commands."""

    def __init__(self, state: Path) -> None:
        self.log = state / "gateway.log"
        self.ready_file = state / "gateway.ready"
        self._state = state
        self._child: subprocess.Popen[bytes] | None = None
        """The process, if it was started here; ``meltica up`` leaves it running."""

    def start(self, settings: Path) -> str:
        """Its address. :raises StartError: it ended, or is not ready in time."""
        private_folder(self._state)
        if (running := self.running()) is not None:
            stop = "Stop it with `meltica down` and the same --settings"
            raise StartError(f"a gateway runs already: pid {running[0]} on {running[1]}. {stop}")
        self.ready_file.unlink(missing_ok=True)
        command = [sys.executable, "-m", "meltica.app.cli", "run", "--settings", str(settings)]
        with self.log.open("ab") as log:
            before = log.tell()
            child = self._child = subprocess.Popen(  # noqa: S603 - our own program
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if (running := self.running()) is not None and running[0] == child.pid:
                return running[1]
            if (code := child.poll()) is not None:
                raise StartError(f"the gateway ended with code {code}. {self._said(before)}")
            time.sleep(0.02)
        child.kill()
        child.wait()
        raise StartError(f"the gateway is not ready after {START_S:.0f} s. {self._said(before)}")

    def stop(self) -> bool:
        """Ask it to drain and wait for its end; False: none was running. :raises StartError: it does not end."""
        if (running := self.running()) is None:
            return False
        pid = running[0]
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_S
        while time.monotonic() < deadline:
            if not _alive(pid):
                if self._child is not None and self._child.pid == pid:
                    self._child.wait()
                return True
            time.sleep(0.02)
        raise StartError(f"the gateway (pid {pid}) has not stopped after {STOP_S:.0f} s; see {self.log}")

    def running(self) -> tuple[int, str] | None:
        """(pid, address) of the gateway that owns this state folder."""
        try:
            pid, address = self.ready_file.read_text("ascii").split()
        except (OSError, ValueError):
            return None
        return (int(pid), address) if _alive(int(pid)) else None

    def _said(self, begin: int) -> str:
        """What this start wrote to the log, which has all starts: its own last word first, then what led to it."""
        with self.log.open("rb") as log:
            log.seek(begin)
            lines = log.read().decode("utf-8", "replace").splitlines()
        last = [line.removeprefix("meltica: ") for line in lines if line.startswith("meltica: ")][-1:]
        rest = [line for line in lines[-LOG_LINES:] if not last or line != f"meltica: {last[0]}"]
        return "\n".join((*(last or ["It did not say why."]), f"Its log, {self.log}, ends with:", *rest))


def _alive(pid: int) -> bool:
    """Is it there, ours, and not only waiting to be reaped? A pid that another program got since is not."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        with_name = Path(f"/proc/{pid}/stat").read_text("ascii", "replace")
    except OSError:
        return False
    return with_name.rpartition(")")[2].split()[0] != "Z" and b"meltica.app.cli" in command
