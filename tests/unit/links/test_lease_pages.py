"""The diagrams in docs/guides/leases.md are those that the code moves by."""

from __future__ import annotations

from meltica.links import control_link_session, hot_link_phase
from meltica.links.control_link_session import Standing
from tools import draw_states


def test_the_page_shows_the_tables() -> None:
    assert draw_states.main(["--check"]) == 0


def test_every_state_is_reached_and_left() -> None:
    for moves in (control_link_session.MOVES, hot_link_phase.MOVES):
        states = set(type(next(iter(moves))[0]))
        begins = next(iter(moves))[0]
        assert states - {begins} <= set(moves.values())
        ends = states - {before for before, _ in moves}
        assert ends <= {hot_link_phase.Phase.TURNED_AWAY}


def test_there_is_one_way_to_be_armed() -> None:
    ways = [before for (before, _), after in control_link_session.MOVES.items() if after is Standing.ARMED]
    assert ways == [Standing.READY]
