"""What a venue says is so at a moment: orders, fills, positions, balances; and where our books say something else.

A statement is an input like a report. It may come in parts, and the parts in any order. ``asked_ns`` is by our own
clock: what the venue says was so at that moment or later, so that only what happened since may be missing in it.
"""

from __future__ import annotations

import enum

import msgspec

from meltica.domain.order import Side
from meltica.domain.reports import ExecType


class StatedOrder(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """An order as the venue has it. Lots and ticks."""

    client_order_id: str
    """The newest that the venue accepted; empty: the venue keeps none."""
    instrument: str
    side: Side
    quantity_lots: int
    cumulative_lots: int
    price_ticks: int | None = None
    venue_order_id: str = ""
    chain: tuple[str, ...] = ()
    """Other client order ids that it had."""
    ended: ExecType | None = None
    """CANCELED, EXPIRED, REJECTED, CALCULATED; TRADE: filled. None: it works."""


class StatedFill(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """An execution as the venue has it, under its true id."""

    client_order_id: str
    execution_id: str
    instrument: str
    side: Side
    quantity_lots: int
    price_ticks: int
    fee_nanos: int = 0
    maker: bool | None = None
    venue_order_id: str = ""
    venue_time_ns: int = 0


class StatedPosition(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    instrument: str
    lots: int
    """Positive is long."""


class StatedBalance(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    currency: str
    nanos: int
    booked_nanos: int | None = None
    """What the ledger had when the statement came; None: nobody asked it."""
    booked_ns: int = 0
    """The time of the ledger's newest journal entry: what was booked after it is not in ``booked_nanos``."""


class VenueStatement(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """A part of a statement. What is not flagged as complete says only what is there, not what is not."""

    venue: str
    account: str
    statement_id: str
    part: int = 1
    """1 to ``parts``."""
    parts: int = 1
    asked_ns: int
    """When it was asked for, by our clock. The same in all parts; a later one is a newer statement."""
    taken_ns: int = 0
    """When it was taken, by the venue's clock; 0: it does not say."""
    orders_complete: bool = False
    """Every order that works there is among the orders of the parts."""
    fills_since_ns: int | None = None
    """Every fill since then, by the venue's clock, is among the fills of the parts; None: some are."""
    positions_complete: bool = False
    """What is not among the positions is 0."""
    orders: tuple[StatedOrder, ...] = ()
    fills: tuple[StatedFill, ...] = ()
    positions: tuple[StatedPosition, ...] = ()
    balances: tuple[StatedBalance, ...] = ()


class DifferenceKind(enum.Enum):
    FILL_MISSING = "fill missing"
    """The venue has filled more of an order than we know executions of."""
    FILL_UNKNOWN_THERE = "fill unknown there"
    """We know of more executions of an order than the venue says."""
    ORDER_MISSING = "order missing"
    """It works here and is unknown there. It stays exposure."""
    ORDER_UNKNOWN_HERE = "order unknown here"
    """It works there, and could not be adopted."""
    POSITION = "position"
    BALANCE = "balance"


MISMATCHING = frozenset(
    {
        DifferenceKind.FILL_MISSING,
        DifferenceKind.FILL_UNKNOWN_THERE,
        DifferenceKind.ORDER_UNKNOWN_HERE,
        DifferenceKind.POSITION,
    }
)
"""The position is not what our books say, or may not be: the account takes no new risk while one of these stands."""


class Action(enum.Enum):
    """What may be done about a difference."""

    QUERY = "query"
    """Ask for another statement; the true report may come yet."""
    ACCEPT_VENUE = "accept the venue's word"
    IGNORE = "ignore"
    """It stays listed, and stops nothing as long as it stays as it is."""


class Difference(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Where the venue and the books disagree. ``ours`` and ``theirs``: lots; nanos of a balance."""

    kind: DifferenceKind
    venue: str
    account: str
    subject: str
    """The order id, the instrument, the currency, or the venue's own name of what we do not know."""
    ours: int
    theirs: int
    proposed: Action
    text: str
    instrument: str = ""
    order_id: int = 0
    difference_id: int = 0
    """0: only suspected, a report on its way may explain it."""
    looks: int = 1
    """Statements that showed it."""
    revision: int = 1
    """Grows with each change of ``ours`` or ``theirs``."""
    first_ns: int
    last_ns: int
    """When the last look at it was over; only a statement that was asked for later is another look."""
    ignored: str = ""
    """Why it is ignored; empty: it is not."""
    booked: bool = False
    """BALANCE: ``ours`` is the ledger's; to accept the venue's word books what is missing there."""

    @property
    def key(self) -> str:
        return f"{self.kind.name}|{self.venue}|{self.account}|{self.subject}"


class How(enum.Enum):
    """How a difference ended."""

    AGREED = "agreed"
    """A report or a statement explained it."""
    ACCEPTED = "accepted"
    IGNORED = "ignored"


class SettleDifference(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """Decide what becomes of a difference. What changes a position or lets new risk in takes a second person."""

    request_id: str
    actor: str
    reason: str
    difference_id: int
    action: Action
    price_ticks: int | None = None
    """ACCEPT_VENUE of a position: at which price the difference is booked; None: at the last mark."""


class RequestStatement(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """Ask the venue for a statement. ``guard``: no new risk for the account until it has come and agrees."""

    request_id: str
    actor: str
    venue: str
    account: str
    reason: str = ""
    guard: bool = False


class SetReconciliationPolicy(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """What one person may decide alone. The settings say it at each start."""

    request_id: str
    actor: str
    alone_nanos: int
    """A balance of the ledger may be adjusted by up to this by one person, in whatever currency."""


ReconciliationCommand = SettleDifference | RequestStatement | SetReconciliationPolicy


class StatementRequested(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    venue: str
    account: str
    actor: str
    reason: str
    guard: bool
    time_ns: int


class StatementKept(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """Waits for its other parts."""

    statement: VenueStatement
    """Less the orders that agree and the fills that are booked."""
    time_ns: int
    seen: tuple[int, ...] = ()
    """Our ids of the orders that agree."""
    orders: int = 0
    """How many the part has, and so the next one."""
    fills: int = 0
    digest: str = ""
    """SHA-256 of the whole part: the same part told again is the same."""


class StatementCompared(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """All parts are in, and were compared with the books. The events before say what came of it."""

    venue: str
    account: str
    statement_id: str
    asked_ns: int
    taken_ns: int
    orders: int
    fills: int
    positions: int
    unlisted: int
    """Differences for which the table had no room."""
    time_ns: int


class DifferenceNoted(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """Suspected, found (it has an id from then on), or found to have changed."""

    difference: Difference
    time_ns: int


class DifferenceSettled(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    key: str
    difference_id: int
    how: How
    reason: str
    actor: str
    time_ns: int
    approver: str = ""


class PositionAdjusted(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """Two persons took the venue's word for a position: ``lots`` were booked as an execution of an order of its own.

    Should a fill come that happened before the statement, so much of it is taken back.
    """

    order_id: int
    execution_id: str
    account: str
    instrument: str
    lots: int
    """Signed: what is left of the adjustment. 0: all of it was taken back."""
    before_ns: int
    """Fills from before, by the venue's clock, are what it stands for."""
    actor: str
    approver: str
    time_ns: int


class BalanceAgreed(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """By so much the venue's balance is more than what fills explain: from deposits, and from before our time."""

    venue: str
    account: str
    currency: str
    offset_nanos: int
    actor: str
    time_ns: int


class ReconciliationPolicySet(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    alone_nanos: int
    actor: str
    time_ns: int


ReconciliationEvent = (
    StatementRequested
    | StatementKept
    | StatementCompared
    | DifferenceNoted
    | DifferenceSettled
    | PositionAdjusted
    | BalanceAgreed
    | ReconciliationPolicySet
)


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How far one account at one venue is reconciled."""

    venue: str
    account: str
    guarded: bool = False
    """No new risk until a statement was compared."""
    requested_ns: int = 0
    statement_id: str = ""
    """Of the newest that was compared; empty: none was."""
    asked_ns: int = 0
    taken_ns: int = 0
    compared_ns: int = 0
    statements: int = 0
    orders: int = 0
    fills: int = 0
    positions: int = 0
    unlisted: int = 0


class ReconciliationTables(msgspec.Struct, kw_only=True):
    """The part of the engine's tables that reconciliation needs."""

    next_difference_id: int = 1
    alone_nanos: int = 0
    """``SetReconciliationPolicy``; until somebody says more, every adjustment takes two persons."""
    standings: dict[str, Standing] = {}
    """``venue|account`` -> how far it is."""
    differences: dict[str, Difference] = {}
    """By key. What is settled is in the journal alone."""
    kept: dict[str, dict[int, StatementKept]] = {}
    """``venue|account|statement id`` -> its parts so far."""
    offsets: dict[str, int] = {}
    """``venue|account|currency`` -> ``BalanceAgreed``."""
    adjustments: dict[str, PositionAdjusted] = {}
    """By execution id; those of which something is left."""


def standing_key(venue: str, account: str) -> str:
    return f"{venue}|{account}"
