"""Doors of what is read from files and from the web: captures, recorded streams, Binance's JSON."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal

from meltica.app.feed import decode as feed_decode
from meltica.domain.errors import FieldError
from meltica.ticks.errors import RecordingError
from meltica.venues.binance.messages import DECODERS
from meltica.venues.binance.numbers import Steps
from meltica.venues.binance.session import BinanceError, BinanceSession, Symbol
from meltica.venues.nasdaq.frames import FIN, SYN, FrameTally, Segment
from meltica.venues.nasdaq.pcap import PcapError, PcapWriter, frames
from meltica.venues.nasdaq.tcp_flows import TcpFlows
from tests.fuzz import doors_feed, doors_orders
from tests.fuzz.door import Door, Script, cuts, same, scratch
from tests.unit.venues import captures

PROTOCOLS = ("auto", "itch", "ouch50", "ouch42")


# --- captures ---


def capture(data: bytes) -> None:
    """The same frames and the same end, however the file comes in pieces."""
    whole = _frames([data])
    same(_frames(cuts(data, len(data))), whole, "pieces")
    tally = FrameTally()
    flows = TcpFlows()
    streams: dict[object, int] = {}
    for frame in whole[0]:
        found = tally.open(frame)
        if isinstance(found, Segment):
            for part in flows.take(found):
                begins = found.flags & SYN and part.offset == part.missing  # A new connection of the same addresses
                if not begins:
                    same(part.offset, streams.get(part.flow, 0) + part.missing, "where a stream goes on")
                streams[part.flow] = part.offset + len(part.data)
            if found.flags & SYN and not found.payload:
                streams.pop((found.source, found.target), None)
    list(flows.finish())


def _frames(pieces: list[bytes]) -> tuple[list, str]:
    found = []
    try:
        for frame in frames(pieces):
            found.append(frame)  # noqa: PERF402 - what came before the damage counts
    except PcapError as error:
        return found, f"{error} {error.offset} {error.frame}"
    return found, ""


def decode(data: bytes) -> None:
    """``meltica feed decode``: first byte: the protocol; the rest is the file. Every line is JSON."""
    script = Script(data)
    protocol = PROTOCOLS[script.byte() & 3]
    path = scratch() / "input"
    path.write_bytes(script.rest())
    try:
        for line in feed_decode.decode(path, protocol):
            json.dumps(line)
    except (RecordingError, FieldError):
        return


# --- Binance ---


def binance(data: bytes) -> None:
    """First byte: options; then messages, a line each."""
    options, lines = data[:1] or b"\0", data[1:].split(b"\n")
    symbols = [Symbol(name, name, Steps("price", Decimal("0.01")), Steps("quantity", Decimal("0.00001"), round_up=True))
               for name in ("BTCUSDT", "ETHUSDT")[: 1 + (options[0] & 1)]]  # fmt: skip
    session = BinanceSession(symbols, aggregate_trades=bool(options[0] & 2))
    for number, line in enumerate(lines):
        try:
            events = session.receive(line, number, symbol="BTCUSDT" if options[0] & 4 else "")
        except BinanceError:
            continue
        for event in events:
            repr(event)
    session.lost(len(lines))


# --- seeds ---


def capture_seeds() -> list[bytes]:
    packets = doors_feed.packet_seeds()[:3]
    classic = PcapWriter.header() + b"".join(
        PcapWriter.record(10**18 + at, packet, source=(b"\x0a\0\0\1", 1), target=(b"\xe9\1\1\1", 26_400))
        for at, packet in enumerate(packets)
    )
    soup = doors_orders.client_seeds()[0][1:]
    segments = [_tcp(soup[at : at + 40], 1_000 + at) for at in range(0, len(soup), 40)]
    syn, fin = _tcp(b"", 999, SYN), _tcp(b"", 1_000 + len(soup), FIN)
    whole, lost = [syn, *segments, segments[0], fin], [syn, segments[0], *segments[2:], fin]
    next_generation = captures.section() + captures.interface(options=captures.option(9, b"\x09"))
    tcp = [captures.classic(*((1, at, one) for at, one in enumerate(story))) for story in (whole, lost)]
    for at, one in enumerate(segments):
        next_generation += captures.enhanced(at, one)
    big = captures.classic((1, 5, captures.ethernet(captures.ip(captures.udp(packets[0])), (0x8100, 7))), order=">")
    return [classic, *tcp, next_generation, big, classic[:-9], b"\xa1\xb2\xc3\xd4"]


def _tcp(payload: bytes, sequence: int, flags: int = 0x18) -> bytes:
    return captures.ethernet(captures.ip(captures.tcp(payload, sequence, flags), 6))


def decode_seeds() -> list[bytes]:
    itch = doors_feed.itch_seeds()[0]
    soup = [seed[1:] for seed in (*doors_orders.client_seeds(), *doors_orders.server_seeds())]
    plain = [*capture_seeds(), itch, itch[:-3], *soup]
    return [*(b"\0" + one for one in plain), *(bytes([n]) + itch for n in (1, 2, 3)), b"\0" + gzip.compress(itch)]


def binance_seeds() -> list[bytes]:
    depth = {"e": "depthUpdate", "E": 1, "s": "BTCUSDT", "U": 11, "u": 12, "b": [["1.00", "0.5"]], "a": [["1.01", "2"]]}
    trade = {"e": "trade", "E": 1, "s": "BTCUSDT", "t": 5, "p": "1.00", "q": "0.00001", "m": True}
    ticker = {"u": 1, "s": "BTCUSDT", "b": "1.00", "B": "1", "a": "1.01", "A": "2"}
    snapshot = {"lastUpdateId": 10, "bids": [["1.00", "3"]], "asks": [["1.02", "4"]]}
    futures = depth | {"pu": 10, "T": 1}
    combined = {"stream": "btcusdt@depth@100ms", "data": depth}
    every = [
        depth,
        trade,
        trade | {"e": "aggTrade", "a": 5},
        ticker,
        snapshot,
        futures,
        combined,
        {"result": None, "id": 1},
    ]
    assert set(DECODERS) >= {"depthUpdate", "trade", "aggTrade"}
    lines = [json.dumps(one).encode() for one in every]
    return [*(b"\0" + one for one in lines), b"\4" + b"\n".join([lines[0], lines[4], lines[0], lines[5]]), b"\1{}"]


DOORS = (
    Door("capture", capture, capture_seeds),
    Door("feed_decode", decode, decode_seeds),
    Door("binance", binance, binance_seeds),
)
