"""AF_XDP on a veth pair between two network namespaces of our own: real frames, real sockets, real libxdp.

Making a namespace takes root; without it there is nothing to test with, and the skip says so.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meltica.app.feed.live import open_lines
from meltica.hot.xdp import Place, XdpSocket, XdpSource, XdpUnavailableError
from meltica.venues.nasdaq.moldudp64 import encode_heartbeat, encode_packet

ROOT = Path(__file__).resolve().parents[2]
READER = Path(__file__).with_name("xdp_reader.py")
GROUP_A, GROUP_B, PORT = "233.54.12.111", "233.86.230.111", 26477
LINES = [(GROUP_A, PORT), (GROUP_B, PORT)]

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces take root; this user is not")


class Wire:
    """Two namespaces joined by a veth pair: ``far`` is where frames are put in, ``near`` is where they are read."""

    def __init__(self, far: str, near: str) -> None:
        self.far, self.near = far, near
        self.far_interface, self.near_interface = "mfar", "mnear"

    def reader(self, **wanted: Any) -> subprocess.Popen[str]:
        ask = json.dumps({"interface": self.near_interface, "lines": LINES, **wanted})
        return subprocess.Popen(
            ["ip", "netns", "exec", self.near, sys.executable, str(READER), ask],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    def put(self, *frames: bytes) -> None:
        """From a process in the far namespace, because a raw socket belongs to the namespace that it was made in."""
        program = (
            "import socket, sys, json\n"
            "s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)\n"
            f"s.bind(({self.far_interface!r}, 0))\n"
            "[s.send(bytes.fromhex(frame)) for frame in json.load(sys.stdin)]\n"
        )
        subprocess.run(
            ["ip", "netns", "exec", self.far, sys.executable, "-c", program],
            input=json.dumps([frame.hex() for frame in frames]),
            text=True,
            check=True,
            timeout=20,
        )


@pytest.fixture
def wire() -> Iterator[Wire]:
    if shutil.which("ip") is None:
        pytest.fail("the program ip is missing: tools/bootstrap.sh dev installs it (iproute2)")
    made = Wire(f"mxf{os.getpid()}", f"mxn{os.getpid()}")
    with contextlib.ExitStack() as undo:
        for name in (made.far, made.near):
            ip("netns", "add", name)
            undo.callback(ip, "netns", "del", name)
        ip("link", "add", made.far_interface, "netns", made.far, "type", "veth", "peer", "name", made.near_interface,
           "netns", made.near)  # fmt: skip
        for space, interface in ((made.far, made.far_interface), (made.near, made.near_interface)):
            ip("-n", space, "link", "set", "lo", "up")
            ip("-n", space, "link", "set", interface, "up", "mtu", "3000")
        yield made


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=20)


def ethernet(payload: bytes, *, group: str = GROUP_A, port: int = PORT, tags: bytes = b"", **odd: Any) -> bytes:
    """A UDP frame; ``odd`` spoils it: options, ttl_checksum, fragment, udp_length, protocol."""
    options = odd.get("options", b"")
    udp = struct.pack("!HHHH", 40000, port, odd.get("udp_length", 8 + len(payload)), 0) + payload
    header = struct.pack(
        "!BBHHHBBH4s4s",
        0x40 | (5 + len(options) // 4),
        0,
        20 + len(options) + len(udp),
        1,
        odd.get("fragment", 0),
        16,
        odd.get("protocol", 17),
        0,
        socket.inet_aton("10.1.2.3"),
        socket.inet_aton(group),
    )
    header += options
    checksum = odd.get("ip_checksum", checksum_of(header))
    header = header[:10] + struct.pack("!H", checksum) + header[12:]
    return bytes.fromhex("01005e000001") + bytes.fromhex("020000000001") + tags + b"\x08\x00" + header + udp


def checksum_of(header: bytes) -> int:
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def order(number: int) -> bytes:
    """An ITCH Add Order."""
    return struct.pack("!cHHHIQcI8sI", b"A", 17, 0, 0, number, number + 1, b"B", 100, b"ABCD    ", 10_000 + number)


def read(process: subprocess.Popen[str], go: str = "") -> list[dict[str, Any]]:
    """``go``: what a reader that waits is told."""
    output, _ = process.communicate(go, timeout=60)
    return [json.loads(line) for line in output.splitlines()]


@needs_root
def test_every_frame_of_our_lines_arrives_and_nothing_else(wire: Wire) -> None:
    good = [
        (0, b"first", ethernet(b"first")),
        (1, b"second line", ethernet(b"second line", group=GROUP_B)),
        (0, b"", ethernet(b"")),
        (0, b"tagged", ethernet(b"tagged", tags=bytes.fromhex("81000123"))),
        (0, b"twice tagged", ethernet(b"twice tagged", tags=bytes.fromhex("88a8000181000002"))),
        (0, b"options", ethernet(b"options", options=b"\x01\x01\x01\x00")),
        (1, bytes(range(256)) * 8, ethernet(bytes(range(256)) * 8, group=GROUP_B)),
    ]
    bad = [
        ethernet(b"other port", port=PORT + 1),
        ethernet(b"other group", group="233.54.12.112"),
        ethernet(b"tcp", protocol=6),
        ethernet(b"broken header", ip_checksum=0x1234),
        ethernet(b"a fragment", fragment=0x2000),
        ethernet(b"the last fragment", fragment=0x0010),
        ethernet(b"says more than there is", udp_length=200),
        ethernet(b"says less than a header", udp_length=7),
        bytes(60),
        b"\x01\x00\x5e\x00\x00\x01" + bytes(6) + b"\x81\x00",
    ]
    process = wire.reader(packets=len(good))
    assert process.stdout is not None
    mode = json.loads(process.stdout.readline())
    wire.put(*bad, *(frame for _, _, frame in good))
    *rows, last = read(process)
    assert mode["mode"] in ("driver, zero copy", "driver, copy", "generic, copy")
    assert [(row["line"], bytes.fromhex(row["payload"])) for row in rows] == [(line, data) for line, data, _ in good]
    counters = last["counters"]
    assert counters["packets"] == len(good)
    assert counters["bytes"] == sum(len(data) for _, data, _ in good)
    assert (counters["malformed"], counters["fragments"]) == (3, 2)
    assert counters["other_traffic"] >= 5  # The kernel's own neighbour discovery comes on top
    assert all(row["time_ns"] > 1_700_000_000 * 10**9 for row in rows)


@needs_root
def test_frames_are_given_back_so_that_a_small_ring_never_runs_dry(wire: Wire) -> None:
    count = 600
    process = wire.reader(packets=count, frames=64)
    assert process.stdout is not None
    assert "mode" in json.loads(process.stdout.readline())
    for begin in range(0, count, 30):  # Fewer at once than the ring holds
        wire.put(*(ethernet(number.to_bytes(4, "big")) for number in range(begin, begin + 30)))
    rows = [row for row in read(process) if "payload" in row]
    assert [int(row["payload"], 16) for row in rows] == list(range(count))


@needs_root
def test_what_a_small_ring_could_not_hold_is_counted(wire: Wire) -> None:
    process = wire.reader(packets=64, frames=64, waits=True)
    assert process.stdout is not None
    assert "mode" in json.loads(process.stdout.readline())
    wire.put(*(ethernet(number.to_bytes(4, "big")) for number in range(200)))
    *rows, last = read(process, "\n")
    got = [int(row["payload"], 16) for row in rows]
    assert got == list(range(len(got)))
    assert last["counters"]["packets"] + last["counters"]["other_traffic"] >= 64
    # Whatever the kernel itself sent on the link meanwhile was lost as well
    assert 200 - len(got) <= last["counters"]["kernel_drops"] <= 200 - len(got) + 64
    by_line = last["status"]["lines"]
    assert by_line[f"{GROUP_A}:{PORT}"] == {"packets": len(got), "bytes": 4 * len(got)}
    assert by_line[f"{GROUP_B}:{PORT}"] == {"packets": 0, "bytes": 0}


@needs_root
@pytest.mark.parametrize(("sender", "ours"), [("10.1.2.3", 2), ("10.1.2.4", 0)])
def test_packets_of_other_senders_are_passed_over(wire: Wire, sender: str, ours: int) -> None:
    process = wire.reader(packets=2, sender=sender, seconds=2, waits=True)
    assert process.stdout is not None
    assert "mode" in json.loads(process.stdout.readline())
    wire.put(ethernet(b"one"), ethernet(b"two", group=GROUP_B))
    *rows, last = read(process, "\n")
    assert [bytes.fromhex(row["payload"]) for row in rows] == [b"one", b"two"][:ours]
    assert last["counters"]["packets"] == ours


@needs_root
def test_the_market_loop_takes_both_lines_from_one_queue(wire: Wire, tmp_path: Path) -> None:
    """What is next goes to the books; what is not names its packet, and the loop goes on behind it."""
    process = wire.reader(market=str(tmp_path), waits=True)
    assert process.stdout is not None
    assert "mode" in json.loads(process.stdout.readline())
    packets = [
        encode_packet(b"SESSION001", 1 + 3 * number, [order(3 * number + n) for n in range(3)]) for number in range(5)
    ]
    heartbeat = encode_heartbeat(b"SESSION001", 10)
    a, b = [ethernet(one) for one in packets], [ethernet(one, group=GROUP_B) for one in packets]
    # A has lost its second, B its first; the heartbeat comes on B
    wire.put(a[0], b[1], a[2], b[2], ethernet(heartbeat, group=GROUP_B), b[3], a[3], a[4], b[4])
    (found,) = read(process, "\n")
    assert found["stopped"] == {"line": 0, "at": 4, "its": 1, "payload": heartbeat.hex()}
    assert found["end"] == 9
    assert found["words"] == {"FEED_MESSAGES": 15, "FEED_PACKETS": 8, "FEED_SEQUENCE": 16}
    assert found["gate"]["packets"][:2] == [4, 4]
    assert found["gate"]["wins"][:2] == [3, 2]
    assert found["gate"]["duplicates"][:2] == [1, 2]
    assert found["last_line"] == 0


@needs_root
def test_a_queue_that_is_taken_is_named(wire: Wire) -> None:
    first = wire.reader(packets=1)
    assert first.stdout is not None
    assert "mode" in json.loads(first.stdout.readline())
    (said,) = read(wire.reader(packets=1))
    assert "another AF_XDP socket or XDP program has the queue" in said["unavailable"]
    wire.put(ethernet(b"end"))
    assert read(first)[0]["payload"] == b"end".hex()


@needs_root
def test_the_interface_gets_its_traffic_back(wire: Wire) -> None:
    process = wire.reader(packets=1)
    assert process.stdout is not None
    process.stdout.readline()
    wire.put(ethernet(b"end"))
    read(process)
    shown = subprocess.run(
        ["ip", "-n", wire.near, "-d", "link", "show", wire.near_interface], check=True, capture_output=True, text=True
    )
    assert "xdp" not in shown.stdout


@needs_root
def test_without_the_library_the_message_says_what_to_install() -> None:
    library = next(Path("/usr/lib").rglob("libxdp.so.1*"), None)
    assert library is not None, "libxdp1 is missing: tools/bootstrap.sh dev installs it"
    ask = json.dumps({"interface": "lo", "lines": LINES, "packets": 1})
    hidden = f'mount --bind /dev/null {library.resolve()} && exec "$@"'  # In a mount namespace of its own
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", hidden, "sh", sys.executable, str(READER), ask],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=60,
    )
    assert json.loads(done.stdout)["unavailable"] == "AF_XDP: libxdp.so.1 does not load: install libxdp1"


@needs_root
def test_without_the_capabilities_the_message_names_them() -> None:
    ask = json.dumps({"interface": "lo", "lines": LINES, "packets": 1})
    done = subprocess.run(
        ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all", sys.executable, str(READER), ask],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=60,
    )
    assert "CAP_NET_ADMIN, CAP_NET_RAW and CAP_BPF" in json.loads(done.stdout)["unavailable"]


def test_an_interface_that_is_not_there_is_named() -> None:
    with pytest.raises(XdpUnavailableError, match="queue 0 of nosuch0: "):
        XdpSocket("nosuch0", LINES)


@pytest.mark.parametrize("interface", ["", "127.0.0.1"])
def test_an_interface_is_wanted_by_its_name(interface: str) -> None:
    with pytest.raises(XdpUnavailableError, match=f"AF_XDP needs the interface by its name, not '{interface}'"):
        XdpSocket(interface, LINES)


@pytest.mark.parametrize("receive", ["auto", "xdp"])
def test_without_an_interface_auto_goes_on_and_xdp_ends(receive: Any) -> None:
    said: list[str] = []
    if receive == "xdp":
        with pytest.raises(XdpUnavailableError, match="by its name"):
            open_lines(["127.0.0.1:26999"], receive=receive, say=said.append)
        assert said == []
        return
    source = open_lines(["127.0.0.1:26999"], receive=receive, say=said.append)
    source.close()
    (line,) = said
    assert line == "AF_XDP needs the interface by its name, not ''; going on with the kernel's sockets"
    assert source.targets == [("127.0.0.1", 26999)]


def test_one_socket_that_fails_closes_the_others() -> None:
    with pytest.raises(XdpUnavailableError, match="nosuch1"):
        XdpSource([Place(LINES[0], "nosuch1"), Place(LINES[1], "nosuch1", 1)])


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({"frames": 100}, "frames 100 is no power of two"),
        ({"frames": 32}, "frames 32 is no power of two"),
        ({"lines": []}, "0 lines are not within"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_opened(arguments: dict[str, Any], what: str) -> None:
    lines = arguments.pop("lines", LINES)
    with pytest.raises(ValueError, match=what):
        XdpSocket("lo", lines, **arguments)
