"""The kill switch's second memory: a file that is there while a switch is engaged.

Engaging acts before it is journaled, so a crash in between would forget it. The file is written first and survives the
process; at the next start it engages the switch again. It disappears only when a release is durable in the journal.
"""

from __future__ import annotations

from pathlib import Path

import msgspec


class Latched(msgspec.Struct, rename={"switch": "account"}):
    switch: str
    """Empty (everything), an account, or a target such as ``strategies/…``."""
    reason: str
    actor: str


class KillLatch:
    """One small JSON file per switch in ``folder``; the global switch's is ``all.json``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def engage(self, switch: str, reason: str, actor: str) -> None:
        """Atomic: a reader sees the whole file or none. Not flushed: it outlives the process, the journal the power."""
        path = self._path(switch)
        fresh = path.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(Latched(switch, reason, actor)))
        fresh.replace(path)

    def release(self, switch: str) -> None:
        self._path(switch).unlink(missing_ok=True)

    def engaged(self) -> list[Latched]:
        """What is latched. An unreadable file counts as the global switch: in doubt nothing goes out."""
        found = []
        for path in sorted(self._folder.glob("*.json")):
            try:
                found.append(msgspec.json.decode(path.read_bytes(), type=Latched))
            except (OSError, msgspec.DecodeError) as error:
                found.append(Latched("", f"{path.name} is unreadable ({error})", "system:kill-latch"))
        return found

    def _path(self, switch: str) -> Path:
        return self._folder / f"{'account-' + switch.encode().hex() if switch else 'all'}.json"
