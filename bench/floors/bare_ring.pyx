# cython: language_level=3, boundscheck=False, wraparound=False
"""The least that a shared-memory ring from Python can be: two counters, cached, and a memcpy. No places, no counters."""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint64_t
from libc.string cimport memcpy

cdef extern from *:
    """
    #define LOAD(word) __atomic_load_n(word, __ATOMIC_ACQUIRE)
    #define STORE(word, value) __atomic_store_n(word, value, __ATOMIC_RELEASE)
    """
    uint64_t LOAD(uint64_t* word) nogil
    void STORE(uint64_t* word, uint64_t value) nogil

cdef enum:
    SLOT = 64
    SLOTS = 1024


cdef class BareRing:
    """Over ``memory``, at ``offset``: head, 128 bytes on tail, 128 bytes on the slots."""

    cdef unsigned char[::1] memory
    cdef uint64_t* head
    cdef uint64_t* tail
    cdef unsigned char* slots
    cdef uint64_t next
    cdef uint64_t limit

    def __init__(self, unsigned char[::1] memory, uint64_t offset, bint producer):
        self.memory = memory
        self.head = <uint64_t*>&memory[offset]
        self.tail = <uint64_t*>&memory[offset + 128]
        self.slots = &memory[offset + 256]
        self.limit = SLOTS if producer else 0

    def push(self, bytes record):
        if self.next == self.limit:
            self.limit = LOAD(self.tail) + SLOTS
            if self.next == self.limit:
                return False
        memcpy(self.slots + (self.next & (SLOTS - 1)) * SLOT, PyBytes_AS_STRING(record), SLOT)
        self.next += 1
        STORE(self.head, self.next)
        return True

    def pop(self):
        if self.next == self.limit:
            self.limit = LOAD(self.head)
            if self.next == self.limit:
                return None
        record = PyBytes_FromStringAndSize(<char*>self.slots + (self.next & (SLOTS - 1)) * SLOT, SLOT)
        self.next += 1
        STORE(self.tail, self.next)
        return record
