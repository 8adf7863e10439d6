"""One journal, one owner: an exclusive lock on a file beside it, held for as long as the process lives."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from pathlib import Path

from meltica.journal.errors import JournalLockedError


class OwnerLock:
    """Taken in the constructor, given back by ``release`` or by the death of the process, however it dies.

    ``flock`` belongs to the open file and not to the process, so a second opener in the same process is refused
    too, and closing an unrelated descriptor does not drop it. The file stays on disk: removing it would let two
    owners lock two files. It holds ``{"pid", "host", "started"}`` for the message that a refused opener gets.
    """

    def __init__(self, journal: Path) -> None:
        self.path = Path(f"{journal}.lock")
        self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = _owner(os.pread(self._fd, 4096, 0))
            os.close(self._fd)
            raise JournalLockedError(journal, owner) from None
        try:
            self._sign()
        except BaseException:
            os.close(self._fd)
            raise

    def release(self) -> None:
        """Idempotent. Truncated first, so that a stale name is never shown for a free journal."""
        if self._fd >= 0:
            os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = -1

    def _sign(self) -> None:
        started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        text = json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "started": started})
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, text.encode(), 0)


def _owner(text: bytes) -> str:
    try:
        owner = json.loads(text)
        return f"process {owner['pid']} on {owner['host']}, started {owner['started']}"
    except (ValueError, KeyError, TypeError):  # The owner is between lock and signature, or somebody edited the file
        return "another process (its lock file does not say which)"
