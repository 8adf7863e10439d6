"""Doors of the links: what a gate says to the gateway, what the gateway says to a gate, and the gate's own link."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import msgspec

from meltica.hot import Gate
from meltica.hot.layout_gen import LAYOUT_VERSION, RECORDS, AdjustRecord, HeartbeatRecord, ReferencePriceRecord
from meltica.links import control_link_messages as wire
from meltica.links import frames
from meltica.links.control_link_desk import ControlDesk, Routed
from meltica.links.control_link_messages import BeatFlag, Entry, Kind, MessageError, Use
from meltica.links.control_link_session import Dropped, Joined, Seat
from meltica.links.gate_desk import GateDesk
from meltica.links.hot_link_desk import HotDesk
from tests.fuzz.door import Door, Script, same
from tests.unit.links.control_world import BEGIN_NS, KEYS, LEASE_NS, Store, drop, price

READERS: tuple[Callable[[wire.Header, bytes], object], ...] = (
    lambda _header, body: wire.unpack_beat(body),
    lambda _header, body: wire.unpack_entries(body),
    lambda _header, body: wire.split_records(body),
    wire.unpack_state,
    lambda _header, body: wire.unpack_report(body),
    wire.check_drops,
    lambda _header, body: wire.fixed(wire.BEAT_ANSWER, body),
)


def messages(data: bytes) -> None:
    """Every reader of a body, whatever the header says; what was read is written back byte for byte."""
    try:
        header, body = wire.unpack(data)
    except MessageError:
        header, body = wire.Header(0, 0, 0, len(data) // wire.DROP_BYTES, 0, 0, 1), data
    for reader in READERS:
        try:
            reader(header, body)
        except MessageError:
            continue
    wire.fault_text(body)
    with suppress(MessageError):
        same(wire.pack_entries(tuple(wire.unpack_entries(body))), body, "entries")
    with suppress(MessageError):
        told = wire.unpack_report(body)  # Its reserved bytes are sent as 0, and whatever they are when they come
        same(wire.unpack_report(wire.REPORT.pack(*told[:2]) + wire.pack_uses(told[2])), told, "a report")
        state = wire.unpack_state(header, body)
        same(wire.pack_state(state, gate_epoch=0, stream_epoch=0)[wire.HEADER.size :], body, "a state")


def gateway(data: bytes) -> None:
    """The gateway's desk hears gates, true and untrue; it never raises, and what it says can be read."""
    script = Script(data)
    now_ns = BEGIN_NS
    desk = ControlDesk([Seat("a", KEYS["a"], 0, 1), Seat("b", KEYS["b"], 3, 1)], stream_epoch=1, now_ns=now_ns)
    desk.tell("a", [price(0, 100)])
    while not script.over:
        who = script.byte()
        now_ns += (who >> 4) * LEASE_NS // 8
        desk.due(now_ns)
        desk.pulse(now_ns)
        name = "abx"[who % 3]
        key = (KEYS.get(name) or b"x" * 40).decode()
        desk.receive(name.encode(), key, _said_by_gate(script), now_ns)
        while desk.notices:
            notice = desk.notices.popleft()
            if isinstance(notice, Dropped):
                desk.keep(notice.gate, notice.first + len(notice.records) // wire.DROP_BYTES)
            elif isinstance(notice, Joined):
                desk.admit(notice.gate, notice.gate_epoch)
        while desk.outbox:
            out = desk.outbox.popleft()
            wire.unpack(out.message)
            if isinstance(out, Routed):
                same(out.peer in (b"a", b"b", b"x"), True, "who is answered")
        desk.next_due_ns()
        desk.status()


def _said_by_gate(script: Script) -> bytes:
    shape = script.byte()
    if shape & 0x80:
        return script.short(shape & 0x7F)
    kind = (Kind.HELLO, Kind.BEAT, Kind.DROPS, Kind.FETCH, Kind.REPORT, Kind.BYE, Kind.STATE, 99)[shape & 7]
    number, extra, epoch = script.byte(), script.byte() % 5, script.byte() % 4
    body = script.short(script.byte()) if shape & 8 else _gate_body(kind, script, number, extra, epoch)
    return wire.HEADER.pack(wire.MAGIC, wire.VERSION, kind, extra, epoch, 1 + (shape >> 5 & 1), number) + body


def _gate_body(kind: int, script: Script, number: int, extra: int, epoch: int) -> bytes:
    if kind == Kind.HELLO:
        flags = script.byte()
        return msgspec.json.encode(
            wire.Hello(
                gate="ab"[flags & 1], layout_version=LAYOUT_VERSION, gate_epoch=epoch, fresh=bool(flags & 2),
                remembers=bool(flags & 1),
                stream_epoch=1, applied=flags >> 4, origin=0, drops_first=1, drops_next=1 + (flags >> 2 & 3), pid=7,
            )
        )  # fmt: skip
    if kind == Kind.BEAT:
        flags = script.byte()
        return wire.BEAT.pack(0, flags >> 4, 1 + (flags & 3), flags >> 2 & 3, BeatFlag(flags & 3), script.take(32))
    if kind == Kind.DROPS:
        return b"".join(drop(number + at) for at in range(extra))
    if kind == Kind.REPORT:
        return wire.REPORT.pack(number & 1, 1) + wire.pack_uses(tuple(Use(1, 0, 0, at) for at in range(extra)))
    return b""


def gate(data: bytes) -> None:
    """A gate's desk hears the gateway; what it hands out are records, and its lease never reaches beyond its length."""
    script = Script(data)
    now_ns = BEGIN_NS
    store = Store()
    store.write(3)
    desk = HotDesk("a", gate_epoch=2, drops=store, pid=7)
    while not script.over:
        step = script.byte()
        now_ns += (step >> 3) * LEASE_NS // 16
        desk.due(now_ns)
        desk.receive(_said_by_gateway(script, now_ns), now_ns)
        if step & 1:
            desk.send_drop_copies(*store.write(1), now_ns)
        if step & 2:
            desk.report([Use(1, 0, 0, 5)])
        while desk.records:
            record = desk.records.popleft()
            RECORDS[int.from_bytes(record[:2], "little")].from_bytes(record)
        while desk.outgoing:
            wire.unpack(desk.outgoing.popleft())
        if desk.lease_until_ns > now_ns + 1_000_000 * 2**32:
            raise AssertionError(f"a lease until {desk.lease_until_ns} at {now_ns}")
        desk.next_due_ns()
        desk.health()


def _said_by_gateway(script: Script, now_ns: int) -> bytes:
    shape = script.byte()
    if shape & 0x80:
        return script.short(shape & 0x7F)
    kind = (Kind.WELCOME, Kind.BEAT_ANSWER, Kind.KEPT, Kind.FAULT, Kind.RECORDS, Kind.STATE, Kind.HELLO, 98)[shape & 7]
    number, extra = script.byte() % 16, script.byte() % 3
    body = script.short(script.byte()) if shape & 8 else _gateway_body(kind, script, number, extra, now_ns)
    return wire.HEADER.pack(wire.MAGIC, wire.VERSION, kind, extra, 2, 1 + (shape >> 5 & 1), number) + body


def _gateway_body(kind: int, script: Script, number: int, extra: int, now_ns: int) -> bytes:
    flags = script.byte()
    if kind == Kind.WELCOME:
        return msgspec.json.encode(wire.Welcome(lease_ms=250, beat_ms=50, kept=1 + (flags & 3)))
    if kind == Kind.BEAT_ANSWER:
        return wire.BEAT_ANSWER.pack(max(0, now_ns - flags), flags & 7, 1, 250 * (flags & 1), flags >> 6)
    if kind == Kind.FAULT:
        return msgspec.json.encode(wire.Fault(flags & 7, "why"))
    entries = tuple(Entry((number + at) * 65_536 * (flags & 1), _record(flags)) for at in range(extra))
    if kind == Kind.RECORDS:
        return wire.pack_entries(entries)
    if kind == Kind.STATE:
        state = wire.State(number, number, 0, (price(0, 5),), (_record(1),), entries)
        return wire.pack_state(state, gate_epoch=2, stream_epoch=1)[wire.HEADER.size :]
    return b""


def _record(flags: int) -> bytes:
    if flags & 1:
        return AdjustRecord(account_id=0, instrument_id=0, delta_lots=1).to_bytes()
    return ReferencePriceRecord(instrument_id=flags >> 1 & 3, price_ticks=5, time_ns=1).to_bytes()


# --- the gate's own link ---


def remote(data: bytes) -> None:
    """A gate's process hears its client: each message gets one answer, which can be read; after a broken message
    nothing passes until a new session."""
    script = Script(data)
    shape = frames.GateShape(max_instruments=4, max_accounts=2)
    desk = GateDesk(Gate(max_instruments=4, max_accounts=2), shape, lease_ns=1_000, pid=1, epoch=5)
    sequence = session = now_ns = 0
    state = msgspec.json.encode(desk.gate.export_state())
    while not script.over:
        step = script.byte()
        now_ns += step >> 5
        if step & 16:
            message = script.short(script.byte())
        else:
            kind = tuple(frames.Kind)[step & 7]
            sequence += kind not in (frames.Kind.HELLO, frames.Kind.HEARTBEAT, frames.Kind.BYE)
            message = _to_gate(kind, script, shape, state, session, sequence)
        header, _ = frames.unpack(desk.receive("key", message, now_ns))
        if header.kind == frames.Kind.WELCOME:
            session, sequence = header.session, 0
        elif header.kind == frames.Kind.FAULT:
            sequence = max(0, sequence - (step >> 4 & 1))


def _to_gate(  # noqa: PLR0917 - what a message is made of
    kind: frames.Kind, script: Script, shape: frames.GateShape, state: bytes, session: int, sequence: int
) -> bytes:
    body, extra = script.short(script.byte()), 0
    if kind == frames.Kind.HELLO and not body:
        body = msgspec.json.encode(frames.Hello("one", LAYOUT_VERSION, shape))
    elif kind == frames.Kind.HEARTBEAT and not body:
        body = HeartbeatRecord(lease_ms=0, sequence_number=1, time_ns=1).to_bytes()
    elif kind == frames.Kind.IMPORT and not body:
        body = state
    elif kind in (frames.Kind.TELL, frames.Kind.CHECK):
        extra = len(body) if kind == frames.Kind.TELL else len(body) % 64
    return frames.pack(kind, body, extra=extra, session=session, epoch=5, sequence=sequence)


# --- seeds ---


def message_seeds() -> list[bytes]:
    entries = (
        Entry(0, price(0, 7)),
        Entry(65_536, AdjustRecord(account_id=0, instrument_id=0, delta_lots=3).to_bytes()),
    )
    state = wire.State(5, 65_536, 0, (price(0, 7),), (), entries)
    beat = wire.BEAT.pack(1, 2, 3, 4, 0, bytes(32))
    return [
        wire.pack(Kind.RECORDS, wire.pack_entries(entries), extra=2, number=4),
        wire.pack_state(state, gate_epoch=1, stream_epoch=1),
        wire.pack(Kind.BEAT, beat, number=1),
        wire.pack(Kind.DROPS, drop(4) + drop(5), extra=2, number=4),
        wire.pack(Kind.REPORT, wire.REPORT.pack(1, 1) + wire.pack_uses((Use(1, 2, 3, 4),)), extra=1),
        wire.pack(Kind.FAULT, msgspec.json.encode(wire.Fault(3, "no"))),
        wire.pack_entries(entries),
    ]


def gateway_seeds() -> list[bytes]:
    hello = bytes((0, 0, 0, 0, 1, 2))
    beat = bytes((0x10, 1, 1, 0, 1, 0x11)) + bytes(32)
    drops = bytes((0, 2, 1, 2, 1))
    fetch, report, bye = bytes((0, 3, 0, 0, 1)), bytes((0, 4, 1, 2, 1)), bytes((0, 5, 0, 0, 1))
    raw = wire.pack(Kind.HELLO, b"{}")
    return [
        hello + beat * 3,
        hello + drops + beat + fetch + report + bye,
        hello + bye + hello,
        bytes((0, 0x80 + len(raw))) + raw,
    ]


def gate_seeds() -> list[bytes]:
    welcome, answer = bytes((1, 0, 0, 0, 1)), bytes((9, 1, 1, 0, 0x41))
    state, entries = bytes((0, 5, 1, 0, 0)), bytes((0, 4, 2, 2, 1))
    late, kept, fault = bytes((0, 4, 9, 1, 0)), bytes((3, 2, 2, 1, 0)), bytes((0, 3, 0, 0, 6))
    return [
        welcome + state + answer * 3 + entries + answer,
        welcome + state + late + entries * 3 + kept,
        welcome + fault + welcome,
    ]


def remote_seeds() -> list[bytes]:
    kinds = {kind: number for number, kind in enumerate(tuple(frames.Kind)[:8])}
    hello, beat = bytes((kinds[frames.Kind.HELLO], 0)), bytes((kinds[frames.Kind.HEARTBEAT], 0))
    loaded, arm = bytes((kinds[frames.Kind.IMPORT], 0)), bytes((kinds[frames.Kind.ARM], 0))
    tell = bytes((kinds[frames.Kind.TELL], len(price(0, 5)))) + price(0, 5)
    check = bytes((kinds[frames.Kind.CHECK], 64, 1, 0)) + bytes(62)
    return [hello + loaded + arm + beat + tell + check, hello + tell * 2 + check, b"\x10\x05hello"]


DOORS = (
    Door("link_messages", messages, message_seeds),
    Door("link_gateway", gateway, gateway_seeds),
    Door("link_gate", gate, gate_seeds),
    Door("gate_process", remote, remote_seeds),
)
