"""SoupBinTCP streams as they come in pieces: packets cut out, direction and OUCH version found, each one a dict."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Literal

import msgspec

from meltica.venues.nasdaq.ouch_stream import decode_stream

Line = dict[str, Any]
Direction = Literal["inbound", "outbound"]

VERSIONS: Final = {"ouch50": ("5.0",), "ouch42": ("4.2",), "auto": ("5.0", "4.2")}
INBOUND: Final = b"LURO"
OUTBOUND: Final = b"AJSHZ"
DATA: Final = b"US"
LENGTH_BYTES: Final = 2
EXAMPLE_BYTES: Final = 64


class _Stream(msgspec.Struct):
    rest: bytes = b""
    offset: int = 0
    """Of ``rest`` in the direction's bytes, the missing ones counted."""
    direction: Direction | None = None
    where: Line = {}


class SoupStreams:
    """Many directions of many connections. ``protocol``: ouch50, ouch42, or auto: the version that fits."""

    def __init__(self, protocol: str) -> None:
        self._streams: dict[str, _Stream] = {}
        self._protocol = protocol if protocol in VERSIONS else "auto"
        self._versions: dict[frozenset[str], str] = {}
        """Found by connection, as soon as a message fits one version alone."""

    def take(self, name: str, data: bytes, where: Line, *, missing: int = 0) -> Iterator[Line]:
        """The packets that these bytes complete. ``name``: "from > to"; ``missing``: bytes lost in front of them."""
        stream = self._streams.setdefault(name, _Stream())
        if missing:
            lost = len(stream.rest)
            yield where | {
                "stream_offset": stream.offset,
                "error": f"{missing} bytes are missing from the capture"
                + (f", and {lost} bytes of a packet in front of them can't be read" if lost else ""),
            }
            stream.offset += lost + missing
            stream.rest = b""
        stream.rest += data
        stream.where = where
        at = 0
        while at + LENGTH_BYTES < len(stream.rest):
            end = at + LENGTH_BYTES + int.from_bytes(stream.rest[at : at + LENGTH_BYTES], "big")
            kind = stream.rest[at + LENGTH_BYTES]
            if end == at + LENGTH_BYTES or not (kind in INBOUND or kind in OUTBOUND or kind == ord("+")):
                # Without a packet's beginning there is no way to find the next one but a new segment.
                shown = stream.rest[at : at + EXAMPLE_BYTES].hex()
                offset = stream.offset + at
                yield where | {"stream_offset": offset, "error": "no SoupBinTCP packet begins here", "bytes": shown}
                at = len(stream.rest)
                break
            if end > len(stream.rest):
                break
            yield where | self._packet(name, stream, at, end)
            at = end
        stream.offset += at
        stream.rest = stream.rest[at:]

    def finish(self) -> Iterator[Line]:
        """What the streams end in the middle of."""
        for stream in self._streams.values():
            if stream.rest:
                error = f"the last packet is cut off: {len(stream.rest)} bytes are left"
                shown = stream.rest[:EXAMPLE_BYTES].hex()
                yield stream.where | {"stream_offset": stream.offset, "error": error, "bytes": shown}

    def _packet(self, name: str, stream: _Stream, at: int, end: int) -> Line:
        data = stream.rest[at:end]
        kind = data[LENGTH_BYTES]
        if stream.direction is None and kind != ord("+"):
            stream.direction = "inbound" if kind in INBOUND else "outbound"
        direction: Direction = stream.direction or "inbound"
        connection = frozenset(name.split(" > "))
        known = self._versions.get(connection)
        versions = (known,) if known else VERSIONS[self._protocol]
        found: Line = {}
        for version in versions:
            (found,) = decode_stream(direction, version, data)
            if "error" not in found:
                if kind in DATA:
                    self._versions[connection] = version
                break
        else:
            (found,) = decode_stream(direction, versions[0], data)
        found.pop("offset", None)
        return {"stream_offset": stream.offset + at, "direction": direction, **found}
