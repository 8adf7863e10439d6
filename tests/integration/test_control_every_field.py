"""Every field of every method, made wrong in every way: named with a reason, and nothing has happened.

The walk follows the services' own descriptors, so a new method or field fails here until it has a story.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import pytest

from meltica.control.order_events import Wanted
from meltica.control.roles import METHODS, Effect
from meltica.control.server import full_name, methods
from meltica.v1 import accounting_service_pb2 as books_api
from meltica.v1 import algo_service_pb2 as algo_api
from meltica.v1 import audit_service_pb2 as audit_api
from meltica.v1 import order_service_pb2 as order_api
from meltica.v1 import outcome_service_pb2 as outcome_api
from meltica.v1 import risk_service_pb2 as risk_api
from tests.integration.field_judge import Judge
from tests.integration.stories_books import BOOKS
from tests.integration.stories_orders import ALGOS, ORDERS
from tests.integration.stories_reads import FORGED, READS, forged
from tests.integration.stories_risk import RISK
from tests.integration.wrong_requests import fields_of
from tests.unit.control.serving import refusal, serving

STORIES = (*ORDERS, *ALGOS, *RISK, *BOOKS, *READS)
OURS = [method for method in methods() if method.containing_service.full_name.startswith("meltica.v1.")]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates") / "ca"


@pytest.mark.parametrize("method", OURS, ids=lambda method: method.name)
async def test_every_field_wrong(certificates, method):
    mine = [story for story in STORIES if full_name(method) == f"/meltica.v1.{story.method}"]
    assert mine, f"{method.name} is new: it needs a story"
    holes: list[str] = []
    seen: set[str] = set()
    for story in mine:
        async with serving(certificates) as running:
            judge = Judge(running, story, method)
            await judge.run()
            holes += judge.holes
            seen |= judge.seen
    assert not holes, f"{len(holes)} holes:\n" + "\n".join(holes)
    assert fields_of(method.input_type) - seen == set(), "no story has these fields"


def test_every_command_has_a_request_id():
    """Without one a retry would do it twice."""
    commands = [method for method in OURS if METHODS[full_name(method)].effect in {Effect.CHANGE, Effect.STOP}]
    assert len(commands) >= 37
    for method in OURS:
        assert ("request_id" in method.input_type.fields_by_name) == (method in commands), method.name


PAGES: list[tuple[str, str, Any, tuple[object, ...]]] = [
    ("orders", "ListOrders", order_api.ListOrdersRequest, (Wanted(), False)),
    ("orders", "ListOrderGroups", order_api.ListOrderGroupsRequest, ("", "", False)),
    ("algos", "ListAlgos", algo_api.ListAlgosRequest, (Wanted(), False)),
    ("risk", "ListProposals", risk_api.ListProposalsRequest, (False,)),
    ("accounting", "ListLedgerEntries", books_api.ListLedgerEntriesRequest, ("",)),
    ("accounting", "ListFeeDifferences", books_api.ListFeeDifferencesRequest, ("",)),
    ("outcomes", "ListUncertainOrders", outcome_api.ListUncertainOrdersRequest, ("",)),
    ("audit", "ListAuditEntries", audit_api.ListAuditEntriesRequest, (0,)),
]


async def test_page_tokens_that_somebody_made(certificates):
    """What comes after the filter's mark in a token may be anything, and is never our fault."""
    async with serving(certificates) as running:
        ada = await running.be("ada")
        for service, call, request, filters in PAGES:
            stub = getattr(getattr(ada, service), call)
            await stub(request(page_token=forged(filters, "1")))
            for after in FORGED:
                error = await refusal(stub(request(page_token=forged(filters, after))))
                assert error.code is grpc.StatusCode.INVALID_ARGUMENT, (call, after)
                assert [field for field, _ in error.violations] == ["page_token"], (call, after)
