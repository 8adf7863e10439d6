"""All of it at once: the gateway, the hot process, a venue and a feed, each on its own; an operator on the gRPC API.

The hot process gets its limits, its lease and the name of its stock from the gateway; what it trades is in the
gateway's books; the gateway's kill switch stops it and takes its orders back.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from meltica.hot import Check
from meltica.hot.intent_writer import IntentWriter
from meltica.hot.layout_gen import DropKind, Side
from sim.venues.nasdaq_feed import NasdaqFeedSimulator
from tests.integration.gateway_person import Person, eventually
from tests.integration.gateway_running import Gateway
from tests.integration.hot_desk import LOCATE, PORT
from tests.integration.hot_running import Copies, Running, free_port, itch_day, itch_file, within

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

STOCK, HANDLE = "ABCD@XNAS", 0


class Whole:
    """A gateway and a hot process that find each other; ``with`` ends both."""

    def __init__(self, folder: Path) -> None:
        targets = [("127.0.0.1", free_port()), ("127.0.0.1", free_port())]
        lines = "".join(f'{name} = "{host}:{port}"\n' for name, (host, port) in zip("ab", targets, strict=True))
        state = folder / "gateway" / "state"
        self.running = Running(
            leased=(
                f'[link]\ncommands = "ipc://{state}/control/commands.sock"\nstate = "ipc://{state}/control/state.sock"\n'
                f'keys = "{state}/control/keys"\n'
            ),
            feed=f'[feed]\nsource = "udp"\nmax_orders = 1000\nstale_after_ms = 5000\n{lines}',
        )
        self.running.settle(f"port_id = {PORT}", "port_id = 0")
        itch_file(itch_day(), folder / "day.itch")
        self.gateway = Gateway(
            folder / "gateway",
            f'[market]\ndata = "{folder}/day.itch"\n[control]\nlease_ms = 1000\n'
            f'[[hot_gates]]\nname = "edge"\nkill = "{self.running.files.kill}"\n'
            f'[hot_gates.locates]\n"{STOCK}" = {LOCATE}\n',
        )
        self.simulator = NasdaqFeedSimulator(targets)

    def __enter__(self) -> Self:
        self.simulator.__enter__()
        self.gateway.start()
        self.running.start()
        self.running.release()
        self.simulator.publish(itch_day())
        return self

    def __exit__(self, *_: object) -> None:
        self.simulator.__exit__()
        self.running.close()
        self.gateway.reap()

    def desk(self) -> IntentWriter:
        return IntentWriter(self.running.folder, account_id=0, strategy_id=0, port_id=0)


@pytest.fixture
def whole(tmp_path: Path) -> Iterator[Whole]:
    with Whole(tmp_path) as whole:
        yield whole


async def test_limits_come_down_drop_copies_go_up_and_the_kill_switch_stops_it(whole: Whole) -> None:
    within(lambda: whole.running.status()["verdict"] == "orders leave", "armed by the gateway")
    async with Person(whole.gateway) as olivia:
        with whole.desk() as desk:
            within(lambda: (top := desk.top(LOCATE)) is not None and top.ask_price, "the top of the book")
            copies = Copies(desk)
            prices = ((999_000, Side.BUY), (1_000_000, Side.BUY), (1_000_000, Side.SELL), (1_000_800, Side.SELL))
            for price, side in prices:
                desk.send(desk.limit(instrument_id=HANDLE, side=side, quantity_lots=10, price_ticks=price))
            copies.wait(4, DropKind.ACCEPTED, DropKind.REFUSED)
            assert copies.of(DropKind.REFUSED) == []

            async def booked() -> list[Any]:
                found = await olivia.all_orders(working_only=True)
                return found if len(found) == 3 else []

            for order in await eventually(
                booked, "three orders of the gate work: one was taken back before it met another"
            ):
                assert order.instrument == STOCK
            await olivia.engage("the end of the day")
            copies.wait(4, DropKind.CANCELED)
            desk.send(desk.limit(instrument_id=HANDLE, side=Side.BUY, quantity_lots=10, price_ticks=999_000))
            (refused,) = copies.wait(1, DropKind.REFUSED)
            assert refused.reason == Check.KILL_SWITCH

            async def over() -> bool:
                return await olivia.all_orders(working_only=True) == []

            assert await eventually(over, "nothing of the gate works any more")
    entered = [order for order in whole.running.line.orders() if order.type == "O"]
    assert len(entered) == 4
