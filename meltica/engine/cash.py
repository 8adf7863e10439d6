"""Commands about the books. The engine says no to what makes no sense; the ledger books what it said yes to."""

from __future__ import annotations

from typing import Final

from meltica.domain import cash, lifecycle
from meltica.domain.accounting import (
    CURRENCY,
    PICOS,
    PPM,
    AccountBooks,
    FeeSchedule,
    InstrumentClass,
    Rate,
    Share,
    class_of,
    rate_key,
)
from meltica.domain.cash import CashKind
from meltica.domain.limits import ACCOUNT_NAME
from meltica.domain.money import INT64_MAX
from meltica.domain.order import Order
from meltica.engine.desk import Desk
from meltica.engine.fold.cash import part_key

ACCOUNTS_MAX: Final = 10_000
"""Books, sub-accounts included: each day ends with a statement of every one."""
SHARES_MAX: Final = 1_000
TIERS_MAX: Final = 32
CURRENCIES_MAX: Final = 10_000
"""Rates and schedules each: a journal that is replayed has them all in memory."""

_UNSIGNED: Final = frozenset({CashKind.DEPOSIT, CashKind.WITHDRAWAL, CashKind.CONVERSION})

No = tuple[str, str, str]
"""(reason, field, text)."""
Fault = No | None


def book_cash(desk: Desk, command: cash.BookCash) -> None:
    if (fault := _cash_fault(desk, command)) is not None:
        desk.refuse(command.actor, *fault)
        return
    desk.emit(
        cash.CashBooked(
            account=command.account,
            kind=command.kind,
            currency=command.currency,
            nanos=command.nanos,
            reason=command.reason,
            actor=command.actor,
            time_ns=desk.now_ns,
            strategy=command.strategy,
            instrument=command.instrument,
            to_currency=command.to_currency,
            to_nanos=command.to_nanos,
            venue=command.venue or _venue_of(desk, command.instrument),
        )
    )


def _venue_of(desk: Desk, instrument: str) -> str:
    return desk.state.tables.instruments[instrument].venue if instrument else ""


def _cash_fault(desk: Desk, command: cash.BookCash) -> Fault:
    if (fault := _account_fault(desk, "account", command.account)) is not None:
        return fault
    if (fault := _place_fault(desk, command)) is not None:
        return fault
    if not CURRENCY.fullmatch(command.currency):
        return _currency_fault("currency", command.currency)
    if command.nanos == 0 or abs(command.nanos) > INT64_MAX:
        return "AMOUNT_OUT_OF_RANGE", "amount", "must not be 0, and must fit 63 bits in nanos"
    if command.nanos < 0 and command.kind in _UNSIGNED:
        return "AMOUNT_OUT_OF_RANGE", "amount", f"a {command.kind.value} says how much, without a sign"
    if command.kind is not CashKind.CONVERSION:
        if command.to_currency or command.to_nanos:
            field = "to_currency" if command.to_currency else "to_amount"
            return "NOT_A_CONVERSION", field, f"a {command.kind.value} has one currency"
        return None
    if not CURRENCY.fullmatch(command.to_currency) or command.to_currency == command.currency:
        return _currency_fault("to_currency", command.to_currency)
    if not 0 < command.to_nanos <= INT64_MAX:
        return "AMOUNT_OUT_OF_RANGE", "to_amount", "must be more than 0 and fit 63 bits in nanos"
    return None


def _place_fault(desk: Desk, command: cash.BookCash) -> Fault:
    if command.instrument and command.instrument not in desk.state.tables.instruments:
        return _unknown_instrument(command.instrument)
    if not command.venue:
        return None
    if all(instrument.venue != command.venue for instrument in desk.state.tables.instruments.values()):
        return "UNKNOWN_VENUE", "venue", f"no instrument of this gateway is traded at {command.venue[:80]!r}"
    if command.instrument and _venue_of(desk, command.instrument) != command.venue:
        return "VENUE_CONTRADICTS", "venue", f"{command.instrument} is not traded at {command.venue}"
    return None


def set_conversion_rate(desk: Desk, command: cash.SetConversionRate) -> None:
    rates = desk.state.tables.accounting.rates
    if not CURRENCY.fullmatch(command.base):
        fault: No = _currency_fault("base_currency", command.base)
    elif not CURRENCY.fullmatch(command.quote) or command.quote == command.base:
        fault = _currency_fault("quote_currency", command.quote)
    elif not (0 < command.numerator <= INT64_MAX and 0 < command.denominator <= INT64_MAX):
        fault = "RATE_OUT_OF_RANGE", "rate", "must be more than 0, and a fraction of numbers that fit 63 bits"
    elif rate_key(command.quote, command.base) in rates:
        text = f"{command.quote}/{command.base} has a rate: give that one, or the two would contradict each other"
        fault = "RATE_EXISTS_INVERTED", "base_currency", text
    elif len(rates) >= CURRENCIES_MAX and rate_key(command.base, command.quote) not in rates:
        fault = "BOOKS_FULL", "base_currency", f"there are {CURRENCIES_MAX} rates already"
    else:
        rate = Rate(
            base=command.base,
            quote=command.quote,
            numerator=command.numerator,
            denominator=command.denominator,
            time_ns=desk.now_ns,
        )
        desk.emit(cash.ConversionRateSet(rate=rate, actor=command.actor, time_ns=desk.now_ns))
        return
    desk.refuse(command.actor, *fault)


def set_account_books(desk: Desk, command: cash.SetAccountBooks) -> None:
    books, tables = command.books, desk.state.tables.accounting
    if (fault := _books_fault(desk, books)) is not None:
        desk.refuse(command.actor, *fault)
    elif tables.books.get(books.account) != books:
        desk.emit(cash.AccountBooksSet(books=books, actor=command.actor, time_ns=desk.now_ns))


def _books_fault(desk: Desk, books: AccountBooks) -> Fault:
    tables = desk.state.tables.accounting
    if not ACCOUNT_NAME.fullmatch(books.account):
        return "ACCOUNT_NAME_INVALID", "account", f"{books.account[:80]!r}: at most 64 letters, digits and ._:-"
    if books.base_currency and not CURRENCY.fullmatch(books.base_currency):
        return _currency_fault("base_currency", books.base_currency)
    if books.account not in tables.books and len(tables.books) >= ACCOUNTS_MAX:
        return "BOOKS_FULL", "account", f"there are books of {ACCOUNTS_MAX} accounts already"
    old = tables.books.get(books.account, AccountBooks(account=books.account))
    if (old.method, old.mode) != (books.method, books.mode) and _has_booked(desk, books.account):
        text = f"{books.account} has fills booked as {old.method.value}, {old.mode.value}: open another account"
        return "BOOKS_IN_USE", "method", text
    return None


def _has_booked(desk: Desk, account: str) -> bool:
    tables = desk.state.tables
    if any(position.account == account for position in tables.positions.values()):
        return True
    allocations = tables.accounting.allocations.values()
    return any(share.account == account for allocation in allocations for share in allocation.shares)


def set_fee_schedule(desk: Desk, command: cash.SetFeeSchedule) -> None:
    schedule, schedules = command.schedule, desk.state.tables.accounting.schedules
    if (fault := _schedule_fault(schedule) or _scope_fault(desk, schedule)) is not None:
        desk.refuse(command.actor, *fault)
    elif schedule.key not in schedules and len(schedules) >= CURRENCIES_MAX:
        desk.refuse(command.actor, "BOOKS_FULL", "venue", f"there are {CURRENCIES_MAX} schedules already")
    elif schedules.get(schedule.key) != schedule:
        desk.emit(cash.FeeScheduleSet(schedule=schedule, actor=command.actor, time_ns=desk.now_ns))


def _schedule_fault(schedule: FeeSchedule) -> Fault:
    if not CURRENCY.fullmatch(schedule.venue):
        return "VENUE_INVALID", "venue", f"{schedule.venue[:80]!r} is no venue code such as BINANCE"
    if not CURRENCY.fullmatch(schedule.currency):
        return _currency_fault("currency", schedule.currency)
    volumes = [tier.volume_nanos for tier in schedule.tiers]
    if not 0 < len(volumes) <= TIERS_MAX:
        return "TIERS_INVALID", "tiers", f"there must be 1 to {TIERS_MAX}"
    for place, tier in enumerate(schedule.tiers):
        least = volumes[place - 1] + 1 if place else 0
        if not least <= tier.volume_nanos <= (INT64_MAX if place else 0):
            return "TIERS_INVALID", f"tiers[{place}].volume", "the first begins at volume 0, each later one higher"
        for name in ("maker_ppm", "taker_ppm"):
            if abs(getattr(tier, name)) > PPM:
                return "TIERS_INVALID", f"tiers[{place}].{name}", "a fee is at most all of the value"
    return None


def _scope_fault(desk: Desk, schedule: FeeSchedule) -> Fault:
    """Of a schedule for one account or one instrument."""
    if schedule.account and (fault := _account_fault(desk, "account", schedule.account)) is not None:
        return fault
    if not schedule.instrument:
        return None
    if schedule.instrument not in desk.state.tables.instruments:
        return _unknown_instrument(schedule.instrument)
    if _venue_of(desk, schedule.instrument) != schedule.venue:
        return "VENUE_CONTRADICTS", "venue", f"{schedule.instrument} is not traded at {schedule.venue}"
    if (right := class_of(schedule.instrument)) is not schedule.instrument_class:
        return "CLASS_CONTRADICTS", "instrument_class", f"{schedule.instrument} is of the class {right.value}"
    return None


def settle_funding(desk: Desk, command: cash.SettleFunding) -> None:
    instrument = desk.state.tables.instruments.get(command.instrument)
    if instrument is None:
        fault: No = _unknown_instrument(command.instrument)
    elif class_of(command.instrument) is not InstrumentClass.PERPETUAL:
        fault = "NOT_A_PERPETUAL", "instrument", f"{command.instrument} has no funding"
    elif command.rate_picos == 0 or abs(command.rate_picos) > PICOS:
        fault = "RATE_OUT_OF_RANGE", "rate", "must not be 0, and at most all of the value"
    elif not 0 < command.mark_ticks <= instrument.max_price_ticks:
        fault = "PRICE_OUT_OF_RANGE", "mark_price", f"must be 1 to {instrument.max_price_ticks} ticks"
    else:
        desk.emit(
            cash.FundingSettled(
                instrument=command.instrument,
                rate_picos=command.rate_picos,
                mark_ticks=command.mark_ticks,
                actor=command.actor,
                time_ns=desk.now_ns,
            )
        )
        return
    desk.refuse(command.actor, *fault)


def allocate_fill(desk: Desk, command: cash.AllocateFill) -> None:
    order = desk.state.tables.orders.get(command.order_id)
    if order is None:
        text = f"there is no order {command.order_id}"
        desk.refuse(command.actor, "UNKNOWN_ORDER", "order_id", text)
        return
    executions = _executions(order, command.execution_id)
    if (fault := _allocation_fault(desk, order, executions, command)) is not None:
        desk.refuse(command.actor, *fault)
        return
    desk.emit(
        cash.FillAllocated(
            allocation_id=desk.state.tables.accounting.next_allocation_id,
            order_id=order.order_id,
            account=order.account,
            instrument=order.instrument,
            executions=executions,
            shares=command.shares,
            actor=command.actor,
            time_ns=desk.now_ns,
        )
    )


def _executions(order: Order, execution_id: str) -> tuple[str, ...]:
    """The ids under which they first came: all of the order's, or the named one."""
    if not execution_id:
        return tuple(order.executions)
    found = lifecycle.find_execution(order, execution_id)
    return () if found is None else (found[0],)


def _allocation_fault(desk: Desk, order: Order, executions: tuple[str, ...], command: cash.AllocateFill) -> Fault:
    if not executions:
        what = f"execution {command.execution_id!r}" if command.execution_id else "execution"
        return "UNKNOWN_EXECUTION", "execution_id", f"no {what} stands on order {order.order_id}"
    if taken := [
        name for name in executions if part_key(order.order_id, name) in desk.state.tables.accounting.allocated
    ]:
        return "ALREADY_ALLOCATED", "execution_id", f"execution {taken[0]} is allocated: reverse that first"
    if (fault := _shares_fault(desk, order, command.shares)) is not None:
        return fault
    standing = [order.executions[name] for name in executions]
    splits = desk.state.tables.accounting.splits.get(order.instrument, ())
    if splits and any(each.sequence < splits[-1].sequence for each in standing):
        text = f"{order.instrument} was split since: its lots are not those that were traded"
        return "SPLIT_SINCE", "order_id", text
    lots, parts = sum(each.quantity_lots for each in standing), sum(share.parts for share in command.shares)
    if not command.by_ratio and parts != lots:
        asked, there = (desk.quantity(order.instrument, count) for count in (parts, lots))
        return "SHARES_INVALID", "shares", f"they add up to {asked}, the fill has {there}"
    unit = desk.state.tables.instruments[order.instrument].value_per_tick_lot_nanos
    if sum(each.quantity_lots * each.price_ticks for each in standing) * unit > INT64_MAX:
        return "SHARES_INVALID", "order_id", "together worth more than any register holds: allocate one by one"
    return None


def _shares_fault(desk: Desk, order: Order, shares: tuple[Share, ...]) -> Fault:
    if not 0 < len(shares) <= SHARES_MAX:
        return "SHARES_INVALID", "shares", f"there must be 1 to {SHARES_MAX}"
    named: set[str] = set()
    for place, share in enumerate(shares):
        field = f"shares[{place}].account"
        if share.account in named:
            return "SHARES_INVALID", field, f"{share.account} is named twice"
        named.add(share.account)
        if share.account == order.account:
            return "SHARES_INVALID", field, f"{order.account} has the fill already"
        if not 0 < share.parts <= INT64_MAX:
            return "SHARES_INVALID", f"shares[{place}]", "a part must be more than 0 and fit 63 bits"
        if (fault := _account_fault(desk, field, share.account)) is not None:
            return fault
    return None


def reverse_allocation(desk: Desk, command: cash.ReverseAllocation) -> None:
    if command.allocation_id not in desk.state.tables.accounting.allocations:
        text = f"allocation {command.allocation_id} does not stand"
        desk.refuse(command.actor, "UNKNOWN_ALLOCATION", "allocation_id", text)
        return
    desk.emit(
        cash.AllocationReversed(
            allocation_id=command.allocation_id, reason=command.reason, actor=command.actor, time_ns=desk.now_ns
        )
    )


def _account_fault(desk: Desk, field: str, account: str) -> Fault:
    tables = desk.state.tables
    if account in tables.accounts or account in tables.accounting.books:
        return None
    return (
        "UNKNOWN_ACCOUNT",
        field,
        f"{account[:80]!r} has neither limits nor books (SetAccountBooks)",
    )


def _unknown_instrument(name: str) -> No:
    return "UNKNOWN_INSTRUMENT", "instrument", f"{name[:80]!r} is not an instrument of this gateway"


def _currency_fault(field: str, currency: str) -> No:
    return "CURRENCY_INVALID", field, f"{currency[:80]!r}: 2 to 12 capital letters and digits, another one each"
