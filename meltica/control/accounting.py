"""AccountingService: what the books say, and what is booked beside fills. Reads wait until the books are up to date."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from decimal import Decimal
from typing import Final

from meltica.control import accounting_views as views
from meltica.control.batches import Batches
from meltica.control.calls import Caller
from meltica.control.durable import DurableCommands
from meltica.control.errors import fault_of, unknown
from meltica.control.pages import Page
from meltica.control.requests import Form
from meltica.domain import cash
from meltica.domain.accounting import CURRENCY, PICOS, AccountBooks, FeeSchedule, FeeTier, Share
from meltica.domain.accounting_port import Accounting, AccountSummary
from meltica.domain.errors import FieldError
from meltica.domain.instrument import Instrument
from meltica.domain.money import INT64_MAX, parse_decimal, steps
from meltica.domain.ports import Gateway
from meltica.v1 import accounting_service_pb2 as api

RATE_DECIMALS: Final = 12
RATIO_MAX: Final = 1_000_000
PNL_EVERY_S: Final = 0.1
"""Between two looks at the books of one stream: nobody reads faster, and each look values every position."""
_LISTED_MAX: Final = 1_000
"""Shares or tiers in one request; the engine's own bounds are not higher."""


class AccountingService:
    def __init__(self, gateway: Gateway, accounting: Accounting, durable: DurableCommands, batches: Batches) -> None:
        self._gateway = gateway
        self._books = accounting
        self._durable = durable
        self._batches = batches

    # Reading

    async def get_account_summary(
        self, request: api.GetAccountSummaryRequest, _caller: Caller
    ) -> api.GetAccountSummaryResponse:
        form = Form()
        account = form.identifier("account", request.account, required=True)
        form.finish()
        await self._up_to_date()
        return api.GetAccountSummaryResponse(summary=views.summary(self._summary(account)))

    async def list_book_positions(
        self, request: api.ListBookPositionsRequest, _caller: Caller
    ) -> api.ListBookPositionsResponse:
        form = Form()
        account = form.identifier("account", request.account)
        strategy = form.identifier("strategy", request.strategy)
        method = form.choice("method", request.method, views.METHODS, api.CostMethod) if request.method else None
        filters = account, strategy, request.by_strategy, request.method
        page = Page(form, request.page_size, request.page_token, *filters)
        form.finish()
        await self._up_to_date()
        rows = [
            (f"{p.account} {p.strategy} {p.instrument} {p.position_id:020}", p)
            for p in self._books.positions(account, strategy, by_strategy=request.by_strategy)
            if method in (None, p.method)
        ]
        rows = (
            sorted(row for row in rows if row[0] > page.after) if page.after else sorted(rows, key=lambda row: row[0])
        )
        token = page.token(rows[page.size - 1][0]) if len(rows) > page.size else ""
        shown = [views.position(row, self._instrument(row.instrument)) for _, row in rows[: page.size]]
        return api.ListBookPositionsResponse(positions=shown, next_page_token=token)

    async def list_ledger_entries(
        self, request: api.ListLedgerEntriesRequest, _caller: Caller
    ) -> api.ListLedgerEntriesResponse:
        form = Form()
        account = form.identifier("account", request.account)
        page = Page(form, request.page_size, request.page_token, account, numbered=True)
        form.finish()
        await self._up_to_date()
        rows, oldest = self._books.entries(account, int(page.after or 0), page.size + 1)
        token = page.token(rows[page.size - 1].number) if len(rows) > page.size else ""
        shown = [views.entry(row) for row in rows[: page.size]]
        return api.ListLedgerEntriesResponse(entries=shown, next_page_token=token, oldest_number=oldest)

    async def get_statement(self, request: api.GetStatementRequest, _caller: Caller) -> api.GetStatementResponse:
        form = Form()
        account = form.identifier("account", request.account, required=True)
        day = _date(form, "day", request.day)
        form.finish()
        await self._up_to_date()
        self._summary(account)
        found = self._books.statements(account, day)
        if not found:
            raise unknown("UNKNOWN_DAY", "day", f"{account} has no trading day that began on {day}")
        return api.GetStatementResponse(statements=[views.statement(each) for each in found])

    async def get_equity_curve(self, request: api.GetEquityCurveRequest, _caller: Caller) -> api.GetEquityCurveResponse:
        form = Form()
        account = form.identifier("account", request.account, required=True)
        form.finish()
        await self._up_to_date()
        summary = self._summary(account)
        points = [views.point(point) for point in self._books.equity_curve(account)]
        return api.GetEquityCurveResponse(base_currency=summary.books.base_currency, points=points)

    async def list_fee_differences(
        self, request: api.ListFeeDifferencesRequest, _caller: Caller
    ) -> api.ListFeeDifferencesResponse:
        form = Form()
        account = form.identifier("account", request.account)
        page = Page(form, request.page_size, request.page_token, account, numbered=True)
        form.finish()
        await self._up_to_date()
        rows = self._books.differences(account, int(page.after or 0), page.size + 1)
        token = page.token(rows[page.size - 1].number) if len(rows) > page.size else ""
        shown = [views.difference(row) for row in rows[: page.size]]
        return api.ListFeeDifferencesResponse(differences=shown, next_page_token=token)

    async def stream_pnl(
        self, request: api.StreamPnlRequest, _caller: Caller
    ) -> AsyncGenerator[api.StreamPnlResponse, None]:
        form = Form()
        account = form.identifier("account", request.account)
        form.finish()
        await self._up_to_date()
        if account:
            self._summary(account)
        async for batch in self._batches.of(self._summaries(account)):
            newest = {one.account: one for summaries in batch for one in summaries}
            yield api.StreamPnlResponse(summaries=list(newest.values()), sequence=self._books.sequence)

    async def _summaries(self, account: str) -> AsyncIterator[list[api.AccountSummary]]:
        """Those that changed, when they did: first all of them."""
        shown: dict[str, tuple[object, ...]] = {}
        async for _ in self._books.changes():
            news: list[api.AccountSummary] = []
            for name in (account,) if account else self._books.accounts():
                found = self._books.summary(name)
                if found is None:
                    continue
                said = (found.books, found.balances, found.base_equity, found.without_mark)
                if shown.get(name) != said:
                    shown[name] = said
                    news.append(views.summary(found))
            if news:
                yield news
            await asyncio.sleep(PNL_EVERY_S)

    async def _up_to_date(self) -> None:
        await self._books.booked(await self._gateway.settled())

    def _summary(self, account: str) -> AccountSummary:
        if (found := self._books.summary(account)) is None:
            raise unknown("UNKNOWN_BOOKS", "account", f"nothing was ever booked for {account}")
        return found

    def _instrument(self, name: str) -> Instrument:
        instrument = self._gateway.state.instrument(name)
        if instrument is None:
            raise LookupError(name)  # Never: what is booked was registered.
        return instrument

    # Booking

    async def book_cash(self, request: api.BookCashRequest, caller: Caller) -> api.BookCashResponse:
        form = Form()
        kind = form.choice("kind", request.kind, views.KINDS, api.CashKind)
        converts = kind is cash.CashKind.CONVERSION
        command = cash.BookCash(
            request_id=form.request_id(request.request_id),
            actor=caller.actor,
            account=form.identifier("account", request.account, required=True),
            kind=kind,
            currency=_currency(form, "currency", request.currency),
            nanos=form.signed_money("amount", request.amount),
            reason=form.reason(request.reason),
            strategy=form.identifier("strategy", request.strategy),
            instrument=form.instrument_id("instrument", request.instrument),
            to_currency=_currency(form, "to_currency", request.to_currency) if converts or request.to_currency else "",
            to_nanos=form.signed_money("to_amount", request.to_amount) if converts or request.to_amount else 0,
            venue=form.identifier("venue", request.venue),
        )
        form.finish()
        return api.BookCashResponse(sequence=(await self._durable.run(command)).sequence)

    async def set_conversion_rate(
        self, request: api.SetConversionRateRequest, caller: Caller
    ) -> api.SetConversionRateResponse:
        form = Form()
        numerator, denominator = _fraction(form, "rate", request.rate)
        command = cash.SetConversionRate(
            request_id=form.request_id(request.request_id),
            actor=caller.actor,
            base=_currency(form, "base_currency", request.base_currency),
            quote=_currency(form, "quote_currency", request.quote_currency),
            numerator=numerator,
            denominator=denominator,
        )
        form.finish()
        return api.SetConversionRateResponse(sequence=(await self._durable.run(command)).sequence)

    async def set_account_books(
        self, request: api.SetAccountBooksRequest, caller: Caller
    ) -> api.SetAccountBooksResponse:
        form = Form()
        base = _currency(form, "base_currency", request.base_currency) if request.base_currency else ""
        books = AccountBooks(
            account=form.identifier("account", request.account, required=True),
            base_currency=base,
            method=form.choice("method", request.method, views.METHODS, api.CostMethod),
            mode=form.choice("mode", request.mode, views.MODES, api.PositionMode),
        )
        request_id = form.request_id(request.request_id)
        form.finish()
        command = cash.SetAccountBooks(request_id=request_id, actor=caller.actor, books=books)
        return api.SetAccountBooksResponse(sequence=(await self._durable.run(command)).sequence)

    async def set_fee_schedule(self, request: api.SetFeeScheduleRequest, caller: Caller) -> api.SetFeeScheduleResponse:
        form = Form()
        if not 0 < len(request.tiers) <= _LISTED_MAX:
            form.wrong("tiers", f"must be 1 to {_LISTED_MAX}")
        schedule = FeeSchedule(
            venue=form.identifier("venue", request.venue, required=True),
            instrument_class=form.choice(
                "instrument_class", request.instrument_class, views.CLASSES, api.InstrumentClass
            ),
            window=form.choice("window", request.window, views.WINDOWS, api.VolumeWindow),
            currency=_currency(form, "currency", request.currency),
            tiers=tuple(
                FeeTier(
                    volume_nanos=form.money(f"tiers[{at}].volume", tier.volume),
                    maker_ppm=tier.maker_ppm,
                    taker_ppm=tier.taker_ppm,
                )
                for at, tier in enumerate(request.tiers[:_LISTED_MAX])
            ),
            account=form.identifier("account", request.account),
            instrument=form.instrument_id("instrument", request.instrument),
        )
        request_id = form.request_id(request.request_id)
        form.finish()
        command = cash.SetFeeSchedule(request_id=request_id, actor=caller.actor, schedule=schedule)
        return api.SetFeeScheduleResponse(sequence=(await self._durable.run(command)).sequence)

    async def settle_funding(self, request: api.SettleFundingRequest, caller: Caller) -> api.SettleFundingResponse:
        form = Form()
        instrument = form.instrument("instrument", request.instrument, self._gateway.state)
        command = cash.SettleFunding(
            request_id=form.request_id(request.request_id),
            actor=caller.actor,
            instrument=request.instrument,
            rate_picos=_picos(form, "rate", request.rate),
            mark_ticks=form.price("mark_price", request.mark_price, instrument),
        )
        form.finish()
        return api.SettleFundingResponse(sequence=(await self._durable.run(command)).sequence)

    async def split_instrument(
        self, request: api.SplitInstrumentRequest, caller: Caller
    ) -> api.SplitInstrumentResponse:
        form = Form()
        form.instrument("instrument", request.instrument, self._gateway.state)
        for field in ("numerator", "denominator"):
            if not 0 < getattr(request, field) <= RATIO_MAX:
                form.wrong(field, f"must be 1 to {RATIO_MAX}")
        command = cash.SplitInstrument(
            request_id=form.request_id(request.request_id),
            actor=caller.actor,
            instrument=request.instrument,
            numerator=request.numerator,
            denominator=request.denominator,
            reason=form.reason(request.reason),
        )
        form.finish()
        return api.SplitInstrumentResponse(sequence=(await self._durable.run(command)).sequence)

    async def allocate_fill(self, request: api.AllocateFillRequest, caller: Caller) -> api.AllocateFillResponse:
        form = Form()
        order_id = form.number("order_id", request.order_id)
        order = self._gateway.state.order(order_id)
        instrument = None if order is None else self._gateway.state.instrument(order.instrument)
        command = cash.AllocateFill(
            request_id=form.request_id(request.request_id),
            actor=caller.actor,
            order_id=order_id,
            shares=_shares(form, request.shares, instrument, by_quantity=request.by_quantity),
            by_ratio=not request.by_quantity,
            execution_id=form.execution_id(request.execution_id),
        )
        form.finish()
        answer = await self._durable.run(command)
        made = next(event for event in answer.events if isinstance(event, cash.FillAllocated))
        return api.AllocateFillResponse(allocation_id=str(made.allocation_id), sequence=answer.sequence)

    async def reverse_allocation(
        self, request: api.ReverseAllocationRequest, caller: Caller
    ) -> api.ReverseAllocationResponse:
        form = Form()
        command = cash.ReverseAllocation(
            request_id=form.request_id(request.request_id),
            actor=caller.actor,
            allocation_id=form.number("allocation_id", request.allocation_id),
            reason=form.reason(request.reason),
        )
        form.finish()
        return api.ReverseAllocationResponse(sequence=(await self._durable.run(command)).sequence)


def _currency(form: Form, field: str, text: str) -> str:
    if not CURRENCY.fullmatch(text):
        form.wrong(field, fault_of(FieldError(field, text, "must be 2 to 12 capital letters and digits, such as USDT")))
    return text


def _date(form: Form, field: str, text: str) -> str:
    try:
        if text and dt.date.fromisoformat(text).isoformat() != text:
            raise ValueError(text)  # noqa: TRY301 - a date all the same, but in one of the other forms of ISO 8601
        return text  # noqa: TRY300
    except ValueError:
        form.wrong(field, fault_of(FieldError(field, text, "must be a date such as 2026-11-23")))
        return ""


def _fraction(form: Form, field: str, text: str) -> tuple[int, int]:
    """A decimal as numerator and denominator that have no common divisor."""
    try:
        numerator, denominator = parse_decimal(field, text).as_integer_ratio()
    except FieldError as error:
        form.wrong(field, fault_of(error))
        return 1, 1
    if numerator <= 0 or max(numerator, denominator) > INT64_MAX:
        form.wrong(field, fault_of(FieldError(field, text, "must be greater than 0 and have fewer digits")))
        return 1, 1
    return numerator, denominator


def _picos(form: Form, field: str, text: str) -> int:
    try:
        count = steps(field, text, Decimal(1).scaleb(-RATE_DECIMALS))
    except FieldError as error:
        form.wrong(field, fault_of(error))
        return 0
    if count == 0 or abs(count) > PICOS:
        form.wrong(field, fault_of(FieldError(field, text, "must not be 0, and at most 1")))
    return count


def _shares(
    form: Form, wanted: Sequence[api.FillShare], instrument: Instrument | None, *, by_quantity: bool
) -> tuple[Share, ...]:
    if not 0 < len(wanted) <= _LISTED_MAX:
        form.wrong("shares", f"must be 1 to {_LISTED_MAX}")
    found = []
    for at, share in enumerate(wanted[:_LISTED_MAX]):
        account = form.identifier(f"shares[{at}].account", share.account, required=True)
        if by_quantity:
            if share.ratio:
                form.wrong(f"shares[{at}].ratio", "is not allowed beside a quantity")
            parts = form.quantity(f"shares[{at}].quantity", share.quantity, instrument)
        else:
            if share.quantity:
                form.wrong(f"shares[{at}].quantity", "is only allowed with by_quantity")
            parts = share.ratio
            if not 0 < parts <= INT64_MAX:
                form.wrong(f"shares[{at}].ratio", "must be greater than 0")
        found.append(Share(account, parts))
    return tuple(found)
