"""PortfolioService, MarketDataService and AuditService over mutual TLS."""

from pathlib import Path

import grpc
import pytest

from meltica.domain.market import MarkPrice, TopOfBook, TradingStatus
from meltica.domain.ports import Book
from meltica.v1 import audit_service_pb2 as audit_api
from meltica.v1 import market_data_service_pb2 as market_api
from meltica.v1 import portfolio_service_pb2 as portfolio_api
from meltica.v1.order_pb2 import SIDE_SELL
from tests.engines import BTC
from tests.unit.control.serving import order, refusal, serving


@pytest.fixture
async def running(tmp_path: Path):
    async with serving(tmp_path / "certificates") as found:
        yield found


async def test_positions_and_totals(running):
    tara = await running.be("tara")
    await tara.orders.SubmitOrder(order(quantity="0.5", price="59000"))
    running.gateway.fill("m1", "x1", 50_000, 5_900_000, fee_nanos=2_000_000_000)
    await tara.orders.SubmitOrder(order(side=SIDE_SELL, quantity="0.2", price="59500"))
    running.gateway.fill("m2", "x2", 20_000, 5_950_000, fee_nanos=-500_000_000)
    (position,) = (await tara.portfolio.ListPositions(portfolio_api.ListPositionsRequest())).positions
    assert (position.account, position.instrument, position.currency) == ("main", BTC, "USDT")
    assert (position.quantity, position.average_price, position.mark_price) == ("0.30000", "59000", "60000.00")
    # Sold 0.2 at 500 more than it cost; 0.3 left at 1000 less than the mark.
    assert (position.realised, position.unrealised, position.fees) == ("100", "300", "1.5")
    totals = await tara.portfolio.GetPortfolio(portfolio_api.GetPortfolioRequest(account="main"))
    (total,) = totals.totals
    assert (total.currency, total.net) == ("USDT", "398.5")
    assert (total.long_value, total.short_value, total.traded_value) == ("18000", "0", "41400")
    assert not (await tara.portfolio.ListPositions(portfolio_api.ListPositionsRequest(account="other"))).positions


async def test_instruments(running):
    victor = (await running.be("victor")).market
    (listed,) = (await victor.ListInstruments(market_api.ListInstrumentsRequest(venue="BINANCE"))).instruments
    assert (listed.instrument, listed.venue, listed.tick_size, listed.lot_size) == (BTC, "BINANCE", "0.01", "0.00001")
    assert (listed.max_price, listed.max_quantity) == ("1000000.00", "10000.00000")
    assert (await victor.GetInstrument(market_api.GetInstrumentRequest(instrument=BTC))).instrument == listed
    assert not (await victor.ListInstruments(market_api.ListInstrumentsRequest(venue="XNAS"))).instruments
    error = await refusal(victor.GetInstrument(market_api.GetInstrumentRequest(instrument="ETH/USDT@BINANCE")))
    assert (error.code, error.reason) == (grpc.StatusCode.NOT_FOUND, "UNKNOWN_INSTRUMENT")


async def test_the_book(running):
    victor = (await running.be("victor")).market
    request = market_api.GetOrderBookRequest(instrument=BTC, depth=1)
    assert not (await victor.GetOrderBook(request)).valid
    bids, asks = ((6_000_000, 100), (5_999_900, 200)), ((6_000_100, 300), (6_000_200, 400))
    running.gateway.books[BTC] = Book(BTC, 5_000_000_007, bids, asks, valid=True)
    book = await victor.GetOrderBook(request)
    assert [(level.price, level.quantity) for level in book.bids] == [("60000.00", "0.00100")]
    assert [(level.price, level.quantity) for level in book.asks] == [("60001.00", "0.00300")]
    assert (book.valid, book.time.seconds, book.time.nanos) == (True, 5, 7)
    assert not book.HasField("mark")
    mark = MarkPrice(BTC, 4_000_000_003, 6_000_050, between=True)
    running.gateway.books[BTC] = Book(BTC, 5, bids, asks, valid=True, mark=mark)
    found = (await victor.GetOrderBook(request)).mark
    assert (found.price, found.between, found.time.seconds, found.time.nanos) == ("60000.50", True, 4, 3)
    error = await refusal(victor.GetOrderBook(market_api.GetOrderBookRequest(instrument=BTC, depth=-1)))
    assert error.violations[0][0] == "depth"


async def test_the_top_of_book_as_it_changes(running):
    victor = (await running.be("victor")).market
    call = victor.StreamTopOfBook(market_api.StreamTopOfBookRequest(instruments=[BTC]))
    assert not (await call.read()).tops
    for bid in (6_000_000, 6_000_001):
        running.gateway.tops.put_nowait(TopOfBook(BTC, 9, (bid, 100), None))
    seen = []
    while "60000.01" not in seen:
        seen.extend(top.bid.price for top in (await call.read()).tops)
    running.gateway.tops.put_nowait(TopOfBook(BTC, 9, None, None, MarkPrice(BTC, 8, 6_000_003)))
    marked = [top.mark for top in (await call.read()).tops]
    while not marked:
        marked = [top.mark for top in (await call.read()).tops]
    assert (marked[-1].price, marked[-1].between) == ("60000.03", False)
    call.cancel()
    error = await refusal(victor.StreamTopOfBook(market_api.StreamTopOfBookRequest(instruments=[BTC, "x"])).read())
    assert (error.code, error.reason) == (grpc.StatusCode.NOT_FOUND, "UNKNOWN_INSTRUMENT")


async def test_the_audit_trail(running):
    tara, ada = (await running.be("tara")).orders, (await running.be("ada")).audit
    await tara.SubmitOrder(order())
    journal = running.gateway.journal
    request = audit_api.ListAuditEntriesRequest(page_size=3)
    entries = []
    while True:
        page = await ada.ListAuditEntries(request)
        entries.extend(page.entries)
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert [entry.sequence for entry in entries] == [entry.sequence for entry, _ in journal]
    assert [entry.payload.encode() for entry in entries] == [entry.payload for entry, _ in journal]
    assert "person/tara" in entries[-1].payload
    head = (await ada.GetAuditHead(audit_api.GetAuditHeadRequest())).head
    assert (head.sequence, head.hash) == (entries[-1].sequence, entries[-1].hash)
    report = await ada.VerifyAuditLog(audit_api.VerifyAuditLogRequest())
    assert (report.intact, report.entries, report.head) == (True, len(journal), head)


async def test_the_audit_stream_has_no_gap(running):
    tara, ada = (await running.be("tara")).orders, (await running.be("ada")).audit
    call = ada.StreamAuditEntries(audit_api.StreamAuditEntriesRequest(after_sequence=2))
    sequences: list[int] = []
    assert (await call.read()).sequence == 2
    for _ in range(3):
        await tara.SubmitOrder(order())
    head = len(running.gateway.journal)
    while not sequences or sequences[-1] < head:
        frame = await call.read()
        sequences.extend(entry.sequence for entry in frame.entries)
        assert frame.sequence == sequences[-1]
    call.cancel()
    assert sequences == list(range(3, head + 1))


async def test_large_audit_entries_share_no_page(running):
    """A page ends where it would grow too large, and one entry that alone is too large still comes."""
    ada = (await running.be("ada")).audit
    gateway = running.gateway
    before = len(gateway.journal)
    for size in (400_000, 400_000, 5_000_000, 1):
        gateway.step(TradingStatus(instrument="x" * size, time_ns=1, halted=True))
    request = audit_api.ListAuditEntriesRequest(after_sequence=before)
    pages = []
    while True:
        page = await ada.ListAuditEntries(request)
        pages.append([entry.sequence - before for entry in page.entries])
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert pages == [[1], [2], [3], [4]]
    call = ada.StreamAuditEntries(audit_api.StreamAuditEntriesRequest(after_sequence=before))
    frames: list[list[int]] = []
    while not frames or frames[-1] != [4]:
        frame = await call.read()
        if frame.entries:
            frames.append([entry.sequence - before for entry in frame.entries])
    call.cancel()
    assert frames == pages
