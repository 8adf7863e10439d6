"""What the feed costs: receiving MoldUDP64 packets over loopback beside a bare recvmmsg loop in C, the gate alone, and
decoding a message to all its fields beside all attributes of itchcpp's objects.

The packets are full ones of 38 messages, made of the real file of the shared data (or messages after its mix). They
are sent before the clock starts, so that the receiver's own CPU time is all that is measured; it contains the system
call and the kernel's copy, which are most of it, in ours and in the floor.
"""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from random import Random
from time import process_time_ns
from typing import Any, Final

from bench.floors import floor
from bench.measure import Row, Series, in_turn, missing, row
from meltica.hot import load
from meltica.hot.udp import UdpLine, UdpOptions, UdpSource
from meltica.venues.nasdaq import itch_messages
from meltica.venues.nasdaq.feed import NasdaqFeed
from meltica.venues.nasdaq.itch_messages import split
from meltica.venues.nasdaq.mold_events import Messages
from meltica.venues.nasdaq.mold_session import MoldSession
from meltica.venues.nasdaq.moldudp64 import encode_packet

DATA: Final = Path(os.environ.get("MELTICA_DATA", "../shared/data")) / "nasdaq/12302019_SNIPPET.NASDAQ_ITCH50"
MIX: Final = {"A": 367, "U": 225, "F": 193, "D": 167, "E": 28, "X": 6, "I": 4, "P": 4, "Q": 4, "S": 1, "C": 1}
SEED: Final = 12_302_019
SESSION: Final = b"BENCH     "
PACKET_MESSAGES: Final = 38
AT_ONCE: Final = 256
"""Packets that wait in the socket's buffer, a third of what an unprivileged buffer holds."""
ROUNDS: Final = 40
MESSAGES: Final = AT_ONCE * ROUNDS * PACKET_MESSAGES
GATE_ROUNDS: Final = 400
DECODED: Final = 50_000
PEER: Final = "itchcpp, all attributes"


def rows(runs: int) -> list[Row]:
    """Nanoseconds of CPU per message."""
    data = DATA.read_bytes() if DATA.exists() else made()
    messages = list(split(data))
    packets = [encode_packet(SESSION, 1 + n * PACKET_MESSAGES, _chosen(messages, n)) for n in range(AT_ONCE * ROUNDS)]
    contenders: dict[str, Callable[[], float]] = {
        "ours": lambda: receive(packets),
        "C": lambda: c_receive(packets),
        "gate": lambda: judge(packets[:AT_ONCE]),
        "full": lambda: decode(messages),
    }
    if find_spec("itchcpp"):
        from bench.peers.itchcpp_fields import itchcpp_fields  # The peer is optional

        contenders[PEER] = lambda: itchcpp_fields(data * 10, 10 * len(messages))
    taken = in_turn(contenders, runs)
    floored = Series("recvmmsg loop in C", taken["C"])
    full = row(
        "feed: decode a message to all its fields",
        "ns/message",
        taken["full"],
        peer=Series(PEER, taken[PEER]) if PEER in taken else None,
    )
    if PEER not in taken:
        full["peer"] = missing(PEER)
    return [
        row("feed: receive packets of 38 messages", "ns/message", taken["ours"], floor=floored),
        row("feed: the gate, from a Python call", "ns/message", taken["gate"]),
        full,
    ]


def made() -> bytes:
    """Messages after the real file's mix, with fields of chance."""
    chance = Random(SEED)
    kinds = chance.sample(list(MIX), counts=list(MIX.values()), k=sum(MIX.values()))
    bodies = [kind.encode() + chance.randbytes(itch_messages.layouts()[kind].length - 1) for kind in kinds]
    return b"".join(len(body).to_bytes(2, "big") + body for body in bodies)


def receive(packets: list[bytes]) -> float:
    """Sockets, gate and session as a process polls them, to contiguous blocks."""
    line = UdpLine(UdpOptions(port=_free_port(), address="127.0.0.1"))
    session = MoldSession(start=1, lines=(0,), gate=load("cython").MoldGate())
    feed = NasdaqFeed(UdpSource([line]), session)
    spent = count = 0
    for batch in _sent(packets, line.socket):
        begin = process_time_ns()
        got = 0
        while got < batch:
            events = feed.poll()
            got += sum(event.count for event in events if isinstance(event, Messages))
            if not events:
                raise RuntimeError(f"received {count + got} messages, then nothing: {feed.status()}")
        spent += process_time_ns() - begin
        count += got
    feed.close()
    return spent / count


def c_receive(packets: list[bytes]) -> float:
    c = floor("feed")
    c.feed_receive.restype = ctypes.c_long
    line = UdpLine(UdpOptions(port=_free_port(), address="127.0.0.1"))
    following = ctypes.c_uint64(1)
    spent = count = 0
    for batch in _sent(packets, line.socket):
        begin = process_time_ns()
        got = c.feed_receive(line.socket.fileno(), ctypes.byref(following))
        spent += process_time_ns() - begin
        if got != batch:
            raise RuntimeError(f"the floor received {got} of {batch} messages")
        count += got
    line.close()
    return spent / count


def judge(packets: list[bytes]) -> float:
    gate: Any = load("cython").MoldGate()
    take = gate.take
    spent = 0
    for _ in range(GATE_ROUNDS):
        gate.open(SESSION, 1)
        begin = process_time_ns()
        for packet in packets:
            take(packet, 0, 1)
        spent += process_time_ns() - begin
    if gate.expected != 1 + len(packets) * PACKET_MESSAGES:
        raise RuntimeError(f"the gate expects {gate.expected}")
    return spent / (GATE_ROUNDS * len(packets) * PACKET_MESSAGES)


def decode(messages: list[bytes]) -> float:
    several = messages * (DECODED // len(messages))
    one = itch_messages.decode
    begin = process_time_ns()
    for message in several:
        one(message)
    return (process_time_ns() - begin) / len(several)


def _sent(packets: list[bytes], sock: socket.socket) -> Any:
    """Sends a batch of packets, gives how many messages are in it, and goes on when asked."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.connect(sock.getsockname())
        for begin in range(0, len(packets), AT_ONCE):
            batch = packets[begin : begin + AT_ONCE]
            for packet in batch:
                out.send(packet)
            yield len(batch) * PACKET_MESSAGES


def _chosen(messages: list[bytes], number: int) -> list[bytes]:
    """The next 38, around and around."""
    begin = number * PACKET_MESSAGES % len(messages)
    return (messages[begin:] + messages[:begin])[:PACKET_MESSAGES]


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
