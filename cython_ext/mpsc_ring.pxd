# Many producers, one consumer: a lane for each producer. Role "producer" (one lane), "consumer" (all), "observer".
from libc.stdint cimport uint64_t

from cython_ext.shared_memory cimport Segment
from cython_ext.spsc_ring cimport Lane

cdef enum:
    MAX_LANES = 64  # bits of the word that says which lanes were ever used


cdef struct MpscConsumer:  # 128 bytes after the header
    uint64_t used          # bit n: lane n has had a producer
    uint64_t owner
    uint64_t takeovers
    uint64_t[13] reserved


cdef class MpscRing:
    cdef readonly Segment segment
    cdef readonly str role
    cdef readonly uint64_t slots      # of each lane
    cdef readonly uint64_t slot_size
    cdef readonly int lane_number     # producer: its lane; consumer: the lane of the record last peeked at
    cdef MpscConsumer* consumer
    cdef Lane lane                    # producer: its own
    cdef Lane[MAX_LANES] lanes        # consumer
    cdef uint64_t lane_count
    cdef int turn                     # consumer: the lane that is looked at first
    cdef uint64_t mine

    cdef void leave(self) noexcept
    cdef int refuse_use(self, str wanted) except -1
    cdef object recover_lane(self, int number)

    cdef void* claim(self) noexcept nogil
    cdef void publish(self) noexcept nogil
    cdef const void* peek(self) noexcept nogil    # of the lanes in turn
    cdef void advance(self) noexcept nogil        # lets go of what was peeked at; the next lane is next
