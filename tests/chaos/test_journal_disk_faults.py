"""A full disk and a failed flush, in a real process: the writer stops at once, says so once, and loses no promise."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from meltica.journal.errors import JournalFailedError
from meltica.journal.store import SqliteStore
from tests.chaos.journal_disk import Victim, broken_promises, build_shim, read_trace
from tests.chaos.journal_victim import FAILED

LIMIT_BYTES = 400_000


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_shim(tmp_path_factory.mktemp("shim"))


def assert_stopped_with_its_promises_kept(victim: Victim, outcome: tuple[int, str], message: str) -> int:
    code, errors = outcome
    promised, failures = victim.promised()
    assert (code, failures) == (FAILED, 1), errors
    assert message in errors
    assert "nothing more is written" in errors
    assert broken_promises(victim.journal, promised) == []
    return len(promised)


def assert_goes_on_after_repair(victim: Victim) -> None:
    victim.environment.clear()
    assert victim.run(50, 8) == (0, "")
    assert broken_promises(victim.journal, victim.promised()[0]) == []


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"SHIM_SYNC_FAILS": "journal-wal:1"}, "disk I/O error"),
        ({"SHIM_SYNC_FAILS": "journal-wal:40"}, "disk I/O error"),
        ({"SHIM_SYNC_FAILS": "journal:3"}, "disk I/O error"),  # Moving the WAL into the file, at a snapshot
        ({"SHIM_FULL": "journal-wal:1"}, "full"),
        ({"SHIM_FULL": "journal-wal:100"}, "full"),
        ({"SHIM_FULL": "journal:30"}, "full"),
    ],
    ids=str,
)
def test_the_first_fault_is_the_last_write(shim: Path, tmp_path: Path, fault: dict[str, str], message: str) -> None:
    trace = tmp_path / "trace"
    victim = Victim(tmp_path / "journal", tmp_path / "acks")
    assert victim.run(20, 4) == (0, "")
    victim.environment = {"LD_PRELOAD": str(shim), "SHIM_TRACE": str(trace), **fault}
    assert_stopped_with_its_promises_kept(victim, victim.run(10**6, 8), message)
    events = read_trace(trace)
    failed_at = next(n for n, event in enumerate(events) if event.failed)
    after = [event for event in events[failed_at + 1 :] if event.path.endswith(("journal", "journal-wal"))]
    assert [event for event in after if not event.failed] == [], "it touched the journal after the failure"
    acknowledged = b"".join(event.data for event in events[failed_at + 1 :] if event.kind == "a")
    assert acknowledged.count(b"failed") == 1
    assert_goes_on_after_repair(victim)


def test_a_file_that_may_not_grow_stops_the_writer(tmp_path: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT_BYTES, LIMIT_BYTES))

    victim = Victim(tmp_path / "journal", tmp_path / "acks")
    outcome = victim.run(10**6, 16, preexec_fn=limit)
    assert assert_stopped_with_its_promises_kept(victim, outcome, "disk I/O error") > 100
    assert_goes_on_after_repair(victim)


@contextmanager
def small_disk(folder: Path) -> Iterator[Callable[[str], None]]:
    """A filesystem of one megabyte; what it yields changes its size."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o"]
    subprocess.run([*mount, "size=1m", "tmpfs", str(folder)], check=True)
    try:
        yield lambda size: subprocess.run([*mount, f"remount,size={size}", "tmpfs", str(folder)], check=True) and None
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def may_mount() -> bool:
    """Root outside of a container. Elsewhere the same fault comes from the shim and the size limit above."""
    if os.geteuid() != 0:
        return False
    attempt = ["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/tmp"]
    return subprocess.run(attempt, check=False, capture_output=True).returncode == 0


if may_mount():

    def test_a_really_full_filesystem_stops_the_writer(tmp_path: Path) -> None:
        with small_disk(tmp_path / "disk") as resize:
            victim = Victim(tmp_path / "disk" / "journal", tmp_path / "acks")
            outcome = victim.run(10**6, 16)
            resize("64m")  # Judging needs a little room as well
            assert assert_stopped_with_its_promises_kept(victim, outcome, "full") > 100
            assert_goes_on_after_repair(victim)

    def test_starting_on_a_full_filesystem_is_refused_and_harms_nothing(tmp_path: Path) -> None:
        with small_disk(tmp_path / "disk") as resize:
            victim = Victim(tmp_path / "disk" / "journal", tmp_path / "acks")
            victim.run(10**6, 16)
            with pytest.raises(JournalFailedError, match="full"):
                SqliteStore(victim.journal)
            with pytest.raises(JournalFailedError, match=r"full|unable to open|No space"):
                SqliteStore(victim.journal.with_name("another"))
            resize("64m")
            assert broken_promises(victim.journal, victim.promised()[0]) == []
            SqliteStore(victim.journal).close()
            with closing(SqliteStore(victim.journal.with_name("another"))) as another:
                assert another.head().seq == 0
