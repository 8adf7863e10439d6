"""Frames to words of the card's streams and back."""

from __future__ import annotations

from random import Random, SystemRandom

import pytest

from sim.rtl.axis import frame, is_error, is_last, word, words


def test_first_byte_is_in_the_lowest_bits() -> None:
    first, last = words(bytes(range(1, 11)))
    assert first == word(0x0807060504030201)
    assert last == word(0x0A09, keep=0b11, last=True)
    assert is_last(last)
    assert not is_last(first)
    assert last >> 64 == 0b01_00000011


def test_an_error_goes_with_the_last_word() -> None:
    first, last = words(bytes(9), error=True)
    assert is_error(last)
    assert not is_error(first)
    assert last == word(0, keep=1, last=True, error=True)


def test_every_length_comes_back() -> None:
    seed = SystemRandom().randrange(2**32)
    chance = Random(seed)
    for length in range(1, 70):
        content = chance.randbytes(length)
        assert frame(words(content)) == content, f"seed {seed}"


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ([word(0)], "without a last word"),
        ([word(0, last=True), word(0, last=True)], "after the last"),
        ([word(0, keep=0x7F), word(0, last=True)], "in a middle word"),
        ([word(0, keep=0b101, last=True)], "keep 0x05 in the last word"),
        ([word(0, keep=0, last=True)], "keep 0x00"),
    ],
)
def test_what_is_no_frame_is_refused(broken: list[int], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        frame(broken)


def test_a_frame_of_no_bytes_is_refused() -> None:
    with pytest.raises(ValueError, match="no bytes"):
        words(b"")
