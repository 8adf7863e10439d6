"""OUCH 5.0: every message and tag, as one table.

Source: Nasdaq, "OUCH 5.0 Order Entry Specification" (revisions of April 2023 to May 2024: mass cancel, disable and
enable order entry, UserRefIdx). Trade Correction and the reference price tags are of the revisions before May 2023;
hosts of other venues still send them. Layouts were compared with the structs and the dissector of the Open Markets
Initiative (revision of April 2023) and with captured packets.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from meltica.venues.nasdaq.ouch_codec import (
    MARKET_PRICE,
    MARKET_PRICE_ROUND,
    MAX_PRICE,
    MAX_SHARES,
    Field,
    Layout,
    OuchCodec,
)

SIDES: Final = {"B": "buy", "S": "sell", "T": "sell short", "E": "sell short exempt"}
TIMES_IN_FORCE: Final = {"0": "day", "3": "IOC", "5": "GTX, extended hours", "6": "GTT", "E": "after hours"}
DISPLAYS: Final = {"Y": "visible", "N": "hidden", "A": "attributable"}
ACCEPTED_DISPLAYS: Final = {**DISPLAYS, "Z": "conformant"}
CAPACITIES: Final = {"A": "agency", "P": "principal", "R": "riskless", "O": "other"}
YES_NO: Final = {"Y": "yes", "N": "no"}
YES_NO_PORT: Final = {**YES_NO, "": "port default"}
CROSS_TYPES: Final = {
    "N": "continuous market",
    "O": "opening cross",
    "C": "closing cross",
    "H": "halt or IPO",
    "S": "supplemental",
    "R": "retail",
    "E": "extended life",
    "A": "after hours close",
}
ORDER_STATES: Final = {"L": "live", "D": "dead"}
EVENT_CODES: Final = {"S": "start of day", "E": "end of day"}
CANCEL_REASONS: Final = {
    "D": "regulatory restriction",
    "E": "closed",
    "F": "post only: would have been price slid for NMS",
    "G": "post only: would have been price slid due to a displayed contra order",
    "H": "halted",
    "I": "immediate or cancel",
    "K": "market collars",
    "Q": "self match prevention",
    "S": "supervisory",
    "T": "timeout",
    "U": "user requested",
    "X": "open protection",
    "Z": "system cancel",
    "e": "direct listing capital raise exceeds the shares offered",
}
BROKEN_TRADE_REASONS: Final = {"E": "erroneous", "C": "consent", "S": "supervisory", "X": "external"}
CORRECTION_REASONS: Final = {"N": "adjusted to NAV"}
RESTATED_REASONS: Final = {"R": "refresh of display", "P": "update of displayed price"}
LIQUIDITY_FLAGS: Final = {
    "A": "added",
    "C": "closing cross",
    "e": "retail designated, added displayed",
    "H": "halt or IPO cross",
    "i": "after hours closing cross",
    "J": "non-displayed adding",
    "j": "RPI provides",
    "k": "added via a midpoint order",
    "K": "halt cross",
    "L": "closing cross, imbalance only",
    "M": "opening cross, imbalance only",
    "m": "removed at a midpoint",
    "N": "passive midpoint",
    "n": "midpoint extended life",
    "O": "opening cross",
    "p": "removed price improving non-displayed",
    "q": "retail removes non-RPI midpoint",
    "R": "removed",
    "r": "retail removes RPI",
    "t": "retail removes price improving non-displayed",
    "u": "added non-displayed via a reserve order",
    "0": "supplemental",
    "7": "displayed, improves the NBBO",
    "8": "displayed, sets the QBBO while joining the NBBO",
    "1": "RPI provides, no RPII",
}
MAKER_FLAGS: Final = frozenset("AeJjkNu781")
TAKER_FLAGS: Final = frozenset("mpqRrt")


class RejectReason(IntEnum):
    """Appendix D."""

    QUOTE_UNAVAILABLE = 0x0001
    DESTINATION_CLOSED = 0x0002
    INVALID_DISPLAY = 0x0003
    INVALID_MAX_FLOOR = 0x0004
    INVALID_PEG_TYPE = 0x0005
    FAT_FINGER = 0x0006
    HALTED = 0x0007
    ISO_NOT_ALLOWED = 0x0008
    INVALID_SIDE = 0x0009
    PROCESSING_ERROR = 0x000A
    CANCEL_PENDING = 0x000B
    FIRM_NOT_AUTHORIZED = 0x000C
    INVALID_MIN_QUANTITY = 0x000D
    NO_CLOSING_REFERENCE_PRICE = 0x000E
    OTHER = 0x000F
    CANCEL_NOT_ALLOWED = 0x0010
    PEGGING_NOT_ALLOWED = 0x0011
    CROSSED_MARKET = 0x0012
    INVALID_QUANTITY = 0x0013
    INVALID_CROSS_ORDER = 0x0014
    REPLACE_NOT_ALLOWED = 0x0015
    ROUTING_NOT_ALLOWED = 0x0016
    INVALID_SYMBOL = 0x0017
    TEST = 0x0018
    LATE_LOC_TOO_AGGRESSIVE = 0x0019
    RETAIL_NOT_ALLOWED = 0x001A
    INVALID_MIDPOINT_POST_ONLY_PRICE = 0x001B
    INVALID_DESTINATION = 0x001C
    INVALID_PRICE = 0x001D
    SHARES_EXCEED_THRESHOLD = 0x001E
    EXCEEDS_MAXIMUM_ALLOWED_NOTIONAL_VALUE = 0x001F
    RISK_AGGREGATE_EXPOSURE_EXCEEDED = 0x0020
    RISK_MARKET_IMPACT = 0x0021
    RISK_RESTRICTED_STOCK = 0x0022
    RISK_SHORT_SELL_RESTRICTED = 0x0023
    RISK_ISO_NOT_ALLOWED = 0x0024
    RISK_EXCEEDS_ADV_LIMIT = 0x0025
    RISK_FAT_FINGER = 0x0026
    RISK_LOCATE_REQUIRED = 0x0027
    RISK_SYMBOL_MESSAGE_RATE_RESTRICTION = 0x0028
    RISK_PORT_MESSAGE_RATE_RESTRICTION = 0x0029
    RISK_DUPLICATE_MESSAGE_RATE_RESTRICTION = 0x002A
    RISK_SHORT_SELL_NOT_ALLOWED = 0x002B
    RISK_MARKET_ORDER_NOT_ALLOWED = 0x002C
    RISK_PRE_MARKET_NOT_ALLOWED = 0x002D
    RISK_POST_MARKET_NOT_ALLOWED = 0x002E
    RISK_SHORT_SELL_EXEMPT_NOT_ALLOWED = 0x002F
    RISK_SINGLE_ORDER_NOTIONAL_EXCEEDED = 0x0030
    RISK_MAX_QUANTITY_EXCEEDED = 0x0031
    REG_SHO_STATE_NOT_AVAILABLE = 0x0032


class Tag(IntEnum):
    """Appendix B, with those of earlier revisions (8, 19, 20)."""

    SECONDARY_ORD_REF_NUM = 1
    FIRM = 2
    MIN_QTY = 3
    CUSTOMER_TYPE = 4
    MAX_FLOOR = 5
    PRICE_TYPE = 6
    PEG_OFFSET = 7
    DISCRETION = 8
    DISCRETION_PRICE = 9
    DISCRETION_PRICE_TYPE = 10
    DISCRETION_PEG_OFFSET = 11
    POST_ONLY = 12
    RANDOM_RESERVES = 13
    ROUTE = 14
    EXPIRE_TIME = 15
    TRADE_NOW = 16
    HANDLE_INST = 17
    BBO_WEIGHT_INDICATOR = 18
    REFERENCE_PRICE = 19
    REFERENCE_PRICE_TYPE = 20
    DISPLAY_QUANTITY = 22
    DISPLAY_PRICE = 23
    GROUP_ID = 24
    SHARES_LOCATED = 25
    LOCATE_BROKER = 26
    SIDE = 27
    USER_REF_IDX = 28


_PRICE_TYPES: Final = {
    "L": "limit",
    "P": "market peg",
    "M": "midpoint peg",
    "R": "primary peg",
    "Q": "market maker peg",
    "m": "midpoint",
}
_HANDLE: Final = {
    "": "none",
    "I": "imbalance only",
    "O": "retail order type 1",
    "T": "retail order type 2",
    "Q": "retail price improvement",
    "B": "extended life and continuous",
    "D": "direct listing capital raise",
    "R": "retail price improvement, hidden",
}
_BBO_WEIGHTS: Final = {
    "": "unspecified",
    "0": "0 to 0.2 %",
    "1": "0.2 to 1 %",
    "2": "1 to 2 %",
    "3": "over 2 %",
    "S": "sets the QBBO while joining the NBBO",
    "N": "improves the NBBO upon entry",
}
SECONDS_IN_A_DAY: Final = 86_400

TAGS: Final = {
    1: Field("SecondaryOrdRefNum", 8),
    2: Field("Firm", 4, "alpha"),
    3: Field("MinQty", 4),
    4: Field("CustomerType", 1, "alpha", {"R": "retail", "N": "not retail", "": "port default"}),
    5: Field("MaxFloor", 4),
    6: Field("PriceType", 1, "alpha", _PRICE_TYPES),
    7: Field("PegOffset", 4, "signed"),
    8: Field("Discretion", 1, "alpha"),
    9: Field("DiscretionPrice", 8, "price"),
    10: Field("DiscretionPriceType", 1, "alpha", _PRICE_TYPES),
    11: Field("DiscretionPegOffset", 4, "signed"),
    12: Field("PostOnly", 1, "alpha", {"P": "post only", "N": "no"}),
    13: Field("RandomReserves", 4),
    14: Field("Route", 4, "alpha"),
    15: Field("ExpireTime", 4, high=SECONDS_IN_A_DAY - 1),
    16: Field("TradeNow", 1, "alpha", YES_NO_PORT),
    17: Field("HandleInst", 1, "alpha", _HANDLE),
    18: Field("BBO Weight Indicator", 1, "alpha", _BBO_WEIGHTS),
    19: Field("Reference Price", 8, "price"),
    20: Field("Reference Price Type", 1, "alpha"),
    22: Field("Display Quantity", 4),
    23: Field("Display Price", 8, "price"),
    24: Field("Group ID", 2),
    25: Field("Shares Located", 1, "alpha", YES_NO),
    26: Field("Locate Broker", 4, "alpha"),
    27: Field("Side", 1, "alpha", SIDES),
    28: Field("UserRefIdx", 1),
}

_URN: Final = Field("UserRefNum", 4, low=1)
_ORIG_URN: Final = Field("OrigUserRefNum", 4, low=1)
_TIME: Final = Field("Timestamp", 8, "time")
_SIDE: Final = Field("Side", 1, "alpha", SIDES)
_SYMBOL: Final = Field("Symbol", 8, "alpha", low=1)
_ANY_SYMBOL: Final = Field("Symbol", 8, "alpha")
_SHARES: Final = Field("Quantity", 4, low=1, high=MAX_SHARES)
_QUANTITY: Final = Field("Quantity", 4)
_INTENDED: Final = Field("Quantity", 4, high=MAX_SHARES)
_LIMIT: Final = Field("Price", 8, "price", high=MAX_PRICE, extra=(MARKET_PRICE, MARKET_PRICE_ROUND))
_PRICE: Final = Field("Price", 8, "price")
_TIF: Final = Field("Time In Force", 1, "alpha", TIMES_IN_FORCE)
_DISPLAY: Final = Field("Display", 1, "alpha", DISPLAYS)
_ACCEPTED_DISPLAY: Final = Field("Display", 1, "alpha", ACCEPTED_DISPLAYS)
_CAPACITY: Final = Field("Capacity", 1, "alpha", CAPACITIES)
_ISO: Final = Field("InterMarket Sweep Eligibility", 1, "alpha", YES_NO)
_CROSS: Final = Field("CrossType", 1, "alpha", CROSS_TYPES)
_STATE: Final = Field("Order State", 1, "alpha", ORDER_STATES)
_CLORD: Final = Field("ClOrdID", 14, "alpha")
_REFERENCE: Final = Field("Order Reference Number", 8)
_FIRM: Final = Field("Firm", 4, "alpha")
_MATCH: Final = Field("Match Number", 8)
_LIQUIDITY: Final = Field("Liquidity Flag", 1, "alpha", LIQUIDITY_FLAGS)

INBOUND: Final = (
    Layout("O", "Enter Order", _URN, _SIDE, _SHARES, _SYMBOL, _LIMIT, _TIF, _DISPLAY, _CAPACITY, _ISO, _CROSS, _CLORD,
           appendage="always"),
    Layout("U", "Replace Order Request", _ORIG_URN, _URN, _SHARES, _LIMIT, _TIF, _DISPLAY, _ISO, _CLORD,
           appendage="always"),
    Layout("X", "Cancel Order Request", _URN, _INTENDED, appendage="optional"),
    Layout("M", "Modify Order Request", _URN, _SIDE, _INTENDED, appendage="optional"),
    Layout("C", "Mass Cancel Request", _URN, _FIRM, _ANY_SYMBOL, appendage="always"),
    Layout("D", "Disable Order Entry Request", _URN, _FIRM, appendage="always"),
    Layout("E", "Enable Order Entry Request", _URN, _FIRM, appendage="always"),
    Layout("Q", "Account Query Request", appendage="optional"),
)  # fmt: skip

OUTBOUND: Final = (
    Layout("S", "System Event", _TIME, Field("Event Code", 1, "alpha", EVENT_CODES)),
    Layout("A", "Order Accepted", _TIME, _URN, _SIDE, _QUANTITY, _SYMBOL, _PRICE, _TIF, _ACCEPTED_DISPLAY, _REFERENCE,
           _CAPACITY, _ISO, _CROSS, _STATE, _CLORD, appendage="always"),
    Layout("U", "Order Replaced", _TIME, _ORIG_URN, _URN, _SIDE, _QUANTITY, _SYMBOL, _PRICE, _TIF, _ACCEPTED_DISPLAY,
           _REFERENCE, _CAPACITY, _ISO, _CROSS, _STATE, _CLORD, appendage="always"),
    Layout("C", "Order Canceled", _TIME, _URN, _QUANTITY, Field("Reason", 1, "alpha", CANCEL_REASONS),
           appendage="optional"),
    Layout("D", "AIQ Canceled", _TIME, _URN, Field("Decrement Shares", 4),
           Field("Reason", 1, "alpha", {"Q": CANCEL_REASONS["Q"]}), Field("Quantity prevented from trading", 4),
           Field("Execution Price", 8, "price"), _LIQUIDITY, Field("AIQ Strategy", 1, "alpha"), appendage="optional"),
    Layout("E", "Order Executed", _TIME, _URN, _QUANTITY, _PRICE, _LIQUIDITY, _MATCH, appendage="optional"),
    Layout("B", "Broken Trade", _TIME, _URN, _MATCH, Field("Reason", 1, "alpha", BROKEN_TRADE_REASONS), _CLORD,
           appendage="optional"),
    Layout("F", "Trade Correction", _TIME, _URN, _QUANTITY, _PRICE, _LIQUIDITY, _MATCH,
           Field("Reason", 1, "alpha", CORRECTION_REASONS), _CLORD, appendage="optional"),
    Layout("J", "Rejected", _TIME, _URN, Field("Reason", 2), _CLORD, appendage="optional"),
    Layout("P", "Cancel Pending", _TIME, _URN, appendage="optional"),
    Layout("I", "Cancel Reject", _TIME, _URN, appendage="optional"),
    Layout("T", "Order Priority Update", _TIME, _URN, _PRICE, _ACCEPTED_DISPLAY, _REFERENCE, appendage="optional"),
    Layout("M", "Order Modified", _TIME, _URN, _SIDE, _QUANTITY, appendage="optional"),
    Layout("R", "Order Restated", _TIME, _URN, Field("Reason", 1, "alpha", RESTATED_REASONS), appendage="always"),
    Layout("X", "Mass Cancel Response", _TIME, _URN, _FIRM, _ANY_SYMBOL, appendage="always"),
    Layout("G", "Disable Order Entry Response", _TIME, _URN, _FIRM, appendage="always"),
    Layout("K", "Enable Order Entry Response", _TIME, _URN, _FIRM, appendage="always"),
    Layout("Q", "Account Query Response", _TIME, Field("NextUserRefNum", 4), appendage="optional"),
)  # fmt: skip

CODEC: Final = OuchCodec("5.0", INBOUND, OUTBOUND, TAGS)
