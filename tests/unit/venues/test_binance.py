"""Binance messages, numbers and book rules, from hand-made messages in both markets' forms."""

from __future__ import annotations

import itertools
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meltica.domain.errors import FieldError
from meltica.domain.market import BookInvalid, BookUpdate, MarketTrade, MarkPrice
from meltica.domain.order import Side
from meltica.venues.binance.instruments import binance_instrument
from meltica.venues.binance.numbers import Steps
from meltica.venues.binance.session import BinanceError, BinanceSession, Symbol

SPOT = binance_instrument("BTCUSDT", 0, futures=False, tick_size=Decimal(1), lot_size=Decimal(1))
FUTURES = binance_instrument("BTCUSDT", 0, futures=True, tick_size=Decimal(1), lot_size=Decimal(1))


def depth(first: int, last: int, previous: int | None = None, **sides: Any) -> bytes:
    update = {"e": "depthUpdate", "E": 1, "s": "BTCUSDT", "U": first, "u": last}
    if previous is not None:
        update["pu"] = previous
    return wrapped({**update, "b": sides.get("b", [["100.00", f"{last}"]]), "a": sides.get("a", [])}, "depth@100ms")


def snapshot(last: int) -> bytes:
    book = {"lastUpdateId": last, "bids": [["100.00", "7"]], "asks": [["101.00", "5"]]}
    return json.dumps(book).encode()


def wrapped(data: dict[str, Any], stream: str) -> bytes:
    return json.dumps({"stream": f"btcusdt@{stream}", "data": data}).encode()


class Feed:
    def __init__(self, instrument=SPOT) -> None:
        self.symbol = Symbol.of(instrument)
        self.session = BinanceSession([self.symbol])
        self.now_ns = 0

    def __call__(self, *bodies: bytes) -> list[str]:
        """What came of them: S a snapshot, the book id for an update, ! a gap."""
        words = []
        for body in bodies:
            self.now_ns += 1
            for event in self.session.receive(body, self.now_ns):
                assert event.time_ns == self.now_ns
                match event:
                    case BookUpdate():
                        words.append("S" if event.snapshot else str(event.bids[0][1] // self.lots_of_one))
                    case BookInvalid():
                        words.append("!")
        return words

    @property
    def lots_of_one(self) -> int:
        return int(1 / self.symbol.quantity.step)

    @property
    def counts(self) -> tuple[int, int]:
        return self.symbol.gaps, self.symbol.dropped


class TestSpotBook:
    def test_what_came_before_the_snapshot_waits_for_it(self):
        feed = Feed()
        assert feed(depth(1, 5), depth(6, 10), depth(11, 12)) == []
        assert feed(snapshot(7), depth(13, 13)) == ["S", "10", "12", "13"]
        assert feed.counts == (0, 1)

    def test_the_update_of_the_snapshot_itself_is_old(self):
        """The off-by-one: on spot u == lastUpdateId is dropped."""
        feed = Feed()
        assert feed(snapshot(10), depth(6, 10), depth(11, 11)) == ["S", "11"]
        assert feed.counts == (0, 1)

    def test_a_snapshot_that_is_too_old(self):
        feed = Feed()
        assert feed(depth(6, 10), snapshot(4)) == ["S", "!"]
        assert feed(depth(11, 12), snapshot(9)) == ["S", "10", "12"]

    @pytest.mark.parametrize("missing", [0, 1, 2])
    def test_a_gap_makes_the_book_invalid_until_the_next_snapshot(self, missing: int):
        updates = [depth(n, n) for n in range(11, 16)]
        del updates[missing + 1]
        feed = Feed()
        said = feed(snapshot(10), *updates)
        assert said == ["S", *[str(11 + n) for n in range(missing + 1)], "!"]
        assert feed.counts == (1, 0)
        assert feed(snapshot(14), depth(16, 16)) == ["S", "15", "16"]

    def test_repeated_and_late_updates_are_dropped(self):
        feed = Feed()
        assert feed(snapshot(10), depth(11, 12), depth(11, 12), depth(13, 13), depth(11, 12)) == ["S", "12", "13"]
        assert feed.counts == (0, 2)

    def test_updates_in_the_wrong_order_are_a_gap(self):
        feed = Feed()
        assert feed(snapshot(10), depth(12, 12), depth(11, 11)) == ["S", "!"]


class TestFuturesBook:
    def test_the_update_that_spans_the_snapshot_is_kept(self):
        feed = Feed(FUTURES)
        assert feed(depth(1, 5, 0), depth(6, 10, 5), depth(20, 30, 10)) == []
        assert feed(snapshot(8), depth(31, 40, 30)) == ["S", "10", "30", "40"]
        assert feed.counts == (0, 1)

    def test_the_update_of_the_snapshot_itself_is_new(self):
        """The off-by-one: on futures only u < lastUpdateId is dropped."""
        feed = Feed(FUTURES)
        assert feed(depth(6, 10, 5), snapshot(10), depth(20, 30, 10)) == ["S", "10", "30"]
        assert feed.counts == (0, 0)

    def test_right_after_the_snapshots_own_update(self):
        feed = Feed(FUTURES)
        assert feed(snapshot(10), depth(20, 30, 10)) == ["S", "30"]

    def test_each_must_name_the_one_before(self):
        feed = Feed(FUTURES)
        assert feed(snapshot(10), depth(8, 12, 7), depth(30, 40, 29)) == ["S", "12", "!"]
        assert feed(depth(41, 50, 40), snapshot(45)) == ["S", "50"]
        assert feed.counts == (1, 1)

    def test_repeated_updates_are_dropped(self):
        feed = Feed(FUTURES)
        assert feed(snapshot(10), depth(8, 12, 7), depth(8, 12, 7), depth(13, 14, 12)) == ["S", "12", "14"]

    def test_a_snapshot_that_is_too_old(self):
        feed = Feed(FUTURES)
        assert feed(snapshot(4), depth(6, 10, 5)) == ["S", "!"]


@given(st.data(), st.booleans())
def test_any_lost_doubled_or_swapped_update_is_noticed(data: st.DataObject, futures: bool):
    """The book is never wrong and valid at once: it equals the truth, or says that it does not."""
    ids = [10]
    for step in data.draw(st.lists(st.integers(1, 5), min_size=3, max_size=15)):
        ids.append(ids[-1] + step)
    updates = [depth(before + 1, last, before if futures else None) for before, last in itertools.pairwise(ids)]
    order = list(range(len(updates)))
    harm = data.draw(st.sampled_from(["lose", "double", "swap", "nothing"]))
    match harm:
        case "lose":
            order.pop(data.draw(st.integers(0, len(order) - 2)))
        case "double":
            at = data.draw(st.integers(0, len(order) - 1))
            order.insert(data.draw(st.integers(at, len(order))), at)
        case "swap":
            at = data.draw(st.integers(0, len(order) - 2))
            order[at], order[at + 1] = order[at + 1], order[at]
    feed = Feed(FUTURES if futures else SPOT)
    said = feed(snapshot(10), *(updates[n] for n in order))
    expected = [str(last) for last in ids[1:]]
    if "!" in said:
        assert said[1 : said.index("!")] == expected[: said.index("!") - 1]
        assert said[-1] == "!", "an update was applied to an invalid book"
    else:
        assert said[1:] == expected
    assert ("!" in said) == (harm in ("lose", "swap"))


class TestTrades:
    def trade(self, kind: str = "trade", **changed: Any) -> bytes:
        number = {"trade": "t", "aggTrade": "a"}[kind]
        data = {"e": kind, "E": 1, "s": "BTCUSDT", number: 9, "p": "100.50", "q": "0.25000", "m": True, **changed}
        return wrapped(data, kind)

    def test_the_side_of_the_aggressor(self):
        session = BinanceSession([Symbol.of(SPOT)])
        assert session.receive(self.trade(), 5) == (MarketTrade(SPOT.instrument, 5, 10_050, 25_000, Side.SELL, "9"),)
        (buy,) = session.receive(self.trade(m=False), 5)
        assert isinstance(buy, MarketTrade)
        assert buy.aggressor is Side.BUY

    def test_never_from_both_streams(self):
        single, aggregate = (BinanceSession([Symbol.of(SPOT)], aggregate_trades=on) for on in (False, True))
        for session, counted in ((single, "trade"), (aggregate, "aggTrade")):
            for kind in ("trade", "aggTrade"):
                assert len(session.receive(self.trade(kind), 1)) == (kind == counted)
            assert session.messages == {"trade": 1, "aggTrade": 1}

    def test_nobody_traded_nothing(self):
        session = BinanceSession([Symbol.of(FUTURES)])
        assert session.receive(self.trade(p="0", q="0", X="NA"), 1) == ()


class TestMarkPrices:
    """The shape is the one that Binance documents for ``<symbol>@markPrice`` and ``!markPrice@arr``."""

    @staticmethod
    def update(**changed: Any) -> dict[str, Any]:
        return {
            "e": "markPriceUpdate",
            "E": 1562305380000,
            "s": "BTCUSDT",
            "p": "11794.15000000",
            "i": "11784.62659091",
            "P": "11784.25641265",
            "r": "0.00038167",
            "T": 1562306400000,
            **changed,
        }

    @pytest.mark.parametrize(
        ("price", "ticks", "between"),
        [("11794.10000000", 117_941, False), ("11794.15000000", 117_941, True), ("11794.19999999", 117_941, True)],
    )
    def test_a_price_finer_than_the_tick_lies_between_two(self, price: str, ticks: int, between: bool):
        session = BinanceSession([Symbol.of(FUTURES)])
        told = (MarkPrice(FUTURES.instrument, 5, ticks, between),)
        assert session.receive(json.dumps(self.update(p=price)).encode(), 5) == told
        assert session.receive(wrapped(self.update(p=price), "markPrice@1s"), 5) == told

    def test_those_of_all_symbols_come_in_one_list(self):
        session = BinanceSession([Symbol.of(FUTURES)], on_unknown=pytest.fail)
        every = [self.update(s="ETHUSDT"), self.update(), self.update(s="XRPUSDT", p="0.1")]
        told = [MarkPrice(FUTURES.instrument, 5, 117_941, True)]
        assert session.receive(json.dumps(every).encode(), 5) == told
        for stream in ("!markPrice@arr", "!markPrice@arr@1s"):
            assert session.receive(json.dumps({"stream": stream, "data": every}).encode(), 5) == told
        assert session.messages == {"markPriceUpdate@arr": 3}

    def test_before_a_symbol_trades_it_has_none(self):
        session = BinanceSession([Symbol.of(FUTURES)])
        assert session.receive(json.dumps(self.update(p="0.00000000")).encode(), 5) == ()

    @pytest.mark.parametrize("changed", [{"p": "-1"}, {"p": "1e4"}, {"p": 5}, {"p": "9" * 18}, {"s": None}])
    def test_what_is_no_price_is_their_fault(self, changed: dict[str, Any]):
        session = BinanceSession([Symbol.of(binance_instrument(
            "BTCUSDT", 0, futures=True, tick_size=Decimal(1), lot_size=Decimal(1)
        ))])  # fmt: skip
        with pytest.raises(BinanceError):
            session.receive(json.dumps(self.update(**changed)).encode(), 5)
        with pytest.raises(BinanceError):
            session.receive(json.dumps([self.update(), self.update(**changed)]).encode(), 5)


class TestMessages:
    def test_all_kinds_are_counted_by_name(self):
        session = BinanceSession([Symbol.of(SPOT)])
        quote = {"u": 1, "s": "BTCUSDT", "b": "1.00", "B": "1", "a": "2.00", "A": "1"}
        for body in (
            depth(1, 1),
            snapshot(1),
            wrapped(quote, "bookTicker"),
            json.dumps(quote).encode(),
            json.dumps({"e": "bookTicker", **quote}).encode(),
            wrapped({"e": "kline", "k": {}}, "kline_1m"),
            json.dumps({"e": "forceOrder", "o": {}}).encode(),
            json.dumps([{"e": "24hrTicker", "s": "BTCUSDT", "p": "1"}]).encode(),
            b'{"result":null,"id":1}',
        ):
            session.receive(body, 1)
        assert session.messages == {
            "depthUpdate": 1,
            "depthSnapshot": 1,
            "bookTicker": 3,
            "kline_1m": 1,
            "forceOrder": 1,
            "24hrTicker@arr": 1,
            "unknown": 1,
        }

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"nonsense",
            b"[]",
            b'{"stream":"btcusdt@trade","data":{"e":"trade"}}',
            depth(1, 2)[:-3],
            depth(1, 2, b=[["1e5", "1"]]),
            depth(1, 2, b=[["-1.00", "1"]]),
            depth(1, 2, b=[["100.001", "1"]]),
            depth(1, 2, b=[["NaN", "1"]]),
            depth(1, 2, b=[["100.00", "٣"]]),
            depth(1, 2, b=[[100.0, 1]]),
            depth("1", 2),  # type: ignore[arg-type]
        ],
    )
    def test_what_binance_does_not_document_is_an_error(self, body: bytes):
        feed = Feed()
        feed(snapshot(0))
        with pytest.raises(BinanceError):
            feed(body)
        assert feed.counts == (0, 0)

    def test_a_bad_update_does_not_count_as_applied(self):
        feed = Feed()
        feed(snapshot(0))
        with pytest.raises(BinanceError):
            feed(depth(1, 2, b=[["100.001", "1"]]))
        assert feed(depth(3, 4)) == ["!"]

    def test_a_symbol_that_nobody_asked_for(self):
        session = BinanceSession([])
        assert session.receive(depth(1, 2), 1) == ()

    def test_a_snapshot_of_nobody_knows_what(self):
        session = BinanceSession([])
        with pytest.raises(BinanceError, match="does not say of which symbol"):
            session.receive(snapshot(1), 1)

    def test_a_lost_connection(self):
        feed = Feed()
        feed(snapshot(10), depth(11, 11))
        assert [type(event) for event in feed.session.lost(99)] == [BookInvalid]
        assert feed(depth(12, 12)) == []
        assert feed(snapshot(12), depth(13, 13)) == ["S", "13"]


class TestNumbers:
    @given(st.integers(0, 10**15), st.sampled_from(["1", "0.01", "0.00001", "0.5", "0.25", "10"]))
    def test_exact(self, count: int, step: str):
        exact = Steps("price", Decimal(step))
        text = f"{count * Decimal(step):f}"
        assert exact(text) == count == exact(text)
        if "." in text:
            assert exact(text + "000") == count

    @given(st.decimals(min_value=0, max_value=10**9, places=8), st.sampled_from(["1", "0.001", "0.5"]))
    def test_rounded_up_by_less_than_a_step(self, value: Decimal, step: str):
        lots = Steps("quantity", Decimal(step), round_up=True)
        count = lots(f"{value:f}")
        assert 0 <= count * Decimal(step) - value < Decimal(step)
        assert lots.rounded == (count * Decimal(step) != value)

    @pytest.mark.parametrize("text", ["", "1e3", "nan", "inf", "-1", "+1", " 1", "1,5", "0x1", "1.005", "9" * 30])
    def test_refused(self, text: str):
        with pytest.raises(FieldError):
            Steps("price", Decimal("0.01"))(text)


class TestInstruments:
    def test_names(self):
        assert SPOT.instrument == "BTC/USDT@BINANCE"
        assert FUTURES.instrument == "BTC/USDT:USDT@BINANCE"
        assert (SPOT.tick_size, FUTURES.tick_size) == (Decimal("0.01"), Decimal("0.1"))

    def test_an_unknown_symbol_keeps_the_steps_that_were_seen(self):
        found = binance_instrument("PEPEUSDT", 3, futures=False, tick_size=Decimal("0.0001"), lot_size=Decimal(1))
        assert (found.instrument, found.tick_size) == ("PEPE/USDT@BINANCE", Decimal("0.0001"))

    def test_an_unknown_quote_currency(self):
        with pytest.raises(FieldError, match="does not end in any of"):
            binance_instrument("ABCXYZ", 0, futures=False, tick_size=Decimal(1), lot_size=Decimal(1))
