"""``meltica accounts``: statements, entries and the chart, from a journal on disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from meltica.app.commands.accounts import app, chart_lines
from meltica.domain.accounting import AccountBooks
from meltica.domain.cash import SetAccountBooks
from meltica.domain.commands import BeginDay
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
    assert " goes on\n" in done.stdout
    assert words[words.index("opening") + 1 : words.index("closing") + 2] == ["5", "paid", "in", "1", "closing", "6"]
    assert "all in USDT" in done.stdout


async def test_what_is_not_there_is_said(journal):
    assert "has no books" in str(run("statement", journal, "nobody").exception)
    assert "has no day that began on 2001-01-01" in str(
        run("statement", journal, "main", "--day", "2001-01-01").exception
    )
    assert "must be a date" in str(run("statement", journal, "main", "--day", "yesterday").exception)


async def test_every_entry_is_printed(journal):
    done = run("ledger", journal)
    assert [line.split(": ", 1)[1] for line in done.stdout.splitlines()] == [
        "main seed: CASH 5 USDT, CAPITAL -5 USDT",
        "main seed: CASH 1 USDT, CAPITAL -1 USDT",
    ]
    assert run("ledger", journal, "--account", "other").stdout == ""


def test_the_guide_has_the_codes_own_tables():
    printed = run("chart").stdout.strip()
    assert printed == "\n".join(chart_lines())
    told = GUIDE.read_text("utf-8").partition("<!-- chart -->\n")[2].partition("\n<!-- /chart -->")[0]
    assert told == printed, "print it with `meltica accounts chart`"
