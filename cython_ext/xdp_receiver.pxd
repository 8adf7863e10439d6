from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from cython_ext.packet_receiver cimport PacketReceiver

cdef extern from "xdp_socket.h" nogil:
    ctypedef struct melt_xdp_t:
        uint8_t* area
        int fd
        int native
        int zero_copy

cdef enum:
    MAX_BATCH = 256
    MAX_LINES = 64

cdef struct XdpLine:
    uint32_t address        # IPv4, as on the wire
    uint32_t sender         # 0: any
    uint16_t port
    uint64_t packets, bytes

cdef class XdpReceiver(PacketReceiver):
    cdef melt_xdp_t xdp
    cdef bint is_open
    cdef uint32_t held                     # Frames of the last call, not yet given back
    cdef XdpLine[MAX_LINES] wanted
    cdef uint64_t others, malformed, fragments, drops

    cdef bint keep(self, const uint8_t* frame, uint32_t size, int place) noexcept nogil
