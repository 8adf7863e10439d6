"""Nasdaq TotalView-ITCH 5.0 as full messages: every field of every type, in both revisions, decoded and encoded.

``itch50.toml`` beside this file is the table. For columns of many messages there is ``meltica.hot.ItchDecoder``;
this is the readable door: what a message says, in the specification's words, and back to the same bytes.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from struct import Struct
from typing import Any, Final, NamedTuple

from meltica.domain.errors import MelticaError

Value = int | str
"""Integers and prices (with their implied decimals) are int, alpha fields are str."""

_CODES: Final = {1: "B", 2: "H", 4: "I", 8: "Q"}
DECIMALS: Final = {"price4": 4, "price8": 8}
LENGTH_BYTES: Final = 2
"""Of the length in front of each message: in a file (BinaryFILE) as in a MoldUDP64 packet."""


class ItchMessageError(MelticaError):
    """Theirs, or the caller's when encoding: these bytes (or values) are no ITCH 5.0 message of this revision."""


class ItchField(NamedTuple):
    name: str
    """snake_case, as Python has it."""
    spec_name: str
    offset: int
    length: int
    kind: str
    """alpha, integer, price4 or price8."""


class ItchLayout(NamedTuple):
    kind: str
    """The message type's letter."""
    name: str
    revision: str
    length: int
    fields: tuple[ItchField, ...]
    codec: Struct
    """All fields in a row; those of six bytes, and text, come as bytes."""
    names: tuple[str, ...]
    letters: tuple[int, ...]
    """Which fields are single letters."""
    texts: tuple[int, ...]
    wide: tuple[int, ...]
    """Which are integers of a width that no code of ``struct`` has."""


class ItchMessage(NamedTuple):
    layout: ItchLayout
    values: Mapping[str, Value]
    """By snake_case name, in the order of the specification; ``message_type`` first."""

    @property
    def kind(self) -> str:
        return self.layout.kind


def snake_case(spec_name: str) -> str:
    """``Buy/Sell Indicator`` -> ``buy_sell_indicator``."""
    return re.sub(r"[^a-z0-9]+", "_", spec_name.lower())


def _load() -> tuple[tuple[str, ...], dict[str, dict[str, ItchLayout]]]:
    table = tomllib.loads(files(__package__).joinpath("itch50.toml").read_text("utf-8"))
    revisions = tuple(table["revisions"])
    return revisions, {
        revision: {
            kind: _layout(kind, table["header"], message, revision)
            for kind, message in table["message"].items()
            if message.get("since", revisions[0]) <= revision
        }
        for revision in revisions
    }


def _layout(kind: str, header: list[Any], message: dict[str, Any], revision: str) -> ItchLayout:
    renamed = message.get("renamed", {}).get(revision, {})
    fields = []
    for spec_name, offset, length, field_kind in header + message["fields"]:
        shown = renamed.get(spec_name, spec_name)
        fields.append(ItchField(snake_case(shown), shown, offset, length, field_kind))
    codec = Struct(">" + "".join(_code(field) for field in fields))
    places = dict(enumerate(fields))
    return ItchLayout(
        kind,
        message["name"],
        revision,
        fields[-1].offset + fields[-1].length,
        tuple(fields),
        codec,
        tuple(field.name for field in fields),
        tuple(at for at, field in places.items() if field.kind == "alpha" and field.length == 1),
        tuple(at for at, field in places.items() if field.kind == "alpha" and field.length > 1),
        tuple(at for at, field in places.items() if field.kind != "alpha" and field.length not in _CODES),
    )


def _code(field: ItchField) -> str:
    return f"{field.length}s" if field.kind == "alpha" else _CODES.get(field.length, f"{field.length}s")


_TABLE: Final = _load()
REVISIONS: Final = _TABLE[0]
LAYOUTS: Final[Mapping[str, Mapping[str, ItchLayout]]] = _TABLE[1]
"""By revision, then by the message type's letter."""
DEFAULT_REVISION: Final = REVISIONS[-1]
_BY_BYTE: Final = {revision: [found.get(chr(number)) for number in range(256)] for revision, found in LAYOUTS.items()}
_LETTERS: Final = {bytes([number]): chr(number) for number in range(256)}


def layouts(revision: str = DEFAULT_REVISION) -> Mapping[str, ItchLayout]:
    """The messages of a revision, by type.

    :raises ItchMessageError: there is no such revision.
    """
    try:
        return LAYOUTS[revision]
    except KeyError:
        raise ItchMessageError(f"revision {revision!r}: there are {' and '.join(REVISIONS)}") from None


def decode(data: bytes, revision: str = DEFAULT_REVISION) -> ItchMessage:
    """One message without its length.

    :raises ItchMessageError: not a message of this revision.
    """
    table = _BY_BYTE.get(revision)
    layout = table[data[0]] if table and data else None
    if layout is None or len(data) != layout.length:
        raise ItchMessageError(_why_not(data, revision))
    # Latin-1 keeps whatever bytes came; a single letter keeps its space, which is a value of its own ("not available").
    values = list(layout.codec.unpack(data))
    for at in layout.letters:
        values[at] = _LETTERS[values[at]]
    for at in layout.texts:
        values[at] = values[at].decode("latin-1").rstrip(" ")
    for at in layout.wide:
        values[at] = int.from_bytes(values[at], "big")
    return ItchMessage(layout, dict(zip(layout.names, values)))  # noqa: B905 - from the same table


def _why_not(data: bytes, revision: str) -> str:
    if not data:
        return "an empty message"
    layout = layouts(revision).get(chr(data[0]))
    if layout is None:
        return f"unknown message type {chr(data[0])!r} (revision {revision}), length {len(data)}"
    return f"type {layout.kind!r} has {layout.length} bytes, this has {len(data)}"


def encode(message: ItchMessage) -> bytes:
    """The message's bytes, without a length: ``encode(decode(data)) == data``.

    :raises ItchMessageError: a value is missing, is not of the field's kind, or does not fit it.
    """
    out = bytearray()
    for field in message.layout.fields:
        if field.name not in message.values:
            raise ItchMessageError(f"type {message.kind!r} lacks {field.name}")
        out += _encoded(message.values[field.name], field)
    return bytes(out)


def build(kind: str, revision: str = DEFAULT_REVISION, **values: Value) -> ItchMessage:
    """A message from values by name; what is not given is 0, or spaces.

    :raises ItchMessageError: unknown type or name, or a value that does not fit.
    """
    layout = layouts(revision).get(kind)
    if layout is None:
        raise ItchMessageError(f"unknown message type {kind!r} (revision {revision})")
    unknown = values.keys() - {field.name for field in layout.fields}
    if unknown:
        raise ItchMessageError(f"type {kind!r} has no {', '.join(sorted(unknown))}")
    empty: dict[str, Value] = {field.name: "" if field.kind == "alpha" else 0 for field in layout.fields}
    return decode(encode(ItchMessage(layout, empty | values | {"message_type": kind})), revision)


def to_json(message: ItchMessage) -> dict[str, Value]:
    """Names as in the specification; prices are decimal strings with all their decimals."""
    shown: dict[str, Value] = {}
    for field in message.layout.fields:
        value = message.values[field.name]
        if isinstance(value, int) and field.kind in DECIMALS:
            places = DECIMALS[field.kind]
            shown[field.spec_name] = f"{value // 10**places}.{value % 10**places:0{places}d}"
        else:
            shown[field.spec_name] = value
    return shown


def split(block: bytes) -> Iterator[bytes]:
    """The messages of a framed block (each with two bytes of length in front), without their lengths.

    :raises ItchMessageError: the block ends within a message.
    """
    offset = 0
    while offset < len(block):
        end = offset + LENGTH_BYTES + int.from_bytes(block[offset : offset + LENGTH_BYTES], "big")
        if offset + LENGTH_BYTES > len(block) or end > len(block):
            raise ItchMessageError(f"the message at byte {offset} is cut off")
        yield block[offset + LENGTH_BYTES : end]
        offset = end


def _encoded(value: Value, field: ItchField) -> bytes:
    if field.kind == "alpha":
        if not isinstance(value, str):
            raise ItchMessageError(f"{field.name} is text, not {value!r}")
        try:
            raw = value.encode("latin-1").ljust(field.length)
        except UnicodeEncodeError:
            raise ItchMessageError(f"{field.name}: {value!r} has letters that one byte cannot hold") from None
        if len(raw) != field.length:
            raise ItchMessageError(f"{field.name} has {field.length} letters, {value!r} has more")
        return raw
    if not isinstance(value, int) or isinstance(value, bool):
        raise ItchMessageError(f"{field.name} is an integer, not {value!r}")
    if not 0 <= value < 1 << 8 * field.length:
        raise ItchMessageError(f"{field.name}: {value} does not fit {field.length} bytes")
    return value.to_bytes(field.length, "big")
