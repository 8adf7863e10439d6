"""Records and words of the hot path. Generated from proto/hot/layout.toml and proto/hot/rulebook.toml by tools/gen_layout.py; change those, not this file."""

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from struct import Struct
from typing import ClassVar, Self

import numpy as np

LAYOUT_VERSION = 2
LOTS_BOUND = 1152921504606846976  # 2^60: position + open + quantity then fits 63 bits; larger quantities are senseless
TICKS_BOUND = 1152921504606846976  # 2^60: the same for prices
NANO_TOKENS_PER_MESSAGE = 1000000000  # a bucket counts nano-tokens: elapsed_ns * messages_per_second needs no division
BURST_BOUND = 2147483647  # burst * 1e9 nano-tokens fits 63 bits
COLLAR_BPS_BOUND = 100000  # ten times the reference; a wider collar is no collar
STATE_VERSION = 2  # of a gate's exported state
REASON_PASS = 255  # Verdict.reason of an order that passed


class Action(IntEnum):
    """What an order intent asks for."""

    NEW = 1
    REPLACE = 2
    CANCEL = 3


class Side(IntEnum):
    """FIX 54."""

    BUY = 1
    SELL = 2


class OrderType(IntEnum):
    """FIX 40."""

    MARKET = 1
    LIMIT = 2


class TimeInForce(IntEnum):
    """FIX 59."""

    DAY = 0
    GTC = 1
    IOC = 3
    FOK = 4


class Flag(IntFlag):
    """Bits of OrderIntent.flags. SHORT: FIX 54=5, SHORT_EXEMPT (with SHORT): FIX 54=6; SELL only."""

    POST_ONLY = 1
    REDUCE_ONLY = 2
    ISO = 4
    SHORT = 8
    SHORT_EXEMPT = 16


class KillScope(IntEnum):
    """What a Kill record stops or lets go. `id` names the account, strategy, port or instrument."""

    GLOBAL = 1
    ACCOUNT = 2
    STRATEGY = 3
    PORT = 4
    INSTRUMENT = 5


class Subject(IntEnum):
    """What a Query asks for."""

    DIGEST = 1
    STATE = 2
    COUNTERS = 3
    KILLED = 4


class ShortSale(IntEnum):
    """Which rule sells in an instrument follow. NOT_ALLOWED: sells marked SHORT are refused."""

    NOT_ALLOWED = 0
    FREE = 1
    REG_SHO = 2


class SelfMatch(IntEnum):
    """What becomes of an order that would trade with a working one of the same group (FIX 2964 has similar values)."""

    CANCEL_NEWEST = 0
    CANCEL_OLDEST = 1
    CANCEL_BOTH = 2
    DECREMENT = 3


class Mark(IntEnum):
    """What a Mark record switches. Instrument: HALTED, SHORT_RESTRICTED, GAPPED. Account: MISMATCHED. Port: CONNECTED."""

    HALTED = 1
    SHORT_RESTRICTED = 2
    GAPPED = 3
    MISMATCHED = 4
    CONNECTED = 5


class Breaker(IntEnum):
    """The latched breakers. The first three belong to an account, the last to a strategy."""

    DAILY_LOSS = 1
    DRAWDOWN = 2
    CONSECUTIVE_REJECTS = 3
    REPEATED_EXECUTION = 4


class CreditScope(IntEnum):
    """Whose open value a Credit record moves the limit of."""

    FIRM = 1
    ACCOUNT = 2
    STRATEGY = 3


class DropKind(IntEnum):
    """What a DropCopy record tells."""

    SENT = 1
    REFUSED = 2
    ACCEPTED = 3
    EXECUTED = 4
    CANCELED = 5
    REJECTED = 6
    REPLACED = 7
    CANCEL_REJECTED = 8
    BROKEN = 9
    RESTATED = 10
    SELF_MATCH_CANCEL = 11
    KILLED = 12
    SESSION_UP = 13
    SESSION_DOWN = 14


class MessageKind(IntEnum):
    """Bits of Trigger.kinds: which market messages may pull it. ADD: ITCH A, F and U's new half. TRADE: E, C, P."""

    ADD = 1
    TRADE = 2


class Compare(IntEnum):
    """How a trigger compares the price of a message with its threshold."""

    AT_MOST = 1
    AT_LEAST = 2


class AuditKind(IntEnum):
    """What an Audit record of the card tells."""

    PASSED = 1
    REFUSED = 2
    KILLED = 3
    RELEASED = 4
    COMMITTED = 5
    BAD_COMMIT = 6
    WATCHDOG = 7
    OVERFLOW = 8
    PURGED = 9


class Status(IntEnum):
    """How a gate answers a record that is no order."""

    OK = 1
    BAD_RECORD = 2
    BAD_ARGUMENT = 3


@dataclass(frozen=True, slots=True)
class OrderIntentRecord:
    """One order, replace or cancel on its way through the gate. 64 bytes."""

    action: int
    side: int
    flags: int
    port_id: int
    order_type: int
    tif: int
    instrument_id: int
    account_id: int
    strategy_id: int
    order_id: int
    price_ticks: int
    quantity_lots: int
    time_ns: int
    working_lots: int
    working_price_ticks: int
    type_id: int = 1

    TYPE_ID: ClassVar[int] = 1
    SIZE: ClassVar[int] = 64
    CODEC: ClassVar[Struct] = Struct("<HBBBBBBIHHQqqQqq")
    DTYPE: ClassVar[np.dtype[np.void]] = np.dtype({'names': ['type_id', 'action', 'side', 'flags', 'port_id', 'order_type', 'tif', 'instrument_id', 'account_id', 'strategy_id', 'order_id', 'price_ticks', 'quantity_lots', 'time_ns', 'working_lots', 'working_price_ticks'], 'formats': ['<u2', '<u1', '<u1', '<u1', '<u1', '<u1', '<u1', '<u4', '<u2', '<u2', '<u8', '<i8', '<i8', '<u8', '<i8', '<i8'], 'offsets': [0, 2, 3, 4, 5, 6, 7, 8, 12, 14, 16, 24, 32, 40, 48, 56], 'itemsize': 64})

    def to_bytes(self) -> bytes:
        return self.CODEC.pack(self.type_id, self.action, self.side, self.flags, self.port_id, self.order_type, self.tif, self.instrument_id, self.account_id, self.strategy_id, self.order_id, self.price_ticks, self.quantity_lots, self.time_ns, self.working_lots, self.working_price_ticks)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) != 64:
            raise ValueError(f"OrderIntent has 64 bytes, not {len(data)}")
        type_id, action, side, flags, port_id, order_type, tif, instrument_id, account_id, strategy_id, order_id, price_ticks, quantity_lots, time_ns, working_lots, working_price_ticks = cls.CODEC.unpack(data)
        if type_id != 1:
            raise ValueError(f"OrderIntent has type id 1, not {type_id}")
        return cls(action, side, flags, port_id, order_type, tif, instrument_id, account_id, strategy_id, order_id, price_ticks, quantity_lots, time_ns, working_lots, working_price_ticks)


@dataclass(frozen=True, slots=True)
class VerdictRecord:
    """The gate's answer to one OrderIntent. 32 bytes."""

    reason: int
    action: int
    order_id: int
    fired_mask: int
    reserved_price_ticks: int
    type_id: int = 2

    TYPE_ID: ClassVar[int] = 2
    SIZE: ClassVar[int] = 32
    CODEC: ClassVar[Struct] = Struct("<HBBIQQq")
    DTYPE: ClassVar[np.dtype[np.void]] = np.dtype({'names': ['type_id', 'reason', 'action', 'reserved0', 'order_id', 'fired_mask', 'reserved_price_ticks'], 'formats': ['<u2', '<u1', '<u1', '<u4', '<u8', '<u8', '<i8'], 'offsets': [0, 2, 3, 4, 8, 16, 24], 'itemsize': 32})

    def to_bytes(self) -> bytes:
        return self.CODEC.pack(self.type_id, self.reason, self.action, 0, self.order_id, self.fired_mask, self.reserved_price_ticks)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) != 32:
            raise ValueError(f"Verdict has 32 bytes, not {len(data)}")
        type_id, reason, action, _, order_id, fired_mask, reserved_price_ticks = cls.CODEC.unpack(data)
        if type_id != 2:
            raise ValueError(f"Verdict has type id 2, not {type_id}")
        return cls(reason, action, order_id, fired_mask, reserved_price_ticks)


@dataclass(frozen=True, slots=True)
class InstrumentLimitsRecord:
    """The whole limit row of an instrument; 0 blocks, except max_impact_percent, where 0 turns the check off. 128 bytes."""

    enabled: int
    restricted: int
    instrument_id: int
    short_sale: int
    collar_bps: int
    value_per_tick_lot_nanos: int
    max_price_ticks: int
    max_quantity_lots: int
    max_value_nanos: int
    reference_max_age_ns: int
    session_open_ns: int
    session_close_ns: int
    max_day_lots: int
    messages_per_second: int
    message_burst: int
    max_impact_percent: int
    type_id: int = 16

    TYPE_ID: ClassVar[int] = 16
    SIZE: ClassVar[int] = 128
    CODEC: ClassVar[Struct] = Struct("<HBBIBBHIqqqqQQQqIIIIQQQQ")
    DTYPE: ClassVar[np.dtype[np.void]] = np.dtype({'names': ['type_id', 'enabled', 'restricted', 'instrument_id', 'short_sale', 'reserved0', 'reserved1', 'collar_bps', 'value_per_tick_lot_nanos', 'max_price_ticks', 'max_quantity_lots', 'max_value_nanos', 'reference_max_age_ns', 'session_open_ns', 'session_close_ns', 'max_day_lots', 'messages_per_second', 'message_burst', 'max_impact_percent', 'reserved2', 'reserved3', 'reserved4', 'reserved5', 'reserved6'], 'formats': ['<u2', '<u1', '<u1', '<u4', '<u1', '<u1', '<u2', '<u4', '<i8', '<i8', '<i8', '<i8', '<u8', '<u8', '<u8', '<i8', '<u4', '<u4', '<u4', '<u4', '<u8', '<u8', '<u8', '<u8'], 'offsets': [0, 2, 3, 4, 8, 9, 10, 12, 16, 24, 32, 40, 48, 56, 64, 72, 80, 84, 88, 92, 96, 104, 112, 120], 'itemsize': 128})

    def to_bytes(self) -> bytes:
        return self.CODEC.pack(self.type_id, self.enabled, self.restricted, self.instrument_id, self.short_sale, 0, 0, self.collar_bps, self.value_per_tick_lot_nanos, self.max_price_ticks, self.max_quantity_lots, self.max_value_nanos, self.reference_max_age_ns, self.session_open_ns, self.session_close_ns, self.max_day_lots, self.messages_per_second, self.message_burst, self.max_impact_percent, 0, 0, 0, 0, 0)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) != 128:
            raise ValueError(f"InstrumentLimits has 128 bytes, not {len(data)}")
        type_id, enabled, restricted, instrument_id, short_sale, _, _, collar_bps, value_per_tick_lot_nanos, max_price_ticks, max_quantity_lots, max_value_nanos, reference_max_age_ns, session_open_ns, session_close_ns, max_day_lots, messages_per_second, message_burst, max_impact_percent, _, _, _, _, _ = cls.CODEC.unpack(data)
        if type_id != 16:
            raise ValueError(f"InstrumentLimits has type id 16, not {type_id}")
        return cls(enabled, restricted, instrument_id, short_sale, collar_bps, value_per_tick_lot_nanos, max_price_ticks, max_quantity_lots, max_value_nanos, reference_max_age_ns, session_open_ns, session_close_ns, max_day_lots, messages_per_second, message_burst, max_impact_percent)


@dataclass(frozen=True, slots=True)
class AccountLimitsRecord:
    """The whole limit row of an account; 0 blocks, except duplicate_window_ns and rearm_after_ns. 96 bytes."""

    account_id: int
    enabled: int
    market_orders_allowed: int
    iso_allowed: int
    short_exempt_allowed: int
    self_match: int
    self_match_group: int
    messages_per_second: int
    message_burst: int
    max_open_orders: int
    max_consecutive_rejects: int
    max_open_value_nanos: int
    duplicate_window_ns: int
    max_daily_loss_nanos: int
    max_drawdown_nanos: int
    rearm_after_ns: int
    type_id: int = 17

    TYPE_ID: ClassVar[int] = 17
    SIZE: ClassVar[int] = 96
    CODEC: ClassVar[Struct] = Struct("<HHBBBBBBHIIIIIqQqqQQQQ")
    DTYPE: ClassVar[np.dtype[np.void]] = np.dtype({'names': ['type_id', 'account_id', 'enabled', 'market_orders_allowed', 'iso_allowed', 'short_exempt_allowed', 'self_match', 'reserved0', 'self_match_group', 'messages_per_second', 'message_burst', 'max_open_orders', 'max_consecutive_rejects', 'reserved1', 'max_open_value_nanos', 'duplicate_window_ns', 'max_daily_loss_nanos', 'max_drawdown_nanos', 'rearm_after_ns', 'reserved2', 'reserved3', 'reserved4'], 'formats': ['<u2', '<u2', '<u1', '<u1', '<u1', '<u1', '<u1', '<u1', '<u2', '<u4', '<u4', '<u4', '<u4', '<u4', '<i8', '<u8', '<i8', '<i8', '<u8', '<u8', '<u8', '<u8'], 'offsets': [0, 2, 4, 5, 6, 7, 8, 9, 10, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 72, 80, 88], 'itemsize': 96})

    def to_bytes(self) -> bytes:
        return self.CODEC.pack(self.type_id, self.account_id, self.enabled, self.market_orders_allowed, self.iso_allowed, self.short_exempt_allowed, self.self_match, 0, self.self_match_group, self.messages_per_second, self.message_burst, self.max_open_orders, self.max_consecutive_rejects, 0, self.max_open_value_nanos, self.duplicate_window_ns, self.max_daily_loss_nanos, self.max_drawdown_nanos, self.rearm_after_ns, 0, 0, 0)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) != 96:
            raise ValueError(f"AccountLimits has 96 bytes, not {len(data)}")
        type_id, account_id, enabled, market_orders_allowed, iso_allowed, short_exempt_allowed, self_match, _, self_match_group, messages_per_second, message_burst, max_open_orders, max_consecutive_rejects, _, max_open_value_nanos, duplicate_window_ns, max_daily_loss_nanos, max_drawdown_nanos, rearm_after_ns, _, _, _ = cls.CODEC.unpack(data)
        if type_id != 17:
            raise ValueError(f"AccountLimits has type id 17, not {type_id}")
        return cls(account_id, enabled, market_orders_allowed, iso_allowed, short_exempt_allowed, self_match, self_match_group, messages_per_second, message_burst, max_open_orders, max_consecutive_rejects, max_open_value_nanos, duplicate_window_ns, max_daily_loss_nanos, max_drawdown_nanos, rearm_after_ns)


@dataclass(frozen=True, slots=True)
class PositionLimitsRecord:
    """How far an account may go in an instrument, and how many lots it has located to sell short (Reg SHO 203). 32 bytes."""

    account_id: int
    instrument_id: int
    max_long_lots: int
    max_short_lots: int
    located_lots: int
    type_id: int = 18

    TYPE_ID: ClassVar[int] = 18
    SIZE: ClassVar[int] = 32
    CODEC: ClassVar[Struct] = Struct("<HHIqqq")
    DTYPE: ClassVar[np.dtype[np.void]] = np.dtype({'names': ['type_id', 'account_id', 'instrument_id', 'max_long_lots', 'max_short_lots', 'located_lots'], 'formats': ['<u2', '<u2', '<u4', '<i8', '<i8', '<i8'], 'offsets': [0, 2, 4, 8, 16, 24], 'itemsize': 32})

    def to_bytes(self) -> bytes:
        return self.CODEC.pack(self.type_id, self.account_id, self.instrument_id, self.max_long_lots, self.max_short_lots, self.located_lots)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) != 32:
            raise ValueError(f"PositionLimits has 32 bytes, not {len(data)}")
        type_id, account_id, instrument_id, max_long_lots, max_short_lots, located_lots = cls.CODEC.unpack(data)
        if type_id != 18:
            raise ValueError(f"PositionLimits has type id 18, not {type_id}")
        return cls(account_id, instrument_id, max_long_lots, max_short_lots, located_lots)


@dataclass(frozen=True, slots=True)
class FirmLimitsRecord:
    """Limits on everything that leaves through this gate; 0 blocks. 32 bytes."""

    messages_per_second: int
    message_burst: int
    max_open_orders: int
    max_open_value_nanos: int
    type_id: int = 19

    TYPE_ID: ClassVar[int] = 19
    SIZE: ClassVar[int] = 32
    CODEC: ClassVar[Struct] = Struct("<HHIIIqQ")
    DTYPE: ClassVar[np.dtype[np.void]] = np.dtype({'names': ['type_id', 'reserved0', 'messages_per_second', 'message_burst', 'max_open_orders', 'max_open_value_nanos', 'reserved1'], 'formats': ['<u2', '<u2', '<u4', '<u4', '<u4', '<i8', '<u8'], 'offsets': [0, 2, 4, 8, 12, 16, 24], 'itemsize': 32})

    def to_bytes(self) -> bytes:
        return self.CODEC.pack(self.type_id, 0, self.messages_per_second, self.message_burst, self.max_open_orders, self.max_open_value_nanos, 0)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) != 32:
            raise ValueError(f"FirmLimits has 32 bytes, not {len(data)}")
        type_id, _, messages_per_second, message_burst, max_open_orders, max_open_value_nanos, _ = cls.CODEC.unpack(data)
        if type_id != 19:
            raise ValueError(f"FirmLimits has type id 19, not {type_id}")
        return cls(messages_per_second, message_burst, max_open_orders, max_open_value_nanos)


@dataclass(frozen=True, slots=True)
class StrategyLimitsRecord:
    """The whole limit row of a strategy; 0 blocks. 48 bytes."""

    strategy_id: int
    enabled: int
    messages_per_second: int
    message_burst: int
    max_open_value_nanos: int
    max_executions: int
    type_id: int = 20

    TYPE_ID: ClassVar[int] = 20
    SIZE: ClassVar[int] = 48
    CODEC: ClassVar[Struct] = Struct("<HHBBHIIqQQQ")
    DTYPE: ClassVar[np.dtype[np.void]] = np.dtype({'names': ['type_id', 'strategy_id', 'enabled', 'reserved0', 'reserved1', 'messages_per_second', 'message_burst', 'max_open_value_nanos', 'max_executions', 'reserved2', 'reserved3'], 'formats': ['<u2', '<u2', '<u1', '<u1', '<u2', '<u4', '<u4', '<i8', '<u8', '<u8', '<u8'], 'offsets': [0, 2, 4, 5, 6, 8, 12, 16, 24, 32, 40], 'itemsize': 48})

    def to_bytes(self) -> bytes:
        return self.CODEC.pack(self.type_id, self.strategy_id, self.enabled, 0, 0, self.messages_per_second, self.message_burst, self.max_open_value_nanos, self.max_executions, 0, 0)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) != 48:
            raise ValueError(f"StrategyLimits has 48 bytes, not {len(data)}")
        type_id, strategy_id, enabled, _, _, messages_per_second, message_burst, max_open_value_nanos, max_executions, _, _ = cls.CODEC.unpack(data)
        if type_id != 20:
            raise ValueError(f"StrategyLimits has type id 20, not {type_id}")
        return cls(strategy_id, enabled, messages_per_second, message_burst, max_open_value_nanos, max_executions)


@dataclass(frozen=True, slots=True)
class PortLimitsRecord:
    """The whole limit row of an order-entry session; 0 blocks. 16 bytes."""

    port_id: int
    enabled: int
    messages_per_second: int
    message_burst: int
    type_id: int = 21

    TYPE_ID: ClassVar[int] = 21
    SIZE: ClassVar[int] = 16
    CODEC: ClassVar[Struct] = Struct("<HBBIII")
    DTYPE: ClassVar[np.dtype[np.void]] = np.dtype({'names': ['type_id', 'port_id', 'enabled', 'messages_per_second', 'message_burst', 'reserved0'], 'formats': ['<u2', '<u1', '<u1', '<u4', '<u4', '<u4'], 'offsets': [0, 2, 3, 4, 8, 12], 'itemsize': 16})

    def to_bytes(self) -> bytes:
        return self.CODEC.pack(self.type_id, self.port_id, self.enabled, self.messages_per_second, self.message_burst, 0)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) != 16:
            raise ValueError(f"PortLimits has 16 bytes, not {len(data)}")
        type_id, port_id, enabled, messages_per_second, message_burst, _ = cls.CODEC.unpack(data)
        if type_id != 21:
            raise ValueError(f"PortLimits has type id 21, not {type_id}")
        return cls(port_id, enabled, messages_per_second, message_burst)


@dataclass(frozen=True, slots=True)
class ReferencePriceRecord:
    """The price that the collar is measured from; 0 takes it away. 24 bytes."""

    instrument_id: int
    price_ticks: int
    time_ns: int
    type_id: int = 6

    TYPE_ID: ClassVar[int] = 6
    SIZE: ClassVar[int] = 24
    CODEC: ClassVar[Struct] = Struct("<HHIqQ")
    DTYPE: ClassVar[np.dtype[np.void]] = np.dtype({'names': ['type_id', 'reserved0', 'instrument_id', 'price_ticks', 'time_ns'], 'formats': ['<u2', '<u2', '<u4', '<i8', '<u8'], 'offsets': [0, 2, 4, 8, 16], 'itemsize': 24})

    def to_bytes(self) -> bytes:
        return self.CODEC.pack(self.type_id, 0, self.instrument_id, self.price_ticks, self.time_ns)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) != 24:
            raise ValueError(f"ReferencePrice has 24 bytes, not {len(data)}")
        type_id, _, instrument_id, price_ticks, time_ns = cls.CODEC.unpack(data)
        if type_id != 6:
            raise ValueError(f"ReferencePrice has type id 6, not {type_id}")
        return cls(instrument_id, price_ticks, time_ns)


@dataclass(frozen=True, slots=True)
class MarkRecord:
    """Switches a fact about an instrument, an account or a port. 16 bytes."""

    mark: int
    on: int
    id: int
    time_ns: int
    type_id: int = 7

    TYPE_ID: ClassVar[int] = 7
    SIZE: ClassVar[int] = 16
    CODEC: ClassVar[Struct] = Struct("<HBBIQ")
    DTYPE: ClassVar[np.dtype[np.void]] = np.dtype({'names': ['type_id', 'mark', 'on', 'id', 'time_ns'], 'formats': ['<u2', '<u1', '<u1', '<u4', '<u8'], 'offsets': [0, 2, 3, 4, 8], 'itemsize': 16})

    def to_bytes(self) -> bytes:
        return self.CODEC.pack(self.type_id, self.mark, self.on, self.id, self.time_ns)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) != 16:
            raise ValueError(f"Mark has 16 bytes, not {len(data)}")
        type_id, mark, on, id, time_ns = cls.CODEC.unpack(data)
        if type_id != 7:
            raise ValueError(f"Mark has type id 7, not {type_id}")
        return cls(mark, on, id, time_ns)


@dataclass(frozen=True, slots=True)
class QuoteRecord:
    """Best bid and offer of an instrument; 0 lots: none on that side. 48 bytes."""

    instrument_id: int
    bid_ticks: int
    bid_lots: int
    ask_ticks: int
    ask_lots: int
    time_ns: int
    type_id: int = 25

    TYPE_ID: ClassVar[int] = 25
    SIZE: ClassVar[int] = 48
    CODEC: ClassVar[Struct] = Struct("<HHIqqqqQ")
    DTYPE: ClassVar[np.dtype[np.void]] = np.dtype({'names': ['type_id', 'reserved0', 'instrument_id', 'bid_ticks', 'bid_lots', 'ask_ticks', 'ask_lots', 'time_ns'], 'formats': ['<u2', '<u2', '<u4', '<i8', '<i8', '<i8', '<i8', '<u8'], 'offsets': [0, 2, 4, 8, 16, 24, 32, 40], 'itemsize': 48})

    def to_bytes(self) -> bytes:
        return self.CODEC.pack(self.type_id, 0, self.instrument_id, self.bid_ticks, self.bid_lots, self.ask_ticks, self.ask_lots, self.time_ns)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) != 48:
            raise ValueError(f"Quote has 48 bytes, not {len(data)}")
        type_id, _, instrument_id, bid_ticks, bid_lots, ask_ticks, ask_lots, time_ns = cls.CODEC.unpack(data)
        if type_id != 25:
            raise ValueError(f"Quote has type id 25, not {type_id}")
        return cls(instrument_id, bid_ticks, bid_lots, ask_ticks, ask_lots, time_ns)


@dataclass(frozen=True, slots=True)
class PriceBandRecord:
    """Limit-up limit-down or auction collar of an instrument; both 0: no band is in force. 24 bytes."""

    instrument_id: int
    low_ticks: int
    high_ticks: int
    type_id: int = 26

    TYPE_ID: ClassVar[int] = 26
    SIZE: ClassVar[int] = 24
    CODEC: ClassVar[Struct] = Struct("<HHIqq")
    DTYPE: ClassVar[np.dtype[np.void]] = np.dtype({'names': ['type_id', 'reserved0', 'instrument_id', 'low_ticks', 'high_ticks'], 'formats': ['<u2', '<u2', '<u4', '<i8', '<i8'], 'offsets': [0, 2, 4, 8, 16], 'itemsize': 24})

    def to_bytes(self) -> bytes:
        return self.CODEC.pack(self.type_id, 0, self.instrument_id, self.low_ticks, self.high_ticks)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) != 24:
            raise ValueError(f"PriceBand has 24 bytes, not {len(data)}")
        type_id, _, instrument_id, low_ticks, high_ticks = cls.CODEC.unpack(data)
        if type_id != 26:
            raise ValueError(f"PriceBand has type id 26, not {type_id}")
        return cls(instrument_id, low_ticks, high_ticks)


@dataclass(frozen=True, slots=True)
class ProfitAndLossRecord:
    """What an account has earned since DayReset, realised and not; moves its high-water mark, may trip its breakers. 24 bytes."""

    account_id: int
    pnl_nanos: int
    time_ns: int
    type_id: int = 27

    TYPE_ID: ClassVar[int] = 27
    SIZE: ClassVar[int] = 24
    CODEC: ClassVar[Struct] = Struct("<HHIqQ")
    DTYPE: ClassVar[np.dtype[np.void]] = np.dtype({'names': ['type_id', 'account_id', 'reserved0', 'pnl_nanos', 'time_ns'], 'formats': ['<u2', '<u2', '<u4', '<i8', '<u8'], 'offsets': [0, 2, 4, 8, 16], 'itemsize': 24})

    def to_bytes(self) -> bytes:
        return self.CODEC.pack(self.type_id, self.account_id, 0, self.pnl_nanos, self.time_ns)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) != 24:
            raise ValueError(f"ProfitAndLoss has 24 bytes, not {len(data)}")
        type_id, account_id, _, pnl_nanos, time_ns = cls.CODEC.unpack(data)
        if type_id != 27:
            raise ValueError(f"ProfitAndLoss has type id 27, not {type_id}")
        return cls(account_id, pnl_nanos, time_ns)


@dataclass(frozen=True, slots=True)
class CreditRecord:
    """Moves the limit on open value of the firm, an account or a strategy by a signed amount. 16 bytes."""

    scope: int
    id: int
    delta_nanos: int
    type_id: int = 28

    TYPE_ID: ClassVar[int] = 28
    SIZE: ClassVar[int] = 16
    CODEC: ClassVar[Struct] = Struct("<HBBIq")
    DTYPE: ClassVar[np.dtype[np.void]] = np.dtype({'names': ['type_id', 'scope', 'reserved0', 'id', 'delta_nanos'], 'formats': ['<u2', '<u1', '<u1', '<u4', '<i8'], 'offsets': [0, 2, 3, 4, 8], 'itemsize': 16})

    def to_bytes(self) -> bytes:
        return self.CODEC.pack(self.type_id, self.scope, 0, self.id, self.delta_nanos)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) != 16:
            raise ValueError(f"Credit has 16 bytes, not {len(data)}")
        type_id, scope, _, id, delta_nanos = cls.CODEC.unpack(data)
        if type_id != 28:
            raise ValueError(f"Credit has type id 28, not {type_id}")
        return cls(scope, id, delta_nanos)


@dataclass(frozen=True, slots=True)
class OutcomeRecord:
    """A venue accepted or rejected an order of an account; rejects in a row may trip its breaker. 16 bytes."""

    account_id: int
    rejected: int
    time_ns: int
    type_id: int = 29

    TYPE_ID: ClassVar[int] = 29
    SIZE: ClassVar[int] = 16
    CODEC: ClassVar[Struct] = Struct("<HHBBHQ")
    DTYPE: ClassVar[np.dtype[np.void]] = np.dtype({'names': ['type_id', 'account_id', 'rejected', 'reserved0', 'reserved1', 'time_ns'], 'formats': ['<u2', '<u2', '<u1', '<u1', '<u2', '<u8'], 'offsets': [0, 2, 4, 5, 6, 8], 'itemsize': 16})

    def to_bytes(self) -> bytes:
        return self.CODEC.pack(self.type_id, self.account_id, self.rejected, 0, 0, self.time_ns)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) != 16:
            raise ValueError(f"Outcome has 16 bytes, not {len(data)}")
        type_id, account_id, rejected, _, _, time_ns = cls.CODEC.unpack(data)
        if type_id != 29:
            raise ValueError(f"Outcome has type id 29, not {type_id}")
        return cls(account_id, rejected, time_ns)


@dataclass(frozen=True, slots=True)
class RearmRecord:
    """Lets go of a latched breaker: the account's, or the strategy's (and its executions count from 0). 16 bytes."""

    breaker: int
    id: int
    time_ns: int
    type_id: int = 30

    TYPE_ID: ClassVar[int] = 30
    SIZE: ClassVar[int] = 16
    CODEC: ClassVar[Struct] = Struct("<HBBIQ")
    DTYPE: ClassVar[np.dtype[np.void]] = np.dtype({'names': ['type_id', 'breaker', 'reserved0', 'id', 'time_ns'], 'formats': ['<u2', '<u1', '<u1', '<u4', '<u8'], 'offsets': [0, 2, 3, 4, 8], 'itemsize': 16})

    def to_bytes(self) -> bytes:
        return self.CODEC.pack(self.type_id, self.breaker, 0, self.id, self.time_ns)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) != 16:
            raise ValueError(f"Rearm has 16 bytes, not {len(data)}")
        type_id, breaker, _, id, time_ns = cls.CODEC.unpack(data)
        if type_id != 30:
            raise ValueError(f"Rearm has type id 30, not {type_id}")
        return cls(breaker, id, time_ns)


@dataclass(frozen=True, slots=True)
class LeaseRecord:
    """Orders of a leased gate pass up to this time; 0: none do. 16 bytes."""

    until_ns: int
    type_id: int = 31

    TYPE_ID: ClassVar[int] = 31
    SIZE: ClassVar[int] = 16
    CODEC: ClassVar[Struct] = Struct("<HHIQ")
    DTYPE: ClassVar[np.dtype[np.void]] = np.dtype({'names': ['type_id', 'reserved0', 'reserved1', 'until_ns'], 'formats': ['<u2', '<u2', '<u4', '<u8'], 'offsets': [0, 2, 4, 8], 'itemsize': 16})

    def to_bytes(self) -> bytes:
        return self.CODEC.pack(self.type_id, 0, 0, self.until_ns)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) != 16:
            raise ValueError(f"Lease has 16 bytes, not {len(data)}")
        type_id, _, _, until_ns = cls.CODEC.unpack(data)
        if type_id != 31:
            raise ValueError(f"Lease has type id 31, not {type_id}")
        return cls(until_ns)


@dataclass(frozen=True, slots=True)
class DayResetRecord:
    """A new trading day: day quantities, PnL and high-water marks begin at 0; breakers stay as they are. 16 bytes."""

    time_ns: int
    type_id: int = 32

    TYPE_ID: ClassVar[int] = 32
    SIZE: ClassVar[int] = 16
    CODEC: ClassVar[Struct] = Struct("<HHIQ")
    DTYPE: ClassVar[np.dtype[np.void]] = np.dtype({'names': ['type_id', 'reserved0', 'reserved1', 'time_ns'], 'formats': ['<u2', '<u2', '<u4', '<u8'], 'offsets': [0, 2, 4, 8], 'itemsize': 16})

    def to_bytes(self) -> bytes:
        return self.CODEC.pack(self.type_id, 0, 0, self.time_ns)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) != 16:
            raise ValueError(f"DayReset has 16 bytes, not {len(data)}")
        type_id, _, _, time_ns = cls.CODEC.unpack(data)
        if type_id != 32:
            raise ValueError(f"DayReset has type id 32, not {type_id}")
        return cls(time_ns)


@dataclass(frozen=True, slots=True)
class SymbolRecord:
    """How an instrument is called on the wire: locate code on the feed, symbol and price unit in orders. 32 bytes."""

    locate: int
    instrument_id: int
    symbol: int
    wire_price_per_tick: int
    shares_per_lot: int
    type_id: int = 33

    TYPE_ID: ClassVar[int] = 33
    SIZE: ClassVar[int] = 32
    CODEC: ClassVar[Struct] = Struct("<HHIQQQ")
    DTYPE: ClassVar[np.dtype[np.void]] = np.dtype({'names': ['type_id', 'locate', 'instrument_id', 'symbol', 'wire_price_per_tick', 'shares_per_lot'], 'formats': ['<u2', '<u2', '<u4', '<u8', '<u8', '<u8'], 'offsets': [0, 2, 4, 8, 16, 24], 'itemsize': 32})

    def to_bytes(self) -> bytes:
        return self.CODEC.pack(self.type_id, self.locate, self.instrument_id, self.symbol, self.wire_price_per_tick, self.shares_per_lot)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) != 32:
            raise ValueError(f"Symbol has 32 bytes, not {len(data)}")
        type_id, locate, instrument_id, symbol, wire_price_per_tick, shares_per_lot = cls.CODEC.unpack(data)
        if type_id != 33:
            raise ValueError(f"Symbol has type id 33, not {type_id}")
        return cls(locate, instrument_id, symbol, wire_price_per_tick, shares_per_lot)


@dataclass(frozen=True, slots=True)
class TopOfBookRecord:
    """Best bid and offer as published in shared memory and on the links. 64 bytes."""

    locate: int
    trading_status: int
    condition: int
    bid_price: int
    bid_shares: int
    ask_price: int
    ask_shares: int
    exchange_time_ns: int
    receive_time_ns: int
    update_count: int
    type_id: int = 34

    TYPE_ID: ClassVar[int] = 34
    SIZE: ClassVar[int] = 64
    CODEC: ClassVar[Struct] = Struct("<HHBBHqqqqQQQ")
    DTYPE: ClassVar[np.dtype[np.void]] = np.dtype({'names': ['type_id', 'locate', 'trading_status', 'condition', 'reserved0', 'bid_price', 'bid_shares', 'ask_price', 'ask_shares', 'exchange_time_ns', 'receive_time_ns', 'update_count'], 'formats': ['<u2', '<u2', '<u1', '<u1', '<u2', '<i8', '<i8', '<i8', '<i8', '<u8', '<u8', '<u8'], 'offsets': [0, 2, 4, 5, 6, 8, 16, 24, 32, 40, 48, 56], 'itemsize': 64})

    def to_bytes(self) -> bytes:
        return self.CODEC.pack(self.type_id, self.locate, self.trading_status, self.condition, 0, self.bid_price, self.bid_shares, self.ask_price, self.ask_shares, self.exchange_time_ns, self.receive_time_ns, self.update_count)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) != 64:
            raise ValueError(f"TopOfBook has 64 bytes, not {len(data)}")
        type_id, locate, trading_status, condition, _, bid_price, bid_shares, ask_price, ask_shares, exchange_time_ns, receive_time_ns, update_count = cls.CODEC.unpack(data)
        if type_id != 34:
            raise ValueError(f"TopOfBook has type id 34, not {type_id}")
        return cls(locate, trading_status, condition, bid_price, bid_shares, ask_price, ask_shares, exchange_time_ns, receive_time_ns, update_count)


@dataclass(frozen=True, slots=True)
class DropCopyRecord:
    """What a gate let out, kept back, or heard from the venue. Each has the next sequence number; gaps are fetched again. 128 bytes."""

    kind: int
    side: int
    action: int
    reason: int
    order_type: int
    tif: int
    instrument_id: int
    account_id: int
    strategy_id: int
    sequence_number: int
    time_ns: int
    order_id: int
    price_ticks: int
    quantity_lots: int
    leaves_lots: int
    last_lots: int
    last_price_ticks: int
    execution_id: int
    venue_order_id: int
    fired_mask: int
    user_ref_num: int
    port_id: int
    flags: int
    type_id: int = 35

    TYPE_ID: ClassVar[int] = 35
    SIZE: ClassVar[int] = 128
    CODEC: ClassVar[Struct] = Struct("<HBBBBBBIHHQQQqqqqqQQQIBBHQQ")
    DTYPE: ClassVar[np.dtype[np.void]] = np.dtype({'names': ['type_id', 'kind', 'side', 'action', 'reason', 'order_type', 'tif', 'instrument_id', 'account_id', 'strategy_id', 'sequence_number', 'time_ns', 'order_id', 'price_ticks', 'quantity_lots', 'leaves_lots', 'last_lots', 'last_price_ticks', 'execution_id', 'venue_order_id', 'fired_mask', 'user_ref_num', 'port_id', 'flags', 'reserved0', 'reserved1', 'reserved2'], 'formats': ['<u2', '<u1', '<u1', '<u1', '<u1', '<u1', '<u1', '<u4', '<u2', '<u2', '<u8', '<u8', '<u8', '<i8', '<i8', '<i8', '<i8', '<i8', '<u8', '<u8', '<u8', '<u4', '<u1', '<u1', '<u2', '<u8', '<u8'], 'offsets': [0, 2, 3, 4, 5, 6, 7, 8, 12, 14, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 108, 109, 110, 112, 120], 'itemsize': 128})

    def to_bytes(self) -> bytes:
        return self.CODEC.pack(self.type_id, self.kind, self.side, self.action, self.reason, self.order_type, self.tif, self.instrument_id, self.account_id, self.strategy_id, self.sequence_number, self.time_ns, self.order_id, self.price_ticks, self.quantity_lots, self.leaves_lots, self.last_lots, self.last_price_ticks, self.execution_id, self.venue_order_id, self.fired_mask, self.user_ref_num, self.port_id, self.flags, 0, 0, 0)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) != 128:
            raise ValueError(f"DropCopy has 128 bytes, not {len(data)}")
        type_id, kind, side, action, reason, order_type, tif, instrument_id, account_id, strategy_id, sequence_number, time_ns, order_id, price_ticks, quantity_lots, leaves_lots, last_lots, last_price_ticks, execution_id, venue_order_id, fired_mask, user_ref_num, port_id, flags, _, _, _ = cls.CODEC.unpack(data)
        if type_id != 35:
            raise ValueError(f"DropCopy has type id 35, not {type_id}")
        return cls(kind, side, action, reason, order_type, tif, instrument_id, account_id, strategy_id, sequence_number, time_ns, order_id, price_ticks, quantity_lots, leaves_lots, last_lots, last_price_ticks, execution_id, venue_order_id, fired_mask, user_ref_num, port_id, flags)


@dataclass(frozen=True, slots=True)
class FillRecord:
    """Lots of a working order have traded: open becomes position; an execution of the strategy. 40 bytes."""

    account_id: int
    instrument_id: int
    side: int
    closes: int
    strategy_id: int
    order_id: int
    quantity_lots: int
    reserved_price_ticks: int
    type_id: int = 22

    TYPE_ID: ClassVar[int] = 22
    SIZE: ClassVar[int] = 40
    CODEC: ClassVar[Struct] = Struct("<HHIBBHIQqq")
    DTYPE: ClassVar[np.dtype[np.void]] = np.dtype({'names': ['type_id', 'account_id', 'instrument_id', 'side', 'closes', 'strategy_id', 'reserved0', 'order_id', 'quantity_lots', 'reserved_price_ticks'], 'formats': ['<u2', '<u2', '<u4', '<u1', '<u1', '<u2', '<u4', '<u8', '<i8', '<i8'], 'offsets': [0, 2, 4, 8, 9, 10, 12, 16, 24, 32], 'itemsize': 40})

    def to_bytes(self) -> bytes:
        return self.CODEC.pack(self.type_id, self.account_id, self.instrument_id, self.side, self.closes, self.strategy_id, 0, self.order_id, self.quantity_lots, self.reserved_price_ticks)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) != 40:
            raise ValueError(f"Fill has 40 bytes, not {len(data)}")
        type_id, account_id, instrument_id, side, closes, strategy_id, _, order_id, quantity_lots, reserved_price_ticks = cls.CODEC.unpack(data)
        if type_id != 22:
            raise ValueError(f"Fill has type id 22, not {type_id}")
        return cls(account_id, instrument_id, side, closes, strategy_id, order_id, quantity_lots, reserved_price_ticks)


@dataclass(frozen=True, slots=True)
class ReleaseRecord:
    """Lots of a working order will not trade: cancelled, rejected, expired. 40 bytes."""

    account_id: int
    instrument_id: int
    side: int
    closes: int
    strategy_id: int
    order_id: int
    quantity_lots: int
    reserved_price_ticks: int
    type_id: int = 23

    TYPE_ID: ClassVar[int] = 23
    SIZE: ClassVar[int] = 40
    CODEC: ClassVar[Struct] = Struct("<HHIBBHIQqq")
    DTYPE: ClassVar[np.dtype[np.void]] = np.dtype({'names': ['type_id', 'account_id', 'instrument_id', 'side', 'closes', 'strategy_id', 'reserved0', 'order_id', 'quantity_lots', 'reserved_price_ticks'], 'formats': ['<u2', '<u2', '<u4', '<u1', '<u1', '<u2', '<u4', '<u8', '<i8', '<i8'], 'offsets': [0, 2, 4, 8, 9, 10, 12, 16, 24, 32], 'itemsize': 40})

    def to_bytes(self) -> bytes:
        return self.CODEC.pack(self.type_id, self.account_id, self.instrument_id, self.side, self.closes, self.strategy_id, 0, self.order_id, self.quantity_lots, self.reserved_price_ticks)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) != 40:
            raise ValueError(f"Release has 40 bytes, not {len(data)}")
        type_id, account_id, instrument_id, side, closes, strategy_id, _, order_id, quantity_lots, reserved_price_ticks = cls.CODEC.unpack(data)
        if type_id != 23:
            raise ValueError(f"Release has type id 23, not {type_id}")
        return cls(account_id, instrument_id, side, closes, strategy_id, order_id, quantity_lots, reserved_price_ticks)


@dataclass(frozen=True, slots=True)
class ReserveRecord:
    """Recovery and amendments: the exposure of an order that is already working, without checks. 40 bytes."""

    account_id: int
    instrument_id: int
    side: int
    opens: int
    strategy_id: int
    order_id: int
    quantity_lots: int
    reserved_price_ticks: int
    type_id: int = 24

    TYPE_ID: ClassVar[int] = 24
    SIZE: ClassVar[int] = 40
    CODEC: ClassVar[Struct] = Struct("<HHIBBHIQqq")
    DTYPE: ClassVar[np.dtype[np.void]] = np.dtype({'names': ['type_id', 'account_id', 'instrument_id', 'side', 'opens', 'strategy_id', 'reserved0', 'order_id', 'quantity_lots', 'reserved_price_ticks'], 'formats': ['<u2', '<u2', '<u4', '<u1', '<u1', '<u2', '<u4', '<u8', '<i8', '<i8'], 'offsets': [0, 2, 4, 8, 9, 10, 12, 16, 24, 32], 'itemsize': 40})

    def to_bytes(self) -> bytes:
        return self.CODEC.pack(self.type_id, self.account_id, self.instrument_id, self.side, self.opens, self.strategy_id, 0, self.order_id, self.quantity_lots, self.reserved_price_ticks)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) != 40:
            raise ValueError(f"Reserve has 40 bytes, not {len(data)}")
        type_id, account_id, instrument_id, side, opens, strategy_id, _, order_id, quantity_lots, reserved_price_ticks = cls.CODEC.unpack(data)
        if type_id != 24:
            raise ValueError(f"Reserve has type id 24, not {type_id}")
        return cls(account_id, instrument_id, side, opens, strategy_id, order_id, quantity_lots, reserved_price_ticks)


@dataclass(frozen=True, slots=True)
class AdjustRecord:
    """A position moves without an order: late fill, bust, start-up. 16 bytes."""

    account_id: int
    instrument_id: int
    delta_lots: int
    type_id: int = 11

    TYPE_ID: ClassVar[int] = 11
    SIZE: ClassVar[int] = 16
    CODEC: ClassVar[Struct] = Struct("<HHIq")
    DTYPE: ClassVar[np.dtype[np.void]] = np.dtype({'names': ['type_id', 'account_id', 'instrument_id', 'delta_lots'], 'formats': ['<u2', '<u2', '<u4', '<i8'], 'offsets': [0, 2, 4, 8], 'itemsize': 16})

    def to_bytes(self) -> bytes:
        return self.CODEC.pack(self.type_id, self.account_id, self.instrument_id, self.delta_lots)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) != 16:
            raise ValueError(f"Adjust has 16 bytes, not {len(data)}")
        type_id, account_id, instrument_id, delta_lots = cls.CODEC.unpack(data)
        if type_id != 11:
            raise ValueError(f"Adjust has type id 11, not {type_id}")
        return cls(account_id, instrument_id, delta_lots)


@dataclass(frozen=True, slots=True)
class KillRecord:
    """Engages or releases a kill switch. 16 bytes."""

    scope: int
    engage: int
    id: int
    time_ns: int
    type_id: int = 12

    TYPE_ID: ClassVar[int] = 12
    SIZE: ClassVar[int] = 16
    CODEC: ClassVar[Struct] = Struct("<HBBIQ")
    DTYPE: ClassVar[np.dtype[np.void]] = np.dtype({'names': ['type_id', 'scope', 'engage', 'id', 'time_ns'], 'formats': ['<u2', '<u1', '<u1', '<u4', '<u8'], 'offsets': [0, 2, 3, 4, 8], 'itemsize': 16})

    def to_bytes(self) -> bytes:
        return self.CODEC.pack(self.type_id, self.scope, self.engage, self.id, self.time_ns)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) != 16:
            raise ValueError(f"Kill has 16 bytes, not {len(data)}")
        type_id, scope, engage, id, time_ns = cls.CODEC.unpack(data)
        if type_id != 12:
            raise ValueError(f"Kill has type id 12, not {type_id}")
        return cls(scope, engage, id, time_ns)


@dataclass(frozen=True, slots=True)
class HeartbeatRecord:
    """The lease of a gate, renewed; both ends send it. 24 bytes."""

    lease_ms: int
    sequence_number: int
    time_ns: int
    type_id: int = 13

    TYPE_ID: ClassVar[int] = 13
    SIZE: ClassVar[int] = 24
    CODEC: ClassVar[Struct] = Struct("<HHIQQ")
    DTYPE: ClassVar[np.dtype[np.void]] = np.dtype({'names': ['type_id', 'reserved0', 'lease_ms', 'sequence_number', 'time_ns'], 'formats': ['<u2', '<u2', '<u4', '<u8', '<u8'], 'offsets': [0, 2, 4, 8, 16], 'itemsize': 24})

    def to_bytes(self) -> bytes:
        return self.CODEC.pack(self.type_id, 0, self.lease_ms, self.sequence_number, self.time_ns)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) != 24:
            raise ValueError(f"Heartbeat has 24 bytes, not {len(data)}")
        type_id, _, lease_ms, sequence_number, time_ns = cls.CODEC.unpack(data)
        if type_id != 13:
            raise ValueError(f"Heartbeat has type id 13, not {type_id}")
        return cls(lease_ms, sequence_number, time_ns)


@dataclass(frozen=True, slots=True)
class QueryRecord:
    """Asks a gate for something that is no verdict; DIGEST, STATE and COUNTERS are answered as text. 8 bytes."""

    subject: int
    scope: int
    id: int
    type_id: int = 14

    TYPE_ID: ClassVar[int] = 14
    SIZE: ClassVar[int] = 8
    CODEC: ClassVar[Struct] = Struct("<HBBI")
    DTYPE: ClassVar[np.dtype[np.void]] = np.dtype({'names': ['type_id', 'subject', 'scope', 'id'], 'formats': ['<u2', '<u1', '<u1', '<u4'], 'offsets': [0, 2, 3, 4], 'itemsize': 8})

    def to_bytes(self) -> bytes:
        return self.CODEC.pack(self.type_id, self.subject, self.scope, self.id)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) != 8:
            raise ValueError(f"Query has 8 bytes, not {len(data)}")
        type_id, subject, scope, id = cls.CODEC.unpack(data)
        if type_id != 14:
            raise ValueError(f"Query has type id 14, not {type_id}")
        return cls(subject, scope, id)


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """How a gate answers a record that is no order. 16 bytes."""

    answered_type_id: int
    status: int
    value: int
    type_id: int = 15

    TYPE_ID: ClassVar[int] = 15
    SIZE: ClassVar[int] = 16
    CODEC: ClassVar[Struct] = Struct("<HHBBHq")
    DTYPE: ClassVar[np.dtype[np.void]] = np.dtype({'names': ['type_id', 'answered_type_id', 'status', 'reserved0', 'reserved1', 'value'], 'formats': ['<u2', '<u2', '<u1', '<u1', '<u2', '<i8'], 'offsets': [0, 2, 4, 5, 6, 8], 'itemsize': 16})

    def to_bytes(self) -> bytes:
        return self.CODEC.pack(self.type_id, self.answered_type_id, self.status, 0, 0, self.value)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) != 16:
            raise ValueError(f"Answer has 16 bytes, not {len(data)}")
        type_id, answered_type_id, status, _, _, value = cls.CODEC.unpack(data)
        if type_id != 15:
            raise ValueError(f"Answer has type id 15, not {type_id}")
        return cls(answered_type_id, status, value)


@dataclass(frozen=True, slots=True)
class WatchRecord:
    """Puts an instrument (on the card: its locate code) on the list whose orders are tracked, or takes the slot away. 16 bytes."""

    slot: int
    instrument_id: int
    on: int
    type_id: int = 36

    TYPE_ID: ClassVar[int] = 36
    SIZE: ClassVar[int] = 16
    CODEC: ClassVar[Struct] = Struct("<HHIBBHI")
    DTYPE: ClassVar[np.dtype[np.void]] = np.dtype({'names': ['type_id', 'slot', 'instrument_id', 'on', 'reserved0', 'reserved1', 'reserved2'], 'formats': ['<u2', '<u2', '<u4', '<u1', '<u1', '<u2', '<u4'], 'offsets': [0, 2, 4, 8, 9, 10, 12], 'itemsize': 16})

    def to_bytes(self) -> bytes:
        return self.CODEC.pack(self.type_id, self.slot, self.instrument_id, self.on, 0, 0, 0)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) != 16:
            raise ValueError(f"Watch has 16 bytes, not {len(data)}")
        type_id, slot, instrument_id, on, _, _, _ = cls.CODEC.unpack(data)
        if type_id != 36:
            raise ValueError(f"Watch has type id 36, not {type_id}")
        return cls(slot, instrument_id, on)


@dataclass(frozen=True, slots=True)
class TriggerRecord:
    """A price-cross trigger and the order that it sends. Prices in ticks, quantities in lots. 72 bytes."""

    slot: int
    enabled: int
    kinds: int
    message_side: int
    compare: int
    one_shot: int
    instrument_id: int
    account_id: int
    strategy_id: int
    threshold_ticks: int
    min_lots: int
    side: int
    tif: int
    flags: int
    port_id: int
    cooldown_us: int
    quantity_lots: int
    price_ticks: int
    first_order_id: int
    type_id: int = 37

    TYPE_ID: ClassVar[int] = 37
    SIZE: ClassVar[int] = 72
    CODEC: ClassVar[Struct] = Struct("<HBBBBBBIHHqqBBBBIqqQQ")
    DTYPE: ClassVar[np.dtype[np.void]] = np.dtype({'names': ['type_id', 'slot', 'enabled', 'kinds', 'message_side', 'compare', 'one_shot', 'instrument_id', 'account_id', 'strategy_id', 'threshold_ticks', 'min_lots', 'side', 'tif', 'flags', 'port_id', 'cooldown_us', 'quantity_lots', 'price_ticks', 'first_order_id', 'reserved0'], 'formats': ['<u2', '<u1', '<u1', '<u1', '<u1', '<u1', '<u1', '<u4', '<u2', '<u2', '<i8', '<i8', '<u1', '<u1', '<u1', '<u1', '<u4', '<i8', '<i8', '<u8', '<u8'], 'offsets': [0, 2, 3, 4, 5, 6, 7, 8, 12, 14, 16, 24, 32, 33, 34, 35, 36, 40, 48, 56, 64], 'itemsize': 72})

    def to_bytes(self) -> bytes:
        return self.CODEC.pack(self.type_id, self.slot, self.enabled, self.kinds, self.message_side, self.compare, self.one_shot, self.instrument_id, self.account_id, self.strategy_id, self.threshold_ticks, self.min_lots, self.side, self.tif, self.flags, self.port_id, self.cooldown_us, self.quantity_lots, self.price_ticks, self.first_order_id, 0)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) != 72:
            raise ValueError(f"Trigger has 72 bytes, not {len(data)}")
        type_id, slot, enabled, kinds, message_side, compare, one_shot, instrument_id, account_id, strategy_id, threshold_ticks, min_lots, side, tif, flags, port_id, cooldown_us, quantity_lots, price_ticks, first_order_id, _ = cls.CODEC.unpack(data)
        if type_id != 37:
            raise ValueError(f"Trigger has type id 37, not {type_id}")
        return cls(slot, enabled, kinds, message_side, compare, one_shot, instrument_id, account_id, strategy_id, threshold_ticks, min_lots, side, tif, flags, port_id, cooldown_us, quantity_lots, price_ticks, first_order_id)


@dataclass(frozen=True, slots=True)
class FrameTemplateRecord:
    """What every frame of an order-entry session begins with, and where its TCP and OUCH numbers go on. 80 bytes."""

    port_id: int
    up: int
    source_port: int
    destination_port: int
    destination_mac: int
    source_mac: int
    source_ip: int
    destination_ip: int
    sequence_number: int
    acknowledgment_number: int
    window: int
    vlan: int
    user_ref_num: int
    client_order_prefix: int
    firm: int
    capacity: int
    display: int
    cross_type: int
    type_id: int = 38

    TYPE_ID: ClassVar[int] = 38
    SIZE: ClassVar[int] = 80
    CODEC: ClassVar[Struct] = Struct("<HBBHHQQIIIIHHIQIBBBBQQ")
    DTYPE: ClassVar[np.dtype[np.void]] = np.dtype({'names': ['type_id', 'port_id', 'up', 'source_port', 'destination_port', 'destination_mac', 'source_mac', 'source_ip', 'destination_ip', 'sequence_number', 'acknowledgment_number', 'window', 'vlan', 'user_ref_num', 'client_order_prefix', 'firm', 'capacity', 'display', 'cross_type', 'reserved0', 'reserved1', 'reserved2'], 'formats': ['<u2', '<u1', '<u1', '<u2', '<u2', '<u8', '<u8', '<u4', '<u4', '<u4', '<u4', '<u2', '<u2', '<u4', '<u8', '<u4', '<u1', '<u1', '<u1', '<u1', '<u8', '<u8'], 'offsets': [0, 2, 3, 4, 6, 8, 16, 24, 28, 32, 36, 40, 42, 44, 48, 56, 60, 61, 62, 63, 64, 72], 'itemsize': 80})

    def to_bytes(self) -> bytes:
        return self.CODEC.pack(self.type_id, self.port_id, self.up, self.source_port, self.destination_port, self.destination_mac, self.source_mac, self.source_ip, self.destination_ip, self.sequence_number, self.acknowledgment_number, self.window, self.vlan, self.user_ref_num, self.client_order_prefix, self.firm, self.capacity, self.display, self.cross_type, 0, 0, 0)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) != 80:
            raise ValueError(f"FrameTemplate has 80 bytes, not {len(data)}")
        type_id, port_id, up, source_port, destination_port, destination_mac, source_mac, source_ip, destination_ip, sequence_number, acknowledgment_number, window, vlan, user_ref_num, client_order_prefix, firm, capacity, display, cross_type, _, _, _ = cls.CODEC.unpack(data)
        if type_id != 38:
            raise ValueError(f"FrameTemplate has type id 38, not {type_id}")
        return cls(port_id, up, source_port, destination_port, destination_mac, source_mac, source_ip, destination_ip, sequence_number, acknowledgment_number, window, vlan, user_ref_num, client_order_prefix, firm, capacity, display, cross_type)


@dataclass(frozen=True, slots=True)
class TcpStateRecord:
    """What the host's TCP stack has heard from the venue on an order-entry session. 16 bytes."""

    port_id: int
    up: int
    acknowledgment_number: int
    window: int
    peer_window: int
    acknowledged: int
    type_id: int = 39

    TYPE_ID: ClassVar[int] = 39
    SIZE: ClassVar[int] = 16
    CODEC: ClassVar[Struct] = Struct("<HBBIHHI")
    DTYPE: ClassVar[np.dtype[np.void]] = np.dtype({'names': ['type_id', 'port_id', 'up', 'acknowledgment_number', 'window', 'peer_window', 'acknowledged'], 'formats': ['<u2', '<u1', '<u1', '<u4', '<u2', '<u2', '<u4'], 'offsets': [0, 2, 3, 4, 8, 10, 12], 'itemsize': 16})

    def to_bytes(self) -> bytes:
        return self.CODEC.pack(self.type_id, self.port_id, self.up, self.acknowledgment_number, self.window, self.peer_window, self.acknowledged)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) != 16:
            raise ValueError(f"TcpState has 16 bytes, not {len(data)}")
        type_id, port_id, up, acknowledgment_number, window, peer_window, acknowledged = cls.CODEC.unpack(data)
        if type_id != 39:
            raise ValueError(f"TcpState has type id 39, not {type_id}")
        return cls(port_id, up, acknowledgment_number, window, peer_window, acknowledged)


@dataclass(frozen=True, slots=True)
class FeedFilterRecord:
    """Which packets a lane takes, and where its sequence begins. 48 bytes."""

    lane: int
    enabled: int
    destination_port: int
    destination_ip: int
    source_ip: int
    session_low: int
    session_high: int
    gap_timeout_ns: int
    next_sequence_number: int
    type_id: int = 40

    TYPE_ID: ClassVar[int] = 40
    SIZE: ClassVar[int] = 48
    CODEC: ClassVar[Struct] = Struct("<HBBHHIIQHHIQQ")
    DTYPE: ClassVar[np.dtype[np.void]] = np.dtype({'names': ['type_id', 'lane', 'enabled', 'destination_port', 'reserved0', 'destination_ip', 'source_ip', 'session_low', 'session_high', 'reserved1', 'gap_timeout_ns', 'next_sequence_number', 'reserved2'], 'formats': ['<u2', '<u1', '<u1', '<u2', '<u2', '<u4', '<u4', '<u8', '<u2', '<u2', '<u4', '<u8', '<u8'], 'offsets': [0, 2, 3, 4, 6, 8, 12, 16, 24, 26, 28, 32, 40], 'itemsize': 48})

    def to_bytes(self) -> bytes:
        return self.CODEC.pack(self.type_id, self.lane, self.enabled, self.destination_port, 0, self.destination_ip, self.source_ip, self.session_low, self.session_high, 0, self.gap_timeout_ns, self.next_sequence_number, 0)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) != 48:
            raise ValueError(f"FeedFilter has 48 bytes, not {len(data)}")
        type_id, lane, enabled, destination_port, _, destination_ip, source_ip, session_low, session_high, _, gap_timeout_ns, next_sequence_number, _ = cls.CODEC.unpack(data)
        if type_id != 40:
            raise ValueError(f"FeedFilter has type id 40, not {type_id}")
        return cls(lane, enabled, destination_port, destination_ip, source_ip, session_low, session_high, gap_timeout_ns, next_sequence_number)


@dataclass(frozen=True, slots=True)
class ClearGapRecord:
    """The host has seen to a gap: the feed, or one instrument, may be used again. 16 bytes."""

    all: int
    instrument_id: int
    type_id: int = 41

    TYPE_ID: ClassVar[int] = 41
    SIZE: ClassVar[int] = 16
    CODEC: ClassVar[Struct] = Struct("<HBBIQ")
    DTYPE: ClassVar[np.dtype[np.void]] = np.dtype({'names': ['type_id', 'all', 'reserved0', 'instrument_id', 'reserved1'], 'formats': ['<u2', '<u1', '<u1', '<u4', '<u8'], 'offsets': [0, 2, 3, 4, 8], 'itemsize': 16})

    def to_bytes(self) -> bytes:
        return self.CODEC.pack(self.type_id, self.all, 0, self.instrument_id, 0)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) != 16:
            raise ValueError(f"ClearGap has 16 bytes, not {len(data)}")
        type_id, all, _, instrument_id, _ = cls.CODEC.unpack(data)
        if type_id != 41:
            raise ValueError(f"ClearGap has type id 41, not {type_id}")
        return cls(all, instrument_id)


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """What the card did. The numbers have no holes: what the host did not fetch in time is told by an OVERFLOW record. 80 bytes."""

    kind: int
    reason: int
    action: int
    side: int
    port_id: int
    order_type: int
    instrument_id: int
    account_id: int
    strategy_id: int
    sequence_number: int
    time_ns: int
    order_id: int
    price_ticks: int
    quantity_lots: int
    fired_mask: int
    reserved_price_ticks: int
    value: int
    type_id: int = 42

    TYPE_ID: ClassVar[int] = 42
    SIZE: ClassVar[int] = 80
    CODEC: ClassVar[Struct] = Struct("<HBBBBBBIHHQQQqqQqQ")
    DTYPE: ClassVar[np.dtype[np.void]] = np.dtype({'names': ['type_id', 'kind', 'reason', 'action', 'side', 'port_id', 'order_type', 'instrument_id', 'account_id', 'strategy_id', 'sequence_number', 'time_ns', 'order_id', 'price_ticks', 'quantity_lots', 'fired_mask', 'reserved_price_ticks', 'value'], 'formats': ['<u2', '<u1', '<u1', '<u1', '<u1', '<u1', '<u1', '<u4', '<u2', '<u2', '<u8', '<u8', '<u8', '<i8', '<i8', '<u8', '<i8', '<u8'], 'offsets': [0, 2, 3, 4, 5, 6, 7, 8, 12, 14, 16, 24, 32, 40, 48, 56, 64, 72], 'itemsize': 80})

    def to_bytes(self) -> bytes:
        return self.CODEC.pack(self.type_id, self.kind, self.reason, self.action, self.side, self.port_id, self.order_type, self.instrument_id, self.account_id, self.strategy_id, self.sequence_number, self.time_ns, self.order_id, self.price_ticks, self.quantity_lots, self.fired_mask, self.reserved_price_ticks, self.value)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) != 80:
            raise ValueError(f"Audit has 80 bytes, not {len(data)}")
        type_id, kind, reason, action, side, port_id, order_type, instrument_id, account_id, strategy_id, sequence_number, time_ns, order_id, price_ticks, quantity_lots, fired_mask, reserved_price_ticks, value = cls.CODEC.unpack(data)
        if type_id != 42:
            raise ValueError(f"Audit has type id 42, not {type_id}")
        return cls(kind, reason, action, side, port_id, order_type, instrument_id, account_id, strategy_id, sequence_number, time_ns, order_id, price_ticks, quantity_lots, fired_mask, reserved_price_ticks, value)


Record = OrderIntentRecord | VerdictRecord | InstrumentLimitsRecord | AccountLimitsRecord | PositionLimitsRecord | FirmLimitsRecord | StrategyLimitsRecord | PortLimitsRecord | ReferencePriceRecord | MarkRecord | QuoteRecord | PriceBandRecord | ProfitAndLossRecord | CreditRecord | OutcomeRecord | RearmRecord | LeaseRecord | DayResetRecord | SymbolRecord | TopOfBookRecord | DropCopyRecord | FillRecord | ReleaseRecord | ReserveRecord | AdjustRecord | KillRecord | HeartbeatRecord | QueryRecord | AnswerRecord | WatchRecord | TriggerRecord | FrameTemplateRecord | TcpStateRecord | FeedFilterRecord | ClearGapRecord | AuditRecord
RECORDS: dict[int, type[Record]] = {
    OrderIntentRecord.TYPE_ID: OrderIntentRecord,
    VerdictRecord.TYPE_ID: VerdictRecord,
    InstrumentLimitsRecord.TYPE_ID: InstrumentLimitsRecord,
    AccountLimitsRecord.TYPE_ID: AccountLimitsRecord,
    PositionLimitsRecord.TYPE_ID: PositionLimitsRecord,
    FirmLimitsRecord.TYPE_ID: FirmLimitsRecord,
    StrategyLimitsRecord.TYPE_ID: StrategyLimitsRecord,
    PortLimitsRecord.TYPE_ID: PortLimitsRecord,
    ReferencePriceRecord.TYPE_ID: ReferencePriceRecord,
    MarkRecord.TYPE_ID: MarkRecord,
    QuoteRecord.TYPE_ID: QuoteRecord,
    PriceBandRecord.TYPE_ID: PriceBandRecord,
    ProfitAndLossRecord.TYPE_ID: ProfitAndLossRecord,
    CreditRecord.TYPE_ID: CreditRecord,
    OutcomeRecord.TYPE_ID: OutcomeRecord,
    RearmRecord.TYPE_ID: RearmRecord,
    LeaseRecord.TYPE_ID: LeaseRecord,
    DayResetRecord.TYPE_ID: DayResetRecord,
    SymbolRecord.TYPE_ID: SymbolRecord,
    TopOfBookRecord.TYPE_ID: TopOfBookRecord,
    DropCopyRecord.TYPE_ID: DropCopyRecord,
    FillRecord.TYPE_ID: FillRecord,
    ReleaseRecord.TYPE_ID: ReleaseRecord,
    ReserveRecord.TYPE_ID: ReserveRecord,
    AdjustRecord.TYPE_ID: AdjustRecord,
    KillRecord.TYPE_ID: KillRecord,
    HeartbeatRecord.TYPE_ID: HeartbeatRecord,
    QueryRecord.TYPE_ID: QueryRecord,
    AnswerRecord.TYPE_ID: AnswerRecord,
    WatchRecord.TYPE_ID: WatchRecord,
    TriggerRecord.TYPE_ID: TriggerRecord,
    FrameTemplateRecord.TYPE_ID: FrameTemplateRecord,
    TcpStateRecord.TYPE_ID: TcpStateRecord,
    FeedFilterRecord.TYPE_ID: FeedFilterRecord,
    ClearGapRecord.TYPE_ID: ClearGapRecord,
    AuditRecord.TYPE_ID: AuditRecord,
}


def read_record(data: bytes) -> Record:
    """The record in `data`; ValueError when it is none of ours or has the wrong size."""
    record = RECORDS.get(int.from_bytes(data[:2], "little"))
    if record is None:
        raise ValueError(f"unknown record: {data[:8].hex()}")
    return record.from_bytes(data)
