"""Every "no" of the control plane, in one table: gRPC code, and what to do next.

An error on the wire is a ``google.rpc.Status``: its message says why and what to do, ``ErrorInfo`` carries the reason
(UPPER_SNAKE, domain ``meltica``) and facts for programs, ``BadRequest`` names every wrong field, ``RequestInfo`` the
request. Source: google.aip.dev/193.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc import StatusCode as Code

from meltica.domain.errors import FieldError, GateUnreachableError, MelticaError, NotAcceptingError, RequestReusedError
from meltica.domain.events import CommandRefused
from meltica.domain.order_events import AmendDenied, OrderDenied
from meltica.hot import Check

DOMAIN: Final = "meltica"
STATUS_DETAILS_KEY: Final = "grpc-status-details-bin"

VIOLATIONS_LIMIT: Final = 16
SHOWN_LIMIT: Final = 60
DESCRIPTIONS_LIMIT: Final = 2000
"""Of all violations together; each has its part of it."""
MESSAGE_LIMIT: Final = 1500
"""Together these keep a refusal within the 8 kB that a client accepts as trailers."""

AGAIN: Final = "then send it again with a new request_id"
"""A refusal is the answer to its request_id, for ever."""

REASONS: Final[dict[str, tuple[Code, str]]] = {
    # What is not there.
    "UNKNOWN_ORDER": (Code.NOT_FOUND, "OrderService.ListOrders has the orders."),
    "UNKNOWN_DIFFERENCE": (Code.NOT_FOUND, "ReconciliationService.ListDifferences has those that stand."),
    "UNKNOWN_VENUE": (Code.NOT_FOUND, "MarketDataService.ListInstruments has the venues."),
    "UNKNOWN_CORRECTION": (Code.NOT_FOUND, "OutcomeService.ListKeptCorrections has those that wait."),
    "UNKNOWN_GROUP": (Code.NOT_FOUND, "OrderService.ListOrderGroups has the groups."),
    "UNKNOWN_INSTRUMENT": (Code.NOT_FOUND, "MarketDataService.ListInstruments has the instruments."),
    "UNKNOWN_ACCOUNT": (Code.NOT_FOUND, "RiskService.ListLimits has the accounts."),
    "UNKNOWN_LIMITS": (Code.NOT_FOUND, 'Nothing passes without. Set them with RiskService.SetLimits and etag "0".'),
    "UNKNOWN_STRATEGY": (Code.NOT_FOUND, "RiskService.ListLimits has the strategies; limits make a strategy."),
    "UNKNOWN_GATE": (Code.NOT_FOUND, "RiskService.GetGateStatus has the hot gates; the settings make one."),
    "UNKNOWN_PORT": (Code.NOT_FOUND, "RiskService.ListLimits has the ports; limits make a port."),
    "UNKNOWN_PROPOSAL": (Code.NOT_FOUND, "RiskService.ListProposals has the proposals."),
    "UNKNOWN_SERVICE": (Code.NOT_FOUND, "Reflection lists the services; leave it empty for the whole server."),
    "UNKNOWN_BOOKS": (Code.NOT_FOUND, "AccountingService.ListBookPositions has the accounts."),
    "UNKNOWN_DAY": (Code.NOT_FOUND, "AccountingService.GetStatement without a day has the one that goes on."),
    "UNKNOWN_EXECUTION": (Code.NOT_FOUND, "AccountingService.ListLedgerEntries has the executions."),
    "UNKNOWN_ALLOCATION": (Code.NOT_FOUND, "AccountingService.ListLedgerEntries has the allocations."),
    # What contradicts itself.
    "INVALID_REQUEST": (Code.INVALID_ARGUMENT, "Correct the fields and send it again."),
    "MALFORMED_MESSAGE": (Code.INVALID_ARGUMENT, "Make it with a client generated from the server's own descriptors."),
    "REQUEST_ID_REUSED": (Code.INVALID_ARGUMENT, "A new request needs a new request_id."),
    "NOTHING_TO_AMEND": (Code.INVALID_ARGUMENT, ""),
    "PRICE_REQUIRED": (Code.INVALID_ARGUMENT, ""),
    "PRICE_NOT_ALLOWED": (Code.INVALID_ARGUMENT, ""),
    "POST_ONLY_NOT_RESTING": (Code.INVALID_ARGUMENT, ""),
    "MARKET_ORDER_CANNOT_REST": (Code.INVALID_ARGUMENT, ""),
    "SHORT_NOT_A_SALE": (Code.INVALID_ARGUMENT, ""),
    "SHORT_EXEMPT_NOT_SHORT": (Code.INVALID_ARGUMENT, ""),
    "ISO_WITHOUT_PRICE": (Code.INVALID_ARGUMENT, ""),
    **dict.fromkeys(
        (
            *("TRIGGER_REQUIRED", "TRIGGER_NOT_ALLOWED", "TRAIL_REQUIRED", "TRAIL_NOT_ALLOWED", "OFFSET_OUT_OF_RANGE"),
            *("PEG_REQUIRED", "PEG_NOT_ALLOWED", "PEG_NOT_RESTING", "CROSS_WITH_TRIGGER"),
            *("EXPIRE_TIME_REQUIRED", "EXPIRE_TIME_NOT_ALLOWED", "EXPIRE_TIME_OUT_OF_RANGE", "EXPIRE_TIME_PAST"),
            *("DISPLAY_NOT_ALLOWED", "DISPLAY_OUT_OF_RANGE", "MIN_QUANTITY_OUT_OF_RANGE"),
            "CLIENT_ORDER_ID_NOT_ALLOWED",
        ),
        (Code.INVALID_ARGUMENT, ""),
    ),
    "INVALID_SCHEDULE": (Code.INVALID_ARGUMENT, ""),
    "NOTHING_TO_CANCEL": (Code.INVALID_ARGUMENT, ""),
    "AGE_OUT_OF_RANGE": (Code.INVALID_ARGUMENT, ""),
    "ITEMS_OUT_OF_RANGE": (Code.INVALID_ARGUMENT, ""),
    "NAMED_TWICE": (Code.INVALID_ARGUMENT, ""),
    "LIST_LENGTH": (Code.INVALID_ARGUMENT, ""),
    "LINK_NOT_ALLOWED": (Code.INVALID_ARGUMENT, ""),
    "SIZING_NOT_ALLOWED": (Code.INVALID_ARGUMENT, ""),
    "LEGS_DIFFER": (Code.INVALID_ARGUMENT, ""),
    "LEG_MUST_REST": (Code.INVALID_ARGUMENT, ""),
    "LEG_TYPE": (Code.INVALID_ARGUMENT, ""),
    "LEGS_TOO_LARGE": (Code.INVALID_ARGUMENT, ""),
    "NOTHING_TO_CHANGE": (Code.INVALID_ARGUMENT, ""),
    "QUANTITY_NOT_POSITIVE": (Code.INVALID_ARGUMENT, ""),
    "QUANTITY_OUT_OF_RANGE": (Code.INVALID_ARGUMENT, "MarketDataService.GetInstrument has the bounds."),
    "PRICE_OUT_OF_RANGE": (Code.INVALID_ARGUMENT, "MarketDataService.GetInstrument has the bounds."),
    "ACCOUNT_NAME_INVALID": (Code.INVALID_ARGUMENT, ""),
    "STRATEGY_NAME_INVALID": (Code.INVALID_ARGUMENT, ""),
    "PORT_NAME_INVALID": (Code.INVALID_ARGUMENT, ""),
    "QUANTITY_BELOW_MINIMUM": (Code.INVALID_ARGUMENT, "MarketDataService.GetInstrument has the bounds."),
    "VALUE_BELOW_MINIMUM": (Code.INVALID_ARGUMENT, "MarketDataService.GetInstrument has the bounds."),
    "LIMIT_OUT_OF_RANGE": (Code.INVALID_ARGUMENT, ""),
    "AMOUNT_OUT_OF_RANGE": (Code.INVALID_ARGUMENT, ""),
    "RATE_OUT_OF_RANGE": (Code.INVALID_ARGUMENT, ""),
    "RATIO_OUT_OF_RANGE": (Code.INVALID_ARGUMENT, ""),
    "CURRENCY_INVALID": (Code.INVALID_ARGUMENT, ""),
    "VENUE_CONTRADICTS": (Code.INVALID_ARGUMENT, ""),
    "CLASS_CONTRADICTS": (Code.INVALID_ARGUMENT, ""),
    "ORDERS_OPEN": (Code.FAILED_PRECONDITION, "Cancel them, wait until they are cancelled, split again."),
    "HOT_GATE_TRADES_IT": (Code.FAILED_PRECONDITION, "RiskService.RetireGate ends a gate's life."),
    "VENUE_INVALID": (Code.INVALID_ARGUMENT, ""),
    "TIERS_INVALID": (Code.INVALID_ARGUMENT, ""),
    "NOT_A_CONVERSION": (Code.INVALID_ARGUMENT, ""),
    "NOT_A_PERPETUAL": (Code.INVALID_ARGUMENT, "MarketDataService.ListInstruments has the instruments."),
    "REASON_MISSING": (Code.INVALID_ARGUMENT, "Everybody who looks will read it."),
    "AFTER_THE_END": (Code.OUT_OF_RANGE, "AuditService.GetAuditHead has the end; is this another journal?"),
    # What the state does not allow.
    "NOT_ACCEPTABLE": (Code.FAILED_PRECONDITION, "ReconciliationService.ListDifferences tells what is proposed."),
    "NOT_UNCERTAIN": (Code.FAILED_PRECONDITION, "OutcomeService.ListUncertainOrders has what nobody knows."),
    "ORDER_TERMINAL": (Code.FAILED_PRECONDITION, ""),
    "NOT_AN_ALGO": (Code.FAILED_PRECONDITION, "AlgoService.ListAlgos has those that do."),
    "CHILD_ORDER": (Code.FAILED_PRECONDITION, ""),
    "ALGO_NOT_RUNNING": (Code.FAILED_PRECONDITION, "AlgoService.GetAlgo tells how it stands."),
    "ALGO_NOT_PAUSED": (Code.FAILED_PRECONDITION, "AlgoService.GetAlgo tells how it stands."),
    "NO_MARK_PRICE": (Code.FAILED_PRECONDITION, ""),
    "CLOSE_TIME_UNKNOWN": (Code.FAILED_PRECONDITION, ""),
    "MIN_QUANTITY_NOT_SUPPORTED": (Code.FAILED_PRECONDITION, ""),
    "TERMS_NOT_AMENDABLE": (Code.FAILED_PRECONDITION, "Cancel it and send another."),
    "PARENT_NOT_AMENDABLE": (Code.FAILED_PRECONDITION, ""),
    "REDUCE_ONLY_WOULD_INCREASE": (Code.FAILED_PRECONDITION, "PortfolioService.ListPositions has the position."),
    "DUPLICATE_CLIENT_ORDER_ID": (Code.ALREADY_EXISTS, "Leave client_order_id empty and the gateway makes one."),
    "GROUP_SIZES_LEG": (Code.FAILED_PRECONDITION, "OrderService.GetOrderGroup has the group."),
    "NOT_WANTED": (Code.FAILED_PRECONDITION, ""),
    "GATE_LOST": (Code.FAILED_PRECONDITION, f"Wait until it answers (RiskService.GetGateStatus), {AGAIN}."),
    "GATE_NOT_DEAD": (Code.FAILED_PRECONDITION, "RiskService.GetGateStatus tells how it stands."),
    "GATE_NOT_ADMITTED": (Code.FAILED_PRECONDITION, ""),
    "SHARES_INVALID": (Code.INVALID_ARGUMENT, ""),
    "GATE_FULL": (Code.FAILED_PRECONDITION, ""),
    "NOT_LINEAR": (Code.FAILED_PRECONDITION, ""),
    "BOOKS_FULL": (Code.FAILED_PRECONDITION, ""),
    "BOOKS_IN_USE": (Code.FAILED_PRECONDITION, ""),
    "RATE_EXISTS_INVERTED": (Code.ALREADY_EXISTS, ""),
    "ALREADY_ALLOCATED": (Code.FAILED_PRECONDITION, ""),
    "SPLIT_SINCE": (Code.FAILED_PRECONDITION, ""),
    "NOT_ENGAGED": (Code.FAILED_PRECONDITION, ""),
    "NOT_TRIPPED": (Code.FAILED_PRECONDITION, ""),
    "INSTRUMENT_EXISTS": (Code.ALREADY_EXISTS, ""),
    "HANDLE_TAKEN": (Code.ALREADY_EXISTS, ""),
    "PROPOSAL_CLOSED": (Code.FAILED_PRECONDITION, ""),
    "PROPOSAL_EXPIRED": (Code.FAILED_PRECONDITION, ""),
    "PROPOSAL_OVERTAKEN": (Code.ABORTED, ""),
    "PROPOSAL_KIND_MISMATCH": (Code.FAILED_PRECONDITION, ""),
    "REVISION_MISMATCH": (Code.ABORTED, f"Read the limits (RiskService.GetLimits), decide again, {AGAIN}."),
    # Who is asking.
    "UNIDENTIFIED": (Code.UNAUTHENTICATED, "Ask your site for a client certificate."),
    "ROLE_REQUIRED": (Code.PERMISSION_DENIED, ""),
    "NOT_YOUR_ACCOUNT": (Code.PERMISSION_DENIED, "The policy's [accounts] say for whom you act."),
    "NOT_YOUR_ORDER": (Code.PERMISSION_DENIED, "Strategies change their own orders alone."),
    "NOT_YOUR_STRATEGY": (Code.PERMISSION_DENIED, "Strategies send orders under their own name alone."),
    "SAME_PERSON": (Code.PERMISSION_DENIED, "Ask somebody else who may approve."),
    "PERSON_REQUIRED": (Code.PERMISSION_DENIED, "Approve with a person's certificate, not a service's."),
    "RISK_OFFICER_REQUIRED": (Code.PERMISSION_DENIED, "Ask a risk officer to approve."),
    # What will pass.
    "NOT_ACCEPTING": (Code.UNAVAILABLE, "Send the same request again in a moment."),
    "DRAINING": (Code.UNAVAILABLE, "Connect again in a moment; resume the stream after the last sequence you saw."),
    "GATE_UNREACHABLE": (Code.UNAVAILABLE, "Send the same request again in a moment."),
    "TOO_BUSY": (Code.RESOURCE_EXHAUSTED, "Send the same request again in a moment."),
    "TOO_MANY_STREAMS": (Code.RESOURCE_EXHAUSTED, "End streams that are not read any more."),
    "SERVER_DEADLINE": (Code.DEADLINE_EXCEEDED, "It may have been carried out: send the same request again to see."),
    "INTERNAL": (Code.INTERNAL, "Tell the operators the incident id: the server's log has the details."),
}
"""Reason -> (code, what to do next where the engine's own words don't say it). One row a reason; a test holds the
engine and the rulebook against it."""

CHECKS: Final[dict[str, tuple[Code, str]]] = {
    "MALFORMED": (Code.INVALID_ARGUMENT, ""),
    "KILL_SWITCH": (Code.FAILED_PRECONDITION, "KillSwitchService.GetKillSwitch says who engaged it and why."),
    "LEASE_EXPIRED": (Code.FAILED_PRECONDITION, f"Wait until the gate has its lease again, {AGAIN}."),
    "ACCOUNT_DISABLED": (
        Code.FAILED_PRECONDITION,
        f"Enable account and port (RiskService.SetLimits), {AGAIN}.",
    ),
    "UNKNOWN_INSTRUMENT": (Code.FAILED_PRECONDITION, f"Set and enable its limits (RiskService.SetLimits), {AGAIN}."),
    "RESTRICTED": (Code.FAILED_PRECONDITION, "RiskService.GetLimits has the restriction."),
    "HALTED": (Code.FAILED_PRECONDITION, f"Wait for the resumption, {AGAIN}."),
    "SESSION_WINDOW": (Code.FAILED_PRECONDITION, f"Wait until the session opens, {AGAIN}."),
    "FIELD_SANITY": (Code.INVALID_ARGUMENT, "MarketDataService.GetInstrument has the bounds."),
    "MAX_QUANTITY": (Code.FAILED_PRECONDITION, "Send less, or have the limit raised (RiskService.SetLimits)."),
    "MAX_VALUE": (Code.FAILED_PRECONDITION, "Send less, or have the limit raised (RiskService.SetLimits)."),
    "PRICE_COLLAR": (Code.FAILED_PRECONDITION, "MarketDataService.GetOrderBook has the market; check the price."),
    "PRICE_BAND": (Code.FAILED_PRECONDITION, "Choose a price within the band that the market has set."),
    "MARKET_NOT_ALLOWED": (Code.FAILED_PRECONDITION, "Send a LIMIT order."),
    "ISO_NOT_ALLOWED": (Code.FAILED_PRECONDITION, "Send it without intermarket_sweep."),
    "SHORT_SALE": (Code.FAILED_PRECONDITION, "Locate the shares, mark the order, or sell what is owned."),
    "POSITION_LIMIT": (Code.FAILED_PRECONDITION, "Reduce the position, cancel orders, or have the limit raised."),
    "OPEN_EXPOSURE": (Code.FAILED_PRECONDITION, "Cancel working orders, or have the limit raised."),
    "FIRM_CREDIT": (Code.FAILED_PRECONDITION, "Cancel working orders, or have the firm's limit raised."),
    "DAY_QUANTITY": (Code.FAILED_PRECONDITION, "Wait for the next trading day, or have the limit raised."),
    "MARKET_IMPACT": (Code.FAILED_PRECONDITION, "Send less, or have the limit raised (RiskService.SetLimits)."),
    "MESSAGE_RATE": (Code.RESOURCE_EXHAUSTED, f"Wait a second, {AGAIN}."),
    "INSTRUMENT_RATE": (Code.RESOURCE_EXHAUSTED, f"Wait a second, {AGAIN}."),
    "DUPLICATE_ORDER": (Code.FAILED_PRECONDITION, f"If it is meant, wait for the duplicate window to pass, {AGAIN}."),
    "REPEATED_EXECUTION": (Code.FAILED_PRECONDITION, "Find out why it trades so often, then RiskService.RearmBreaker."),
    "SELF_MATCH": (Code.FAILED_PRECONDITION, "Cancel the own order on the other side, or choose another price."),
    "OPEN_ORDER_COUNT": (Code.FAILED_PRECONDITION, "Cancel working orders, or have the limit raised."),
    "STALE_REFERENCE": (Code.FAILED_PRECONDITION, f"Wait until the market data flows again, {AGAIN}."),
    "CROSSED_BOOK": (Code.FAILED_PRECONDITION, f"Wait until best bid and offer are apart again, {AGAIN}."),
    "ORDER_ID_NOT_INCREASING": (Code.INTERNAL, "The gate and the engine disagree: tell the operators."),
    "DAILY_LOSS": (Code.FAILED_PRECONDITION, "RiskService.GetRiskState has the figures; reduce-only orders pass."),
    "PORT_DOWN": (Code.FAILED_PRECONDITION, f"Wait until the session is up, {AGAIN}."),
    "POSITION_MISMATCH": (Code.FAILED_PRECONDITION, "RiskService.GetRiskState says who marked the account."),
    "DRAWDOWN": (Code.FAILED_PRECONDITION, "RiskService.GetRiskState has the figures; reduce-only orders pass."),
    "CONSECUTIVE_REJECTS": (Code.FAILED_PRECONDITION, "Find out why the venue says no, then RiskService.RearmBreaker."),
    "STRATEGY_DISABLED": (Code.FAILED_PRECONDITION, f"Set and enable its limits (RiskService.SetLimits), {AGAIN}."),
    "STRATEGY_EXPOSURE": (Code.FAILED_PRECONDITION, "Cancel working orders, or have the limit raised."),
}
"""The gate's checks, by name: what refused an order or an amendment."""

API_FIELDS: Final[dict[str, str]] = {
    "max_quantity_lots": "max_quantity",
    "max_value_nanos": "max_value",
    "reference_max_age_ns": "reference_max_age",
    "session_open_ns": "session_open",
    "session_close_ns": "session_close",
    "max_day_lots": "max_day_quantity",
    "max_open_value_nanos": "max_open_value",
    "duplicate_window_ns": "duplicate_window",
    "max_daily_loss_nanos": "max_daily_loss",
    "max_drawdown_nanos": "max_drawdown",
    "rearm_after_ns": "rearm_after",
    "max_long_lots": "max_long_quantity",
    "max_short_lots": "max_short_quantity",
    "located_lots": "located_quantity",
}
"""The engine's names of fields -> the API's, where they differ."""

_OF_A_FIELD: Final = frozenset({Code.INVALID_ARGUMENT, Code.NOT_FOUND, Code.ALREADY_EXISTS})
"""Codes that say that what a field holds can't be used. Others say that it can't be now, or not by this caller."""

_CHECK_NAMES: Final = tuple((1 << check, check.name) for check in Check)


class RefusedError(MelticaError):
    """A "no" on its way to the caller."""

    def __init__(
        self,
        reason: str,
        why: str,
        *,
        violations: Sequence[tuple[str, str]] = (),
        metadata: Mapping[str, str] | None = None,
        row: tuple[Code, str] | None = None,
    ) -> None:
        code, advice = REASONS[reason] if row is None else row
        super().__init__(f"{why.rstrip('. ')[:MESSAGE_LIMIT]}. {advice}".rstrip())
        self.reason = reason
        self.code = code
        self.violations = tuple(violations[:VIOLATIONS_LIMIT])
        self.metadata = {} if metadata is None else dict(metadata)

    def status(self, request_id: str = "") -> status_pb2.Status:
        packed = [_packed(error_details_pb2.ErrorInfo(reason=self.reason, domain=DOMAIN, metadata=self.metadata))]
        if self.violations:
            bad, most = error_details_pb2.BadRequest(), DESCRIPTIONS_LIMIT // len(self.violations)
            for field, why in self.violations:
                bad.field_violations.add(field=field, description=why[:most])
            packed.append(_packed(bad))
        if request_id:
            packed.append(_packed(error_details_pb2.RequestInfo(request_id=request_id)))
        return status_pb2.Status(code=self.code.value[0], message=str(self), details=packed)


def _packed(detail: Message) -> any_pb2.Any:
    box = any_pb2.Any()
    box.Pack(detail)
    return box


def invalid(violations: Sequence[tuple[str, str]]) -> RefusedError:
    """All wrong fields of a request at once, at most VIOLATIONS_LIMIT of them."""
    violations = violations[:VIOLATIONS_LIMIT]
    return RefusedError(
        "INVALID_REQUEST", "; ".join(f"{field}: {why}" for field, why in violations), violations=violations
    )


def unknown(reason: str, field: str, why: str) -> RefusedError:
    """What the field names is not there."""
    return RefusedError(reason, why, violations=[(field, why)])


def fault_of(error: FieldError) -> str:
    """Why a field is wrong, with the value in ASCII and cut: trailers have 8 kB for everything."""
    shown = ascii(error.value)
    return f"{error.why} (got {shown if len(shown) <= SHOWN_LIMIT else shown[:SHOWN_LIMIT] + '...'})"


def fired_checks(mask: int) -> list[str]:
    """Names of the checks whose bits are set, in the order of the rulebook."""
    return [name for bit, name in _CHECK_NAMES if mask & bit]


def refused(event: OrderDenied | AmendDenied | CommandRefused, sequence: int, at: str = "") -> RefusedError:
    """The engine's "no" as the caller's. ``at``: the place of the command's fields in the request, or of the order."""
    metadata = {"sequence": str(sequence)}
    if isinstance(event, CommandRefused):
        row = REASONS.get(event.reason, (Code.FAILED_PRECONDITION, ""))
        violations = []
        if event.field and row[0] in _OF_A_FIELD:
            violations.append((at + API_FIELDS.get(event.field, event.field), event.text))
        why = f"{violations[0][0]}: {event.text}" if violations and row[0] is Code.INVALID_ARGUMENT else event.text
        return RefusedError(event.reason, why, violations=violations, metadata=metadata, row=row)
    row = CHECKS.get(event.reason) or REASONS.get(event.reason, (Code.FAILED_PRECONDITION, ""))
    metadata["order_id"] = str(event.order_id)
    if event.reason in CHECKS:
        metadata["check"] = event.reason
        metadata["fired_checks"] = ",".join(fired_checks(event.fired_mask))
    if at:
        metadata["field"] = at
    return RefusedError(event.reason, f"{at}: {event.text}" if at else event.text, metadata=metadata, row=row)


def refusal_of(error: BaseException) -> RefusedError | None:
    """What the caller may know of an exception; None: it is our fault, and nobody's business."""
    match error:
        case RefusedError():
            return error
        case FieldError():
            return invalid([(error.field, fault_of(error))])
        case RequestReusedError():
            return RefusedError(
                "REQUEST_ID_REUSED", str(error), violations=[("request_id", "was used for another request")]
            )
        case NotAcceptingError():
            return RefusedError("NOT_ACCEPTING", str(error))
        case GateUnreachableError():
            return RefusedError("GATE_UNREACHABLE", str(error))
        case TimeoutError():
            return RefusedError("SERVER_DEADLINE", "the server's own deadline passed before the answer was durable")
        case _:
            return None


async def abort(context: grpc.aio.ServicerContext, refusal: RefusedError, request_id: str = "") -> None:
    """End the call with the refusal. Always raises (that is how grpc.aio ends a call)."""
    status = refusal.status(request_id)
    await context.abort(refusal.code, status.message, ((STATUS_DETAILS_KEY, status.SerializeToString()),))
