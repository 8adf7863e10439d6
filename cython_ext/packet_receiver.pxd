from libc.stdint cimport uint8_t, uint16_t, uint64_t

cdef class PacketReceiver:
    cdef readonly int received          # Packets of the last call
    cdef readonly int batch
    cdef readonly int lines             # That it receives: 1, or several through one queue
    cdef const uint8_t** payloads
    cdef Py_ssize_t* sizes
    cdef uint64_t* times                # ns since 1970
    cdef uint16_t* line_of              # Counted from the receiver's first line
    cdef uint8_t* cut                   # Was longer than a frame

    cdef int reserve(self, int batch, int lines) except -1
    cdef int take(self) noexcept nogil
