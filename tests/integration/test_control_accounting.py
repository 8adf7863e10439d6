"""AccountingService over mutual TLS: what is booked, what is shown of it, and every field wrong."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path
from typing import Any

import grpc
import pytest

from meltica.domain.commands import BeginDay, RegisterInstrument, Revalue
from meltica.v1 import accounting_service_pb2 as api
from tests.engines import BTC, instrument
from tests.unit.control.serving import order, refusal, serving

PERP = "BTC/USDT:USDT@BINANCE"


@pytest.fixture
async def running(tmp_path: Path):
    async with serving(tmp_path / "certificates") as found:
        yield found


def fresh(of: Any, /, **fields: Any) -> Any:
    return of(request_id=str(uuid.uuid4()), **fields)


def deposit(**wrong: Any) -> Any:
    right = {"account": "main", "kind": api.CASH_KIND_DEPOSIT, "currency": "USDT", "amount": "1000", "reason": "seed"}
    return fresh(api.BookCashRequest, **{**right, **wrong})


def books(account: str = "main", **facts: Any) -> Any:
    right = {"method": api.COST_METHOD_FIFO, "mode": api.POSITION_MODE_NETTING, "base_currency": "USDT"}
    return fresh(api.SetAccountBooksRequest, account=account, **{**right, **facts})


async def trade(running, quantity: str = "0.5") -> None:
    """Bought 0.2 at 60,060 and 0.1 at 59,000, fees 3 and 1."""
    tara = await running.be("tara")
    await tara.orders.SubmitOrder(order(quantity=quantity, price="60500", strategy="a"))
    running.gateway.fill("m1", "x1", 20_000, 6_006_000, fee_nanos=3_000_000_000)
    running.gateway.fill("m1", "x2", 10_000, 5_900_000, fee_nanos=1_000_000_000)


async def test_from_a_deposit_to_a_statement(running):
    olivia, victor = (await running.be("olivia")).accounting, (await running.be("victor")).accounting
    await olivia.SetAccountBooks(books())
    reply = await olivia.BookCash(deposit())
    assert reply.sequence == len(running.gateway.journal)
    await trade(running)
    summary = (await victor.GetAccountSummary(api.GetAccountSummaryRequest(account="main"))).summary
    assert (summary.account, summary.base_currency, summary.method) == ("main", "USDT", api.COST_METHOD_FIFO)
    assert summary.sequence == len(running.gateway.journal)
    (balance,) = summary.balances
    assert (balance.cash, balance.position_cost, balance.position_value) == ("-16916", "17912", "18000")
    assert (balance.equity, balance.capital, balance.profit.total) == ("1084", "1000", "84")
    assert (balance.profit.unrealised, balance.profit.fees, summary.base_equity) == ("88", "4", "1084")
    (position,) = (await victor.ListBookPositions(api.ListBookPositionsRequest(account="main"))).positions
    assert (position.instrument, position.quantity, position.cost, position.average_price) == (
        BTC,
        "0.30000",
        "17912",
        "59706.666666667",
    )
    assert [(lot.execution_id, lot.quantity, lot.cost) for lot in position.open_lots] == [
        ("x1", "0.20000", "12012"),
        ("x2", "0.10000", "5900"),
    ]
    running.gateway.step(BeginDay(request_id="", actor="system:test"))
    (closed,) = (await victor.GetStatement(api.GetStatementRequest(account="main", day=_today(summary)))).statements[:1]
    assert closed.HasField("end_time")
    (line,) = closed.lines
    assert (line.opening, line.capital, line.unrealised, line.fees, line.closing) == ("0", "1000", "88", "4", "1084")
    assert (line.trades, line.traded_value, closed.base_closing) == (2, "17912", "1084")
    (going,) = (await victor.GetStatement(api.GetStatementRequest(account="main"))).statements
    assert (going.number, going.lines[0].opening, going.HasField("end_time")) == (2, "1084", False)
    running.gateway.step(Revalue(request_id="", actor="system:test"))
    curve = await victor.GetEquityCurve(api.GetEquityCurveRequest(account="main"))
    assert (curve.base_currency, [point.equity for point in curve.points]) == ("USDT", ["1084", "1084"])


def _today(summary: Any) -> str:
    return summary.time.ToDatetime().date().isoformat()


async def test_entries_in_pages(running):
    olivia, victor = (await running.be("olivia")).accounting, (await running.be("victor")).accounting
    for amount in ("1", "2", "3"):
        await olivia.BookCash(deposit(amount=amount))
    page = await victor.ListLedgerEntries(api.ListLedgerEntriesRequest(account="main", page_size=2))
    assert [entry.postings[0].amount for entry in page.entries] == ["1", "2"]
    rest = api.ListLedgerEntriesRequest(account="main", page_size=2, page_token=page.next_page_token)
    last = await victor.ListLedgerEntries(rest)
    assert [(entry.number, entry.what) for entry in last.entries] == [(3, "deposit")]
    assert (last.next_page_token, last.oldest_number) == ("", 1)
    other = api.ListLedgerEntriesRequest(account="other", page_token=page.next_page_token)
    assert (await refusal(victor.ListLedgerEntries(other))).reason == "INVALID_REQUEST"


async def test_a_fill_goes_to_sub_accounts_and_back(running):
    olivia, tara = (await running.be("olivia")).accounting, (await running.be("tara")).accounting
    for name in ("fund-a", "fund-b"):
        await olivia.SetAccountBooks(books(name))
    await trade(running)
    shares = [api.FillShare(account="fund-a", ratio=2), api.FillShare(account="fund-b", ratio=1)]
    made = await tara.AllocateFill(fresh(api.AllocateFillRequest, order_id="1", shares=shares))
    found = (await tara.ListBookPositions(api.ListBookPositionsRequest())).positions
    assert {(p.account, p.quantity, p.average_price) for p in found} == {
        ("fund-a", "0.20000", "59706.666666665"),
        ("fund-b", "0.10000", "59706.66666667"),
        ("main", "0.00000", ""),
    }
    assert sum(int(float(p.cost) * 10**9) for p in found) == 17912 * 10**9
    again = fresh(api.AllocateFillRequest, order_id="1", shares=shares)
    assert (await refusal(tara.AllocateFill(again))).reason == "ALREADY_ALLOCATED"
    gone = fresh(api.ReverseAllocationRequest, allocation_id=made.allocation_id, reason="a mistake")
    await tara.ReverseAllocation(gone)
    found = (await tara.ListBookPositions(api.ListBookPositionsRequest(account="main"))).positions
    assert [(p.quantity, p.cost) for p in found] == [("0.30000", "17912")]
    exact = [api.FillShare(account="fund-a", quantity="0.15"), api.FillShare(account="fund-b", quantity="0.05")]
    one = fresh(api.AllocateFillRequest, order_id="1", execution_id="x1", by_quantity=True, shares=exact)
    assert (await tara.AllocateFill(one)).allocation_id == "2"
    found = (await tara.ListBookPositions(api.ListBookPositionsRequest(page_size=2))).positions
    assert [(p.account, p.quantity) for p in found] == [("fund-a", "0.15000"), ("fund-b", "0.05000")]


async def test_schedules_rates_funding_and_splits(running):
    gateway = running.gateway
    perpetual = RegisterInstrument(request_id="p", actor="system:test", instrument=instrument(PERP, 2))
    gateway.step(perpetual)
    olivia, victor = (await running.be("olivia")).accounting, (await running.be("victor")).accounting
    tiers = [api.FeeTier(volume="0", maker_ppm=100, taker_ppm=200), api.FeeTier(volume="5000", maker_ppm=50)]
    schedule = {
        "venue": "BINANCE",
        "instrument_class": api.INSTRUMENT_CLASS_SPOT,
        "window": api.VOLUME_WINDOW_MONTH,
        "currency": "USDT",
        "tiers": tiers,
    }
    await olivia.SetFeeSchedule(fresh(api.SetFeeScheduleRequest, **schedule))
    await trade(running, quantity="0.3")
    found = (await victor.ListFeeDifferences(api.ListFeeDifferencesRequest(account="main"))).differences
    assert [(d.execution_id, d.expected_ppm, d.expected, d.reported, d.maker) for d in found] == [
        ("x1", 100, "1.2012", "3", True),
        ("x2", 50, "0.295", "1", True),
    ]
    page = await victor.ListFeeDifferences(api.ListFeeDifferencesRequest(page_size=1))
    token = page.next_page_token
    page = await victor.ListFeeDifferences(api.ListFeeDifferencesRequest(page_size=1, page_token=token))
    assert [d.number for d in page.differences] == [2]
    rate = {"base_currency": "BTC", "quote_currency": "USDT", "rate": "60000.5"}
    await olivia.SetConversionRate(fresh(api.SetConversionRateRequest, **rate))
    await olivia.SettleFunding(fresh(api.SettleFundingRequest, instrument=PERP, rate="0.0001", mark_price="60000"))
    split = {"instrument": BTC, "numerator": 10, "denominator": 1, "reason": "as the venue says"}
    await olivia.SplitInstrument(fresh(api.SplitInstrumentRequest, **split))
    (position,) = (await victor.ListBookPositions(api.ListBookPositionsRequest(by_strategy=True))).positions
    assert (position.strategy, position.quantity, position.cost) == ("a", "3.00000", "17912")


async def test_profit_as_it_changes(running):
    olivia, victor = (await running.be("olivia")).accounting, (await running.be("victor")).accounting
    await olivia.BookCash(deposit())
    stream = victor.StreamPnl(api.StreamPnlRequest(account="main"))
    first = await asyncio.wait_for(stream.read(), 10)
    assert [s.balances[0].equity for s in first.summaries] == ["1000"]
    pending = asyncio.ensure_future(stream.read())
    running.gateway.step(Revalue(request_id="", actor="system:test"))
    assert await _still(pending), "nothing changed, nothing is said"
    await olivia.BookCash(deposit(kind=api.CASH_KIND_INTEREST, amount="-2.5"))
    second = await asyncio.wait_for(pending, 10)
    assert [(s.balances[0].equity, s.balances[0].profit.other) for s in second.summaries] == [("997.5", "-2.5")]
    assert second.sequence == len(running.gateway.journal)
    stream.cancel()


WRONG = [
    ("GetAccountSummary", api.GetAccountSummaryRequest(), {"account"}),
    ("GetStatement", api.GetStatementRequest(account="a b", day="today"), {"account", "day"}),
    ("GetEquityCurve", api.GetEquityCurveRequest(), {"account"}),
    (
        "ListBookPositions",
        api.ListBookPositionsRequest(account="!", method=9, page_size=-1),
        {"account", "method", "page_size"},
    ),
    ("ListFeeDifferences", api.ListFeeDifferencesRequest(page_token="x"), {"page_token"}),
    (
        "BookCash",
        api.BookCashRequest(currency="usd", amount="1e9"),
        {"request_id", "account", "kind", "currency", "amount", "reason"},
    ),
    (
        "BookCash",
        deposit(kind=api.CASH_KIND_CONVERSION, to_currency="", to_amount=""),
        {"to_currency", "to_amount"},
    ),
    ("BookCash", deposit(to_currency="EUR"), {"to_currency"}),
    ("BookCash", deposit(amount="-1"), {"amount"}),
    (
        "SetConversionRate",
        api.SetConversionRateRequest(rate="-1"),
        {"request_id", "base_currency", "quote_currency", "rate"},
    ),
    (
        "SetConversionRate",
        fresh(api.SetConversionRateRequest, base_currency="AA", quote_currency="BB", rate="0"),
        {"rate"},
    ),
    (
        "SetConversionRate",
        fresh(
            api.SetConversionRateRequest, base_currency="AA", quote_currency="BB", rate="99999999999999999.000000000001"
        ),
        {"rate"},
    ),
    (
        "SetAccountBooks",
        api.SetAccountBooksRequest(base_currency="$"),
        {"request_id", "account", "base_currency", "method", "mode"},
    ),
    (
        "SetFeeSchedule",
        api.SetFeeScheduleRequest(tiers=[api.FeeTier(volume="x")]),
        {"request_id", "venue", "instrument_class", "window", "currency", "tiers[0].volume"},
    ),
    (
        "SettleFunding",
        fresh(api.SettleFundingRequest, instrument=BTC, rate="0.0000000000001", mark_price="-1"),
        {"rate", "mark_price"},
    ),
    ("SettleFunding", fresh(api.SettleFundingRequest, instrument=BTC, rate="2", mark_price="1"), {"rate"}),
    ("SettleFunding", fresh(api.SettleFundingRequest, instrument=BTC, rate="1", mark_price="1"), {"instrument"}),
    (
        "SplitInstrument",
        api.SplitInstrumentRequest(),
        {"request_id", "instrument", "numerator", "denominator", "reason"},
    ),
    ("AllocateFill", api.AllocateFillRequest(), {"request_id", "order_id", "shares"}),
    (
        "AllocateFill",
        fresh(api.AllocateFillRequest, order_id="1", shares=[api.FillShare(account="", quantity="1")]),
        {"shares[0].account", "shares[0].quantity", "shares[0].ratio"},
    ),
    (
        "AllocateFill",
        fresh(api.AllocateFillRequest, order_id="1", by_quantity=True, shares=[api.FillShare(account="a", ratio=1)]),
        {"shares[0].ratio", "shares[0].quantity"},
    ),
    ("ReverseAllocation", api.ReverseAllocationRequest(allocation_id="x"), {"request_id", "allocation_id", "reason"}),
]


@pytest.mark.parametrize(
    ("method", "request_", "fields"), WRONG, ids=lambda value: value if isinstance(value, str) else ""
)
async def test_every_wrong_field_is_named(running, method, request_, fields):
    olivia = (await running.be("olivia")).accounting
    entries = len(running.gateway.journal)
    refused = await refusal(getattr(olivia, method)(request_))
    assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
    assert {field for field, _ in refused.violations} == fields, refused
    assert len(running.gateway.journal) - entries in (0, 1), "a refusal of the engine is journaled, nothing else is"


@pytest.mark.parametrize(
    ("method", "request_", "reason"),
    [
        ("GetAccountSummary", api.GetAccountSummaryRequest(account="nobody"), "UNKNOWN_BOOKS"),
        ("GetEquityCurve", api.GetEquityCurveRequest(account="nobody"), "UNKNOWN_BOOKS"),
        ("GetStatement", api.GetStatementRequest(account="nobody"), "UNKNOWN_BOOKS"),
        ("BookCash", deposit(account="nobody"), "UNKNOWN_ACCOUNT"),
        ("BookCash", deposit(instrument="X@XX"), "UNKNOWN_INSTRUMENT"),
        (
            "SettleFunding",
            fresh(api.SettleFundingRequest, instrument="X@XX", rate="1", mark_price="1"),
            "UNKNOWN_INSTRUMENT",
        ),
        (
            "AllocateFill",
            fresh(api.AllocateFillRequest, order_id="9", shares=[api.FillShare(account="a", ratio=1)]),
            "UNKNOWN_ORDER",
        ),
        ("ReverseAllocation", fresh(api.ReverseAllocationRequest, allocation_id="9", reason="r"), "UNKNOWN_ALLOCATION"),
    ],
)
async def test_what_is_not_there(running, method, request_, reason):
    olivia = (await running.be("olivia")).accounting
    refused = await refusal(getattr(olivia, method)(request_))
    assert (refused.code, refused.reason) == (grpc.StatusCode.NOT_FOUND, reason)


async def test_a_day_that_never_was(running):
    olivia = (await running.be("olivia")).accounting
    await olivia.BookCash(deposit())
    refused = await refusal(olivia.GetStatement(api.GetStatementRequest(account="main", day="2001-01-01")))
    assert refused.reason == "UNKNOWN_DAY"


async def test_unknown_fields_of_parts_are_refused(running):
    """A field that is not known may be a condition that would be ignored, in a list too."""
    olivia = (await running.be("olivia")).accounting
    share = api.FillShare.FromString(api.FillShare(account="a", ratio=1).SerializeToString() + b"\x98\x06\x01")
    refused = await refusal(olivia.AllocateFill(fresh(api.AllocateFillRequest, order_id="1", shares=[share])))
    assert refused.violations == [("shares[0].#99", "unknown field number 99")]


async def test_the_same_request_books_once(running):
    olivia = (await running.be("olivia")).accounting
    request = deposit()
    first, second = await olivia.BookCash(request), await olivia.BookCash(request)
    assert first.sequence == second.sequence
    summary = (await olivia.GetAccountSummary(api.GetAccountSummaryRequest(account="main"))).summary
    assert summary.balances[0].cash == "1000"


async def test_nobody_reads_what_is_not_durable_or_not_booked(running):
    olivia = (await running.be("olivia")).accounting
    await olivia.BookCash(deposit())
    asked = api.GetAccountSummaryRequest(account="main")
    keeper = running.gateway.accounting
    running.gateway.durable.clear()
    waiting = asyncio.ensure_future(olivia.GetAccountSummary(asked))
    assert await _still(waiting)
    running.gateway.durable.set()
    assert (await asyncio.wait_for(waiting, 10)).summary.balances[0].cash == "1000"
    keeper._waiting, keeper._changing = [], True  # As while a long correction is booked.
    assert not (await olivia.BookCash(deposit(amount="1"))).sequence <= keeper.sequence
    waiting = asyncio.ensure_future(olivia.GetAccountSummary(asked))
    assert await _still(waiting)
    keeper._changing = False
    keeper._resume()
    assert (await asyncio.wait_for(waiting, 10)).summary.balances[0].cash == "1001"


async def _still(waiting: asyncio.Future[Any]) -> bool:
    await asyncio.wait([waiting], timeout=0.3)
    return not waiting.done()


async def test_positions_of_one_method_only(running):
    olivia = (await running.be("olivia")).accounting
    await olivia.SetAccountBooks(books())
    await trade(running)
    for method, count in ((api.COST_METHOD_FIFO, 1), (api.COST_METHOD_LIFO, 0), (0, 1)):
        reply = await olivia.ListBookPositions(api.ListBookPositionsRequest(method=method))
        assert len(reply.positions) == count
