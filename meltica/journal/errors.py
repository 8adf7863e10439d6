"""What can be wrong with a journal, and whose fault it is. Each message says what, where and what to do."""

from __future__ import annotations

from pathlib import Path

from meltica.domain.errors import MelticaError


class JournalError(MelticaError):
    """Base of every error of this room."""


class JournalLockedError(JournalError):
    """The operator's fault: another gateway owns this journal. ``owner`` is what its lock file says."""

    def __init__(self, path: Path | str, owner: str) -> None:
        super().__init__(
            f"journal {path} is in use by {owner}; two gateways must never write one journal. "
            "Stop that process, or point this gateway at a journal of its own"
        )
        self.path = path
        self.owner = owner


class JournalMissingError(JournalError):
    """The operator's fault: there is no journal at this path."""

    def __init__(self, path: Path | str, why: str = "there is no such file") -> None:
        super().__init__(f"no journal at {path}: {why}")
        self.path = path


class JournalDamagedError(JournalError):
    """What is stored is not what was written, so nothing is built on it. ``seq`` says where, when that is known."""

    def __init__(self, path: Path | str, what: str, seq: int | None = None) -> None:
        where = "" if seq is None else f" at seq {seq}"
        super().__init__(
            f"journal {path} is damaged{where}: {what}. Do not trade on it: keep the files, run "
            f"`meltica journal verify {path}`, and restore a copy that verifies"
        )
        self.path = path
        self.what = what
        self.seq = seq


class JournalVersionError(JournalError):
    """A journal written by another version of the program: sound, but not ours to write."""

    def __init__(self, path: Path | str, found: int, supported: int) -> None:
        super().__init__(
            f"journal {path} has schema version {found}, this program writes version {supported}. "
            "Run the version that wrote it, or start a new journal"
        )
        self.path = path
        self.found = found


class JournalFullError(JournalError):
    """A normal "no": too much is waiting for the disk. Nothing was appended; ask ``has_room`` before you step."""


class JournalClosedError(JournalError):
    """Our fault: the writer was closed before this call."""


class JournalFailedError(JournalError):
    """The disk's fault: a write or a flush failed. Final: what was not durable by then may be lost, so the
    process stops."""

    def __init__(self, path: Path | str, cause: BaseException) -> None:
        super().__init__(
            f"journal {path} failed ({type(cause).__name__}: {cause}); nothing more is written and nothing that was "
            "waiting may be acted on. Repair the disk (space, permissions, hardware), then start again: recovery "
            "reads the log"
        )
        self.path = path
        self.cause = cause
