"""A double entry. There is no way to make one whose postings do not add up to 0 in each currency."""

from __future__ import annotations

import msgspec

from meltica.domain.errors import InvariantError
from meltica.ledger.chart import ALLOWED, Book, What


class UnbalancedError(InvariantError):
    """The postings do not add up, or one of them has no place in such an entry."""


class Posting(msgspec.Struct, frozen=True, gc=False, array_like=True):
    book: Book
    currency: str
    nanos: int
    """A debit is positive."""


class Entry(msgspec.Struct, frozen=True, gc=False, array_like=True, kw_only=True):
    """What one journal entry did to the books of one account. Frozen, and judged whenever one is made or read."""

    sequence: int
    """Of the journal entry that caused it."""
    time_ns: int
    what: What
    account: str
    strategy: str
    instrument: str
    reference: str
    """An execution id, an allocation, or the words that came with it."""
    postings: tuple[Posting, ...]

    def __post_init__(self) -> None:
        """:raises UnbalancedError: a currency does not add up to 0, or a book has no place in it."""
        allowed, rest = ALLOWED[self.what], 0
        currency = self.postings[0].currency if self.postings else ""
        several: dict[str, int] | None = None
        for posting in self.postings:
            if posting.book not in allowed:
                raise UnbalancedError(f"a {self.what.value} has no posting to {posting.book.name}")
            if posting.currency == currency:
                rest += posting.nanos
            else:
                several = {} if several is None else several
                several[posting.currency] = several.get(posting.currency, 0) + posting.nanos
        if rest or (several is not None and any(several.values())):
            raise UnbalancedError(f"a {self.what.value} of {self.account} does not balance: {self.postings}")
