from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from cython_ext.itch_changes cimport Changes
from cython_ext.itch_levels cimport Side
from cython_ext.itch_market cimport Market
from cython_ext.layout_gen cimport TopOfBookRecord


cdef class ItchBook:
    cdef Market market
    cdef readonly uint64_t max_orders
    cdef readonly size_t block_offset     # of the message that the last block stopped at, or the block's size
    cdef readonly uint64_t block_messages  # applied from the last block
    cdef readonly dict changes
    cdef Changes rows

    # Framed messages (two bytes of length, big-endian, then the message), as in a file or a MoldUDP64 block. Returns
    # messages applied, or minus the reason why it stopped (TRUNCATED .. NO_MEMORY of itch_market.pxd): those before
    # block_offset are applied, those from there on are not.
    cdef int apply_block(self, const uint8_t* data, size_t size, uint64_t receive_time_ns) noexcept nogil
    # Locate codes whose best bid or offer moved in the last block, each once.
    cdef const uint16_t* touched_locates(self, uint32_t* count) noexcept nogil
    # The whole record; condition has bit 0 alone: whether prices are stale or the feed has a gap is the caller's to know.
    cdef void fill_top(self, uint16_t locate, TopOfBookRecord* out) noexcept nogil

    cdef int read_buffer(self, buffer, Py_ssize_t offset, uint64_t receive_time_ns, bint changes) except -1
    cdef int raise_bounds(self, int stop) except -1
    cdef make_changes(self)
    cdef int need_queues(self) except -1
    cdef void begin_block(self, uint64_t receive_time_ns) noexcept nogil
    cdef int read(self, const uint8_t* data, size_t size, bint changes) noexcept nogil
    cdef int why(self, const uint8_t* next, const uint8_t* end) noexcept nogil
    cdef Side* side(self, uint16_t locate, int side) except NULL
