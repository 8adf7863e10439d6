"""Both ITCH decoders against messages typed from the specification, a real file, and rubbish."""

import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meltica.hot import load
from meltica.hot.itch import COLUMNS, ItchBatch, ItchDecoder
from tests.conformance.examples import examples
from tests.conformance.itch_messages import BODIES, expected, framed, message

BACKENDS = {name: load(name) for name in ("python", "cython")}
SNIPPET = Path(os.environ.get("MELTICA_DATA", "../shared/data")) / "nasdaq/12302019_SNIPPET.NASDAQ_ITCH50"
LENGTHS = {kind: len(message(kind)) for kind in BODIES}


@pytest.fixture(params=BACKENDS)
def decoder(request: pytest.FixtureRequest) -> ItchDecoder:
    return BACKENDS[request.param].ItchDecoder()


def row(batch: ItchBatch, at: int) -> dict[str, Any]:
    """Letters as letters, everything else as it is."""
    values = {name: getattr(batch, name)[at].item() for name in COLUMNS}
    return values | {name: chr(values[name]) if values[name] else 0 for name in ("type", "side", "code")}


def everything(decoder: ItchDecoder, data: bytes) -> tuple[list[dict[str, Any]], int, str, dict[str, int]]:
    """All rows of a buffer, where decoding ended, the error, the counts."""
    rows, offset = [], 0
    while True:
        batch = decoder.decode(data, offset)
        rows += [row(batch, at) for at in range(len(batch))]
        offset = batch.next_offset
        if batch.finished:
            return rows, offset, str(batch.error), decoder.counts()


@pytest.mark.parametrize("kind", BODIES)
def test_each_message_of_the_specification(decoder: ItchDecoder, kind: str) -> None:
    batch = decoder.decode(framed(message(kind)))
    assert (len(batch), batch.finished, batch.error) == (1, True, None)
    assert row(batch, 0) == expected(kind)
    assert decoder.counts() == {kind: 1}


def test_lengths_of_the_specification() -> None:
    listed = "S12 R39 H25 Y20 L26 V35 W12 K28 J35 h21 A36 F40 E31 C36 X23 D19 U35 P44 Q40 B19 I50 N20 O48"
    assert {kind: int(length) for kind, *digits in listed.split() for length in ["".join(digits)]} == LENGTHS


def test_all_messages_in_one_buffer_with_every_capacity() -> None:
    data = framed(*[message(kind) for kind in BODIES] * 3)
    for backend in BACKENDS.values():
        for capacity in (1, 2, 7, 69, 70):
            rows, offset, error, counts = everything(backend.ItchDecoder(capacity), data)
            assert [one["type"] for one in rows] == list(BODIES) * 3
            assert (offset, error) == (len(data), "None")
            assert counts == dict.fromkeys(BODIES, 3)


def test_a_full_batch_is_not_the_end(decoder: ItchDecoder) -> None:
    data = framed(message("D")) * 8192
    batch = decoder.decode(data)
    assert (len(batch), batch.finished, batch.next_offset) == (8192, False, len(data))
    batch = decoder.decode(data, batch.next_offset)
    assert (len(batch), batch.finished, batch.error) == (0, True, None)


def test_the_columns_are_used_again(decoder: ItchDecoder) -> None:
    first = decoder.decode(framed(message("A")))
    decoder.decode(framed(message("F")))
    assert chr(first.type[0]) == "F"


def test_nothing_is_left_over_from_an_earlier_batch(decoder: ItchDecoder) -> None:
    decoder.decode(framed(message("F")))
    assert row(decoder.decode(framed(message("S"))), 0) == expected("S")


def test_empty_buffer_and_end_of_session(decoder: ItchDecoder) -> None:
    batch = decoder.decode(b"")
    assert (len(batch), batch.finished, batch.error, batch.next_offset) == (0, True, None, 0)
    data = framed(message("D")) + b"\0\0" + framed(message("D"))
    for padding in (b"", bytes(100)):
        batch = decoder.decode(data + padding)
        assert (len(batch), batch.finished, batch.error, batch.next_offset) == (1, True, None, 23)


@pytest.mark.parametrize("padding", [b"", framed(message("I")) * 4], ids=["at the end", "in the middle"])
def test_unknown_types_and_wrong_lengths_stop_with_the_offset(decoder: ItchDecoder, padding: bytes) -> None:
    start = framed(message("D"))
    batch = decoder.decode(start + framed(b"Z" * 19) + padding)
    assert (len(batch), batch.finished, batch.next_offset) == (1, True, 21)
    assert str(batch.error) == "unknown message type at byte 21: length 19, type 'Z'"
    batch = decoder.decode(start + framed(message("A") + b"!") + padding)
    assert str(batch.error) == "the length does not fit the message type at byte 21: length 37, type 'A'"
    assert (len(batch), batch.finished, batch.next_offset) == (1, True, 21)


@pytest.mark.parametrize("missing", range(1, 38))
def test_a_cut_off_tail_is_reported(decoder: ItchDecoder, missing: int) -> None:
    whole = framed(message("S"))
    data = (whole + framed(message("A")))[:-missing]
    batch = decoder.decode(data)
    assert (len(batch), batch.finished, batch.next_offset) == (1, True, len(whole))
    assert batch.error is not None
    assert batch.error.offset == len(whole)
    assert batch.error.reason == "the last message is cut off"


def test_an_offset_outside_the_buffer_is_the_callers_fault(decoder: ItchDecoder) -> None:
    for offset in (-1, 3):
        with pytest.raises(ValueError, match="offset"):
            decoder.decode(b"\0\0", offset)


@pytest.mark.skipif(not SNIPPET.exists(), reason=f"no {SNIPPET}: set MELTICA_DATA")
def test_a_real_file(decoder: ItchDecoder) -> None:
    rows, offset, error, counts = everything(decoder, SNIPPET.read_bytes())
    assert (len(rows), offset, error) == (1_000, 35_570, "None")
    assert counts == {"A": 367, "U": 225, "F": 193, "D": 167, "E": 28, "X": 6, "I": 4, "P": 4, "Q": 4, "S": 1, "C": 1}
    times = [one["timestamp_ns"] for one in rows]
    assert all(earlier <= later for earlier, later in pairwise(times))
    assert times[0] // 10**9 == 9 * 3_600 + 30 * 60
    assert {one["side"] for one in rows if one["type"] in "AFP"} == {"B", "S"}


known = st.sampled_from([framed(message(kind)) for kind in BODIES])
pieces = st.one_of(known, known, known, st.binary(max_size=60))


@settings(deadline=None, max_examples=examples(300), print_blob=True)
@given(st.lists(pieces, max_size=30).map(b"".join), st.integers(1, 9), st.data())
def test_corrupted_buffers_end_alike_in_both(data: bytes, capacity: int, draw: st.DataObject) -> None:
    if data and draw.draw(st.booleans()):
        at = draw.draw(st.integers(0, len(data) - 1))
        data = data[:at] + draw.draw(st.binary(min_size=1, max_size=3)) + data[at + 1 :]
    data = data[: draw.draw(st.integers(0, len(data)))]
    ours, theirs = (everything(BACKENDS[name].ItchDecoder(capacity), data) for name in ("python", "cython"))
    assert ours == theirs


@settings(deadline=None, max_examples=examples(300), print_blob=True)
@given(st.binary(max_size=300), st.integers(0, 300))
def test_garbage_ends_alike_in_both(data: bytes, offset: int) -> None:
    batches = [backend.ItchDecoder().decode(data, min(offset, len(data))) for backend in BACKENDS.values()]
    seen = [
        ([row(batch, at) for at in range(len(batch))], batch.next_offset, str(batch.error), batch.finished)
        for batch in batches
    ]
    assert seen[0] == seen[1]
