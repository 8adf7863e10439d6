"""What a source of market data says of itself: whose mark price it tells."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

from meltica.app.feed.sources import open_market
from meltica.domain.market import MarkPrice

ETH, BTC = "ETH/USDT:USDT@BINANCE", "BTC/USDT:USDT@BINANCE"


def recording(folder: Path, *bodies: Any) -> Path:
    path = folder / "recorded"
    path.write_text("".join(f"{number} {json.dumps(body)}\n" for number, body in enumerate(bodies, 10**18)), "ascii")
    return path


def depth(symbol: str) -> dict[str, Any]:
    return {
        "e": "depthUpdate", "E": 1, "s": symbol, "U": 2, "u": 3, "pu": 1, "b": [["100.00", "1.000"]],
        "a": [["101.00", "1.000"]],
    }  # fmt: skip


def mark(symbol: str, price: str) -> dict[str, Any]:
    return {"e": "markPriceUpdate", "E": 1, "s": symbol, "p": price, "i": price, "P": price, "r": "0.1", "T": 1}


def test_of_a_recording_those_whose_mark_prices_are_in_it(tmp_path: Path) -> None:
    path = recording(tmp_path, depth("ETHUSDT"), depth("BTCUSDT"), mark("ETHUSDT", "100.505"), [mark("XUSDT", "1")])
    source = open_market(path)
    assert {instrument.instrument for instrument in source.instruments} == {ETH, BTC}
    assert source.mark_prices == (ETH,)
    assert [event for event in source.events if isinstance(event, MarkPrice)] == [
        MarkPrice(ETH, 10**18 + 2, 10_050, between=True)
    ]
    assert open_market(recording(tmp_path, depth("ETHUSDT"))).mark_prices == ()


def test_the_list_of_all_symbols_tells_them_too(tmp_path: Path) -> None:
    every = [mark("ETHUSDT", "100.5"), mark("BTCUSDT", "200")]
    source = open_market(recording(tmp_path, every, depth("ETHUSDT"), depth("BTCUSDT")), instruments=[BTC])
    assert source.mark_prices == (BTC,)
    (event,) = [event for event in source.events if isinstance(event, MarkPrice)]
    assert (event.instrument, event.price_ticks, event.between) == (BTC, 2_000, False)


def test_the_built_in_market_tells_them_all() -> None:
    source = open_market(None, seed=3, start_ns=5)
    assert source.mark_prices == tuple(instrument.instrument for instrument in source.instruments)
    told = [event for event in itertools.islice(source.events, 3_000) if isinstance(event, MarkPrice)]
    assert {event.instrument for event in told} == set(source.mark_prices)
