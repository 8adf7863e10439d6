from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

cdef extern from "xdp_socket.h" nogil:
    ctypedef struct melt_xdp_t:
        uint8_t* area
        int fd
        int native
        int zero_copy

cdef enum:
    MAX_BATCH = 256
    MAX_LINES = 64

cdef class XdpReceiver:
    cdef readonly int received             # UDP packets of the last call that were for us
    cdef readonly int batch
    cdef melt_xdp_t xdp
    cdef bint is_open
    cdef uint32_t held                     # Frames of the last call, not yet given back
    cdef const uint8_t* payloads[MAX_BATCH]
    cdef Py_ssize_t[MAX_BATCH] sizes
    cdef uint16_t[MAX_BATCH] line_of
    cdef uint64_t batch_time_ns            # ns since 1970: one reading of the clock for the batch
    cdef uint32_t[MAX_LINES] addresses     # IPv4, as on the wire
    cdef uint16_t[MAX_LINES] ports
    cdef int lines
    cdef uint64_t packets, bytes, others, malformed, fragments

    cdef int take(self) noexcept nogil
    cdef bint keep(self, const uint8_t* frame, uint32_t size, int place) noexcept nogil
