"""Packets past the kernel's network stack (AF_XDP), or through it when that cannot be had: the message says why.

An AF_XDP socket takes every packet of its queue, so the interface should carry nothing else, or the card should steer
the feed to a queue of its own (``ethtool -N``). The multicast groups are joined with an ordinary socket, because the
switch asks the kernel. Needs libxdp.so.1 (Debian: libxdp1) and CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF (or CAP_SYS_ADMIN).
"""

from __future__ import annotations

import errno
import ipaddress
import socket
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Self

from meltica.domain.errors import MelticaError

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
        self, interface: str, lines: Sequence[Line], *, queue: int = 0, frames: int = 4096, generic_only: bool = False
    ) -> None:
        try:
            from cython_ext.xdp_receiver import XdpReceiver
        except ImportError as error:
            raise XdpUnavailableError(f"AF_XDP is not built ({error}): run `tools/bootstrap.sh dev`") from error
        wanted = [(ipaddress.IPv4Address(address).packed, port) for address, port in lines]
        try:
            self.receiver: XdpReceiver = XdpReceiver(interface, queue, wanted, frames=frames, generic_only=generic_only)
        except FileNotFoundError as error:
            if error.errno is None:
                raise XdpUnavailableError(f"AF_XDP: {error}") from error
            raise XdpUnavailableError(_sentence(interface, queue, error)) from error
        except OSError as error:
            raise XdpUnavailableError(_sentence(interface, queue, error)) from error
        self._membership = _join(interface, lines)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.receiver.close()
        self._membership.close()


def _sentence(interface: str, queue: int, error: OSError) -> str:
    why = REASONS.get(error.errno or 0, error.strerror or str(error))
    return f"AF_XDP on queue {queue} of {interface}: {why}"


def _join(interface: str, lines: Sequence[Line]) -> socket.socket:
    """A socket that reads nothing: it is a member of the groups for as long as it is open."""
    member = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        index = socket.if_nametoindex(interface)
        for address in {address for address, _ in lines if ipaddress.IPv4Address(address).is_multicast}:
            # struct ip_mreqn: group, local address (any), index of the interface
            request = struct.pack("4s4si", socket.inet_aton(address), bytes(4), index)
            member.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
    except OSError:
        member.close()
        raise
    return member
