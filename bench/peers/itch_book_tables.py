"""itch-book reading a day: nanoseconds of CPU per message, and what it says about the day."""

# mypy: ignore-errors
# The peer is optional and compiled.

from __future__ import annotations

from time import process_time_ns

from itch_book import Session

CHUNK = 8 << 20
"""As its own Feed reads a file."""
ROWS = 1_000_000


def itch_book(data: bytes, messages: int, table: str) -> float:
    """Keeps its books, and fills the columns of a table ("" for none), taken at a million rows as its Feed does."""
    session = Session(tables=[table] if table else [], depth=0, symbols=[])
    session.reserve(ROWS + CHUNK // 21)
    take = getattr(session, f"take_{table}", None)
    begin = process_time_ns()
    for at in range(0, len(data), CHUNK):
        session.feed(data[at : at + CHUNK])
        if take and session.rows() >= ROWS:
            take()
    if take:
        take()
    spent = process_time_ns() - begin
    if session.stats()["messages"] != messages:
        raise RuntimeError(f"itch-book read {session.stats()['messages']} of {messages} messages")
    return spent / messages


def verify(data: bytes) -> tuple[dict[str, int], list[tuple[int, int, int, int, int]]]:
    """(its counters, the last best bid and offer of each locate code that has any)"""
    session = Session(tables=["bbo"], depth=0, symbols=[])
    session.feed(data)
    table = session.take_bbo()
    names = ("locate", "bid_px", "bid_sz", "ask_px", "ask_sz")
    last = {row[0]: row for row in zip(*(table[name].tolist() for name in names), strict=True)}
    return session.stats(), [last[locate] for locate in sorted(last) if any(last[locate][1:])]
