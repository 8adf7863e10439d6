"""What one OUCH 5.0 order costs on its way out, and one execution on its way in, beside bare C.

The floors copy and patch a template, and read fields into a record: they remember nothing. Ours also keeps the table of
working orders that executions are understood with. Both work on the same orders, 256 symbols in turn, and the same
replies; the bytes of the two are compared.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from time import process_time_ns
from typing import Any, Final

from bench.floors import floor
from bench.measure import Row, Series, in_turn, row
from meltica.hot import Action, OrderIntent, Side, TimeInForce, load
from meltica.hot.layout_gen import DropCopyRecord, SymbolRecord

ORDERS: Final = 1_000
BATCHES: Final = 200
SYMBOLS: Final = 256
MAX_ORDERS: Final = 4_096
EXECUTED: Final = bytes.fromhex("002553450000289b4d64af87")


def rows(runs: int) -> list[Row]:
    """Nanoseconds of CPU per order and per execution."""
    records = b"".join(one(number).to_bytes() for number in range(1, ORDERS + 1))
    replies = b"".join(executed(number) for number in range(1, ORDERS + 1))
    port = make()
    packets, _ = port.encode_batch(records)
    setup(packets)
    if c_encoded(records) != packets:
        raise RuntimeError("the floor writes other bytes")
    contenders: dict[str, Callable[[], float]] = {
        "encode": lambda: spent(port, lambda: port.encode_batch(records)),
        "decode": lambda: spent(port, lambda: port.decode_batch(replies), before=lambda: port.encode_batch(records)),
        "C encode": lambda: c_spent("ouch_encode", records, ORDERS, 50),
        "C decode": lambda: c_spent("ouch_decode", replies, len(replies), DropCopyRecord.SIZE),
    }
    taken = in_turn(contenders, runs)
    return [
        row("ouch: encode one order", "ns", taken["encode"], floor=Series("C: memcpy and patch", taken["C encode"])),
        row(
            "ouch: decode one execution", "ns", taken["decode"], floor=Series("C: fields to record", taken["C decode"])
        ),
    ]


def make() -> Any:
    port = load("cython").OuchPort(max_orders=MAX_ORDERS, max_instruments=SYMBOLS)
    for number in range(SYMBOLS):
        name = f"S{number:03}".ljust(8).encode("ascii")
        port.set_symbol(SymbolRecord(number, number, int.from_bytes(name, "little"), 100, 1))
    return port


def one(number: int) -> OrderIntent:
    return OrderIntent(
        action=Action.NEW,
        side=Side.BUY if number % 3 else Side.SELL,
        instrument_id=number % SYMBOLS,
        account_id=number % 16,
        order_id=7_000_000_000 + number,
        quantity_lots=100 + number,
        time_ns=number,
        price_ticks=15_000 + number,
        tif=TimeInForce.DAY,
    )


def executed(number: int) -> bytes:
    """All of the order, so that the table is empty afterwards."""
    return (
        EXECUTED
        + number.to_bytes(4, "big")
        + (100 + number).to_bytes(4, "big")
        + (1_500_000 + 100 * number).to_bytes(8, "big")
        + b"R"
        + number.to_bytes(8, "big")
        + b"\x00\x00"
    )


def spent(port: Any, work: Callable[[], tuple[bytes, int]], before: Callable[[], object] | None = None) -> float:
    total = 0
    for _ in range(BATCHES):
        port.forget_orders()
        if before is not None:
            before()
        begin = process_time_ns()
        made, _ = work()
        total += process_time_ns() - begin
        if len(made) < ORDERS * 50:
            raise RuntimeError(f"{len(made)} bytes were made")
    return total / BATCHES / ORDERS


def setup(packets: bytes) -> None:
    """Each symbol's template is an order of it."""
    for number in range(SYMBOLS):
        floor("ouch").ouch_setup((number + 1) % SYMBOLS, packets[50 * number : 50 * number + 50])


def c_encoded(records: bytes) -> bytes:
    out = ctypes.create_string_buffer(50 * ORDERS + 64)
    size = floor("ouch").ouch_encode(records, ctypes.c_long(ORDERS), out)
    return out.raw[:size]


def c_spent(name: str, data: bytes, count: int, size: int) -> float:
    function = getattr(floor("ouch"), name)
    out = ctypes.create_string_buffer(size * ORDERS + 64)
    total = 0
    for _ in range(BATCHES):
        begin = process_time_ns()
        function(data, ctypes.c_long(count), out)
        total += process_time_ns() - begin
    return total / BATCHES / ORDERS
