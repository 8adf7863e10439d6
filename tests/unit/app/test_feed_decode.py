"""``meltica feed decode`` on files made here: every kind, every damage, exit codes; and what the options refuse."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from meltica.app.commands.feed import app
from meltica.app.feed.decode import decode
from meltica.domain.errors import FieldError
from meltica.ticks.errors import RecordingError
from meltica.venues.nasdaq.moldudp64 import encode_end, encode_heartbeat, encode_packet
from tests.conformance.itch_messages import BODIES, framed, message
from tests.unit.venues.captures import A, classic, ethernet, ip, tcp, udp

SESSION = b"DAY1      "
# From the recordings' hex: SoupBinTCP with OUCH 5.0.
ENTER = bytes.fromhex(
    "0036554f0000007154000000e143564c54202020200000000000099db83059414e4e4838465542384956202020202020000605024c494d45"
)
CANCEL = bytes.fromhex("000a555800752e7100000000")
CANCELED = bytes.fromhex("001353430000289b4d68131700753a8d0000002855")
_42 = (b"TOKEN000000001", b"B", b"\0\0\0\x64", b"AAPL    ", b"\0\x1e\x84\x80", b"\0\x01\x86\x9f", b"FIRM", b"YAN")
ENTER_42 = b"\x00\x32UO" + b"".join(_42) + b"\0\0\0\0NR"
CLIENT, HOST = (A, bytes([10, 0, 0, 2])), (bytes([10, 0, 0, 2]), A)


def lines(path: Path, data: bytes, protocol: str = "auto", revision: str = "2026") -> list[dict]:
    path.write_bytes(data)
    return list(decode(path, protocol, revision))


def mold(*payloads: bytes) -> bytes:
    return classic(*((1, number, ethernet(ip(udp(one)), (0x8100, 7))) for number, one in enumerate(payloads)))


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_an_itch_file_with_every_message(tmp_path: Path, pack):
    data = framed(*[message(kind) for kind in BODIES])
    found = lines(tmp_path / "day", pack(data + b"\0\0"))
    assert [line.get("Message Type") for line in found[:-1]] == list(BODIES)
    assert [line["offset"] for line in found[:3]] == [0, 14, 55]
    assert found[-1] == {"offset": len(data), "packet": "End of Session"}
    assert not [line for line in found if "error" in line]


def test_bad_messages_in_a_file_are_said_and_the_rest_goes_on(tmp_path: Path):
    good = framed(*[message("D")] * 8)
    found = lines(
        tmp_path / "day", good + framed(b"Z" * 19, message("A") + b"!", message("S")) + framed(message("D"))[:-1]
    )
    assert [line["error"] for line in found[8:10]] == [
        "unknown message type 'Z' (revision 2026), length 19",
        "type 'A' has 36 bytes, this has 37",
    ]
    assert found[8]["offset"] == len(good)
    assert found[10]["Event Code"] == "Q"
    assert found[11]["error"] == "the last message is cut off: 20 bytes are left"
    assert len(found) == 12
    after = lines(tmp_path / "day", good + b"\0\0" + framed(message("S")))
    assert [line.get("error") for line in after[-2:]] == ["something follows the end of the session", None]
    broken = lines(tmp_path / "day", gzip.compress(good * 100)[:-9])
    assert "gzip data is truncated" in broken[-1]["error"]


def test_revisions(tmp_path: Path):
    data = framed(*[message("H")] * 8, message("O"))
    assert lines(tmp_path / "day", data)[0]["Reason Code"] == "T1"
    found = lines(tmp_path / "day", data, revision="2017")
    assert found[0]["Reason"] == "T1"
    assert found[-1]["error"].startswith("unknown message type 'O' (revision 2017)")


def test_mold_packets(tmp_path: Path):
    found = lines(
        tmp_path / "capture",
        mold(
            encode_packet(SESSION, 7, [message("S"), b"??", message("D")]),
            encode_heartbeat(SESSION, 10),
            b"not a packet",
            encode_end(SESSION, 10),
        ),
    )
    where = {"frame": 1, "capture_time_ns": 1_000_000_000, "vlan": 7, "from": "10.0.0.1:1", "to": "239.1.1.1:2"}
    assert found[0].items() >= (where | {"Session": "DAY1", "Sequence Number": 7, "Event Code": "Q"}).items()
    assert (
        found[1].items()
        >= {"Sequence Number": 8, "error": "unknown message type '?' (revision 2026), length 2"}.items()
    )
    assert (found[2]["Sequence Number"], found[2]["message"]) == (9, "Order Delete")
    assert (found[3]["packet"], found[3]["Sequence Number"]) == ("Heartbeat", 10)
    assert found[4]["error"] == "no MoldUDP64 packet: too short: 12 bytes, the header has 20"
    assert found[5]["packet"] == "End of Session"


def test_frames_that_are_damaged_are_lines_and_other_traffic_is_none(tmp_path: Path):
    good = ethernet(ip(udp(encode_heartbeat(SESSION, 1))))
    fragment = ethernet(ip(udp(b"x"), fragment=0x2000))
    arp = ethernet(b"", kind=0x0806)
    data = classic((1, 0, arp), (1, 1, fragment), (1, 2, good), (1, 3, good))[:-5]
    found = lines(tmp_path / "capture", data)
    assert [line.get("error") for line in found] == [
        "IPv4 fragment: offset 0",
        None,
        "a frame is cut off (57 of 62 bytes)",
    ]
    assert (found[0]["frame"], found[0]["offset"]) == (2, 24 + 16 + len(arp))
    doubled = lines(
        tmp_path / "capture", classic((1, 0, ethernet(ip(udp(encode_end(SESSION, 1))), (0x88A8, 5), (0x8100, 6))))
    )
    assert doubled[0]["vlan"] == [5, 6]


def session(*parts: tuple[tuple[bytes, bytes], int, bytes]) -> bytes:
    return classic(
        *((1, number, ethernet(ip(tcp(data, at), 6, ends=ends))) for number, (ends, at, data) in enumerate(parts))
    )


def test_tcp_is_put_together_and_repeats_are_dropped(tmp_path: Path):
    found = lines(
        tmp_path / "capture",
        session(
            (CLIENT, 100, ENTER[:10]),
            (HOST, 900, CANCELED),
            (CLIENT, 100 + len(ENTER), CANCEL),
            (CLIENT, 100, ENTER[:10]),
            (CLIENT, 110, ENTER[10:]),
        ),
    )
    assert [(line["direction"], line["Type"], line["stream_offset"]) for line in found] == [
        ("outbound", "C", 0),
        ("inbound", "O", 0),
        ("inbound", "X", len(ENTER)),
    ]
    assert found[1]["ClOrdID"] == "H8FUB8IV"
    assert found[1]["frame"] == 5


HOLE = f"{len(ENTER) - 10} bytes are missing from the capture, and 10 bytes of a packet in front of them can't be read"


def test_a_hole_in_tcp_is_said(tmp_path: Path):
    found = lines(
        tmp_path / "capture",
        session((CLIENT, 100, CANCEL + ENTER[:10]), (CLIENT, 100 + len(CANCEL) + len(ENTER), CANCEL + b"\0")),
    )
    assert [line.get("error") for line in found] == [
        None,
        HOLE,
        None,
        "the last packet is cut off: 1 bytes are left",
    ]
    assert [line["stream_offset"] for line in found] == [0, 12, 12 + len(ENTER), 24 + len(ENTER)]


def test_what_is_no_packet_is_said_until_the_next_segment(tmp_path: Path):
    found = lines(
        tmp_path / "capture", session((CLIENT, 1, b"GET / HTTP"), (CLIENT, 11, CANCEL), (CLIENT, 23, b"\0\0x"))
    )
    assert [line.get("error") for line in found] == [
        "no SoupBinTCP packet begins here",
        None,
        "no SoupBinTCP packet begins here",
    ]


def test_a_stream_of_bytes_and_its_version(tmp_path: Path):
    found = lines(tmp_path / "bytes", ENTER + CANCEL + b"\0\1R")
    assert [line.get("Type", line["packet"]) for line in found] == ["O", "X", "Client Heartbeat"]
    assert [line["stream_offset"] for line in found] == [0, len(ENTER), len(ENTER) + len(CANCEL)]
    old = lines(tmp_path / "bytes", ENTER_42)
    assert (old[0]["Order Token"], old[0]["Shares"]) == ("TOKEN000000001", 100)
    assert "error" in lines(tmp_path / "bytes", ENTER_42, "ouch50")[0]
    assert lines(tmp_path / "bytes", ENTER_42, "ouch42")[0]["Stock"] == "AAPL"
    assert "error" in lines(tmp_path / "bytes", ENTER, "ouch42")[0]
    assert lines(tmp_path / "bytes", CANCELED)[0]["direction"] == "outbound"


def test_one_protocol_of_a_capture(tmp_path: Path):
    both = classic(
        (1, 0, ethernet(ip(udp(encode_heartbeat(SESSION, 1))))), (1, 1, ethernet(ip(tcp(CANCEL), 6, ends=CLIENT)))
    )
    assert [line["packet"] for line in lines(tmp_path / "c", both)] == ["Heartbeat", "Unsequenced Data"]
    assert [line["packet"] for line in lines(tmp_path / "c", both, "itch")] == ["Heartbeat"]
    assert [line["packet"] for line in lines(tmp_path / "c", both, "ouch50")] == ["Unsequenced Data"]


def test_what_can_not_be_told(tmp_path: Path):
    for data, why in ((b"", "the file is empty"), (b"hello world", "--protocol says what it is")):
        with pytest.raises(RecordingError, match=why):
            lines(tmp_path / "x", data)
    with pytest.raises(RecordingError, match="No such file"):
        decode(tmp_path / "absent")
    for protocol, revision, field in (("fix", "2026", "protocol"), ("auto", "1999", "revision")):
        with pytest.raises(FieldError, match=field):
            lines(tmp_path / "x", b"x", protocol, revision)
    assert "error" in lines(tmp_path / "x", framed(b"?"), "itch")[0]


def test_the_exit_code(tmp_path: Path):
    path = tmp_path / "day"
    path.write_bytes(framed(*[message("D")] * 8))
    result = CliRunner().invoke(app, ["decode", str(path)])
    assert (result.exit_code, len(result.stdout.splitlines())) == (0, 8)
    path.write_bytes(framed(*[message("D")] * 8, b"Z", message("D")))
    result = CliRunner().invoke(app, ["decode", str(path)])
    assert (result.exit_code, len(result.stdout.splitlines())) == (1, 10)
    assert "1 line has an error" in result.stderr
    assert json.loads(result.stdout.splitlines()[8])["offset"] == 168


def test_stats_of_a_file(tmp_path: Path):
    path = tmp_path / "capture"
    packet = encode_packet(SESSION, 1, [message("A"), message("D")])
    later = encode_packet(SESSION, 4, [message("S")])
    path.write_bytes(mold(packet, packet, later, b"junk", encode_end(SESSION, 5)))
    result = CliRunner().invoke(app, ["stats", str(path)])
    found = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (found["messages"], found["types"], found["ended"]) == (3, {"A": 1, "D": 1, "S": 1}, True)
    assert found["lost"] == [{"sequence": 3, "count": 1, "why": "no one to ask"}]
    assert found["malformed"] == {"too short": 1}
    assert found["lines"]["A"]["duplicates"] == 1
    path.write_bytes(framed(message("A"), message("D")))
    result = CliRunner().invoke(app, ["stats", str(path)])
    assert (result.exit_code, json.loads(result.stdout)["messages"]) == (0, 2)
    path.write_bytes(framed(message("A"), message("D"))[:-1])
    result = CliRunner().invoke(app, ["stats", str(path)])
    assert (result.exit_code, json.loads(result.stdout)["error"]) == (1, "the last message is cut off, at byte 38")
    result = CliRunner().invoke(app, ["stats"])
    assert isinstance(result.exception, FieldError)


@pytest.mark.parametrize("command", ["summary", "decode", "record", "replay", "stats"])
def test_every_command_explains_itself(command: str):
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert len(result.stdout) > 400
