"""The OUCH port of the hot path: both backends against the readable codec, against stories, and against each other."""

from __future__ import annotations

import json
from random import Random

import pytest

from meltica.hot import Action, Flag, OrderIntent, OrderType, OuchRefusal, Side, TimeInForce, load
from meltica.hot.layout_gen import DropCopyRecord, DropKind, SymbolRecord
from meltica.hot.ouch_wire_twin import cl_ord_id, order_id_of
from meltica.venues.nasdaq.ouch50 import CODEC
from meltica.venues.nasdaq.ouch_codec import MARKET_PRICE, OuchMessage

BACKENDS = ("python", "cython")
SYMBOLS = {7: b"CVLT    ", 8: b"ADBE    "}
ISO, SHORT, SHORT_EXEMPT = 4, 8, 16


@pytest.fixture(params=BACKENDS)
def port(request):
    return make(request.param)


def make(backend: str, **options):
    port = load(backend).OuchPort(**options)
    for instrument_id, name in SYMBOLS.items():
        port.set_symbol(SymbolRecord(instrument_id, instrument_id, int.from_bytes(name, "little"), 100, 1))
    return port


def intent(action=Action.NEW, order_id=1, **fields):
    given = {"side": Side.BUY, "instrument_id": 7, "account_id": 3, "strategy_id": 4, "time_ns": 0,
             "tif": TimeInForce.DAY, "quantity_lots": 100, "price_ticks": 6_302} | fields  # fmt: skip
    return OrderIntent(action=action, order_id=order_id, **given)


def host(kind: str, **fields) -> bytes:
    """A sequenced packet of the host; what a story does not say is some value that fits."""
    given = {"Timestamp": 1, "Side": "B", "Symbol": "CVLT", "Price": 630_200, "Time In Force": "0", "Display": "Y",
             "Order Reference Number": 555, "Capacity": "P", "InterMarket Sweep Eligibility": "N", "CrossType": "N",
             "Order State": "L", "ClOrdID": cl_ord_id(1), "Reason": 7 if kind == "J" else "U", "Liquidity Flag": "R",
             "Match Number": 99, "Decrement Shares": 0, "Quantity prevented from trading": 0, "Execution Price": 1,
             "AIQ Strategy": "O"} | {name.replace("_", ""): value for name, value in fields.items()}  # fmt: skip
    layout = CODEC.layouts["outbound"][kind]
    named = {field.name: given[field.name] for field in layout.fields}
    body = CODEC.encode(CODEC.make("outbound", kind, named), strict=False)
    return (len(body) + 1).to_bytes(2, "big") + b"S" + body


def sent(port, order, lots=100, reserved=0) -> OuchMessage:
    """The one message that goes out, read by the codec, which also gives the same bytes again."""
    data = port.encode_intent(order, lots, reserved)
    assert isinstance(data, bytes), OuchRefusal(data).name
    assert data[:3] == (len(data) - 2).to_bytes(2, "big") + b"U"
    message = CODEC.decode("inbound", data[3:], strict=True)
    assert CODEC.encode(message) == data[3:]
    return message


def heard(port, packet: bytes) -> tuple[DropCopyRecord, dict[str, int]]:
    found, record, used, facts = port.decode_packet(packet)
    assert (found, used) == (1, len(packet))
    names = ("fill", "release", "at", "reserve", "reserve_at", "instrument", "account", "side", "fill_closes", "closes")
    return DropCopyRecord.from_bytes(record), {n: v for n, v in zip(names, facts, strict=True) if v}


WHOSE = {"instrument": 7, "account": 3, "side": 1}


def test_a_limit_order_is_what_the_codec_says(port) -> None:
    message = sent(port, intent(order_id=0x1234_5678_9ABC_DEF0), 225)
    assert message.fields == {
        "UserRefNum": 1, "Side": "B", "Quantity": 225, "Symbol": "CVLT", "Price": 630_200, "Time In Force": "0",
        "Display": "Y", "Capacity": "P", "InterMarket Sweep Eligibility": "N", "CrossType": "N",
        "ClOrdID": cl_ord_id(0x1234_5678_9ABC_DEF0),
    }  # fmt: skip
    assert message.appendage == ()
    assert order_id_of(message.text("ClOrdID")) == 0x1234_5678_9ABC_DEF0


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_flag_has_its_field(backend: str) -> None:
    port = make(backend, firm="LIME", capacity="A", display="N", locates_shares=True)
    plain = sent(port, intent(order_id=1, side=Side.SELL))
    short = sent(port, intent(order_id=2, side=Side.SELL, flags=SHORT | ISO, tif=TimeInForce.IOC))
    exempt = sent(port, intent(order_id=3, side=Side.SELL, flags=SHORT | SHORT_EXEMPT | Flag.POST_ONLY))
    market = sent(port, intent(order_id=4, order_type=OrderType.MARKET, price_ticks=0, tif=TimeInForce.IOC))
    assert [m["Side"] for m in (plain, short, exempt, market)] == ["S", "T", "E", "B"]
    assert [m["InterMarket Sweep Eligibility"] for m in (plain, short)] == ["N", "Y"]
    assert [m["Time In Force"] for m in (plain, short)] == ["0", "3"]
    assert (plain["Capacity"], plain["Display"], market["Price"]) == ("A", "N", MARKET_PRICE)
    assert [tuple(m.appendage or ()) for m in (plain, short, exempt)] == [
        ((2, "LIME"),),
        ((2, "LIME"), (25, "Y")),
        ((2, "LIME"), (12, "P"), (25, "Y")),
    ]
    assert [m["UserRefNum"] for m in (plain, short, exempt, market)] == [1, 2, 3, 4]


def test_an_order_from_its_acceptance_to_its_last_fill(port) -> None:
    sent(port, intent(), 100, 6_400)
    accepted, facts = heard(port, host("A", UserRefNum=1, Quantity=100))
    assert (accepted.kind, accepted.leaves_lots, accepted.venue_order_id) == (DropKind.ACCEPTED, 100, 555)
    assert (accepted.order_id, accepted.account_id, accepted.strategy_id, accepted.user_ref_num) == (1, 3, 4, 1)
    assert facts == WHOSE | {"at": 6_400}
    part, facts = heard(port, host("E", UserRefNum=1, Quantity=30, Price=630_150))
    assert (part.kind, part.last_lots, part.last_price_ticks, part.leaves_lots) == (DropKind.EXECUTED, 30, 6_301, 70)
    assert (part.execution_id, chr(part.reason)) == (99, "R")
    assert facts == WHOSE | {"at": 6_400, "fill": 30}
    last, facts = heard(port, host("E", UserRefNum=1, Quantity=70))
    assert last.leaves_lots == 0
    assert facts == WHOSE | {"at": 6_400, "fill": 70, "fill_closes": 1}
    assert port.live_orders == 0
    assert port.counters()["inexact_prices"] == 1  # $63.0150 on a grid of cents


def test_a_cancelled_order_gives_its_lots_back(port) -> None:
    sent(port, intent())
    assert sent(port, intent(Action.CANCEL)).fields == {"UserRefNum": 1, "Quantity": 0}
    part, facts = heard(port, host("C", UserRefNum=1, Quantity=40))
    assert (part.kind, part.leaves_lots, part.last_lots) == (DropKind.CANCELED, 60, 40)
    assert facts == WHOSE | {"at": 6_302, "release": 40}
    rest, facts = heard(port, host("D", UserRefNum=1, Decrement_Shares=60, **{"Decrement Shares": 60, "Reason": "Q"}))
    assert (rest.kind, rest.leaves_lots) == (DropKind.SELF_MATCH_CANCEL, 0)
    assert facts == WHOSE | {"at": 6_302, "release": 60, "closes": 1}


def test_a_replacement_counts_the_whole_chain(port) -> None:
    sent(port, intent(), 100)
    heard(port, host("A", UserRefNum=1, Quantity=100))
    heard(port, host("E", UserRefNum=1, Quantity=30))
    heard(port, host("D", UserRefNum=1, **{"Decrement Shares": 10, "Reason": "Q"}))
    asked = sent(port, intent(Action.REPLACE, price_ticks=6_310, quantity_lots=80), 80)
    assert (asked["OrigUserRefNum"], asked["UserRefNum"], asked["Quantity"], asked["Price"]) == (1, 2, 120, 631_000)
    assert port.encode_intent(intent(Action.REPLACE), 50) == OuchRefusal.REPLACE_PENDING
    in_flight, facts = heard(port, host("E", UserRefNum=1, Quantity=20))  # before the replacement got there
    assert (in_flight.leaves_lots, facts) == (40, WHOSE | {"at": 6_310, "fill": 20})
    done, facts = heard(port, host("U", OrigUserRefNum=1, UserRefNum=2, Quantity=60, Price=631_000))
    assert (done.kind, done.leaves_lots, done.price_ticks, done.quantity_lots) == (DropKind.REPLACED, 60, 6_310, 120)
    assert facts == WHOSE | {"at": 6_310}
    rest, facts = heard(port, host("C", UserRefNum=2, Quantity=60))
    assert (rest.leaves_lots, facts) == (0, WHOSE | {"at": 6_310, "release": 60, "closes": 1})


def test_a_refused_replacement_gives_the_gate_back_what_it_held(port) -> None:
    sent(port, intent(), 100)
    sent(port, intent(Action.REPLACE, price_ticks=6_400), 150)
    record, facts = heard(port, host("J", UserRefNum=2, Reason=0x15))
    assert (record.kind, record.action, record.reason) == (DropKind.CANCEL_REJECTED, Action.REPLACE, 0x15)
    assert record.leaves_lots == 100
    assert facts == WHOSE | {"at": 6_400, "release": 150, "reserve": 100, "reserve_at": 6_302}
    assert port.live_orders == 1
    record, facts = heard(port, host("C", UserRefNum=1, Quantity=100))
    assert facts == WHOSE | {"at": 6_302, "release": 100, "closes": 1}


def test_an_order_that_fills_while_its_replacement_travels_is_over(port) -> None:
    sent(port, intent(), 100)
    sent(port, intent(Action.REPLACE, price_ticks=6_400), 150)
    last, facts = heard(port, host("E", UserRefNum=1, Quantity=100))
    assert last.leaves_lots == 0
    assert facts == WHOSE | {"at": 6_400, "fill": 100, "release": 50, "closes": 1}
    assert port.live_orders == 0


def test_a_cancel_means_the_replacement_on_its_way_as_well(port) -> None:
    sent(port, intent(), 100)
    sent(port, intent(Action.REPLACE), 150)
    data = port.encode_intent(intent(Action.CANCEL), 0)
    assert data == bytes.fromhex("000a55580000000100000000000a55580000000200000000")
    assert port.encode_intent(intent(Action.REPLACE), 10) == OuchRefusal.UNKNOWN_ORDER


def test_rejects_and_dead_on_arrival(port) -> None:
    sent(port, intent(order_id=1))
    sent(port, intent(order_id=2))
    record, facts = heard(port, host("J", UserRefNum=1, Reason=0x0107))
    assert (record.kind, record.reason, record.leaves_lots) == (DropKind.REJECTED, 255, 0)
    assert facts == WHOSE | {"at": 6_302, "release": 100, "closes": 1}
    record, facts = heard(port, host("A", UserRefNum=2, Quantity=100, **{"Order State": "D"}))
    assert (record.kind, record.leaves_lots) == (DropKind.CANCELED, 0)
    assert facts == WHOSE | {"at": 6_302, "release": 100, "closes": 1}


def test_what_the_host_says_of_orders_that_nobody_knows(port) -> None:
    record, facts = heard(port, host("E", UserRefNum=77, Quantity=10))
    assert (record.kind, record.order_id, record.user_ref_num, record.last_lots) == (DropKind.EXECUTED, 0, 77, 10)
    record, facts = heard(port, host("B", UserRefNum=77, ClOrdID=cl_ord_id(4_711), Reason="E"))
    assert (record.kind, record.order_id, record.execution_id, facts) == (DropKind.BROKEN, 4_711, 99, {})
    assert port.counters()["unknown_refs"] == 2


def test_the_session_around_the_orders(port) -> None:
    record, _ = heard(port, b"\x00\x1fA" + b"000010059B" + b"%20d" % 41)
    assert (record.kind, port.soup_sequence) == (DropKind.SESSION_UP, 41)
    assert port.decode_packet(b"\x00\x01H")[0] == 0
    query = host("Q", NextUserRefNum=500)
    assert port.decode_packet(query)[0] == 0
    assert (port.soup_sequence, port.next_user_ref_num) == (42, 500)
    record, _ = heard(port, b"\x00\x01Z")
    assert (record.kind, chr(record.reason)) == (DropKind.SESSION_DOWN, "Z")
    assert heard(port, b"\x00\x02JA")[0].reason == ord("A")


@pytest.mark.parametrize(
    ("change", "lots", "refusal"),
    [
        ({"instrument_id": 9}, 1, OuchRefusal.UNKNOWN_SYMBOL),
        ({"instrument_id": 2**31}, 1, OuchRefusal.UNKNOWN_SYMBOL),
        ({}, 0, OuchRefusal.BAD_QUANTITY),
        ({}, 1_000_000, OuchRefusal.BAD_QUANTITY),
        ({}, 2**62, OuchRefusal.BAD_QUANTITY),
        ({}, -5, OuchRefusal.BAD_QUANTITY),
        ({"price_ticks": 0}, 1, OuchRefusal.BAD_PRICE),
        ({"price_ticks": 20_000_000}, 1, OuchRefusal.BAD_PRICE),
        ({"price_ticks": 2**62}, 1, OuchRefusal.BAD_PRICE),
        ({"order_type": 9}, 1, OuchRefusal.BAD_PRICE),
        ({"side": 3}, 1, OuchRefusal.BAD_SIDE),
        ({"side": Side.BUY, "flags": SHORT}, 1, OuchRefusal.BAD_SIDE),
        ({"tif": TimeInForce.GTC}, 1, OuchRefusal.BAD_TIF),
        ({"tif": TimeInForce.FOK}, 1, OuchRefusal.BAD_TIF),
        ({"action": 9}, 1, OuchRefusal.BAD_ACTION),
        ({"action": Action.CANCEL}, 1, OuchRefusal.UNKNOWN_ORDER),
        ({"action": Action.REPLACE}, 1, OuchRefusal.UNKNOWN_ORDER),
    ],
)
def test_what_can_not_be_sent_changes_nothing(port, change: dict, lots: int, refusal: OuchRefusal) -> None:
    before = port.export_state()
    assert port.encode_intent(intent(**({"action": Action.NEW} | change)), lots) == refusal
    assert port.export_state() == before
    assert port.counters()["sent"] == 0


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_table_is_bounded_and_ids_are_used_once(backend: str) -> None:
    port = make(backend, max_orders=2)
    sent(port, intent(order_id=1))
    assert port.encode_intent(intent(order_id=1), 1) == OuchRefusal.DUPLICATE_ORDER
    sent(port, intent(order_id=2))
    assert port.encode_intent(intent(order_id=3), 1) == OuchRefusal.TABLE_FULL
    heard(port, host("C", UserRefNum=1, Quantity=100))
    assert sent(port, intent(order_id=3))["UserRefNum"] == 3


def test_the_last_user_reference_number(port) -> None:
    port.advance_user_ref_num(2**32 - 1)
    assert sent(port, intent(order_id=1))["UserRefNum"] == 2**32 - 1
    assert port.encode_intent(intent(order_id=2), 1) == OuchRefusal.EXHAUSTED
    port.advance_user_ref_num(5)
    assert port.encode_intent(intent(order_id=2), 1) == OuchRefusal.EXHAUSTED


@pytest.mark.parametrize(
    ("data", "found", "used"),
    [
        (b"", 0, 0),
        (b"\x00", 0, 0),
        (b"\x00\x05SE", 0, 0),
        (b"\x00\x00S", OuchRefusal.BAD_FRAME, 0),
        (b"\x00\x01S", OuchRefusal.BAD_PACKET, 3),
        (b"\x00\x02SE", OuchRefusal.BAD_PACKET, 4),
        (b"\x00\x02S!", OuchRefusal.BAD_PACKET, 4),
        (b"\x00\x01L", OuchRefusal.BAD_PACKET, 3),
        (b"\x00\x1fA" + b"000010059B" + b"       1 2".rjust(20), OuchRefusal.BAD_PACKET, 33),
        (b"\x00\x1fA" + b"000010059B" + b" " * 20, OuchRefusal.BAD_PACKET, 33),
    ],
)
def test_packets_that_are_none(port, data: bytes, found: int, used: int) -> None:
    assert port.decode_packet(data)[:3] == (found, b"", used)


def test_symbols_that_can_not_be(port) -> None:
    name = int.from_bytes(b"CVLT    ", "little")
    for bad in (
        SymbolRecord(1, 65_536, name, 100, 1),
        SymbolRecord(1, 7, 0, 100, 1),
        SymbolRecord(1, 7, int.from_bytes(b" " * 8, "little"), 100, 1),
        SymbolRecord(1, 7, name, 0, 1),
        SymbolRecord(1, 7, name, 100, 0),
        b"\x00" * 31,
    ):
        with pytest.raises(ValueError, match=r"instrument_id|symbol|per_|Symbol"):
            port.set_symbol(bad)
    sent(port, intent())
    with pytest.raises(ValueError, match="working orders"):
        port.set_symbol(SymbolRecord(1, 7, name, 50, 1))


def test_lots_of_more_than_one_share(port) -> None:
    port.set_symbol(SymbolRecord(9, 9, int.from_bytes(b"MSFT    ", "little"), 1, 100))
    assert sent(port, intent(instrument_id=9, price_ticks=630_201), 5).fields["Quantity"] == 500
    record, _ = heard(port, host("E", UserRefNum=1, Quantity=250, Price=630_201))
    assert (record.last_lots, record.leaves_lots, record.last_price_ticks) == (2, 3, 630_201)
    assert port.counters()["odd_shares"] == 1
    assert port.encode_intent(intent(instrument_id=9, order_id=2), 10_000) == OuchRefusal.BAD_QUANTITY


def test_state_that_does_not_fit_is_refused_whole(port) -> None:
    sent(port, intent())
    state = json.loads(json.dumps(port.export_state()))
    twice = {**state, "orders": state["orders"] * 2}
    with pytest.raises(ValueError, match="once"):
        port.import_state(twice)
    stranger = json.loads(json.dumps(state))
    stranger["orders"][0][14] = 99
    with pytest.raises(ValueError, match="no symbol"):
        port.import_state(stranger)
    with pytest.raises(OverflowError):
        port.import_state({**state, "next_user_ref_num": 2**32})
    assert port.export_state() == state


class Host:
    """Answers at random, mostly sensibly: enough to walk through every branch of a port."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.refs: list[int] = [1]

    def packet(self, instrument_ids=("CVLT", "ADBE")) -> bytes:
        chance = self.chance
        kind = chance.choice("AAAAEEEEECCCDUUUUJBFPITMRSXGKQ")
        ref = chance.choice(self.refs[-12:]) if chance.random() < 0.9 else chance.randrange(1, 500)
        fields = {
            "UserRefNum": ref, "OrigUserRefNum": chance.choice(self.refs[-12:]), "NextUserRefNum": chance.randrange(40),
            "Quantity": chance.choice((1, 10, 50, 100, 100, 150)), "Decrement Shares": chance.randrange(1, 60),
            "Price": chance.choice((630_200, 630_150, 2**63 + 5, 0)), "Order State": chance.choice("LLLLD"),
            "ClOrdID": chance.choice((cl_ord_id(chance.randrange(40)), "H8FUB8IV", "M00000000000a0")),
            "Match Number": chance.randrange(2**64), "Order Reference Number": chance.randrange(2**64), "Firm": "LIME",
            "Reason": chance.randrange(2**16) if kind == "J" else chance.choice("UQIE"), "Event Code": "S",
        }  # fmt: skip
        return host(kind, **fields)


@pytest.mark.parametrize("seed", range(40))
def test_both_backends_say_the_same(seed: int) -> None:
    chance = Random(seed)
    options = {"max_orders": chance.choice((3, 16, 1_000)), "firm": chance.choice(("", "LIME"))}
    ports = [make(backend, **options) for backend in BACKENDS]
    made = Host(chance)
    for step in range(600):
        roll = chance.random()
        if roll < 0.5:
            fields = {
                "action": chance.choice((1, 1, 2, 3)), "order_id": chance.choice((chance.randrange(30), 2**64 - 1)),
                "side": chance.choice((1, 2, 2, 3)), "instrument_id": chance.choice((7, 8, 7, 9)),
                "order_type": chance.choice((1, 2, 2, 2)), "tif": chance.choice((0, 0, 3, 1)),
                "price_ticks": chance.choice((6_302, 1, 19_999_999, 0)), "flags": chance.randrange(32),
            }  # fmt: skip
            lots, reserved = chance.choice((1, 50, 100, 999_999, 0)), chance.choice((0, 6_400))
            answers = [port.encode_intent(intent(**fields), lots, reserved) for port in ports]
            made.refs.append(max(1, ports[0].next_user_ref_num - 1))
        elif roll < 0.95:
            packet = made.packet()
            answers = [port.decode_packet(packet) for port in ports]
        elif roll < 0.98:
            packet = bytearray(made.packet())
            for _ in range(chance.randrange(1, 4)):
                packet[chance.randrange(2, len(packet))] = chance.randrange(256)
            broken = bytes(packet)[: chance.choice((len(packet), chance.randrange(len(packet) + 1)))]
            answers = [port.decode_packet(broken) for port in ports]
        else:
            states = [json.dumps(port.export_state()) for port in ports]
            assert states[0] == states[1]
            for port in ports:
                port.import_state(json.loads(states[0]))
            answers = [port.counters() for port in ports]
        assert answers[0] == answers[1], f"seed {seed}, step {step}"
    assert ports[0].export_state() == ports[1].export_state(), f"seed {seed}"
    assert ports[0].counters() == ports[1].counters()


def test_batches_are_the_same_as_one_after_another(port) -> None:
    single = make("python")
    intents = [intent(order_id=number % 7, quantity_lots=number, tif=TimeInForce.DAY) for number in range(12)]
    packets = [single.encode_intent(order, order.quantity_lots) for order in intents]
    records = b"".join(order.to_bytes() for order in intents)
    sent_bytes, refused = port.encode_batch(records)
    assert sent_bytes == b"".join(packet for packet in packets if isinstance(packet, bytes))
    assert refused == sum(isinstance(packet, int) for packet in packets) > 0
    with pytest.raises(ValueError, match="whole number"):
        port.encode_batch(records[:-1])
    replies = [host("A", UserRefNum=2, Quantity=1), b"\x00\x01H", host("E", UserRefNum=2, Quantity=1), b"\x00\x02S?"]
    told = b"".join(single.decode_packet(reply)[1] for reply in replies)
    assert port.decode_batch(b"".join(replies) + b"\x00\x05S") == (told, sum(map(len, replies)))
    assert port.decode_batch(b"\x00\x01H\x00\x00\x00") == (b"", 3)
    assert port.decode_batch(b"") == (b"", 0)
