from libc.stdint cimport uint8_t, uint64_t

cdef enum:
    IN_ORDER = 0
    DUPLICATE = 1
    SLOW = 2
    LINES = 4
    LEAD_SLOTS = 4096
    LEAD_BUCKETS = 40
    HEADER_BYTES = 20

cdef struct First:
    uint64_t sequence
    uint64_t time_ns
    uint64_t line

cdef struct LineCounts:
    uint64_t packets        # That came
    uint64_t wins           # That came first
    uint64_t messages       # In those
    uint64_t duplicates     # That came second
    uint64_t last_ns        # When the last one came
    uint64_t leads          # Wins whose second copy was timed
    uint64_t lead_sum_ns
    uint64_t lead_max_ns

cdef class MoldGate:
    cdef public uint64_t expected       # 0: not open
    cdef public bint pending            # Only duplicates are judged here
    cdef readonly int last_line         # Of the packet that was passed on last
    cdef uint8_t[10] name
    cdef LineCounts[LINES] lines
    cdef uint64_t[LINES][LEAD_BUCKETS] histogram
    cdef First[LEAD_SLOTS] firsts

    cdef int judge(self, const uint8_t* payload, Py_ssize_t size, int line, uint64_t time_ns) noexcept nogil
    cdef void won(self, uint64_t sequence, uint64_t count, int line, uint64_t time_ns) noexcept nogil
    cdef void lost(self, uint64_t sequence, int line, uint64_t time_ns) noexcept nogil
