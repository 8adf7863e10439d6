"""The kill switch's second memory: a file that is there while a switch is engaged.

Engaging acts before it is journaled, so a crash in between would forget it. The file is written first and survives the
process; at the next start it engages the switch again. It disappears only when a release is durable in the journal.
"""

from __future__ import annotations

from pathlib import Path

import msgspec


class Latched(msgspec.Struct):
    account: str
    reason: str
    actor: str


class KillLatch:
    """One small JSON file per account in ``folder``; the global switch's is ``all.json``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def engage(self, account: str, reason: str, actor: str) -> None:
        """Atomic: a reader sees the whole file or none. Not flushed: it outlives the process, the journal the power."""
        path = self._path(account)
        fresh = path.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(Latched(account, reason, actor)))
        fresh.replace(path)

    def release(self, account: str) -> None:
        self._path(account).unlink(missing_ok=True)

    def engaged(self) -> list[Latched]:
        """What is latched. An unreadable file counts as the global switch: in doubt nothing goes out."""
        found = []
        for path in sorted(self._folder.glob("*.json")):
            try:
                found.append(msgspec.json.decode(path.read_bytes(), type=Latched))
            except (OSError, msgspec.DecodeError) as error:
                found.append(Latched("", f"{path.name} is unreadable ({error})", "system:kill-latch"))
        return found

    def _path(self, account: str) -> Path:
        return self._folder / f"{'account-' + account.encode().hex() if account else 'all'}.json"
