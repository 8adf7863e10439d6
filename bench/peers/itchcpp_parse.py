"""itchcpp making an object of each ITCH message: nanoseconds of CPU per message."""

# mypy: ignore-errors
# The peer is optional and compiled.

from __future__ import annotations

from time import process_time_ns

from itchcpp import MessageParser


def itchcpp(data: bytes, expected: int) -> float:
    count = 0
    begin = process_time_ns()
    for _ in MessageParser().parse_stream(data):
        count += 1
    spent = process_time_ns() - begin
    if count != expected:
        raise RuntimeError(f"itchcpp read {count} of {expected} messages")
    return spent / count
