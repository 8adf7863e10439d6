from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from cython_ext.packet_receiver cimport PacketReceiver

cdef extern from "<sys/uio.h>" nogil:
    struct iovec:
        void* iov_base
        size_t iov_len

cdef extern from "<sys/socket.h>" nogil:
    struct msghdr:
        iovec* msg_iov
        size_t msg_iovlen
        void* msg_control
        size_t msg_controllen
        int msg_flags
    struct mmsghdr:
        msghdr msg_hdr
        unsigned int msg_len

cdef class UdpReceiver(PacketReceiver):
    cdef readonly int frame_bytes
    cdef int fd
    cdef bint used                      # The headers hold what the kernel wrote
    cdef uint8_t* buffer                # batch frames one after another
    cdef uint8_t* controls
    cdef mmsghdr* headers
    cdef iovec* pieces
    cdef uint64_t packets, bytes_in, cuts, calls, hardware, software, clock, kernel_drops
    cdef uint32_t drops_seen            # The kernel's own counter, which wraps

    cdef void wait(self, int64_t timeout_ns) noexcept
