"""One judge for both histograms: buckets, exact quantiles, resets seen by readers, the same bytes in memory."""

from __future__ import annotations

import math
import mmap
from random import Random, SystemRandom
from typing import Any

import numpy as np
import pytest

from cython_ext import histogram as compiled
from meltica.hot import histogram_twin as twin

BOTH = pytest.mark.parametrize("module", [twin, compiled], ids=["python", "cython"])
EDGES = [0, 1, 63, 64, 127, 128, 129, 255, 256, 10**9, 10**10, 2**34 - 1]


@BOTH
def test_each_value_lies_within_its_bucket(module: Any) -> None:
    for value in EDGES:
        for near in (value - 1, value, value + 1):
            if 0 <= near < 2**34:
                index = module.bucket_of(near)
                begin = module.bucket_end(index - 1) + 1 if index else 0
                assert begin <= near <= module.bucket_end(index)
                assert module.bucket_end(index) - begin <= max(0, near // 64)


@BOTH
def test_buckets_are_numbered_without_a_gap(module: Any) -> None:
    ends = [module.bucket_end(index) for index in range(twin.BUCKETS)]
    assert ends == sorted(set(ends))
    assert [module.bucket_of(end) for end in ends[:-1]] == list(range(twin.OVERFLOW))
    assert ends[:128] == list(range(128))
    with pytest.raises(IndexError):
        module.bucket_end(twin.BUCKETS)
    with pytest.raises(IndexError):
        module.bucket_end(-1)


@BOTH
@pytest.mark.parametrize("spread", [2, 60, 10_000, 10**9])
def test_quantiles_are_the_exact_ones_rounded_up_by_a_64th_at_most(module: Any, spread: int) -> None:
    seed = SystemRandom().randrange(2**32)
    chance = Random(seed)
    values = [int(chance.expovariate(1) * spread) for _ in range(2_000)]
    histogram = module.Histogram()
    histogram.record_many(np.array(values, np.uint64))
    values.sort()
    wanted = (0.0, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0)
    for q, told in zip(wanted, histogram.quantiles(wanted), strict=True):
        exact = values[max(1, math.ceil(q * len(values))) - 1]
        assert exact <= told <= exact * (1 + module.Histogram.PRECISION), (seed, q)
    assert histogram.total == len(values)


@BOTH
def test_an_empty_one_says_nothing_and_a_single_value_says_itself(module: Any) -> None:
    histogram = module.Histogram()
    assert histogram.quantiles((0, 0.5, 1)) == [0, 0, 0]
    histogram.record(77)
    assert histogram.quantiles((0, 0.5, 1)) == [77, 77, 77]


@BOTH
def test_too_long_is_told_as_longer_than_can_be_told(module: Any) -> None:
    histogram = module.Histogram()
    histogram.record(2**34)
    histogram.record(2**64 - 1)
    assert histogram.quantile(1) == module.Histogram.HIGHEST_NS + 1
    assert histogram.counts()[twin.OVERFLOW] == 2
    for wrong in (-1, 2**64):
        with pytest.raises(ValueError, match="no duration"):
            histogram.record(wrong)
    for wrong_q in (-0.1, 1.1):
        with pytest.raises(ValueError, match=r"within 0\.\.1"):
            histogram.quantile(wrong_q)


@BOTH
def test_merged_is_as_if_recorded_together(module: Any) -> None:
    one, other, both = module.Histogram(), module.Histogram(), module.Histogram()
    for value in (5, 500, 50_000):
        one.record(value)
        both.record(value)
    for value in (7, 500, 2**40):
        other.record(value)
        both.record(value)
    one.merge(other)
    assert (one.counts() == both.counts()).all()


@BOTH
def test_a_reset_clears_and_is_told_by_the_epoch(module: Any) -> None:
    histogram = module.Histogram()
    histogram.record(9)
    histogram.reset()
    assert (histogram.total, histogram.epoch) == (0, 2)
    histogram.record(9)
    assert (histogram.total, histogram.epoch) == (1, 2)
    histogram.reset()
    assert histogram.epoch == 4


def test_a_reader_finds_no_half_cleared_counts() -> None:
    memory = bytearray(compiled.Histogram.SIZE)
    histogram = compiled.Histogram(memory)
    histogram.record(3)
    memory[0] |= 1  # The writer is at it
    with pytest.raises(RuntimeError, match="writer died"):
        histogram.counts()
    memory[0] = 2
    assert histogram.total == 1


def test_both_write_the_same_bytes() -> None:
    seed = SystemRandom().randrange(2**32)
    chance = Random(seed)
    memories = [bytearray(compiled.Histogram.SIZE) for _ in range(2)]
    for memory, module in zip(memories, (twin, compiled), strict=True):
        chance.seed(seed)
        histogram = module.Histogram(memory)
        histogram.reset()
        for _ in range(500):
            histogram.record(chance.getrandbits(chance.randrange(1, 65)))
    assert memories[0] == memories[1], seed
    assert twin.Histogram.SIZE == compiled.Histogram.SIZE


@BOTH
def test_in_a_mapping_any_reader_sees_it_at_once(module: Any) -> None:
    with mmap.mmap(-1, 3 * module.Histogram.SIZE) as mapping:
        part = memoryview(mapping)[module.Histogram.SIZE : 2 * module.Histogram.SIZE]
        writer, reader = module.Histogram(part), module.Histogram(part)
        writer.record(1_000)
        assert reader.total == 1
        assert not any(mapping[: module.Histogram.SIZE])
        assert not any(mapping[2 * module.Histogram.SIZE :])
        del writer, reader
        part.release()


@BOTH
def test_memory_that_does_not_fit_is_refused(module: Any) -> None:
    with pytest.raises(ValueError, match="takes 1497"):
        module.Histogram(bytearray(100))
    with pytest.raises(BufferError):
        module.Histogram(bytes(module.Histogram.SIZE))


def test_the_compiled_one_wants_whole_words() -> None:
    memory = memoryview(bytearray(compiled.Histogram.SIZE + 8))
    with pytest.raises(ValueError, match="aligned"):
        compiled.Histogram(memory[1 : compiled.Histogram.SIZE + 1])
