"""MarketDataService: instruments and what the market shows. Not journaled, so nothing waits for the disk here."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Final

from meltica.control import resources
from meltica.control.batches import Batches
from meltica.control.calls import Caller
from meltica.control.errors import RefusedError
from meltica.control.pages import Page
from meltica.control.requests import Form
from meltica.domain.instrument import Instrument
from meltica.domain.market import MarkPrice, TopOfBook
from meltica.domain.ports import Gateway
from meltica.v1 import market_data_service_pb2 as api

DEFAULT_DEPTH: Final = 10
LARGEST_DEPTH: Final = 1000
LARGEST_SUBSCRIPTION: Final = 1000


class MarketDataService:
    def __init__(self, gateway: Gateway, batches: Batches) -> None:
        self._gateway = gateway
        self._batches = batches

    async def list_instruments(
        self, request: api.ListInstrumentsRequest, _caller: Caller
    ) -> api.ListInstrumentsResponse:
        form = Form()
        venue = form.identifier("venue", request.venue)
        page = Page(form, request.page_size, request.page_token, venue)
        form.finish()
        rows = sorted(self._gateway.state.instruments(), key=lambda row: row.instrument)
        rows = [row for row in rows if row.instrument > page.after and venue in ("", row.venue)]
        shown = [resources.instrument_facts(row) for row in rows[: page.size]]
        await self._gateway.settled()
        token = page.token(rows[page.size - 1].instrument) if len(rows) > page.size else ""
        return api.ListInstrumentsResponse(instruments=shown, next_page_token=token)

    async def get_instrument(self, request: api.GetInstrumentRequest, _caller: Caller) -> api.GetInstrumentResponse:
        instrument = self._known(request.instrument)
        await self._gateway.settled()
        return api.GetInstrumentResponse(instrument=resources.instrument_facts(instrument))

    async def get_order_book(self, request: api.GetOrderBookRequest, _caller: Caller) -> api.GetOrderBookResponse:
        form = Form()
        form.at_most("depth", request.depth, LARGEST_DEPTH)
        form.instrument("instrument", request.instrument, self._gateway.state)
        form.finish()
        instrument = self._known(request.instrument)
        book = self._gateway.book(request.instrument, request.depth or DEFAULT_DEPTH)
        if book is None:
            return api.GetOrderBookResponse(instrument=request.instrument, valid=False)
        return api.GetOrderBookResponse(
            instrument=request.instrument,
            time=resources.timestamp(book.time_ns),
            bids=[resources.price_level(level, instrument) for level in book.bids],
            asks=[resources.price_level(level, instrument) for level in book.asks],
            valid=book.valid,
            mark=_mark(book.mark, instrument),
        )

    async def stream_top_of_book(
        self, request: api.StreamTopOfBookRequest, _caller: Caller
    ) -> AsyncGenerator[api.StreamTopOfBookResponse, None]:
        form = Form()
        if len(request.instruments) > LARGEST_SUBSCRIPTION:
            form.wrong("instruments", f"at most {LARGEST_SUBSCRIPTION}; leave it empty for all")
        for place, instrument_id in enumerate(request.instruments[:LARGEST_SUBSCRIPTION]):
            form.instrument(f"instruments[{place}]", instrument_id, self._gateway.state)
        form.finish()
        yield api.StreamTopOfBookResponse()  # At once: the caller knows that it is connected.
        async for batch in self._batches.of(self._gateway.market(frozenset(request.instruments))):
            newest = {top.instrument: top for top in batch}
            tops = [self._top(top) for top in newest.values() if self._gateway.state.instrument(top.instrument)]
            if tops or not batch:
                yield api.StreamTopOfBookResponse(tops=tops)

    def _top(self, top: TopOfBook) -> api.TopOfBook:
        instrument = self._known(top.instrument)
        return api.TopOfBook(
            instrument=top.instrument,
            time=resources.timestamp(top.time_ns),
            bid=None if top.bid is None else resources.price_level(top.bid, instrument),
            ask=None if top.ask is None else resources.price_level(top.ask, instrument),
            mark=_mark(top.mark, instrument),
        )

    def _known(self, instrument_id: str) -> Instrument:
        form = Form()
        instrument = form.instrument("instrument", instrument_id, self._gateway.state)
        form.finish()
        if instrument is None:
            raise RefusedError("UNKNOWN_INSTRUMENT", f"{instrument_id} is not an instrument of this gateway")
        return instrument


def _mark(found: MarkPrice | None, instrument: Instrument) -> api.MarkPrice | None:
    if found is None:
        return None
    price, time = instrument.price_text(found.price_ticks), resources.timestamp(found.time_ns)
    return api.MarkPrice(price=price, between=found.between, time=time)
