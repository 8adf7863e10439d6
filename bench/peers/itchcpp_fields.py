"""itchcpp reading each ITCH message into a dict of all its fields: nanoseconds of CPU per message.

By its attributes: its own ``decode()`` makes a class for each message, which takes hundreds of microseconds.
"""

# mypy: ignore-errors
# The peer is optional and compiled.

from __future__ import annotations

from time import process_time_ns

from itchcpp import MessageParser

NOT_ON_THE_WIRE = {"description", "message_size", "price_precision"}


def itchcpp_fields(data: bytes, expected: int) -> float:
    names = {type(message): _fields(message) for message in MessageParser().parse_stream(data)}
    count = 0
    begin = process_time_ns()
    for message in MessageParser().parse_stream(data):
        _ = {name: getattr(message, name) for name in names[type(message)]}
        count += 1
    spent = process_time_ns() - begin
    if count != expected:
        raise RuntimeError(f"itchcpp read {count} of {expected} messages")
    return spent / count


def _fields(message: object) -> list[str]:
    found = [name for name in dir(message) if not name.startswith("_") and name not in NOT_ON_THE_WIRE]
    return [name for name in found if not callable(getattr(message, name))]
