"""Both Binance recordings agree with the known answers of an independent replay."""

from __future__ import annotations

import gzip
import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from meltica.app.feed.sources import open_market
from meltica.app.feed.summary import summary
from meltica.domain.level_book import LevelBook
from meltica.domain.market import BookUpdate
from meltica.domain.money import plain
from meltica.ticks.recording import lines

DATA = Path(os.environ.get("MELTICA_DATA", Path(__file__).parents[3] / "shared" / "data")) / "binance"
FILES = {"usdm/btcusdt_20240808.gz": "usdm_btcusdt_20240808.gz", "spot/btcusdt_20240808.gz": "spot_btcusdt_20240808.gz"}

pytestmark = pytest.mark.skipif(
    not (DATA / "known_answers.json").exists(), reason=f"no recordings in {DATA}; MELTICA_DATA says where they are"
)


@pytest.fixture(scope="module", params=FILES)
def recording(request: pytest.FixtureRequest) -> tuple[Path, dict[str, Any], dict[str, Any]]:
    """(file, known answer, our summary)"""
    known = json.loads((DATA / "known_answers.json").read_text())["files"][request.param]
    path = DATA / FILES[request.param]
    return path, known, summary(path)


def test_the_summary_equals_the_known_answers(recording):
    _, known, ours = recording
    (book,) = ours["books"].values()
    assert ours["error"] == ""
    assert ours["lines"] == known["lines"]
    assert {kind: ours["messages"][kind] for kind in ("depthUpdate", "bookTicker", "trade")} == {
        kind: known[kind] for kind in ("depthUpdate", "bookTicker", "trade")
    }
    assert (ours["gaps"], ours["dropped"]) == (known["gaps"], known["dropped"])
    assert book["level_updates"] == known["level_updates"]
    assert book["final_bbo"] == [plain(Decimal(text)) for text in known["final_bbo"]]
    assert book["levels"] == known["levels"]
    assert book["top20sha"] == known["top20sha"]
    assert (book["valid"], book["crossed"]) == (True, False)
    assert ours["span_s"] == known.get("span_s", ours["span_s"])


def test_the_traded_quantity_to_the_digits_that_are_known(recording):
    _, known, ours = recording
    (book,) = ours["books"].values()
    answer = Decimal(known["trade_qty"])
    assert abs(Decimal(book["trade_qty"]) - answer) <= Decimal(1).scaleb(answer.as_tuple().exponent) / 2


def test_the_market_source_ends_with_the_same_book(recording):
    path, _, ours = recording
    (shown,) = ours["books"].values()
    source = open_market(path)
    (instrument,) = source.instruments
    book = LevelBook()
    for event in source.events:
        if isinstance(event, BookUpdate):
            book.apply(event)
    best = [instrument.price_text(side.best) for side in (book.bids, book.asks)]
    assert [plain(Decimal(text)) for text in best] == shown["final_bbo"]
    assert [len(book.bids), len(book.asks)] == shown["levels"], "a level vanished in rounding"
    assert not book.crossed


def test_the_book_never_strays_from_the_best_quotes_for_long(recording):
    """An independent witness inside the recordings: ``bookTicker`` says the best bid and offer as they change."""
    path, _, _ = recording
    quotes, seen = {}, 0
    for line in lines(path):
        message = json.loads(line.body)
        data = message.get("data", message)
        if "B" in data and "b" in data and "A" in data:
            quotes[data["u"]] = (Decimal(data["b"]), Decimal(data["a"]))
    book = LevelBook()
    source = open_market(path)
    (instrument,) = source.instruments
    ids = iter(update_ids(path))
    for event in source.events:
        if isinstance(event, BookUpdate):
            book.apply(event)
            quote = quotes.get(next(ids))
            if quote is not None:
                seen += 1
                assert tuple(Decimal(instrument.price_text(s.best)) for s in (book.bids, book.asks)) == quote
    assert seen > 100


def update_ids(path: Path) -> list[int]:
    """The ids of the book after the snapshot and after each update that counts, by the rule of the known answers."""
    snapshot, before, after = None, [], []
    futures = False
    for line in lines(path):
        message = json.loads(line.body)
        data = message.get("data", message)
        if "lastUpdateId" in data:
            snapshot = data["lastUpdateId"]
        elif data.get("e") == "depthUpdate":
            futures |= "pu" in data
            (before if snapshot is None else after).append(data["u"])
    assert snapshot is not None
    return [snapshot, *(u for u in (*before, *after) if (u >= snapshot if futures else u > snapshot))]


@pytest.mark.parametrize("share", [0.2, 0.9])
def test_a_truncated_recording_is_summed_up_to_the_damage(tmp_path: Path, recording, share: float):
    path, _, whole = recording
    cut = tmp_path / "cut.gz"
    cut.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    ours = summary(cut)
    assert f"line {ours['lines'] + 1}" in ours["error"]
    assert "the gzip data is truncated" in ours["error"]
    assert 0.5 * share < ours["lines"] / whole["lines"] < 1.5 * share
    (book,) = ours["books"].values()
    assert (book["valid"], book["crossed"]) == (True, False)


@pytest.mark.parametrize("which", [0, 3000])
def test_a_lost_update_is_noticed(tmp_path: Path, recording, which: int):
    path, known, _ = recording
    text = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    updates = [n for n, line in enumerate(text) if b'"e":"depthUpdate"' in line]
    del text[updates[which + known["dropped"]]]
    cut = tmp_path / "lost"
    cut.write_bytes(b"".join(text))
    ours = summary(cut)
    (book,) = ours["books"].values()
    assert (book["valid"], ours["gaps"]) == (False, 1)
