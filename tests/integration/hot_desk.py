"""An order loop in the test's own thread, turned by hand, with a socket pair for a venue: every byte is looked at."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from meltica.hot import OrderIntent
from meltica.hot.hot_files import HotFiles
from meltica.hot.hot_gate import recover_exposure
from meltica.hot.hot_journal import JournalFile, Recovered, recover
from meltica.hot.hot_parts import (
    BroadcastWriter,
    Gate,
    KillWord,
    MpscRing,
    OrderLoop,
    OuchPort,
    SpscRing,
    TopOfBookReader,
    TopOfBookWriter,
    Word,
)
from meltica.hot.hot_status import StatusReader, StatusWriter
from meltica.hot.intent_writer import IntentWriter
from meltica.hot.layout_gen import (
    AccountLimitsRecord,
    DropCopyRecord,
    DropKind,
    FirmLimitsRecord,
    InstrumentLimitsRecord,
    PortLimitsRecord,
    PositionLimitsRecord,
    Record,
    ReferencePriceRecord,
    SelfMatch,
    ShortSale,
    Side,
    StrategyLimitsRecord,
    SymbolRecord,
    TopOfBookRecord,
)
from meltica.venues.nasdaq import soupbintcp_wire as wire
from meltica.venues.nasdaq.ouch50 import CODEC

INSTRUMENT, LOCATE, ACCOUNT, STRATEGY, PORT = 3, 17, 0, 7, 2
REFERENCE_TICKS = 10_000
WIRE_PER_TICK = 100
LARGEST = 2**63 - 1
SYMBOL = SymbolRecord(
    locate=LOCATE,
    instrument_id=INSTRUMENT,
    symbol=int.from_bytes(b"ABCD    ", "little"),
    wire_price_per_tick=WIRE_PER_TICK,
    shares_per_lot=1,
)


def limits(self_match: SelfMatch = SelfMatch.CANCEL_OLDEST, messages: int = 1_000_000) -> list[Record]:
    """Wide limits of one account, strategy, port and instrument."""
    rate = {"messages_per_second": messages, "message_burst": messages}
    return [
        FirmLimitsRecord(**rate, max_open_orders=2**31, max_open_value_nanos=LARGEST),
        AccountLimitsRecord(
            account_id=ACCOUNT,
            enabled=1,
            market_orders_allowed=1,
            iso_allowed=0,
            short_exempt_allowed=0,
            self_match=self_match,
            self_match_group=0,
            **rate,
            max_consecutive_rejects=2**31,
            max_open_orders=2**31,
            max_open_value_nanos=LARGEST,
            duplicate_window_ns=0,
            max_daily_loss_nanos=LARGEST,
            max_drawdown_nanos=LARGEST,
            rearm_after_ns=0,
        ),
        StrategyLimitsRecord(
            strategy_id=STRATEGY, enabled=1, **rate, max_open_value_nanos=LARGEST, max_executions=2**63
        ),
        PortLimitsRecord(port_id=PORT, enabled=1, **rate),
        InstrumentLimitsRecord(
            enabled=1,
            restricted=0,
            instrument_id=INSTRUMENT,
            short_sale=ShortSale.FREE,
            collar_bps=1_000,
            value_per_tick_lot_nanos=1,
            max_price_ticks=10**6,
            max_quantity_lots=1_000,
            max_value_nanos=LARGEST,
            reference_max_age_ns=2**63,
            session_open_ns=0,
            session_close_ns=2**64 - 1,
            max_day_lots=LARGEST,
            **rate,
            max_impact_percent=0,
        ),
        PositionLimitsRecord(
            account_id=ACCOUNT,
            instrument_id=INSTRUMENT,
            max_long_lots=10**6,
            max_short_lots=10**6,
            located_lots=0,
        ),
        ReferencePriceRecord(instrument_id=INSTRUMENT, price_ticks=REFERENCE_TICKS, time_ns=1),
    ]


def top(status: str = "T", condition: int = 0, bid: int = 9_990, ask: int = 10_010) -> TopOfBookRecord:
    """Prices in ticks; the record has them in wire units."""
    return TopOfBookRecord(
        locate=LOCATE,
        trading_status=ord(status),
        condition=condition,
        bid_price=bid * 100,
        bid_shares=500,
        ask_price=ask * 100,
        ask_shares=400,
        exchange_time_ns=1,
        receive_time_ns=0,
        update_count=0,
    )


class HotDesk:
    """Its folder may have been another's before: then it recovers, as the process does."""

    def __init__(
        self, folder: Path, *, leased: bool = False, tops: bool = False, asks: bool = False, **how: Any
    ) -> None:
        self.files = HotFiles(folder)
        self.offset_ns = time.time_ns() - time.monotonic_ns()
        self.journal = JournalFile(self.files.journal, how.pop("journal_mib", 4), {"port": PORT})
        self.status = StatusWriter(self.files.status)
        self.reader = StatusReader(self.files.status)
        self.intents = MpscRing.create(self.files.intents, slots=256, role="consumer", exist_ok=True)
        self._control = SpscRing.create(self.files.control, slots=256, slot_size=128, role="consumer", exist_ok=True)
        self.control = SpscRing.attach(self.files.control, role="producer")
        self.drops = BroadcastWriter.create(self.files.drops, slots=4_096, slot_size=128, exist_ok=True)
        self.kill = KillWord.attach(self.files.kill, gate="desk") if self.files.kill.exists() else self._new_word()
        self.gate = Gate(16, 4, max_strategies=16, leased=leased)
        self.port = OuchPort(max_orders=how.pop("max_orders", 2_048), max_instruments=16)
        self.tops = TopOfBookWriter.create(self.files.tops, exist_ok=True) if tops else None
        self.loop = OrderLoop(
            gate=self.gate,
            port=self.port,
            intents=self.intents,
            control=self._control,
            drops=self.drops,
            kill=self.kill,
            status=self.status.words,
            journal=self.journal.entries,
            tops=TopOfBookReader.attach(self.files.tops) if tops else None,
            port_id=PORT,
            leased=leased,
            offset_ns=self.offset_ns,
            asks=asks,
            **how,
        )
        self.recovered = self._recover()
        self.writer = IntentWriter(folder, account_id=ACCOUNT, strategy_id=STRATEGY, port_id=PORT)
        self.venue: socket.socket | None = None
        self._ours: socket.socket | None = None

    def _new_word(self) -> KillWord:
        word = KillWord.create(self.files.kill, gate="desk")
        word.release(word.status()["epoch"], "test")
        return word

    def _recover(self) -> Recovered:
        found = recover(self.journal.entries, self.port, drops_next=self.drops.position + 1, port_id=PORT)
        for symbol in found.symbols:
            self.loop.name(symbol, journaled=True)
        self.port.set_symbol(SYMBOL)
        self.loop.name(SYMBOL.to_bytes())
        for record in limits():
            self.gate.tell(record)
        for copy in found.missing:
            self.drops.push(copy)
        recover_exposure(self.gate, self.port, found)
        return found

    # --- the venue ---

    def connect(self) -> None:
        for old in (self.venue, self._ours):
            if old is not None:
                old.close()
        self._ours, self.venue = socket.socketpair()
        self.venue.setblocking(False)
        self._ours.setblocking(False)
        self.loop.offer_session(self._ours.fileno())
        self.loop.open()
        self.turns()

    def received(self) -> list[Any]:
        """The OUCH messages that reached the venue since the last look."""
        return [CODEC.decode("inbound", payload) for kind, payload in self.packets() if kind == "U"]

    def packets(self) -> list[tuple[str, bytes]]:
        assert self.venue is not None
        data, found = b"", []
        with suppress(BlockingIOError):
            while part := self.venue.recv(1 << 20):
                data += part
        while data:
            end = 2 + int.from_bytes(data[:2], "big")
            assert len(data) >= end, "half a packet"
            found.append((chr(data[2]), data[3:end]))
            data = data[end:]
        return found

    def say(self, kind: str, fields: dict[str, Any]) -> None:
        """A sequenced message of the venue."""
        assert self.venue is not None
        self.venue.sendall(wire.packet("S", CODEC.encode(CODEC.make("outbound", kind, fields))))
        self.turns()

    def accept(self, order: Any) -> None:
        """Of an Enter Order that was received."""
        fields = {name: order.fields[name] for name in ("UserRefNum", "Side", "Quantity", "Symbol", "Price")}
        same = ("Display", "Capacity", "CrossType", "ClOrdID", "Time In Force", "InterMarket Sweep Eligibility")
        more = {"Timestamp": 1, "Order Reference Number": 900 + order["UserRefNum"], "Order State": "L"}
        self.say("A", fields | {name: order.fields[name] for name in same} | more)

    def execute(self, user_ref_num: int, shares: int, price_ticks: int = REFERENCE_TICKS) -> None:
        fields = {"Timestamp": 2, "UserRefNum": user_ref_num, "Quantity": shares, "Price": price_ticks * WIRE_PER_TICK}
        self.say("E", fields | {"Liquidity Flag": "A", "Match Number": 70 + user_ref_num})

    def cancelled(self, user_ref_num: int, shares: int) -> None:
        self.say("C", {"Timestamp": 3, "UserRefNum": user_ref_num, "Quantity": shares, "Reason": "U"})

    def answer_query(self, next_user_ref_num: int) -> None:
        self.say("Q", {"Timestamp": 4, "NextUserRefNum": next_user_ref_num})

    def buy(self, lots: int = 10, price_ticks: int = REFERENCE_TICKS, side: Side = Side.BUY) -> OrderIntent:
        """Sent into the ring; not yet taken from there."""
        intent = self.writer.limit(instrument_id=INSTRUMENT, side=side, quantity_lots=lots, price_ticks=price_ticks)
        return self.writer.send(intent)

    # --- the loop ---

    def turns(self, count: int = 8) -> int:
        """Turns far enough apart that each looks at the socket."""
        busy = 0
        for _ in range(count):
            time.sleep(2e-6)
            busy += self.loop.turns(1)
        return busy

    def tell(self, record: Record) -> None:
        assert self.control.push(record.to_bytes().ljust(128, b"\0"))
        self.turns(2)

    def copies(self, *kinds: DropKind) -> list[DropCopyRecord]:
        """New drop copies, of these kinds or all."""
        return [copy for copy in self.writer.drop_copies() if not kinds or copy.kind in kinds]

    def reasons(self) -> list[int]:
        """Of the refusals since the last look."""
        return [copy.reason for copy in self.copies(DropKind.REFUSED)]

    def word(self, word: Word) -> int:
        return self.reader.word(word)

    def now_ns(self) -> int:
        return self.offset_ns + time.monotonic_ns()

    def close(self) -> None:
        self.writer.close()
        for part in (self.intents, self._control, self.control, self.drops, self.kill):
            part.detach()
        if self.tops is not None:
            self.tops.detach()
        for one in (self.venue, self._ours):
            if one is not None:
                one.close()
        self.journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
