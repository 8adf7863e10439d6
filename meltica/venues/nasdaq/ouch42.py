"""OUCH 4.2: every message, as one table. No tags: all that an order can say is a fixed field.

Source: Nasdaq, "O*U*C*H Version 4.2" (revisions of October 2017 to July 2019); field by field compared with the structs
of the Open Markets Initiative and with Wireshark's dissector. The structs give AIQ Canceled and Order Modified the
letters of their neighbours (C and U), which can't be told apart then; the specification's are D and M.
"""

from __future__ import annotations

from typing import Final

from meltica.venues.nasdaq.ouch50 import CAPACITIES, EVENT_CODES, ORDER_STATES, SIDES
from meltica.venues.nasdaq.ouch_codec import (
    MARKET_PRICE,
    MARKET_PRICE_ROUND,
    MAX_PRICE,
    MAX_SHARES,
    Field,
    Layout,
    OuchCodec,
)

IOC: Final = 0
MARKET_HOURS: Final = 99_998
SYSTEM_HOURS: Final = 99_999

DISPLAYS: Final = dict.fromkeys("AYNPIMWLOTQmnZ", "")
CROSS_TYPES: Final = {
    "N": "no cross",
    "O": "opening",
    "C": "closing",
    "H": "halt or IPO",
    "S": "supplemental",
    "R": "retail",
    "E": "extended life",
    "A": "after hours close",
}
_ISO: Final = Field(
    "Intermarket Sweep Eligibility", 1, "alpha", {"Y": "eligible", "N": "not eligible", "y": "trade-at ISO"}
)
_TOKEN: Final = Field("Order Token", 14, "alpha", low=1)
_TIME: Final = Field("Timestamp", 8, "time")
_SIDE: Final = Field("Buy/Sell Indicator", 1, "alpha", SIDES)
_SHARES: Final = Field("Shares", 4, low=1, high=MAX_SHARES)
_ANY_SHARES: Final = Field("Shares", 4)
_STOCK: Final = Field("Stock", 8, "alpha", low=1)
_LIMIT: Final = Field("Price", 4, "price", high=MAX_PRICE, extra=(MARKET_PRICE, MARKET_PRICE_ROUND))
_PRICE: Final = Field("Price", 4, "price")
_TIF: Final = Field("Time in Force", 4, high=SYSTEM_HOURS)
_FIRM: Final = Field("Firm", 4, "alpha")
_DISPLAY: Final = Field("Display", 1, "alpha", DISPLAYS)
_CAPACITY: Final = Field("Capacity", 1, "alpha", CAPACITIES)
_MINIMUM: Final = Field("Minimum Quantity", 4)
_CROSS: Final = Field("Cross Type", 1, "alpha", CROSS_TYPES)
_CUSTOMER: Final = Field("Customer Type", 1, "alpha", {"R": "retail", "N": "not retail", "": "port default"})
_REFERENCE: Final = Field("Order Reference Number", 8)
_STATE: Final = Field("Order State", 1, "alpha", ORDER_STATES)
_WEIGHT: Final = Field("BBO Weight Indicator", 1, "alpha")
_DECREMENT: Final = Field("Decrement Shares", 4)
_REASON: Final = Field("Reason", 1, "alpha")
_EXECUTED: Final = Field("Executed Shares", 4)
_EXECUTION_PRICE: Final = Field("Execution Price", 4, "price")
_LIQUIDITY: Final = Field("Liquidity Flag", 1, "alpha")
_MATCH: Final = Field("Match Number", 8)

INBOUND: Final = (
    Layout("O", "Enter Order", _TOKEN, _SIDE, _SHARES, _STOCK, _LIMIT, _TIF, _FIRM, _DISPLAY, _CAPACITY, _ISO,
           _MINIMUM, _CROSS, _CUSTOMER),
    Layout("U", "Replace Order", Field("Existing Order Token", 14, "alpha", low=1),
           Field("Replacement Order Token", 14, "alpha", low=1), _SHARES, _LIMIT, _TIF, _DISPLAY, _ISO, _MINIMUM),
    Layout("X", "Cancel Order", _TOKEN, Field("Shares", 4, high=MAX_SHARES)),
    Layout("M", "Modify Order", _TOKEN, _SIDE, Field("Shares", 4, high=MAX_SHARES)),
    Layout("N", "Trade Now", _TOKEN),
)  # fmt: skip

OUTBOUND: Final = (
    Layout("S", "System Event", _TIME, Field("Event Code", 1, "alpha", EVENT_CODES)),
    Layout("A", "Accepted", _TIME, _TOKEN, _SIDE, _ANY_SHARES, _STOCK, _PRICE, _TIF, _FIRM, _DISPLAY, _REFERENCE,
           _CAPACITY, _ISO, _MINIMUM, _CROSS, _STATE, _WEIGHT),
    Layout("U", "Replaced", _TIME, Field("Replacement Order Token", 14, "alpha"), _SIDE, _ANY_SHARES, _STOCK, _PRICE,
           _TIF, _FIRM, _DISPLAY, _REFERENCE, _CAPACITY, _ISO, _MINIMUM, _CROSS, _STATE,
           Field("Previous Order Token", 14, "alpha"), _WEIGHT),
    Layout("C", "Canceled", _TIME, _TOKEN, _DECREMENT, _REASON),
    Layout("D", "AIQ Canceled", _TIME, _TOKEN, _DECREMENT, _REASON, Field("Quantity Prevented from Trading", 4),
           _EXECUTION_PRICE, _LIQUIDITY),
    Layout("E", "Executed", _TIME, _TOKEN, _EXECUTED, _EXECUTION_PRICE, _LIQUIDITY, _MATCH),
    Layout("G", "Executed with Reference Price", _TIME, _TOKEN, _EXECUTED, _EXECUTION_PRICE, _LIQUIDITY, _MATCH,
           Field("Reference Price", 4, "price"), Field("Reference Price Type", 1, "alpha")),
    Layout("B", "Broken Trade", _TIME, _TOKEN, _MATCH, _REASON),
    Layout("F", "Trade Correction", _TIME, _TOKEN, _EXECUTED, _EXECUTION_PRICE, _LIQUIDITY, _MATCH, _REASON),
    Layout("J", "Rejected Order", _TIME, _TOKEN, _REASON),
    Layout("P", "Cancel Pending", _TIME, _TOKEN),
    Layout("I", "Cancel Reject", _TIME, _TOKEN),
    Layout("T", "Order Priority Update", _TIME, _TOKEN, _PRICE, _DISPLAY, _REFERENCE),
    Layout("M", "Order Modified", _TIME, _TOKEN, _SIDE, _ANY_SHARES),
)  # fmt: skip

CODEC: Final = OuchCodec("4.2", INBOUND, OUTBOUND, {})
