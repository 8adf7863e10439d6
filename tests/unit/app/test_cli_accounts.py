"""``meltica accounts``: statements, entries and the chart, from a journal on disk."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from meltica.app.commands.accounts import app, chart_lines
from meltica.domain.accounting import AccountBooks, CostMethod, PositionMode
from meltica.domain.cash import SetAccountBooks
from meltica.domain.commands import BeginDay, SubmitOrder
from meltica.domain.order import OrderType, Side, TimeInForce
from meltica.domain.reports import ExecType, ExecutionReport
from tests.engines import BTC, MARK_TICKS
from tests.unit.app.test_ledger_keeper import deposit, written
from tests.unit.control.memory_gateway import MemoryGateway

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "accounting.md"


@pytest.fixture
async def journal(tmp_path):
    gateway = MemoryGateway()
    books = AccountBooks(account="main", base_currency="USDT")
    gateway.step(SetAccountBooks(request_id="b", actor="system:test", books=books))
    gateway.step(deposit(1, nanos=5 * 10**9))
    gateway.step(BeginDay(request_id="", actor="system:test"))
    gateway.step(deposit(2, nanos=10**9))
    await written(tmp_path / "journal", gateway)
    return tmp_path / "journal"


def run(*arguments: object):
    return CliRunner().invoke(app, [str(each) for each in arguments])


async def test_a_statement_adds_up_on_paper(journal):
    done = run("statement", journal, "main")
    assert done.exit_code == 0
    words = done.stdout.split()
    assert done.stdout.startswith("main, day 2: began ")
    assert done.stdout.splitlines()[0].endswith(" UTC, goes on")
    assert run("statement", journal).stdout == done.stdout, "without an account: everybody's"
    assert words[words.index("opening") + 1 : words.index("closing") + 2] == ["5", "paid", "in", "1", "closing", "6"]
    assert "all in USDT" in done.stdout


async def test_what_is_not_there_is_said(journal):
    assert "has no books" in str(run("statement", journal, "nobody").exception)
    nothing = run("statement", journal, "main", "--day", "2001-01-01").exception
    assert "--day: no day of these books began on that date (UTC)" in str(nothing)
    assert "must be a date" in str(run("statement", journal, "main", "--day", "yesterday").exception)


async def test_every_entry_is_printed(journal):
    done = run("ledger", journal)
    assert [line.split(": ", 1)[1] for line in done.stdout.splitlines()] == [
        "main seed: CASH 5 USDT, CAPITAL -5 USDT",
        "main seed: CASH 1 USDT, CAPITAL -1 USDT",
    ]
    assert run("ledger", journal, "--account", "other").stdout == "nothing was ever booked for other\n"


def test_the_guide_has_the_codes_own_tables():
    printed = run("chart").stdout.strip()
    assert printed == "\n".join(chart_lines())
    told = GUIDE.read_text("utf-8").partition("<!-- chart -->\n")[2].partition("\n<!-- /chart -->")[0]
    assert told == printed, "print it with `meltica accounts chart`"


def filled(gateway):
    """A hundred lots at the mark, for half a dollar."""
    facts = {"account": "main", "strategy": "manual", "instrument": BTC, "side": Side.BUY}
    terms = {"order_type": OrderType.LIMIT, "time_in_force": TimeInForce.GTC, "quantity_lots": 100}
    asked = SubmitOrder(request_id="o", actor="system:test", price_ticks=MARK_TICKS, **facts, **terms)
    (order,) = gateway.step(asked).events
    gateway.step(
        ExecutionReport(
            venue="BINANCE",
            client_order_id=order.client_order_id,
            exec_type=ExecType.TRADE,
            execution_id="x1",
            last_quantity_lots=100,
            last_price_ticks=MARK_TICKS,
            fee_nanos=500_000_000,
        )
    )


async def test_positions_and_fees_for_a_person(tmp_path):
    gateway = MemoryGateway()
    filled(gateway)
    await written(tmp_path / "journal", gateway)
    journal = tmp_path / "journal"
    lines = run("positions", journal).stdout.splitlines()
    assert lines[0] == "main BTC/USDT@BINANCE: long 0.00100 at 60000 (average cost)"
    assert lines[1] == "    cost 60, mark 60000.00, unrealised 0"
    assert lines[2] == "    realised 0, fees -0.5, funding 0, other 0; traded 60 USDT"
    assert run("positions", journal, "--by-strategy", "--account", "main").stdout.startswith("main manual BTC/")
    assert run("positions", journal, "--account", "other").stdout == "nothing was ever traded for other\n"
    assert run("fees", journal).stdout == "0 fills with another fee than the schedule's\n"
    assert "there are those of main" in str(run("statement", journal, "nobody").exception)


async def test_decimal_points_stand_under_each_other(journal):
    gateway = MemoryGateway()
    gateway.step(deposit(1, nanos=12_345_678_901))
    gateway.step(deposit(2, nanos=5 * 10**9))
    await written(journal.with_name("other"), gateway)
    lines = run("statement", journal.with_name("other"), "main").stdout.splitlines()
    assert "    paid in                      17.345678901" in lines
    assert "    opening                       0" in lines


async def test_one_is_one_and_hedged_positions_are_told_from_what_is_closed(tmp_path):
    gateway = MemoryGateway()
    books = AccountBooks(account="main", base_currency="USDT", method=CostMethod.FIFO, mode=PositionMode.HEDGING)
    gateway.step(SetAccountBooks(request_id="b", actor="system:test", books=books))
    filled(gateway)
    await written(tmp_path / "journal", gateway)
    lines = run("positions", tmp_path / "journal").stdout.splitlines()
    assert lines[0] == "main BTC/USDT@BINANCE: what is closed; fees and turnover of all its positions"
    assert re.fullmatch(r"main BTC/USDT@BINANCE position \d+: long 0.00100 at 60000 \(FIFO\)", lines[2])
    assert "    1 trade, 60 USDT" in run("statement", tmp_path / "journal", "main").stdout.splitlines()


async def test_equity_day_by_day_and_as_a_page(journal, tmp_path):
    done = run("equity", journal)
    first, closed, now = done.stdout.splitlines()
    assert first == "main: 1 point in USDT"
    assert (closed.split()[-2:], now.split()) == (["5", "USDT"], ["now", "6", "USDT"])
    html = tmp_path / "page.html"
    assert run("equity", journal, "--account", "main", "--html", html).stdout.endswith(f"\n\nwritten: {html}\n")
    assert "What each day earned, USDT" in html.read_text("utf-8")
    assert "has no books" in str(run("equity", journal, "--account", "nobody").exception)
    assert "can't be written" in str(run("equity", journal, "--html", tmp_path / "no" / "page.html").exception)
