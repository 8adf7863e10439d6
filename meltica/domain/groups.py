"""Orders that belong together: one cancels, lets out or resizes the other (FIX tag 1385, ContingencyType)."""

from __future__ import annotations

import enum

import msgspec

GROUP_ACTOR = "system:group"
"""Who asks for what a group's own rules ask for."""
LIST_MOST = 10
"""Orders of one list; each change of one looks at all of them."""


class Link(enum.IntEnum):
    OCO = 1
    """One cancels the other: the first that trades, or fires, or is cancelled, ends the others."""
    OTO = 2
    """One triggers the other: the first order's fills let the others out."""
    OUO = 3
    """One updates the other: what one trades is taken off the others."""
    BRACKET = 4
    """An entry whose fills let out a take-profit and a stop-loss, which update each other."""


LINKED = frozenset({Link.OCO, Link.OUO})
"""Those whose legs share one quantity."""


class Sizing(enum.IntEnum):
    """When the first order of an OTO lets the others out, and how large."""

    FULL = 1
    """Once it is over, with what it has filled."""
    PARTIAL = 2
    """With each fill, with what it has filled so far."""


class Member(msgspec.Struct, kw_only=True, gc=False):
    """What a group remembers of one of its orders."""

    lots: int
    """Its quantity as it was asked for: for a leg that follows a parent, once the parent is filled."""
    after: int = 0
    """The leg that it goes on for: that one was filled, and the parent traded more."""
    asked_lots: int = 0
    """The total quantity that was last asked for: from the gate, or from its venue."""
    request: str = ""
    """The client order id of the group's newest request about it."""
    fired: bool = False
    """The price that it waited for was reached."""
    refused: int = 0
    """How many of the group's requests about it were refused since something else became known of it."""


class Group(msgspec.Struct, kw_only=True, gc=False):
    """Who belongs to it is fixed; all else follows from its orders, apart from what its rules must remember."""

    group_id: int
    """The number of its first order."""
    link: Link
    among: Link | None
    """How the legs belong together; None: not at all (children of an OTO, each by itself)."""
    members: dict[int, Member]
    """By order id, in the order of the list."""
    parent_id: int = 0
    """The order whose fills let the legs out; 0: there is none."""
    sizing: Sizing = Sizing.FULL
    winner_id: int = 0
    """The leg that goes on while the others end: the first that traded (OCO), or the first that fired."""
    overfilled_lots: int = 0
    """What the legs have traded beyond what they should: it crossed on the wire, or the parent's fill was busted."""
    uncovered_lots: int = 0
    """What the entry of a bracket has filled that no exit is left for."""
    actor: str = ""
    created_ns: int = 0
    updated_ns: int = 0

    @property
    def legs(self) -> list[int]:
        return [order_id for order_id in self.members if order_id != self.parent_id]


class GroupOpened(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """All orders of a list were let in, or are held; from now on they belong together."""

    group_id: int
    link: Link
    among: Link | None
    members: tuple[tuple[int, int], ...]
    """(order id, lots), in the order of the list."""
    actor: str
    time_ns: int
    parent_id: int = 0
    sizing: Sizing = Sizing.FULL


class GroupImbalanced(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """A group's legs have traded more than they should, or its entry less cover than it needs; or no longer (both 0).

    Said, not acted on: nothing is flattened by itself.
    """

    group_id: int
    overfilled_lots: int
    uncovered_lots: int
    text: str
    time_ns: int


class GroupExtended(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """A child of an OTO was filled and its parent traded more: another order goes on for it."""

    group_id: int
    order_id: int
    after: int
    time_ns: int


GroupEvent = GroupOpened | GroupExtended | GroupImbalanced
