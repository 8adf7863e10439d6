"""OUCH against bytes that were not made by it: captured packets, and messages typed by hand from the specification."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from meltica.venues.nasdaq import ouch42, ouch50
from meltica.venues.nasdaq.ouch_codec import OuchCodec, TagValue
from meltica.venues.nasdaq.ouch_stream import decode_stream
from tests.conformance import ouch_bytes as known
from tests.conformance.ouch_bytes import raw

DATA = Path(os.environ.get("MELTICA_DATA", Path(__file__).parents[3] / "shared" / "data"))
CAPTURES = DATA / "nasdaq" / "ouch50_pcap"
needs_captures = pytest.mark.skipif(
    not CAPTURES.exists(), reason=f"no OUCH captures at {CAPTURES}; MELTICA_DATA says where the data is"
)

TYPED = [
    *((ouch50.CODEC, "inbound", kind, *case) for kind, case in known.TYPED_INBOUND.items()),
    *((ouch50.CODEC, "outbound", kind, *case) for kind, case in known.TYPED_OUTBOUND.items()),
    *((ouch42.CODEC, "inbound", kind, *case) for kind, case in known.TYPED_42_INBOUND.items()),
    *((ouch42.CODEC, "outbound", kind, *case) for kind, case in known.TYPED_42_OUTBOUND.items()),
]


def tcp_payload(capture: bytes) -> bytes:
    """Of the one frame: by IP's own length, because the capturing card left a trailer behind the packet."""
    frame = capture[24 + 16 :]
    at = 18 if frame[12:14] == b"\x81\x00" else 14
    ip = frame[at : at + int.from_bytes(frame[at + 2 : at + 4], "big")]
    tcp = ip[(ip[0] & 15) * 4 :]
    return tcp[(tcp[12] >> 4) * 4 :]


@needs_captures
@pytest.mark.parametrize("name", known.CAPTURED)
def test_the_captures_hold_the_bytes_that_the_other_tests_use(name: str) -> None:
    direction, text = known.CAPTURED[name]
    payload = tcp_payload((CAPTURES / f"{name}.pcap").read_bytes())
    assert payload.hex() == text
    assert len(decode_stream(direction, "5.0", payload)) == 1


def test_a_captured_enter_order() -> None:
    direction, text = known.CAPTURED["EnterOrderMessage"]
    (packet,) = decode_stream(direction, "5.0", raw(text))
    assert packet == {
        "offset": 0,
        "packet": "Unsequenced Data",
        "Packet Type": "U",
        "message": "Enter Order",
        "Type": "O",
        "UserRefNum": 113,
        "Side": "T",
        "Quantity": 225,
        "Symbol": "CVLT",
        "Price": "63.0200",
        "Time In Force": "0",
        "Display": "Y",
        "Capacity": "A",
        "InterMarket Sweep Eligibility": "N",
        "CrossType": "N",
        "ClOrdID": "H8FUB8IV",
        "Appendage Length": 6,
        "Optional Appendage": [{"OptionTag": 2, "Option": "Firm", "OptionValue": "LIME"}],
    }


def test_a_captured_order_accepted() -> None:
    direction, text = known.CAPTURED["OrderAcceptedMessage"]
    message = ouch50.CODEC.decode(direction, raw(text)[3:], strict=True)
    assert message.fields == {
        "Timestamp": 44_647_483_486_087,
        "UserRefNum": 7_682_701,
        "Side": "B",
        "Quantity": 40,
        "Symbol": "ADBE",
        "Price": 4_777_800,
        "Time In Force": "5",
        "Display": "Y",
        "Order Reference Number": 257_340_661,
        "Capacity": "A",
        "InterMarket Sweep Eligibility": "N",
        "CrossType": "N",
        "Order State": "L",
        "ClOrdID": "7682701",
    }
    assert message.appendage == (TagValue(2, "MLRO"), TagValue(18, "0"))
    assert message.tag(18) == "0"


def test_captured_cancels() -> None:
    asked = ouch50.CODEC.decode("inbound", raw(known.CAPTURED["CancelOrderMessage"][1])[3:], strict=True)
    done = ouch50.CODEC.decode("outbound", raw(known.CAPTURED["CanceledMessage"][1])[3:], strict=True)
    assert (asked.name, asked.fields) == ("Cancel Order Request", {"UserRefNum": 7_679_601, "Quantity": 0})
    assert done.fields == {"Timestamp": 44_647_483_708_183, "UserRefNum": 7_682_701, "Quantity": 40, "Reason": "U"}
    assert asked.appendage is done.appendage is None


@pytest.mark.parametrize("name", [name for name in known.CAPTURED if "Heartbeat" not in name])
def test_captured_messages_are_written_as_they_were(name: str) -> None:
    direction, text = known.CAPTURED[name]
    body = raw(text)[3:]
    assert ouch50.CODEC.encode(ouch50.CODEC.decode(direction, body, strict=True)) == body


@pytest.mark.parametrize(("codec", "direction", "kind", "text", "fields"), TYPED)
def test_typed_messages(codec: OuchCodec, direction, kind: str, text: str, fields: dict) -> None:
    message = codec.decode(direction, raw(text), strict=True)
    assert message.type == kind
    assert {name: message[name] for name in fields} == fields
    assert codec.encode(message) == raw(text)


def test_tags_of_typed_messages() -> None:
    replace = ouch50.CODEC.decode("inbound", raw(known.TYPED_INBOUND["U"][0]))
    assert replace.appendage == (TagValue(12, "P"), TagValue(25, "Y"))
    restated = ouch50.CODEC.decode("outbound", raw(known.TYPED_OUTBOUND["R"][0]))
    assert restated.tag(22) == 100
    assert restated.tag(23) is None


def test_every_message_has_the_size_of_its_specification() -> None:
    for codec, sizes in ((ouch50.CODEC, known.SIZES_50), (ouch42.CODEC, known.SIZES_42)):
        for direction, by_type in sizes.items():
            assert {kind: layout.size for kind, layout in codec.layouts[direction].items()} == by_type


def test_every_message_is_typed_or_captured() -> None:
    covered = {(codec.version, direction, kind) for codec, direction, kind, *_ in TYPED}
    covered |= {("5.0", "inbound", "O"), ("5.0", "inbound", "X"), ("5.0", "outbound", "A"), ("5.0", "outbound", "C")}
    every = {
        (codec.version, direction, kind)
        for codec in (ouch42.CODEC, ouch50.CODEC)
        for direction, layouts in codec.layouts.items()
        for kind in layouts
    }
    assert covered == every


def test_a_stream_with_everything_in_it() -> None:
    data = b"".join(raw(text) for direction, text in known.CAPTURED.values() if direction == "outbound")
    data += raw("001f41-303030303130303539422020202020202020202020202020202020202031".replace("-", ""))
    data += raw("00024a41-00015a-00062b68656c6c6f-000158-000253ff-0030")
    packets = decode_stream("outbound", "5.0", data)
    assert [packet.get("message", packet.get("packet")) for packet in packets] == [
        "Order Accepted", "Order Canceled", "Server Heartbeat", "Login Accepted", "Login Rejected", "End of Session",
        "Debug", "unknown", "Sequenced Data", None,
    ]  # fmt: skip
    assert packets[3]["Session"] == "000010059B"
    assert packets[3]["Sequence Number"] == "1"
    assert packets[6]["Text"] == "hello"
    assert "no outbound message of OUCH 5.0" in packets[8]["error"]
    assert packets[9]["error"].startswith("cut off")
    assert [packet["offset"] for packet in packets][:3] == [0, 76, 97]


def test_passwords_are_not_shown() -> None:
    (packet,) = decode_stream("inbound", "5.0", raw("002f4c") + b"USER01secret    " + b" " * 10 + b" " * 19 + b"1")
    assert packet["Username"] == "USER01"
    assert packet["Password"] == "******"
    assert "secret" not in str(packet)
