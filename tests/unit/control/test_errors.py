"""The error table holds every reason of the engine and the rulebook, and a refusal carries all that it should."""

import ast
import base64
import re
from pathlib import Path

import grpc
import pytest
from google.rpc import error_details_pb2

import meltica.engine
from meltica.control.errors import (
    CHECKS,
    REASONS,
    RefusedError,
    fired_checks,
    invalid,
    refusal_of,
    refused,
)
from meltica.domain.errors import FieldError, GateUnreachableError, InvariantError, NotAcceptingError
from meltica.domain.events import CommandRefused
from meltica.domain.order_events import AmendDenied
from meltica.hot import Check

DOORS = {"refuse", "_deny", "_deny_amend"}


def engine_reasons() -> set[str]:
    """The first words of every (reason, field, text), and what the doors of refusals are called with."""
    folder = Path(meltica.engine.__file__).parent
    found: set[str] = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Tuple) and len(node.elts) == 3:
                words = node.elts[:1]
            elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in DOORS:
                words = node.args
            else:
                continue
            found |= {word.value for word in words if isinstance(word, ast.Constant) and isinstance(word.value, str)}
    return {word for word in found if re.fullmatch(r"[A-Z]+(_[A-Z]+)+", word)}


def test_every_reason_of_the_engine_has_a_row():
    reasons = engine_reasons()
    assert {"UNKNOWN_ORDER", "REVISION_MISMATCH", "SAME_PERSON", "GATE_LOST"} <= reasons
    assert reasons <= REASONS.keys() | CHECKS.keys()


def test_every_check_of_the_rulebook_has_a_row():
    assert CHECKS.keys() == {check.name for check in Check}


def test_codes_by_kind():
    """A few that clients decide by: what to retry, what to read again, what to give up."""
    expected = {
        "MESSAGE_RATE": grpc.StatusCode.RESOURCE_EXHAUSTED,
        "KILL_SWITCH": grpc.StatusCode.FAILED_PRECONDITION,
        "PRICE_COLLAR": grpc.StatusCode.FAILED_PRECONDITION,
    }
    assert {name: CHECKS[name][0] for name in expected} == expected
    assert REASONS["REVISION_MISMATCH"][0] is grpc.StatusCode.ABORTED
    assert REASONS["SAME_PERSON"][0] is grpc.StatusCode.PERMISSION_DENIED
    assert REASONS["NOT_ACCEPTING"][0] is grpc.StatusCode.UNAVAILABLE
    assert {row[0] for name, row in REASONS.items() if name.startswith("UNKNOWN_")} == {grpc.StatusCode.NOT_FOUND}


def test_fired_checks_are_in_the_order_of_the_rulebook():
    mask = 1 << Check.PRICE_COLLAR | 1 << Check.KILL_SWITCH | 1 << Check.STALE_REFERENCE
    assert fired_checks(mask) == ["KILL_SWITCH", "PRICE_COLLAR", "STALE_REFERENCE"]
    assert fired_checks(0) == []


def test_a_refused_command_names_the_apis_field():
    event = CommandRefused(reason="LIMIT_OUT_OF_RANGE", field="max_long_lots", text="too much", actor="a", time_ns=1)
    refusal = refused(event, 12, "limits.position.")
    assert refusal.violations == (("limits.position.max_long_quantity", "too much"),)
    assert refusal.metadata == {"sequence": "12"}
    event = CommandRefused(reason="ORDER_TERMINAL", field="order_id", text="it is Filled", actor="a", time_ns=1)
    assert refused(event, 12).violations == ()  # Not the field is wrong, the order has moved on.


def test_a_refused_amendment_carries_the_order_and_the_checks():
    event = AmendDenied(
        order_id=7, reason="MESSAGE_RATE", fired_mask=1 << Check.MESSAGE_RATE, text="slow down", actor="a", time_ns=1
    )
    refusal = refused(event, 3)
    assert refusal.metadata == {
        "sequence": "3",
        "order_id": "7",
        "check": "MESSAGE_RATE",
        "fired_checks": "MESSAGE_RATE",
    }
    assert str(refusal) == "slow down. Wait a second, then send it again with a new request_id."


def test_a_reason_without_a_row_is_still_a_no():
    event = CommandRefused(reason="BRAND_NEW", field="", text="because", actor="a", time_ns=1)
    assert (refused(event, 1).code, refused(event, 1).reason) == (grpc.StatusCode.FAILED_PRECONDITION, "BRAND_NEW")


def test_the_status_on_the_wire():
    refusal = invalid([("price", "is wrong"), ("quantity", "is wrong too")])
    status = refusal.status("0b0f7c1e-5d0c-4a3e-9a53-6f6f0a2f8c11")
    assert status.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    info, bad, request = (
        error_details_pb2.ErrorInfo(),
        error_details_pb2.BadRequest(),
        error_details_pb2.RequestInfo(),
    )
    assert all(detail.Unpack(box) for detail, box in zip(status.details, (info, bad, request), strict=True))
    assert (info.reason, info.domain) == ("INVALID_REQUEST", "meltica")
    assert [row.field for row in bad.field_violations] == ["price", "quantity"]
    assert request.request_id == "0b0f7c1e-5d0c-4a3e-9a53-6f6f0a2f8c11"


@pytest.mark.parametrize("number", [1, 2, 16, 500])
def test_the_longest_refusal_still_fits_the_trailers(number):
    """A client accepts 8 kB of them, and hears "stream removed" instead of what is wrong where there is more."""
    violations = [(f"orders[{place}].terms.some_field_with_a_long_name", "x" * 10_000) for place in range(number)]
    refusal = RefusedError("UNKNOWN_EXECUTION", "y" * 10_000, violations=violations, metadata={"sequence": "1"})
    status = refusal.status("0b0f7c1e-5d0c-4a3e-9a53-6f6f0a2f8c11")
    assert len(base64.b64encode(status.SerializeToString())) + len(status.message) < 8_000
    bad = error_details_pb2.BadRequest()
    assert status.details[1].Unpack(bad)
    assert all(row.description.startswith("x" * 100) for row in bad.field_violations)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (FieldError("price", "x", "is no number"), "INVALID_REQUEST"),
        (NotAcceptingError("draining"), "NOT_ACCEPTING"),
        (GateUnreachableError("silent"), "GATE_UNREACHABLE"),
        (TimeoutError(), "SERVER_DEADLINE"),
        (RefusedError("UNKNOWN_ORDER", "no order 5"), "UNKNOWN_ORDER"),
    ],
)
def test_errors_that_callers_may_know(error, reason):
    refusal = refusal_of(error)
    assert refusal is not None
    assert refusal.reason == reason


@pytest.mark.parametrize("error", [RuntimeError("secret"), InvariantError("secret"), KeyError("secret")])
def test_errors_that_are_nobodys_business(error):
    assert refusal_of(error) is None


def test_a_message_alone_names_the_field_that_the_engine_refused():
    """Many clients show nothing else of a status."""
    event = CommandRefused(actor="a", reason="PRICE_REQUIRED", field="price", text="needs one", time_ns=1)
    assert str(refused(event, 7)) == "price: needs one."
    assert str(refused(event, 7, "limits.")) == "limits.price: needs one."
    gone = CommandRefused(actor="a", reason="UNKNOWN_ORDER", field="order_id", text="no order 9", time_ns=1)
    assert str(refused(gone, 7)).startswith("no order 9. "), "what is not there names itself"
