"""A packet through AF_XDP beside the same packet through a socket (recvmmsg), over a veth pair of two namespaces.

One thread sends a batch and takes it off again, so the figure holds the whole way: the send, the link, the kernel's
work on either side, and the receiver's. The sends are the same. A veth pair has no card's queue and no driver's zero
copies: the figure says what the software costs, and nothing of what a card gains. It takes root.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from time import monotonic_ns, perf_counter_ns
from typing import Any, Final

from bench.feed import DATA, PACKET_MESSAGES, SESSION, made
from bench.measure import Row, Series, in_turn, row
from meltica.hot.udp import UdpLine, UdpOptions
from meltica.hot.xdp import XdpSocket
from meltica.venues.nasdaq.itch_messages import split
from meltica.venues.nasdaq.moldudp64 import encode_packet

NAME: Final = "feed: send and receive a packet, AF_XDP (veth, generic mode: no figure for a card)"
PEER: Final = "recvmmsg, kernel stamps"
GROUP, PORT = "239.77.40.1", 26477
AT_ONCE: Final = 64
"""Packets on their way: none is lost in either's buffers."""
ROUNDS: Final = 200
PATIENCE_NS: Final = 5_000_000_000
CLONE_NEWNET: Final = 0x40000000


def rows(runs: int) -> list[Row]:
    """Nanoseconds a packet; without root the row says so."""
    if os.geteuid() != 0:
        nothing = row(NAME, "ns/packet", [0.0])
        return [
            nothing
            | {
                "ours": None,
                "runs": 0,
                "peer": {"name": PEER, "value": None, "note": "not measured: network namespaces take root"},
            }
        ]
    taken = _in_namespaces(runs)
    return [row(NAME, "ns/packet", taken["xdp"], peer=Series(PEER, taken["udp"]))]


def _in_namespaces(runs: int) -> dict[str, list[float]]:
    far, near = f"mbf{os.getpid()}", f"mbn{os.getpid()}"
    with ExitStack() as undo:
        for name in (far, near):
            _ip("netns", "add", name)
            undo.callback(_ip, "netns", "del", name)
        _ip("link", "add", "mfar", "netns", far, "type", "veth", "peer", "name", "mnear", "netns", near)
        for name, interface, last in ((far, "mfar", 1), (near, "mnear", 2)):
            _ip("-n", name, "address", "add", f"10.77.0.{last}/24", "dev", interface)
            _ip("-n", name, "link", "set", interface, "up")
        command = ["ip", "netns", "exec", near, sys.executable, "-m", "bench.xdp", far, str(runs)]
        done = subprocess.run(command, cwd=Path(__file__).parents[1], check=True, capture_output=True, text=True)
    found: dict[str, list[float]] = json.loads(done.stdout)
    return found


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True, timeout=20)


def _measured(far: str, runs: int) -> dict[str, list[float]]:
    """In the near namespace."""
    out = _sender(far)
    messages = list(split(DATA.read_bytes() if DATA.exists() else made()))[:PACKET_MESSAGES]
    packet = encode_packet(SESSION, 1, messages)

    def through_xdp() -> float:
        with XdpSocket("mnear", [(GROUP, PORT)], generic_only=True) as source:
            return _time(out, packet, source.receiver)

    def through_udp() -> float:
        line = UdpLine(UdpOptions(port=PORT, group=GROUP, interface="mnear"))
        try:
            return _time(out, packet, line.receiver)
        finally:
            line.close()

    contenders: dict[str, Callable[[], float]] = {"xdp": through_xdp, "udp": through_udp}
    for contender in contenders.values():
        contender()  # Warm
    return in_turn(contenders, runs)


def _sender(far: str) -> socket.socket:
    """A socket belongs to the namespace that it was made in."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/self/ns/net").open() as here, Path(f"/run/netns/{far}").open() as there:
        if libc.setns(there.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        out.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("10.77.0.1"))
        out.connect((GROUP, PORT))
        if libc.setns(here.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
    return out


def _time(out: socket.socket, packet: bytes, receiver: Any) -> float:
    send, receive = out.send, receiver.receive
    spent = 0
    while receive(0):  # What the link itself said
        pass
    for _ in range(ROUNDS):
        begin = perf_counter_ns()
        for _ in range(AT_ONCE):
            send(packet)
        got, end = 0, monotonic_ns() + PATIENCE_NS
        while got < AT_ONCE:
            got += receive(0)
            if monotonic_ns() > end:
                raise RuntimeError(f"{got} of {AT_ONCE} packets arrived: {receiver.counters()}")
        spent += perf_counter_ns() - begin
    if receiver.packet(receiver.received - 1) != packet:
        raise RuntimeError("what arrived is not what was sent")
    return spent / (ROUNDS * AT_ONCE)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_measured(sys.argv[1], int(sys.argv[2]))))
