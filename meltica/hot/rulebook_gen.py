"""The pre-trade checks by number. Generated from proto/hot/layout.toml and proto/hot/rulebook.toml by tools/gen_layout.py; change those, not this file."""

from dataclasses import dataclass
from enum import IntEnum

PASS = -1
JUDGED_WITHOUT_ACCOUNT = 0x8000f7b
JUDGED_WITHOUT_INSTRUMENT = 0x24a0201b
JUDGED_WITHOUT_FIELDS = 0x2ca0217b


class Check(IntEnum):
    """Bit n of a mask is check n; the lowest fired one is the reason."""

    MALFORMED = 0
    KILL_SWITCH = 1
    ACCOUNT_DISABLED = 3
    UNKNOWN_INSTRUMENT = 4
    RESTRICTED = 5
    HALTED = 6
    FIELD_SANITY = 8
    MAX_QUANTITY = 9
    MAX_VALUE = 10
    PRICE_COLLAR = 11
    MARKET_NOT_ALLOWED = 13
    POSITION_LIMIT = 16
    OPEN_EXPOSURE = 17
    MESSAGE_RATE = 21
    DUPLICATE_ORDER = 23
    OPEN_ORDER_COUNT = 26
    STALE_REFERENCE = 27
    ORDER_ID_NOT_INCREASING = 29


@dataclass(frozen=True, slots=True)
class Rule:
    check: Check
    title: str
    fires: str
    ouch_code: int
    rule: str


RULES: dict[Check, Rule] = {
    Check.MALFORMED: Rule(Check.MALFORMED, "Not a well-formed order", "type_id, action, side, order_type or tif is no known value, or an unknown flag is set (CANCEL: type_id or action)", 0x000a, "15c3-5(c)(1)(ii)"),
    Check.KILL_SWITCH: Rule(Check.KILL_SWITCH, "Kill switch engaged", "the global kill switch or the account's is engaged; it stays so until it is released", 0x0000, "RTS 6 art. 12; FIA 1.11; CME kill switch"),
    Check.ACCOUNT_DISABLED: Rule(Check.ACCOUNT_DISABLED, "Account not authorised", "the account is not in the table, was never set, or is disabled", 0x000c, "15c3-5(c)(2)(iii)"),
    Check.UNKNOWN_INSTRUMENT: Rule(Check.UNKNOWN_INSTRUMENT, "Instrument unknown or not enabled", "the instrument is not in the table, was never set, or is disabled", 0x0017, ""),
    Check.RESTRICTED: Rule(Check.RESTRICTED, "Instrument on the restricted list", "the instrument is restricted", 0x0022, "15c3-5(c)(2)(ii)"),
    Check.HALTED: Rule(Check.HALTED, "Trading halted", "the instrument is halted or paused", 0x0007, "15c3-5(c)(2)"),
    Check.FIELD_SANITY: Rule(Check.FIELD_SANITY, "Senseless quantity or price", "quantity outside 1..LOTS_BOUND; LIMIT price outside 1..max_price_ticks; REPLACE whose working lots or price are outside 1..bound or are more than is reserved (both 0: it reopens a filled order); NEW with working lots or price", 0x0013, "15c3-5(c)(1)(ii)"),
    Check.MAX_QUANTITY: Rule(Check.MAX_QUANTITY, "Order too large", "quantity > max_quantity_lots, and for REPLACE it grows", 0x0031, "RTS 6 art. 15(1)(c)"),
    Check.MAX_VALUE: Rule(Check.MAX_VALUE, "Order worth too much", "value > max_value_nanos or saturated, and for REPLACE it grows; value = reserved price * quantity * value_per_tick_lot_nanos, INT64_MAX when one of them is not positive or the product is larger", 0x0030, "RTS 6 art. 15(1)(b)"),
    Check.PRICE_COLLAR: Rule(Check.PRICE_COLLAR, "Price too far from the reference", "no reference, collar 0, or a LIMIT price more than collar_bps away from the reference, above or below, on either side of the market alike (a bid far below is as suspect as one far above)", 0x0026, "RTS 6 art. 15(1)(a)"),
    Check.MARKET_NOT_ALLOWED: Rule(Check.MARKET_NOT_ALLOWED, "Market orders not allowed", "MARKET order and the account may not send them", 0x002c, "Nasdaq PRM"),
    Check.POSITION_LIMIT: Rule(Check.POSITION_LIMIT, "Position limit", "worst case beyond the limit and the order adds to it: BUY position + open buys + quantity > max_long_lots, SELL -position + open sells + quantity > max_short_lots (REPLACE: + the increment). REDUCE_ONLY: the limit is 0, so it may take the position to flat and never through it", 0x0020, "15c3-5(c)(1)(i)"),
    Check.OPEN_EXPOSURE: Rule(Check.OPEN_EXPOSURE, "Open exposure of the account", "the reserved value of the account's working orders + this order's (REPLACE: + the increment) > max_open_value_nanos, and the order adds to it", 0x0020, "15c3-5(c)(1)(i); RTS 6 art. 15(2)"),
    Check.MESSAGE_RATE: Rule(Check.MESSAGE_RATE, "Too many messages", "messages_per_second or message_burst is 0, or the token bucket holds less than one message; time that goes backwards brings no tokens; a refused order takes none", 0x0029, "RTS 6 art. 15(1)(d)"),
    Check.DUPLICATE_ORDER: Rule(Check.DUPLICATE_ORDER, "Duplicate order", "NEW with the account, instrument, side, quantity and price of one of the last K that passed, less than duplicate_window_ns after it (window 0: check off; MARKET: price counts as 0)", 0x002a, "15c3-5(c)(1)(ii); RTS 6 art. 15(3)"),
    Check.OPEN_ORDER_COUNT: Rule(Check.OPEN_ORDER_COUNT, "Too many open orders", "NEW, or a REPLACE that reopens a filled order, and the account already has max_open_orders", 0x0000, "FIA"),
    Check.STALE_REFERENCE: Rule(Check.STALE_REFERENCE, "Reference price missing or stale", "no reference, or older than reference_max_age_ns, or further in the future than the gate's tolerance", 0x0001, "FIA"),
    Check.ORDER_ID_NOT_INCREASING: Rule(Check.ORDER_ID_NOT_INCREASING, "Order id not increasing", "NEW whose order_id is not larger than the account's last one that passed", 0x0000, "OUCH 5.0 UserRefNum"),
}
