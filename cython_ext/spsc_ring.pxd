# One producer, one consumer, in two processes or one. Each object is one side: role "producer", "consumer" or "observer".
#
#     cdef OrderIntentRecord* slot = <OrderIntentRecord*>ring.claim()
#     if slot != NULL:
#         slot.order_id = ...
#         ring.publish()
from libc.stdint cimport uint64_t

from cython_ext.shared_memory cimport Segment


cdef extern from "lane.h" nogil:
    ctypedef struct LaneProducer "meltica_lane_producer_t":
        uint64_t published
        uint64_t claimed
        uint64_t full
        uint64_t lost
        uint64_t owner
        uint64_t takeovers
    ctypedef struct LaneConsumer "meltica_lane_consumer_t":
        uint64_t taken
        uint64_t discarded
        uint64_t owner
        uint64_t takeovers
    ctypedef struct Lane "meltica_lane_t":
        LaneProducer* producer
        LaneConsumer* consumer
        unsigned char* slots
        uint64_t count
        uint64_t shift
        uint64_t next
        uint64_t limit
    # The ring's operations as inline C, for a loop that has the lane at hand: &ring.lane
    void* lane_slot(const Lane* lane, uint64_t number) noexcept
    void* lane_claim(Lane* lane) noexcept
    void lane_publish(Lane* lane) noexcept
    uint64_t lane_room(Lane* lane, uint64_t wanted) noexcept
    void lane_publish_many(Lane* lane, uint64_t records) noexcept
    const void* lane_peek(Lane* lane) noexcept
    void lane_advance(Lane* lane) noexcept
    uint64_t lane_waiting(Lane* lane, uint64_t wanted) noexcept
    void lane_advance_many(Lane* lane, uint64_t records) noexcept


cdef class SpscRing:
    cdef readonly Segment segment
    cdef readonly str role
    cdef readonly uint64_t slots
    cdef readonly uint64_t slot_size
    cdef Lane lane
    cdef uint64_t mine            # this process, 0 once detached

    cdef void leave(self) noexcept
    cdef refuse_use(self, str wanted)

    cdef void* claim(self) noexcept nogil         # NULL: full, counted. Again before publish: the same slot
    cdef void publish(self) noexcept nogil        # only after a claim that was not NULL
    cdef const void* peek(self) noexcept nogil    # NULL: empty
    cdef void advance(self) noexcept nogil        # only after a peek that was not NULL

# --- a lane from Python, for this ring and the lanes of an MPSC ring ---
cdef void lane_map(Lane* lane, Segment segment, uint64_t sides, uint64_t slots) noexcept
cdef int lane_take_producer(Lane* lane, Segment segment) except -1
cdef int lane_take_consumer(Lane* lane, Segment segment) except -1
cdef void lane_count_begun(Lane* lane) noexcept nogil
cdef bint lane_push(Lane* lane, object record) except -1
cdef uint64_t lane_push_many(Lane* lane, const unsigned char* records, uint64_t wanted) noexcept nogil
cdef bytes lane_pop_many(Lane* lane, uint64_t limit)
cdef uint64_t whole_records(uint64_t size, uint64_t slot_size) except? 0
cdef dict lane_counters(const Lane* lane)
