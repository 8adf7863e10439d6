"""Doubts and kept corrections as the API shows them."""

from __future__ import annotations

from typing import Any, Final

from google.protobuf.timestamp_pb2 import Timestamp

from meltica.domain.corrections import CorrectionDropped, CorrectionKept
from meltica.domain.instrument import Instrument
from meltica.domain.money import nanos_text
from meltica.domain.outcomes import (
    Doubt,
    DoubtGrew,
    DoubtRaised,
    OutcomeResolved,
    QueryRequested,
    Sent,
    Verdict,
)
from meltica.v1 import order_pb2, order_service_pb2, outcome_service_pb2

OrderEvent = order_service_pb2.OrderEvent
SECOND_NS: Final = 1_000_000_000
SENT: Final = {kind: order_pb2.Doubt.Sent.Value(f"SENT_{kind.name}") for kind in Sent}


def doubt(found: Doubt) -> order_pb2.Doubt:
    return order_pb2.Doubt(
        sent=SENT[found.sent],
        client_order_id=found.client_order_id,
        since_time=_timestamp(found.since_ns),
        text=found.text,
        queries=found.queries,
        not_found=found.not_found,
        query_time=_moment(found.query_ns),
    )


def kept(found: CorrectionKept, instrument: Instrument | None) -> outcome_service_pb2.KeptCorrection:
    """Without its instrument, of which an unknown order may be, there are no units to tell it in."""
    return outcome_service_pb2.KeptCorrection(
        order_id=str(found.order_id),
        account=found.account,
        instrument=found.instrument,
        reference_execution_id=found.reference_execution_id,
        execution_id=found.execution_id,
        quantity="" if instrument is None else instrument.quantity_text(found.quantity_lots),
        price="" if instrument is None else _price(found, instrument),
        fee=nanos_text(found.fee_nanos),
        time=_timestamp(found.time_ns),
        why=found.why,
        venue=found.venue,
        client_order_id=found.client_order_id,
    )


def _price(found: CorrectionKept, instrument: Instrument) -> str:
    return instrument.price_text(found.price_ticks) if found.quantity_lots else ""


def _timestamp(time_ns: int) -> Timestamp:
    seconds, nanos = divmod(time_ns, SECOND_NS)
    return Timestamp(seconds=seconds, nanos=nanos)


def _moment(time_ns: int) -> Timestamp | None:
    return _timestamp(time_ns) if time_ns else None


def _raised(event: DoubtRaised, _instrument: Instrument) -> OrderEvent.OutcomeUnknown:
    fresh = Doubt(
        sent=event.sent,
        client_order_id=event.client_order_id,
        since_ns=event.time_ns,
        text=event.text,
        query_ns=event.query_ns,
    )
    return OrderEvent.OutcomeUnknown(doubt=doubt(fresh))


def _queried(event: QueryRequested, _instrument: Instrument) -> OrderEvent.OutcomeQueried:
    return OrderEvent.OutcomeQueried(
        client_order_id=event.client_order_id, number=event.number, next_time=_moment(event.query_ns)
    )


def _not_found(event: DoubtGrew, _instrument: Instrument) -> OrderEvent.OutcomeNotFound:
    return OrderEvent.OutcomeNotFound(client_order_id=event.client_order_id, times=event.not_found, text=event.text)


def _resolved(event: OutcomeResolved, _instrument: Instrument) -> OrderEvent.OutcomeResolved:
    return OrderEvent.OutcomeResolved(
        client_order_id=event.client_order_id,
        carried_out=event.verdict is Verdict.CARRIED_OUT,
        reason=event.reason,
        actor=event.actor,
        approver=event.approver,
    )


def _kept(event: CorrectionKept, instrument: Instrument) -> OrderEvent.CorrectionKept:
    return OrderEvent.CorrectionKept(
        reference_execution_id=event.reference_execution_id,
        execution_id=event.execution_id,
        quantity=instrument.quantity_text(event.quantity_lots),
        price=_price(event, instrument),
        fee=nanos_text(event.fee_nanos),
    )


def _dropped(event: CorrectionDropped, _instrument: Instrument) -> OrderEvent.CorrectionDropped:
    return OrderEvent.CorrectionDropped(execution_id=event.execution_id, reason=event.reason, actor=event.actor)


SHOWN: Final[dict[type, tuple[str, Any]]] = {
    DoubtRaised: ("outcome_unknown", _raised),
    QueryRequested: ("outcome_queried", _queried),
    DoubtGrew: ("outcome_not_found", _not_found),
    OutcomeResolved: ("outcome_resolved", _resolved),
    CorrectionKept: ("correction_kept", _kept),
    CorrectionDropped: ("correction_dropped", _dropped),
}
"""Event -> its name in the API's oneof, and how to show it: rows of ``order_events``."""
