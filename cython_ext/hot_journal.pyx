"""The hot process' journal of what left and what came. The file around it: meltica/hot/hot_journal.py."""

from cpython.buffer cimport PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy

from cython_ext.atomics cimport load_acquire, store_release

HEADER_BYTES = JOURNAL_HEADER_BYTES
MAX_PAYLOAD = 65_535


cdef uint64_t whole_lines(uint64_t size) noexcept nogil:
    return (ENTRY_HEADER_BYTES + size + LINE_BYTES - 1) // LINE_BYTES * LINE_BYTES


cdef class HotJournal:
    def __init__(self, buffer not None):
        """Over a whole mapping, at its end: entries that are there stay."""
        cdef Py_buffer view
        PyObject_GetBuffer(buffer, &view, PyBUF_WRITABLE)
        try:
            if view.len < JOURNAL_HEADER_BYTES + LINE_BYTES or view.len % LINE_BYTES or <uint64_t>view.buf % LINE_BYTES:
                raise ValueError(f"a journal's memory is a header and whole lines, not {view.len} bytes")
            self.base = <uint8_t*>view.buf + JOURNAL_HEADER_BYTES
            self.size = view.len - JOURNAL_HEADER_BYTES
        finally:
            PyBuffer_Release(&view)
        self.buffer = buffer  # keeps the mapping alive
        for _ in self.entries():
            pass

    cdef bint append(
        self, int kind, const void* payload, size_t size, uint64_t time_ns, uint64_t drops_next,
        int64_t allowed_lots, int64_t reserved_price_ticks,
    ) noexcept nogil:
        """0: no room, nothing was written."""
        cdef uint64_t taken = whole_lines(size)
        cdef Entry* entry = <Entry*>(self.base + self.end)
        if taken > self.size - self.end or size > 65_535:
            return 0
        entry.kind = kind
        entry.size = size
        entry.reserved = 0
        entry.time_ns = time_ns
        entry.drops_next = drops_next
        entry.allowed_lots = allowed_lots
        entry.reserved_price_ticks = reserved_price_ticks
        memcpy(<uint8_t*>entry + ENTRY_HEADER_BYTES, payload, size)
        self.number += 1
        self.end += taken
        # The kernel shows a successor our stores in order only if the compiler and the processor make them in order.
        store_release(&entry.number, self.number)
        return 1

    def write(self, int kind, bytes payload not None, *, time_ns=0, drops_next=0, allowed_lots=0, reserved_price_ticks=0):
        """From Python. :raises MemoryError: it is full."""
        cdef const uint8_t* data = payload
        if not self.append(kind, data, len(payload), time_ns, drops_next, allowed_lots, reserved_price_ticks):
            raise MemoryError(f"the journal has no room for {len(payload)} bytes: {self.size - self.end} are left")

    def entries(self):
        """(kind, payload, time_ns, drops_next, allowed_lots, reserved_price_ticks) of each; the end is then behind it.

        :raises ValueError: it is damaged: nobody can have written this in good order.
        """
        cdef uint64_t at = 0, number = 0
        cdef Entry* entry
        while at < self.size:
            entry = <Entry*>(self.base + at)
            if load_acquire(&entry.number) == 0:
                break
            number += 1
            if entry.number != number or entry.kind not in (ENCODED, DECODED, SESSION, SETTLED, NAMED):
                raise ValueError(f"journal entry {number} at byte {at} is damaged: number {entry.number}, kind {entry.kind}")
            if whole_lines(entry.size) > self.size - at:
                raise ValueError(f"journal entry {number} at byte {at} is longer than the journal")
            payload = PyBytes_FromStringAndSize(<char*>entry + ENTRY_HEADER_BYTES, entry.size)
            yield (
                entry.kind, payload, entry.time_ns, entry.drops_next, entry.allowed_lots, entry.reserved_price_ticks,
            )
            at += whole_lines(entry.size)
        self.end = at
        self.number = number

    @property
    def count(self):
        return self.number

    @property
    def bytes_used(self):
        return self.end

    @property
    def bytes_left(self):
        return self.size - self.end
