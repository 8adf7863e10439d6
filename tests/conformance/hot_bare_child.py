"""A process that turns the hot loops and says what they did: under the shim (count, market), in a filter (jail)."""

from __future__ import annotations

import ctypes
import json
import os
import socket
import sys
import threading
import time
from pathlib import Path
from struct import pack
from typing import Final

from meltica.hot.hot_parts import ItchBook, MarketLoop, Word
from meltica.hot.layout_gen import DropKind
from meltica.venues.nasdaq import soupbintcp_wire as wire
from meltica.venues.nasdaq.ouch50 import CODEC
from tests.integration.hot_desk import REFERENCE_TICKS, HotDesk, top

KINDS: Final = ("allocations", "frees", "locks", "waits", "mappings", "python", "writes")
ORDERS: Final = 100
TURNS: Final = 20_000


def trade(desk: HotDesk) -> None:
    """What the next turns find: orders that pass and that are refused, cancels, replaces."""
    for at in range(ORDERS):
        intent = desk.buy(price_ticks=REFERENCE_TICKS - at % 50)
        if at % 5 == 1:
            desk.buy(lots=10**6)
        if at % 5 == 2:
            desk.writer.send(desk.writer.replace(intent, quantity_lots=5, price_ticks=REFERENCE_TICKS))
        if at % 5 == 3:
            desk.writer.send(desk.writer.cancel(intent))


def reply(desk: HotDesk) -> None:
    """And what the venue says to them, all at once; garbage and a query's answer as well."""
    assert desk.venue is not None
    packets = b""
    for order in desk.received():
        if order.type == "O":
            fields = {"Timestamp": 2, "UserRefNum": order["UserRefNum"], "Quantity": 1, "Price": 10**6}
            fields |= {"Liquidity Flag": "A", "Match Number": 7}
            packets += wire.packet("S", CODEC.encode(CODEC.make("outbound", "E", fields)))
    query = CODEC.encode(CODEC.make("outbound", "Q", {"Timestamp": 4, "NextUserRefNum": 10**6}))
    packets += wire.packet("S", query) + wire.packet("H") + wire.packet("S", b"?")
    desk.venue.sendall(packets)


def count(folder: Path) -> dict[str, list[int]]:
    """Of each kind: calls of 1 idle turn, of 1 again, of many turns full of work, with replies, and under a kill."""
    shim = ctypes.CDLL(None)
    shim.shim_count.restype = ctypes.c_long

    def counts() -> list[int]:
        return [shim.shim_count(kind) for kind in range(len(KINDS))]

    with HotDesk(folder, tops=True) as desk:
        desk.connect()
        desk.status.words.put(Word.FEED_TIME_NS, desk.now_ns())
        desk.tops.put(17, top_row())  # type: ignore[union-attr]
        loop, rows = desk.loop, []

        def turns(number: int) -> None:
            before = counts()
            loop.turns(number)
            after = counts()
            rows.append([then - now for then, now in zip(after, before, strict=True)])

        turns(1)
        turns(1)
        trade(desk)
        turns(TURNS)
        reply(desk)
        turns(TURNS)
        desk.kill.engage(2, "test", "stop")
        turns(TURNS)
        work = [desk.word(word) for word in (Word.SENT_NEW, Word.EXECUTIONS, Word.TRIP_CANCELS, Word.REFUSED)]
    return {kind: [row[at] for row in rows] for at, kind in enumerate(KINDS)} | {"work": work}


def top_row() -> bytes:
    return top().to_bytes()


# --- a filter that ends the process at any system call but these ---

ALLOWED: Final = {"x86_64": (44, 45, 228), "aarch64": (206, 207, 113)}  # sendto, recvfrom, clock_gettime
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, MODE_FILTER = 38, 22, 2
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, KILL_PROCESS = 0x7FFF0000, 0x80000000


def lock_in() -> None:
    """The calling thread, for good."""
    numbers = ALLOWED[os.uname().machine]
    steps = [(LOAD, 0, 0, 0)]
    steps += [(EQUAL, len(numbers) - at, 0, number) for at, number in enumerate(numbers)]
    steps += [(RETURN, 0, 0, KILL_PROCESS), (RETURN, 0, 0, ALLOW)]
    code = b"".join(pack("<HBBI", *step) for step in steps)
    buffer = ctypes.create_string_buffer(code)
    program = pack("<HxxxxxxQ", len(steps), ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, MODE_FILTER, program, 0, 0)):
        if libc.prctl(*arguments) != 0:
            raise OSError(ctypes.get_errno(), "prctl")


def jail(folder: Path) -> dict[str, int]:
    """The loop runs, trades and is killed behind the filter; it can't come back, so the process ends under it."""
    with HotDesk(folder) as desk:
        desk.connect()
        inside = threading.Event()

        def run() -> None:
            inside.set()
            time.sleep(0.2)  # The other thread is asleep by then: nobody waits for the interpreter
            lock_in()
            desk.loop.run()

        threading.Thread(target=run, daemon=True).start()
        inside.wait()
        time.sleep(1.0)
        for _ in range(3):
            trade(desk)
            time.sleep(0.1)
            reply(desk)
            time.sleep(0.1)
        desk.kill.engage(2, "test", "stop")
        time.sleep(0.3)
        names = (Word.SENT_NEW, Word.EXECUTIONS, Word.TRIP_CANCELS, Word.REFUSED)
        found = {word.name.lower(): desk.word(word) for word in names}
        found["killed"] = len(desk.copies(DropKind.KILLED))
        os.write(1, json.dumps(found).encode() + b"\n")
        os._exit(0)


def market(folder: Path) -> dict[str, list[int]]:
    """The market loop under the shim: the same, over a UDP line."""
    from meltica.hot import MoldGate, UdpReceiver
    from meltica.hot.hot_parts import TopOfBookWriter
    from meltica.hot.hot_status import StatusWriter

    shim = ctypes.CDLL(None)
    shim.shim_count.restype = ctypes.c_long
    status = StatusWriter(folder / "status")
    loop = MarketLoop(
        book=ItchBook(10_000), tops=TopOfBookWriter.create(folder / "tops"), status=status.words, offset_ns=0
    )
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        line.bind(("127.0.0.1", 0))
        line.setblocking(False)
        receiver, gate = UdpReceiver(line.fileno(), 32, 2_048), MoldGate()
        gate.open(b"SESSION001", 1)
        rows, sequence = [], 1
        for packets in (0, 0, 1, 20, 20):
            for _ in range(packets):
                sender.sendto(add_orders(sequence), line.getsockname())
                sequence += 10
            before = [shim.shim_count(kind) for kind in range(len(KINDS))]
            loop.spin(receiver, None, gate)
            after = [shim.shim_count(kind) for kind in range(len(KINDS))]
            rows.append([then - now for then, now in zip(after, before, strict=True)])
    assert status.words.get(Word.FEED_MESSAGES) == 410
    return {kind: [row[at] for row in rows] for at, kind in enumerate(KINDS)}


def add_orders(sequence: int) -> bytes:
    """Ten Add Orders in one packet."""
    messages = b""
    for number in range(sequence, sequence + 10):
        body = b"A" + pack(">HHHIQcI8sI", 17, 0, 0, number, number, b"B", 100, b"ABCD    ", 10_000 + number)
        messages += pack(">H", len(body)) + body
    return b"SESSION001" + pack(">QH", sequence, 10) + messages


if __name__ == "__main__":
    found = {"count": count, "jail": jail, "market": market}[sys.argv[1]](Path(sys.argv[2]))
    sys.stdout.write(json.dumps(found) + "\n")
