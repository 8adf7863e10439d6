"""What a fresh journal is told first: instruments, accounts, and limits that follow from the settings.

All of it goes through the engine as commands of ``system:settings`` and is journaled. What the journal knows is left
alone: after the first start people change limits, not files.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable, Iterator

import msgspec

from meltica.app.gateway import LiveGateway
from meltica.app.settings import LimitSettings, Settings
from meltica.domain.capabilities import Capabilities
from meltica.domain.commands import DescribeVenue, RegisterInstrument, SetLimits
from meltica.domain.instrument import Instrument
from meltica.domain.level_book import LevelBook
from meltica.domain.limits import (
    DAY_NS,
    MANUAL,
    OWN_PORT,
    AccountLimits,
    FirmLimits,
    InstrumentLimits,
    Limits,
    PortLimits,
    PositionLimits,
    SelfMatch,
    ShortSale,
    StrategyLimits,
    key_of,
)
from meltica.domain.market import BookUpdate, MarketEvent, MarketTrade
from meltica.domain.money import NANOS
from meltica.domain.statements import SetReconciliationPolicy

LOG = logging.getLogger("meltica.bootstrap")
ACTOR = "system:settings"
MILLISECOND_NS = 1_000_000


class Bootstrap:
    """Registers at once; sets an instrument's limits when its first price is known, and says nothing of it again."""

    def __init__(self, gateway: LiveGateway, settings: Settings) -> None:
        self._gateway = gateway
        self._settings = settings
        self._epoch = gateway.state.tables.sequence
        self._count = itertools.count(1)
        self._waiting: dict[str, Instrument] = {}
        self._books: dict[str, LevelBook] = {}

    def register(self, instruments: Iterable[Instrument]) -> dict[str, Instrument]:
        """Make them known; the result is each as the engine has it (its handle is the engine's choice)."""
        state = self._gateway.state
        for wanted in instruments:
            known = state.instrument(wanted.instrument)
            if known is None:
                taken = {other.handle for other in state.instruments()}
                handle = next(n for n in itertools.count() if n not in taken)
                fresh = msgspec.structs.replace(wanted, handle=handle)
                request = RegisterInstrument(request_id=self._request_id(), actor=ACTOR, instrument=fresh)
                self._gateway.take(request)
            elif msgspec.structs.replace(wanted, handle=known.handle) != known:
                LOG.warning(
                    "%s is journaled with other facts than the market source gives; they stay", known.instrument
                )
            self._waiting[wanted.instrument] = state.tables.instruments[wanted.instrument]
        for limits in common_limits(self._settings):
            self._set(limits)
        return {name: state.tables.instruments[name] for name in self._waiting}

    def describe(self, venue: Capabilities) -> None:
        """What a venue can do by itself. It follows from program and settings, so each start may change it."""
        if self._gateway.state.tables.venues.get(venue.venue) != venue:
            self._gateway.take(DescribeVenue(request_id=self._request_id(), actor=ACTOR, capabilities=venue))

    def set_policy(self) -> None:
        """What one person may decide about the books alone; each start may change it."""
        alone = int(self._settings.adjust_alone_up_to * NANOS)
        if self._gateway.state.tables.reconciliation.alone_nanos != alone:
            self._gateway.take(SetReconciliationPolicy(request_id=self._request_id(), actor=ACTOR, alone_nanos=alone))

    def look(self, event: MarketEvent) -> None:
        """A market event: when it gives an instrument its first price, the limits that follow from it are set.

        The first price is the mid of its first two-sided book, or its first trade.
        """
        if event.instrument not in self._waiting:
            return
        match event:
            case BookUpdate():
                book = self._books.setdefault(event.instrument, LevelBook())
                book.apply(event)
                bid, ask = book.bids.best, book.asks.best
                if bid is not None and ask is not None and bid < ask:
                    self._priced(event.instrument, (bid + ask) // 2)
            case MarketTrade():
                self._priced(event.instrument, event.price_ticks)

    def _priced(self, instrument: str, price_ticks: int) -> None:
        fresh = self._waiting.pop(instrument)
        self._books.pop(instrument, None)
        for limits in instrument_limits(fresh, self._settings.accounts, self._settings.limits, price_ticks):
            self._set(limits)

    @property
    def done(self) -> bool:
        return not self._waiting

    def _set(self, limits: Limits) -> None:
        if key_of(limits) not in self._gateway.state.tables.limits:
            self._gateway.take(SetLimits(request_id=self._request_id(), actor=ACTOR, limits=limits, revision=0))

    def _request_id(self) -> str:
        return f"settings-{self._epoch}-{next(self._count)}"


def common_limits(settings: Settings) -> Iterator[Limits]:
    """What is no instrument's: the firm, the session, accounts, and strategies (``manual``: orders of none)."""
    wanted = settings.limits
    yield FirmLimits(
        max_open_value_nanos=int(wanted.firm_max_open_value * NANOS),
        max_open_orders=wanted.firm_max_open_orders,
        messages_per_second=wanted.firm_messages_per_second,
        message_burst=wanted.firm_message_burst,
    )
    yield PortLimits(
        port=OWN_PORT,
        enabled=True,
        messages_per_second=wanted.firm_messages_per_second,
        message_burst=wanted.firm_message_burst,
    )
    for account in settings.accounts:
        yield account_limits(account, wanted)
    for strategy in dict.fromkeys((MANUAL, *(each.name for each in settings.strategies))):
        yield StrategyLimits(
            strategy=strategy,
            enabled=True,
            max_open_value_nanos=int(wanted.max_open_value * NANOS),
            max_executions=wanted.strategy_max_executions,
            messages_per_second=wanted.messages_per_second,
            message_burst=wanted.message_burst,
        )


def account_limits(account: str, limits: LimitSettings) -> AccountLimits:
    return AccountLimits(
        account=account,
        enabled=True,
        max_open_value_nanos=int(limits.max_open_value * NANOS),
        max_open_orders=limits.max_open_orders,
        messages_per_second=limits.messages_per_second,
        message_burst=limits.message_burst,
        duplicate_window_ns=limits.duplicate_window_ms * MILLISECOND_NS,
        market_orders_allowed=limits.market_orders_allowed,
        self_match=SelfMatch[limits.self_match.upper()],
        max_consecutive_rejects=limits.max_consecutive_rejects,
        max_daily_loss_nanos=int(limits.max_daily_loss * NANOS),
        max_drawdown_nanos=int(limits.max_drawdown * NANOS),
        rearm_after_ns=limits.rearm_after_s * NANOS,
    )


def instrument_limits(
    instrument: Instrument, accounts: Iterable[str], limits: LimitSettings, price_ticks: int
) -> list[Limits]:
    """Lots follow from the values at this price, rounded down; a lot that is worth more than the value blocks."""
    lot_value = instrument.value_nanos(price_ticks, 1)
    order_lots = int(limits.max_order_value * NANOS) // lot_value
    position_lots = int(limits.max_position_value * NANOS) // lot_value
    rows: list[Limits] = [
        InstrumentLimits(
            instrument=instrument.instrument,
            enabled=True,
            max_quantity_lots=min(order_lots, instrument.max_quantity_lots),
            max_value_nanos=int(limits.max_order_value * NANOS),
            collar_bps=limits.collar_bps,
            reference_max_age_ns=limits.reference_max_age_ms * MILLISECOND_NS,
            short_sale=ShortSale[limits.short_sale.upper()],
            session_close_ns=DAY_NS,
            max_day_lots=int(limits.max_day_value * NANOS) // lot_value,
            messages_per_second=limits.firm_messages_per_second,
            message_burst=limits.firm_message_burst,
            max_impact_percent=limits.max_impact_percent,
        )
    ]
    rows += [
        PositionLimits(
            account=account,
            instrument=instrument.instrument,
            max_long_lots=position_lots,
            max_short_lots=position_lots,
        )
        for account in accounts
    ]
    return rows
