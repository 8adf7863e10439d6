# The best bid and offer of all 65,536 locate codes, one cache line each, behind a seqlock.
# Of a stored record the table keeps all but update_count, which it counts itself: the stores of this locate.
from libc.stdint cimport uint16_t, uint64_t

from cython_ext.layout_gen cimport TopOfBookRecord
from cython_ext.shared_memory cimport Segment

cdef enum:
    LOCATES = 65536
    ROW_TRIES = 4096         # a store takes some ten nanoseconds: after this many the writer does not run
    LOG_WORDS = 131072       # places in the log of changes


cdef struct TopOfBookWriterSide:  # 128 bytes after the header
    uint64_t stores               # of all locates: the length of the log of changes
    uint64_t torn                 # stores that a dead writer had begun; their rows were emptied and marked stale
    uint64_t owner
    uint64_t takeovers
    uint64_t[12] reserved


cdef class TopOfBookWriter:
    cdef readonly Segment segment
    cdef TopOfBookWriterSide* side
    cdef uint64_t* rows
    cdef uint64_t* log
    cdef uint64_t stores
    cdef uint64_t mine

    cdef void store(self, uint16_t locate, const TopOfBookRecord* record) noexcept nogil
    cdef void repair(self) noexcept


cdef class TopOfBookReader:
    cdef readonly Segment segment
    cdef readonly uint64_t retries      # torn copies that were taken again
    cdef TopOfBookWriterSide* side
    cdef uint64_t* rows
    cdef uint64_t* log

    # 1: a whole copy; 0: the row stayed torn for ROW_TRIES tries, its writer is dead or not running
    cdef bint load(self, uint16_t locate, TopOfBookRecord* record) noexcept nogil
    cdef object ever_stored(self)
    cdef int complain(self, int locate) except -1
