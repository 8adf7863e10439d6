"""What the trigger must do, told in the order of its page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from meltica.hot.layout_gen import (
    Action,
    Compare,
    MessageKind,
    OrderIntentRecord,
    OrderType,
    Side,
    TriggerRecord,
)

ADDS, TRADES, SIDED = "AFU", "CP", "AFP"


class Message(NamedTuple):
    kind: str
    locate: int
    price: int
    shares: int
    is_sell: bool = False
    printable: bool = True

    def packed(self) -> int:
        """market_message_t: the last member lowest."""
        members = (  # width, value; from the lowest
            (32, 0), (32, 0), (8, 0), (64, 0), (64, 0), (1, self.printable), (32, self.price), (32, self.shares),
            (1, self.is_sell), (64, 0), (64, 0), (48, 0), (16, self.locate), (8, ord(self.kind)), (64, 0),
        )  # fmt: skip
        at = whole = 0
        for width, value in members:
            whole |= int(value) << at
            at += width
        return whole


@dataclass
class Slot:
    row: TriggerRecord
    armed: bool
    rests_until: int = 0


class Outcome(NamedTuple):
    """What a message did: an order, or one of the causes; neither when it pulled nothing."""

    order: OrderIntentRecord | None = None
    cause: str = ""


@dataclass
class Model:
    slots: int
    at: dict[int, Slot] = field(default_factory=dict)
    fired: dict[int, int] = field(default_factory=dict)
    next_order_id: int = 1

    def takes(self, row: TriggerRecord) -> bool:
        """Whether a row is good; a good one takes effect."""
        sane = (
            row.slot < self.slots and row.enabled <= 1 and 1 <= row.kinds <= 3 and row.message_side <= 2
            and row.compare in set(Compare) and row.one_shot <= 1 and row.instrument_id < 1 << 16
            and 0 <= row.threshold_ticks < 1 << 31 and 0 <= row.min_lots < 1 << 32 and row.side in set(Side)
            and 0 < row.quantity_lots < 1 << 20 and 0 < row.price_ticks < 1 << 31
        )  # fmt: skip
        if not sane or (row.enabled and self._conflicts(row)):
            return False
        self.at[row.slot] = Slot(row, armed=bool(row.enabled))
        self.next_order_id = max(self.next_order_id, row.first_order_id)
        return True

    def _conflicts(self, row: TriggerRecord) -> bool:
        others = [slot.row for number, slot in self.at.items() if number != row.slot and slot.row.enabled]
        return any(
            other.instrument_id == row.instrument_id
            and (other.account_id, other.strategy_id, other.port_id) != (row.account_id, row.strategy_id, row.port_id)
            for other in others
        )

    def watches(self, locate: int) -> TriggerRecord | None:
        """Whose rows are asked for when a message of this instrument begins."""
        return next((slot.row for slot in self.at.values() if slot.armed and slot.row.instrument_id == locate), None)

    def pulled(self, message: Message) -> list[int]:
        found = []
        for number, slot in sorted(self.at.items()):
            row = slot.row
            kind = (row.kinds & MessageKind.ADD and message.kind in ADDS) or (
                row.kinds & MessageKind.TRADE and message.kind in TRADES and (message.printable or message.kind != "C")
            )
            side = row.message_side == 0 or (
                message.kind in SIDED and row.message_side == (Side.SELL if message.is_sell else Side.BUY)
            )
            price = (
                message.price <= row.threshold_ticks
                if row.compare == Compare.AT_MOST
                else message.price >= row.threshold_ticks
            )
            big = message.shares >= row.min_lots
            if slot.armed and row.instrument_id == message.locate and kind and side and price and big:
                found.append(number)
        return found

    def hears(self, message: Message, now_ns: int, *, armed: bool, ready: bool, asked: bool) -> Outcome:
        """asked: the key was shown in the cycle before."""
        pulled = self.pulled(message)
        rested = [number for number in pulled if now_ns >= self.at[number].rests_until]
        if not pulled:
            return Outcome()
        if not rested:
            return Outcome(cause="resting")
        if not armed:
            return Outcome(cause="not_armed")
        if not ready:
            return Outcome(cause="not_ready")
        if not asked:
            return Outcome(cause="no_key")
        slot = self.at[rested[0]]
        row = slot.row
        order = OrderIntentRecord(
            action=Action.NEW, side=row.side, flags=row.flags, port_id=row.port_id, order_type=OrderType.LIMIT,
            tif=row.tif, instrument_id=row.instrument_id, account_id=row.account_id, strategy_id=row.strategy_id,
            order_id=self.next_order_id, price_ticks=row.price_ticks, quantity_lots=row.quantity_lots, time_ns=now_ns,
            working_lots=0, working_price_ticks=0,
        )  # fmt: skip
        self.next_order_id += 1
        self.fired[row.slot] = self.fired.get(row.slot, 0) + 1
        slot.rests_until = now_ns + row.cooldown_us * 1000
        slot.armed = not row.one_shot
        return Outcome(order)
