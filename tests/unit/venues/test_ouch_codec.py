"""What the OUCH tables refuse, with which words, and what they keep although they don't know it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meltica.domain.errors import FieldError
from meltica.venues.nasdaq import ouch42, ouch50
from meltica.venues.nasdaq.ouch_codec import MARKET_PRICE, OuchError, TagValue
from meltica.venues.nasdaq.ouch_stream import decode_stream

ENTER = {
    "UserRefNum": 1, "Side": "B", "Quantity": 100, "Symbol": "AAPL", "Price": 1_500_000, "Time In Force": "0",
    "Display": "Y", "Capacity": "P", "InterMarket Sweep Eligibility": "N", "CrossType": "N", "ClOrdID": "M1",
}  # fmt: skip
CODECS = {"5.0": ouch50.CODEC, "4.2": ouch42.CODEC}
KINDS = [(version, way, kind) for version, codec in CODECS.items() for way, by in codec.layouts.items() for kind in by]


def enter(appendage: tuple = (), **changed):
    fields = ENTER | {name.replace("_", " "): value for name, value in changed.items()}
    return ouch50.CODEC.make("inbound", "O", fields, appendage)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"UserRefNum": 0}, "UserRefNum"),
        ({"UserRefNum": 2**32}, "UserRefNum"),
        ({"Side": "X"}, "Side"),
        ({"Quantity": 0}, "Quantity"),
        ({"Quantity": 1_000_000}, "Quantity"),
        ({"Symbol": ""}, "Symbol"),
        ({"Symbol": "TOOLONGAB"}, "Symbol"),
        ({"Symbol": "AÄ"}, "Symbol"),
        ({"Symbol": "A€"}, "Symbol"),
        ({"Symbol": "A\n"}, "Symbol"),
        ({"Price": 1_999_999_901}, "Price"),
        ({"Price": MARKET_PRICE + 1}, "Price"),
        ({"Price": -1}, "Price"),
        ({"Price": "12"}, "Price"),
        ({"Price": True}, "Price"),
        ({"Side": 1}, "Side"),
        ({"Time_In_Force": "1"}, "Time In Force"),
        ({"Display": "Z"}, "Display"),
        ({"Capacity": ""}, "Capacity"),
        ({"CrossType": "X"}, "CrossType"),
        ({"ClOrdID": "fifteen letters"}, "ClOrdID"),
        ({"Colour": "red"}, "Colour"),
    ],
)
def test_values_that_are_not_allowed_are_named(changed: dict, field: str) -> None:
    with pytest.raises(OuchError) as error:
        ouch50.CODEC.encode(enter(**changed))
    assert error.value.field == field
    assert "Enter Order" in str(error.value)


@pytest.mark.parametrize("price", [0, 1, 1_999_999_900, 2_000_000_000, MARKET_PRICE])
def test_prices_that_are_allowed(price: int) -> None:
    assert ouch50.CODEC.decode("inbound", ouch50.CODEC.encode(enter(Price=price)), strict=True)["Price"] == price


@pytest.mark.parametrize(
    ("element", "field"),
    [
        (TagValue(15, 86_400), "ExpireTime"),
        (TagValue(12, "X"), "PostOnly"),
        (TagValue(3, -1), "MinQty"),
        (TagValue(7, 2**31), "PegOffset"),
        (TagValue(2, "TOOLONG"), "Firm"),
        (TagValue(12, b"PP"), "PostOnly"),
        (TagValue(99, 1), "OptionTag"),
        (TagValue(256, b""), "OptionTag"),
        (TagValue(99, b"x" * 255), "OptionTag"),
    ],
)
def test_tags_that_are_not_allowed_are_named(element: TagValue, field: str) -> None:
    with pytest.raises(OuchError) as error:
        ouch50.CODEC.encode(enter((element,)))
    assert error.value.field == field


def test_a_missing_field_and_a_missing_appendage_are_named() -> None:
    message = ouch50.CODEC.make("inbound", "O", {name: v for name, v in ENTER.items() if name != "Side"})
    with pytest.raises(OuchError, match="Side: Enter Order needs it"):
        ouch50.CODEC.encode(message)
    with pytest.raises(OuchError, match="has none"):
        ouch50.CODEC.encode(ouch50.CODEC.make("outbound", "S", {"Timestamp": 1, "Event Code": "S"}, ()))
    with pytest.raises(OuchError, match=r"no inbound message of OUCH 4\.2"):
        ouch42.CODEC.make("inbound", "Q", {})
    big = tuple(TagValue(99, b"x" * 254) for _ in range(257))
    with pytest.raises(OuchError, match="at most 65535"):
        ouch50.CODEC.encode(enter(big))


def test_what_is_not_known_is_kept() -> None:
    elements = bytes.fromhex("03c801020302010205070000ff9c0507ffffff9c01c9")
    data = ouch50.CODEC.encode(enter())[:-2] + len(elements).to_bytes(2, "big") + elements
    message = ouch50.CODEC.decode("inbound", data)
    assert message.appendage == (
        TagValue(200, b"\x01\x02"), TagValue(2, b"\x01\x02"), TagValue(7, 65_436), TagValue(7, -100),
        TagValue(201, b""),
    )  # fmt: skip
    assert ouch50.CODEC.encode(message, strict=False) == data
    with pytest.raises(OuchError, match="Firm"):
        ouch50.CODEC.decode("inbound", data, strict=True)
    (shown,) = decode_stream("inbound", "5.0", (len(data) + 1).to_bytes(2, "big") + b"U" + data)
    assert [element["OptionValue"] for element in shown["Optional Appendage"]] == [
        "0102", "0102", "6.5436", "-0.0100", "",
    ]  # fmt: skip
    assert "Option" not in shown["Optional Appendage"][0]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no inbound message"),
        (b"\xff", "no inbound message"),
        (b"O\x00", "at least 45 bytes"),
        (ouch50.CODEC.encode(enter())[:-1], "Enter Order is cut off"),
        (ouch50.CODEC.encode(enter())[:-2], "Enter Order is cut off"),
        (ouch50.CODEC.encode(enter())[:-2] + b"\x00\x01", "has 0 bytes left"),
        (ouch50.CODEC.encode(enter()) + b"\x00", "has 1 bytes left"),
        (ouch50.CODEC.encode(enter())[:-2] + b"\x00\x01\x00", "does not fit"),
        (ouch50.CODEC.encode(enter())[:-2] + b"\x00\x02\x02\x0c", "does not fit"),
        (bytes.fromhex("58000000010000000000"), "cut off"),
    ],
)
def test_bytes_that_are_no_message_are_explained(data: bytes, words: str) -> None:
    with pytest.raises(OuchError, match=words):
        ouch50.CODEC.decode("inbound", data)


def test_a_fixed_message_has_no_byte_too_many() -> None:
    with pytest.raises(OuchError, match="System Event has 10 bytes"):
        ouch50.CODEC.decode("outbound", b"S" + bytes(8) + b"SX")


def test_directions_and_versions_that_do_not_exist() -> None:
    with pytest.raises(FieldError, match="inbound or outbound"):
        decode_stream("sideways", "5.0", b"")  # type: ignore[arg-type]
    with pytest.raises(FieldError, match=r"5\.0 or 4\.2"):
        decode_stream("inbound", "3.0", b"")


def test_a_field_is_asked_for_by_what_it_is() -> None:
    message = enter()
    assert (message.number("Quantity"), message.text("Side"), message.tag(12)) == (100, "B", None)
    with pytest.raises(OuchError, match="is no number"):
        message.number("Side")


@given(st.sampled_from(KINDS), st.binary(max_size=120))
@settings(max_examples=400, deadline=None)
def test_any_bytes_are_read_and_written_alike_or_refused(kind: tuple, data: bytes) -> None:
    version, way, letter = kind
    codec = CODECS[version]
    layout = codec.layouts[way][letter]
    body = letter.encode() + data[: layout.size - 1].ljust(layout.size - 1, b" ") + data[layout.size - 1 :]
    try:
        message = codec.decode(way, body)
    except OuchError:
        return
    assert codec.encode(message, strict=False) == body


@given(st.binary(max_size=300), st.sampled_from(("inbound", "outbound")), st.sampled_from(("5.0", "4.2")))
@settings(max_examples=300, deadline=None)
def test_any_stream_is_told_completely(data: bytes, way, version: str) -> None:
    packets = decode_stream(way, version, data)
    offsets = [packet["offset"] for packet in packets]
    assert offsets == sorted(set(offsets))
    assert bool(packets) == bool(data)
