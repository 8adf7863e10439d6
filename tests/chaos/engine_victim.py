"""A gateway on the paper venue that lives through a busy day, in a process of its own, so that its disk can be watched.

``python -m tests.chaos.engine_victim FOLDER ORDERS SEED [careless]``. The journal is FOLDER/journal; each seq goes into
FOLDER/acks, one a line, as soon as the gateway may act on it: a promise. ``careless`` promises before the flush:
it is there to show that the judges notice.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from bench.paper_trading import BTC, LIMITS, MARK_TICKS, deep_book, openings
from meltica import hot
from meltica.app.clock import SteadyClock
from meltica.app.gateway import LiveGateway
from meltica.app.kill_latch import KillLatch
from meltica.app.measured_gate import MeasuredGate
from meltica.app.recovery import recover
from meltica.app.settings import GATE_ACCOUNTS, GATE_INSTRUMENTS
from meltica.domain.commands import (
    AmendOrder,
    ApproveProposal,
    BeginDay,
    CancelAllOrders,
    CancelOrder,
    Command,
    EngageKillSwitch,
    ProposeKillSwitchRelease,
    SetLimits,
    SubmitOrder,
)
from meltica.domain.limits import PositionLimits, key_of
from meltica.domain.order import OrderType, Side, TimeInForce
from meltica.engine.snapshot import saving
from meltica.journal.reader import SqliteReader
from meltica.journal.store import SqliteStore
from meltica.journal.writer import GroupCommitWriter
from meltica.venues.paper.session import PaperSession

IN_FLIGHT: Final = 6
SNAPSHOT_EVERY: Final = 120
ADA, BOB = (f"spiffe://meltica.example/person/{name}" for name in ("ada", "bob"))


class Writer(GroupCommitWriter):
    """Tells each seq before it is safe."""

    acks = -1

    def append(self, payload: bytes, time_ns: int) -> int:
        seq = super().append(payload, time_ns)
        os.write(self.acks, b"%d\n" % seq)
        return seq


def fresh_gate() -> hot.RiskGate:
    return hot.Gate(max_instruments=GATE_INSTRUMENTS, max_accounts=GATE_ACCOUNTS)


class Day:
    """Commands, at random but for the seed; what the engine refuses is part of the day."""

    def __init__(self, gateway: LiveGateway, seed: int) -> None:
        self._gateway, self._dice = gateway, random.Random(seed)
        self._first = gateway.state.tables.sequence

    def command(self, number: int) -> Command:
        who: dict[str, Any] = {"request_id": f"day-{self._first}-{number}", "actor": ADA}
        working, chance = self._gateway.state.working_orders(), self._dice.random()
        if chance < 0.008:
            return EngageKillSwitch(**who, reason="drill", account=self._dice.choice(["", "main"]))
        if chance < 0.06:
            return self._release(who)
        if chance < 0.08:
            return CancelAllOrders(**who)
        if chance < 0.10:
            return self._limits(who)
        if chance < 0.11:
            return BeginDay(**who)
        if working and chance < 0.5:
            order_id = self._dice.choice(working).order_id
            if chance < 0.3:
                return AmendOrder(**who, order_id=order_id, quantity_lots=self._dice.randrange(1, 400))
            return CancelOrder(**who, order_id=order_id)
        return self._submission(who)

    def _submission(self, who: dict[str, Any]) -> SubmitOrder:
        side = self._dice.choice([Side.BUY, Side.SELL])
        away = self._dice.choice([None, -2, 5, 50, 500])
        price = None if away is None else MARK_TICKS - side.sign * away
        return SubmitOrder(
            **who,
            account="main",
            strategy="bench",
            instrument=BTC.instrument,
            side=side,
            order_type=OrderType.MARKET if price is None else OrderType.LIMIT,
            time_in_force=TimeInForce.DAY,
            quantity_lots=self._dice.randrange(1, 300),
            price_ticks=price,
        )

    def _limits(self, who: dict[str, Any]) -> SetLimits:
        row = next(one for one in LIMITS if isinstance(one, PositionLimits))
        row = msgspec.structs.replace(row, max_long_lots=self._dice.randrange(10**4, 10**8))
        return SetLimits(**who, limits=row, revision=self._gateway.state.tables.limits[key_of(row)][1])

    def _release(self, who: dict[str, Any]) -> Command:
        tables = self._gateway.state.tables
        if tables.proposals:
            return ApproveProposal(**who | {"actor": BOB}, proposal_id=next(iter(tables.proposals)))
        engaged = [name for name, switch in tables.kill_switches.items() if switch.engaged]
        return ProposeKillSwitchRelease(**who, reason="drill over", account=engaged[0] if engaged else "")


async def live(folder: Path, orders: int, seed: int, *, careless: bool) -> None:
    acks = os.open(folder / "acks", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    Writer.acks = acks
    async with opened(folder, acks, careless=careless) as gateway:
        day, left = Day(gateway, seed), iter(range(orders))

        async def one_at_a_time() -> None:
            for number in left:
                await gateway.execute(day.command(number))

        await asyncio.gather(*[one_at_a_time() for _ in range(IN_FLIGHT)])
        await gateway.save_snapshot()


@contextlib.asynccontextmanager
async def opened(folder: Path, acks: int, *, careless: bool) -> AsyncIterator[LiveGateway]:
    """As the live process does it; checkpoints and parts are small, so that a short day has many of both."""
    saving.ORDERS_A_PART, saving.PAIRS_A_PART = 60, 80  # type: ignore[misc]
    path = folder / "journal"
    store = SqliteStore(path, checkpoint_commits=25, checkpoint_bytes=64 << 10)
    with SqliteReader(path) as source:
        engine = recover(source, fresh_gate())
        gate = MeasuredGate(engine.gate, "cython")
        engine.use_gate(cast("hot.RiskGate", gate))

        def fail(error: BaseException) -> None:
            raise error

        def on_durable(sequence: int) -> None:
            if not careless:
                os.write(acks, b"%d\n" % sequence)
            gateway.on_durable(sequence)

        make = Writer if careless else GroupCommitWriter
        async with make(store, fail, on_durable) as writer:
            gateway = LiveGateway(
                engine,
                gate=gate,
                writer=writer,
                source=source,
                latch=KillLatch(folder / "kill"),
                clock=SteadyClock(not_before_ns=engine.state.tables.time_ns),
                fail=fail,
                snapshot_every=SNAPSHOT_EVERY,
            )
            if engine.state.tables.sequence == 0:
                for command in openings(_names()):
                    gateway.take(command)
            venue = PaperSession(BTC.venue, [BTC], epoch=engine.state.tables.sequence)
            gateway.add_venue(venue)
            gateway.reported(venue.restore(gateway.state.working_orders(), gateway.clock.now_ns()))
            gateway.open()
            gateway.on_market(deep_book(gateway.clock.now_ns()))
            yield gateway


def _names() -> Iterator[str]:
    return (f"opening-{number}" for number in range(1_000))


if __name__ == "__main__":
    asyncio.run(live(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), careless="careless" in sys.argv[4:]))
