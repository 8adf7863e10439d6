"""Segments of a live recording: whole files only, and after a crash at any byte nothing that is half."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from meltica.ticks.errors import RecordingError
from meltica.ticks.itch_segments import IndexEntry, SegmentWriter, read_index, recover

SESSION = b"DAY1      "
BLOCKS = [(1, 2, b"\0\1a\0\1b"), (3, 1, b"\0\3ccc"), (4, 1, b"\0\1d")]


def write(folder: Path, *, finish: bool = True, limit: int = 1 << 20) -> SegmentWriter:
    writer = SegmentWriter(folder, limit)
    for sequence, count, block in BLOCKS:
        writer.write(SESSION, sequence, count, block, 1_000 + sequence)
    if finish:
        writer.finish()
    return writer


def killed(folder: Path) -> None:
    """As a process leaves it that ends at once."""
    writer = write(folder, finish=False)
    for file in (writer._data, writer._index):
        assert file is not None
        file.close()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_whole_segment_with_its_index(tmp_path: Path):
    writer = write(tmp_path / "new" / "folder")
    (path,) = writer.finished
    assert names(path.parent) == ["DAY1-000000000001.itch", "DAY1-000000000001.itch.index"]
    assert path.read_bytes() == b"".join(block for *_, block in BLOCKS)
    assert read_index(path) == (
        SESSION,
        [IndexEntry(1, 0, 1_001, 2, 6), IndexEntry(3, 6, 1_003, 1, 5), IndexEntry(4, 11, 1_004, 1, 3)],
    )
    assert writer.messages == 4
    writer.finish()
    assert len(writer.finished) == 1


def test_while_it_is_written_it_is_called_part(tmp_path: Path):
    killed(tmp_path)
    assert names(tmp_path) == ["DAY1-000000000001.itch.index.part", "DAY1-000000000001.itch.part"]
    assert (tmp_path / "DAY1-000000000001.itch.part").stat().st_size == 14, "each block is with the kernel at once"


def test_rotation_by_size_and_by_session(tmp_path: Path):
    writer = write(tmp_path, limit=11, finish=False)
    writer.write(b"DAY 2/..  ", 1, 1, b"\0\1x", 9)
    writer.finish()
    assert [path.name for path in writer.finished] == [
        "DAY1-000000000001.itch",
        "DAY1-000000000004.itch",
        "DAY_2___-000000000001.itch",
    ]
    assert [path.read_bytes() for path in writer.finished] == [BLOCKS[0][2] + BLOCKS[1][2], BLOCKS[2][2], b"\0\1x"]


def test_what_is_lost_is_in_the_index(tmp_path: Path):
    writer = SegmentWriter(tmp_path)
    writer.lost(SESSION, 1, 2**32 + 5, 7)
    writer.write(SESSION, 2**32 + 6, 1, b"\0\1a", 8)
    writer.finish()
    assert read_index(writer.finished[0])[1] == [
        IndexEntry(1, 0, 7, 2**32 - 1, 0),
        IndexEntry(2**32, 0, 7, 6, 0),
        IndexEntry(2**32 + 6, 0, 8, 1, 3),
    ]


def test_nothing_is_recorded_over(tmp_path: Path):
    write(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(RecordingError, match="recorded before"):
        write(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    with pytest.raises(RecordingError):
        SegmentWriter(blocked)


@pytest.mark.parametrize("cut", ["data", "index"])
def test_a_crash_at_any_byte_leaves_whole_blocks(tmp_path: Path, cut: str):
    killed(tmp_path / "whole")
    data, index = (
        (tmp_path / "whole" / f"DAY1-000000000001.itch{suffix}").read_bytes() for suffix in (".part", ".index.part")
    )
    wholes = [b"".join(block for *_, block in BLOCKS[:number]) for number in range(4)]
    for end in range(len(data if cut == "data" else index) + 1):
        folder = tmp_path / str(end)
        folder.mkdir()
        (folder / "DAY1-000000000001.itch.part").write_bytes(data[:end] if cut == "data" else data)
        (folder / "DAY1-000000000001.itch.index.part").write_bytes(index if cut == "data" else index[:end])
        (path,) = recover(folder)
        found = path.read_bytes()
        assert found == max(whole for whole in wholes if len(whole) <= (end if cut == "data" else len(found)))
        entries = read_index(path)[1]
        assert sum(entry.length for entry in entries) == len(found)
        assert names(folder) == ["DAY1-000000000001.itch", "DAY1-000000000001.itch.index"]
        if cut == "index":
            assert len(found) == len(wholes[max(end - 32, 0) // 32])


def test_a_crash_between_the_files_and_between_the_renames(tmp_path: Path):
    (tmp_path / "DAY1-000000000001.itch.part").write_bytes(b"")
    assert [path.name for path in recover(tmp_path)] == ["DAY1-000000000001.itch"]
    assert recover(tmp_path) == []
    shutil.rmtree(tmp_path)
    write(tmp_path)
    path = tmp_path / "DAY1-000000000001.itch"
    whole = path.read_bytes()
    path.rename(tmp_path / "DAY1-000000000001.itch.part")
    assert recover(tmp_path) == [path]
    assert path.read_bytes() == whole


FULL_DISK = """
import resource, sys
from pathlib import Path
from meltica.ticks.errors import RecordingError
from meltica.ticks.itch_segments import SegmentWriter
writer = SegmentWriter(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    for number in range(9):
        writer.write(b"DAY1      ", number + 1, 1, b"\\0\\x1c" + b"%d" % number * 28, 7)
except RecordingError as error:
    print(error.why)
writer.finish()
"""


@pytest.mark.parametrize(("limit", "whole"), [(100, 2), (130, 3), (200, 5)])
def test_a_full_disk_leaves_whole_blocks(tmp_path: Path, limit: int, whole: int):
    """Files may grow to the limit; then a write is cut short, as on a full disk: of the index first, here."""
    run = subprocess.run(
        [sys.executable, "-c", FULL_DISK, tmp_path, str(limit)], capture_output=True, text=True, check=True
    )
    assert run.stdout == "File too large\n"
    path = tmp_path / "DAY1-000000000001.itch"
    assert path.read_bytes() == b"".join(b"\0\x1c" + b"%d" % number * 28 for number in range(whole))
    assert [entry.length for entry in read_index(path)[1]] == [30] * whole


def test_an_index_that_is_none(tmp_path: Path):
    killed(tmp_path)
    (tmp_path / "DAY1-000000000001.itch.index.part").write_bytes(bytes(64))
    with pytest.raises(RecordingError, match="not an index"):
        recover(tmp_path)
    path = tmp_path / "X-1.itch"
    with pytest.raises(RecordingError, match="No such file"):
        read_index(path)
    (tmp_path / "X-1.itch.index").write_bytes(b"MLTITCH1")
    with pytest.raises(RecordingError, match="not an index"):
        read_index(path)
