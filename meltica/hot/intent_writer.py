"""The strategy's end of the hot process: intents in, drop copies and tops of book out, all through shared memory.

    with IntentWriter(Path("/dev/shm/meltica-1000-edge-1"), account_id=0, strategy_id=7) as desk:
        desk.send(desk.limit(instrument_id=3, side=Side.BUY, quantity_lots=100, price_ticks=10_050))
        for copy in desk.drop_copies():
            ...

An intent that is sent may still be refused: what became of it is in the drop copies. Only what does not even enter the
ring is told at once.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

from cython_ext.broadcast_ring import BroadcastReader
from cython_ext.intent import OrderIntent
from cython_ext.mpsc_ring import MpscRing
from cython_ext.top_of_book import TopOfBookReader
from meltica.hot.hot_files import HotFiles
from meltica.hot.layout_gen import Action, DropCopyRecord, OrderType, Side, TimeInForce, TopOfBookRecord

FIRST_ID_SHIFT: Final = 10
"""Order ids begin at the time in microseconds, so that those of a later life of the strategy are larger."""


class RingFullError(Exception):
    """The hot process does not take intents as fast as they come, or not at all: nothing was sent."""


class IntentWriter:
    """One strategy's lane. Order ids are made here and grow; two writers for one account draw from one clock."""

    def __init__(self, folder: Path, *, account_id: int, strategy_id: int = 0, port_id: int = 0) -> None:
        """:raises SegmentError: no hot process has run in this folder, or all lanes are taken."""
        files = HotFiles(folder)
        self.account_id, self.strategy_id, self.port_id = account_id, strategy_id, port_id
        self._ring = MpscRing.attach(files.intents, role="producer")
        self._drops = BroadcastReader.attach(files.drops, start="next")
        self._tops = TopOfBookReader.attach(files.tops) if files.tops.exists() else None
        self._next_id = time.time_ns() >> FIRST_ID_SHIFT

    def limit(
        self,
        *,
        instrument_id: int,
        side: Side,
        quantity_lots: int,
        price_ticks: int,
        tif: TimeInForce = TimeInForce.DAY,
        flags: int = 0,
    ) -> OrderIntent:
        """A new limit order with the next id."""
        self._next_id += 1
        return OrderIntent(
            action=Action.NEW,
            side=side,
            instrument_id=instrument_id,
            account_id=self.account_id,
            strategy_id=self.strategy_id,
            port_id=self.port_id,
            order_id=self._next_id,
            quantity_lots=quantity_lots,
            price_ticks=price_ticks,
            order_type=OrderType.LIMIT,
            tif=tif,
            flags=flags,
            time_ns=time.time_ns(),
        )

    def replace(self, order: OrderIntent, *, quantity_lots: int, price_ticks: int) -> OrderIntent:
        """``quantity_lots``: the leaves that are wanted."""
        return self._about(order, Action.REPLACE, quantity_lots, price_ticks)

    def cancel(self, order: OrderIntent) -> OrderIntent:
        return self._about(order, Action.CANCEL, 0, 0)

    def send(self, intent: OrderIntent) -> OrderIntent:
        """:raises RingFullError: the lane is full; nothing was sent."""
        if not self._ring.push(intent.to_bytes()):
            raise RingFullError("the intent ring is full: is the hot process running? See `meltica hot status`")
        return intent

    def drop_copies(self) -> Iterator[DropCopyRecord]:
        """What is new, of every strategy; ``lost`` counts what was overwritten before we read it."""
        while (record := self._drops.pop()) is not None:
            yield DropCopyRecord.from_bytes(record)

    @property
    def lost(self) -> int:
        return self._drops.lost

    def top(self, locate: int) -> TopOfBookRecord | None:
        """None: there is no feed in this process, or nothing was said of this locate code yet."""
        if self._tops is None:
            return None
        row = self._tops.read_bytes(locate)
        return TopOfBookRecord.from_bytes(row) if any(row) else None

    def close(self) -> None:
        self._ring.detach()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _about(self, order: OrderIntent, action: Action, quantity_lots: int, price_ticks: int) -> OrderIntent:
        return OrderIntent(
            action=action,
            side=order.side,
            instrument_id=order.instrument_id,
            account_id=order.account_id,
            strategy_id=order.strategy_id,
            port_id=order.port_id,
            order_id=order.order_id,
            quantity_lots=quantity_lots,
            price_ticks=price_ticks,
            order_type=order.order_type,
            tif=order.tif,
            time_ns=time.time_ns(),
        )
