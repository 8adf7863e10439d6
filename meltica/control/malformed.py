"""Bytes that are no message: which field is at fault, where that can be told.

A parser only says "no". Whoever sent a text in Latin-1 is helped by hearing which one it was.
Source: protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor

DEEPEST: Final = 32
"""Deeper than any message of ours; a parser gives up at 100."""
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_VARINT_MOST: Final = 10


class _Truncated(Exception):  # noqa: N818 - it never leaves this file
    pass


def wrong_text(data: bytes, descriptor: Any) -> str:
    """Path of the first text that is not UTF-8, such as ``orders[3].account``; empty: something else is wrong."""
    try:
        return _find(data, descriptor, "", 0)
    except _Truncated:
        return ""


def _find(data: bytes, descriptor: Descriptor, at: str, depth: int) -> str:
    place, seen = 0, Counter[int]()
    fields = descriptor.fields_by_number
    while place < len(data):
        tag, place = _varint(data, place)
        number, wire = tag >> 3, tag & 7
        value, place = _value(data, place, wire)
        field: FieldDescriptor | None = fields.get(number)
        if field is None or wire != _BYTES:
            continue
        path = f"{at}{field.name}[{seen[number]}]" if field.is_repeated else at + field.name
        seen[number] += 1
        if field.type == FieldDescriptor.TYPE_STRING and not _is_text(value):
            return path
        if field.message_type is not None and depth < DEEPEST:
            found = _find(value, field.message_type, f"{path}.", depth + 1)
            if found:
                return found
    return ""


def _value(data: bytes, place: int, wire: int) -> tuple[bytes, int]:
    """(the bytes of a length-delimited field, where the next field begins)."""
    length = {_FIXED64: 8, _FIXED32: 4}.get(wire, 0)
    if wire == _VARINT:
        return b"", _varint(data, place)[1]
    if wire == _BYTES:
        length, place = _varint(data, place)
    elif not length:
        raise _Truncated
    if place + length > len(data):
        raise _Truncated
    return data[place : place + length], place + length


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = 0
    for count in range(_VARINT_MOST):
        if place >= len(data):
            raise _Truncated
        byte = data[place]
        value |= (byte & 0x7F) << (7 * count)
        place += 1
        if byte < 0x80:  # noqa: PLR2004 - the last byte of a varint has no eighth bit
            return value, place
    raise _Truncated


def _is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
