"""The RTL gate before the one judge of the software gates: its stories, its bounds, the lockstep machine.

A story that lies outside of what a card does is named here with the reason.
"""

from typing import Any

import pytest

from meltica.hot import load
from meltica.hot.bounds import Bounds, card_bounds
from sim.verilated.rtl_gate import MAX_WORKING_ORDERS, RtlGate
from tests.conformance.gate_machine import lockstep
from tests.conformance.gate_stories_bounds import BoundStories
from tests.conformance.gate_suite import GateKind, GateStories

UNIT = 100  # of the stories
ONE_UNIT = "a card has one unit of value, and its instruments no other"
NO_IMPORT = "a card takes no state over"
NO_DECREMENT = "a card does not offer SelfMatch.DECREMENT"
OUTSIDE = {
    "test_a_value_per_tick_does_not_change_under_open_orders": ONE_UNIT,
    "test_an_instrument_without_a_value_per_tick_is_worth_too_much": ONE_UNIT,
    "test_value_saturates_and_then_no_limit_lets_it_pass": ONE_UNIT,
    "test_regression_nothing_is_lost_in_a_restart": NO_IMPORT,
    "test_a_state_that_does_not_fit_changes_nothing": NO_IMPORT,
    "test_a_state_that_is_too_large_for_the_table": NO_IMPORT,
    "test_a_firm_that_was_never_set_blocks": NO_IMPORT,
    "test_decrement_lessens_both": NO_DECREMENT,
    "test_decrement_leaves_a_part_of_the_last_one": NO_DECREMENT,
    "test_decrement_of_a_replace": NO_DECREMENT,
    "test_nothing_is_listed_when_another_check_refuses": NO_DECREMENT,
    "test_at_most_64_crossing_orders_are_looked_at": "65 orders work in it; a card keeps 64",
    "test_recovery_into_a_full_table": "it asks for words; a card answers BAD_ARGUMENT",
    "test_the_widest_collar_of_the_highest_reference": "a price beyond 2^31-1 ticks is beyond a card",
}


def made(**arguments: Any) -> RtlGate:
    given: Bounds | None = arguments.pop("bounds", None)
    working = min(MAX_WORKING_ORDERS, arguments.pop("max_working_orders", MAX_WORKING_ORDERS))
    return RtlGate(**arguments, bounds=given or card_bounds(UNIT), max_working_orders=working, fast=False)


KIND = GateKind("rtl", make=made, intent=load("cython").OrderIntent.from_bytes, restores=False)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # the first gate of a shape is compiled for half a minute


def without(stories: type) -> None:
    """Leaves out what is named above, nothing else."""
    for name in OUTSIDE:
        setattr(stories, name, None)


def test_what_is_named_as_outside_is_there() -> None:
    assert set(OUTSIDE) <= set(dir(GateStories))


class TestRtlGate(GateStories):
    kind = KIND


without(TestRtlGate)


class TestRtlGateBounds(BoundStories):
    kind = KIND


TestRtlGateLockstep = lockstep(KIND, bounds=card_bounds(1), count=4, steps=20)
