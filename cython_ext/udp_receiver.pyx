"""Receives UDP packets in batches (recvmmsg) into buffers of its own, with the kernel's or the card's receive times.

The socket is made elsewhere (meltica/hot/udp.py); the twin is meltica/hot/udp_twin.py.
"""

from libc.errno cimport EAGAIN, EINTR, ECONNREFUSED, errno
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy
from posix.time cimport CLOCK_MONOTONIC, CLOCK_REALTIME, clock_gettime, timespec

from cpython.exc cimport PyErr_CheckSignals, PyErr_SetFromErrno

from cython_ext.packet_receiver cimport PacketReceiver

cdef extern from "<poll.h>" nogil:
    struct pollfd:
        int fd
        short events
        short revents
    int ppoll(pollfd* fds, unsigned long count, const timespec* timeout, const void* signals)
    short POLLIN

cdef extern from "<sys/socket.h>" nogil:
    struct cmsghdr:
        size_t cmsg_len
        int cmsg_level
        int cmsg_type
    int recvmmsg(int fd, mmsghdr* headers, unsigned int count, int flags, void* timeout)
    cmsghdr* CMSG_FIRSTHDR(msghdr* header)
    cmsghdr* CMSG_NXTHDR(msghdr* header, cmsghdr* one)
    unsigned char* CMSG_DATA(cmsghdr* one)
    int SOL_SOCKET
    int MSG_DONTWAIT
    int MSG_TRUNC
    int SO_TIMESTAMPING
    int SO_RXQ_OVFL

cdef enum:
    CONTROL_BYTES = 128     # Three timespecs, a drop counter, their headers; and to spare
    MAX_BATCH = 1024        # What the kernel takes in one call (UIO_MAXIOV)
    MAX_FRAME = 65536


cdef inline uint64_t now_ns(int clock) noexcept nogil:
    cdef timespec now
    clock_gettime(clock, &now)
    return <uint64_t>now.tv_sec * 1000000000 + now.tv_nsec


cdef class UdpReceiver(PacketReceiver):
    """``fd`` stays the caller's and must be open for as long as this is used."""

    def __cinit__(self, int fd, int batch=64, int frame_bytes=2048):
        if not 1 <= batch <= MAX_BATCH:
            raise ValueError(f"batch {batch} is not within 1..{MAX_BATCH}")
        if not 64 <= frame_bytes <= MAX_FRAME:
            raise ValueError(f"frame_bytes {frame_bytes} is not within 64..{MAX_FRAME}")
        self.reserve(batch, 1)
        self.fd, self.frame_bytes = fd, frame_bytes
        self.buffer = <uint8_t*>calloc(batch, frame_bytes)
        self.controls = <uint8_t*>calloc(batch, CONTROL_BYTES)
        self.headers = <mmsghdr*>calloc(batch, sizeof(mmsghdr))
        self.pieces = <iovec*>calloc(batch, sizeof(iovec))
        if not (self.buffer and self.controls and self.headers and self.pieces):
            raise MemoryError
        cdef int number
        for number in range(batch):
            self.payloads[number] = self.buffer + number * <Py_ssize_t>frame_bytes
            self.pieces[number].iov_base = <void*>self.payloads[number]
            self.pieces[number].iov_len = frame_bytes
            self.headers[number].msg_hdr.msg_iov = &self.pieces[number]
            self.headers[number].msg_hdr.msg_iovlen = 1
            self.headers[number].msg_hdr.msg_control = self.controls + number * CONTROL_BYTES
            self.headers[number].msg_hdr.msg_controllen = CONTROL_BYTES

    def __dealloc__(self):
        free(self.buffer)
        free(self.controls)
        free(self.headers)
        free(self.pieces)

    def receive(self, int64_t timeout_ns=0, bint spin=False):
        """How many packets there are now; waits for the first at most so long, forever if negative.

        ``spin`` asks again and again instead of sleeping. OSError: the socket is closed or broken.
        """
        cdef uint64_t end = now_ns(CLOCK_MONOTONIC) + timeout_ns
        cdef int taken
        cdef uint64_t now = 0
        while True:
            with nogil:
                taken = self.take()
                if taken == 0 and timeout_ns != 0 and spin:
                    # A look at the clock, and at signals, once in a while.
                    while taken == 0 and (self.calls & 1023) != 0:
                        taken = self.take()
            if taken < 0:
                if taken != -EINTR:
                    PyErr_SetFromErrno(OSError)
            if taken > 0 or timeout_ns == 0:
                return max(taken, 0)
            PyErr_CheckSignals()
            now = now_ns(CLOCK_MONOTONIC)
            if timeout_ns > 0 and now >= end:
                return 0
            if not spin:
                self.wait(-1 if timeout_ns < 0 else <int64_t>(end - now))

    def counters(self):
        return {
            "packets": self.packets,
            "bytes": self.bytes_in,
            "cut": self.cuts,
            "kernel_drops": self.kernel_drops,
            "stamped_by_hardware": self.hardware,
            "stamped_by_kernel": self.software,
            "stamped_by_clock": self.clock,
        }

    cdef void wait(self, int64_t timeout_ns) noexcept:
        cdef pollfd one
        cdef timespec limit
        one.fd, one.events, one.revents = self.fd, POLLIN, 0
        # In slices, so that an interrupt is seen.
        if timeout_ns < 0 or timeout_ns > 100000000:
            timeout_ns = 100000000
        limit.tv_sec, limit.tv_nsec = 0, timeout_ns
        with nogil:
            ppoll(&one, 1, &limit, NULL)

    cdef int take(self) noexcept nogil:
        """What is there, without waiting; 0 if nothing, -errno (EINTR) or -1 with errno set if it failed."""
        cdef int taken, number
        cdef uint64_t now = 0
        cdef msghdr* header
        cdef timespec[3] stamps
        cdef uint32_t drops
        cdef cmsghdr* one
        if self.used:
            for number in range(self.received):
                self.headers[number].msg_hdr.msg_controllen = CONTROL_BYTES
                self.headers[number].msg_hdr.msg_flags = 0
        self.received = 0
        self.calls += 1
        taken = recvmmsg(self.fd, self.headers, self.batch, MSG_DONTWAIT, NULL)
        if taken < 0:
            # A refused send of ours (a request to nobody) is no fault of receiving.
            if errno == EAGAIN or errno == ECONNREFUSED:
                return 0
            return -EINTR if errno == EINTR else -1
        self.received = taken
        self.used = True
        for number in range(taken):
            header = &self.headers[number].msg_hdr
            self.sizes[number] = self.headers[number].msg_len
            self.bytes_in += self.headers[number].msg_len
            self.cut[number] = header.msg_flags & MSG_TRUNC != 0
            self.cuts += self.cut[number]
            self.times[number] = 0
            one = CMSG_FIRSTHDR(header)
            while one != NULL:
                if one.cmsg_level == SOL_SOCKET and one.cmsg_type == SO_TIMESTAMPING:
                    memcpy(stamps, CMSG_DATA(one), sizeof(stamps))
                    if stamps[2].tv_sec:
                        self.times[number] = <uint64_t>stamps[2].tv_sec * 1000000000 + stamps[2].tv_nsec
                        self.hardware += 1
                    elif stamps[0].tv_sec:
                        self.times[number] = <uint64_t>stamps[0].tv_sec * 1000000000 + stamps[0].tv_nsec
                        self.software += 1
                elif one.cmsg_level == SOL_SOCKET and one.cmsg_type == SO_RXQ_OVFL:
                    memcpy(&drops, CMSG_DATA(one), sizeof(drops))
                    self.kernel_drops += <uint32_t>(drops - self.drops_seen)
                    self.drops_seen = drops
                one = CMSG_NXTHDR(header, one)
            if self.times[number] == 0:
                now = now_ns(CLOCK_REALTIME) if now == 0 else now
                self.times[number] = now
                self.clock += 1
        self.packets += taken
        return taken
