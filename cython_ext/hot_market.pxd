# The market loop of the hot process: packets in, books kept, tops published in shared memory.
from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint16_t, uint64_t

from cython_ext.hot_status cimport HotStatus
from cython_ext.itch_book cimport ItchBook
from cython_ext.mold cimport MoldGate
from cython_ext.packet_receiver cimport PacketReceiver
from cython_ext.top_of_book cimport TopOfBookWriter


cdef class MarketLoop:
    cdef ItchBook book
    cdef TopOfBookWriter tops
    cdef HotStatus status
    cdef uint64_t stop_wanted, offset_ns, factor, longest_ns, reset_seen, idle_ns, idle_turns
    cdef uint8_t condition          # of what is published: stale, gapped
    cdef uint8_t[65536] stored      # locate codes whose tops were published

    cdef bint apply_block(self, const uint8_t* data, size_t size, uint64_t time_ns) noexcept nogil
    cdef void store_top(self, uint16_t locate) noexcept nogil
    cdef void store_all(self) noexcept nogil
    cdef void store_halts(self, const uint8_t* data, size_t size) noexcept nogil
    cdef int packets(self, PacketReceiver receiver, MoldGate gate, int line, int first) noexcept nogil
    cdef void beat(self, uint64_t began, bint busy) noexcept nogil
