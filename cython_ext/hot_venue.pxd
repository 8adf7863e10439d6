# The hot process' end of one TCP connection to a venue: two buffers, two system calls, no waiting.
from libc.stdint cimport uint8_t, uint64_t

from cython_ext.hot_status cimport HotStatus

cdef enum:
    OUT_BYTES = 65_536              # half a thousand orders that the socket would not take
    OUT_RESERVE = 1_024             # below this much room intents wait in their ring
    INBOX_BYTES = 262_144           # four of the largest packets that a length of 16 bits allows
    RECEIVE_EVERY_NS = 1_000        # a look at the socket costs some 300 ns, in which an intent would wait
    HEARTBEAT_NS = 1_000_000_000    # SoupBinTCP 3.00: the client says something each second
    SILENCE_NS = 15_000_000_000     # and gives a server up that said nothing for so long


cdef class VenueLine:
    cdef HotStatus status
    cdef int fd                     # -1: no session
    cdef uint8_t* out
    cdef size_t out_begin, out_end
    cdef uint8_t* inbox
    cdef size_t inbox_begin, inbox_end
    cdef uint64_t sent_ns, heard_ns, received_ns
    cdef uint64_t factor

    cdef void begin(self, int fd, uint64_t now_ns) noexcept nogil
    cdef void end(self) noexcept nogil
    cdef bint flush(self, uint64_t now_ns) noexcept nogil               # 0: the connection is over
    cdef bint receive(self, uint64_t now_ns) noexcept nogil             # 0: the connection is over
    cdef const uint8_t* packet(self, size_t* size) noexcept nogil       # NULL: none is whole
    cdef void take(self, size_t size) noexcept nogil


cdef inline size_t out_room(VenueLine line) noexcept nogil:
    return OUT_BYTES - line.out_end


cdef inline size_t out_waiting(VenueLine line) noexcept nogil:
    return line.out_end - line.out_begin
