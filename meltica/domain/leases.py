"""Limits are leased, not shared: each hot gate holds a slice of every limit, the engine's own gate holds the rest.

A *line* is one number of one limit that adds up over gates, named as the journal does:
``accounts/main/max_open_value_nanos``. What a gate may believe that it has is its *claim*: the largest of the slice
that it confirmed last, of those sent since, and of what it has in use. All claims together never exceed the line's
limit, whatever is lost, doubled, late, or dead; a limit that was lowered below them is the one exception, and then
nothing is granted and claims only shrink until they fit.

Nothing here decides by itself: the book is a fold over the events below, and its questions are answered from it alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import msgspec

from meltica.domain.errors import InvariantError

WHOLE_BPS: Final = 10_000
TOP_UP_PERCENT: Final = 75
"""A slice that is used up to here is enlarged, as far as there is something left."""
GIVE_BACK_PERCENT: Final = 25
"""An enlarged slice that is used no more than this shrinks to the gate's first share."""
PERCENT: Final = 100
MAX_UNCONFIRMED: Final = 16
"""Of one gate and line: a gate that confirms nothing gets nothing more."""
CONSUMED: Final = ("/max_day_lots", "/max_executions")
"""Lines of which what is used does not come back when an order ends: a new life of a gate counts from 0, so what the
earlier ones used up is added to what it may use."""
FIXED: Final = ("/messages_per_second", "/message_burst")
"""Lines that no use moves: a gate keeps its share, and there is nothing to give back."""


class Share(msgspec.Struct, frozen=True):
    """How much of each limit a gate gets, in 1/10,000."""

    first_bps: int
    most_bps: int


class GateFacts(msgspec.Struct, frozen=True):
    """A gate of the settings. Empty: all accounts, strategies, instruments."""

    share: Share
    accounts: tuple[str, ...] = ()
    strategies: tuple[str, ...] = ()
    instruments: tuple[str, ...] = ()


class Grant(NamedTuple):
    gate: str
    line: str
    amount: int


class Report(NamedTuple):
    gate: str
    gate_epoch: int
    number: int
    version: int
    """The last grant that it holds."""
    in_use: Mapping[str, int]


# Events


class GateRegistered(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """A gate of the settings, new or with other shares."""

    gate: str
    facts: GateFacts
    time_ns: int


class GateEntered(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """A new life of a gate: no earlier one can let anything out any more, and its orders and positions are known.

    It has no slice yet. ``in_use`` is what the books hold for it; that much stays reserved.
    """

    gate: str
    gate_epoch: int
    in_use: dict[str, int]
    time_ns: int


class GateDied(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """Silent for longer than its lease, too slow, or gone. What it was granted stays reserved."""

    gate: str
    gate_epoch: int
    reason: str
    time_ns: int


class GateReturned(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """The same life as before: it still has what it was granted, and every drop copy of it is known."""

    gate: str
    gate_epoch: int
    time_ns: int


class GateRetired(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """A person says that this life is over and reconciled with the venue; only what the books hold stays reserved."""

    gate: str
    gate_epoch: int
    in_use: dict[str, int]
    actor: str
    time_ns: int


class LeaseGranted(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """The gate's slice of a line is to be ``amount``, whether that is more or less than before."""

    gate: str
    gate_epoch: int
    line: str
    amount: int
    version: int
    """Counts the grants of all gates and lines."""
    time_ns: int


class LeaseConfirmed(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """The gate holds every grant up to ``version``, and has this much in use; lines left out: nothing."""

    gate: str
    gate_epoch: int
    report: int
    version: int
    in_use: dict[str, int]
    time_ns: int


LeaseEvent = GateRegistered | GateEntered | GateDied | GateReturned | GateRetired | LeaseGranted | LeaseConfirmed


# The book


class Claim(msgspec.Struct):
    granted: list[tuple[int, int]] = []
    """(version, amount), oldest first: what the gate confirmed last, then what it may have taken since."""
    in_use: int = 0
    spent: int = 0
    """By earlier lives, of a line that is CONSUMED."""

    @property
    def slice(self) -> int:
        """As granted last."""
        return self.granted[-1][1] if self.granted else 0

    @property
    def worst(self) -> int:
        most = self.in_use
        for _, amount in self.granted:  # No generator: each look at a gate asks this some hundred times
            most = max(most, amount)
        return self.spent + most


class GateBook(msgspec.Struct):
    gate_epoch: int = 0
    alive: bool = False
    retired: bool = False
    """A person ended this life; whatever it believes, it must never come back."""
    report: int = 0
    """The number of the last report taken from this life; later ones say more, earlier ones nothing."""
    version: int = 0
    """Every grant up to here is confirmed."""
    claims: dict[str, Claim] = {}


class LeaseTables(msgspec.Struct):
    """What a snapshot holds."""

    version: int = 0
    facts: dict[str, GateFacts] = {}
    gates: dict[str, GateBook] = {}
    kept: dict[str, int] = {}
    """Gate -> the drop copy that is expected next; all before it are in the journal."""
    told: list[tuple[int, str]] = []
    """The last records that count once (origin, hex), for gates that may not have heard them."""
    told_all: bool = True
    """``told`` has every one that there ever was."""


class LeaseBook:
    """``limits``: each line's limit, as it is now; the caller's own, looked at anew each time."""

    def __init__(self, limits: Mapping[str, int], tables: LeaseTables | None = None) -> None:
        self.tables = LeaseTables() if tables is None else tables
        self._limits = limits

    # Questions

    def claimed(self, line: str) -> int:
        """What all gates together may believe that they have."""
        total = 0
        for book in self.tables.gates.values():
            if (claim := book.claims.get(line)) is not None:
                total += claim.worst
        return total

    def house(self, line: str) -> int:
        """What is left for the engine's own gate; at once, since it is told in the same step."""
        return max(0, self._limits.get(line, 0) - self.claimed(line))

    def slices(self, gate: str) -> dict[str, int]:
        """What the gate is to hold: line -> amount."""
        return {line: claim.slice for line, claim in self.tables.gates[gate].claims.items()}

    def revoking(self) -> list[str]:
        """Lines whose limit was lowered below what gates may still believe that they have."""
        lines = {line for book in self.tables.gates.values() for line in book.claims}
        return sorted(line for line in lines if self.claimed(line) > self._limits.get(line, 0))

    def is_news(self, report: Report, house_use: Mapping[str, int]) -> bool:
        """Does this report change anything worth an entry of the journal? Old, doubled and idle ones do not."""
        gate, _, _, version, in_use = report
        book = self.tables.gates.get(gate)
        if book is None or book.gate_epoch != report.gate_epoch or not book.alive or report.number <= book.report:
            return False
        if version > book.version:
            return True
        for line, claim in book.claims.items():
            use = in_use.get(line, 0)
            if claim.in_use > claim.slice and use < claim.in_use:
                return True
            if self._next(gate, line, use, house_use) is not None:
                return True
        return False

    # Decisions: what to grant now

    def first_grants(self, gate: str, lines: Iterable[str], house_use: Mapping[str, int]) -> list[Grant]:
        """For a gate that has just entered: its first share of each line, as far as it is there."""
        grants = []
        for line in lines:
            amount = self._most(gate, line, self._part(gate, line), house_use)
            grants.append(Grant(gate, line, amount))
        return grants

    def answers(self, gate: str, house_use: Mapping[str, int]) -> list[Grant]:
        """For a gate that has just confirmed: more where its slice is nearly used, less where it lies idle."""
        grants = []
        for line, claim in self.tables.gates[gate].claims.items():
            if (amount := self._next(gate, line, claim.in_use, house_use)) is not None:
                grants.append(Grant(gate, line, amount))
        return grants

    def corrections(self, lines: Iterable[str]) -> list[Grant]:
        """For lines whose limit has changed: slices that are more than the gate may have of it shrink."""
        grants = []
        for line in lines:
            over = self.claimed(line) > self._limits.get(line, 0)
            for gate, book in self.tables.gates.items():
                claim = book.claims.get(line)
                if claim is None or not book.alive or len(claim.granted) > MAX_UNCONFIRMED:
                    continue
                most = self._part(gate, line) if over or line.endswith(FIXED) else self._cap(gate, line)
                if claim.slice > most:
                    grants.append(Grant(gate, line, most))
        return grants

    def _next(self, gate: str, line: str, in_use: int, house_use: Mapping[str, int]) -> int | None:
        """The slice that the gate is to have instead of the one that it has; None: it keeps that."""
        book = self.tables.gates[gate]
        claim = book.claims[line]
        if not book.alive or len(claim.granted) > MAX_UNCONFIRMED:
            return None
        wish = self._wish(gate, line, in_use)
        if wish > claim.slice:
            wish = max(claim.slice, self._most(gate, line, wish, house_use))
        return None if wish == claim.slice else wish

    def _wish(self, gate: str, line: str, in_use: int) -> int:
        held = self.tables.gates[gate].claims[line].slice
        first, cap = self._part(gate, line), self._cap(gate, line)
        if line.endswith(FIXED) or held < first or held > cap:
            return first
        if in_use * PERCENT >= held * TOP_UP_PERCENT and in_use > 0:
            return min(cap, held + max(1, first // 2))
        if in_use * PERCENT <= held * GIVE_BACK_PERCENT:
            return first
        return held

    def _most(self, gate: str, line: str, wish: int, house_use: Mapping[str, int]) -> int:
        """As much of the wish as is there: what the other gates' claims and the house's use leave."""
        if self.claimed(line) > self._limits.get(line, 0):
            return 0
        book = self.tables.gates[gate]
        own = book.claims[line].worst if line in book.claims else 0
        others = self.claimed(line) - own
        spent = book.claims[line].spent if line in book.claims else 0
        return max(0, min(wish, self._limits.get(line, 0) - others - spent - house_use.get(line, 0)))

    def _part(self, gate: str, line: str) -> int:
        facts = self.tables.facts.get(gate)
        return 0 if facts is None else self._limits.get(line, 0) * facts.share.first_bps // WHOLE_BPS

    def _cap(self, gate: str, line: str) -> int:
        facts = self.tables.facts.get(gate)
        return 0 if facts is None else self._limits.get(line, 0) * facts.share.most_bps // WHOLE_BPS

    # The fold

    def apply(self, event: LeaseEvent) -> None:
        """:raises InvariantError: an event that no decision of this book can have caused."""
        match event:
            case GateRegistered():
                self._register(event)
            case GateEntered():
                self._enter(event)
            case GateRetired():
                book = self._own(event.gate, event.gate_epoch)
                book.alive, book.retired = False, True
                self.tables.kept.pop(event.gate, None)  # The next life begins with a store of its own
                book.claims = _left(book, event.in_use)
            case GateDied():
                self._own(event.gate, event.gate_epoch).alive = False
            case GateReturned():
                self._return(event)
            case LeaseGranted():
                self._grant(event)
            case LeaseConfirmed():
                self._confirm(event)

    def forget_spent(self, ending: str) -> None:
        """A new day, or a strategy that was re-armed: what was used up of lines that end so comes back."""
        for book in self.tables.gates.values():
            for line, claim in book.claims.items():
                if line.endswith(ending):
                    claim.spent = 0

    def _register(self, event: GateRegistered) -> None:
        others = sum(facts.share.first_bps for gate, facts in self.tables.facts.items() if gate != event.gate)
        if not 0 <= event.facts.share.first_bps <= event.facts.share.most_bps <= WHOLE_BPS:
            raise InvariantError(f"shares of {event.gate}: {event.facts.share}")
        if others + event.facts.share.first_bps > WHOLE_BPS:
            raise InvariantError("the gates' first shares together are more than the whole of each limit")
        self.tables.facts[event.gate] = event.facts

    def _enter(self, event: GateEntered) -> None:
        before = self.tables.gates.get(event.gate)
        if before is not None and event.gate_epoch <= before.gate_epoch:
            raise InvariantError(f"life {event.gate_epoch} of {event.gate} after {before.gate_epoch}")
        claims = _left(before or GateBook(), event.in_use)
        self.tables.gates[event.gate] = GateBook(event.gate_epoch, alive=True, claims=claims)

    def _return(self, event: GateReturned) -> None:
        book = self._own(event.gate, event.gate_epoch)
        if book.retired:
            raise InvariantError(f"life {event.gate_epoch} of {event.gate} was retired")
        book.alive = True

    def _grant(self, event: LeaseGranted) -> None:
        book = self._own(event.gate, event.gate_epoch)
        if event.version <= self.tables.version or event.amount < 0:
            raise InvariantError(f"grant {event.version} of {event.amount} after {self.tables.version}")
        self.tables.version = event.version
        claim = book.claims.setdefault(event.line, Claim())
        claim.granted.append((event.version, event.amount))

    def _confirm(self, event: LeaseConfirmed) -> None:
        book = self._own(event.gate, event.gate_epoch)
        if event.report <= book.report:
            raise InvariantError(f"report {event.report} of {event.gate} after {book.report}")
        book.report, book.version = event.report, max(book.version, event.version)
        for line, claim in book.claims.items():
            claim.in_use = event.in_use.get(line, 0)
            held = [place for place, (version, _) in enumerate(claim.granted) if version <= book.version]
            if held:
                del claim.granted[: held[-1]]

    def _own(self, gate: str, gate_epoch: int) -> GateBook:
        book = self.tables.gates.get(gate)
        if book is None or book.gate_epoch != gate_epoch:
            raise InvariantError(f"life {gate_epoch} of gate {gate!r} is not the one in the book")
        return book


def _left(book: GateBook, in_use: Mapping[str, int]) -> dict[str, Claim]:
    """What stays reserved when a life is over: what the books hold, and what it has used up for good."""
    claims = {}
    for line in sorted({*in_use, *(line for line in book.claims if line.endswith(CONSUMED))}):
        use = in_use.get(line, 0)
        if line.endswith(CONSUMED):
            # Its own word where that is more than the books know: the lots of orders that never worked count too
            old = book.claims.get(line, Claim())
            claims[line] = Claim(spent=max(use, old.spent + old.in_use))
        elif use > 0:
            claims[line] = Claim(in_use=use)
    return claims
