"""What the engine remembers of the books: enough to say no."""

from __future__ import annotations

from meltica.domain import cash
from meltica.domain.accounting import rate_key
from meltica.domain.cash import AccountingTables


def take_over(tables: AccountingTables, event: cash.AccountingEvent) -> None:
    match event:
        case cash.AccountBooksSet():
            tables.books[event.books.account] = event.books
        case cash.ConversionRateSet():
            tables.rates[rate_key(event.rate.base, event.rate.quote)] = event.rate
        case cash.FeeScheduleSet():
            tables.schedules[event.schedule.key] = event.schedule
        case cash.FillAllocated():
            tables.next_allocation_id = event.allocation_id + 1
            tables.allocations[event.allocation_id] = event
            tables.allocated.update({part_key(event.order_id, name): event.allocation_id for name in event.executions})
        case cash.AllocationReversed():
            gone = tables.allocations.pop(event.allocation_id)
            for name in gone.executions:
                del tables.allocated[part_key(gone.order_id, name)]


def part_key(order_id: int, execution_id: str) -> str:
    return f"{order_id}|{execution_id}"
