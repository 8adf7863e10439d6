"""The pre-trade checks by number. Generated from proto/hot/layout.toml and proto/hot/rulebook.toml by tools/gen_layout.py; change those, not this file."""

from dataclasses import dataclass
from enum import IntEnum

RULEBOOK_VERSION = 2
PASS = -1
JUDGED_WITHOUT_ACCOUNT = 0x19b97c1fff
JUDGED_WITHOUT_STRATEGY = 0xffeffffff
JUDGED_WITHOUT_INSTRUMENT = 0xfe5a0601f
JUDGED_WITHOUT_FIELDS = 0xffde061ff


class Check(IntEnum):
    """Bit n of a mask is check n; the lowest fired one is the reason."""

    MALFORMED = 0
    KILL_SWITCH = 1
    LEASE_EXPIRED = 2
    ACCOUNT_DISABLED = 3
    UNKNOWN_INSTRUMENT = 4
    RESTRICTED = 5
    HALTED = 6
    SESSION_WINDOW = 7
    FIELD_SANITY = 8
    MAX_QUANTITY = 9
    MAX_VALUE = 10
    PRICE_COLLAR = 11
    PRICE_BAND = 12
    MARKET_NOT_ALLOWED = 13
    ISO_NOT_ALLOWED = 14
    SHORT_SALE = 15
    POSITION_LIMIT = 16
    OPEN_EXPOSURE = 17
    FIRM_CREDIT = 18
    DAY_QUANTITY = 19
    MARKET_IMPACT = 20
    MESSAGE_RATE = 21
    INSTRUMENT_RATE = 22
    DUPLICATE_ORDER = 23
    REPEATED_EXECUTION = 24
    SELF_MATCH = 25
    OPEN_ORDER_COUNT = 26
    STALE_REFERENCE = 27
    CROSSED_BOOK = 28
    ORDER_ID_NOT_INCREASING = 29
    DAILY_LOSS = 30
    PORT_DOWN = 31
    POSITION_MISMATCH = 32
    DRAWDOWN = 33
    CONSECUTIVE_REJECTS = 34
    STRATEGY_DISABLED = 35
    STRATEGY_EXPOSURE = 36


@dataclass(frozen=True, slots=True)
class Rule:
    check: Check
    title: str
    fires: str
    ouch_code: int
    rule: str


RULES: dict[Check, Rule] = {
    Check.MALFORMED: Rule(Check.MALFORMED, "Not a well-formed order", "type_id, action, side, order_type or tif is no known value, an unknown flag is set, SHORT on a BUY, or SHORT_EXEMPT without SHORT (CANCEL: type_id or action)", 0x000a, "SEC 15c3-5(c)(1)(ii)"),
    Check.KILL_SWITCH: Rule(Check.KILL_SWITCH, "Kill switch engaged", "the global kill switch or that of the order's account, strategy, port or instrument is engaged; it stays so until it is released", 0x0000, "RTS 6 art. 12; SEC 15c3-5(d)"),
    Check.LEASE_EXPIRED: Rule(Check.LEASE_EXPIRED, "The gate's lease has run out", "the gate is leased and has no lease (0), or the order's time is after its end", 0x0000, "RTS 6 art. 12; SEC 15c3-5(d)"),
    Check.ACCOUNT_DISABLED: Rule(Check.ACCOUNT_DISABLED, "Account or port not authorised", "the account is not in the table, was never set, or is disabled; or the port was never set or is disabled", 0x000c, "SEC 15c3-5(c)(2)(iii)"),
    Check.UNKNOWN_INSTRUMENT: Rule(Check.UNKNOWN_INSTRUMENT, "Instrument unknown or not enabled", "the instrument is not in the table, was never set, or is disabled", 0x0017, "SEC 15c3-5(c)(2)(ii)"),
    Check.RESTRICTED: Rule(Check.RESTRICTED, "Instrument on the restricted list", "the instrument is restricted", 0x0022, "SEC 15c3-5(c)(2)(ii)"),
    Check.HALTED: Rule(Check.HALTED, "Trading halted", "the instrument is marked HALTED (halted or paused)", 0x0007, "SEC 15c3-5(c)(2)(i)"),
    Check.SESSION_WINDOW: Rule(Check.SESSION_WINDOW, "Outside the trading session", "unless session_open_ns <= order time < session_close_ns", 0x002d, "SEC 15c3-5(c)(2)(i)"),
    Check.FIELD_SANITY: Rule(Check.FIELD_SANITY, "Senseless quantity or price", "quantity outside 1..LOTS_BOUND; LIMIT price outside 1..max_price_ticks; REPLACE whose working lots or price are outside 1..bound or are more than the account, the strategy or the firm has reserved (both 0: it reopens a filled order), or whose order id works for another account, instrument or side; NEW with working lots or price", 0x0013, "SEC 15c3-5(c)(1)(ii)"),
    Check.MAX_QUANTITY: Rule(Check.MAX_QUANTITY, "Order too large", "quantity > max_quantity_lots, and for REPLACE it grows", 0x0031, "RTS 6 art. 15(1)(c); SEC 15c3-5(c)(1)(ii)"),
    Check.MAX_VALUE: Rule(Check.MAX_VALUE, "Order worth too much", "value > max_value_nanos or saturated, and for REPLACE it grows; value = reserved price * quantity * value_per_tick_lot_nanos, INT64_MAX when one of them is not positive or the product is larger", 0x0030, "RTS 6 art. 15(1)(b); SEC 15c3-5(c)(1)(ii)"),
    Check.PRICE_COLLAR: Rule(Check.PRICE_COLLAR, "Price too far from the reference", "no reference, collar 0, or a LIMIT price more than collar_bps away from the reference, above or below, on either side of the market alike (a bid far below is as suspect as one far above)", 0x0026, "RTS 6 art. 15(1)(a); SEC 15c3-5(c)(1)(ii)"),
    Check.PRICE_BAND: Rule(Check.PRICE_BAND, "Price outside the band in force", "a band is in force, and a BUY LIMIT is above its high or a SELL LIMIT below its low", 0x0026, "SEC 15c3-5(c)(2)(i); Limit Up-Limit Down plan"),
    Check.MARKET_NOT_ALLOWED: Rule(Check.MARKET_NOT_ALLOWED, "Market orders not allowed", "MARKET order and the account may not send them", 0x002c, "- (Nasdaq pre-trade risk management)"),
    Check.ISO_NOT_ALLOWED: Rule(Check.ISO_NOT_ALLOWED, "Intermarket sweep orders not allowed", "flag ISO and the account may not send them", 0x0024, "SEC 15c3-5(c)(2)(i); Reg NMS 611(b)(6)"),
    Check.SHORT_SALE: Rule(Check.SHORT_SALE, "Short sale not allowed", "SELL only. SHORT in an instrument whose rule is NOT_ALLOWED; SHORT_EXEMPT and the account may not. Rule REG_SHO: position - open sells - quantity below 0 for a SELL without SHORT, below -located_lots for one with it (REPLACE: the increment, when it grows); and marked SHORT_RESTRICTED, SHORT without SHORT_EXEMPT unless it is a LIMIT above a known best bid", 0x0027, "Reg SHO 200(g), 201, 203(b); SEC 15c3-5(c)(2)(i)"),
    Check.POSITION_LIMIT: Rule(Check.POSITION_LIMIT, "Position limit", "worst case beyond the limit and the order adds to it: BUY position + open buys + quantity > max_long_lots, SELL -position + open sells + quantity > max_short_lots (REPLACE: + the increment). REDUCE_ONLY: the limit is 0, so it may take the position to flat and never through it", 0x0020, "SEC 15c3-5(c)(1)(i)"),
    Check.OPEN_EXPOSURE: Rule(Check.OPEN_EXPOSURE, "Open exposure of the account", "the reserved value of the account's working orders + this order's (REPLACE: + the increment) > max_open_value_nanos + credit (saturated; below 0 counts as 0), and the order adds to it", 0x0020, "SEC 15c3-5(c)(1)(i); RTS 6 art. 15(2)"),
    Check.FIRM_CREDIT: Rule(Check.FIRM_CREDIT, "Credit of the firm", "the firm's limits were never set; or the same sum over everything that leaves through this gate > the firm's max_open_value_nanos + credit, and the order adds to it; or NEW, or a REPLACE that reopens a filled order, and the firm already has max_open_orders", 0x0020, "SEC 15c3-5(c)(1)(i); RTS 6 art. 15(2)"),
    Check.DAY_QUANTITY: Rule(Check.DAY_QUANTITY, "Too much in one day", "lots that passed in the instrument since DayReset + quantity > max_day_lots (REPLACE: + the increment), and the order adds to it", 0x0025, "RTS 6 art. 15(1)(c); SEC 15c3-5(c)(1)(i)"),
    Check.MARKET_IMPACT: Rule(Check.MARKET_IMPACT, "Too large for what is displayed", "max_impact_percent is not 0, quantity * 100 > max_impact_percent * lots displayed at the best price of the other side (none: 0), and for REPLACE it grows or has another price", 0x0021, "SEC 15c3-5(c)(1)(ii)"),
    Check.MESSAGE_RATE: Rule(Check.MESSAGE_RATE, "Too many messages", "of the firm, the account, the strategy and the port, as far as their limits were set, one has messages_per_second or message_burst 0, or its token bucket holds less than one message; time that goes backwards brings no tokens; a refused order takes none", 0x0029, "RTS 6 art. 15(1)(d)"),
    Check.INSTRUMENT_RATE: Rule(Check.INSTRUMENT_RATE, "Too many messages in the instrument", "the same for the bucket of the instrument", 0x0028, "RTS 6 art. 15(1)(d)"),
    Check.DUPLICATE_ORDER: Rule(Check.DUPLICATE_ORDER, "Duplicate order", "NEW with the account, instrument, side, quantity and price of one of the last K that passed, less than duplicate_window_ns after it (window 0: check off; MARKET: price counts as 0)", 0x002a, "SEC 15c3-5(c)(1)(ii)"),
    Check.REPEATED_EXECUTION: Rule(Check.REPEATED_EXECUTION, "Too many executions of the strategy", "the breaker is latched, or the strategy's executions since its last Rearm >= max_executions. Latches with the execution that reaches the limit; only a Rearm lets go", 0x0000, "RTS 6 art. 15(3)"),
    Check.SELF_MATCH: Rule(Check.SELF_MATCH, "Would trade with an own order", "own working limit orders of the same self_match_group on the other side cross its price (MARKET: all do), and the account's mode is CANCEL_NEWEST or CANCEL_BOTH, or DECREMENT and they leave nothing of it, or they are more than 64. CANCEL_OLDEST and BOTH list them to be cancelled, DECREMENT lessens both, best price first; nothing is listed when another check fired", 0x0000, "- (FIA, Nasdaq anti-internalisation)"),
    Check.OPEN_ORDER_COUNT: Rule(Check.OPEN_ORDER_COUNT, "Too many open orders", "NEW, or a REPLACE that reopens a filled order, and the account already has max_open_orders; or the order would rest (LIMIT, neither IOC nor FOK), is not among the gate's working orders, and these are max_working_orders already", 0x0000, "- (FIA)"),
    Check.STALE_REFERENCE: Rule(Check.STALE_REFERENCE, "Market data missing, stale or with a gap", "no reference, or older than reference_max_age_ns, or further in the future than the gate's tolerance, or the instrument is marked GAPPED", 0x0001, "- (FIA)"),
    Check.CROSSED_BOOK: Rule(Check.CROSSED_BOOK, "Book locked or crossed", "best bid >= best offer, both known", 0x0012, "SEC 15c3-5(c)(1)(ii)"),
    Check.ORDER_ID_NOT_INCREASING: Rule(Check.ORDER_ID_NOT_INCREASING, "Order id not increasing", "NEW whose order_id is not larger than the last one that passed the port since DayReset, or is that of a working order", 0x0000, "- (OUCH 5.0 UserRefNum)"),
    Check.DAILY_LOSS: Rule(Check.DAILY_LOSS, "Daily loss limit", "max_daily_loss_nanos is 0; or the breaker is latched (with rearm_after_ns: for so long after it tripped); or it is not latched and PnL <= -max_daily_loss_nanos. Not for a REDUCE_ONLY order that POSITION_LIMIT lets pass: breakers stop new risk, not the way out", 0x0000, "SEC 15c3-5(c)(1)(i)"),
    Check.PORT_DOWN: Rule(Check.PORT_DOWN, "Port not connected", "the port is not marked CONNECTED", 0x0000, "- (CME cancel on disconnect)"),
    Check.POSITION_MISMATCH: Rule(Check.POSITION_MISMATCH, "Positions do not reconcile", "the account is marked MISMATCHED", 0x0000, "RTS 6 art. 17(3)"),
    Check.DRAWDOWN: Rule(Check.DRAWDOWN, "Drawdown from the high-water mark", "max_drawdown_nanos is 0; or the breaker is latched (with rearm_after_ns: for so long after it tripped); or it is not latched and the day's highest PnL - PnL >= max_drawdown_nanos. REDUCE_ONLY as for DAILY_LOSS", 0x0000, "SEC 15c3-5(c)(1)(i)"),
    Check.CONSECUTIVE_REJECTS: Rule(Check.CONSECUTIVE_REJECTS, "Too many rejects in a row", "max_consecutive_rejects is 0; or the breaker is latched (with rearm_after_ns: for so long after it tripped); or it is not latched and the venue's rejects in a row >= max_consecutive_rejects", 0x0000, "SEC 15c3-5(c)(1)(ii)"),
    Check.STRATEGY_DISABLED: Rule(Check.STRATEGY_DISABLED, "Strategy not authorised", "the strategy is not in the table, was never set, or is disabled", 0x0000, "SEC 15c3-5(c)(2)(iii); RTS 6 art. 12"),
    Check.STRATEGY_EXPOSURE: Rule(Check.STRATEGY_EXPOSURE, "Open exposure of the strategy", "as OPEN_EXPOSURE, for the strategy", 0x0000, "SEC 15c3-5(c)(1)(i); RTS 6 art. 15(2)"),
}
