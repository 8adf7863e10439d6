"""A whole recorded SoupBinTCP byte stream as plain dicts, for ``meltica feed decode`` and for people.

Prices are decimal strings, timestamps nanoseconds since midnight as the wire has them, everything else as in the
message. What can't be read is a dict with ``error``; the stream goes on at the next packet where the framing allows it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from meltica.domain.errors import FieldError
from meltica.venues.nasdaq import ouch42, ouch50
from meltica.venues.nasdaq.ouch_codec import PRICE_DECIMALS, Direction, Field, OuchCodec, OuchError, OuchMessage, Value

CODECS: Final = {codec.version: codec for codec in (ouch42.CODEC, ouch50.CODEC)}
PACKET_NAMES: Final[dict[str, dict[str, str]]] = {
    "inbound": {
        "L": "Login Request",
        "U": "Unsequenced Data",
        "R": "Client Heartbeat",
        "O": "Logout Request",
        "+": "Debug",
    },
    "outbound": {
        "A": "Login Accepted",
        "J": "Login Rejected",
        "S": "Sequenced Data",
        "H": "Server Heartbeat",
        "Z": "End of Session",
        "+": "Debug",
    },
}
LOGIN_FIELDS: Final = {
    "L": (("Username", 6), ("Password", 10), ("Requested Session", 10), ("Requested Sequence Number", 20)),
    "A": (("Session", 10), ("Sequence Number", 20)),
    "J": (("Reject Reason Code", 1),),
}
HEADER: Final = 2
APPENDAGE_LENGTH: Final = 2


def decode_stream(direction: Direction, version: str, data: bytes) -> list[dict[str, Any]]:
    """Each packet of one direction's bytes: ``offset``, ``packet`` and its fields, under the specifications' names.

    ``direction``: "inbound" (client to host) or "outbound"; ``version``: "5.0" or "4.2". A password is shown as stars.
    A cut-off last packet is a dict with ``error``.

    :raises FieldError: an unknown direction or version.
    """
    if direction not in PACKET_NAMES:
        raise FieldError("direction", direction, "inbound or outbound")
    if version not in CODECS:
        raise FieldError("version", version, "5.0 or 4.2")
    return list(_packets(direction, CODECS[version], data))


def as_dict(codec: OuchCodec, message: OuchMessage) -> dict[str, Any]:
    """Type, then each field in its order, then Appendage Length and Optional Appendage where it has them."""
    layout = codec.layouts[message.direction][message.type]
    shown: dict[str, Any] = {"message": message.name, "Type": message.type}
    shown |= {field.name: _shown(field, message.fields[field.name]) for field in layout.fields}
    if message.appendage is not None:
        shown["Appendage Length"] = len(codec.encode(message, strict=False)) - layout.size - APPENDAGE_LENGTH
        shown["Optional Appendage"] = [
            {"OptionTag": tag, "Option": codec.tags[tag].name, "OptionValue": _shown(codec.tags[tag], value)}
            if tag in codec.tags
            else {"OptionTag": tag, "OptionValue": _shown(None, value)}
            for tag, value in message.appendage
        ]
    return shown


def _packets(direction: Direction, codec: OuchCodec, data: bytes) -> Iterator[dict[str, Any]]:
    at = 0
    while at < len(data):
        length = int.from_bytes(data[at : at + HEADER], "big")
        end = at + HEADER + length
        if at + HEADER > len(data) or end > len(data):
            yield {"offset": at, "error": f"cut off: {len(data) - at} bytes are left", "bytes": data[at:].hex()}
            return
        yield {"offset": at} | _packet(direction, codec, data[at + HEADER : end])
        at = end


def _packet(direction: Direction, codec: OuchCodec, body: bytes) -> dict[str, Any]:
    kind, payload = body[:1].decode("latin-1"), body[1:]
    name = PACKET_NAMES[direction].get(kind)
    if name is None:
        return {"packet": "unknown", "Packet Type": kind, "error": f"no {direction} packet type", "bytes": body.hex()}
    shown: dict[str, Any] = {"packet": name, "Packet Type": kind}
    if kind == "+":
        return shown | {"Text": payload.decode("latin-1")}
    if kind in ("S", "U"):
        try:
            return shown | as_dict(codec, codec.decode(direction, payload))
        except OuchError as error:
            return shown | {"error": str(error), "bytes": payload.hex()}
    fields = LOGIN_FIELDS.get(kind, ())
    if len(payload) != sum(size for _, size in fields):
        return shown | {"error": f"has {len(payload)} bytes of payload", "bytes": payload.hex()}
    for field, size in fields:
        text, payload = payload[:size].decode("latin-1").strip(" "), payload[size:]
        shown[field] = "*" * len(text) if field == "Password" else text
    return shown


def _shown(field: Field | None, value: Value) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if field is not None and field.kind in ("price", "signed") and isinstance(value, int):
        whole, part = divmod(abs(value), 10**PRICE_DECIMALS)
        return f"{'-' if value < 0 else ''}{whole}.{part:0{PRICE_DECIMALS}}"
    return value
