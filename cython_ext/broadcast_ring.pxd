# One producer, any number of readers, none of which it waits for: a slow reader is overtaken, and counts what it lost.
from libc.stdint cimport uint64_t

from cython_ext.shared_memory cimport Segment


cdef extern from "seqlock.h" nogil:
    enum:
        BROADCAST_OVERTAKEN
        BROADCAST_EMPTY
        BROADCAST_READ
    ctypedef struct BroadcastProducer "meltica_broadcast_producer_t":
        uint64_t published
        uint64_t lost
        uint64_t owner
        uint64_t takeovers
    ctypedef struct Broadcast "meltica_broadcast_t":
        BroadcastProducer* producer
        uint64_t* slots
        uint64_t count
        uint64_t words
        uint64_t next
    uint64_t* broadcast_slot(const Broadcast* ring, uint64_t number) noexcept
    void broadcast_write(Broadcast* ring, const void* record) noexcept
    int broadcast_read(Broadcast* ring, void* record) noexcept


cdef class BroadcastWriter:
    cdef readonly Segment segment
    cdef readonly uint64_t slots
    cdef readonly uint64_t slot_size
    cdef Broadcast ring
    cdef uint64_t mine

    cdef void write(self, const void* record) noexcept nogil    # slot_size bytes; never full


cdef class BroadcastReader:
    cdef readonly Segment segment
    cdef readonly uint64_t slots
    cdef readonly uint64_t slot_size
    cdef readonly uint64_t lost         # overtaken before we read them
    cdef readonly uint64_t received
    cdef Broadcast ring

    # 1: a record was copied into `record` (slot_size bytes); 0: nothing new. What was lost meanwhile is in `lost`.
    cdef bint read(self, void* record) noexcept nogil
    cdef void skip_to_oldest(self) noexcept nogil
