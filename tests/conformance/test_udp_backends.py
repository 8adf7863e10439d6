"""Both packet receivers over loopback: the same packets, lengths, times and counts; and both gates gather alike."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from meltica.domain.errors import FieldError
from meltica.hot import load
from meltica.hot.udp import SO_RXQ_OVFL, SO_TIMESTAMPING, UdpError, UdpLine, UdpOptions, UdpSource, parse_target
from meltica.venues.nasdaq.moldudp64 import encode_heartbeat, encode_packet

SESSION = b"GATHER    "
BACKENDS = ("python", "cython")


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest):
    return load(request.param)


@pytest.fixture(scope="module", autouse=True)
def kernel_stamps():
    """The kernel begins to stamp a while after the first socket wishes it, and ends after the last one."""
    with bound() as sock:
        receiver = load("cython").UdpReceiver(sock.fileno())
        for _ in range(1_000):
            send(sock, b"")
            receiver.receive(1_000_000_000)
            if receiver.counters()["stamped_by_kernel"]:
                break
            time.sleep(0.01)
        yield


def bound(buffer_bytes: int = 1 << 20, stamps: bool = True) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
    sock.setsockopt(socket.SOL_SOCKET, SO_RXQ_OVFL, 1)
    if stamps:
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, 1 << 3 | 1 << 4)
    sock.bind(("127.0.0.1", 0))
    sock.setblocking(False)
    return sock


def send(sock: socket.socket, *payloads: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        for payload in payloads:
            out.sendto(payload, sock.getsockname())


def everything(receiver) -> list[tuple[bytes, bool]]:
    found = []
    while count := receiver.receive(50_000_000):
        found += [(receiver.packet(number), receiver.is_cut(number)) for number in range(count)]
    return found


def test_packets_in_order_over_many_batches(backend):
    with bound() as sock:
        receiver = backend.UdpReceiver(sock.fileno(), 8, 64)
        assert receiver.receive(0) == 0
        payloads = [b"%d" % number * (number % 20) for number in range(30)]
        before = time.time_ns()
        send(sock, *payloads)
        assert [data for data, _ in everything(receiver)] == payloads
        counters = receiver.counters()
        assert (counters["packets"], counters["bytes"]) == (30, sum(map(len, payloads)))
        assert (counters["stamped_by_kernel"], counters["kernel_drops"], counters["cut"]) == (30, 0, 0)
        send(sock, b"last")
        assert receiver.receive(1_000_000_000) == 1
        assert before <= receiver.time_ns(0) <= time.time_ns()


def test_a_packet_longer_than_the_frame_is_said_to_be_cut(backend):
    with bound() as sock:
        receiver = backend.UdpReceiver(sock.fileno(), 4, 64)
        send(sock, b"x" * 64, b"y" * 65, b"z")
        assert everything(receiver) == [(b"x" * 64, False), (b"y" * 64, True), (b"z", False)]
        assert receiver.counters()["cut"] == 1


def test_without_the_kernels_times_there_is_our_clock(backend):
    with bound(stamps=False) as sock:
        receiver = backend.UdpReceiver(sock.fileno())
        before = time.time_ns()
        send(sock, b"x")
        assert receiver.receive(1_000_000_000) == 1
        assert before <= receiver.time_ns(0) <= time.time_ns()
        assert receiver.counters()["stamped_by_clock"] == 1


def test_what_the_kernel_dropped_is_counted(backend):
    with bound(buffer_bytes=4_096) as sock:
        receiver = backend.UdpReceiver(sock.fileno(), 8, 2_048)
        for _ in range(3):
            send(sock, *[bytes(1_000)] * 50)
            everything(receiver)
        send(sock, b"tells how many")  # The count comes with the next packet.
        everything(receiver)
        counters = receiver.counters()
        assert counters["packets"] + counters["kernel_drops"] == 151
        assert counters["kernel_drops"] > 0


@pytest.mark.parametrize("spin", [False, True])
def test_waiting_ends_with_a_packet_or_with_the_time(backend, spin: bool):
    with bound() as sock:
        receiver = backend.UdpReceiver(sock.fileno())
        begin = time.monotonic()
        assert receiver.receive(30_000_000, spin) == 0
        assert time.monotonic() - begin >= 0.03
        thread = threading.Timer(0.05, send, (sock, b"x"))
        thread.start()
        assert receiver.receive(10_000_000_000, spin) == 1
        thread.join()
        thread = threading.Timer(0.15, send, (sock, b"y"))
        thread.start()
        assert receiver.receive(-1, spin) == 1
        thread.join()


def test_wrong_arguments(backend):
    with bound() as sock:
        for batch, frame in ((0, 2_048), (1_025, 2_048), (8, 63), (8, 65_537)):
            with pytest.raises(ValueError, match="is not within"):
                backend.UdpReceiver(sock.fileno(), batch, frame)
        receiver = backend.UdpReceiver(sock.fileno())
        for ask in (receiver.packet, receiver.time_ns, receiver.is_cut):
            for number in (-1, 0):
                with pytest.raises(IndexError):
                    ask(number)


def test_a_closed_socket_is_an_error():
    sock = bound()
    receiver = load("cython").UdpReceiver(sock.fileno())
    sock.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        receiver.receive(0)


def test_both_gates_gather_alike():
    payloads = [
        encode_packet(SESSION, 1, [b"a", b"bb"]),
        encode_packet(SESSION, 1, [b"a", b"bb"]),
        encode_packet(SESSION, 3, [b"c"]),
        encode_packet(SESSION, 5, [b"e"]),
        encode_packet(SESSION, 4, [b"d" * 100]),
        encode_packet(SESSION, 4, [b"d"]),
        encode_heartbeat(SESSION, 5),
        encode_packet(SESSION, 5, [b"e"])[:-1],
    ]
    seen = []
    for name in BACKENDS:
        module = load(name)
        with bound() as sock:
            receiver = module.UdpReceiver(sock.fileno(), 16, 64)
            send(sock, *payloads)
            time.sleep(0.05)
            assert receiver.receive(1_000_000_000) == len(payloads)
            gate = module.MoldGate()
            gate.open(SESSION, 1)
            steps = []
            for first in (0, 3, 4, 5, 6, 7, 8):
                number, block, messages, time_ns = gate.gather(receiver, first, 1)
                assert time_ns == (receiver.time_ns(number - 1) if messages else 0)
                steps.append((number, block, messages, gate.expected))
            counters = gate.counters()
            assert counters.pop("last_ns")[1] == receiver.time_ns(7)
            counters.pop("lead_sum_ns")
            counters.pop("lead_max_ns")
            seen.append((steps, counters))
    assert seen[0] == seen[1]
    assert seen[0][0][0] == (3, b"\0\1a\0\2bb\0\1c", 3, 4)
    assert seen[0][0][1][0] == 3, "a gap stops it"
    assert seen[0][0][2][0] == 4, "a packet that was cut stops it"
    assert seen[0][0][3] == (6, b"\0\1d", 1, 5)
    with bound() as sock:
        for name in BACKENDS:
            module = load(name)
            receiver = module.UdpReceiver(sock.fileno())
            for first, line in ((-1, 0), (0, 4), (0, -1)):
                with pytest.raises(ValueError, match="out of range"):
                    module.MoldGate().gather(receiver, first, line)


class TestLines:
    def test_multicast_is_joined_and_nothing_else_comes(self):
        with UdpSourceOf(("239.77.9.1", "239.77.9.2")) as (source, ports):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
                out.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
                out.sendto(b"to A", ("239.77.9.1", ports[0]))
                out.sendto(b"to a group that nobody joined", ("239.77.9.3", ports[0]))
                out.sendto(b"to B", ("239.77.9.2", ports[1]))
            found = []
            while packets := source.receive(100_000_000):
                found += [(one.line, one.payload) for one in packets]
            assert found == [(0, b"to A"), (1, b"to B")]
            status = source.status()["line_0"]
            assert status["packets"] == 1
            assert status["timestamps"] == "kernel"
            assert status["receive_buffer_bytes"] > 0

    def test_only_from_the_wanted_sender(self):
        for interface in ("127.0.0.1", "lo"):
            for sender, expected in (("127.0.0.1", [b"x"]), ("127.0.0.9", [])):
                with UdpSourceOf(("232.77.9.1",), interface=interface, source=sender) as (source, ports):
                    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
                        out.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
                        out.sendto(b"x", ("232.77.9.1", ports[0]))
                    assert [one.payload for one in source.receive(100_000_000)] == expected

    def test_unicast_and_options(self):
        options = UdpOptions(port=free_port(), address="127.0.0.1", busy_poll_us=5, receive_buffer_bytes=1 << 16)
        line = UdpLine(options)
        source = UdpSource([line], spin=True)
        send(line.socket, b"x")
        assert [one.payload for one in source.receive(1_000_000_000)] == [b"x"]
        assert source.receive(1_000_000) == []
        assert line.status()["receive_buffer_bytes"] == 1 << 16
        source.close()
        assert source.ended
        assert source.receive(-1) == []

    def test_cards_that_can_not_stamp_say_so(self):
        for interface in ("lo", "127.0.0.1"):
            line = UdpLine(UdpOptions(port=free_port(), group="239.77.9.4", interface=interface, timestamps="hardware"))
            send(line.socket, b"")
            assert line.status()["why_not_hardware"]
            line.close()
        with UdpSourceOf(("239.77.9.4",), timestamps="none") as (source, _):
            assert source.status()["line_0"]["why_not_hardware"] is None

    def test_what_can_not_be_opened(self):
        for options, why in (
            (UdpOptions(port=free_port(), group="239.77.9.5", interface="nosuch0"), "239.77.9.5:.* on nosuch0"),
            (UdpOptions(port=free_port(), address="192.0.2.1"), "192.0.2.1:"),
        ):
            with pytest.raises(UdpError, match=why):
                UdpLine(options)

    def test_addresses(self):
        assert parse_target("239.1.1.1:26477") == ("239.1.1.1", 26_477)
        for bad in ("", "239.1.1.1", "239.1.1.1:", "239.1.1.1:0", "239.1.1.1:65536", "host:1", "1.2.3.4:x", ":5"):
            with pytest.raises(FieldError, match="address"):
                parse_target(bad)


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class UdpSourceOf:
    """Lines of these groups, closed at the end."""

    def __init__(self, groups: tuple[str, ...], interface: str = "127.0.0.1", **options: str) -> None:
        self._options = [UdpOptions(port=free_port(), group=one, interface=interface, **options) for one in groups]

    def __enter__(self) -> tuple[UdpSource, list[int]]:
        self._source = UdpSource([UdpLine(options) for options in self._options])
        return self._source, [options.port for options in self._options]

    def __exit__(self, *_: object) -> None:
        self._source.close()
