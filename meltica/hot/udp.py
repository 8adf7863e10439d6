"""Live UDP: sockets that join their groups, and say what they really got; a packet source over one or two of them."""

from __future__ import annotations

import ctypes
import fcntl
import ipaddress
import socket
from collections.abc import Sequence
from struct import Struct
from typing import Final, Literal

import msgspec

from meltica.domain.errors import FieldError, MelticaError
from meltica.hot import UdpReceiver
from meltica.hot.live import LiveSource

# What Python's socket module does not name; Linux's numbers.
SO_RCVBUFFORCE: Final = 33
SO_TIMESTAMPING: Final = 37
SO_RXQ_OVFL: Final = 40
SO_BUSY_POLL: Final = 46
IP_MULTICAST_ALL: Final = 49
IP_ADD_SOURCE_MEMBERSHIP: Final = 39
MCAST_JOIN_SOURCE_GROUP: Final = 46
SIOCSHWTSTAMP: Final = 0x89B0
RX_HARDWARE, RX_SOFTWARE, REPORT_SOFTWARE, REPORT_RAW_HARDWARE = 1 << 2, 1 << 3, 1 << 4, 1 << 6
FILTER_ALL: Final = 1
MAX_PORT: Final = 65535

_MREQN: Final = Struct("=4s4si")
_MREQ_SOURCE: Final = Struct("=4s4s4s")
_SOCKADDR: Final = Struct("=H2s4s120x")
_GROUP_SOURCE: Final = Struct("=I4x128s128s")


class UdpError(MelticaError):
    """The machine's fault, or the configuration's: a socket that can't be opened, bound or joined."""


class UdpOptions(msgspec.Struct, frozen=True, kw_only=True):
    port: int
    group: str = ""
    """The multicast group to join; empty: plain unicast."""
    address: str = ""
    """To bind to; empty: the group, or any."""
    interface: str = ""
    """Name or address of the interface to join on; empty: as the routes say."""
    source: str = ""
    """Take the group from this sender alone (source-specific multicast)."""
    receive_buffer_bytes: int = 16 << 20
    busy_poll_us: int = 0
    """How long a blocking receive polls the card's queue before it sleeps (SO_BUSY_POLL)."""
    timestamps: Literal["hardware", "kernel", "none"] = "kernel"
    batch: int = 64
    frame_bytes: int = 2_048


def parse_target(text: str) -> tuple[str, int]:
    """``address:port``.

    :raises FieldError: it is not.
    """
    host, _, port = text.rpartition(":")
    try:
        ipaddress.IPv4Address(host)
        number = int(port)
    except ValueError:
        raise FieldError("address", text, "an IPv4 address and a port, as in 239.1.1.1:26477") from None
    if not 0 < number <= MAX_PORT:
        raise FieldError("address", text, f"a port is 1 to {MAX_PORT}")
    return host, number


def is_multicast(address: str) -> bool:
    return ipaddress.IPv4Address(address).is_multicast


def join(member: socket.socket, group: str, *, local: bytes = bytes(4), index: int = 0, source: str = "") -> None:
    """On the interface with this index, or of this address; from one sender alone if it is named.

    :raises OSError: the kernel refuses.
    """
    if not source:
        membership = _MREQN.pack(socket.inet_aton(group), local, index)
        member.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
    elif index:
        addresses = (_SOCKADDR.pack(socket.AF_INET, b"", socket.inet_aton(ip)) for ip in (group, source))
        member.setsockopt(socket.IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP, _GROUP_SOURCE.pack(index, *addresses))
    else:
        wish = _MREQ_SOURCE.pack(socket.inet_aton(group), local, socket.inet_aton(source))
        member.setsockopt(socket.IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, wish)


class UdpLine:
    """One socket with its receiver."""

    def __init__(self, options: UdpOptions) -> None:
        """:raises UdpError: see there."""
        self.options = options
        self.why_not_hardware = ""
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._set_up()
            self.receiver = UdpReceiver(self.socket.fileno(), options.batch, options.frame_bytes)
        except OSError as error:
            self.socket.close()
            where = f"{options.group or options.address or '0.0.0.0'}:{options.port}"  # noqa: S104 - words, no socket
            on = f" on {options.interface}" if options.interface else ""
            raise UdpError(f"can't receive {where}{on}: {error.strerror or error}") from error

    @property
    def targets(self) -> list[tuple[str, int]]:
        host, port = self.socket.getsockname()
        return [(str(host), int(port))]

    def fileno(self) -> int:
        return self.socket.fileno()

    def status(self) -> dict[str, object]:
        """What was asked for and what was got."""
        counters = self.receiver.counters()
        stamped = {name: counters[f"stamped_by_{name}"] for name in ("hardware", "kernel", "clock")}
        return {
            "address": "{}:{}".format(*self.socket.getsockname()),
            "group": self.options.group or None,
            **counters,
            "timestamps": max(stamped, key=lambda name: stamped[name]) if any(stamped.values()) else None,
            "why_not_hardware": self.why_not_hardware or None,
            # The kernel doubles what it is asked for, to have room for its own bookkeeping.
            "receive_buffer_bytes": self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2,
            "receive_buffer_asked": self.options.receive_buffer_bytes,
            "busy_poll_us": self.socket.getsockopt(socket.SOL_SOCKET, SO_BUSY_POLL),
        }

    def close(self) -> None:
        self.socket.close()

    def _set_up(self) -> None:
        options, sock = self.options, self.socket
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._try(SO_RCVBUFFORCE, options.receive_buffer_bytes) or self._try(
            socket.SO_RCVBUF, options.receive_buffer_bytes
        )
        self._try(SO_RXQ_OVFL, 1)
        if options.busy_poll_us:
            self._try(SO_BUSY_POLL, options.busy_poll_us)
        # Otherwise the socket gets every group that anybody on this machine has joined at this port.
        sock.setsockopt(socket.IPPROTO_IP, IP_MULTICAST_ALL, 0)
        sock.bind((options.address or options.group, options.port))
        if options.group:
            self._join()
        if options.timestamps != "none":
            self._stamp()

    def _try(self, option: int, value: int) -> bool:
        """Options that need rights, or a newer kernel; what became of them is in ``status``."""
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, option, value)
        except OSError:
            return False
        return True

    def _join(self) -> None:
        options = self.options
        try:
            local, index = socket.inet_aton(options.interface) if options.interface else bytes(4), 0
        except OSError:
            local, index = bytes(4), socket.if_nametoindex(options.interface)
        join(self.socket, options.group, local=local, index=index, source=options.source)

    def _stamp(self) -> None:
        """Receive times by the card if it can, else by the kernel."""
        flags = RX_SOFTWARE | REPORT_SOFTWARE
        if self.options.timestamps == "hardware":
            self.why_not_hardware = self._card_stamps()
            if not self.why_not_hardware:
                flags |= RX_HARDWARE | REPORT_RAW_HARDWARE
        self._try(SO_TIMESTAMPING, flags)

    def _card_stamps(self) -> str:
        """Tell the card to stamp every packet; why that can't be, or nothing."""
        name = self.options.interface
        if not name or name[0].isdigit():
            return "the interface's name is needed"
        config = ctypes.create_string_buffer(Struct("=iii").pack(0, 0, FILTER_ALL), 12)
        request = Struct("@16sP").pack(name.encode(), ctypes.addressof(config)) + bytes(16)
        try:
            fcntl.ioctl(self.socket.fileno(), SIOCSHWTSTAMP, request)
        except OSError as error:
            return f"{name}: {error.strerror}"
        return ""


class UdpSource(LiveSource):
    """Lines through the kernel's sockets."""

    kind = "udp"

    def __init__(self, lines: Sequence[UdpLine], *, spin: bool = False, why_not_xdp: str = "") -> None:
        """``why_not_xdp``: AF_XDP was wished for; the status says why it can't be had."""
        super().__init__(lines, spin=spin)
        self.lines = list(lines)
        self.why_not_xdp = why_not_xdp

    def status(self) -> dict[str, object]:
        return super().status() | ({"why_not_xdp": self.why_not_xdp} if self.why_not_xdp else {})
