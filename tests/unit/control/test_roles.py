"""Who may call what, said a second time and in other words: a row that was opened by mistake is seen here.

That nobody else gets in is judged over mutual TLS, method by method, in tests/integration/test_control_security.py.
"""

from typing import Final

from meltica.control.roles import METHODS, Effect, Role
from meltica.control.server import full_name, methods

TRADES: Final = [
    "OrderService/SubmitOrder",
    "OrderService/AmendOrder",
    "OrderService/SubmitOrders",
    "OrderService/AmendOrders",
    "OrderService/SubmitOrderList",
    "AlgoService/SubmitAlgo",
    "AlgoService/ResumeAlgo",
    "AlgoService/AmendAlgo",
]
"""Take new risk: traders alone, so that whoever runs the gateway does not trade on it."""
STOPS: Final = [
    "OrderService/CancelOrder",
    "OrderService/CancelAllOrders",
    "OrderService/CancelOrders",
    "AlgoService/PauseAlgo",
    "AlgoService/CancelAlgo",
    "KillSwitchService/EngageKillSwitch",
]
"""Make things safer: whoever has something to do with orders, at any load."""
ASKS: Final = [
    "ReconciliationService/RequestStatement",
    "AccountingService/AllocateFill",
    "AccountingService/ReverseAllocation",
]
"""Changes nothing at a venue and no sum in the books: the same people."""
GOVERNS: Final = [
    "RiskService/SetLimits",
    "RiskService/ApproveProposal",
    "RiskService/RejectProposal",
    "RiskService/RearmBreaker",
    "RiskService/ChangeCredit",
    "RiskService/SetMark",
    "RiskService/ArmGate",
    "RiskService/RetireGate",
    "KillSwitchService/ProposeRelease",
    "KillSwitchService/ApproveRelease",
    "KillSwitchService/RejectRelease",
    "OutcomeService/ResolveOutcome",
    "OutcomeService/DropCorrection",
    "ReconciliationService/SettleDifference",
    "AccountingService/BookCash",
    "AccountingService/SetConversionRate",
    "AccountingService/SetAccountBooks",
    "AccountingService/SetFeeSchedule",
    "AccountingService/SettleFunding",
    "AccountingService/SplitInstrument",
]
"""Limits, the books, what nobody knows: never who trades, and never who only looks."""

TRADER, OPERATOR, OFFICER = Role.TRADER, Role.OPERATOR, Role.RISK_OFFICER


def rows(effects: set[Effect]) -> dict[str, frozenset[Role]]:
    return {
        name.removeprefix("/meltica.v1."): row.roles
        for name, row in METHODS.items()
        if row.effect in effects and name.startswith("/meltica.v1.")
    }


def test_every_command_is_of_one_kind():
    commands = rows({Effect.CHANGE, Effect.STOP})
    expected = {
        **dict.fromkeys(TRADES, frozenset({TRADER})),
        **dict.fromkeys((*STOPS, *ASKS), frozenset({TRADER, OPERATOR, OFFICER})),
        **dict.fromkeys(GOVERNS, frozenset({OPERATOR, OFFICER})),
    }
    assert commands == expected


def test_what_makes_things_safer_never_waits():
    assert set(rows({Effect.STOP})) == set(STOPS)


def test_everybody_reads_and_few_read_the_audit_log():
    for name, roles in rows({Effect.READ, Effect.STREAM}).items():
        few = frozenset({Role.AUDITOR, OPERATOR, OFFICER})
        assert roles == (few if name.startswith("AuditService/") else frozenset(Role)), name


def test_who_looks_never_changes_anything():
    for name, roles in rows({Effect.CHANGE, Effect.STOP}).items():
        assert not roles & {Role.VIEWER, Role.AUDITOR}, name


def test_no_verb_belies_its_effect():
    """Methods that get, list, stream or verify read; no other does."""
    for method in methods():
        reads = method.name.startswith(("Get", "List", "Stream", "Verify", "Check", "Watch", "ServerReflection"))
        assert (METHODS[full_name(method)].effect in {Effect.READ, Effect.STREAM}) == reads, method.name
        streams = METHODS[full_name(method)].effect is Effect.STREAM
        assert streams == method.server_streaming, method.name
