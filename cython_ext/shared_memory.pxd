# A segment: one file, mapped by several processes, that says at its beginning what it is.
from libc.stdint cimport uint32_t, uint64_t

cdef enum:
    SEGMENT_LAYOUT_VERSION = 1
    SEGMENT_HEADER_BYTES = 128
    KIND_SPSC_RING = 1
    KIND_MPSC_RING = 2
    KIND_BROADCAST_RING = 3
    KIND_TOP_OF_BOOK = 4
    KIND_KILL_WORD = 5


cdef struct SegmentHeader:
    uint64_t magic           # written last, with a release: a segment without it is not finished
    uint32_t layout_version
    uint32_t kind
    uint32_t slot_size       # bytes of a record
    uint32_t lanes
    uint64_t slots           # of each lane
    uint64_t size            # of the whole file
    uint64_t creator         # process that made it
    uint64_t epoch           # Unix time in ns of its making: tells it from one that had its name before
    uint64_t reserved0
    uint64_t boot            # of the machine: after a restart nobody who had a place lives
    uint64_t pid_namespace   # whether a process lives can only be told within its namespace
    uint64_t[6] reserved1


cdef class Segment:
    cdef unsigned char* base         # the mapping; lives as long as this object
    cdef uint64_t size
    cdef SegmentHeader* header
    cdef int fd
    cdef readonly bint writable
    cdef readonly object path
    cdef readonly object placement   # what was got of huge pages, lock and node

    cdef void* at(self, uint64_t offset) noexcept nogil

# A place is one word: the process that has it, as its start time << 22 | its pid; 0: nobody.
cdef uint64_t this_process() except 0
cdef bint is_alive(uint64_t process) except -1
cdef uint64_t take_place(Segment segment, uint64_t* place, str role) except? 0  # the dead process that had it, or 0
cdef void leave_place(uint64_t* place, uint64_t mine) noexcept nogil
