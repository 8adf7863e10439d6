"""Commands about the books: each field wrong is refused with its name; what is booked survives a restart; the ledger
agrees with the engine's own positions to the nano."""

from __future__ import annotations

import pytest

from meltica.domain import cash
from meltica.domain.accounting import (
    AccountBooks,
    CostMethod,
    PositionMode,
    Share,
)
from meltica.domain.cash import CashKind
from meltica.domain.commands import BeginDay, Revalue
from meltica.domain.inputs import Record, decode_record, encode_record
from meltica.domain.order import Side
from meltica.domain.reports import ExecType, ExecutionReport
from meltica.engine.cash import ACCOUNTS_MAX
from meltica.engine.engine import Engine
from meltica.engine.snapshot import snapshot
from meltica.ledger import checkpoint
from meltica.ledger.chart import Book
from meltica.ledger.ledger import Ledger
from tests.engines import BTC, MARK_TICKS, MAX_ACCOUNTS, MAX_INSTRUMENTS, TestBench, instrument
from tests.unit.engine.cash_desk import ACTOR, PERP, book, command, schedule
from tests.unit.engine.test_orders import fill
from tests.unit.engine.watch import only, refused


@pytest.fixture(params=["python", "cython"])
def bench(request):
    bench = TestBench(request.param)
    bench.open_up(instrument(PERP, 2))
    return bench


def ledger_of(bench) -> Ledger:
    """Booked from what the journal would hold."""
    ledger = Ledger()
    for number, (happened, events) in enumerate(bench.history, 1):
        ledger.apply(number, happened.time_ns, decode_record(encode_record(Record(happened, events))))
    return ledger


def deposit(**wrong):
    right = {"account": "main", "kind": CashKind.DEPOSIT, "currency": "USD", "nanos": 5, "reason": "r"}
    return {**right, **wrong}


def test_cash_is_booked_as_it_was_said(bench):
    event = book(bench, cash.BookCash, cash.CashBooked, **deposit(strategy="s", instrument=BTC))
    assert (event.account, event.kind, event.currency, event.nanos, event.reason, event.actor) == (
        "main",
        CashKind.DEPOSIT,
        "USD",
        5,
        "r",
        ACTOR,
    )
    assert (event.strategy, event.instrument, event.time_ns) == ("s", BTC, bench.now_ns)
    fields = deposit(kind=CashKind.CONVERSION, to_currency="EUR", to_nanos=4)
    event = book(bench, cash.BookCash, cash.CashBooked, **fields)
    assert (event.to_currency, event.to_nanos) == ("EUR", 4)


@pytest.mark.parametrize(
    ("wrong", "reason", "field"),
    [
        ({"account": "nobody"}, "UNKNOWN_ACCOUNT", "account"),
        ({"instrument": "X@XX"}, "UNKNOWN_INSTRUMENT", "instrument"),
        ({"currency": "usd"}, "CURRENCY_INVALID", "currency"),
        ({"currency": ""}, "CURRENCY_INVALID", "currency"),
        ({"nanos": 0}, "AMOUNT_OUT_OF_RANGE", "amount"),
        ({"nanos": 2**63}, "AMOUNT_OUT_OF_RANGE", "amount"),
        ({"nanos": -5}, "AMOUNT_OUT_OF_RANGE", "amount"),
        ({"kind": CashKind.INTEREST, "nanos": -(2**63)}, "AMOUNT_OUT_OF_RANGE", "amount"),
        ({"to_currency": "EUR"}, "NOT_A_CONVERSION", "to_currency"),
        ({"to_nanos": 1}, "NOT_A_CONVERSION", "to_amount"),
        ({"kind": CashKind.CONVERSION}, "CURRENCY_INVALID", "to_currency"),
        ({"kind": CashKind.CONVERSION, "to_currency": "USD", "to_nanos": 1}, "CURRENCY_INVALID", "to_currency"),
        ({"kind": CashKind.CONVERSION, "to_currency": "EUR", "to_nanos": 0}, "AMOUNT_OUT_OF_RANGE", "to_amount"),
        ({"kind": CashKind.CONVERSION, "to_currency": "EUR", "to_nanos": 2**63}, "AMOUNT_OUT_OF_RANGE", "to_amount"),
    ],
)
def test_wrong_cash(bench, wrong, reason, field):
    refused(bench, command(bench, cash.BookCash, **deposit(**wrong)), reason, field)


def rate(**wrong):
    return {"base": "EUR", "quote": "USD", "numerator": 11, "denominator": 10, **wrong}


@pytest.mark.parametrize(
    ("wrong", "reason", "field"),
    [
        ({"base": "eur"}, "CURRENCY_INVALID", "base_currency"),
        ({"quote": ""}, "CURRENCY_INVALID", "quote_currency"),
        ({"quote": "EUR"}, "CURRENCY_INVALID", "quote_currency"),
        ({"numerator": 0}, "RATE_OUT_OF_RANGE", "rate"),
        ({"denominator": -1}, "RATE_OUT_OF_RANGE", "rate"),
        ({"denominator": 2**63}, "RATE_OUT_OF_RANGE", "rate"),
        ({"base": "USD", "quote": "JPY"}, "RATE_EXISTS_INVERTED", "base_currency"),
    ],
)
def test_wrong_rates(bench, wrong, reason, field):
    book(bench, cash.SetConversionRate, cash.ConversionRateSet, **rate(base="JPY", quote="USD"))
    refused(bench, command(bench, cash.SetConversionRate, **rate(**wrong)), reason, field)


def test_a_rate_carries_its_time_and_may_change(bench):
    book(bench, cash.SetConversionRate, cash.ConversionRateSet, **rate())
    event = book(bench, cash.SetConversionRate, cash.ConversionRateSet, **rate(numerator=12))
    assert bench.engine.state.tables.accounting.rates == {"EUR/USD": event.rate}
    assert (event.rate.numerator, event.rate.time_ns) == (12, bench.now_ns)


def test_books_stay_as_they_are_once_something_is_booked_by_them(bench):
    def books(**facts):
        return command(bench, cash.SetAccountBooks, books=AccountBooks(account="main", **facts))

    assert only(bench.step(books(method=CostMethod.FIFO)), cash.AccountBooksSet).books.method is CostMethod.FIFO
    assert bench.step(books(method=CostMethod.FIFO)) == ()
    fill(bench, bench.submitted(), 40, "e1")
    refused(bench, books(method=CostMethod.LIFO), "BOOKS_IN_USE", "method")
    refused(bench, books(method=CostMethod.FIFO, mode=PositionMode.HEDGING), "BOOKS_IN_USE", "method")
    only(bench.step(books(method=CostMethod.FIFO, base_currency="USD")), cash.AccountBooksSet)
    refused(bench, books(method=CostMethod.FIFO, base_currency="$"), "CURRENCY_INVALID", "base_currency")
    wrong = command(bench, cash.SetAccountBooks, books=AccountBooks(account="no spaces"))
    refused(bench, wrong, "ACCOUNT_NAME_INVALID", "account")


def test_there_is_an_end_to_accounts(bench):
    tables = bench.engine.state.tables.accounting
    tables.books = {f"a{number}": AccountBooks(account=f"a{number}") for number in range(ACCOUNTS_MAX)}
    one = command(bench, cash.SetAccountBooks, books=AccountBooks(account="one-more"))
    refused(bench, one, "BOOKS_FULL", "account")


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"instrument": "X@XX"}, "UNKNOWN_INSTRUMENT", "instrument"),
        ({"instrument": BTC}, "NOT_A_PERPETUAL", "instrument"),
        ({"rate_picos": 0}, "RATE_OUT_OF_RANGE", "rate"),
        ({"rate_picos": -(10**12) - 1}, "RATE_OUT_OF_RANGE", "rate"),
        ({"mark_ticks": 0}, "PRICE_OUT_OF_RANGE", "mark_price"),
        ({"mark_ticks": 10**8 + 1}, "PRICE_OUT_OF_RANGE", "mark_price"),
    ],
)
def test_wrong_funding(bench, fields, reason, field):
    right = {"instrument": PERP, "rate_picos": 10**8, "mark_ticks": MARK_TICKS}
    refused(bench, command(bench, cash.SettleFunding, **{**right, **fields}), reason, field)
    book(bench, cash.SettleFunding, cash.FundingSettled, **right)


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"instrument": "X@XX"}, "UNKNOWN_INSTRUMENT", "instrument"),
        ({"numerator": 0}, "RATIO_OUT_OF_RANGE", "numerator"),
        ({"denominator": 10**6 + 1}, "RATIO_OUT_OF_RANGE", "denominator"),
        ({"denominator": 2}, "RATIO_OUT_OF_RANGE", "numerator"),
    ],
)
def test_wrong_splits(bench, fields, reason, field):
    right = {"instrument": BTC, "numerator": 2, "denominator": 1, "reason": "r"}
    refused(bench, command(bench, cash.SplitInstrument, **{**right, **fields}), reason, field)
    assert isinstance(bench.step(command(bench, cash.SplitInstrument, **right))[0], cash.InstrumentSplit)


def subs(bench):
    for name in ("suba", "subb"):
        bench.step(command(bench, cash.SetAccountBooks, books=AccountBooks(account=name)))


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"order_id": 99}, "UNKNOWN_ORDER", "order_id"),
        ({"execution_id": "e9"}, "UNKNOWN_EXECUTION", "execution_id"),
        ({"shares": ()}, "SHARES_INVALID", "shares"),
        ({"shares": (Share("suba", 1), Share("suba", 1))}, "SHARES_INVALID", "shares[1].account"),
        ({"shares": (Share("main", 1),)}, "SHARES_INVALID", "shares[0].account"),
        ({"shares": (Share("suba", 0),)}, "SHARES_INVALID", "shares[0]"),
        ({"shares": (Share("nobody", 1),)}, "UNKNOWN_ACCOUNT", "shares[0].account"),
        ({"by_ratio": False}, "SHARES_INVALID", "shares"),
        ({"shares": tuple(Share(f"s{n}", 1) for n in range(1001))}, "SHARES_INVALID", "shares"),
    ],
)
def test_wrong_allocations(bench, fields, reason, field):
    subs(bench)
    order = bench.submitted(quantity_lots=100)
    fill(bench, order, 40, "e1")
    right = {"order_id": order.order_id, "shares": (Share("suba", 2), Share("subb", 1)), "by_ratio": True}
    refused(bench, command(bench, cash.AllocateFill, **{**right, **fields}), reason, field)


def test_a_fill_is_allocated_once_until_that_is_reversed(bench):
    subs(bench)
    order = bench.submitted(quantity_lots=100)
    wanted = {"order_id": order.order_id, "shares": (Share("suba", 30), Share("subb", 10)), "by_ratio": False}
    refused(bench, command(bench, cash.AllocateFill, **wanted), "UNKNOWN_EXECUTION", "execution_id")
    fill(bench, order, 40, "e1")
    made = book(bench, cash.AllocateFill, cash.FillAllocated, **wanted)
    assert (made.allocation_id, made.executions) == (1, ("e1",))
    again = command(bench, cash.AllocateFill, **wanted, execution_id="e1")
    refused(bench, again, "ALREADY_ALLOCATED", "execution_id")
    books = AccountBooks(account="suba", method=CostMethod.LIFO)
    refused(bench, command(bench, cash.SetAccountBooks, books=books), "BOOKS_IN_USE")
    book(bench, cash.ReverseAllocation, cash.AllocationReversed, allocation_id=1, reason="r")
    wrong = command(bench, cash.ReverseAllocation, allocation_id=1, reason="r")
    refused(bench, wrong, "UNKNOWN_ALLOCATION", "allocation_id")
    assert book(bench, cash.AllocateFill, cash.FillAllocated, **wanted).allocation_id == 2


def test_what_was_traded_before_a_split_is_not_shared_out_in_other_lots_after_it(bench):
    subs(bench)
    orders = [bench.submitted(quantity_lots=40) for _ in range(2)]
    wanted = {"shares": (Share("suba", 1),), "by_ratio": True}
    fill(bench, orders[0], 40, "e1")
    fill(bench, orders[1], 20, "e2")
    book(bench, cash.AllocateFill, cash.FillAllocated, order_id=orders[0].order_id, **wanted)
    correct(bench, orders[1], ExecType.CANCELED, "", "")
    bench.step(command(bench, cash.SplitInstrument, instrument=BTC, numerator=2, denominator=1, reason="r"))
    bench.step(Revalue(request_id="", actor="system:test"))
    late = command(bench, cash.AllocateFill, order_id=orders[1].order_id, **wanted)
    refused(bench, late, "SPLIT_SINCE", "order_id")
    ledger = ledger_of(bench)
    assert (ledger.stream("main", BTC).sums.lots, ledger.stream("suba", BTC).sums.lots) == (40, 80)
    book(bench, cash.ReverseAllocation, cash.AllocationReversed, allocation_id=1, reason="r")
    assert ledger_of(bench).stream("main", BTC).sums.lots == bench.engine.state.position("main", BTC).lots == 120
    order = bench.submitted(quantity_lots=10)
    fill(bench, order, 10, "e3")
    book(bench, cash.AllocateFill, cash.FillAllocated, order_id=order.order_id, **wanted)


def correct(bench, order, kind, execution_id, reference, **facts):
    bench.step(
        ExecutionReport(
            venue="BINANCE",
            client_order_id=order.client_order_id,
            exec_type=kind,
            execution_id=execution_id,
            reference_execution_id=reference,
            **facts,
        )
    )


def busy_day(bench):
    """Everything that moves the books, through the engine."""
    subs(bench)
    bench.step(command(bench, cash.BookCash, **deposit(currency="USDT", nanos=10**15)))
    bench.step(command(bench, cash.SetConversionRate, **rate(base="USDT")))
    bench.step(command(bench, cash.SetFeeSchedule, schedule=schedule()))
    orders = []
    for number in range(12):
        side = Side.BUY if number % 3 else Side.SELL
        order = bench.submitted(side, 100 + number, MARK_TICKS + number)
        fill(bench, order, 60, f"a{number}", MARK_TICKS + 7 * number, fee_nanos=number - 3)
        fill(bench, order, 40 + number, f"b{number}", MARK_TICKS - number, fee_nanos=number)
        orders.append(order)
    correct(bench, orders[2], ExecType.TRADE_CORRECT, "c2", "a2", last_quantity_lots=50, last_price_ticks=MARK_TICKS)
    correct(bench, orders[2], ExecType.TRADE_CORRECT, "d2", "c2", last_quantity_lots=51, last_price_ticks=MARK_TICKS)
    correct(bench, orders[5], ExecType.TRADE_CANCEL, "c5", "b5")
    bench.mark_ticks += 50
    bench.step(Revalue(request_id="", actor="system:test"))
    bench.step(BeginDay(request_id="", actor="system:test"))
    return orders


def test_the_ledger_has_the_engines_positions_to_the_nano(bench):
    busy_day(bench)
    ledger, position = ledger_of(bench), bench.engine.state.position("main", BTC)
    sums = ledger.stream("main", BTC).sums
    assert (sums.lots, sums.cost, sums.realised) == (position.lots, position.cost_nanos, position.realised_nanos)
    balance = ledger.tables.balances["main"]["USDT"]
    assert balance[Book.FEES] == position.fees_nanos
    assert balance[Book.CASH] == 10**15 + position.realised_nanos - position.cost_nanos - position.fees_nanos
    profits = bench.engine.state.worth.total_nanos("main")
    (line,) = ledger.tables.statements["main"][0].lines
    assert line.realised + line.unrealised - line.fees == profits


def test_an_allocation_through_the_engine_and_a_bust_of_it(bench):
    orders = busy_day(bench)
    before = ledger_of(bench)
    wanted = {"order_id": orders[1].order_id, "shares": (Share("suba", 2), Share("subb", 1)), "by_ratio": True}
    book(bench, cash.AllocateFill, cash.FillAllocated, **wanted)
    after = ledger_of(bench)
    moved = [after.stream(name, BTC).sums.lots for name in ("suba", "subb")]
    assert moved == [67, 34]
    assert after.stream("main", BTC).sums.lots == before.stream("main", BTC).sums.lots - 101
    correct(bench, orders[1], ExecType.TRADE_CANCEL, "z1", "a1")
    assert [ledger_of(bench).stream(name, BTC).sums.lots for name in ("suba", "subb")] == [27, 14]
    book(bench, cash.ReverseAllocation, cash.AllocationReversed, allocation_id=1, reason="r")
    ledger, position = ledger_of(bench), bench.engine.state.position("main", BTC)
    sums = ledger.stream("main", BTC).sums
    assert (sums.lots, sums.cost, sums.realised) == (position.lots, position.cost_nanos, position.realised_nanos)


def test_a_recovered_engine_and_a_rebuilt_ledger_know_the_same(bench):
    orders = busy_day(bench)
    book(
        bench,
        cash.AllocateFill,
        cash.FillAllocated,
        order_id=orders[1].order_id,
        shares=(Share("suba", 1),),
        by_ratio=True,
    )
    gate = bench.backend.Gate(max_instruments=MAX_INSTRUMENTS, max_accounts=MAX_ACCOUNTS)
    engine = Engine(gate, max_instruments=MAX_INSTRUMENTS, max_accounts=MAX_ACCOUNTS, intent=bench.backend.OrderIntent)
    for number, (happened, events) in enumerate(bench.history, 1):
        engine.absorb(number, decode_record(encode_record(Record(happened, events))))
    assert snapshot.digest(engine) == snapshot.digest(bench.engine)
    ledger = ledger_of(bench)
    assert engine.state.tables.accounting.allocations.keys() == ledger.tables.allocations.keys() == {1}
    assert checkpoint.digest(ledger_of(bench)) == checkpoint.digest(ledger_of(bench))


def test_a_fill_worth_more_than_a_register_is_not_allocated_whole(bench):
    """The engine takes no such fills; three that each just fit are together too much."""
    subs(bench)
    bench.mark_ticks = 50_000_000
    order = bench.submitted(quantity_lots=8 * 10**8, price_ticks=50_000_000)
    for name in ("e1", "e2", "e3"):
        fill(bench, order, 8 * 10**8, name, 50_000_000)
    wanted = {"order_id": order.order_id, "shares": (Share("suba", 1),), "by_ratio": True}
    refused(bench, command(bench, cash.AllocateFill, **wanted), "SHARES_INVALID", "order_id")
    book(bench, cash.AllocateFill, cash.FillAllocated, **wanted, execution_id="e2")


@pytest.mark.parametrize(
    ("wrong", "reason", "field"),
    [
        ({"venue": "NOWHERE"}, "UNKNOWN_VENUE", "venue"),
        ({"venue": "BINANCE", "instrument": "X@XX"}, "UNKNOWN_INSTRUMENT", "instrument"),
        ({"venue": "BINANCE", "instrument": "ETH/USDT@OKX"}, "VENUE_CONTRADICTS", "venue"),
    ],
)
def test_where_money_is(bench, wrong, reason, field):
    bench.open_up(instrument("ETH/USDT@OKX", 3))
    facts = {"account": "main", "kind": CashKind.DEPOSIT, "currency": "USD", "nanos": 5, "reason": "r"}
    refused(bench, command(bench, cash.BookCash, **facts, **wrong), reason, field)
    assert book(bench, cash.BookCash, cash.CashBooked, **facts, venue="BINANCE").venue == "BINANCE"
    assert book(bench, cash.BookCash, cash.CashBooked, **facts, instrument=BTC).venue == "BINANCE"
    assert book(bench, cash.BookCash, cash.CashBooked, **facts).venue == ""
    assert ledger_of(bench).custody.nanos("BINANCE", "main", "USD") == 10
