"""Who may call what: one row a method, and nothing that is not in the table can be called.

The server refuses to start when a method of a service has no row here, so a new RPC is shut until somebody opens it.
"""

from __future__ import annotations

import enum
from typing import Final

import msgspec


class Role(enum.Enum):
    VIEWER = "viewer"
    """Sees orders, positions, limits and markets."""
    TRADER = "trader"
    """Sends, changes and cancels orders; engages the kill switch."""
    OPERATOR = "operator"
    """Runs the gateway: cancels, engages the kill switch, sets limits and proposes to release."""
    RISK_OFFICER = "risk_officer"
    """Sets limits; without one of them no limit is loosened and no kill switch released."""
    AUDITOR = "auditor"
    """Reads everything, the audit log too; changes nothing."""


class Effect(enum.Enum):
    READ = "read"
    CHANGE = "change"
    """Carries a ``request_id``, is journaled and logged."""
    STOP = "stop"
    """As CHANGE, and never waits behind other calls: it makes things safer."""
    STREAM = "stream"


class Method(msgspec.Struct, frozen=True):
    effect: Effect
    roles: frozenset[Role]
    deadline_s: float
    """For a call that brings no deadline of its own; streams have none."""


_TRADE = frozenset({Role.TRADER})
_STOP = frozenset({Role.TRADER, Role.OPERATOR, Role.RISK_OFFICER})
_GOVERN = frozenset({Role.OPERATOR, Role.RISK_OFFICER})
_AUDIT = frozenset({Role.AUDITOR, Role.OPERATOR, Role.RISK_OFFICER})
_EVERYBODY = frozenset(Role)

_SOON = 10.0
_LONG = 600.0

METHODS: Final[dict[str, Method]] = {
    "/meltica.v1.OrderService/SubmitOrder": Method(Effect.CHANGE, _TRADE, _SOON),
    "/meltica.v1.OrderService/AmendOrder": Method(Effect.CHANGE, _TRADE, _SOON),
    "/meltica.v1.OrderService/CancelOrder": Method(Effect.STOP, _STOP, _SOON),
    "/meltica.v1.OrderService/CancelAllOrders": Method(Effect.STOP, _STOP, _SOON),
    "/meltica.v1.OrderService/SubmitOrders": Method(Effect.CHANGE, _TRADE, _SOON),
    "/meltica.v1.OrderService/AmendOrders": Method(Effect.CHANGE, _TRADE, _SOON),
    "/meltica.v1.OrderService/CancelOrders": Method(Effect.STOP, _STOP, _SOON),
    "/meltica.v1.OrderService/SubmitOrderList": Method(Effect.CHANGE, _TRADE, _SOON),
    "/meltica.v1.OrderService/GetOrderGroup": Method(Effect.READ, _EVERYBODY, _SOON),
    "/meltica.v1.OrderService/ListOrderGroups": Method(Effect.READ, _EVERYBODY, _SOON),
    "/meltica.v1.OrderService/GetOrder": Method(Effect.READ, _EVERYBODY, _SOON),
    "/meltica.v1.OrderService/ListOrders": Method(Effect.READ, _EVERYBODY, _SOON),
    "/meltica.v1.OrderService/StreamOrderEvents": Method(Effect.STREAM, _EVERYBODY, 0),
    "/meltica.v1.AlgoService/SubmitAlgo": Method(Effect.CHANGE, _TRADE, _SOON),
    "/meltica.v1.AlgoService/PauseAlgo": Method(Effect.STOP, _STOP, _SOON),
    "/meltica.v1.AlgoService/ResumeAlgo": Method(Effect.CHANGE, _TRADE, _SOON),
    "/meltica.v1.AlgoService/AmendAlgo": Method(Effect.CHANGE, _TRADE, _SOON),
    "/meltica.v1.AlgoService/CancelAlgo": Method(Effect.STOP, _STOP, _SOON),
    "/meltica.v1.AlgoService/GetAlgo": Method(Effect.READ, _EVERYBODY, _SOON),
    "/meltica.v1.AlgoService/ListAlgos": Method(Effect.READ, _EVERYBODY, _SOON),
    "/meltica.v1.RiskService/GetLimits": Method(Effect.READ, _EVERYBODY, _SOON),
    "/meltica.v1.RiskService/ListLimits": Method(Effect.READ, _EVERYBODY, _SOON),
    "/meltica.v1.RiskService/SetLimits": Method(Effect.CHANGE, _GOVERN, _SOON),
    "/meltica.v1.RiskService/ListProposals": Method(Effect.READ, _EVERYBODY, _SOON),
    "/meltica.v1.RiskService/ApproveProposal": Method(Effect.CHANGE, _GOVERN, _SOON),
    "/meltica.v1.RiskService/RejectProposal": Method(Effect.CHANGE, _GOVERN, _SOON),
    "/meltica.v1.RiskService/GetGateStatus": Method(Effect.READ, _EVERYBODY, _SOON),
    "/meltica.v1.RiskService/GetRiskState": Method(Effect.READ, _EVERYBODY, _SOON),
    "/meltica.v1.RiskService/RearmBreaker": Method(Effect.CHANGE, _GOVERN, _SOON),
    "/meltica.v1.RiskService/ChangeCredit": Method(Effect.CHANGE, _GOVERN, _SOON),
    "/meltica.v1.RiskService/SetMark": Method(Effect.CHANGE, _GOVERN, _SOON),
    "/meltica.v1.RiskService/ArmGate": Method(Effect.CHANGE, _GOVERN, _SOON),
    "/meltica.v1.RiskService/RetireGate": Method(Effect.CHANGE, _GOVERN, _SOON),
    "/meltica.v1.RiskService/StreamRiskEvents": Method(Effect.STREAM, _EVERYBODY, 0),
    "/meltica.v1.KillSwitchService/EngageKillSwitch": Method(Effect.STOP, _STOP, _SOON),
    "/meltica.v1.KillSwitchService/GetKillSwitch": Method(Effect.READ, _EVERYBODY, _SOON),
    "/meltica.v1.KillSwitchService/ListKillSwitches": Method(Effect.READ, _EVERYBODY, _SOON),
    "/meltica.v1.KillSwitchService/ProposeRelease": Method(Effect.CHANGE, _GOVERN, _SOON),
    "/meltica.v1.KillSwitchService/ApproveRelease": Method(Effect.CHANGE, _GOVERN, _SOON),
    "/meltica.v1.KillSwitchService/RejectRelease": Method(Effect.CHANGE, _GOVERN, _SOON),
    "/meltica.v1.OutcomeService/ListUncertainOrders": Method(Effect.READ, _EVERYBODY, _SOON),
    "/meltica.v1.OutcomeService/ResolveOutcome": Method(Effect.CHANGE, _GOVERN, _SOON),
    "/meltica.v1.OutcomeService/ListKeptCorrections": Method(Effect.READ, _EVERYBODY, _SOON),
    "/meltica.v1.OutcomeService/DropCorrection": Method(Effect.CHANGE, _GOVERN, _SOON),
    "/meltica.v1.ReconciliationService/GetReconciliation": Method(Effect.READ, _EVERYBODY, _SOON),
    "/meltica.v1.ReconciliationService/ListDifferences": Method(Effect.READ, _EVERYBODY, _SOON),
    "/meltica.v1.ReconciliationService/RequestStatement": Method(Effect.CHANGE, _STOP, _SOON),
    "/meltica.v1.ReconciliationService/SettleDifference": Method(Effect.CHANGE, _GOVERN, _SOON),
    "/meltica.v1.PortfolioService/ListPositions": Method(Effect.READ, _EVERYBODY, _SOON),
    "/meltica.v1.PortfolioService/GetPortfolio": Method(Effect.READ, _EVERYBODY, _SOON),
    "/meltica.v1.ExecutionService/GetOrderExecution": Method(Effect.READ, _EVERYBODY, _SOON),
    "/meltica.v1.ExecutionService/ListExecutionSummaries": Method(Effect.READ, _EVERYBODY, _SOON),
    "/meltica.v1.ExecutionService/GetOrderGroupExecution": Method(Effect.READ, _EVERYBODY, _SOON),
    "/meltica.v1.ExecutionService/StreamOrderExecutions": Method(Effect.STREAM, _EVERYBODY, 0),
    "/meltica.v1.AccountingService/GetAccountSummary": Method(Effect.READ, _EVERYBODY, _SOON),
    "/meltica.v1.AccountingService/ListBookPositions": Method(Effect.READ, _EVERYBODY, _SOON),
    "/meltica.v1.AccountingService/ListLedgerEntries": Method(Effect.READ, _EVERYBODY, _SOON),
    "/meltica.v1.AccountingService/GetStatement": Method(Effect.READ, _EVERYBODY, _SOON),
    "/meltica.v1.AccountingService/GetEquityCurve": Method(Effect.READ, _EVERYBODY, _SOON),
    "/meltica.v1.AccountingService/ListFeeDifferences": Method(Effect.READ, _EVERYBODY, _SOON),
    "/meltica.v1.AccountingService/StreamPnl": Method(Effect.STREAM, _EVERYBODY, 0),
    "/meltica.v1.AccountingService/BookCash": Method(Effect.CHANGE, _GOVERN, _SOON),
    "/meltica.v1.AccountingService/SetConversionRate": Method(Effect.CHANGE, _GOVERN, _SOON),
    "/meltica.v1.AccountingService/SetAccountBooks": Method(Effect.CHANGE, _GOVERN, _SOON),
    "/meltica.v1.AccountingService/SetFeeSchedule": Method(Effect.CHANGE, _GOVERN, _SOON),
    "/meltica.v1.AccountingService/SettleFunding": Method(Effect.CHANGE, _GOVERN, _SOON),
    "/meltica.v1.AccountingService/SplitInstrument": Method(Effect.CHANGE, _GOVERN, _SOON),
    "/meltica.v1.AccountingService/AllocateFill": Method(Effect.CHANGE, _STOP, _SOON),
    "/meltica.v1.AccountingService/ReverseAllocation": Method(Effect.CHANGE, _STOP, _SOON),
    "/meltica.v1.MarketDataService/ListInstruments": Method(Effect.READ, _EVERYBODY, _SOON),
    "/meltica.v1.MarketDataService/GetInstrument": Method(Effect.READ, _EVERYBODY, _SOON),
    "/meltica.v1.MarketDataService/GetOrderBook": Method(Effect.READ, _EVERYBODY, _SOON),
    "/meltica.v1.MarketDataService/StreamTopOfBook": Method(Effect.STREAM, _EVERYBODY, 0),
    "/meltica.v1.AuditService/ListAuditEntries": Method(Effect.READ, _AUDIT, _SOON),
    "/meltica.v1.AuditService/StreamAuditEntries": Method(Effect.STREAM, _AUDIT, 0),
    "/meltica.v1.AuditService/GetAuditHead": Method(Effect.READ, _AUDIT, _SOON),
    "/meltica.v1.AuditService/VerifyAuditLog": Method(Effect.READ, _AUDIT, _LONG),
    "/grpc.health.v1.Health/Check": Method(Effect.READ, _EVERYBODY, _SOON),
    "/grpc.health.v1.Health/List": Method(Effect.READ, _EVERYBODY, _SOON),
    "/grpc.health.v1.Health/Watch": Method(Effect.STREAM, _EVERYBODY, 0),
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": Method(Effect.STREAM, _EVERYBODY, 0),
}
"""Full method name -> what it does, who may, how long it may take."""
