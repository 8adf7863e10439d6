"""What the engine remembers of statements and differences."""

from __future__ import annotations

from typing import Final

import msgspec

from meltica.domain import statements as words
from meltica.domain.statements import ReconciliationEvent, ReconciliationTables, Standing, standing_key

WAITING_MOST: Final = 64
"""Statements of which parts are missing; beyond it the oldest are forgotten: a newer one says the same and more."""


def take_over(tables: ReconciliationTables, event: ReconciliationEvent) -> None:
    match event:
        case words.DifferenceNoted(difference=difference):
            tables.differences[difference.key] = difference
            tables.next_difference_id = max(tables.next_difference_id, difference.difference_id + 1)
        case words.DifferenceSettled():
            tables.differences.pop(event.key, None)
        case words.StatementKept():
            _kept(tables, event)
        case words.StatementCompared():
            _compared(tables, event)
        case words.StatementRequested():
            key = standing_key(event.venue, event.account)
            known = tables.standings.get(key) or Standing(venue=event.venue, account=event.account)
            guarded = known.guarded or event.guard
            tables.standings[key] = msgspec.structs.replace(known, guarded=guarded, requested_ns=event.time_ns)
        case _:
            _decided(tables, event)


def _decided(
    tables: ReconciliationTables, event: words.PositionAdjusted | words.BalanceAgreed | words.ReconciliationPolicySet
) -> None:
    match event:
        case words.PositionAdjusted():
            tables.adjustments.pop(event.execution_id, None)
            if event.lots:
                tables.adjustments[event.execution_id] = event
        case words.ReconciliationPolicySet():
            tables.alone_nanos = event.alone_nanos
        case words.BalanceAgreed():
            tables.offsets[f"{standing_key(event.venue, event.account)}|{event.currency}"] = event.offset_nanos


def _kept(tables: ReconciliationTables, event: words.StatementKept) -> None:
    part = event.statement
    key = f"{standing_key(part.venue, part.account)}|{part.statement_id}"
    tables.kept.setdefault(key, {})[part.part] = event
    while len(tables.kept) > WAITING_MOST:
        del tables.kept[min(tables.kept, key=lambda name: (_asked(tables, name), name))]


def _asked(tables: ReconciliationTables, name: str) -> int:
    return next(iter(tables.kept[name].values())).statement.asked_ns


def _compared(tables: ReconciliationTables, event: words.StatementCompared) -> None:
    key = standing_key(event.venue, event.account)
    known = tables.standings.get(key) or Standing(venue=event.venue, account=event.account)
    tables.standings[key] = msgspec.structs.replace(
        known,
        guarded=False,
        statement_id=event.statement_id,
        asked_ns=event.asked_ns,
        taken_ns=event.taken_ns,
        compared_ns=event.time_ns,
        statements=known.statements + 1,
        orders=event.orders,
        fills=event.fills,
        positions=event.positions,
        unlisted=event.unlisted,
    )
    for name in [n for n in tables.kept if n.startswith(f"{key}|") and _asked(tables, n) <= event.asked_ns]:
        del tables.kept[name]
