"""ITCH files through the decoder in pieces: same messages wherever the pieces end, damage named by its byte."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import pytest

from meltica.ticks import itch_file, recording
from meltica.ticks.errors import RecordingError
from meltica.ticks.itch_file import batches

EVENT = bytes.fromhex("000c53000000001f1acedb172e51")
DELETE = bytes.fromhex("0013440be100001f1aced9f0e600000000004a07ee")
DAY = (EVENT + DELETE * 3) * 40_000


def types(path: Path) -> bytes:
    return b"".join(batch.type.tobytes() for batch in batches(path))


def until_damage(path: Path) -> tuple[bytes, RecordingError]:
    found = b""
    try:
        for batch in batches(path):
            found += batch.type.tobytes()
    except RecordingError as error:
        return found, error
    raise AssertionError("the damage was not noticed")


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_all_messages_in_order(tmp_path: Path, pack):
    path = tmp_path / "day"
    path.write_bytes(pack(DAY))
    assert types(path) == b"SDDD" * 40_000


def test_wherever_the_pieces_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "day"
    path.write_bytes(DAY[:2_002])
    expected = types(path)
    for size in (1, 2, 3, 7, 14, 21, 22, 76, 77, 78):
        pieces = [path.read_bytes()[i : i + size] for i in range(0, 2_002, size)]
        found = b"".join(batch.type.tobytes() for batch in itch_file.decoded(path, iter(pieces)))
        assert found == expected, size


def test_the_end_of_the_session(tmp_path: Path):
    path = tmp_path / "day"
    path.write_bytes(DAY[:77] + b"\0\0")
    assert types(path) == b"SDDD"


@pytest.mark.parametrize(
    ("data", "why", "offset", "good"),
    [
        (DAY[:77] + b"\0", "the last message is cut off", 77, b"SDDD"),
        (DAY[:76], "the last message is cut off", 56, b"SDD"),
        (DAY[:77] + b"\0\x0cz" + bytes(60), "unknown message type", 77, b"SDDD"),
        (DAY[:77] + b"\0\x0dS" + bytes(60), "the length does not fit the message type", 77, b"SDDD"),
        (DAY[:77] + b"\0\0" + EVENT, "something follows the end of the session", 79, b"SDDD"),
        (b"", "the file is empty", None, b""),
    ],
)
def test_damage_is_named_and_what_was_good_is_delivered(
    tmp_path: Path, data: bytes, why: str, offset: int | None, good: bytes
):
    path = tmp_path / "day"
    path.write_bytes(data)
    found, error = until_damage(path)
    assert found == good
    assert (error.why, error.offset) == (why, offset)


def test_a_truncated_gzip_file(tmp_path: Path):
    path = tmp_path / "day"
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - a failed run can be repeated
    noise = random.Random(seed)
    day = b"".join(EVENT[:7] + noise.randbytes(6) + EVENT[13:] for _ in range(50_000))
    path.write_bytes(gzip.compress(day)[:300_000])
    found, error = until_damage(path)
    assert error.why == "the gzip data is truncated"
    assert error.offset is not None
    assert len(found) == error.offset // len(EVENT), "a message that had arrived whole was not delivered"
    assert len(found) > 10_000
    assert len(day) > recording.CHUNK_BYTES
