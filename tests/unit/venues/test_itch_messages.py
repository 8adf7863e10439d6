"""ITCH 5.0 as full messages: the table against bytes typed from the specification, both ways, and rubbish."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meltica.venues.nasdaq.itch_messages import (
    LAYOUTS,
    REVISIONS,
    ItchMessageError,
    build,
    decode,
    encode,
    layouts,
    split,
    to_json,
)
from tests.conformance.itch_messages import BODIES, expected, framed, message

ALL_TYPES = "SRHYLVWKJhAFECXDUPQBIN"
# The fields' names and what they hold for the bytes in BODIES, typed from the specification's tables.
JSON = {
    "S": {"Event Code": "Q"},
    "R": {
        "Stock": "AAPL",
        "Market Category": "Q",
        "Financial Status Indicator": "N",
        "Round Lot Size": 100,
        "Round Lots Only": "N",
        "Issue Classification": "C",
        "Issue Sub-Type": "Z",
        "Authenticity": "P",
        "Short Sale Threshold Indicator": "N",
        "IPO Flag": "1",
        "LULD Reference Price Tier": "1",
        "ETP Flag": "N",
        "ETP Leverage Factor": 1,
        "Inverse Indicator": "N",
    },
    "H": {"Stock": "AAPL", "Trading State": "H", "Reserved": " ", "Reason Code": "T1"},
    "Y": {"Stock": "AAPL", "Reg SHO Action": "1"},
    "L": {
        "MPID": "ABCD",
        "Stock": "AAPL",
        "Primary Market Maker": "Y",
        "Market Maker Mode": "N",
        "Market Participant State": "A",
    },
    "V": {"Level 1": "0.00000001", "Level 2": "0.00000002", "Level 3": "0.00000003"},
    "W": {"Breached Level": "3"},
    "K": {
        "Stock": "AAPL",
        "IPO Quotation Release Time": 36_000,
        "IPO Quotation Release Qualifier": "A",
        "IPO Price": "12.3456",
    },
    "J": {
        "Stock": "AAPL",
        "Auction Collar Reference Price": "10.0000",
        "Upper Auction Collar Price": "9.8304",
        "Lower Auction Collar Price": "10.2400",
        "Auction Collar Extension": 1,
    },
    "h": {"Stock": "AAPL", "Market Code": "Q", "Operational Halt Action": "H"},
    "A": {
        "Order Reference Number": 0x1122334455667788,
        "Buy/Sell Indicator": "B",
        "Shares": 1_000,
        "Stock": "AAPL",
        "Price": "200.0000",
    },
    "F": {
        "Order Reference Number": 0x1122334455667788,
        "Buy/Sell Indicator": "S",
        "Shares": 2**32 - 1,
        "Stock": "AAPL",
        "Price": "429496.7295",
        "Attribution": "NSDQ",
    },
    "E": {"Order Reference Number": 0x1122334455667788, "Executed Shares": 100, "Match Number": 0xBEEF01},
    "C": {
        "Order Reference Number": 0x1122334455667788,
        "Executed Shares": 100,
        "Match Number": 0xBEEF01,
        "Printable": "Y",
        "Execution Price": "200.0001",
    },
    "X": {"Order Reference Number": 0x1122334455667788, "Cancelled Shares": 7},
    "D": {"Order Reference Number": 0x1122334455667788},
    "U": {
        "Original Order Reference Number": 0x1122334455667788,
        "New Order Reference Number": 0x99AABBCCDDEEFF00,
        "Shares": 200,
        "Price": "200.0002",
    },
    "P": {
        "Order Reference Number": 0,
        "Buy/Sell Indicator": "B",
        "Shares": 10,
        "Stock": "AAPL",
        "Price": "200.0003",
        "Match Number": 0xBEEF01,
    },
    "Q": {
        "Shares": 2**32 + 2,
        "Stock": "AAPL",
        "Cross Price": "200.0004",
        "Match Number": 0xBEEF01,
        "Cross Type": "O",
    },
    "B": {"Match Number": 0xBEEF01},
    "I": {
        "Paired Shares": 2**33 + 3,
        "Imbalance Shares": 5,
        "Imbalance Direction": "B",
        "Stock": "AAPL",
        "Far Price": "200.0005",
        "Near Price": "200.0006",
        "Current Reference Price": "200.0007",
        "Cross Type": "C",
        "Price Variation Indicator": "L",
    },
    "N": {"Stock": "AAPL", "Interest Flag": "B"},
    "O": {
        "Stock": "AAPL",
        "Open Eligibility Status": "Y",
        "Minimum Allowable Price": "10.0000",
        "Maximum Allowable Price": "9.8304",
        "Near Execution Price": "10.2400",
        "Near Execution Time": 0x0A0B0C0D0E0F1011,
        "Lower Price Range Collar": "0.0001",
        "Upper Price Range Collar": "0.0002",
    },
}
HEADER = {"Stock Locate": 0x0102, "Tracking Number": 0x0304, "Timestamp": 0x0A0B0C0D0E0F}


@pytest.mark.parametrize("kind", JSON)
def test_every_field_has_the_specifications_name_and_value(kind: str):
    head = dict(HEADER)
    if kind == "Y":
        head = {"Locate Code": head.pop("Stock Locate"), **head}
    assert list(to_json(decode(message(kind))).items()) == [("Message Type", kind), *head.items(), *JSON[kind].items()]


def test_the_revisions():
    assert {revision: "".join(found) for revision, found in LAYOUTS.items()} == {
        "2017": ALL_TYPES,
        "2026": ALL_TYPES + "O",
    }
    assert decode(message("H"), "2017").values["reason"] == "T1"
    assert decode(message("H"), "2026").values["reason_code"] == "T1"
    with pytest.raises(ItchMessageError, match=r"unknown message type 'O' \(revision 2017\), length 48"):
        decode(message("O"), "2017")
    with pytest.raises(ItchMessageError, match="there are 2017 and 2026"):
        layouts("1999")


@pytest.mark.parametrize("revision", REVISIONS)
def test_layouts_have_no_holes(revision: str):
    for kind, layout in LAYOUTS[revision].items():
        at = 0
        for field in layout.fields:
            assert field.offset == at, (kind, field)
            at += field.length
        assert (at, layout.length) == (len(message(kind)),) * 2


@pytest.mark.parametrize("kind", BODIES)
def test_the_same_bytes_come_back_and_the_column_decoder_agrees(kind: str):
    found = decode(message(kind))
    assert encode(found) == message(kind)
    columns = expected(kind)
    assert found.values.get("stock_locate", found.values.get("locate_code")) == columns["locate"]
    assert found.values["timestamp"] == columns["timestamp_ns"]
    if "price" in found.values:
        assert found.values["price"] == columns["price"]


@settings(deadline=None, max_examples=300, print_blob=True)
@given(st.sampled_from(sorted(BODIES)), st.data())
def test_any_bytes_of_the_right_length_come_back(kind: str, data: st.DataObject):
    size = LAYOUTS["2026"][kind].length - 1
    raw = kind.encode() + data.draw(st.binary(min_size=size, max_size=size))
    assert encode(decode(raw)) == raw


@settings(deadline=None, max_examples=300, print_blob=True)
@given(st.binary(max_size=60), st.sampled_from(REVISIONS))
def test_rubbish_is_an_error_of_our_own(raw: bytes, revision: str):
    try:
        assert encode(decode(raw, revision)) == raw
    except ItchMessageError as error:
        assert str(error)  # noqa: PT017 - the other outcome is as good


def test_wrong_lengths_and_types():
    for raw, why in (
        (b"", "an empty message"),
        (b"z" * 12, "unknown message type 'z'"),
        (message("A")[:-1], "type 'A' has 36 bytes, this has 35"),
        (message("A") + b"!", "type 'A' has 36 bytes, this has 37"),
    ):
        with pytest.raises(ItchMessageError, match=why):
            decode(raw)


def test_building():
    made = build("D", stock_locate=258, tracking_number=772, timestamp=0x0A0B0C0D0E0F, order_reference_number=1)
    assert encode(made) == message("D")[:-8] + bytes(7) + b"\x01"
    assert build("S").values["event_code"] == " "
    for kind, values, why in (
        ("Z", {}, "unknown message type 'Z'"),
        ("D", {"shares": 1}, "has no shares"),
        ("D", {"order_reference_number": 2**64}, "does not fit 8 bytes"),
        ("D", {"order_reference_number": -1}, "does not fit 8 bytes"),
        ("D", {"order_reference_number": "1"}, "is an integer"),
        ("D", {"order_reference_number": True}, "is an integer"),
        ("A", {"stock": "TOOLONGER"}, "has 8 letters"),
        ("A", {"stock": 5}, "is text"),
        ("A", {"stock": "Ω"}, "one byte cannot hold"),
    ):
        with pytest.raises(ItchMessageError, match=why):
            build(kind, **values)
    with pytest.raises(ItchMessageError, match="lacks order_reference_number"):
        encode(made._replace(values={"message_type": "D", "stock_locate": 1, "tracking_number": 1, "timestamp": 1}))


def test_splitting_a_block():
    assert list(split(framed(message("A"), message("D")))) == [message("A"), message("D")]
    for missing in (1, 19, 20):
        with pytest.raises(ItchMessageError, match="at byte 38 is cut off"):
            list(split(framed(message("A"), message("D"))[:-missing]))
