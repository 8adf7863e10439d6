"""When and at what price it was decided to trade: only measured, never judged."""

from __future__ import annotations

from typing import NamedTuple

from meltica.control.requests import Form
from meltica.control.schedules import moment
from meltica.domain.instrument import Instrument
from meltica.v1.algo_service_pb2 import SubmitAlgoRequest
from meltica.v1.order_service_pb2 import SubmitOrderRequest


class Decision(NamedTuple):
    decided_ns: int
    """0: not told."""
    ticks: int | None


def read(form: Form, request: SubmitOrderRequest | SubmitAlgoRequest, instrument: Instrument | None) -> Decision:
    told = request.HasField("decide_time")
    return Decision(
        moment(form, "decide_time", request.decide_time) if told else 0,
        form.price("decision_price", request.decision_price, instrument) if request.decision_price else None,
    )
