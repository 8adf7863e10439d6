# The bytes of OUCH 5.0 in SoupBinTCP: offsets, big-endian numbers, and what a ClOrdID of ours looks like.
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from cython_ext.layout_gen cimport SIDE_BUY

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    static const char meltica_digits[33] = "0123456789ABCDEFGHIJKLMNOPQRSTUV";
    static inline uint16_t meltica_get16(const uint8_t* at) { uint16_t v; memcpy(&v, at, 2); return __builtin_bswap16(v); }
    static inline uint32_t meltica_get32(const uint8_t* at) { uint32_t v; memcpy(&v, at, 4); return __builtin_bswap32(v); }
    static inline uint64_t meltica_get64(const uint8_t* at) { uint64_t v; memcpy(&v, at, 8); return __builtin_bswap64(v); }
    static inline void meltica_put16(uint8_t* at, uint16_t v) { v = __builtin_bswap16(v); memcpy(at, &v, 2); }
    static inline void meltica_put32(uint8_t* at, uint32_t v) { v = __builtin_bswap32(v); memcpy(at, &v, 4); }
    static inline void meltica_put64(uint8_t* at, uint64_t v) { v = __builtin_bswap64(v); memcpy(at, &v, 8); }
    /* ClOrdID: M and the order id in base 32, thirteen digits. */
    static inline void meltica_put_id(uint8_t* at, uint64_t id) {
        at[0] = 'M';
        for (int digit = 0; digit < 13; digit++)
            at[1 + digit] = (uint8_t)meltica_digits[(id >> (60 - 5 * digit)) & 31];
    }
    /* 0: not one of ours. */
    static inline uint64_t meltica_get_id(const uint8_t* at) {
        uint64_t id = 0;
        if (at[0] != 'M') return 0;
        for (int digit = 0; digit < 13; digit++) {
            uint8_t c = at[1 + digit];
            int value = c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'V' ? c - 'A' + 10 : -1;
            if (value < 0 || (digit == 0 && value > 15)) return 0;
            id = id << 5 | (uint64_t)value;
        }
        return id;
    }
    """
    uint16_t get16 "meltica_get16"(const uint8_t* at) noexcept nogil
    uint32_t get32 "meltica_get32"(const uint8_t* at) noexcept nogil
    uint64_t get64 "meltica_get64"(const uint8_t* at) noexcept nogil
    void put16 "meltica_put16"(uint8_t* at, uint16_t value) noexcept nogil
    void put32 "meltica_put32"(uint8_t* at, uint32_t value) noexcept nogil
    void put64 "meltica_put64"(uint8_t* at, uint64_t value) noexcept nogil
    void put_id "meltica_put_id"(uint8_t* at, uint64_t order_id) noexcept nogil
    uint64_t get_id "meltica_get_id"(const uint8_t* at) noexcept nogil

cdef enum:
    # An Enter Order in its packet: 2 bytes of length, the packet type, then the message.
    HEADER = 3
    ENTER_URN = HEADER + 1
    ENTER_SIDE = HEADER + 5
    ENTER_SHARES = HEADER + 6
    ENTER_SYMBOL = HEADER + 10
    ENTER_PRICE = HEADER + 18
    ENTER_TIF = HEADER + 26
    ENTER_ISO = HEADER + 29
    ENTER_CLORDID = HEADER + 31
    ENTER_APPENDAGE = HEADER + 45
    ENTER_SIZE = HEADER + 47
    REPLACE_SIZE = HEADER + 40
    CANCEL_SIZE = HEADER + 9
    ELEMENT = 3                 # a tag with a value of one byte
    ROOM = 64                   # for the largest packet
    MAX_SHARES = 999999
    MAX_PRICE = 1999999900
    MARKET_PRICE = 0x7FFFFFFF
    TAG_FIRM = 2
    TAG_POST_ONLY = 12
    TAG_SHARES_LOCATED = 25
    FLAG_ISO = 4
    FLAG_SHORT = 8
    FLAG_SHORT_EXEMPT = 16
    LAST_URN = 0xFFFFFFFF



cdef inline uint8_t side_code(uint8_t side, uint8_t flags) noexcept nogil:
    if side == SIDE_BUY:
        return c"B"
    if flags & FLAG_SHORT_EXEMPT:
        return c"E"
    return c"T" if flags & FLAG_SHORT else c"S"


cdef inline int put_element(uint8_t* out, int size, uint8_t tag, uint8_t value) noexcept nogil:
    out[size] = 2
    out[size + 1] = tag
    out[size + 2] = value
    return size + ELEMENT


cdef inline int put_cancel(uint8_t* out, uint32_t user_ref_num) noexcept nogil:
    """Down to nothing: what is left of the order is cancelled."""
    put16(out, CANCEL_SIZE - 2)
    out[2] = c"U"
    out[3] = c"X"
    put32(&out[HEADER + 1], user_ref_num)
    put32(&out[HEADER + 5], 0)
    return CANCEL_SIZE


cdef inline int ascii_number(const uint8_t* at, uint64_t* number) noexcept nogil:
    """Twenty characters, padded with spaces on either side. 1, or OUCH_BAD_PACKET and no change."""
    cdef uint64_t value = 0
    cdef int digits = 0
    cdef int place
    cdef int ended = 0
    for place in range(20):
        if at[place] == c" ":
            ended |= digits > 0
        elif c"0" <= at[place] <= c"9" and not ended and digits < 19:
            value = value * 10 + (at[place] - c"0")
            digits += 1
        else:
            return -14
    if digits == 0:
        return -14
    number[0] = value
    return 1


cdef inline size_t least_size(uint8_t kind) noexcept nogil:
    """Of a message to us; more than any packet has for a type that does not exist."""
    if kind == c"E":
        return 34
    if kind == c"A":
        return 64
    if kind == c"C":
        return 18
    if kind == c"U":
        return 68
    if kind == c"J":
        return 29
    if kind == c"D":
        return 32
    if kind == c"B":
        return 36
    if kind == c"F":
        return 49
    if kind == c"P" or kind == c"I" or kind == c"Q":
        return 13
    if kind == c"T":
        return 30
    if kind == c"M":
        return 18
    if kind == c"R":
        return 16
    if kind == c"X":
        return 27
    if kind == c"G" or kind == c"K":
        return 19
    if kind == c"S":
        return 10
    return 0x10000


cdef inline size_t clordid_at(uint8_t kind) noexcept nogil:
    if kind == c"A":
        return 48
    if kind == c"U":
        return 52
    if kind == c"J":
        return 15
    return 22 if kind == c"B" else 35


cdef inline size_t packets_in(const uint8_t* data, size_t size) noexcept nogil:
    """Whole packets at the beginning of the bytes."""
    cdef size_t at = 0
    cdef size_t count = 0
    while at + 2 <= size and get16(data + at) != 0 and at + 2 + get16(data + at) <= size:
        at += 2 + get16(data + at)
        count += 1
    return count
