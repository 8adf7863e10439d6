"""The judge of every gate: stories that say what each rule means, and a machine that drives it beside the twin.

A new gate joins with a GateKind and two lines:

    class TestMyGate(GateStories):
        kind = GateKind("mine", make=my_factory, intent=my_intent_from_bytes)

    TestMyGateLockstep = lockstep(TestMyGate.kind)  # tests.conformance.gate_machine
"""

from tests.conformance.gate_desk import GateKind, T
from tests.conformance.gate_stories_books import BookStories
from tests.conformance.gate_stories_control import ControlStories
from tests.conformance.gate_stories_exposure import ExposureStories
from tests.conformance.gate_stories_flow import FlowStories
from tests.conformance.gate_stories_order import OrderStories
from tests.conformance.gate_stories_own_book import OwnBookStories


class GateStories(OrderStories, ControlStories, ExposureStories, FlowStories, OwnBookStories, BookStories):
    """What each rule means. Subclass it with a `kind`."""


__all__ = ["GateKind", "GateStories", "T"]
