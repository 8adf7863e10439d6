"""The drop copies of a hot process, by sequence number: what the control link sends, and sends again."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint64_t

from cython_ext.atomics cimport load_acquire
from cython_ext.broadcast_ring cimport BROADCAST_READ, BroadcastReader, broadcast_read

from cython_ext.broadcast_ring import BroadcastReader as Reader


cdef class DropStore:
    """Over the broadcast ring that the order loop writes: record n of the ring has sequence number n + 1."""

    cdef BroadcastReader reader

    def __init__(self, path):
        self.reader = Reader.attach(path, start="oldest")

    def first(self):
        """The oldest that is there; the next one when none is. It may be gone by the time it is read."""
        published = load_acquire(&self.reader.ring.producer.published)
        return published - min(published, self.reader.slots) + 1

    def next(self):
        """The sequence number that the next one will have; from 1."""
        return load_acquire(&self.reader.ring.producer.published) + 1

    def read(self, uint64_t first_sequence, uint64_t count):
        """At most ``count`` whole records from ``first_sequence`` on; empty when that is no longer, or not yet, there."""
        cdef uint64_t size = self.reader.slot_size, found = 0, most = min(count, self.reader.slots)
        cdef bytes records = PyBytes_FromStringAndSize(NULL, most * size)
        cdef char* to = PyBytes_AS_STRING(records)
        if first_sequence == 0:
            raise ValueError("drop copies are numbered from 1")
        self.reader.ring.next = first_sequence - 1
        while found < most and broadcast_read(&self.reader.ring, to + found * size) == BROADCAST_READ:
            found += 1
        return records[: found * size]
