"""Doors of order entry: SoupBinTCP, both versions of OUCH, the port of the hot path."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from meltica.hot import Action, OrderIntent, OrderType, OuchRefusal, Side, TimeInForce, load
from meltica.hot.layout_gen import DropCopyRecord, SymbolRecord
from meltica.hot.ouch_wire_twin import cl_ord_id
from meltica.venues.nasdaq import ouch42, ouch50, ouch_stream
from meltica.venues.nasdaq import soupbintcp_wire as wire
from meltica.venues.nasdaq.ouch_codec import Direction, OuchCodec, OuchError, OuchMessage
from meltica.venues.nasdaq.soupbintcp import (
    Failed,
    LoginAsked,
    Sequenced,
    SoupClient,
    SoupEvent,
    SoupServer,
    SoupStream,
)
from tests.fuzz.door import Door, Script, cuts, same, tight

SESSION = "000010059B"
DIRECTIONS: tuple[Direction, ...] = ("inbound", "outbound")


# --- SoupBinTCP ---


def client(data: bytes) -> None:
    """The client tells the same however the stream is cut, and each sequenced message once."""
    told = [_client(pieces) for pieces in ([data[1:]], cuts(data[1:], len(data)), [bytes([b]) for b in data[1:]])]
    same(told[1], told[0], "pieces")
    same(told[2], told[0], "single bytes")


def _client(pieces: list[bytes]) -> list[Any]:
    one = SoupClient(username="meltic", password="secret", sequence=1)
    one.connected(0)
    one.take_output(0)
    events = _heard(one, pieces)
    numbers = [event.sequence for event in events if isinstance(event, Sequenced)]
    same(numbers, list(range(numbers[0], numbers[0] + len(numbers))) if numbers else [], "sequence numbers")
    return [_words(events), one.state, one.session, one.sequence, one.take_output(9)]


def server(data: bytes) -> None:
    told = [_server(pieces) for pieces in ([data[1:]], cuts(data[1:], len(data)), [bytes([b]) for b in data[1:]])]
    same(told[1], told[0], "pieces")
    same(told[2], told[0], "single bytes")


def _server(pieces: list[bytes]) -> list[Any]:
    one, stream = SoupServer(), SoupStream(SESSION)
    stream.append(b"one")
    stream.append(b"two")
    one.connected(0)
    return [_words(_heard(one, pieces, stream)), one.state, one.next_sequence, one.take_output(9)]


def _heard(one: SoupClient | SoupServer, pieces: list[bytes], stream: SoupStream | None = None) -> list[SoupEvent]:
    events: list[SoupEvent] = []
    for piece in pieces:
        fresh = one.receive(piece, 5)
        while fresh:
            events += fresh
            asked = fresh[-1]
            fresh = []
            if isinstance(asked, LoginAsked) and isinstance(one, SoupServer) and stream is not None:
                one.accept(asked, stream, 5)
                fresh = one.receive(b"", 5)
    if events and isinstance(events[-1], Failed):
        same(one.closing(), True, "a failed connection is closed")
        same(one.receive(b"\0\1H", 6), [], "nothing after a failure")
    return events


def _words(events: list[SoupEvent]) -> list[str]:
    return [f"Failed {event.error}" if isinstance(event, Failed) else repr(event) for event in events]


# --- OUCH ---


def codec_of(codec: OuchCodec) -> Callable[[bytes], None]:
    """First byte: direction. What is read is written back byte for byte; what the strict reader takes, it also writes;
    the whole as a recorded stream never fails."""

    def judge(data: bytes) -> None:
        direction = DIRECTIONS[data[:1] == b"\1"]
        body = data[1:]
        for line in ouch_stream.decode_stream(direction, codec.version, body):
            json.dumps(line)
        try:
            message = codec.decode(direction, body)
        except OuchError:
            return
        same(codec.encode(message, strict=False), body, message.name)
        json.dumps(ouch_stream.as_dict(codec, message))
        try:
            strict = codec.decode(direction, body, strict=True)
        except OuchError:
            return
        same(strict, message, message.name)
        same(codec.encode(strict), body, message.name)

    return judge


# --- the port ---

BACKENDS = tuple(load(name) for name in ("cython", "python"))
SYMBOLS = {7: (b"CVLT    ", 100, 1), 8: (b"ADBE    ", 1, 100)}
KINDS = "AUCDEJBFIPQTMRXGKS"


def port(data: bytes) -> None:
    """Intents and packets in any order: both ports send, tell and remember the same."""
    script = Script(data)
    options = script.byte()
    pair = [_port(backend, options) for backend in BACKENDS]
    while not script.over:
        step = script.byte()
        if step < 0x60:
            order, lots, price = _order(script), script.byte() * 10, script.byte()
            sent = [one.encode_intent(order, lots, price) for one in pair]
            same(sent[0], sent[1], "what is sent")
            if not isinstance(sent[0], bytes):
                OuchRefusal(sent[0])
        elif step < 0x70:
            raw = script.take(64)
            same(*[_batch(one, raw) for one in pair], "a raw intent")
        else:
            packet = _packet(script, raw=step >= 0xE0)
            heard = [one.decode_packet(tight(packet)) if step & 1 else _decode_all(one, packet) for one in pair]
            same(heard[0], heard[1], "what is heard")
        same(pair[0].counters(), pair[1].counters(), "counters")
    states = [one.export_state() for one in pair]
    same(states[0], states[1], "the tables")
    again = _port(BACKENDS[0], options)
    again.import_state(states[1])
    same(again.export_state(), states[0], "a state that was imported")


def _port(backend: Any, options: int) -> Any:
    one = backend.OuchPort(
        max_orders=5, max_instruments=16, firm="LIME" if options & 1 else "", locates_shares=bool(options & 2)
    )
    for number, (name, price, shares) in SYMBOLS.items():
        one.set_symbol(SymbolRecord(number, number, int.from_bytes(name, "little"), price, shares))
    return one


def _order(script: Script) -> OrderIntent:
    shape, order_id, price, flags = script.take(4)
    return OrderIntent(
        action=(Action.NEW, Action.REPLACE, Action.CANCEL, Action.NEW)[shape & 3],
        order_id=order_id % 8,
        side=Side.SELL if shape & 4 else Side.BUY,
        instrument_id=7 + (shape >> 3 & 1),
        account_id=3,
        strategy_id=shape >> 4 & 1,
        order_type=OrderType.MARKET if shape & 0x20 else OrderType.LIMIT,
        tif=TimeInForce.IOC if shape & 0x40 else TimeInForce.DAY,
        price_ticks=0 if shape & 0x20 else price,
        quantity_lots=10,
        time_ns=0,
        flags=flags & 0x1F,
    )


def _batch(one: Any, raw: bytes) -> tuple[str, Any]:
    try:
        return "sent", one.encode_batch(raw)
    except ValueError as error:
        return "refused", str(error)


def _decode_all(one: Any, packet: bytes) -> Any:
    records, used = one.decode_batch(bytes(packet) + bytes(packet[:5]))
    for at in range(0, len(records), DropCopyRecord.SIZE):
        DropCopyRecord.from_bytes(records[at : at + DropCopyRecord.SIZE])
    return records, used


def _packet(script: Script, *, raw: bool) -> bytes:
    """A packet of the host whose references are those of a few orders; or whatever stands there."""
    if raw:
        return script.short(script.byte())
    shape, first, second, shares, state = script.take(5)
    kind = KINDS[shape % len(KINDS)]
    numbers = {"UserRefNum": second % 10, "OrigUserRefNum": first % 10}
    shares_names = ("Quantity", "Decrement Shares", "Quantity prevented from trading")
    body = bytearray(_host(kind))
    layout = ouch50.CODEC.layouts["outbound"][kind]
    offsets = layout.offsets()
    for name, value in numbers.items() | {(name, shares) for name in shares_names}:
        if name in offsets:
            body[offsets[name] : offsets[name] + 4] = value.to_bytes(4, "big")
    for name in ("Order State", "Side", "Reason"):
        if name in offsets and state & 1:
            body[offsets[name]] = state
    if kind != "U" and "UserRefNum" in offsets:
        body[offsets["UserRefNum"] + 3] = first % 10
    cut = len(body) - (state >> 4 if state & 2 else 0)
    return wire.packet("S", bytes(body[:cut]))


def _host(kind: str) -> bytes:
    """A well-formed message of the host, every field some value that fits."""
    layout = ouch50.CODEC.layouts["outbound"][kind]
    named: dict[str, int | str] = {}
    for field in layout.fields:
        word = next(iter(field.words), "A") if field.words else "A"
        named[field.name] = word if field.kind == "alpha" else 1
        if field.name == "ClOrdID":
            named[field.name] = cl_ord_id(3)
        elif field.kind == "price":
            named[field.name] = 1_000
    return ouch50.CODEC.encode(ouch50.CODEC.make("outbound", kind, named), strict=False)


# --- seeds ---


def client_seeds() -> list[bytes]:
    accepted = wire.login_accepted(SESSION, 1)
    day = accepted + b"".join(wire.packet("S", bytes([n]) * n) for n in range(1, 5)) + wire.packet("H")
    odd = wire.packet("J", b"A"), accepted + wire.packet("+", b"hi"), wire.packet("H") + accepted, b"\0\0"
    return [b"\0" + one for one in (day, day + wire.packet("Z"), *odd, day + wire.packet("U", b"no"))]


def server_seeds() -> list[bytes]:
    login = wire.login_request("meltic", "secret", "", 1)
    orders = wire.packet("U", b"order") * 3 + wire.packet("R")
    far = wire.login_request("meltic", "secret", SESSION, 99)
    return [
        b"\0" + one for one in (login + orders, login + orders + wire.packet("O"), far, orders, login + login, b"\0\0")
    ]


def codec_seeds(codec: OuchCodec) -> Callable[[], list[bytes]]:
    def seeds() -> list[bytes]:
        made = []
        for number, direction in enumerate(DIRECTIONS):
            for kind, layout in codec.layouts[direction].items():
                fields: dict[str, int | str] = {
                    field.name: (next(iter(field.words), "") if field.words else "A") if field.kind == "alpha" else 1
                    for field in layout.fields
                }
                message = OuchMessage(
                    direction, kind, layout.name, fields, () if layout.appendage == "always" else None
                )
                body = codec.encode(message, strict=False)
                made.append(bytes([number]) + body)
                if layout.appendage != "none":
                    tags = b"".join(
                        bytes((field.size + 1, tag)) + b"\0" * field.size for tag, field in codec.tags.items()
                    )
                    made.append(bytes([number]) + body[: layout.size] + len(tags).to_bytes(2, "big") + tags)
                packet = wire.packet("SU"[number == 0], body)
                made.append(bytes([number]) + packet)
        return made

    return seeds


def port_seeds() -> list[bytes]:
    new, replace, cancel = (bytes((0, action, 1, 50, 0, 10, 50)) for action in (0, 1, 2))
    host = [bytes((0x71 + 2 * (n % 4), n, n % 3, 1 + n % 4, 10, n)) for n in range(len(KINDS))]
    login = b"\xe1" + bytes([len(packet := wire.login_accepted(SESSION, 5))]) + packet
    story = new + host[0] + host[4] + replace + host[1] + cancel + host[2]
    fields = {"instrument_id": 7, "account_id": 1, "strategy_id": 0, "quantity_lots": 5, "price_ticks": 9, "time_ns": 0}
    raw = b"\x60" + OrderIntent(action=Action.NEW, order_id=9, side=Side.BUY, **fields).to_bytes()
    return [bytes([options]) + one for options in (0, 3) for one in (story, new * 9, login, raw, b"".join(host))]


DOORS = (
    Door("soup_client", client, client_seeds),
    Door("soup_server", server, server_seeds),
    Door("ouch50", codec_of(ouch50.CODEC), codec_seeds(ouch50.CODEC)),
    Door("ouch42", codec_of(ouch42.CODEC), codec_seeds(ouch42.CODEC)),
    Door("ouch_port", port, port_seeds),
)
