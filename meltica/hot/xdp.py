"""Packets past the kernel's network stack (AF_XDP), or through it when that cannot be had: the message says why.

An AF_XDP socket takes every packet of its queue, so the interface should carry nothing else, or the card should steer
the feed to a queue of its own (``ethtool -N``). The multicast groups are joined with an ordinary socket, because the
switch asks the kernel. Needs libxdp.so.1 (Debian: libxdp1) and CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF (or CAP_SYS_ADMIN).
"""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from meltica.domain.errors import MelticaError
from meltica.hot.live import LiveSource
from meltica.hot.udp import is_multicast, join

if TYPE_CHECKING:
    from cython_ext.xdp_receiver import XdpReceiver

Line = tuple[str, int]
"""IPv4 address (the multicast group) and port."""

NOT_PERMITTED: Final = "not permitted: it takes CAP_NET_ADMIN, CAP_NET_RAW and CAP_BPF (systemd: AmbientCapabilities=)"
REASONS: Final = {
    errno.EPERM: NOT_PERMITTED,
    errno.EACCES: NOT_PERMITTED,
    errno.ENODEV: "there is no such interface",
    errno.ENOENT: "there is no such interface",
    errno.EINVAL: "there is no such queue, or its rings can't hold so many frames",
    errno.EBUSY: "another AF_XDP socket or XDP program has the queue",
    errno.EOPNOTSUPP: "neither the driver nor the kernel supports it",
    errno.EAFNOSUPPORT: "the kernel was built without CONFIG_XDP_SOCKETS",
    errno.EPROTONOSUPPORT: "the kernel was built without CONFIG_XDP_SOCKETS",
}


class XdpUnavailableError(MelticaError):
    """AF_XDP can't be had on this host, interface or queue; the message says why and what to do."""


class XdpSocket:
    """A receiver on one queue, with the groups of its lines joined. Close it: the interface gets its traffic back.

    :raises XdpUnavailableError: the reason, in words.
    """

    def __init__(
        self,
        interface: str,
        lines: Sequence[Line],
        *,
        queue: int = 0,
        sender: str = "",
        frames: int = 4096,
        generic_only: bool = False,
    ) -> None:
        """``sender``: take the lines from this address alone (source-specific multicast)."""
        try:
            from cython_ext.xdp_receiver import XdpReceiver
        except ImportError as error:
            raise XdpUnavailableError(f"AF_XDP is not built ({error}): run `tools/bootstrap.sh dev`") from error
        self.interface, self.queue, self.targets = interface, queue, list(lines)
        wanted = [(ipaddress.IPv4Address(address).packed, port) for address, port in lines]
        source = ipaddress.IPv4Address(sender).packed if sender else b""
        if not interface or interface[0].isdigit():
            raise XdpUnavailableError(f"AF_XDP needs the interface by its name, not {interface!r}")
        try:
            self.receiver: XdpReceiver = XdpReceiver(
                interface, queue, wanted, frames=frames, generic_only=generic_only, sender=source
            )
        except FileNotFoundError as error:
            if error.errno is None:
                raise XdpUnavailableError(f"AF_XDP: {error}") from error
            raise XdpUnavailableError(_sentence(interface, queue, error)) from error
        except OSError as error:
            raise XdpUnavailableError(_sentence(interface, queue, error)) from error
        try:
            self._membership = _join(interface, lines, sender)
        except OSError as error:
            self.receiver.close()
            raise XdpUnavailableError(f"AF_XDP: can't join on {interface}: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fileno(self) -> int:
        return self.receiver.fileno()

    def status(self) -> dict[str, object]:
        """What was got, and what of the queue's packets was not for us."""
        counted = zip(self.targets, self.receiver.line_counters(), strict=True)
        return {
            "interface": self.interface,
            "queue": self.queue,
            "mode": self.receiver.mode(),
            **self.receiver.counters(),
            "lines": {f"{address}:{port}": counts for (address, port), counts in counted},
            "timestamps": "clock",  # One reading for a batch, when it was taken off the ring
        }

    def close(self) -> None:
        self.receiver.close()
        self._membership.close()


def _sentence(interface: str, queue: int, error: OSError) -> str:
    why = REASONS.get(error.errno or 0, error.strerror or str(error))
    return f"AF_XDP on queue {queue} of {interface}: {why}"


def _join(interface: str, lines: Sequence[Line], sender: str) -> socket.socket:
    """A socket that reads nothing: it is a member of the groups for as long as it is open."""
    index = socket.if_nametoindex(interface)
    member = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        for address in dict.fromkeys(address for address, _ in lines if is_multicast(address)):
            join(member, address, index=index, source=sender)
    except OSError:
        member.close()
        raise
    return member


class Place(NamedTuple):
    """Where a line comes in."""

    line: Line
    interface: str
    queue: int = 0


class XdpSource(LiveSource):
    """Lines past the kernel's stack. Those of the same queue share a socket: a queue can have but one."""

    kind = "xdp"

    def __init__(self, places: Sequence[Place], *, sender: str = "", spin: bool = False, frames: int = 4096) -> None:
        """:raises XdpUnavailableError: one of them can't be had; none is held then."""
        opened: list[XdpSocket] = []
        try:
            for (interface, queue), shared in groupby(places, key=lambda place: (place.interface, place.queue)):
                lines = [place.line for place in shared]
                opened.append(XdpSocket(interface, lines, queue=queue, sender=sender, frames=frames))
        except BaseException:
            for one in opened:
                one.close()
            raise
        super().__init__(opened, spin=spin)
