"""``meltica feed``: look at market data files, decode them, and record, replay and watch the live feed."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from meltica.app.commands.terminal import examples
from meltica.app.feed import decode as feed_decode
from meltica.app.feed import live as feed_live
from meltica.app.feed import record as feed_record
from meltica.app.feed import replay as feed_replay
from meltica.app.feed import stats as feed_stats
from meltica.app.feed.summary import summary as summarize
from meltica.domain.errors import FieldError
from meltica.ticks.itch_segments import SegmentWriter
from meltica.venues.nasdaq.itch_messages import DEFAULT_REVISION, REVISIONS

MEGABYTE: Final = 1 << 20

app = typer.Typer(help="Market data: look at recordings; record, replay and watch the live feed.", no_args_is_help=True)


class Stamps(Enum):
    HARDWARE = "hardware"
    KERNEL = "kernel"
    NONE = "none"


class Receivers(Enum):
    UDP = "udp"
    XDP = "xdp"
    AUTO = "auto"


FILE_HELP = "A capture (pcap, pcapng), an ITCH 5.0 file, or one direction of a SoupBinTCP stream; plain or gzip."
LineA = Annotated[str, typer.Option("--a", help="Line A: address:port, multicast or this machine's.", metavar="A")]
LineB = Annotated[str, typer.Option("--b", help="Line B, the same messages again.", metavar="B")]
Interface = Annotated[str, typer.Option(help="Interface to join on: its name, or its IPv4 address.")]
InterfaceB = Annotated[str, typer.Option(help="The interface of line B, if it is another one.")]
ReceiveBy = Annotated[
    Receivers,
    typer.Option("--receive", help="udp: the kernel's sockets; xdp: past them (AF_XDP); auto: xdp if it can be had."),
]
Queue = Annotated[int, typer.Option("--xdp-queue", min=0, help="The card's queue that the feed is steered to.")]
QueueB = Annotated[int | None, typer.Option("--xdp-queue-b", min=0, help="The queue of line B, if another one.")]
Sender = Annotated[str, typer.Option("--source", help="Take the groups from this sender alone.")]
Rerequest = Annotated[str, typer.Option(help="The re-request server, address:port; without it a gap is lost at once.")]
Timestamps = Annotated[Stamps, typer.Option(help="Who says when a packet came: the card, the kernel, or our clock.")]
Seconds = Annotated[float, typer.Option(min=0, help="Stop after so long; 0: at the end of the session, or Ctrl-C.")]
BusyPoll = Annotated[int, typer.Option(min=0, help="Microseconds to poll the card's queue before sleeping.")]


@app.command(epilog=examples("meltica feed summary recording.gz"))
def summary(file: Annotated[Path, typer.Argument(help="A Binance recording or an ITCH 5.0 file.")]) -> None:
    """Print one JSON object: messages by type, times, gaps, and each book as it is at the end."""
    found = summarize(file)
    print(json.dumps(found, indent=2))
    if found["error"]:
        print(f"meltica: {found['error']}", file=sys.stderr)
        raise typer.Exit(1)


@app.command(epilog=examples("meltica feed decode capture.pcap | head -n 3"))
def decode(
    file: Annotated[Path, typer.Argument(help=FILE_HELP)],
    protocol: Annotated[str, typer.Option(help=f"One of {', '.join(feed_decode.PROTOCOLS)}.")] = "auto",
    revision: Annotated[str, typer.Option(help=f"Of ITCH 5.0: {' or '.join(REVISIONS)}.")] = DEFAULT_REVISION,
) -> None:
    """Print every message as a line of JSON, every field named as in the specification.

    Captures: MoldUDP64 with ITCH over UDP, SoupBinTCP with OUCH over TCP (put
    back in order, repeats dropped); each line also has the capture time, VLAN and
    addresses, session and sequence number. What can't be read becomes a line with
    "error" that says what and where; the rest goes on, and the exit code is 1.
    """
    bad = 0
    out = sys.stdout.buffer
    encoder = msgspec.json.Encoder()
    try:
        for line in feed_decode.decode(file, protocol, revision):
            bad += "error" in line
            out.write(encoder.encode(line) + b"\n")
        out.flush()
    except BrokenPipeError:
        # Whoever reads has seen enough (`| head`); what Python would still flush goes nowhere.
        sys.stdout = None
        raise typer.Exit(1 if bad else 0) from None
    if bad:
        print(f"meltica: {file}: {bad} {'line has' if bad == 1 else 'lines have'} an error", file=sys.stderr)
        raise typer.Exit(1)


@app.command(epilog=examples("meltica feed record day --a 233.54.12.111:26477 --seconds 60"))
def record(
    folder: Annotated[Path, typer.Argument(help="Where the files go; made if it is not there.")],
    *,
    a: LineA,
    b: LineB = "",
    interface: Interface = "",
    interface_b: InterfaceB = "",
    receive: ReceiveBy = Receivers.UDP,
    xdp_queue: Queue = 0,
    xdp_queue_b: QueueB = None,
    source: Sender = "",
    rerequest: Rerequest = "",
    timestamps: Timestamps = Stamps.KERNEL,
    seconds: Seconds = 0,
    messages: Annotated[int, typer.Option(min=0, help="Stop after so many; 0: no limit.")] = 0,
    rotate_mb: Annotated[int, typer.Option(min=1, help="Begin the next file at so many megabytes.")] = 1024,
    packets: Annotated[bool, typer.Option("--packets", help="Also write every packet of both lines to pcap.")] = False,
    from_start: Annotated[bool, typer.Option(help="Ask for the session's messages from number 1 on.")] = False,
) -> None:
    """Record the live feed to ITCH files, each with an index of sequence numbers and receive times.

    Both lines are arbitrated: each message once, in order; what is lost is in
    the index. A file is renamed from .part when it is whole and on disk. After
    a crash the next recording finishes what was left, cut back to the last
    whole block. Ends with the session, after --seconds or --messages, or with
    Ctrl-C.
    """
    finished = feed_record.recover_folder(folder)
    for path in finished:
        print(f"finished {path.name}, left by an earlier recording", file=sys.stderr)
    lines = feed_live.open_lines(
        _lines(a, b),
        interface=interface,
        interface_b=interface_b,
        receive=receive.value,
        xdp_queue=xdp_queue,
        xdp_queue_b=xdp_queue_b,
        source=source,
        timestamps=timestamps.value,
        say=_say,
    )
    writer = SegmentWriter(folder, rotate_mb * MEGABYTE)
    tee = feed_record.PacketTee(lines, folder, rotate_mb * MEGABYTE) if packets else None
    feed = feed_live.open_feed(
        tee or lines, count=len(lines.targets), rerequest=rerequest, start=1 if from_start else None
    )
    recorder = feed_record.Recorder(feed, writer, _say)
    try:
        with _interrupts(recorder):
            recorder.run(seconds, messages)
    finally:
        writer.finish()
        status = lines.status()
        feed.close()
    captures = [path.name for path in tee.finished] if tee else []
    print(json.dumps({**recorder.summary(), "captures": captures, "source": status}, indent=2))


@app.command(epilog=examples("meltica feed replay day.itch --to 127.0.0.1:26477 --speed max"))
def replay(
    file: Annotated[Path, typer.Argument(help="An ITCH 5.0 file, or a capture of the feed.")],
    *,
    to: Annotated[str, typer.Option(help="Line A: address:port to publish to.")],
    to_b: Annotated[str, typer.Option(help="Line B: the same packets again.")] = "",
    speed: Annotated[str, typer.Option(help="1: as recorded; 10: ten times as fast; max: as fast as it goes.")] = "1",
    session: Annotated[str, typer.Option(help="The session's name, up to ten letters.")] = "REPLAY",
    rerequest: Annotated[str, typer.Option(help="Also answer re-requests at this address:port.")] = "",
    interface: Annotated[str, typer.Option(help="IPv4 address of the interface to publish on.")] = "",
    ttl: Annotated[int, typer.Option(min=0, max=255, help="Routers that multicast may pass.")] = 1,
    linger: Annotated[float, typer.Option(min=0, help="Seconds to serve re-requests after the end.")] = 1.0,
) -> None:
    """Publish a recording as MoldUDP64, with heartbeats, an end of session and, if asked for, a re-request server.

    The pace is that of the messages' timestamps (of a capture: of its capture
    times).
    """
    factor = feed_replay.parse_speed(speed)
    publication = feed_replay.Publication(
        _lines(to, to_b), feed_replay.new_publisher(session), interface=interface, ttl=ttl, rerequest=rerequest
    )
    try:
        found = feed_replay.replay(file, publication, factor, linger)
    except KeyboardInterrupt:
        print("meltica: interrupted; the session was ended", file=sys.stderr)
        raise typer.Exit(130) from None
    finally:
        publication.close()
    print(json.dumps(found, indent=2))


@app.command(epilog=examples("meltica feed stats --a 233.54.12.111:26477 --b 233.54.12.112:26477"))
def stats(
    file: Annotated[
        Path | None, typer.Argument(help="A capture or an ITCH 5.0 file; without one, the live feed.")
    ] = None,
    *,
    a: LineA = "",
    b: LineB = "",
    interface: Interface = "",
    interface_b: InterfaceB = "",
    receive: ReceiveBy = Receivers.UDP,
    xdp_queue: Queue = 0,
    xdp_queue_b: QueueB = None,
    source: Sender = "",
    rerequest: Rerequest = "",
    timestamps: Timestamps = Stamps.KERNEL,
    busy_poll: BusyPoll = 0,
    seconds: Seconds = 0,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two lines.")] = 1.0,
) -> None:
    """Show rates, gaps, which line wins and by how much, drops, and the delay from the exchange's clock to ours.

    Of a file: one JSON object. Live: a line of JSON each --every seconds, and
    one about the whole time at the end. Exit code 1: messages were lost or
    unreadable.
    """
    if (file is None) == (not a):
        raise FieldError("--a", a, "either a file, or line A of the live feed")
    if file is not None:
        found = feed_stats.of_file(file)
        print(json.dumps(found, indent=2))
        if found["error"]:
            print(f"meltica: {file}: {found['error']}", file=sys.stderr)
        raise typer.Exit(1 if found["error"] or _is_bad(found) else 0)
    lines = feed_live.open_lines(
        _lines(a, b),
        interface=interface,
        interface_b=interface_b,
        receive=receive.value,
        xdp_queue=xdp_queue,
        xdp_queue_b=xdp_queue_b,
        source=source,
        timestamps=timestamps.value,
        busy_poll_us=busy_poll,
        say=_say,
    )
    feed = feed_live.open_feed(lines, count=len(lines.targets), rerequest=rerequest)
    last: dict[str, Any] = {}

    def say(shown: dict[str, Any]) -> None:
        last.update(shown)
        print(json.dumps(shown), flush=True)

    watch = feed_stats.Watch(feed, say)
    try:
        with _interrupts(watch):
            watch.run(seconds, every)
    finally:
        feed.close()
    raise typer.Exit(1 if _is_bad(last) else 0)


def _say(text: str) -> None:
    print(f"meltica: {text}", file=sys.stderr)


def _is_bad(found: dict[str, Any]) -> bool:
    return bool(found["messages_lost"] or found["malformed"] or found["unreadable_blocks"])


def _lines(a: str, b: str) -> list[str]:
    return [line for line in (a, b) if line]


@contextmanager
def _interrupts(runner: Any) -> Iterator[None]:
    """SIGINT and SIGTERM end the loop in order: files are finished, the last line is printed."""

    def stop(*_: object) -> None:
        runner.stop = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
