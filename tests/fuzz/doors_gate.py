"""The door of the risk gate: records and order intents as bytes, both backends in lockstep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from meltica.hot import layout_gen as lay
from meltica.hot import load
from meltica.hot.layout_gen import RECORDS, Mark, OrderIntentRecord, Record
from tests.conformance.gate_desk import T, record
from tests.conformance.gate_draws import KEY, LIMITS, ORDINARY, OTHER_RECORDS, TABLES
from tests.fuzz.door import Door, Script, outcome, same

BACKENDS = tuple(load(name) for name in ("cython", "python"))
KINDS: Sequence[type[Record]] = (*LIMITS, *OTHER_RECORDS)
EDGES = (0, 1, 2, 3, 100, 2**60, 2**63 - 1, -1)
CODES = {"B": 8, "H": 16, "I": 32, "Q": 64, "q": 63}


def gate(data: bytes) -> None:
    """What the one takes the other takes; what is refused leaves no trace; same verdicts, same state."""
    script = Script(data)
    pair = [backend.Gate(**TABLES) for backend in BACKENDS]
    if not script.byte() & 1:
        _open(pair)
    order_id = 0
    while not script.over:
        step = script.byte()
        if step < 0x70:
            order_id += 1
            _check(pair, _order(script, order_id))
        elif step < 0x80:
            raw = script.take(OrderIntentRecord.SIZE)
            _check(pair, (1).to_bytes(2, "little") + raw[2:] if step & 1 else raw)
        elif step < 0xE0:
            _tell(pair, _record(script, KINDS[step % len(KINDS)]), deep=step >= 0xD0)
        elif step < 0xF8:
            _tell_raw(pair, script.take(script.byte()), deep=step >= 0xF0)
        else:
            states = [one.export_state() for one in pair]
            same(states[0], states[1], "exported states")
            for one, state in zip(pair, reversed(states), strict=True):
                one.import_state(state)
    same(pair[0].state_digest(), pair[1].state_digest(), "digests")
    same(pair[0].counters(), pair[1].counters(), "counters")


def _check(pair: list[Any], raw: bytes) -> None:
    """Alone or in a batch, by the last byte's lowest bit."""
    if raw[-1] & 1:
        told = [outcome(lambda one=one: [part.tolist() for part in one.check_batch(raw)], refuses=(ValueError,))
                for one in pair]  # fmt: skip
    else:
        told = []
        for one, backend in zip(pair, BACKENDS, strict=True):
            reason = outcome(lambda one=one, backend=backend: one.check(backend.OrderIntent.from_bytes(raw)),
                             refuses=(ValueError,))  # fmt: skip
            told.append((reason, one.fired_mask, one.reserved_price_ticks, one.allowed_lots, one.self_matches()))
    same(told[0], told[1], raw.hex())


def _tell(pair: list[Any], one: Record, *, deep: bool) -> None:
    """``deep``: with a look at the whole state, which takes as long as a hundred records."""
    told = []
    for gate in pair:
        before = gate.state_digest() if deep else ""
        try:
            gate.tell(one)
            told.append("taken")
        except (ValueError, OverflowError):
            if deep:
                same(gate.state_digest(), before, "a refused record left a trace")
            told.append("refused")
    same(told[0], told[1], repr(one))


def _tell_raw(pair: list[Any], raw: bytes, *, deep: bool) -> None:
    """As it comes from a link: what is no record is refused before the gate sees it."""
    kind = RECORDS.get(int.from_bytes(raw[:2], "little"))
    if kind is None:
        return
    try:
        one = kind.from_bytes(raw.ljust(kind.SIZE, b"\0")[: kind.SIZE])
    except ValueError:
        return
    _tell(pair, one, deep=deep)


def _order(script: Script, order_id: int) -> bytes:
    """Like those of an ordinary day; sometimes a replace or a cancel of an order before, sometimes with an edge."""
    shape = script.take(6)
    values = {name: choices[shape[at % 6] // (1 + at // 6) % len(choices)]
              for at, (name, choices) in enumerate(ORDINARY.items())}  # fmt: skip
    values |= {"action": 1, "order_id": order_id, "time_ns": T + order_id}
    if shape[5] >= 0xC0:
        values |= {"action": 2 + (shape[5] & 1), "order_id": max(1, order_id - shape[0] % 4)}
        values |= {"working_lots": shape[1] % 6, "working_price_ticks": 90 + shape[2] % 20}
    elif shape[5] >= 0xA0:
        names = ("quantity_lots", "price_ticks", "working_lots", "flags", "order_id", "time_ns")
        name, value = names[shape[0] % len(names)], EDGES[shape[1] % len(EDGES)]
        values[name] = value & 0xFF if name == "flags" else max(0, value) if name in ("order_id", "time_ns") else value
    return record(OrderIntentRecord, **values).to_bytes()


def _record(script: Script, kind: type[Record]) -> Record:
    """Its usual values, or small ones; then some fields are set to others."""
    values = dict(LIMITS.get(kind, {}))
    names = [one.name for one in fields(kind) if one.name != "type_id"]
    codes = dict(zip(kind.DTYPE.names or (), kind.CODEC.format[1:], strict=True))
    if kind not in LIMITS:
        values = {name: script.byte() % 7 for name in names}
    elif kind in KEY:
        values[KEY[kind]] = script.byte() % 3
    for _ in range(script.byte() % 4):
        name, value = names[script.byte() % len(names)], EDGES[script.byte() % len(EDGES)]
        values[name] = value if codes[name] == "q" else max(0, value) % (1 << CODES[codes[name]])
    return record(kind, **values)


def _open(pair: list[Any]) -> None:
    for gate in pair:
        gate.tell(record(lay.LeaseRecord, until_ns=T + 10**6))
        gate.tell(record(lay.FirmLimitsRecord, **LIMITS[lay.FirmLimitsRecord]))
        for port_id in (0, 255):
            gate.tell(record(lay.PortLimitsRecord, port_id=port_id, **LIMITS[lay.PortLimitsRecord]))
            gate.tell(record(lay.MarkRecord, mark=Mark.CONNECTED, on=1, id=port_id))
        for number in range(2):
            for kind, key in list(KEY.items())[:3]:
                gate.tell(record(kind, **{key: number}, **LIMITS[kind]))
            gate.set_reference(number, 100, T)
            for instrument_id in range(2):
                keys = {"account_id": number, "instrument_id": instrument_id}
                gate.tell(record(lay.PositionLimitsRecord, **keys, **LIMITS[lay.PositionLimitsRecord]))


def seeds() -> list[bytes]:
    day = b"".join(
        bytes((n, n, 3 * n & 255, 7 * n & 255, 11 * n & 255, 13 * n & 255, 17 * n & 0x7F)) for n in range(25)
    )
    replaced = b"".join(bytes((n, n, n, n, n, n, 0xC0 + (n & 1))) for n in range(20))
    told = b"".join(bytes((0x80 + n, 1, 0, 2, n, n)) + bytes(6) for n in range(len(KINDS)))
    raw = [b"\xe0" + bytes([kind.SIZE]) + record(kind).to_bytes() for kind in KINDS]
    odd = b"".join(bytes((n, n, n, n, n, n, 0xA0 + n)) for n in range(24))
    return [
        b"\0" + day,
        b"\0" + day[:70] + replaced,
        b"\0" + told + day[:140],
        b"\1" + told,
        *(b"\1" + one for one in raw),
        b"\0" + odd + b"\xff" + day,
    ]


DOORS = (Door("gate", gate, seeds, most=300),)
