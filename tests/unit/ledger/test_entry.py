"""An entry that does not balance can't be made, by no way there is."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meltica.ledger.chart import ALLOWED, CHART, RULES, Book, What
from meltica.ledger.entry import Entry, Posting, UnbalancedError

postings = st.lists(
    st.builds(Posting, st.sampled_from(Book), st.sampled_from(["USD", "EUR", ""]), st.integers(-3, 3)), max_size=6
)


def entry(what: What, rows: list[Posting]) -> Entry:
    return Entry(
        sequence=1,
        time_ns=2,
        what=what,
        account="a",
        strategy="",
        instrument="",
        reference="",
        postings=tuple(rows),
    )


@given(st.sampled_from(What), postings)
def test_it_is_made_exactly_when_it_balances(what, rows):
    sums: dict[str, int] = {}
    for row in rows:
        sums[row.currency] = sums.get(row.currency, 0) + row.nanos
    if not any(sums.values()) and all(row.book in ALLOWED[what] for row in rows):
        assert entry(what, rows).postings == tuple(rows)
    else:
        with pytest.raises(UnbalancedError):
            entry(what, rows)


@given(st.lists(st.integers(-(2**70), 2**70), min_size=1, max_size=5), st.integers(1, 2**70))
def test_nor_can_it_be_read_or_changed_into_one(amounts, wrong):
    rows = [Posting(Book.CASH, "USD", nanos) for nanos in amounts]
    good = entry(What.FILL, [*rows, Posting(Book.POSITION, "USD", -sum(amounts))])
    assert msgspec.json.decode(msgspec.json.encode(good), type=Entry) == good
    bad = [*rows, Posting(Book.POSITION, "USD", wrong - sum(amounts))]
    with pytest.raises(UnbalancedError):
        msgspec.structs.replace(good, postings=tuple(bad))
    fields = msgspec.to_builtins(good)
    fields[-1] = [[int(p.book), p.currency, p.nanos] for p in bad]
    with pytest.raises(UnbalancedError):
        msgspec.json.decode(msgspec.json.encode(fields), type=Entry)
    with pytest.raises(AttributeError):
        good.postings = ()  # type: ignore[misc]


def test_the_tables_are_whole():
    assert [line.book for line in CHART] == list(Book)
    assert [rule.what for rule in RULES] == list(What)
    assert {book for rule in RULES for book in rule.books} == set(Book)
