"""An order loop with wide limits and a venue that swallows everything, for ``bench.hot_path``."""

from __future__ import annotations

import shutil
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from meltica.hot.hot_files import HotFiles
from meltica.hot.hot_journal import JournalFile
from meltica.hot.hot_limits import read_records
from meltica.hot.hot_parts import BroadcastWriter, Gate, KillWord, MpscRing, OrderLoop, OuchPort, SpscRing
from meltica.hot.hot_status import StatusReader, StatusWriter
from meltica.hot.intent_writer import IntentWriter
from meltica.hot.kernel import Linux
from meltica.hot.layout_gen import DropCopyRecord, Side, SymbolRecord

LIMITS: Final = """
[[Symbol]]
instrument_id = {n}
locate = 17
symbol = "ABCD"
wire_price_per_tick = 100
shares_per_lot = 1
[[InstrumentLimits]]
instrument_id = {n}
enabled = 1
short_sale = "FREE"
value_per_tick_lot_nanos = 1
max_price_ticks = 1000000
max_quantity_lots = 1000
max_value_nanos = "max"
collar_bps = 1000
reference_max_age_ns = "max"
session_close_ns = "max"
max_day_lots = "max"
messages_per_second = 1000000000
message_burst = 1000000000
[[PositionLimits]]
account_id = 0
instrument_id = {n}
max_long_lots = 1000000000
max_short_lots = 1000000000
[[ReferencePrice]]
instrument_id = {n}
price_ticks = 10000
time_ns = 1
"""
FIRM: Final = """
[[FirmLimits]]
messages_per_second = 1000000000
message_burst = 1000000000
max_open_orders = "max"
max_open_value_nanos = "max"
[[AccountLimits]]
account_id = 0
enabled = 1
messages_per_second = 1000000000
message_burst = 1000000000
max_open_orders = "max"
max_open_value_nanos = "max"
max_consecutive_rejects = "max"
max_daily_loss_nanos = "max"
max_drawdown_nanos = "max"
[[StrategyLimits]]
strategy_id = 7
enabled = 1
messages_per_second = 1000000000
message_burst = 1000000000
max_open_value_nanos = "max"
max_executions = "max"
[[PortLimits]]
port_id = 0
enabled = 1
messages_per_second = 1000000000
message_burst = 1000000000
"""
INSTRUMENTS: Final = 64
TABLES: Final = 1_024


class HotWorld:
    """The folder is removed at the end."""

    def __init__(self, folder: Path) -> None:
        self.folder, files = folder, HotFiles(folder)
        self.status = StatusWriter(files.status)
        self.reader = StatusReader(files.status)
        self._journal = JournalFile(files.journal, 64, {})
        self._intents = MpscRing.create(files.intents, slots=256, role="consumer")
        self._control = SpscRing.create(files.control, slots=64, slot_size=128, role="consumer")
        self._drops = BroadcastWriter.create(files.drops, slots=65_536, slot_size=128)
        self.kill = KillWord.create(files.kill, gate="bench")
        self.kill.release(self.kill.status()["epoch"], "bench")
        gate, port = Gate(TABLES, 16), OuchPort(max_orders=65_536, max_instruments=TABLES)
        self.loop = OrderLoop(
            gate=gate,
            port=port,
            intents=self._intents,
            control=self._control,
            drops=self._drops,
            kill=self.kill,
            status=self.status.words,
            journal=self._journal.entries,
            leased=False,
            offset_ns=time.time_ns() - time.monotonic_ns(),
            asks=False,
        )
        (folder / "limits.toml").write_text(FIRM + "".join(LIMITS.format(n=n) for n in range(INSTRUMENTS)))
        for record in read_records(folder / "limits.toml"):
            if isinstance(record, SymbolRecord):
                port.set_symbol(record)
                self.loop.name(record.to_bytes())
            else:
                gate.tell(record)
        self._writer = IntentWriter(folder, account_id=0, strategy_id=7)
        self._ours, self._venue = socket.socketpair()
        for one in (self._ours, self._venue):
            one.setblocking(False)
        self.loop.offer_session(self._ours.fileno())
        self.loop.open()
        self.loop.turns(4)
        self._number = 0
        with suppress(OSError):  # As `meltica hot run` does it; where it may not, first touches of pages show
            Linux().lock_memory()

    def send(self, count: int) -> None:
        """Orders of all instruments, at prices that never meet."""
        for _ in range(count):
            self._number += 1
            side = Side.BUY if self._number % 2 else Side.SELL
            self._writer.send(
                self._writer.limit(
                    instrument_id=self._number * 7 % INSTRUMENTS,
                    side=side,
                    quantity_lots=1 + self._number % 100,
                    price_ticks=9_990 - self._number % 9 if side == Side.BUY else 10_010 + self._number % 9,
                )
            )

    def drain(self) -> None:
        """What reached the venue; it says nothing."""
        with suppress(BlockingIOError):
            while self._venue.recv(1 << 20):
                pass

    def copies(self) -> list[DropCopyRecord]:
        return list(self._writer.drop_copies())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            Linux().unlock_memory()
        self._writer.close()
        for part in (self._intents, self._control, self._drops, self.kill):
            part.detach()
        self._ours.close()
        self._venue.close()
        self._journal.close()
        shutil.rmtree(self.folder)
