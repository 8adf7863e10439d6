"""``meltica reconcile`` against a control server over mutual TLS, as a person at a terminal sees it."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from meltica.app.commands.reconcile import CallError, app
from meltica.domain.errors import FieldError
from meltica.domain.ports import StatementSource
from meltica.domain.statements import StatedBalance
from meltica.v1 import kill_switch_service_pb2 as kill_api
from tests.integration.test_control_reconciliation import differ
from tests.unit.control.serving import request_id, serving


@pytest.fixture
async def running(tmp_path: Path):
    async with serving(tmp_path / "ca") as found:
        found.state = tmp_path
        yield found


def _run(*arguments: str):
    return CliRunner().invoke(app, list(arguments))


async def run(running, *arguments: str, ask: str = ""):
    options = ["--state", str(running.state), "--address", running.target, *(["--as", ask] if ask else [])]
    return await asyncio.to_thread(_run, *arguments, *options)


async def test_status_says_what_was_compared_when_and_what_was_not(running):
    done = await run(running, "status")
    assert done.stdout == "no account is known at any venue\n"
    differ(running, looks=1)
    found = [
        StatementSource("BINANCE", "main", 30_000_000_000, overdue=True),
        StatementSource("OKX", "main", 30_000_000_000, "hot gates trade for it elsewhere (g1)"),
        StatementSource("BINANCE", "spare", 1_500_000_000),
    ]
    running.server._servicers["ReconciliationService"]._sources = lambda: found
    lines = (await run(running, "status")).stdout.splitlines()
    assert re.fullmatch(
        r"main at BINANCE: statement s\d+ compared \d+ s ago \(every 30 s; 0 orders, 0 fills, 1 position\); "
        r"0 differences, 1 suspected OVERDUE",
        lines[0],
    )
    assert lines[1:] == [
        "spare at BINANCE: no statement yet (every 1.5 s); 0 differences",
        "main at OKX: NOT RECONCILED, hot gates trade for it elsewhere (g1)",
    ]
    assert (await run(running, "status", "--account", "spare")).stdout == f"{lines[1]}\n"


async def test_differences_come_with_the_command_that_decides_and_it_works(running):
    assert (await run(running, "differences")).stdout == "no differences\n"
    differ(running, looks=1)
    assert "no differences" in (await run(running, "differences")).stdout
    suspected = (await run(running, "differences", "--suspected")).stdout
    assert suspected.startswith("suspected at 1 look: POSITION BTC/USDT@BINANCE, main at BINANCE\n")
    assert "a second look must say the same" in suspected
    differ(running, looks=1)
    differ(running, balances=(StatedBalance(currency="USDT", nanos=500_000_000, booked_nanos=0),))
    text = (await run(running, "differences", "--account", "main")).stdout
    assert "difference 1: POSITION BTC/USDT@BINANCE, main at BINANCE\n  ours 0.00000, theirs 0.00030: " in text
    where = f" --state {running.state} --address {running.target}"
    assert text.endswith(f'  proposed: meltica reconcile settle 2 accept --reason "..."{where}\n'), "can be copied"
    assert re.search(r"\n  since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, changed .* UTC\n", text)
    assert "ours 0, theirs 0.5: the venue has 0.5 USDT more than the books" in text
    asked = await run(running, "settle", "2", "accept", "--reason", "their invoice")
    assert asked.stdout.splitlines() == [
        "proposal 1: another person must approve it, one of the two a risk officer",
        f"  meltica reconcile approve 1 --as ravi{where}",
    ]
    done = await run(running, "settle", "2", "ignore", "--reason", "known")
    assert done.stdout.startswith("difference 2: done, journal entry ")
    assert "  ignored: known" in (await run(running, "differences", "--ignored")).stdout


async def test_two_persons_settle_a_difference(running):
    differ(running)
    await run(running, "settle", "1", "accept", "--price", "60000.00", "--reason", "trade list of the desk")
    alone = await run(running, "approve", "1", ask="olivia")
    assert str(alone.exception).startswith("SAME_PERSON: ")
    done = await run(running, "approve", "1", ask="ravi")
    assert re.fullmatch(r"proposal 1: approved, journal entry \d+\n", done.stdout)
    assert (await run(running, "differences")).stdout == "no differences\n"
    assert str((await run(running, "approve", "9", ask="ravi")).exception).startswith("UNKNOWN_PROPOSAL: no proposal 9")


async def test_a_proposal_about_something_else_is_not_approved_by_the_way(running):
    release = kill_api.EngageKillSwitchRequest(request_id=request_id(), reason="a test")
    olivia = await running.be("olivia")
    await olivia.kill.EngageKillSwitch(release)
    await olivia.kill.ProposeRelease(kill_api.ProposeReleaseRequest(request_id=request_id(), reason="over"))
    done = await run(running, "approve", "1", ask="ravi")
    assert isinstance(done.exception, FieldError)
    assert "PROPOSAL_KIND_KILL_SWITCH_RELEASE" in str(done.exception)


async def test_a_statement_is_asked_for(running):
    done = await run(running, "ask", "BINANCE", "main", "--reason", "fills look odd")
    assert done.stdout.startswith("BINANCE is asked for a statement of main")
    assert "main at BINANCE: NOT RECONCILED, the venue is not connected" in (await run(running, "status")).stdout


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (("settle", "1", "shrug", "--reason", "x"), FieldError, "must be one of query, accept, ignore"),
        (("settle", "77", "query", "--reason", "x"), CallError, "UNKNOWN_DIFFERENCE"),
        (("settle", "1", "accept", "--reason", " "), CallError, "INVALID_REQUEST: "),
        (("ask", "NOWHERE", "main", "--reason", "x"), CallError, "UNKNOWN_VENUE"),
    ],
    ids=str,
)
async def test_what_is_wrong_is_said(running, arguments, error, text):
    differ(running)
    done = await run(running, *arguments)
    assert isinstance(done.exception, error)
    assert text in str(done.exception)
    said = str(done.exception).rpartition(": ")[2]
    assert str(done.exception).count(said) == 1, "once is enough"


async def test_who_may_not_and_where_nobody_is(running, tmp_path):
    done = await run(running, "ask", "BINANCE", "main", "--reason", "x", ask="victor")
    assert "victor" in str(done.exception) or "PERMISSION" in str(done.exception)
    away = await asyncio.to_thread(_run, "status", "--state", str(tmp_path / "none"))
    assert str(away.exception).startswith("no gateway runs with the state folder")
    nobody = await asyncio.to_thread(_run, "status", "--state", str(tmp_path), "--address", "127.0.0.1:1")
    assert str(nobody.exception) == "no gateway answers at 127.0.0.1:1 as olivia: Connection refused"
