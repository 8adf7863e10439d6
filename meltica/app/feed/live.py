"""What ``record``, ``stats`` and ``replay`` share: lines, the feed over them, how it is counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

from meltica.domain.errors import FieldError
from meltica.hot.live import LiveSource
from meltica.hot.packets import PacketSource
from meltica.hot.udp import UdpLine, UdpOptions, UdpSource, is_multicast, parse_target
from meltica.hot.xdp import Place, XdpSource, XdpUnavailableError
from meltica.venues.nasdaq.feed import NasdaqFeed, RerequestSocket
from meltica.venues.nasdaq.mold_session import LINE_NAMES, MoldSession

Stamps = Literal["hardware", "kernel", "none"]
Receive = Literal["udp", "xdp", "auto"]

COUNTED: Final = ("packets", "wins", "messages", "duplicates", "leads", "lead_sum_ns", "lead_max_ns")


def open_lines(
    targets: Sequence[str],
    *,
    interface: str = "",
    interface_b: str = "",
    source: str = "",
    timestamps: Stamps = "kernel",
    busy_poll_us: int = 0,
    spin: bool = False,
    receive: Receive = "udp",
    xdp_queue: int = 0,
    xdp_queue_b: int | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> LiveSource:
    """Sockets for A and B; ``interface_b``, ``xdp_queue_b``: where B comes in, if elsewhere than A.

    ``receive``: udp, the kernel's sockets; xdp, past them; auto, xdp if it can be had: if not, ``say`` is told why.

    :raises FieldError: an address that is none.
    :raises UdpError: it can't be opened or joined.
    :raises XdpUnavailableError: AF_XDP can't be had, and nothing else was allowed.
    """
    lines = [parse_target(target) for target in targets]
    if not lines:
        raise FieldError("--a", "", "at least one line is needed")
    interfaces = (interface, interface_b or interface)
    queues = (xdp_queue, xdp_queue if xdp_queue_b is None else xdp_queue_b)
    why_not = ""
    if receive != "udp":
        places = [Place(*place) for place in zip(lines, interfaces, queues, strict=False)]
        try:
            return XdpSource(places, sender=source, spin=spin)
        except XdpUnavailableError as error:
            if receive == "xdp":
                raise
            why_not = str(error)
            say(f"{why_not}; going on with the kernel's sockets")
    opened: list[UdpLine] = []
    try:
        for (host, port), where in zip(lines, interfaces, strict=False):
            options = UdpOptions(
                port=port,
                group=host if is_multicast(host) else "",
                address=host,
                interface=where,
                source=source,
                timestamps=timestamps,
                busy_poll_us=busy_poll_us,
            )
            opened.append(UdpLine(options))
    except Exception:
        for line in opened:
            line.close()
        raise
    return UdpSource(opened, spin=spin, why_not_xdp=why_not)


def open_feed(source: PacketSource, *, count: int, rerequest: str = "", start: int | None = None) -> NasdaqFeed:
    """The feed over ``count`` live lines; ``rerequest``: the re-request server's address, or none."""
    asker = RerequestSocket(*parse_target(rerequest)) if rerequest else None
    session = MoldSession(start=start, lines=tuple(range(count)), can_request=asker is not None)
    return NasdaqFeed(source, session, asker)


def line_counts(feed: NasdaqFeed) -> dict[str, dict[str, Any]]:
    """Arbitration by line: who came first, how often, how far ahead."""
    gate = feed.session.gate
    counters = gate.counters()
    found: dict[str, dict[str, Any]] = {}
    for line, name in enumerate(LINE_NAMES):
        if not counters["packets"][line]:
            continue
        shown: dict[str, Any] = {key: counters[key][line] for key in COUNTED}
        leads = shown.pop("leads")
        total = shown.pop("lead_sum_ns")
        shown["lead_ns"] = {
            "timed": leads,
            "mean": round(total / leads) if leads else None,
            **percentiles(gate.lead_histogram(line)),
            "max": shown.pop("lead_max_ns") if leads else None,
        }
        shown.pop("lead_max_ns", None)
        found[name] = shown
    return found


def percentiles(histogram: Sequence[int]) -> dict[str, int | None]:
    """p50 and p99 of a histogram of powers of two: the bucket's upper bound, so at most twice the truth."""
    total = sum(histogram)
    found: dict[str, int | None] = {}
    for name, share in (("p50_below", 0.5), ("p99_below", 0.99)):
        passed = 0
        found[name] = None
        for bucket, count in enumerate(histogram):
            passed += count
            if total and passed >= share * total:
                found[name] = 1 << bucket
                break
    return found
