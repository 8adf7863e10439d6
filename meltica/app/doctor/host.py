"""A host as ``meltica doctor`` sees it: files under /proc and /sys and what a few programs print; live, or recorded.

A recording is a folder: ``proc/...`` and ``sys/...`` as on the host, ``commands/<program and arguments>`` with what it
printed, ``core_ids`` and ``interface`` in ``facts.json``. ``meltica doctor --record FOLDER`` writes one while it looks,
so a site can send it to somebody, and the tests are judged on such trees.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Final, Protocol

from meltica.domain.errors import MelticaError

COMMAND_S: Final = 5.0
"""ethtool and chronyc answer at once or hang on a driver; neither may hang the doctor."""
MAX_BYTES: Final = 1 << 20
"""Of one file: /proc/interrupts of a large machine has some hundred kilobytes."""


class RecordingError(MelticaError):
    """The folder is no recording of a host."""


class Host(Protocol):
    """What is not there, or not readable, is None or empty: a check says "unknown", it never fails the run."""

    def read(self, path: str) -> str | None:
        """Text of a file under / without surrounding blanks, such as ``proc/cmdline``."""

    def names(self, path: str) -> tuple[str, ...]:
        """Sorted names in a folder."""

    def run(self, *command: str) -> str | None:
        """What a program printed; None when it is missing or failed."""


class LiveHost:
    """This machine."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root

    def read(self, path: str) -> str | None:
        try:
            with (self._root / path).open("rb") as file:
                return file.read(MAX_BYTES).decode("utf-8", "replace").strip()
        except OSError:
            return None

    def names(self, path: str) -> tuple[str, ...]:
        try:
            return tuple(sorted(entry.name for entry in (self._root / path).iterdir()))
        except OSError:
            return ()

    def run(self, *command: str) -> str | None:
        try:
            done = subprocess.run(  # noqa: S603 - programs and arguments are ours; the interface's name is checked
                command, capture_output=True, text=True, timeout=COMMAND_S, check=False, stdin=subprocess.DEVNULL
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None


class RecordedHost(LiveHost):
    """A recorded one: nothing is run."""

    def __init__(self, folder: Path) -> None:
        if not (folder / "proc").is_dir():
            raise RecordingError(f"{folder} is no recording of a host: there is no folder proc in it")
        super().__init__(folder)
        self._folder = folder

    def run(self, *command: str) -> str | None:
        return self.read(f"commands/{' '.join(command)}")

    def facts(self) -> tuple[tuple[int, ...], str]:
        """(hot cores, interface) that the recording was made for; nothing was asked for: empty."""
        text = self.read("facts.json")
        try:
            facts = json.loads(text or "{}")
            return tuple(int(core) for core in facts.get("core_ids", ())), str(facts.get("interface", ""))
        except (ValueError, TypeError, AttributeError) as error:
            raise RecordingError(f"{self._folder}/facts.json is not readable: {error}") from error


class Recorder:
    """Passes a host's answers on and writes each one down, so that a ``RecordedHost`` gives the same."""

    def __init__(self, host: Host, folder: Path, core_ids: tuple[int, ...], interface: str) -> None:
        self._host = host
        self._folder = folder
        (folder / "proc").mkdir(parents=True, exist_ok=True)
        facts = {"core_ids": core_ids, "interface": interface}
        (folder / "facts.json").write_text(json.dumps(facts) + "\n", "utf-8")

    def read(self, path: str) -> str | None:
        return self._kept(path, self._host.read(path))

    def names(self, path: str) -> tuple[str, ...]:
        found = self._host.names(path)
        if found:
            (self._folder / path).mkdir(parents=True, exist_ok=True)
        for name in found:
            place = self._folder / path / name
            if not place.exists():
                place.touch()  # The name alone; a folder or a text takes its place when it is looked into
        return found

    def run(self, *command: str) -> str | None:
        return self._kept(f"commands/{' '.join(command)}", self._host.run(*command))

    def _kept(self, path: str, text: str | None) -> str | None:
        if text is not None:
            place = self._folder / path
            for parent in reversed(place.relative_to(self._folder).parents[:-1]):
                if (self._folder / parent).is_file():
                    (self._folder / parent).unlink()
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text + "\n", "utf-8")
        return text
