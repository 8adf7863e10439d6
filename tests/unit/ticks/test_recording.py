"""Reading recordings, good and damaged: what was good is delivered, what is not is named."""

from __future__ import annotations

import gzip
import random
import tracemalloc
import zlib
from pathlib import Path

import pytest

from meltica.ticks import recording
from meltica.ticks.errors import RecordingError
from meltica.ticks.recording import Line, RecordingKind, chunks, lines, sniff

TEXT = b"".join(b'%d {"n":%d}\n' % (1_700_000_000_000_000_000 + n, n) for n in range(20_000))
ITCH_EVENT = bytes.fromhex("000c53000000001f1acedb172e51")  # A system event of the real snippet.


def write(folder: Path, data: bytes, name: str = "file") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def read_until_damage(path: Path) -> tuple[list[Line], RecordingError | None]:
    found: list[Line] = []
    try:
        found.extend(lines(path))  # `extend` keeps what came before the error.
    except RecordingError as error:
        return found, error
    return found, None


class TestSniff:
    @pytest.mark.parametrize("pack", [bytes, gzip.compress])
    def test_by_content_not_by_name(self, tmp_path: Path, pack):
        assert sniff(write(tmp_path, pack(TEXT), "day.itch")) is RecordingKind.BINANCE
        assert sniff(write(tmp_path, pack(ITCH_EVENT * 20), "day.json.gz")) is RecordingKind.ITCH

    def test_one_message_is_enough(self, tmp_path: Path):
        assert sniff(write(tmp_path, TEXT.splitlines()[0])) is RecordingKind.BINANCE
        assert sniff(write(tmp_path, ITCH_EVENT)) is RecordingKind.ITCH

    @pytest.mark.parametrize("pack", [bytes, gzip.compress])
    def test_empty(self, tmp_path: Path, pack):
        path = write(tmp_path, pack(b""))
        with pytest.raises(RecordingError, match="the file is empty"):
            sniff(path)

    @pytest.mark.parametrize(
        "data", [b"hello\n", b"{}\n", b"12 {}\n", b"\0\0\0", b"\0\x0cZ" + bytes(40), b"PK\3\4" + bytes(90)]
    )
    def test_neither(self, tmp_path: Path, data: bytes):
        with pytest.raises(RecordingError, match=r"byte 0: neither a Binance recording .* nor an ITCH 5\.0 file"):
            sniff(write(tmp_path, data))

    def test_random_bytes_are_neither(self, tmp_path: Path):
        seed = random.randrange(2**32)
        print(f"seed {seed}")  # noqa: T201 - a failed run can be repeated
        data = random.Random(seed).randbytes(100_000)
        with pytest.raises(RecordingError):
            sniff(write(tmp_path, data))

    def test_a_missing_file(self, tmp_path: Path):
        with pytest.raises(RecordingError, match="No such file or directory"):
            sniff(tmp_path / "nowhere")

    def test_a_truncated_file_is_still_known(self, tmp_path: Path):
        assert sniff(write(tmp_path, gzip.compress(TEXT)[:2000])) is RecordingKind.BINANCE


class TestLines:
    @pytest.mark.parametrize("pack", [bytes, gzip.compress])
    def test_all_of_them(self, tmp_path: Path, pack):
        found = list(lines(write(tmp_path, pack(TEXT))))
        assert len(found) == 20_000
        assert found[0] == Line(1, 1_700_000_000_000_000_000, b'{"n":0}')
        assert found[-1] == Line(20_000, 1_700_000_000_000_019_999, b'{"n":19999}')

    def test_the_last_line_may_lack_its_end(self, tmp_path: Path):
        assert len(list(lines(write(tmp_path, TEXT[:-1])))) == 20_000

    def test_several_gzip_members_and_padding(self, tmp_path: Path):
        half = TEXT.index(b"\n", len(TEXT) // 2) - 3  # In the middle of a line.
        data = gzip.compress(TEXT[:half]) + gzip.compress(TEXT[half:]) + bytes(512)
        assert b"".join(chunks(write(tmp_path, data))) == TEXT

    @pytest.mark.parametrize("share", [0.01, 0.3, 0.999])
    def test_truncated_gzip_delivers_what_was_good(self, tmp_path: Path, share: float):
        packed = gzip.compress(TEXT)
        found, error = read_until_damage(write(tmp_path, packed[: int(len(packed) * share)]))
        assert found == list(lines(write(tmp_path, TEXT, "whole")))[: len(found)]
        assert error is not None
        assert error.why == "the gzip data is truncated"
        assert error.line == len(found) + 1
        delivered = sum(len(text) for text in TEXT.splitlines(keepends=True)[: len(found)])
        assert error.offset is not None
        assert 0 <= error.offset - delivered < 100, "a line that had arrived whole was not delivered"

    def test_a_missing_checksum_is_a_truncation(self, tmp_path: Path):
        found, error = read_until_damage(write(tmp_path, gzip.compress(TEXT)[:-4]))
        assert len(found) == 20_000
        assert error is not None
        assert "truncated" in error.why

    def test_a_wrong_checksum(self, tmp_path: Path):
        packed = bytearray(gzip.compress(TEXT))
        packed[-6] ^= 1
        found, error = read_until_damage(write(tmp_path, bytes(packed)))
        assert error is not None
        assert "corrupt gzip data" in error.why
        assert error.line is not None
        assert len(found) == error.line - 1

    def test_garbage_after_the_gzip_data(self, tmp_path: Path):
        found, error = read_until_damage(write(tmp_path, gzip.compress(TEXT) + b"and more"))
        assert len(found) == 20_000
        assert error is not None
        assert "corrupt gzip data" in error.why

    @pytest.mark.parametrize(
        "broken", [b"", b"17 ", b"{}", b"-5 {}", b"abc {}", b"17{}", b"\xff\xfe {}", b"99999999999999999999 {}"]
    )
    def test_a_broken_line_is_named(self, tmp_path: Path, broken: bytes):
        good = TEXT.splitlines(keepends=True)[:3]
        path = write(tmp_path, b"".join(good) + broken + b"\n" + good[0])
        found, error = read_until_damage(path)
        assert len(found) == 3
        assert error is not None
        assert error.line == 4
        assert str(error).startswith(f"{path}, line 4: not of the form `<local ns> <json>`")

    def test_a_line_without_end_does_not_eat_the_memory(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        packed = gzip.compress(b"1700000000000000000 {" + b" " * (1 << 26))
        path = write(tmp_path, packed)
        tracemalloc.start()
        found, error = read_until_damage(path)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert (found, error is not None and error.line) == ([], 1)
        assert peak < 4 * recording.MAX_LINE_BYTES

    @pytest.mark.parametrize("missing", [5, 9, 12, 20, 60])
    def test_all_that_a_truncated_file_holds_is_delivered(self, tmp_path: Path, missing: int):
        packed = gzip.compress(bytes(1 << 22) + TEXT)[:-missing]
        held = zlib.decompressobj(wbits=31).decompress(packed)
        pieces: list[bytes] = []
        with pytest.raises(RecordingError) as caught:
            pieces.extend(chunks(write(tmp_path, packed)))
        assert b"".join(pieces) == held
        assert caught.value.offset == len(held)

    def test_a_compression_bomb_is_read_in_pieces(self, tmp_path: Path):
        path = write(tmp_path, gzip.compress(bytes(1 << 26)))
        assert max(len(piece) for piece in chunks(path)) <= recording.CHUNK_BYTES


def test_every_single_bit_error_is_an_error_or_harmless(tmp_path: Path):
    """Flip bits of a packed file: either an error is raised, or what was read is what was written."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - a failed run can be repeated
    draw = random.Random(seed)
    text = b"".join(TEXT.splitlines(keepends=True)[:180])
    whole = list(lines(write(tmp_path, text, "whole")))
    packed = gzip.compress(text)
    for _ in range(200):
        damaged = bytearray(packed)
        damaged[draw.randrange(len(damaged))] ^= 1 << draw.randrange(8)
        found, error = read_until_damage(write(tmp_path, bytes(damaged)))
        assert error is not None or found == whole
