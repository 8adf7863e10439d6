"""What goes wrong, and how often: seconds of simulated time between two of a kind, on average; 0 is never."""

from __future__ import annotations

from typing import Final

import msgspec


class Faults(msgspec.Struct, frozen=True, kw_only=True):
    kill_s: float = 0
    """The process dies between two instructions; the disk keeps what was written."""
    stop_s: float = 0
    """It is stopped in good order, and started again."""
    stall_s: float = 0
    """It stands still for a while (swap, a debugger, a busy machine); the world goes on."""
    power_s: float = 0
    """The power goes, if it can during a write to the disk: of what was not flushed some sectors are kept, some lost,
    some torn."""
    disk_s: float = 0
    """A write to the disk fails."""
    clock_s: float = 0
    """The wall clock is set, forward or back."""
    break_s: float = 0
    """A connection breaks; commands on their way arrive, or don't."""
    silent_s: float = 0
    """A connection is half open: one direction is lost, and nobody is told."""
    stuck_s: float = 0
    """Everything on a connection is late, up to a minute."""
    venue_s: float = 0
    """A venue is down for a while; some cancel what rests before they come back."""
    feed_s: float = 0
    """Market data has a gap."""
    halt_s: float = 0
    """The market halts an instrument."""
    gate_s: float = 0
    """The gate's process is lost for a while."""
    lie_s: float = 0
    """A venue says what is not so, says it twice, or takes back what it said."""
    hot_kill_s: float = 0
    """A hot gate's process dies, often between its journal, its ring and its wire."""
    hot_stall_s: float = 0
    """A hot gate stands still for a while, or only the thread of its link does."""
    link_s: float = 0
    """One direction of a control link, or all of it, is cut for a while."""
    rejoin_s: float = 0
    """The connections of a control link are made anew."""
    hot_break_s: float = 0
    """A hot gate's session with its venue breaks, falls silent or is stuck."""
    unasked_s: float = 0
    """The hot gates' venue cancels an order that rests."""
    frames: float = 0
    """How many of all frames of the control link are lost, doubled or late; not seconds."""
    lossy: float = 0
    """How many commands and answers a lossy line loses or delays; not seconds."""


GROUPS: Final[dict[str, Faults]] = {
    "process": Faults(kill_s=120, stop_s=400, stall_s=60),
    "disk": Faults(power_s=120, disk_s=400),
    "clock": Faults(clock_s=90),
    "network": Faults(break_s=40, silent_s=90, stuck_s=90),
    "venue": Faults(venue_s=150),
    "market": Faults(feed_s=60, halt_s=120),
    "gate": Faults(gate_s=90),
    "lies": Faults(lie_s=6),
    "links": Faults(hot_kill_s=100, hot_stall_s=60, link_s=40, rejoin_s=90, hot_break_s=60, unasked_s=30, frames=0.02),
    "lines": Faults(lossy=0.02),
}


def chosen(names: str) -> Faults:
    """``all``, ``none``, or groups with commas. :raises ValueError: there is no such group."""
    asked = list(GROUPS) if names == "all" else [name for name in names.split(",") if name not in {"", "none"}]
    if unknown := [name for name in asked if name not in GROUPS]:
        raise ValueError(f"faults {', '.join(unknown)}: known are all, none, {', '.join(GROUPS)}")
    rates: dict[str, float] = {}
    for name in asked:
        rates |= {kind: every for kind, every in msgspec.structs.asdict(GROUPS[name]).items() if every}
    return Faults(**rates)
