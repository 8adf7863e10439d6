"""Sound requests of the methods that only read. Filters that match nothing give nothing, which is no mistake."""

from __future__ import annotations

import base64
import zlib
from typing import Any, Final

from google.protobuf.message import Message

from meltica.control.execution import GROUPS
from meltica.v1 import accounting_service_pb2 as books_api
from meltica.v1 import algo_service_pb2 as algo_api
from meltica.v1 import audit_service_pb2 as audit_api
from meltica.v1 import execution_service_pb2 as execution_api
from meltica.v1 import kill_switch_service_pb2 as kill_api
from meltica.v1 import market_data_service_pb2 as market_api
from meltica.v1 import order_service_pb2 as order_api
from meltica.v1 import outcome_service_pb2 as outcome_api
from meltica.v1 import portfolio_service_pb2 as portfolio_api
from meltica.v1 import reconciliation_service_pb2 as reconciliation_api
from meltica.v1 import risk_service_pb2 as risk_api
from tests.engines import BTC
from tests.integration.request_story import Make, Story
from tests.integration.stories_books import deposit
from tests.integration.stories_orders import bracket, twap
from tests.unit.control.serving import Running, order, request_id

FILTER: Final = "a filter: nothing is of that name"
NAMES: Final = ("account", "strategy", "instrument", "venue", "order_id", "target")


def read(method: str, request: Message, **facts: Any) -> Story:
    return Story(method=method, person="ada", make=_made(request), **{"ignored": dict.fromkeys(NAMES, FILTER), **facts})


def one(method: str, request: Message, **unknown: str) -> Story:
    return Story(method=method, person="ada", make=_made(request), unknown=unknown)


def _made(request: Message) -> Make:
    async def make(running: Running) -> Message:
        """1: an order, 2 to 4: a bracket, 5: a parent order; and money."""
        if not running.gateway.state.tables.orders:
            tara, olivia = await running.be("tara"), await running.be("olivia")
            await tara.orders.SubmitOrder(order())
            for call, asked in ((tara.orders.SubmitOrderList, bracket), (tara.algos.SubmitAlgo, twap)):
                wanted: Any = await asked(running)
                wanted.request_id = request_id()
                await call(wanted)
            money: Any = await deposit(running)
            money.request_id = request_id()
            await olivia.accounting.BookCash(money)
        return request

    return make


READS: Final = (
    one("OrderService/GetOrder", order_api.GetOrderRequest(order_id="1"), order_id="UNKNOWN_ORDER"),
    one("OrderService/GetOrderGroup", order_api.GetOrderGroupRequest(group_id="2"), group_id="UNKNOWN_GROUP"),
    read("OrderService/ListOrderGroups", order_api.ListOrderGroupsRequest()),
    read("OrderService/ListOrders", order_api.ListOrdersRequest()),
    read("OrderService/StreamOrderEvents", order_api.StreamOrderEventsRequest(after_sequence=0)),
    one("AlgoService/GetAlgo", algo_api.GetAlgoRequest(order_id="5"), order_id="UNKNOWN_ORDER"),
    read("AlgoService/ListAlgos", algo_api.ListAlgosRequest()),
    Story(
        method="RiskService/GetLimits",
        person="ada",
        make=_made(risk_api.GetLimitsRequest(name="firm")),
        also=(("name", "accounts/nobody", "UNKNOWN_LIMITS"),),
    ),
    read("RiskService/ListLimits", risk_api.ListLimitsRequest()),
    read("RiskService/ListProposals", risk_api.ListProposalsRequest()),
    read("RiskService/GetGateStatus", risk_api.GetGateStatusRequest()),
    read("RiskService/GetRiskState", risk_api.GetRiskStateRequest()),
    read("RiskService/StreamRiskEvents", risk_api.StreamRiskEventsRequest(after_sequence=0)),
    read("KillSwitchService/GetKillSwitch", kill_api.GetKillSwitchRequest()),
    read("KillSwitchService/ListKillSwitches", kill_api.ListKillSwitchesRequest()),
    read("OutcomeService/ListUncertainOrders", outcome_api.ListUncertainOrdersRequest()),
    read("OutcomeService/ListKeptCorrections", outcome_api.ListKeptCorrectionsRequest()),
    read("ReconciliationService/GetReconciliation", reconciliation_api.GetReconciliationRequest()),
    read("ReconciliationService/ListDifferences", reconciliation_api.ListDifferencesRequest()),
    read("PortfolioService/ListPositions", portfolio_api.ListPositionsRequest()),
    read("PortfolioService/GetPortfolio", portfolio_api.GetPortfolioRequest()),
    one(
        "ExecutionService/GetOrderExecution",
        execution_api.GetOrderExecutionRequest(order_id="1"),
        order_id="UNKNOWN_ORDER",
    ),
    one(
        "ExecutionService/GetOrderGroupExecution",
        execution_api.GetOrderGroupExecutionRequest(group_id="2"),
        group_id="UNKNOWN_GROUP",
    ),
    *(
        read("ExecutionService/ListExecutionSummaries", execution_api.ListExecutionSummariesRequest(group_by=number))
        for number in GROUPS
    ),
    read("ExecutionService/StreamOrderExecutions", execution_api.StreamOrderExecutionsRequest(after_sequence=0)),
    one(
        "AccountingService/GetAccountSummary",
        books_api.GetAccountSummaryRequest(account="main"),
        account="UNKNOWN_BOOKS",
    ),
    read("AccountingService/ListBookPositions", books_api.ListBookPositionsRequest()),
    read("AccountingService/ListLedgerEntries", books_api.ListLedgerEntriesRequest()),
    one("AccountingService/GetStatement", books_api.GetStatementRequest(account="main"), account="UNKNOWN_BOOKS"),
    one("AccountingService/GetEquityCurve", books_api.GetEquityCurveRequest(account="main"), account="UNKNOWN_BOOKS"),
    read("AccountingService/ListFeeDifferences", books_api.ListFeeDifferencesRequest()),
    one("AccountingService/StreamPnl", books_api.StreamPnlRequest(), account="UNKNOWN_BOOKS"),
    read("MarketDataService/ListInstruments", market_api.ListInstrumentsRequest()),
    one(
        "MarketDataService/GetInstrument",
        market_api.GetInstrumentRequest(instrument=BTC),
        instrument="UNKNOWN_INSTRUMENT",
    ),
    one(
        "MarketDataService/GetOrderBook",
        market_api.GetOrderBookRequest(instrument=BTC),
        instrument="UNKNOWN_INSTRUMENT",
    ),
    Story(
        method="MarketDataService/StreamTopOfBook",
        person="ada",
        make=_made(market_api.StreamTopOfBookRequest(instruments=[BTC])),
        unknown={"instruments[0]": "UNKNOWN_INSTRUMENT"},
        may_miss=("instruments",),
        most={"instruments": 1000},
        twice={"instruments": ("", "it is sent once")},
    ),
    read("AuditService/ListAuditEntries", audit_api.ListAuditEntriesRequest()),
    read("AuditService/StreamAuditEntries", audit_api.StreamAuditEntriesRequest(after_sequence=0)),
    read("AuditService/GetAuditHead", audit_api.GetAuditHeadRequest()),
    read("AuditService/VerifyAuditLog", audit_api.VerifyAuditLogRequest()),
)
FORGED: Final = ("x", "-1", "1e3", "9" * 40, "\u0663", "0x1", " 1", "\x00")


def forged(filters: tuple[object, ...], after: str) -> str:
    """A token as the server makes them: its mark of the filter is no secret."""
    mark = f"{zlib.crc32(repr(filters).encode()):08x}"
    return base64.urlsafe_b64encode(f"{mark}:{after}".encode()).decode()
