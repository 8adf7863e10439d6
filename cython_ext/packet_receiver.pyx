"""What all receivers of packets have: the packets of the last call, for loops in C and for Python.

The gate and the market loop read the arrays of this class, so that they need not know who received.
"""

from libc.errno cimport ENOSYS
from libc.stdint cimport uint8_t, uint16_t, uint64_t
from libc.stdlib cimport calloc, free


cdef class PacketReceiver:
    """A base: ``take`` and ``receive`` are those of the receiver itself."""

    def __dealloc__(self):
        free(self.payloads)
        free(self.sizes)
        free(self.times)
        free(self.line_of)
        free(self.cut)

    def packet(self, int number):
        if not 0 <= number < self.received:
            raise IndexError(number)
        return (<const char*>self.payloads[number])[: self.sizes[number]]

    def time_ns(self, int number):
        if not 0 <= number < self.received:
            raise IndexError(number)
        return self.times[number]

    def is_cut(self, int number):
        if not 0 <= number < self.received:
            raise IndexError(number)
        return bool(self.cut[number])

    def line(self, int number):
        """Which of the receiver's lines it came on."""
        if not 0 <= number < self.received:
            raise IndexError(number)
        return self.line_of[number]

    cdef int reserve(self, int batch, int lines) except -1:
        """Once, by whoever derives from this."""
        self.batch, self.lines = batch, lines
        self.payloads = <const uint8_t**>calloc(batch, sizeof(uint8_t*))
        self.sizes = <Py_ssize_t*>calloc(batch, sizeof(Py_ssize_t))
        self.times = <uint64_t*>calloc(batch, sizeof(uint64_t))
        self.line_of = <uint16_t*>calloc(batch, sizeof(uint16_t))
        self.cut = <uint8_t*>calloc(batch, 1)
        if not (self.payloads and self.sizes and self.times and self.line_of and self.cut):
            raise MemoryError
        return 0

    cdef int take(self) noexcept nogil:
        """What is there, without waiting; 0 if nothing, negative: it failed. The packets of the call before are gone."""
        return -ENOSYS
