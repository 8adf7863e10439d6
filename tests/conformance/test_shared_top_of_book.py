"""The top-of-book table of both backends, writer and reader from either, against a dict."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meltica.hot.layout_gen import TopOfBookRecord
from tests.conformance.examples import examples
from tests.conformance.shared_records import PAIRS, dead_process, folder, poke, shared

pairs = pytest.mark.parametrize("pair", PAIRS, ids="-".join)
ROWS = 4096
SEQUENCE = 56


def top(locate: int, price: int, stores: int = 0) -> TopOfBookRecord:
    return TopOfBookRecord(locate, 84, 0, price, 100, price + 1, 200, 34_200_000_000_000, 1_700_000_000, stores)


@pairs
@settings(max_examples=examples(20), deadline=None)
@given(
    steps=st.lists(st.tuples(st.sampled_from([0, 1, 7, 65_535]), st.integers(-(2**63), 2**63 - 2)), max_size=30),
    looks=st.integers(1, 5),
)
def test_what_is_read_is_what_was_stored_last(pair: tuple[str, str], steps: list, looks: int) -> None:
    with folder() as run:
        writer = shared(pair[0]).TopOfBookWriter.create(run / "tops")
        reader = shared(pair[1]).TopOfBookReader.attach(run / "tops")
        stored: dict[int, TopOfBookRecord] = {}
        counts: dict[int, int] = {}
        changed: set[int] = set()
        mark = 0
        for at, (locate, price) in enumerate(steps):
            counts[locate] = counts.get(locate, 0) + 1
            # The count in the record is not the table's: it counts by itself
            writer.put(locate, top(locate, price, 999).to_bytes())
            stored[locate] = top(locate, price, counts[locate])
            changed.add(locate)
            if at % looks == 0:
                found, mark = reader.changed_since(mark)
                assert sorted(found) == sorted(changed)
                changed.clear()
        for locate in (0, 1, 2, 7, 65_535):
            assert reader.read(locate) == stored.get(locate)
        many = reader.read_many([7, 2, 0])
        assert [int(row["bid_price"]) for row in many] == [
            stored[locate].bid_price if locate in stored else 0 for locate in (7, 2, 0)
        ]
        assert many.dtype == TopOfBookRecord.DTYPE
        assert (reader.counters()["stores"], reader.retries) == (len(steps), 0)
        assert reader.writer_pid() is not None
        writer.detach()
        assert reader.writer_pid() is None


@pairs
def test_who_was_away_too_long_is_told_of_all(pair: tuple[str, str]) -> None:
    with folder() as run:
        writer = shared(pair[0]).TopOfBookWriter.create(run / "tops")
        reader = shared(pair[1]).TopOfBookReader.attach(run / "tops")
        writer.put(3, top(3, 1).to_bytes())
        _, mark = reader.changed_since(0)
        again = top(4, 1).to_bytes()
        for _ in range(131_072):
            writer.put(4, again)
        found, mark = reader.changed_since(mark)
        assert list(found) == [4]
        writer.put(4, again)
        found, _ = reader.changed_since(mark - 131_072)
        assert list(found) == [3, 4]
        with pytest.raises(ValueError, match="of another table"):
            reader.changed_since(mark + 2)


@pairs
def test_a_row_whose_writer_died_in_it_is_never_shown(pair: tuple[str, str]) -> None:
    with folder() as run:
        path = run / "tops"
        writer = shared(pair[0]).TopOfBookWriter.create(path)
        reader = shared(pair[1]).TopOfBookReader.attach(path)
        for locate in (5, 6):
            writer.put(locate, top(locate, 10).to_bytes())
        _, mark = reader.changed_since(0)
        poke(path, ROWS + 5 * 64 + SEQUENCE, 3)
        with pytest.raises(ValueError, match=r"row of locate 5 is half written: its writer, process \d+, does not run"):
            reader.read(5)
        retries = reader.retries
        assert retries > 100
        with pytest.raises(ValueError, match="half written"):
            reader.read_many([6, 5])
        writer.detach()
        poke(path, 128 + 16, dead_process())
        with pytest.raises(ValueError, match="its writer died in the middle of it"):
            reader.read(5)
        assert reader.read(6) == top(6, 10, 1)

        writer = shared(pair[0]).TopOfBookWriter.attach(path)
        repaired = reader.read(5)
        assert repaired == TopOfBookRecord(5, 0, 2, 0, 0, 0, 0, 0, 0, 2)
        found, mark = reader.changed_since(mark)
        assert {5, 6} <= set(found)  # What the dead one stored last it may not have logged: all are looked at
        told = reader.counters()
        assert (told["torn"], told["takeovers"]) == (1, 1)
        writer.put(6, top(6, 11).to_bytes())
        assert list(reader.changed_since(mark)[0]) == [6]


@pytest.mark.parametrize("backend", ["cython", "python"])
def test_what_is_no_row_is_refused(backend: str) -> None:
    with folder() as run:
        writer = shared(backend).TopOfBookWriter.create(run / "tops")
        reader = shared(backend).TopOfBookReader.attach(run / "tops")
        good = top(1, 1).to_bytes()
        for locate in (-1, 65_536):
            for call in (lambda locate=locate: writer.put(locate, good), lambda locate=locate: reader.read(locate)):
                with pytest.raises(ValueError, match="is not within"):
                    call()
        for bad in (b"", good[:-1], good + b"x"):
            with pytest.raises(ValueError, match="64 bytes"):
                writer.put(1, bad)
        with pytest.raises(ValueError, match="type id 1 "):
            writer.put(1, b"\1\0" + good[2:])
        assert reader.read(1) is None
        with pytest.raises((OverflowError, ValueError)):
            reader.read_many([65_536])
        assert len(reader.read_many([])) == 0
        assert reader.read_rows(np.array([1, 1], np.uint16)).shape == (2, 64)
        writer.detach()
        with pytest.raises(ValueError, match="detached"):
            writer.put(1, good)
