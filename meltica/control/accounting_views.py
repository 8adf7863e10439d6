"""The books as the API shows them: nanos and lots become decimal text."""

from __future__ import annotations

from typing import Final

from meltica.control.resources import average_text, timestamp
from meltica.domain import accounting_port as port
from meltica.domain.accounting import CostMethod, InstrumentClass, PositionMode, VolumeWindow
from meltica.domain.cash import CashKind
from meltica.domain.instrument import Instrument
from meltica.domain.money import nanos_text
from meltica.v1 import accounting_service_pb2 as api

METHODS: Final = {getattr(api, f"COST_METHOD_{method.name}"): method for method in CostMethod}
MODES: Final = {getattr(api, f"POSITION_MODE_{mode.name}"): mode for mode in PositionMode}
KINDS: Final = {getattr(api, f"CASH_KIND_{kind.name}"): kind for kind in CashKind}
CLASSES: Final = {getattr(api, f"INSTRUMENT_CLASS_{each.name}"): each for each in InstrumentClass}
WINDOWS: Final = {getattr(api, f"VOLUME_WINDOW_{window.name}"): window for window in VolumeWindow}
_METHOD_NUMBERS: Final = {method: number for number, method in METHODS.items()}
_MODE_NUMBERS: Final = {mode: number for number, mode in MODES.items()}


def _optional(nanos: int | None) -> str:
    return "" if nanos is None else nanos_text(nanos)


def summary(found: port.AccountSummary) -> api.AccountSummary:
    return api.AccountSummary(
        account=found.books.account,
        base_currency=found.books.base_currency,
        method=_METHOD_NUMBERS[found.books.method],
        mode=_MODE_NUMBERS[found.books.mode],
        balances=[_balance(balance) for balance in found.balances],
        base_equity=_optional(found.base_equity),
        base_profit=_optional(found.base_profit),
        currencies_without_rate=found.without_rate,
        instruments_without_mark=found.without_mark,
        sequence=found.sequence,
        time=timestamp(found.time_ns),
    )


def _balance(found: port.CurrencyBalance) -> api.CurrencyBalance:
    return api.CurrencyBalance(
        currency=found.currency,
        cash=nanos_text(found.cash),
        position_cost=nanos_text(found.position_cost),
        position_value=nanos_text(found.position_value),
        equity=nanos_text(found.equity),
        capital=nanos_text(found.capital),
        conversions=nanos_text(found.conversions),
        profit=_profit(found.profit),
        rate_time=None if found.rate_time_ns is None else timestamp(found.rate_time_ns),
    )


def _profit(found: port.Profit) -> api.Profit:
    return api.Profit(
        currency=found.currency,
        realised=nanos_text(found.realised),
        unrealised=nanos_text(found.unrealised),
        fees=nanos_text(found.fees),
        funding=nanos_text(found.funding),
        other=nanos_text(found.other),
        total=nanos_text(found.total),
    )


def position(found: port.BookPosition, instrument: Instrument) -> api.BookPosition:
    unit = instrument.value_per_tick_lot_nanos
    average = "" if found.lots == 0 else average_text(found.cost_nanos, found.lots * unit, instrument.tick_size)
    return api.BookPosition(
        account=found.account,
        strategy=found.strategy,
        instrument=found.instrument,
        position_id=str(found.position_id) if found.position_id else "",
        method=_METHOD_NUMBERS[found.method],
        currency=instrument.quote_currency,
        quantity=instrument.quantity_text(found.lots),
        cost=nanos_text(found.cost_nanos),
        average_price=average,
        realised=nanos_text(found.realised_nanos),
        unrealised=_optional(found.unrealised_nanos),
        mark_price="" if found.mark_ticks is None else instrument.price_text(found.mark_ticks),
        fees=nanos_text(found.fees_nanos),
        funding=nanos_text(found.funding_nanos),
        other=nanos_text(found.other_nanos),
        traded_value=nanos_text(found.traded_nanos),
        open_lots=[
            api.OpenLot(
                quantity=instrument.quantity_text(lot.lots),
                cost=nanos_text(lot.cost_nanos),
                execution_id=lot.execution_id,
                time=timestamp(lot.time_ns),
            )
            for lot in found.open_lots
        ],
    )


def entry(found: port.EntryView) -> api.LedgerEntry:
    return api.LedgerEntry(
        number=found.number,
        sequence=found.sequence,
        time=timestamp(found.time_ns),
        what=found.what,
        account=found.account,
        strategy=found.strategy,
        instrument=found.instrument,
        reference=found.reference,
        postings=[
            api.LedgerPosting(book=book, currency=currency, amount=nanos_text(nanos))
            for book, currency, nanos in found.postings
        ],
    )


def statement(found: port.Statement) -> api.Statement:
    return api.Statement(
        account=found.account,
        number=found.number,
        begin_time=timestamp(found.began_ns),
        end_time=None if found.ended_ns is None else timestamp(found.ended_ns),
        lines=[_line(line) for line in found.lines],
        base_currency=found.base_currency,
        base_opening=_optional(found.base_opening),
        base_movements=_optional(found.base_movements),
        base_translation=_optional(found.base_translation),
        base_closing=_optional(found.base_closing),
    )


def _line(found: port.StatementLine) -> api.StatementLine:
    return api.StatementLine(
        currency=found.currency,
        opening=nanos_text(found.opening),
        capital=nanos_text(found.capital),
        conversions=nanos_text(found.conversions),
        realised=nanos_text(found.realised),
        unrealised=nanos_text(found.unrealised),
        fees=nanos_text(found.fees),
        funding=nanos_text(found.funding),
        interest=nanos_text(found.interest),
        adjustments=nanos_text(found.adjustments),
        rounding=nanos_text(found.rounding),
        closing=nanos_text(found.closing),
        trades=found.trades,
        traded_value=nanos_text(found.traded),
    )


def difference(found: port.FeeDifferenceView) -> api.FeeDifference:
    return api.FeeDifference(
        number=found.number,
        sequence=found.sequence,
        time=timestamp(found.time_ns),
        account=found.account,
        strategy=found.strategy,
        instrument=found.instrument,
        execution_id=found.execution_id,
        currency=found.currency,
        maker=found.maker,
        expected_ppm=found.ppm,
        expected=nanos_text(found.expected),
        reported=nanos_text(found.reported),
    )


def point(found: port.EquityPoint) -> api.EquityPoint:
    return api.EquityPoint(time=timestamp(found.time_ns), equity=nanos_text(found.equity))
