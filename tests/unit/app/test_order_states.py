"""The table of order states is what the engine answers, and the page shows that."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from meltica.app.commands.orders import app
from meltica.app.reports import order_states
from meltica.app.reports.order_states import SITUATIONS, WORDS, answers, moves
from meltica.domain import lifecycle
from meltica.domain.lifecycle import PRECEDENCE, TERMINAL, OrderStatus
from meltica.domain.reports import ExecType
from tools import gen_states


def test_the_page_is_fresh():
    assert gen_states.main(["--check"]) == 0


def test_a_stale_page_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(gen_states, "PAGE", tmp_path / "order_states.md")
    assert gen_states.main(["--check"]) == 1
    assert gen_states.main([]) == 0
    assert gen_states.main(["--check"]) == 0
    (tmp_path / "order_states.md").write_text("something else")
    assert gen_states.main(["--check"]) == 1


@pytest.mark.parametrize("situation", SITUATIONS)
def test_each_story_leads_where_it_says(situation):
    world = order_states._lived(SITUATIONS[situation])
    assert lifecycle.status(world.order).value == situation.partition(",")[0]
    assert lifecycle.is_uncertain(world.order) == ("uncertain" in situation)
    requests = ("PendingCancel", "PendingReplace", "cancel", "replace")
    assert bool(world.order.pending) == any(word in situation for word in requests)


def test_every_status_and_every_report_is_in_it():
    assert {name.partition(",")[0] for name in SITUATIONS} == {status.value for status in OrderStatus}
    assert {kind.value for kind in ExecType} <= set(WORDS)
    assert all(set(row) == set(WORDS) for row in answers().values())


def test_money_is_taken_in_every_state():
    for situation, row in answers().items():
        for word in ("Trade", "Trade (the rest)"):
            assert row[word].accepted, situation
        for word in ("TradeCancel", "TradeCorrect"):
            assert row[word].accepted, situation


def test_nothing_but_money_happens_to_what_has_ended():
    ended = TERMINAL - {OrderStatus.FILLED}
    for situation, row in answers().items():
        if OrderStatus(situation.partition(",")[0]) in ended:
            assert {word for word, answer in row.items() if answer.accepted} == {
                "Trade",
                "Trade (the rest)",
                "TradeCorrect",
                "TradeCancel",
                "OrderStatus",
                "PendingNew",
            }
            assert not row["CancelOrder"].accepted


def test_the_moves_are_those_that_fix_draws():
    found = moves()
    drawn = {
        ("PendingNew", "New"): "New",
        ("PendingNew", "Rejected"): "Rejected",
        ("New", "PartiallyFilled"): "Trade",
        ("New", "Filled"): "Trade (the rest)",
        ("New", "DoneForDay"): "DoneForDay",
        ("PartiallyFilled", "Canceled"): "Canceled",
        ("Filled", "PartiallyFilled"): "TradeCancel",
        ("Filled", "PendingReplace"): "PendingReplace",
        ("PendingCancel", "New"): "CancelReject",
        ("PendingCancel", "Canceled"): "Canceled",
        ("PendingReplace", "Canceled"): "Canceled",
        ("Stopped", "PartiallyFilled"): "Trade",
        ("Rejected", "Filled"): "Trade (the rest)",
    }
    for (before, after), word in drawn.items():
        assert word in found[OrderStatus(before), OrderStatus(after)]
    assert all(before is not after for before, after in found)
    assert (OrderStatus.CANCELED, OrderStatus.NEW) not in found


def test_the_program_prints_all_of_it():
    done = CliRunner().invoke(app, ["states"])
    assert done.exit_code == 0
    for _, status, words, _ in PRECEDENCE:
        assert f"{status.value}" in done.output
        assert words in done.output
    for situation in SITUATIONS:
        assert f"\n  {situation}\n" in done.output
    assert "Canceled         -> Canceled" in done.output
    assert "nothing comes of" in done.output
