"""For each check an order that fires it and nothing else, and one beside it that just does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from meltica.hot import layout_gen as lay
from meltica.hot.layout_gen import Action, Flag, KillScope, Mark, OrderType, SelfMatch, ShortSale, Side, TimeInForce
from meltica.hot.rulebook_gen import Check
from sim.rtl.risk_gate.desk import Desk, T

Words = dict[str, Any]


def nothing(desk: Desk) -> None:
    """The desk as it opens."""
    del desk


class Case(NamedTuple):
    check: Check
    told: Callable[[Desk], None]  # makes the order below fire the check
    order: Words = {}  # noqa: RUF012 - read only
    spared: Words = {}  # noqa: RUF012 - what makes it pass after all, of the order
    relief: Callable[[Desk], None] = nothing  # or what is told
    first: tuple[Words, ...] = ()  # orders that pass before it


SELL = {"side": Side.SELL}
RESTS = {"tif": TimeInForce.DAY}
MARKET = {"order_type": OrderType.MARKET, "price_ticks": 0}
REPLACE = {"action": Action.REPLACE, "working_lots": 10, "working_price_ticks": 10_000}


def all_of(*told: Callable[[Desk], None]) -> Callable[[Desk], None]:
    def tell(desk: Desk) -> None:
        for one in told:
            one(desk)

    return tell


def row(record_class: type[lay.Record], **values: int) -> Callable[[Desk], None]:
    return lambda desk: desk.tell(record_class, **values)


def mark(mark_: Mark, on: int = 1) -> Callable[[Desk], None]:
    return lambda desk: desk.tell(lay.MarkRecord, mark=mark_, on=on, id=0)


def worth(desk: Desk, tick_lots: int) -> int:
    return tick_lots * desk.bench.unit_nanos


CASES = (
    Case(
        Check.KILL_SWITCH,
        row(lay.KillRecord, scope=KillScope.STRATEGY, engage=1),
        relief=row(lay.KillRecord, scope=KillScope.STRATEGY, engage=0),
    ),
    Case(
        Check.KILL_SWITCH,
        row(lay.KillRecord, scope=KillScope.INSTRUMENT, engage=1),
        spared={"instrument_id": 1},
    ),
    Case(
        Check.ACCOUNT_DISABLED,
        row(lay.PortLimitsRecord, port_id=0, messages_per_second=10**9, message_burst=9),
        spared={"port_id": 1},
    ),
    Case(Check.ACCOUNT_DISABLED, lambda desk: desk.account(enabled=0), relief=Desk.account),
    Case(Check.UNKNOWN_INSTRUMENT, lambda desk: desk.instrument(enabled=0), relief=Desk.instrument),
    Case(Check.RESTRICTED, lambda desk: desk.instrument(restricted=1), relief=Desk.instrument),
    Case(Check.HALTED, mark(Mark.HALTED), relief=mark(Mark.HALTED, 0)),
    Case(
        Check.SESSION_WINDOW,
        lambda desk: desk.instrument(session_open_ns=T + 10),
        {"time_ns": T + 9},
        {"time_ns": T + 10},
    ),
    Case(
        Check.SESSION_WINDOW,
        lambda desk: desk.instrument(session_close_ns=T + 10),
        {"time_ns": T + 10},
        {"time_ns": T + 9},
    ),
    Case(
        Check.FIELD_SANITY,
        lambda desk: desk.instrument(max_price_ticks=10_000),
        {"price_ticks": 10_001},
        {"price_ticks": 10_000},
    ),
    Case(Check.FIELD_SANITY, nothing, REPLACE | {"working_lots": 11}, {"working_lots": 10}, first=({},)),
    Case(Check.MAX_QUANTITY, lambda desk: desk.instrument(max_quantity_lots=9), {}, {"quantity_lots": 9}),
    Case(
        Check.MAX_QUANTITY,
        lambda desk: desk.instrument(max_quantity_lots=9),
        {"quantity_lots": 11} | REPLACE,
        {"quantity_lots": 10},
        first=({"quantity_lots": 9}, {"quantity_lots": 9}),
    ),
    Case(
        Check.MAX_VALUE,
        lambda desk: desk.instrument(max_value_nanos=worth(desk, 100_000) + desk.bench.unit_nanos - 1),
        {"price_ticks": 10_001},
        {"price_ticks": 10_000},
    ),
    Case(
        Check.PRICE_COLLAR, lambda desk: desk.instrument(collar_bps=100), {"price_ticks": 9_899}, {"price_ticks": 9_900}
    ),
    Case(
        Check.PRICE_COLLAR,
        lambda desk: desk.instrument(collar_bps=100),
        SELL | {"price_ticks": 10_101},
        {"price_ticks": 10_100},
    ),
    Case(
        Check.PRICE_BAND,
        row(lay.PriceBandRecord, instrument_id=0, low_ticks=9_990, high_ticks=10_010),
        {"price_ticks": 10_011},
        {"price_ticks": 10_010},
    ),
    Case(
        Check.PRICE_BAND,
        row(lay.PriceBandRecord, instrument_id=0, low_ticks=9_990, high_ticks=10_010),
        SELL | {"price_ticks": 9_989},
        {"price_ticks": 9_990},
    ),
    Case(
        Check.MARKET_NOT_ALLOWED,
        lambda desk: desk.account(market_orders_allowed=0),
        MARKET,
        {"order_type": OrderType.LIMIT, "price_ticks": 10_000},
    ),
    Case(Check.ISO_NOT_ALLOWED, lambda desk: desk.account(iso_allowed=0), {"flags": Flag.ISO}, {"flags": 0}),
    Case(
        Check.SHORT_SALE,
        lambda desk: desk.instrument(short_sale=ShortSale.NOT_ALLOWED),
        SELL | {"flags": Flag.SHORT},
        {"flags": 0},
    ),
    Case(
        Check.SHORT_SALE,
        all_of(lambda desk: desk.instrument(short_sale=ShortSale.REG_SHO), lambda desk: desk.position(located_lots=9)),
        SELL | {"flags": Flag.SHORT},
        {"quantity_lots": 9},
    ),
    Case(
        Check.SHORT_SALE,
        all_of(
            lambda desk: desk.instrument(short_sale=ShortSale.REG_SHO),
            lambda desk: desk.position(located_lots=90),
            mark(Mark.SHORT_RESTRICTED),
            row(lay.QuoteRecord, instrument_id=0, bid_ticks=10_000, bid_lots=1, ask_ticks=10_002, ask_lots=1),
        ),
        SELL | {"flags": Flag.SHORT},
        {"price_ticks": 10_001},
    ),
    Case(Check.POSITION_LIMIT, lambda desk: desk.position(max_long_lots=29), {}, {"quantity_lots": 9}, first=({}, {})),
    Case(
        Check.POSITION_LIMIT,
        lambda desk: desk.position(max_short_lots=29),
        SELL,
        {"quantity_lots": 9},
        first=(SELL, SELL),
    ),
    Case(
        Check.OPEN_EXPOSURE,
        lambda desk: desk.account(max_open_value_nanos=worth(desk, 299_999)),
        {},
        {"price_ticks": 9_999},
        first=({}, {}),
    ),
    Case(
        Check.FIRM_CREDIT,
        all_of(
            lambda desk: desk.firm(max_open_value_nanos=worth(desk, 300_000)),
            row(lay.CreditRecord, scope=1, delta_nanos=-1),
        ),
        {},
        {"price_ticks": 9_999},
        first=({}, {}),
    ),
    Case(
        Check.FIRM_CREDIT,
        lambda desk: desk.firm(max_open_orders=2),
        {},
        REPLACE | {"quantity_lots": 11},
        first=({}, {}),
    ),
    Case(Check.DAY_QUANTITY, lambda desk: desk.instrument(max_day_lots=29), {}, {"quantity_lots": 9}, first=({}, {})),
    Case(
        Check.MARKET_IMPACT,
        all_of(
            lambda desk: desk.instrument(max_impact_percent=50),
            row(lay.QuoteRecord, instrument_id=0, bid_ticks=9_999, bid_lots=1, ask_ticks=10_001, ask_lots=19),
        ),
        {},
        {"quantity_lots": 9},
    ),
    Case(
        Check.MESSAGE_RATE,
        lambda desk: desk.account(messages_per_second=10**8, message_burst=2),
        {"time_ns": T + 9},
        {"time_ns": T + 10},
        first=({"time_ns": T}, {"time_ns": T}),
    ),
    Case(Check.MESSAGE_RATE, lambda desk: desk.firm(message_burst=0), relief=Desk.firm),
    Case(
        Check.INSTRUMENT_RATE,
        lambda desk: desk.instrument(messages_per_second=10**8, message_burst=2),
        {"time_ns": T + 9},
        {"time_ns": T + 10},
        first=({"time_ns": T}, {"time_ns": T}),
    ),
    Case(
        Check.DUPLICATE_ORDER,
        lambda desk: desk.account(duplicate_window_ns=5),
        {"time_ns": T + 4},
        {"time_ns": T + 5},
        first=({"time_ns": T},),
    ),
    Case(
        Check.REPEATED_EXECUTION,
        all_of(lambda desk: desk.strategy(max_executions=1), row(lay.FillRecord, side=1, quantity_lots=1)),
        relief=row(lay.RearmRecord, breaker=4),
    ),
    Case(
        Check.SELF_MATCH,
        lambda desk: desk.account(self_match=SelfMatch.CANCEL_NEWEST),
        {"price_ticks": 10_000},
        {"price_ticks": 9_999},
        first=(SELL | RESTS,),
    ),
    Case(Check.OPEN_ORDER_COUNT, lambda desk: desk.account(max_open_orders=2), {}, REPLACE, first=({}, {})),
    Case(
        Check.STALE_REFERENCE,
        lambda desk: desk.instrument(reference_max_age_ns=5),
        {"time_ns": T + 6},
        {"time_ns": T + 5},
    ),
    Case(Check.STALE_REFERENCE, mark(Mark.GAPPED), relief=mark(Mark.GAPPED, 0)),
    Case(
        Check.CROSSED_BOOK,
        row(lay.QuoteRecord, instrument_id=0, bid_ticks=10_000, bid_lots=1, ask_ticks=10_000, ask_lots=1),
        relief=row(lay.QuoteRecord, instrument_id=0, bid_ticks=9_999, bid_lots=1, ask_ticks=10_000, ask_lots=1),
    ),
    Case(Check.ORDER_ID_NOT_INCREASING, nothing, {"order_id": 700}, {"order_id": 701}, first=({"order_id": 700},)),
    Case(
        Check.DAILY_LOSS,
        row(lay.ProfitAndLossRecord, account_id=0, pnl_nanos=-1_000),
        relief=all_of(row(lay.ProfitAndLossRecord, account_id=0, pnl_nanos=-999), row(lay.RearmRecord, breaker=1)),
    ),
    Case(Check.PORT_DOWN, mark(Mark.CONNECTED, 0), spared={"port_id": 1}),
    Case(Check.POSITION_MISMATCH, mark(Mark.MISMATCHED), spared={"account_id": 1}),
    Case(
        Check.DRAWDOWN,
        all_of(*(row(lay.ProfitAndLossRecord, account_id=0, pnl_nanos=nanos) for nanos in (1_500, -500))),
        relief=row(lay.RearmRecord, breaker=2),
    ),
    Case(
        Check.CONSECUTIVE_REJECTS,
        all_of(*[row(lay.OutcomeRecord, account_id=0, rejected=1)] * 3),
        relief=row(lay.RearmRecord, breaker=3),
    ),
    Case(Check.STRATEGY_DISABLED, lambda desk: desk.strategy(enabled=0), spared={"strategy_id": 1}),
    Case(
        Check.STRATEGY_EXPOSURE,
        lambda desk: desk.strategy(max_open_value_nanos=worth(desk, 299_999)),
        {},
        {"price_ticks": 9_999},
        first=({}, {}),
    ),
    Case(
        Check.LEASE_EXPIRED,
        row(lay.LeaseRecord, until_ns=T + 5),
        {"time_ns": T + 6},
        {"time_ns": T + 5},
    ),
)
