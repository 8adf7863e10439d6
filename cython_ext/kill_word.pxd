# The kill word: a cache line that every gate reads before every order, and anyone with the file can engage.
#
# Engaged means that `engaged_epoch` and `released_epoch` differ. To engage is one store of a number that was never there
# before (the time in ns, or one more than the largest seen); to release is to store the very epoch that was approved for
# release. So an engagement that races with a release wins whatever the order, without a compare-and-swap: the release
# names an older epoch. That matters because meltica-kill is plain Python on plain memory, where there is none, and
# because nobody who was stopped half way holds a lock. One word with a parity bit would need both.
from libc.stdint cimport uint32_t, uint64_t

from cython_ext.shared_memory cimport Segment

cdef enum:
    MAX_GATES = 32
    KILL_WORD_OFFSET = 128
    KILL_REASON_OFFSET = 192
    KILL_RELEASE_OFFSET = 320
    KILL_GATES_OFFSET = 512
    KILL_SEGMENT_BYTES = 4096


cdef struct KillLine:             # 64 bytes, one line
    uint64_t magic
    uint64_t engaged_epoch        # of the last engagement; a time in ns unless the clock went back
    uint64_t released_epoch       # the engagement that was released last
    uint32_t reason_code
    uint32_t pid                  # who engaged
    char[32] who


cdef struct GateLine:             # 64 bytes, one gate; written by that gate alone
    uint64_t echo                 # the engaged_epoch that it has read: no order judged later went out under an older one
    uint64_t owner
    uint64_t reserved0
    char[40] name


cdef class KillWord:
    cdef readonly Segment segment
    cdef readonly object broken   # None, or why this word can't be trusted any more: it is engaged for good
    cdef bint distrusted          # as broken, for the loop
    cdef bytes name_bytes
    cdef const char* name         # of the file, for the loop
    cdef KillLine* line
    cdef GateLine* gate           # NULL: not attached as a gate
    cdef uint64_t echoed
    cdef uint64_t mine

    # The gate's look at the word, for every order and, so that an idle gate answers too, in every turn of its loop.
    # What it has seen of an engagement it echoes; from then on no order may leave.
    cdef bint engaged(self) noexcept nogil
    cdef uint64_t epoch(self) noexcept nogil

    # For the gate's housekeeping, two system calls: False, and engaged for good, once the file is no longer the one that
    # others would engage. Without it a gate whose file was replaced would never hear of it.
    cdef bint still_there(self) noexcept nogil

    cdef void echo(self, uint64_t epoch) noexcept nogil
    cdef int refuse_missing(self) except -1
