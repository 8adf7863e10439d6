# What went to the venue and what came from it, in the order in which the hot process took it, in memory that outlives it.
#
# An entry is a header of 48 bytes and its payload, padded to whole cache lines. Its first word, written last and with a
# release, is its number; zeros follow the last entry. So a process that is killed at any instruction leaves whole entries
# and perhaps one that never was. The same inputs, given to a new OuchPort in the same order, make the same port.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cpdef enum EntryKind:
    ENCODED = 1   # payload: the OrderIntent that was encoded; it may or may not have reached the venue
    DECODED = 2   # payload: the sequenced packet, with its length, as the venue sent it
    SESSION = 3   # payload: the ten bytes of the session that was logged in to
    SETTLED = 4   # payload: the OUCH reject that we made for a number that never arrived
    NAMED = 5     # payload: the Symbol record without which the entries after it can't be read

cdef enum:
    JOURNAL_HEADER_BYTES = 4096
    ENTRY_HEADER_BYTES = 48
    LINE_BYTES = 64


cdef struct Entry:
    uint64_t number                 # 1 for the first; 0: there is no entry
    uint16_t kind
    uint16_t size                   # of the payload
    uint32_t reserved
    uint64_t time_ns
    uint64_t drops_next             # the sequence number that the next drop copy had before it
    int64_t allowed_lots            # ENCODED: what the gate let out of it
    int64_t reserved_price_ticks    # ENCODED: at which the gate reserved it


cdef class HotJournal:
    cdef uint8_t* base
    cdef uint64_t size              # of the memory behind the header
    cdef uint64_t end               # where the next entry begins
    cdef uint64_t number            # of the last entry
    cdef object buffer

    cdef bint append(
        self, int kind, const void* payload, size_t size, uint64_t time_ns, uint64_t drops_next,
        int64_t allowed_lots, int64_t reserved_price_ticks,
    ) noexcept nogil


cdef inline uint64_t room(HotJournal journal) noexcept nogil:
    return journal.size - journal.end
