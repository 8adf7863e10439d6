"""The limits that add up over gates, as a gate names them when it reports what is in use."""

from __future__ import annotations

from enum import IntEnum


class LineKind(IntEnum):
    """Each says what a ``Use``'s ``id`` and ``instrument_id`` are (0 where nothing is said), and what is in use."""

    FIRM_OPEN_VALUE = 1
    """Nanos held for working orders."""
    FIRM_OPEN_ORDERS = 2
    ACCOUNT_OPEN_VALUE = 3
    """id: account."""
    ACCOUNT_OPEN_ORDERS = 4
    """id: account."""
    STRATEGY_OPEN_VALUE = 5
    """id: strategy."""
    STRATEGY_EXECUTIONS = 6
    """id: strategy. Since its last Rearm."""
    POSITION_LONG = 7
    """id: account, instrument_id. Lots: position plus open buys, at least 0."""
    POSITION_SHORT = 8
    """id: account, instrument_id. Lots: open sells minus position, at least 0."""
    LOCATED = 9
    """id: account, instrument_id. Lots: those of POSITION_SHORT."""
    DAY_LOTS = 10
    """instrument_id. Lots that passed since DayReset."""
    FIRM_RATE = 11
    FIRM_BURST = 12
    ACCOUNT_RATE = 13
    ACCOUNT_BURST = 14
    STRATEGY_RATE = 15
    STRATEGY_BURST = 16
    INSTRUMENT_RATE = 17
    INSTRUMENT_BURST = 18
    """Rates and bursts are never in use after the smaller one is in force: nobody reports them."""
