"""itchcpp reading each ITCH message and decoding all its fields, as its own ``decode()`` does."""

# mypy: ignore-errors
# The peer is optional and compiled.

from __future__ import annotations

from time import process_time_ns

from itchcpp import MessageParser


def itchcpp_fields(data: bytes, expected: int) -> float:
    """Nanoseconds of CPU per message."""
    count = 0
    begin = process_time_ns()
    for message in MessageParser().parse_stream(data):
        message.decode()
        count += 1
    spent = process_time_ns() - begin
    if count != expected:
        raise RuntimeError(f"itchcpp read {count} of {expected} messages")
    return spent / count
