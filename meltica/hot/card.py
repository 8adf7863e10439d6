"""The host's driver of a card: what fpga/docs/regs.md tells a driver to do, and nothing else.

One thread uses it; reading a 64-bit register and releasing the kill switch are pairs of accesses that belong together.
"""

from __future__ import annotations

import struct
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Self, TypeVar

from meltica.hot import card_regs_gen as regs
from meltica.hot import layout_gen as lay
from meltica.hot.card_bus import CardBus, CardError
from meltica.hot.card_regs_gen import Register
from meltica.hot.layout_gen import LAYOUT_VERSION, Action, AnswerRecord, AuditRecord, Record, Status, VerdictRecord
from meltica.hot.rulebook_gen import RULEBOOK_VERSION, Check

ANSWER_WITHIN_S: Final = 5.0
"""A card answers within microseconds; a simulated one, on a busy machine, does not."""
WORD: Final = 0xFFFFFFFF
SLOT: Final = 64
UNASKED: Final = 4096
CONFIGURATION: Final = frozenset(
    record.TYPE_ID
    for record in (
        *(lay.WatchRecord, lay.TriggerRecord, lay.FrameTemplateRecord, lay.TcpStateRecord),
        *(lay.FeedFilterRecord, lay.ClearGapRecord, lay.SymbolRecord, lay.DropCopyRecord),
    )
)
"""Rows of the card's other blocks; the gate takes all others."""
FIRED_FROM, PASSED_FROM = 64, 128
"""Entries of the reject counters: by reason, by fired check, passed by action."""
LATENCY_WORDS: Final = 256
LATENCY_COUNT, LATENCY_SUM, LATENCY_MIN, LATENCY_MAX = 64, 65, 66, 67


Reply = TypeVar("Reply", AnswerRecord, VerdictRecord)


@dataclass(frozen=True, slots=True)
class CardShape:
    """How large the tables of this card are."""

    instruments: int
    accounts: int
    strategies: int
    ports: int
    working_orders: int
    duplicate_depth: int


@dataclass(frozen=True, slots=True)
class Latency:
    """One segment, in cycles of the card's clock."""

    buckets: tuple[int, ...]
    count: int
    total: int
    least: int
    most: int


class Card:
    def __init__(self, bus: CardBus) -> None:
        """:raises CardError: there is no card, or its records or rules are not those of this program."""
        self.bus = bus
        found = self.read(regs.ID_TYPE)
        if found != regs.MAGIC:
            raise CardError(f"this is no card of ours: its first register reads {found:#010x}, not {regs.MAGIC:#010x}")
        for what, register, wanted in (
            ("records", regs.ID_LAYOUT_VERSION, LAYOUT_VERSION),
            ("rules", regs.ID_RULEBOOK_VERSION, RULEBOOK_VERSION),
        ):
            if (version := self.read(register)) != wanted:
                raise CardError(f"the card has version {version} of the {what}, this program has {wanted}")
        self._token = self.read(regs.WATCHDOG_LAST_TOKEN)
        self.unasked: deque[bytes] = deque(maxlen=UNASKED)
        """Slots that nobody waited for: verdicts of the triggers' orders. The audit has them all."""

    def shape(self) -> CardShape:
        return CardShape(
            instruments=self.read(regs.ID_INSTRUMENTS),
            accounts=self.read(regs.ID_ACCOUNTS),
            strategies=self.read(regs.ID_STRATEGIES),
            ports=self.read(regs.ID_PORTS),
            working_orders=self.read(regs.ID_WORKING_ORDERS),
            duplicate_depth=self.read(regs.ID_DUPLICATE_DEPTH),
        )

    def set_up(self, *, unit_nanos: int, leased: bool) -> None:
        """What is set once. :raises CardError: the card is armed: these can only be set while it is killed."""
        self._until(lambda: bool(self.status() & regs.CONTROL_STATUS_INIT_DONE.put(1)), "clearing its tables")
        locked = self.read(regs.CONTROL_LOCKED_WRITES)
        self.write(regs.CONTROL_UNIT_NANOS, unit_nanos)
        self.write(regs.CONTROL_CTRL, regs.CONTROL_CTRL_LEASED.put(int(leased)))
        if self.read(regs.CONTROL_LOCKED_WRITES) != locked:
            raise CardError("the card is armed: engage its kill switch before the unit of value is set")

    # --- registers ---

    def read(self, register: Register, index: int = 0) -> int:
        """Of 64 bits: the low word first, which keeps the high one for the second read."""
        address = register.at(index)
        return sum(self.bus.read(address + 4 * word) << 32 * word for word in range(register.words))

    def write(self, register: Register, value: int, index: int = 0) -> None:
        self.bus.write(register.at(index), value)

    def status(self) -> int:
        return self.read(regs.CONTROL_STATUS)

    # --- rows ---

    def commit(self, record: Record) -> None:
        """A whole row in one cycle: by the record stream if it fits a slot of it, else by the staging registers.

        :raises ValueError: the card does not take it, and nothing has changed.
        """
        data = record.to_bytes()
        if record.type_id in CONFIGURATION or len(data) > SLOT:
            status = self._stage(data, type(record).__name__)
        else:
            (answer,) = self._exchange(data.ljust(SLOT, b"\0"), AnswerRecord)
            if answer.answered_type_id != record.type_id:
                raise CardError(f"the card answers record {answer.answered_type_id}: its streams are out of step")
            status = answer.status
        if status != Status.OK:
            raise ValueError(f"the card does not take {record}: {Status(status).name}")

    def _stage(self, data: bytes, what: str) -> int:
        before = self.read(regs.STAGING_COMMITS)
        for index in range(len(data) // 4):
            self.write(regs.STAGING_ROW, int.from_bytes(data[4 * index : 4 * index + 4], "little"), index)
        self.write(regs.STAGING_COMMIT, 1)
        number = (before + 1) & WORD
        if self.read(regs.STAGING_COMMITS) != number:
            raise CardError("a row is still inside the card: somebody else commits, or it is stuck")
        self._until(lambda: self.read(regs.STAGING_ANSWERS) == number, f"the answer to {what}")
        return regs.STAGING_ANSWER_STATUS.of(self.read(regs.STAGING_ANSWER))

    def query(self, table: int, row: int, column: int) -> int:
        """A column of a row of the gate's tables, as fpga/docs/risk_gate.md numbers them."""
        where = regs.QUERY_GATE_WHERE_GATE_TABLE.put(table) | regs.QUERY_GATE_WHERE_GATE_COLUMN.put(column)
        self.write(regs.QUERY_GATE_WHERE, where)
        self.write(regs.QUERY_GATE_ROW, row)
        self.write(regs.QUERY_ASK, regs.QUERY_ASK_GATE.put(1))
        busy = regs.QUERY_STATUS_GATE_BUSY
        self._until(lambda: not busy.of(self.read(regs.QUERY_STATUS)), "a row that was asked for")
        return self.read(regs.QUERY_GATE_VALUE)

    # --- stopping and letting go ---

    def kill(self) -> None:
        self.write(regs.CONTROL_KILL, 1)

    def release(self) -> None:
        """:raises CardError: it stays engaged, and the message says by what."""
        self.write(regs.CONTROL_RELEASE, regs.RELEASE_KEY)
        self.write(regs.CONTROL_RELEASE, regs.RELEASE_COMPLEMENT)
        status = self.status()
        if regs.CONTROL_STATUS_KILL_SWITCH.of(status):
            raise CardError(f"the card's kill switch stays engaged: {', '.join(self.causes()) or 'no cause is told'}")

    def causes(self) -> list[str]:
        """What engaged the kill switch since it was last let go."""
        value = self.read(regs.CONTROL_KILL_CAUSE)
        names = {name: getattr(regs, name) for name in vars(regs) if name.startswith("CONTROL_KILL_CAUSE_SINCE_")}
        return [name.removeprefix("CONTROL_KILL_CAUSE_SINCE_").lower() for name, bit in names.items() if bit.of(value)]

    @property
    def killed(self) -> bool:
        """Its kill switch or the gate's own."""
        return bool(regs.CONTROL_STATUS_KILLED.of(self.status()))

    def set_watchdog(self, period_us: int) -> None:
        """0 trips it."""
        self.write(regs.WATCHDOG_PERIOD_US, period_us)

    def beat(self) -> None:
        """A sign of life; without one in each period the card engages its kill switch."""
        self._token = (self._token + 1) & WORD
        self.write(regs.WATCHDOG_TOKEN, self._token)

    # --- orders ---

    def check(self, intent: bytes) -> VerdictRecord:
        """One order, and the card's word on it. :raises CardError: there is none in time."""
        (verdict,) = self.check_many(intent)
        return verdict

    def check_many(self, intents: bytes) -> list[VerdictRecord]:
        """:raises CardError: not all verdicts came in time, or they are not about these orders."""
        if len(intents) % SLOT or not intents:
            raise ValueError(f"{len(intents)} bytes are not a whole number of {SLOT}-byte orders")
        verdicts = self._exchange(intents, VerdictRecord)
        sent = [struct.unpack_from("<Q", intents, at + 16)[0] for at in range(0, len(intents), SLOT)]
        if [verdict.order_id for verdict in verdicts] != sent:
            raise CardError("the card's verdicts are about other orders: its streams are out of step")
        return verdicts

    def _exchange(self, slots: bytes, kind: type[Reply]) -> list[Reply]:
        """What comes back for these slots. Verdicts of orders that the card's triggers sent are kept apart."""
        self.bus.send(slots)
        wanted, got = len(slots) // SLOT, list[Reply]()

        def all_there() -> bool:
            data = self.bus.receive()
            for at in range(0, len(data), VerdictRecord.SIZE):
                reply = data[at : at + VerdictRecord.SIZE]
                if reply[:2] == kind.TYPE_ID.to_bytes(2, "little") and len(got) < wanted:
                    got.append(kind.from_bytes(reply[: kind.SIZE]))
                else:
                    self.unasked.append(reply)
            return len(got) == wanted

        self._until(all_there, f"{wanted} x {kind.__name__}")
        return got

    # --- what it counted ---

    def rejected(self) -> dict[str, int]:
        """Refused orders by the check that was the reason; only those that happened."""
        counts = {check.name: self._counter(regs.REJECT_COUNTS, check) for check in Check}
        return {name: count for name, count in counts.items() if count}

    def fired(self) -> dict[str, int]:
        counts = {check.name: self._counter(regs.REJECT_COUNTS, FIRED_FROM + check) for check in Check}
        return {name: count for name, count in counts.items() if count}

    def passed(self) -> dict[str, int]:
        return {action.name: self._counter(regs.REJECT_COUNTS, PASSED_FROM + action) for action in Action}

    def event(self, number: int) -> int:
        """fpga/docs/meltica_top.md numbers them."""
        return self._counter(regs.EVENT_COUNTS, number)

    def word(self, number: int) -> int:
        """fpga/docs/meltica_top.md numbers them."""
        return self._counter(regs.WORD_VALUES, number)

    def latency(self, segment: int) -> Latency:
        if not 0 <= segment < (segments := self.read(regs.LATENCY_SEGMENTS)):
            raise ValueError(f"segment {segment} is not within 0..{segments - 1}")
        words = [self._counter(regs.LATENCY_COUNTS, LATENCY_WORDS // 2 * segment + n) for n in range(68)]
        return Latency(tuple(words[:64]), *words[LATENCY_COUNT : LATENCY_MAX + 1])

    def audit(self) -> Iterator[AuditRecord]:
        """Takes away what waits, the oldest first."""
        while self.read(regs.AUDIT_LEVEL):
            words = [self.read(regs.AUDIT_RECORD, index) for index in range(regs.AUDIT_RECORD.count)]
            self.write(regs.AUDIT_POP, 1)
            yield AuditRecord.from_bytes(struct.pack(f"<{len(words)}I", *words))

    def _counter(self, memory: Register, entry: int) -> int:
        low = self.bus.read(memory.at(2 * entry))
        return self.bus.read(memory.at(2 * entry + 1)) << 32 | low

    def _until(self, there: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + ANSWER_WITHIN_S
        while not there():
            if time.monotonic() > deadline:
                raise CardError(f"the card is silent: {what} did not come within {ANSWER_WITHIN_S} s")
            time.sleep(0)

    def close(self) -> None:
        """Idempotent."""
        with suppress(CardError):
            self.bus.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
