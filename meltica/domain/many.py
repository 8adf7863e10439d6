"""What became of each item of a command about many orders."""

from __future__ import annotations

import enum

import msgspec

ITEMS_MOST = 500
"""In one command: about 10 ms of the engine, in which it hears nothing else."""


class Outcome(enum.IntEnum):
    DONE = 1
    """Let in, or what was asked for is on its way to the venue."""
    REFUSED = 2
    """By a check of the gate, or because it contradicts itself: ``reason`` and ``text`` tell."""
    WITHDRAWN = 3
    """It passed, and did not go out because another one was refused."""
    NOT_JUDGED = 4
    """Another one was refused before."""


class Item(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    outcome: Outcome
    order_id: int = 0
    """0: it never was an order."""
    reason: str = ""
    field: str = ""
    """Of the item, the one at fault."""
    text: str = ""
    fired_mask: int = 0


class Unreadable(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """An item of which the caller sent something that can't be read. It stands for it in the command, so that the same
    request always has the same answer."""

    place: int
    """Among all items, from 0."""
    reason: str
    field: str
    text: str


class ManyAnswered(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """The answer to each item, in the order of the command. Changes nothing by itself."""

    items: tuple[Item, ...]
    actor: str
    time_ns: int
