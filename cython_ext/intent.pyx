"""The order intent: 64 bytes with names. Twin: meltica/hot/intent_twin.py."""

cimport cython
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from cython_ext.layout_gen cimport ORDER_INTENT_TYPE_ID, ORDER_TYPE_LIMIT, TIME_IN_FORCE_GTC, OrderIntentRecord


@cython.final
@cython.freelist(256)  # as many intents as are usually alive at once between strategy and gate
cdef class OrderIntent:
    def __init__(
        self,
        *,
        uint8_t action,
        uint8_t side,
        uint32_t instrument_id,
        uint16_t account_id,
        uint64_t order_id,
        int64_t quantity_lots,
        uint64_t time_ns,
        int64_t price_ticks=0,
        uint8_t order_type=ORDER_TYPE_LIMIT,
        uint8_t tif=TIME_IN_FORCE_GTC,
        uint8_t flags=0,
        uint16_t strategy_id=0,
        uint8_t port_id=0,
        int64_t working_lots=0,
        int64_t working_price_ticks=0,
        uint16_t type_id=ORDER_INTENT_TYPE_ID,
    ):
        cdef OrderIntentRecord* record = &self.record
        record.type_id = type_id
        record.action = action
        record.side = side
        record.flags = flags
        record.port_id = port_id
        record.order_type = order_type
        record.tif = tif
        record.instrument_id = instrument_id
        record.account_id = account_id
        record.strategy_id = strategy_id
        record.order_id = order_id
        record.price_ticks = price_ticks
        record.quantity_lots = quantity_lots
        record.time_ns = time_ns
        record.working_lots = working_lots
        record.working_price_ticks = working_price_ticks

    def to_bytes(self):
        return PyBytes_FromStringAndSize(<const char*>&self.record, sizeof(OrderIntentRecord))

    @staticmethod
    def from_bytes(const unsigned char[::1] data not None):
        """Any 64 bytes: whether they make sense is for the gate to judge."""
        if data.shape[0] != sizeof(OrderIntentRecord):
            raise ValueError(f"OrderIntent has {sizeof(OrderIntentRecord)} bytes, not {data.shape[0]}")
        cdef OrderIntent intent = OrderIntent.__new__(OrderIntent)
        memcpy(&intent.record, &data[0], sizeof(OrderIntentRecord))
        return intent

    def __eq__(self, other):
        if type(other) is not OrderIntent:
            return NotImplemented
        return memcmp(&self.record, &(<OrderIntent>other).record, sizeof(OrderIntentRecord)) == 0

    def __hash__(self):
        return hash(self.to_bytes())

    def __repr__(self):
        fields = ", ".join(f"{name}={getattr(self, name)}" for name in FIELDS)
        return f"OrderIntent({fields})"

    def __reduce__(self):
        return OrderIntent.from_bytes, (self.to_bytes(),)

    @property
    def type_id(self):
        return self.record.type_id

    @property
    def action(self):
        return self.record.action

    @property
    def side(self):
        return self.record.side

    @property
    def flags(self):
        return self.record.flags

    @property
    def order_type(self):
        return self.record.order_type

    @property
    def tif(self):
        return self.record.tif

    @property
    def instrument_id(self):
        return self.record.instrument_id

    @property
    def account_id(self):
        return self.record.account_id

    @property
    def strategy_id(self):
        return self.record.strategy_id

    @property
    def port_id(self):
        return self.record.port_id

    @property
    def order_id(self):
        return self.record.order_id

    @property
    def price_ticks(self):
        return self.record.price_ticks

    @property
    def quantity_lots(self):
        return self.record.quantity_lots

    @property
    def time_ns(self):
        return self.record.time_ns

    @property
    def working_lots(self):
        return self.record.working_lots

    @property
    def working_price_ticks(self):
        return self.record.working_price_ticks


FIELDS = (
    "action",
    "side",
    "instrument_id",
    "account_id",
    "order_id",
    "quantity_lots",
    "time_ns",
    "price_ticks",
    "order_type",
    "tif",
    "flags",
    "strategy_id",
    "port_id",
    "working_lots",
    "working_price_ticks",
    "type_id",
)
