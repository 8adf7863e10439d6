"""PortfolioService: positions and what was earned on them, valued at the gateway's marks."""

from __future__ import annotations

import msgspec

from meltica.control import resources
from meltica.control.calls import Caller
from meltica.control.pages import Page
from meltica.control.requests import Form
from meltica.domain.money import nanos_text
from meltica.domain.ports import Gateway
from meltica.v1 import portfolio_service_pb2 as api


class _Total(msgspec.Struct):
    """Nanos of one currency."""

    realised: int = 0
    unrealised: int = 0
    fees: int = 0
    long_value: int = 0
    short_value: int = 0
    traded_value: int = 0


class PortfolioService:
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def list_positions(self, request: api.ListPositionsRequest, _caller: Caller) -> api.ListPositionsResponse:
        form = Form()
        account = form.identifier("account", request.account)
        instrument_id = form.instrument_id("instrument", request.instrument)
        page = Page(form, request.page_size, request.page_token, account, instrument_id)
        form.finish()
        state = self._gateway.state
        rows = sorted(
            (f"{position.account} {position.instrument}", position)
            for position in state.positions()
            if account in ("", position.account) and instrument_id in ("", position.instrument)
        )
        rows = [row for row in rows if row[0] > page.after]
        shown = [
            resources.position(position, instrument, self._gateway.mark(position.instrument))
            for _, position in rows[: page.size]
            if (instrument := state.instrument(position.instrument)) is not None
        ]
        await self._gateway.settled()
        token = page.token(rows[page.size - 1][0]) if len(rows) > page.size else ""
        return api.ListPositionsResponse(positions=shown, next_page_token=token)

    async def get_portfolio(self, request: api.GetPortfolioRequest, _caller: Caller) -> api.GetPortfolioResponse:
        form = Form()
        account = form.identifier("account", request.account)
        form.finish()
        totals, without_mark = self._add_up(account)
        await self._gateway.settled()
        return api.GetPortfolioResponse(
            account=account,
            totals=[_shown(currency, total) for currency, total in sorted(totals.items())],
            instruments_without_mark=sorted(without_mark),
        )

    def _add_up(self, account: str) -> tuple[dict[str, _Total], set[str]]:
        """(totals by currency, instruments that could not be valued)."""
        totals: dict[str, _Total] = {}
        without_mark: set[str] = set()
        for position in self._gateway.state.positions():
            instrument = self._gateway.state.instrument(position.instrument)
            if instrument is None or account not in ("", position.account):
                continue
            total = totals.setdefault(instrument.quote_currency, _Total())
            total.realised += position.realised_nanos
            total.fees += position.fees_nanos
            total.traded_value += position.traded_value_nanos
            if position.lots == 0:
                continue
            if (mark := self._gateway.mark(position.instrument)) is None:
                without_mark.add(position.instrument)
                continue
            unit = instrument.value_per_tick_lot_nanos
            value = position.lots * mark.price_ticks * unit
            total.unrealised += position.unrealised_nanos(mark.price_ticks, unit)
            total.long_value += max(value, 0)
            total.short_value += max(-value, 0)
        return totals, without_mark


def _shown(currency: str, total: _Total) -> api.CurrencyTotal:
    return api.CurrencyTotal(
        currency=currency,
        realised=nanos_text(total.realised),
        unrealised=nanos_text(total.unrealised),
        fees=nanos_text(total.fees),
        net=nanos_text(total.realised + total.unrealised - total.fees),
        long_value=nanos_text(total.long_value),
        short_value=nanos_text(total.short_value),
        traded_value=nanos_text(total.traded_value),
    )
