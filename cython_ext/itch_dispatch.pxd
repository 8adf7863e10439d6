# Which message does what to the books: from its bytes, or from a row of the decoder's columns.
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from cython_ext.itch_market cimport (
    Market, add, big2, big4, big8, halt_market, hear, name, reduce, remove, replace, set_collar, set_quotation,
)


cdef inline int take_message(Market* market, const uint8_t* message) noexcept nogil:
    """What the message does: 0, BOOK_FULL or NO_MEMORY. Offsets: NQTVITCHspecification.pdf, 1.1 to 1.8."""
    cdef uint8_t kind = message[0]
    cdef uint16_t locate = big2(message + 1)
    cdef uint64_t symbol
    if kind == c"A" or kind == c"F":
        memcpy(&symbol, message + 24, 8)
        return add(
            market, big8(message + 11), locate, message[19], big4(message + 32), big4(message + 20), symbol
        )
    if kind == c"D":
        remove(market, big8(message + 11))
    elif kind == c"U":
        return replace(market, big8(message + 11), big8(message + 19), big4(message + 31), big4(message + 27))
    elif kind == c"E" or kind == c"X" or kind == c"C":
        reduce(market, big8(message + 11), big4(message + 19))
    elif kind == c"R":
        memcpy(&symbol, message + 11, 8)
        name(market, locate, symbol)
    elif kind == c"H":
        market.books[locate].state = message[19]
    elif kind == c"h":
        halt_market(market, locate, message[19], message[20])
    elif kind == c"Y":
        market.status[locate].short_sale = message[19]
    elif kind == c"J":
        set_collar(market, locate, big4(message + 19), big4(message + 23), big4(message + 27), big4(message + 31))
    elif kind == c"K":
        set_quotation(market, locate, big4(message + 19), message[23], big4(message + 24))
    elif kind == c"S":
        market.event = message[11]
    return 0


cdef inline int take_row(
    Market* market, uint8_t kind, uint16_t locate, uint8_t side, uint8_t code, uint32_t price, uint64_t time_ns, uint64_t ref,
    uint64_t second_ref, uint64_t shares, uint64_t symbol
) noexcept nogil:
    cdef int failure = 0
    market.now_ns = time_ns
    if kind == c"A" or kind == c"F":
        failure = add(market, ref, locate, side, price, <uint32_t>shares, symbol)
    elif kind == c"D":
        remove(market, ref)
    elif kind == c"U":
        failure = replace(market, ref, second_ref, price, <uint32_t>shares)
    elif kind == c"E" or kind == c"X" or kind == c"C":
        reduce(market, ref, shares)
    elif kind == c"R":
        name(market, locate, symbol)
    elif kind == c"H":
        market.books[locate].state = code
    elif kind == c"h":
        halt_market(market, locate, side, code)
    elif kind == c"Y":
        market.status[locate].short_sale = code
    elif kind == c"J":
        set_collar(market, locate, price, second_ref >> 32, <uint32_t>second_ref, <uint32_t>shares)
    elif kind == c"K":
        set_quotation(market, locate, <uint32_t>shares, code, price)
    elif kind == c"S":
        market.event = code
    if failure == 0:
        hear(market, locate)
    return failure
