"""How OUCH messages are read and written: fixed fields from a table, then tag-value elements.

The tables of the two versions are in ``ouch50`` and ``ouch42``. All numbers are big-endian; alpha fields are padded on
the right with spaces, which are stripped on reading and put back on writing. What is read and written again gives the
same bytes: an unknown tag, or a known one of another length, is kept as bytes.

Reading is lenient by default (a venue may add a liquidity code on any day); ``strict`` also judges the values.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Literal, NamedTuple

import msgspec

from meltica.domain.errors import FieldError

Direction = Literal["inbound", "outbound"]
"""As the specification's chapters: inbound goes to the host, outbound comes from it."""
Value = int | str | bytes
Words = Mapping[str, str]
"""What each code of a field means."""

PRICE_DECIMALS = 4
MAX_PRICE = 1_999_999_900
"""$199,999.9900."""
MARKET_PRICE = 0x7FFF_FFFF
"""A market order; $200,000.0000 (MARKET_PRICE_ROUND) is taken as one as well."""
MARKET_PRICE_ROUND = 2_000_000_000
MAX_SHARES = 999_999
MAX_APPENDAGE = 0xFFFF


class OuchError(FieldError):
    """A message that the specification does not allow; the words name the message, ``field`` the field."""


class Field(NamedTuple):
    """One fixed field, or the value of one tag."""

    name: str
    size: int
    kind: Literal["alpha", "number", "signed", "price", "time"] = "number"
    words: Words | None = None
    low: int = 0
    high: int | None = None
    extra: tuple[int, ...] = ()
    """Numbers beyond ``high`` that are allowed all the same."""


class TagValue(NamedTuple):
    """One element of an appendage."""

    tag: int
    value: Value
    """Bytes: of a tag that is not known, or not of this length."""


class Layout:
    """One message of one direction. ``appendage``: "none", "optional" (the length may be missing too) or "always"."""

    def __init__(self, kind: str, name: str, *fields: Field, appendage: str = "none") -> None:
        self.kind = kind
        self.name = name
        self.fields = fields
        self.appendage = appendage
        self.codec = struct.Struct(">c" + "".join(_code(field) for field in fields))

    @property
    def size(self) -> int:
        """Without the appendage and its length."""
        return self.codec.size

    def offsets(self) -> dict[str, int]:
        """Where each field begins; for the docs and the tests."""
        at, found = 1, {}
        for field in self.fields:
            found[field.name] = at
            at += field.size
        return found


class OuchMessage(msgspec.Struct, frozen=True):
    """``fields`` under the specification's names; ``appendage`` is None where the message had no appendage length."""

    direction: Direction
    type: str
    name: str
    fields: dict[str, int | str]
    appendage: tuple[TagValue, ...] | None = None

    def __getitem__(self, field: str) -> int | str:
        return self.fields[field]

    def number(self, field: str) -> int:
        value = self.fields[field]
        if not isinstance(value, int):
            raise OuchError(field, value, f"{self.name}: is no number")
        return value

    def text(self, field: str) -> str:
        return str(self.fields[field])

    def tag(self, tag: int) -> Value | None:
        """The first value under a tag."""
        return next((element.value for element in self.appendage or () if element.tag == tag), None)


class OuchCodec:
    """One version of the protocol: its layouts by direction and type, and its tags."""

    def __init__(
        self, version: str, inbound: tuple[Layout, ...], outbound: tuple[Layout, ...], tags: Mapping[int, Field]
    ) -> None:
        self.version = version
        self.layouts: dict[Direction, dict[str, Layout]] = {
            "inbound": {layout.kind: layout for layout in inbound},
            "outbound": {layout.kind: layout for layout in outbound},
        }
        self.tags = tags

    def decode(self, direction: Direction, data: bytes, *, strict: bool = False) -> OuchMessage:
        """:raises OuchError: not a message of this version; with ``strict`` also: a value that it does not allow."""
        layout = self._layout(direction, data[:1].decode("latin-1"))
        if len(data) < layout.size:
            raise OuchError("length", len(data), f"{layout.name} has at least {layout.size} bytes")
        values = layout.codec.unpack_from(data)[1:]
        fields = {field.name: _read(value) for field, value in zip(layout.fields, values, strict=True)}
        appendage = self._read_appendage(layout, data)
        message = OuchMessage(direction, layout.kind, layout.name, fields, appendage)
        if strict:
            self.validate(message)
        return message

    def encode(self, message: OuchMessage, *, strict: bool = True) -> bytes:
        """:raises OuchError: a field is missing, unknown, does not fit, or (``strict``) is not allowed."""
        layout = self._layout(message.direction, message.type)
        names = [field.name for field in layout.fields]
        if unknown := [name for name in message.fields if name not in names]:
            raise OuchError(unknown[0], message.fields[unknown[0]], f"{layout.name} has no such field")
        if absent := [name for name in names if name not in message.fields]:
            raise OuchError(absent[0], None, f"{layout.name} needs it")
        if strict:
            self.validate(message)
        values = [_written(layout.name, field, message.fields[field.name]) for field in layout.fields]
        return layout.codec.pack(layout.kind.encode("latin-1"), *values) + self._written_appendage(layout, message)

    def make(
        self,
        direction: Direction,
        kind: str,
        fields: Mapping[str, int | str],
        appendage: tuple[TagValue, ...] | None = None,
    ) -> OuchMessage:
        """A message to be encoded; one that always has an appendage gets an empty one."""
        layout = self._layout(direction, kind)
        if appendage is None and layout.appendage == "always":
            appendage = ()
        return OuchMessage(direction, kind, layout.name, dict(fields), appendage)

    def validate(self, message: OuchMessage) -> None:
        """:raises OuchError: a value that the specification does not allow."""
        layout = self._layout(message.direction, message.type)
        for field in layout.fields:
            _judge(layout.name, field, message.fields[field.name])
        for element in message.appendage or ():
            if (field_of_tag := self.tags.get(element.tag)) is not None:
                if isinstance(element.value, bytes):
                    raise OuchError(
                        field_of_tag.name, element.value, f"{layout.name}: has {field_of_tag.size} bytes as tag value"
                    )
                _judge(layout.name, field_of_tag, element.value)

    def _layout(self, direction: Direction, kind: str) -> Layout:
        try:
            return self.layouts[direction][kind]
        except KeyError:
            raise OuchError("Type", kind, f"no {direction} message of OUCH {self.version}") from None

    def _read_appendage(self, layout: Layout, data: bytes) -> tuple[TagValue, ...] | None:
        rest = len(data) - layout.size
        if rest == 0 and layout.appendage != "always":
            return None
        if layout.appendage == "none":
            raise OuchError("length", len(data), f"{layout.name} has {layout.size} bytes")
        if rest < LENGTH.size:
            raise OuchError("Appendage Length", data[layout.size :], f"{layout.name} is cut off")
        (length,) = LENGTH.unpack_from(data, layout.size)
        if length != rest - LENGTH.size:
            raise OuchError("Appendage Length", length, f"{layout.name} has {rest - LENGTH.size} bytes left")
        return tuple(self._elements(layout, data[layout.size + LENGTH.size :]))

    def _elements(self, layout: Layout, data: bytes) -> list[TagValue]:
        at, found = 0, []
        while at < len(data):
            size = data[at]
            if size == 0 or at + 1 + size > len(data):
                raise OuchError("Optional Appendage", size, f"{layout.name}: element at {at} does not fit")
            tag, raw = data[at + 1], data[at + 2 : at + 1 + size]
            field = self.tags.get(tag)
            known = field is not None and field.size == len(raw)
            found.append(TagValue(tag, _tag_value(field, raw) if field is not None and known else raw))
            at += 1 + size
        return found

    def _written_appendage(self, layout: Layout, message: OuchMessage) -> bytes:
        if message.appendage is None:
            if layout.appendage == "always":
                raise OuchError("Appendage Length", None, f"{layout.name} needs it")
            return b""
        if layout.appendage == "none":
            raise OuchError("Optional Appendage", message.appendage, f"{layout.name} has none")
        data = b"".join(self._element(layout, element) for element in message.appendage)
        if len(data) > MAX_APPENDAGE:
            raise OuchError("Optional Appendage", len(data), f"{layout.name}: at most {MAX_APPENDAGE} bytes")
        return LENGTH.pack(len(data)) + data

    def _element(self, layout: Layout, element: TagValue) -> bytes:
        raw = element.value
        if not isinstance(raw, bytes):
            if (field := self.tags.get(element.tag)) is None:
                raise OuchError("OptionTag", element.tag, f"{layout.name}: a tag that is not known takes bytes")
            raw = struct.pack(">" + _code(field), _written(layout.name, field, raw))
        if not 0 <= element.tag < 256 or len(raw) > 254:  # noqa: PLR2004 - one byte each; the length counts the tag
            raise OuchError("OptionTag", element.tag, f"{layout.name}: tag and length are one byte each")
        return bytes((len(raw) + 1, element.tag)) + raw


LENGTH = struct.Struct(">H")
_SIZES = {1: "B", 2: "H", 4: "I", 8: "Q"}


def _code(field: Field) -> str:
    if field.kind == "alpha":
        return f"{field.size}s"
    return _SIZES[field.size].lower() if field.kind == "signed" else _SIZES[field.size]


def _read(value: int | bytes) -> int | str:
    # latin-1: every byte is a character, so that what is not ASCII also comes back as it was.
    return value.decode("latin-1").rstrip(" ") if isinstance(value, bytes) else value


def _tag_value(field: Field, raw: bytes) -> int | str:
    value: int | bytes = struct.unpack(">" + _code(field), raw)[0]
    return _read(value)


def _written(message: str, field: Field, value: Value) -> int | bytes:
    if field.kind == "alpha":
        if not isinstance(value, str):
            raise OuchError(field.name, value, f"{message}: text")
        try:
            raw = value.encode("latin-1")
        except UnicodeEncodeError:
            raise OuchError(field.name, value, f"{message}: letters of ASCII") from None
        if len(raw) > field.size:
            raise OuchError(field.name, value, f"{message}: at most {field.size} characters")
        return raw.ljust(field.size)
    if not isinstance(value, int) or isinstance(value, bool):
        raise OuchError(field.name, value, f"{message}: a whole number")
    bits = 8 * field.size
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if field.kind == "signed" else (0, (1 << bits) - 1)
    if not low <= value <= high:
        raise OuchError(field.name, value, f"{message}: fits {field.size} bytes, {low} to {high}")
    return value


def _judge(message: str, field: Field, value: Value) -> None:
    if isinstance(value, str):
        if not (value.isascii() and (value.isprintable() or not value)):
            raise OuchError(field.name, value, f"{message}: printable ASCII")
        if field.words is not None and value not in field.words:
            raise OuchError(field.name, value, f"{message}: one of {', '.join(map(repr, field.words))}")
        if len(value) < field.low:
            raise OuchError(field.name, value, f"{message}: can't be blank")
    elif isinstance(value, int) and field.high is not None and value not in field.extra:
        if not field.low <= value <= field.high:
            raise OuchError(field.name, value, f"{message}: {field.low} to {field.high}")
    elif isinstance(value, int) and value < field.low and field.kind != "signed":
        raise OuchError(field.name, value, f"{message}: at least {field.low}")
