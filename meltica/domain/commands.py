"""What people, strategies and the gateway itself ask of the engine. Frozen; valid in form when they get here."""

from __future__ import annotations

import enum

import msgspec

from meltica.domain.algo_commands import AlgoCommand
from meltica.domain.breakers import Breaker, MarkKind
from meltica.domain.capabilities import Capabilities
from meltica.domain.cash import AccountingCommand
from meltica.domain.corrections import DropCorrection
from meltica.domain.gates import GateCommand
from meltica.domain.groups import Link, Sizing
from meltica.domain.instrument import Instrument
from meltica.domain.limits import Limits
from meltica.domain.many import Unreadable
from meltica.domain.market import Quote
from meltica.domain.order import OrderType, Side, TimeInForce
from meltica.domain.outcomes import DoubtUnanswered, ResolveOutcome
from meltica.domain.statements import ReconciliationCommand
from meltica.domain.terms import Terms


class SubmitOrder(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    request_id: str
    """The same id with the same content gives the first answer again."""
    actor: str
    """Who asks: a SPIFFE id, ``strategy:<name>`` or ``system:<part>``."""
    account: str
    strategy: str
    instrument: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity_lots: int
    price_ticks: int | None = None
    post_only: bool = False
    reduce_only: bool = False
    iso: bool = False
    """Intermarket sweep order."""
    short: bool = False
    """A sale of what is not owned; SELL only."""
    short_exempt: bool = False
    """With ``short``: exempt from the price test of Reg SHO 201."""
    client_order_id: str = ""
    """Empty: the engine makes one."""
    terms: Terms | None = None
    decided_ns: int = 0
    """When whoever asks decided to trade; 0: unknown. With ``decision_ticks`` only looked at afterwards."""
    decision_ticks: int | None = None
    """The price that the decision was made at; None: the market's when the command came."""


class AmendOrder(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    request_id: str
    actor: str
    order_id: int
    quantity_lots: int | None = None
    """New total quantity, what is filled already included (FIX OrderQty)."""
    price_ticks: int | None = None
    client_order_id: str = ""
    terms: Terms | None = None
    """All of its terms anew; None: as they are. Only of an order that the engine holds."""


class CancelOrder(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    request_id: str
    actor: str
    order_id: int
    client_order_id: str = ""


class CancelAllOrders(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """Cancel every working order that matches; an empty filter matches all."""

    request_id: str
    actor: str
    account: str = ""
    strategy: str = ""
    instrument: str = ""


class SubmitOrderList(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """Orders that belong together, all or none of them. Request id and actor are the list's: those of its orders are
    empty."""

    request_id: str
    actor: str
    link: Link
    orders: tuple[SubmitOrder, ...]
    """OTO: the first lets the others out. BRACKET: entry, take-profit, stop-loss."""
    among: Link | None = None
    """OTO: how the orders after the first belong together (OCO, OUO); None: each by itself."""
    sizing: Sizing = Sizing.FULL
    """OTO, BRACKET: when the first lets the others out."""


class SubmitOrders(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """Many orders in one journal entry. Request id and actor are the list's: those of its orders are empty."""

    request_id: str
    actor: str
    orders: tuple[SubmitOrder, ...]
    all_or_none: bool = False
    """One that is refused takes all others with it, and nothing goes out."""
    unreadable: tuple[Unreadable, ...] = ()
    """Items that are not among ``orders``, by place; without ``all_or_none`` the others go on."""
    accounts: tuple[str, ...] | None = None
    """Those that the caller acts for; None: all. Orders of others are refused, each by itself."""


class CancelOrders(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """Cancel the open orders to which all that is named applies; something must be."""

    request_id: str
    actor: str
    order_ids: tuple[int, ...] = ()
    account: str = ""
    strategy: str = ""
    instrument: str = ""
    side: Side | None = None
    older_than_ns: int = 0
    """Only those that were submitted at least this long ago."""
    group_id: int = 0
    unreadable: tuple[Unreadable, ...] = ()
    """As in SubmitOrders; among ``order_ids``."""
    accounts: tuple[str, ...] | None = None
    """Those that the caller acts for; None: all. What is named by number and is another's is refused, and what is not
    named by number is of these alone."""


class Amendment(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One item of AmendOrders; as AmendOrder."""

    order_id: int
    quantity_lots: int | None = None
    price_ticks: int | None = None
    client_order_id: str = ""
    terms: Terms | None = None


class AmendOrders(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """Many amendments in one journal entry."""

    request_id: str
    actor: str
    amendments: tuple[Amendment, ...]
    all_or_none: bool = False
    """One that is refused takes all others with it, and no venue is told of any."""
    unreadable: tuple[Unreadable, ...] = ()
    """As in SubmitOrders."""
    accounts: tuple[str, ...] | None = None
    """As in SubmitOrders."""


class SeeMarket(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """The market reached a price that a held order waits for (``EngineState.watched`` asked for it)."""

    request_id: str
    actor: str
    quote: Quote

    @property
    def instrument(self) -> str:
        return self.quote.instrument


class Wake(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """The moment came that an order waits for (``EngineState.next_due_ns``)."""

    request_id: str
    actor: str


class RegisterInstrument(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    request_id: str
    actor: str
    instrument: Instrument


class DescribeVenue(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """What the venue can do by itself; the gateway says it at each start where it has changed."""

    request_id: str
    actor: str
    capabilities: Capabilities


class SetLimits(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """Takes effect at once when it only tightens; else it becomes a proposal that another person approves."""

    request_id: str
    actor: str
    limits: Limits
    revision: int
    """The revision that the change was made against; 0 for a limit that was never set."""


class EngageKillSwitch(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """Refuse every new order and cancel every working one, of one account, of one target or (both empty) of all."""

    request_id: str
    actor: str
    reason: str
    account: str = ""
    target: str = ""
    """``strategies/…``, ``ports/…`` or ``instruments/…``."""

    @property
    def switch(self) -> str:
        """The key of the switch: empty, an account's name, or a target."""
        return self.target or self.account


class ProposeKillSwitchRelease(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    request_id: str
    actor: str
    reason: str
    account: str = ""
    target: str = ""

    @property
    def switch(self) -> str:
        return self.target or self.account


class RearmBreaker(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """Let go of a tripped breaker, once a second person approves."""

    request_id: str
    actor: str
    reason: str
    breaker: Breaker
    account: str = ""
    strategy: str = ""
    """Of a strategy's breaker; empty: the account's."""


class ChangeCredit(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """Move the limit on open value by a signed amount: down at once, up when a second person approves."""

    request_id: str
    actor: str
    reason: str
    name: str
    """``firm``, ``accounts/…`` or ``strategies/…``."""
    delta_nanos: int


class SetMark(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """Switch a fact that stops orders, or part of them. Persons clear one only with a second person's yes."""

    request_id: str
    actor: str
    mark: MarkKind
    name: str
    """The instrument, account or port that it is about."""
    on: bool
    reason: str = ""


class SetPriceBand(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """The market's own price limits (limit-up limit-down, auction collars); both 0: none are in force."""

    request_id: str
    actor: str
    instrument: str
    low_ticks: int
    high_ticks: int


class BeginDay(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """A new trading day: profit and loss, high-water marks and day quantities begin at 0; breakers stay as they are."""

    request_id: str
    actor: str


class Revalue(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """Value what is held at the marks of this input; breakers trip without waiting for the next order."""

    request_id: str
    actor: str


class ApproveProposal(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """The second person's yes. The proposer's own is refused, and so is one that comes too late."""

    request_id: str
    actor: str
    proposal_id: int
    approve: bool = True
    """False rejects the proposal; the proposer may withdraw it so."""


class GateState(enum.Enum):
    LOST = "lost"
    REGAINED = "regained"


class ReportGate(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """The gate in the other process stopped or began answering. While it is lost every new order is refused."""

    request_id: str
    actor: str
    state: GateState
    reason: str = ""


Command = (
    SubmitOrder
    | AmendOrder
    | CancelOrder
    | CancelAllOrders
    | SubmitOrderList
    | SubmitOrders
    | CancelOrders
    | AmendOrders
    | SeeMarket
    | Wake
    | RegisterInstrument
    | DescribeVenue
    | SetLimits
    | EngageKillSwitch
    | ProposeKillSwitchRelease
    | ApproveProposal
    | ReportGate
    | RearmBreaker
    | ChangeCredit
    | SetMark
    | SetPriceBand
    | BeginDay
    | Revalue
    | ResolveOutcome
    | DoubtUnanswered
    | DropCorrection
    | AlgoCommand
    | GateCommand
    | AccountingCommand
    | ReconciliationCommand
)


def asks_the_same(one: Command, other: object) -> bool:
    """Is it the same request again? For whom its caller acts may have changed since; the first answer stands."""
    if isinstance(one, SubmitOrders | CancelOrders | AmendOrders) and type(other) is type(one):
        return one == msgspec.structs.replace(other, accounts=one.accounts)
    return one == other
