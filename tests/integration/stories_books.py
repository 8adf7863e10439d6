"""Sound requests of AccountingService."""

from __future__ import annotations

from typing import Any, Final

from google.protobuf.message import Message

from meltica.domain.commands import RegisterInstrument
from meltica.v1 import accounting_service_pb2 as api
from tests.engines import BTC, instrument
from tests.integration.request_story import Story
from tests.unit.control.serving import Running, order, request_id

PERPETUAL: Final = "BTC/USDT:USDT@BINANCE"


async def deposit(_running: Running) -> Message:
    return api.BookCashRequest(
        account="main", kind=api.CASH_KIND_DEPOSIT, currency="USDT", amount="1000", reason="seed", instrument=BTC
    )


async def conversion(_running: Running) -> Message:
    facts = {"kind": api.CASH_KIND_CONVERSION, "currency": "USDT", "amount": "1000"}
    return api.BookCashRequest(account="main", to_currency="EUR", to_amount="900", reason="hedge", **facts)


async def rate(_running: Running) -> Message:
    return api.SetConversionRateRequest(base_currency="EUR", quote_currency="USDT", rate="1.08")


def _books(account: str, **fields: Any) -> api.SetAccountBooksRequest:
    facts = {"base_currency": "USDT", "method": api.COST_METHOD_FIFO, "mode": api.POSITION_MODE_NETTING}
    return api.SetAccountBooksRequest(account=account, **{**facts, **fields})


async def books(_running: Running) -> Message:
    return _books("main")


async def fees(_running: Running) -> Message:
    return api.SetFeeScheduleRequest(
        venue="BINANCE",
        instrument_class=api.INSTRUMENT_CLASS_SPOT,
        window=api.VOLUME_WINDOW_THIRTY_DAYS,
        currency="USDT",
        tiers=[api.FeeTier(volume="0", maker_ppm=100, taker_ppm=200), api.FeeTier(volume="1000", maker_ppm=-10)],
    )


async def funding(running: Running) -> Message:
    running.gateway.step(RegisterInstrument(request_id="", actor="system:test", instrument=instrument(PERPETUAL, 2)))
    return api.SettleFundingRequest(instrument=PERPETUAL, rate="0.0001", mark_price="60000")


async def split(_running: Running) -> Message:
    return api.SplitInstrumentRequest(instrument=BTC, numerator=2, denominator=1, reason="two for one")


async def _filled(running: Running) -> None:
    olivia, tara = await running.be("olivia"), await running.be("tara")
    for name in ("fund-a", "fund-b"):
        request = _books(name)
        request.request_id = request_id()
        await olivia.accounting.SetAccountBooks(request)
    await tara.orders.SubmitOrder(order(quantity="0.5", price="60500"))
    running.gateway.fill("m1", "x1", 20_000, 6_006_000)


async def allocate(running: Running) -> Message:
    await _filled(running)
    shares = [api.FillShare(account="fund-a", ratio=2), api.FillShare(account="fund-b", ratio=1)]
    return api.AllocateFillRequest(order_id="1", execution_id="x1", shares=shares)


async def allocate_exactly(running: Running) -> Message:
    await _filled(running)
    shares = [api.FillShare(account="fund-a", quantity="0.15"), api.FillShare(account="fund-b", quantity="0.05")]
    return api.AllocateFillRequest(order_id="1", execution_id="x1", by_quantity=True, shares=shares)


async def reverse(running: Running) -> Message:
    request = await allocate(running)
    assert isinstance(request, api.AllocateFillRequest)
    request.request_id = request_id()
    tara = await running.be("tara")
    made = await tara.accounting.AllocateFill(request)
    return api.ReverseAllocationRequest(allocation_id=made.allocation_id, reason="a mistake")


SHARES: Final = {
    "order_id": "UNKNOWN_ORDER",
    "execution_id": "UNKNOWN_EXECUTION",
    "shares[1].account": "UNKNOWN_ACCOUNT",
}
BOOKS: Final = (
    Story(
        method="AccountingService/BookCash",
        person="olivia",
        make=deposit,
        unknown={"account": "UNKNOWN_ACCOUNT", "instrument": "UNKNOWN_INSTRUMENT", "venue": "UNKNOWN_VENUE"},
        ignored={"strategy": "a label in the books, which may have closed strategies too"},
        also=(
            ("amount", "-5", "AMOUNT_OUT_OF_RANGE"),
            ("to_currency", "EUR", "NOT_A_CONVERSION"),
            ("to_amount", "5", "NOT_A_CONVERSION"),
        ),
    ),
    Story(
        method="AccountingService/BookCash",
        person="olivia",
        make=conversion,
        unknown={"account": "UNKNOWN_ACCOUNT", "instrument": "UNKNOWN_INSTRUMENT", "venue": "UNKNOWN_VENUE"},
        ignored={"strategy": "a label in the books, which may have closed strategies too"},
        also=(("to_currency", "USDT", "CURRENCY_INVALID"), ("to_amount", "-5", "AMOUNT_OUT_OF_RANGE")),
    ),
    Story(
        method="AccountingService/SetConversionRate",
        person="olivia",
        make=rate,
        also=(("quote_currency", "EUR", "CURRENCY_INVALID"),),
    ),
    Story(
        method="AccountingService/SetAccountBooks",
        person="olivia",
        make=books,
        ignored={"account": "books of a new one make it"},
    ),
    Story(
        method="AccountingService/SetFeeSchedule",
        person="olivia",
        make=fees,
        unknown={"account": "UNKNOWN_ACCOUNT", "instrument": "UNKNOWN_INSTRUMENT"},
        ignored={"venue": "a schedule may come before the venue"},
        most={"tiers": 32},
        twice={"tiers": ("tiers[2].volume", "TIERS_INVALID")},
        also=(("tiers[0].volume", "1", "TIERS_INVALID"), ("venue", "binance", "VENUE_INVALID")),
    ),
    Story(
        method="AccountingService/SettleFunding",
        person="olivia",
        make=funding,
        unknown={"instrument": "UNKNOWN_INSTRUMENT"},
        also=(("instrument", BTC, "NOT_A_PERPETUAL"),),
    ),
    Story(
        method="AccountingService/SplitInstrument",
        person="olivia",
        make=split,
        unknown={"instrument": "UNKNOWN_INSTRUMENT"},
        also=(("denominator > numerator", 2, "RATIO_OUT_OF_RANGE"),),
    ),
    Story(
        method="AccountingService/AllocateFill",
        person="tara",
        make=allocate,
        unknown=SHARES,
        most={"shares": 1000},
        twice={"shares": ("shares[2].account", "SHARES_INVALID")},
        also=(("shares[1].account", "main", "SHARES_INVALID"), ("shares[1].quantity", "1", "INVALID_REQUEST")),
    ),
    Story(
        method="AccountingService/AllocateFill",
        person="tara",
        make=allocate_exactly,
        unknown=SHARES,
        ignored={"shares[1].ratio": "stays empty beside quantities: see below"},
        most={"shares": 1000},
        twice={"shares": ("shares[2].account", "SHARES_INVALID")},
        also=(
            ("shares[1].ratio", 1, "INVALID_REQUEST"),
            ("shares[1].quantity > shares", "0.06", "SHARES_INVALID"),
        ),
    ),
    Story(
        method="AccountingService/ReverseAllocation",
        person="tara",
        make=reverse,
        unknown={"allocation_id": "UNKNOWN_ALLOCATION"},
    ),
)
