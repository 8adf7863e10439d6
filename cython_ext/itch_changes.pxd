# Best bids and offers, and the columns in which their changes are noted.
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from cython_ext.itch_market cimport Book, Market


# The columns of take_changes().
cdef struct Changes:
    Py_ssize_t count
    Py_ssize_t capacity
    uint16_t* locates
    uint64_t* times
    uint32_t* bids
    uint64_t* bid_shares
    uint32_t* asks
    uint64_t* ask_shares


cdef inline void bests(const Market* market, uint16_t locate, uint64_t* found) noexcept nogil:
    """bid, its shares, ask, its shares"""
    cdef const Book* book = &market.books[locate]
    cdef int at
    for at in range(2):
        found[2 * at] = book.best[at]
        found[2 * at + 1] = book.sides[at].rows[book.sides[at].count - 1].shares if book.best[at] else 0


cdef inline void note_change(
    const Market* market, Changes* rows, const uint64_t* before, uint16_t locate
) noexcept nogil:
    """A row, if a message has left another best bid or offer than there was."""
    cdef uint64_t[4] after
    cdef Py_ssize_t at = rows.count
    bests(market, locate, after)
    if after[0] == before[0] and after[1] == before[1] and after[2] == before[2] and after[3] == before[3]:
        return
    rows.locates[at] = locate
    rows.times[at] = market.now_ns
    rows.bids[at] = <uint32_t>after[0]
    rows.bid_shares[at] = after[1]
    rows.asks[at] = <uint32_t>after[2]
    rows.ask_shares[at] = after[3]
    rows.count += 1
