"""Nasdaq TotalView-ITCH 5.0 to columns, without a branch on the message type. Twin: meltica/hot/itch_twin.py.

A table says for each type where its fields are and which bits of eight loaded bytes count; a field that a message does
not have is loaded from its first bytes and masked to 0. So the processor has nothing to mispredict. Eight bytes are
loaded wherever a field begins, so the end of the buffer goes through a padded copy.
Source of the offsets: NQTVITCHspecification.pdf, sections 1.1 to 1.8. Offsets count from the type byte.
"""

cimport cython
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

import numpy as np

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    static inline uint64_t meltica_big8(const uint8_t* p) { uint64_t v; memcpy(&v, p, 8); return __builtin_bswap64(v); }
    static inline uint32_t meltica_big4(const uint8_t* p) { uint32_t v; memcpy(&v, p, 4); return __builtin_bswap32(v); }
    static inline uint16_t meltica_big2(const uint8_t* p) { uint16_t v; memcpy(&v, p, 2); return __builtin_bswap16(v); }
    /* The compiler may not use that the value equals another one. */
    static inline int64_t meltica_own(int64_t v) { __asm__("" : "+r"(v)); return v; }
    static inline uint64_t meltica_raw8(const uint8_t* p) { uint64_t v; memcpy(&v, p, 8); return v; }
    """
    uint64_t big8 "meltica_big8"(const uint8_t* p) noexcept nogil
    uint32_t big4 "meltica_big4"(const uint8_t* p) noexcept nogil
    uint16_t big2 "meltica_big2"(const uint8_t* p) noexcept nogil
    int64_t own "meltica_own"(int64_t v) noexcept nogil
    uint64_t raw8 "meltica_raw8"(const uint8_t* p) noexcept nogil

cdef enum:
    # As in meltica/hot/itch.py
    MORE = 0
    END = 1
    END_OF_SESSION = 2
    TRUNCATED = 3
    UNKNOWN_TYPE = 4
    WRONG_LENGTH = 5
    LONGEST = 50     # message: type I
    MARGIN = 64      # bytes behind a length field that may be read: longest message and eight more, rounded up
    KINDS = 24       # message types, and one for all that is unknown

# Where a type keeps its fields. Prices and four-byte shares: where their last four bytes begin, less four.
cdef struct Fields:
    uint64_t order_ref_mask
    uint64_t second_ref_mask
    uint64_t shares_mask
    uint64_t stock_mask
    uint32_t price_mask
    uint16_t length
    uint8_t side_mask
    uint8_t code_mask
    uint8_t order_ref_at
    uint8_t second_ref_at
    uint8_t shares_at
    uint8_t stock_at
    uint8_t price_at
    uint8_t side_at
    uint8_t code_at
    uint8_t pad

cdef uint8_t[256] KIND_OF_TYPE
cdef Fields[KINDS] FIELDS_OF_KIND

LENGTHS = {
    "S": 12, "R": 39, "H": 25, "Y": 20, "L": 26, "V": 35, "W": 12, "K": 28, "J": 35, "h": 21, "A": 36, "F": 40, "E": 31,
    "C": 36, "X": 23, "D": 19, "U": 35, "P": 44, "Q": 40, "B": 19, "I": 50, "N": 20, "O": 48,
}
ORDER_REF = dict.fromkeys("AFECXDUP", 11)
SECOND_REF = {"U": 19, "E": 23, "C": 23, "P": 36, "Q": 31, "B": 11, "J": 23}
SIDE = dict.fromkeys("AFPh", 19)
SHARES = {"A": 20, "F": 20, "P": 20, "E": 19, "C": 19, "X": 19, "U": 27, "J": 31, "K": 19}
WIDE_SHARES = {"Q": 11, "I": 11}
PRICE = {"A": 32, "F": 32, "P": 32, "C": 32, "U": 31, "Q": 27, "J": 19, "K": 24}
STOCK = {"A": 24, "F": 24, "P": 24, "Q": 19, "I": 28, "L": 15, **dict.fromkeys("RHYKJhNO", 11)}
CODE = {
    "S": 11, "R": 19, "H": 19, "Y": 19, "L": 24, "W": 11, "K": 23, "h": 20, "C": 31, "Q": 39, "I": 27, "N": 19, "O": 19,
}


def fill_tables():
    cdef Fields* fields
    memset(KIND_OF_TYPE, 0, sizeof(KIND_OF_TYPE))
    memset(FIELDS_OF_KIND, 0, sizeof(FIELDS_OF_KIND))
    for kind, (letter, length) in enumerate(LENGTHS.items(), start=1):
        KIND_OF_TYPE[ord(letter)] = kind
        fields = &FIELDS_OF_KIND[kind]
        fields.length = length
        fields.order_ref_at, fields.order_ref_mask = located(ORDER_REF, letter, 2**64 - 1)
        fields.second_ref_at, fields.second_ref_mask = located(SECOND_REF, letter, 2**64 - 1)
        fields.stock_at, fields.stock_mask = located(STOCK, letter, 2**64 - 1)
        fields.side_at, fields.side_mask = located(SIDE, letter, 0xFF)
        fields.code_at, fields.code_mask = located(CODE, letter, 0xFF)
        fields.price_at, fields.price_mask = located(PRICE, letter, 0xFFFFFFFF)
        fields.shares_at, fields.shares_mask = located(WIDE_SHARES, letter, 2**64 - 1)
        if letter in SHARES:
            fields.shares_at, fields.shares_mask = SHARES[letter] - 4, 0xFFFFFFFF


def located(offsets, letter, mask):
    return (offsets[letter], mask) if letter in offsets else (0, 0)


fill_tables()


@cython.final
cdef class ItchColumns:
    """See meltica.hot.itch.ItchKernel."""

    cdef readonly dict columns
    cdef readonly object counts
    cdef Py_ssize_t capacity
    cdef uint8_t* types
    cdef uint8_t* sides
    cdef uint8_t* codes
    cdef uint16_t* locates
    cdef uint32_t* prices
    cdef uint64_t* timestamps
    cdef uint64_t* order_refs
    cdef uint64_t* second_refs
    cdef uint64_t* shares
    cdef uint64_t* stocks
    cdef uint64_t* type_counts

    def __cinit__(self, Py_ssize_t capacity):
        cdef uint8_t[::1] u1
        cdef uint16_t[::1] u2
        cdef uint32_t[::1] u4
        cdef uint64_t[::1] u8
        if capacity < 1:
            raise ValueError(f"capacity {capacity} is not positive")
        self.capacity = capacity
        self.columns = {
            name: np.zeros(capacity, code)
            for name, code in (
                ("type", "u1"), ("side", "u1"), ("code", "u1"), ("locate", "u2"), ("price", "u4"), ("timestamp_ns", "u8"),
                ("order_ref", "u8"), ("second_ref", "u8"), ("shares", "u8"), ("stock", "S8"),
            )
        }
        self.counts = np.zeros(256, np.uint64)
        u1 = self.columns["type"]
        self.types = &u1[0]
        u1 = self.columns["side"]
        self.sides = &u1[0]
        u1 = self.columns["code"]
        self.codes = &u1[0]
        u2 = self.columns["locate"]
        self.locates = &u2[0]
        u4 = self.columns["price"]
        self.prices = &u4[0]
        u8 = self.columns["timestamp_ns"]
        self.timestamps = &u8[0]
        u8 = self.columns["order_ref"]
        self.order_refs = &u8[0]
        u8 = self.columns["second_ref"]
        self.second_refs = &u8[0]
        u8 = self.columns["shares"]
        self.shares = &u8[0]
        u8 = self.columns["stock"].view(np.uint64)
        self.stocks = &u8[0]
        u8 = self.counts
        self.type_counts = &u8[0]

    def decode(self, const uint8_t[::1] buffer not None, Py_ssize_t offset):
        """(rows, offset of what comes next, why it stopped)"""
        cdef Py_ssize_t size = buffer.shape[0]
        cdef Py_ssize_t row = 0
        cdef int stop = END
        cdef const uint8_t* data
        if offset < 0 or offset > size:
            raise ValueError(f"offset {offset} is not within 0..{size}")
        if size:
            data = &buffer[0]
            with nogil:
                stop = self.run(data, size, &offset, &row)
                if stop == END:
                    stop = self.run_end(data, size, &offset, &row)
        return row, offset, stop

    cdef int run(self, const uint8_t* data, Py_ssize_t size, Py_ssize_t* offset, Py_ssize_t* row) noexcept nogil:
        """Decodes while a whole margin lies ahead; END when it does not any more."""
        cdef Py_ssize_t at = offset[0]
        cdef Py_ssize_t next_at
        cdef Py_ssize_t rows = row[0]
        cdef const uint8_t* message
        cdef const Fields* fields
        cdef uint16_t length
        cdef uint8_t kind, side, code
        cdef uint16_t locate
        cdef uint32_t price
        cdef uint64_t timestamp, order_ref, second_ref, share_count, stock
        cdef int stop = MORE
        # Local copies: a store through a byte pointer may alias anything in memory, so the compiler would load these
        # again for each message.
        cdef Py_ssize_t capacity = self.capacity
        cdef uint8_t* types = self.types
        cdef uint8_t* sides = self.sides
        cdef uint8_t* codes = self.codes
        cdef uint16_t* locates = self.locates
        cdef uint32_t* prices = self.prices
        cdef uint64_t* timestamps = self.timestamps
        cdef uint64_t* order_refs = self.order_refs
        cdef uint64_t* second_refs = self.second_refs
        cdef uint64_t* shares = self.shares
        cdef uint64_t* stocks = self.stocks
        cdef uint64_t* type_counts = self.type_counts
        while rows < capacity:
            if at + MARGIN > size:
                stop = END
                break
            length = big2(data + at)
            # From the length in the data, not from the equal one in the table: that one is known four loads later, and
            # the next message cannot begin before.
            next_at = own(at + 2 + length)
            message = data + at + 2
            fields = &FIELDS_OF_KIND[KIND_OF_TYPE[message[0]]]
            if length != fields.length or length == 0:
                stop = END_OF_SESSION if length == 0 else WRONG_LENGTH if fields.length else UNKNOWN_TYPE
                if stop == END_OF_SESSION:
                    at += 2
                break
            # All loads, then all stores: a load behind a store whose address looks alike (the columns and the buffer
            # often agree in their low bits) would wait for it.
            kind = message[0]
            side = message[fields.side_at] & fields.side_mask
            code = message[fields.code_at] & fields.code_mask
            locate = big2(message + 1)
            price = big4(message + fields.price_at) & fields.price_mask
            timestamp = big8(message + 3) & <uint64_t>0xFFFFFFFFFFFF
            order_ref = big8(message + fields.order_ref_at) & fields.order_ref_mask
            second_ref = big8(message + fields.second_ref_at) & fields.second_ref_mask
            share_count = big8(message + fields.shares_at) & fields.shares_mask
            stock = raw8(message + fields.stock_at) & fields.stock_mask
            types[rows] = kind
            sides[rows] = side
            codes[rows] = code
            locates[rows] = locate
            prices[rows] = price
            timestamps[rows] = timestamp
            order_refs[rows] = order_ref
            second_refs[rows] = second_ref
            shares[rows] = share_count
            stocks[rows] = stock
            type_counts[kind] += 1
            rows += 1
            at = next_at
        offset[0] = at
        row[0] = rows
        return stop

    cdef int run_end(self, const uint8_t* data, Py_ssize_t size, Py_ssize_t* offset, Py_ssize_t* row) noexcept nogil:
        """The last bytes, message by message from a padded copy."""
        cdef uint8_t[2 * MARGIN] padded
        cdef Py_ssize_t at, left, length
        cdef Py_ssize_t rows
        cdef int stop
        cdef const Fields* fields
        while row[0] < self.capacity:
            left = size - offset[0]
            if left == 0:
                return END
            if left < 2:
                return TRUNCATED
            length = big2(data + offset[0])
            if length == 0:
                offset[0] += 2
                return END_OF_SESSION
            if left < 3:
                return TRUNCATED
            fields = &FIELDS_OF_KIND[KIND_OF_TYPE[data[offset[0] + 2]]]
            if length != fields.length:
                return WRONG_LENGTH if fields.length else UNKNOWN_TYPE
            if left < 2 + length:
                return TRUNCATED
            memset(padded, 0, sizeof(padded))
            memcpy(padded, data + offset[0], 2 + length)
            at = 0
            rows = row[0]
            # The copy holds one message and a zero length behind it, where the loop stops.
            self.run(padded, sizeof(padded), &at, &rows)
            row[0] = rows
            offset[0] += 2 + length
        return MORE
