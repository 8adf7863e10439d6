"""The real Nasdaq captures and the real ITCH file: each one is decoded, and encodes to the same bytes again."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from meltica.app.commands.feed import app
from meltica.app.feed.decode import decode
from meltica.ticks.recording import chunks
from meltica.venues.nasdaq import itch_messages
from meltica.venues.nasdaq.feed import NasdaqFeed
from meltica.venues.nasdaq.feed_sources import ItchFileSource, PcapSource, file_messages
from meltica.venues.nasdaq.frames import Datagram, FrameTally, Segment
from meltica.venues.nasdaq.itch_messages import REVISIONS, split
from meltica.venues.nasdaq.mold_events import FILE_LIMITS, Messages
from meltica.venues.nasdaq.mold_session import MoldSession
from meltica.venues.nasdaq.moldudp64 import decode_packet, encode_packet
from meltica.venues.nasdaq.pcap import frames

DATA = Path(os.environ.get("MELTICA_DATA", Path(__file__).parents[3] / "shared" / "data")) / "nasdaq"
SNIPPET = DATA / "12302019_SNIPPET.NASDAQ_ITCH50"
FRAME_38 = DATA / "moldudp64_pcap" / "Multiple.Packets.pcap"
pytestmark = pytest.mark.skipif(
    not SNIPPET.exists(), reason=f"no Nasdaq recordings at {DATA}; MELTICA_DATA says where the data is"
)
COUNTS = {"A": 367, "U": 225, "F": 193, "D": 167, "E": 28, "X": 6, "I": 4, "P": 4, "Q": 4, "S": 1, "C": 1}


def opened(path: Path) -> list[Datagram | Segment]:
    tally = FrameTally()
    found = [tally.open(frame) for frame in frames(chunks(path))]
    assert not tally.refused
    return [one for one in found if one is not None]


@pytest.mark.parametrize("revision", REVISIONS)
def test_each_message_of_the_real_file_encodes_to_its_bytes(revision: str):
    kinds: Counter[str] = Counter()
    for message in file_messages(chunks(SNIPPET)):
        found = itch_messages.decode(message, revision)
        assert itch_messages.encode(found) == message
        kinds[found.kind] += 1
    assert kinds == COUNTS


def test_every_mold_capture_decodes_and_encodes_to_its_bytes():
    seen: Counter[str] = Counter()
    for path in sorted((DATA / "moldudp64_pcap").glob("*.pcap")):
        for datagram in opened(path):
            assert isinstance(datagram, Datagram)
            assert datagram.vlans == (141,)
            packet = decode_packet(datagram.payload)
            messages = list(split(packet.block))
            assert encode_packet(packet.session, packet.sequence, messages) == datagram.payload
            for message in messages:
                found = itch_messages.decode(message)
                assert itch_messages.encode(found) == message
                seen[found.kind] += 1
    assert seen == {"A": 37, "D": 2, "E": 1, "F": 2, "H": 1, "I": 1, "L": 1, "U": 1}


def test_the_frame_of_38_messages_read_from_its_bytes():
    """The expected values are read off the hex dump at the specification's offsets, without the decoder."""
    frame = FRAME_38.read_bytes()[-1518:]
    mold = frame[14 + 4 + 20 + 8 :]
    first = mold[20 + 2 :]
    lines = [line for line in decode(FRAME_38) if line["frame"] == 2]
    assert len(lines) == 38
    assert [line["Sequence Number"] for line in lines] == list(range(19_009_117, 19_009_155))
    assert {line["Session"] for line in lines} == {"000010059B"}
    assert {line["capture_time_ns"] for line in lines} == {1692711038952561782}
    assert lines[0] | {"frame": 2} == {
        "frame": 2,
        "capture_time_ns": 1692711038952561782,
        "vlan": 141,
        "from": "206.200.127.138:49653",
        "to": "233.54.12.111:26477",
        "Session": "000010059B",
        "Sequence Number": 19009117,
        "message": "Add Order - No MPID Attribution",
        "Message Type": chr(first[0]),
        "Stock Locate": int.from_bytes(first[1:3], "big"),
        "Tracking Number": int.from_bytes(first[3:5], "big"),
        "Timestamp": int.from_bytes(first[5:11], "big"),
        "Order Reference Number": int.from_bytes(first[11:19], "big"),
        "Buy/Sell Indicator": chr(first[19]),
        "Shares": int.from_bytes(first[20:24], "big"),
        "Stock": first[24:32].decode().strip(),
        "Price": f"{int.from_bytes(first[32:36], 'big') / 10_000:.4f}",
    }


def test_every_ouch_capture_decodes():
    found = {path.stem: list(decode(path)) for path in sorted((DATA / "ouch50_pcap").glob("*.pcap"))}
    assert {name: len(lines) for name, lines in found.items()} == dict.fromkeys(found, 1)
    assert not [line for lines in found.values() for line in lines if "error" in line]
    said = {
        name: (lines[0]["direction"], lines[0]["Packet Type"], lines[0].get("Type")) for name, lines in found.items()
    }
    assert said == {
        "CancelOrderMessage": ("inbound", "U", "X"),
        "CanceledMessage": ("outbound", "S", "C"),
        "ClientHeartbeatPacket": ("inbound", "R", None),
        "EnterOrderMessage": ("inbound", "U", "O"),
        "OrderAcceptedMessage": ("outbound", "S", "A"),
        "ServerHeartbeatPacket": ("outbound", "H", None),
    }
    entered = found["EnterOrderMessage"][0]
    assert (entered["Symbol"], entered["Side"], entered["Quantity"], entered["Price"]) == ("CVLT", "T", 225, "63.0200")


def test_the_command_line_prints_them_all():
    for path in [SNIPPET, *DATA.glob("*/*.pcap")]:
        result = CliRunner().invoke(app, ["decode", str(path)])
        assert result.exit_code == 0, path
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        assert lines
        assert not [line for line in lines if "error" in line]


def test_the_file_as_a_feed_gives_the_files_bytes():
    feed = NasdaqFeed(ItchFileSource(chunks(SNIPPET)), MoldSession())
    blocks, last = [], 0
    while not feed.ended:
        for event in feed.poll():
            if isinstance(event, Messages):
                assert event.sequence == last + 1
                last = event.sequence + event.count - 1
                blocks.append(event.block)
    assert (b"".join(blocks), last) == (SNIPPET.read_bytes(), 1_000)


def test_a_capture_as_a_feed_says_what_it_lacks():
    feed = NasdaqFeed(PcapSource(chunks(FRAME_38)), MoldSession(limits=FILE_LIMITS))
    counts = []
    while not feed.ended:
        counts += [(type(event).__name__, getattr(event, "count", 0)) for event in feed.poll()]
    lost = 19_009_117 - 14_764_497
    assert counts == [
        ("SessionStarted", 0),
        ("Messages", 1),
        ("GapOpened", lost),
        ("GapLost", lost),
        ("Messages", 38),
    ]
