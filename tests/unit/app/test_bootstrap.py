"""What a fresh journal is told, and what a second start leaves alone."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from meltica.app.bootstrap import ACTOR, Bootstrap, account_limits, instrument_limits
from meltica.app.settings import LimitSettings, Settings, StrategySettings
from meltica.domain.commands import SetLimits
from meltica.domain.limits import InstrumentLimits, PositionLimits, key_of
from meltica.domain.market import BookUpdate, MarketTrade
from tests.engines import instrument
from tests.unit.app.live import Live

FIRST, SECOND_ONE, THIRD = (instrument(f"{name}/USDT@PAPER", 0) for name in ("AAA", "BBB", "CCC"))


@pytest.fixture
async def live(tmp_path: Path) -> Live:
    return Live(tmp_path)


def limits_of(live: Live) -> dict[str, object]:
    return {key_of(limits): limits for limits, _ in live.gateway.state.limits()}


def test_lots_follow_from_values_at_the_price_and_are_rounded_down() -> None:
    traded = instrument(tick_size=Decimal("0.01"), lot_size=Decimal("0.00001"), max_quantity_lots=10**9)
    wanted = LimitSettings(max_order_value=Decimal(1_000), max_position_value=Decimal("2999.99"))
    of_order, of_position = instrument_limits(traded, ["main"], wanted, 6_000_000)  # One lot: 0.6 USDT
    assert isinstance(of_order, InstrumentLimits)
    assert (of_order.max_quantity_lots, of_order.max_value_nanos) == (1_666, 1_000 * 10**9)
    assert isinstance(of_position, PositionLimits)
    assert (of_position.max_long_lots, of_position.max_short_lots) == (4_999, 4_999)


def test_a_lot_that_is_worth_more_than_the_value_blocks() -> None:
    traded = instrument(tick_size=Decimal(1), lot_size=Decimal(1))
    of_order, of_position = instrument_limits(traded, ["main"], LimitSettings(max_order_value=Decimal(10)), 600_000)
    assert isinstance(of_order, InstrumentLimits)
    assert of_order.max_quantity_lots == 0
    assert isinstance(of_position, PositionLimits)
    assert of_position.max_long_lots == 0


def test_the_instruments_own_maximum_counts() -> None:
    traded = instrument(max_quantity_lots=7)
    (of_order, _) = instrument_limits(traded, ["main"], LimitSettings(), 6_000_000)
    assert isinstance(of_order, InstrumentLimits)
    assert of_order.max_quantity_lots == 7


MOMENTUM = StrategySettings(name="momentum", kind="momentum")


async def test_limits_come_with_the_first_price_and_only_then(live: Live) -> None:
    bootstrap = Bootstrap(live.gateway, Settings(accounts=("main", "second"), strategies=(MOMENTUM,)))
    bootstrap.register([FIRST, SECOND_ONE])
    common = ["accounts/main", "accounts/second", "firm", "ports/paper", "strategies/manual", "strategies/momentum"]
    assert sorted(limits_of(live)) == common
    name = FIRST.instrument
    bootstrap.look(BookUpdate(name, 1, ((100, 1),), (), snapshot=True))
    assert sorted(limits_of(live)) == common, "one side is no price"
    bootstrap.look(BookUpdate(name, 2, (), ((102, 1),)))
    found = limits_of(live)
    positions = [f"accounts/{account}/positions/{name}" for account in ("main", "second")]
    assert sorted(found) == sorted([*common, *positions, f"instruments/{name}"])
    assert not bootstrap.done
    bootstrap.look(MarketTrade(SECOND_ONE.instrument, 3, 50, 1))
    assert bootstrap.done
    entries = len(live.journal.entries)
    bootstrap.look(MarketTrade(SECOND_ONE.instrument, 4, 5_000, 1))
    assert len(live.journal.entries) == entries, "a later price changes nothing"
    bodies = [record.input.body for record in live.journal.records()]
    assert {body.actor for body in bodies if isinstance(body, SetLimits)} == {ACTOR}


async def test_a_second_start_leaves_what_is_journaled_alone(live: Live) -> None:
    for settings in (Settings(), Settings(limits=LimitSettings(max_open_orders=1, max_order_value=Decimal(1)))):
        bootstrap = Bootstrap(live.gateway, settings)
        known = bootstrap.register([FIRST])
        bootstrap.look(MarketTrade(FIRST.instrument, 1, 100, 1))
        assert known[FIRST.instrument] == FIRST
        entries = len(live.journal.entries)
        assert limits_of(live)["accounts/main"] == account_limits("main", LimitSettings())
    assert len(live.journal.entries) == entries == 7


async def test_another_market_on_the_same_journal_gets_handles_of_its_own(live: Live) -> None:
    """A source counts its handles from 0; the engine's rows are taken by what was there before."""
    Bootstrap(live.gateway, Settings()).register([FIRST, msgspec.structs.replace(SECOND_ONE, handle=1)])
    known = Bootstrap(live.gateway, Settings()).register([THIRD, msgspec.structs.replace(SECOND_ONE, handle=1)])
    assert {name: found.handle for name, found in known.items()} == {THIRD.instrument: 2, SECOND_ONE.instrument: 1}
    swapped = Bootstrap(live.gateway, Settings()).register([msgspec.structs.replace(SECOND_ONE, handle=0), FIRST])
    assert {name: found.handle for name, found in swapped.items()} == {SECOND_ONE.instrument: 1, FIRST.instrument: 0}
    assert len({found.handle for found in live.gateway.state.instruments()}) == 3


async def test_other_facts_of_a_known_instrument_do_not_replace_its_own(
    live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    Bootstrap(live.gateway, Settings()).register([FIRST])
    other = msgspec.structs.replace(FIRST, tick_size=Decimal("0.5"))
    assert Bootstrap(live.gateway, Settings()).register([other]) == {FIRST.instrument: FIRST}
    assert "other facts" in caplog.text
