"""ExecutionService: how well orders were executed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from datetime import date
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from meltica.control import resources
from meltica.control.batches import Batches, start_of
from meltica.control.calls import Caller
from meltica.control.errors import unknown
from meltica.control.pages import Page
from meltica.control.requests import Form
from meltica.domain.execution import (
    Cost,
    ExecutionBooks,
    ExecutionFilter,
    ExecutionSummary,
    GroupBy,
    OrderExecution,
    Outcome,
    Shortfall,
    Stage,
    StageFigures,
)
from meltica.domain.execution_text import (
    against_market,
    average_price_text,
    basis_points_text,
    half_price_text,
    money_text,
    ratio_text,
)
from meltica.domain.money import INT64_MAX
from meltica.domain.ports import Gateway
from meltica.v1 import execution_service_pb2 as api

GROUPS: Final[dict[int, GroupBy]] = {api.ExecutionGroup.Value(f"EXECUTION_GROUP_{by.name}"): by for by in GroupBy}
OUTCOMES: Final = {each: api.ExecutionOutcome.Value(f"EXECUTION_OUTCOME_{each.name}") for each in Outcome}
STAGES: Final = {each: api.ExecutionStage.Value(f"EXECUTION_STAGE_{each.name}") for each in Stage}
PIECE: Final = 32
"""Orders looked at before others get their turn: about a millisecond."""
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


class ExecutionService:
    def __init__(self, gateway: Gateway, books: ExecutionBooks, batches: Batches) -> None:
        self._gateway = gateway
        self._books = books
        self._batches = batches

    async def get_order_execution(
        self, request: api.GetOrderExecutionRequest, _caller: Caller
    ) -> api.GetOrderExecutionResponse:
        form = Form()
        order_id = form.number("order_id", request.order_id)
        form.finish()
        await self._gateway.settled()  # What the caller was told of before is in the figures.
        found = self._books.order(order_id)
        if found is None:
            raise unknown("UNKNOWN_ORDER", "order_id", f"there is no order {order_id}")
        return api.GetOrderExecutionResponse(execution=order_shown(found), sequence=self._books.sequence)

    async def list_execution_summaries(
        self, request: api.ListExecutionSummariesRequest, _caller: Caller
    ) -> api.ListExecutionSummariesResponse:
        form = Form()
        by = form.choice("group_by", request.group_by, GROUPS, api.ExecutionGroup)
        chosen = ExecutionFilter(
            account=form.identifier("account", request.account),
            strategy=form.identifier("strategy", request.strategy),
            venue=form.identifier("venue", request.venue),
            instrument=form.instrument_id("instrument", request.instrument),
            first_day=_day(form, "first_day", request.first_day),
            last_day=_day(form, "last_day", request.last_day),
        )
        if chosen.first_day and chosen.last_day and chosen.first_day > chosen.last_day:
            form.wrong("last_day", f"is before first_day {chosen.first_day}")
        page = Page(form, request.page_size, request.page_token, by, chosen)
        after = _order_after(form, page) if by is GroupBy.ORDER else 0
        form.finish()
        await self._gateway.settled()
        found, keys = self._orders(chosen, after, page) if by is GroupBy.ORDER else self._groups(by, chosen, page)
        return api.ListExecutionSummariesResponse(
            summaries=[summary_shown(each) for each in found[: page.size]],
            next_page_token=page.token(keys[page.size - 1]) if len(found) > page.size else "",
            sequence=self._books.sequence,
        )

    async def get_order_group_execution(
        self, request: api.GetOrderGroupExecutionRequest, _caller: Caller
    ) -> api.GetOrderGroupExecutionResponse:
        form = Form()
        group_id = form.number("group_id", request.group_id)
        form.finish()
        await self._gateway.settled()
        if (found := self._books.group(group_id)) is None:
            raise unknown("UNKNOWN_GROUP", "group_id", f"there is no group {group_id}")
        rows, orders = found
        return api.GetOrderGroupExecutionResponse(
            summaries=[summary_shown(row) for row in rows],
            executions=[order_shown(order) for order in orders],
            sequence=self._books.sequence,
        )

    async def stream_order_executions(
        self, request: api.StreamOrderExecutionsRequest, _caller: Caller
    ) -> AsyncGenerator[api.StreamOrderExecutionsResponse, None]:
        form = Form()
        chosen = ExecutionFilter(
            account=form.identifier("account", request.account),
            strategy=form.identifier("strategy", request.strategy),
            venue=form.identifier("venue", request.venue),
            instrument=form.instrument_id("instrument", request.instrument),
        )
        form.finish()
        after = await start_of(self._gateway, request.after_sequence if request.HasField("after_sequence") else None)
        row = self._books.ended_after(after)
        yield api.StreamOrderExecutionsResponse(sequence=after)  # At once: the caller knows that it is connected.
        async for batch in self._batches.of(self._ended(row, chosen)):
            after = max(after, *(reached for reached, _ in batch)) if batch else after
            executions = [each for _, found in batch for each in found]
            yield api.StreamOrderExecutionsResponse(executions=executions, sequence=after)

    async def _ended(self, row: int, chosen: ExecutionFilter) -> AsyncIterator[tuple[int, list[api.OrderExecution]]]:
        """(where to resume, orders that ended), a piece at a time."""
        async for _ in self._books.changes():
            seen = -1
            while seen != row:
                seen = row
                found, row, resume = self._books.ended(row, chosen, PIECE)
                if found:
                    yield resume, [order_shown(each) for each in found]
                await asyncio.sleep(0)

    def _orders(
        self, chosen: ExecutionFilter, after: int, page: Page
    ) -> tuple[Sequence[ExecutionSummary], Sequence[object]]:
        orders = self._books.orders(chosen, after, page.size + 1)
        return [each.summary for each in orders], [each.order_id for each in orders]

    def _groups(
        self, by: GroupBy, chosen: ExecutionFilter, page: Page
    ) -> tuple[Sequence[ExecutionSummary], Sequence[object]]:
        rows = {f"{row.key} {row.currency}": row for row in self._books.summaries(by, chosen)}
        keys = [key for key in sorted(rows) if key > page.after]
        return [rows[key] for key in keys], keys


def _day(form: Form, field: str, text: str) -> str:
    """A date, or nothing."""
    try:
        if text and not (_DAY.fullmatch(text) and date.fromisoformat(text)):
            form.wrong(field, "must be a date such as 2026-11-23")
    except ValueError:
        form.wrong(field, f"there is no day {text}")
    return text


def _order_after(form: Form, page: Page) -> int:
    if page.after and not (page.after.isascii() and page.after.isdigit() and int(page.after) <= INT64_MAX):
        form.wrong("page_token", "is not one that this server gave; start without")
        return 0
    return int(page.after or 0)


def order_shown(found: OrderExecution) -> api.OrderExecution:
    instrument = found.instrument
    shown = api.OrderExecution(
        order_id=str(found.order_id),
        group_id=str(found.group_id) if found.group_id else "",
        parent_order_id=str(found.parent_id) if found.parent_id else "",
        child_order_ids=[str(child) for child in found.children],
        account=found.account,
        strategy=found.strategy,
        instrument=instrument.instrument,
        side=resources.SIDES[found.side],
        outcome=OUTCOMES[found.outcome],
        day=found.day,
        currency=instrument.quote_currency,
        quantity=instrument.quantity_text(found.quantity_lots),
        filled_quantity=instrument.quantity_text(found.filled_lots),
        average_price=average_price_text(found.traded_value, found.filled_lots, instrument),
        market_average_price=average_price_text(found.market_value, found.market_lots, instrument),
        against_market_basis_points=basis_points_text(against_market(found)),
        decision_price=half_price_text(found.decision_half_ticks, instrument),
        arrival_price=half_price_text(found.arrival_half_ticks, instrument),
        end_price=half_price_text(found.end_half_ticks, instrument),
        figures=figures_shown(found.summary, found.shortfall),
    )
    for field, time_ns in _times(found).items():
        if time_ns:
            stamp: Timestamp = getattr(shown, field)
            stamp.CopyFrom(resources.timestamp(time_ns))
    return shown


def _times(found: OrderExecution) -> dict[str, int]:
    return {
        "decide_time": found.decided_ns,
        "receive_time": found.received_ns,
        "release_time": found.released_ns,
        "step_time": found.stepped_ns,
        "durable_time": found.durable_ns,
        "send_time": found.sent_ns,
        "acknowledge_time": found.acknowledged_ns,
        "venue_acknowledge_time": found.venue_acknowledged_ns,
        "first_fill_time": found.first_fill_ns,
        "venue_first_fill_time": found.venue_first_fill_ns,
        "last_fill_time": found.last_fill_ns,
        "end_time": found.ended_ns,
    }


def summary_shown(row: ExecutionSummary) -> api.ExecutionSummary:
    return api.ExecutionSummary(group=row.key, currency=row.currency, figures=figures_shown(row, row.shortfall))


def figures_shown(row: ExecutionSummary, shortfall: Shortfall | None) -> api.ExecutionFigures:
    return api.ExecutionFigures(
        orders=row.orders,
        denied=row.denied,
        sent=row.sent,
        rejected=row.rejected,
        filled=row.filled,
        canceled=row.canceled,
        expired=row.expired,
        working=row.working,
        unknown_arrival=row.unknown,
        executions=row.executions,
        traded_value=money_text(row.traded),
        fees=money_text(row.fees),
        fill_ratio=ratio_text(row.done, row.ordered),
        maker_share=ratio_text(row.maker, row.told),
        reject_rate=ratio_text(row.rejected, row.sent),
        cancel_ratio=ratio_text(row.canceled, row.orders),
        against_arrival=_slippage(row.arrival),
        against_mid=_slippage(row.mid),
        against_touch=_slippage(row.touch),
        shortfall=None if shortfall is None else _shortfall(shortfall),
        stages=[_stage(stage) for stage in row.stages],
    )


def _shortfall(found: Shortfall) -> api.Shortfall:
    return api.Shortfall(
        delay=_part(found, found.delay),
        impact=_part(found, found.impact),
        opportunity=_part(found, found.opportunity),
        fees=_part(found, found.fees),
        total=_part(found, found.total),
        paper_value=money_text(found.paper),
    )


def _part(found: Shortfall, part: int) -> api.Slippage:
    return api.Slippage(cost=money_text(part), basis_points=basis_points_text(found.of(part)))


def _slippage(cost: Cost) -> api.Slippage:
    """Nothing at all where there is nothing to compare with."""
    return api.Slippage(cost=money_text(cost.cost) if cost.base else "", basis_points=basis_points_text(cost))


def _stage(row: StageFigures) -> api.StageLatency:
    return api.StageLatency(
        stage=STAGES[row.stage],
        count=row.count,
        p50=_bounds(row.p50),
        p90=_bounds(row.p90),
        p99=_bounds(row.p99),
        longest=_bounds(row.longest),
    )


def _bounds(ends: tuple[int, int]) -> api.DurationBounds:
    return api.DurationBounds(at_least=resources.duration(ends[0]), at_most=resources.duration(ends[1]))
