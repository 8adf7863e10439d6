"""Receives UDP packets past the kernel's network stack: AF_XDP, one queue of one interface. The door is meltica/hot/xdp.py.

What the kernel would have done is done here: Ethernet, 802.1Q and QinQ tags, IPv4 with options and its checksum, UDP.
The UDP checksum is not looked at: the card has checked the frame, and virtual links don't fill it in.
"""

from libc.errno cimport EAGAIN, EBADF, EBUSY, EINTR, ENETDOWN, ENOBUFS, errno
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy
from posix.time cimport CLOCK_MONOTONIC, CLOCK_REALTIME, clock_gettime, timespec

from cpython.exc cimport PyErr_CheckSignals

import os

from cython_ext.packet_receiver cimport PacketReceiver

cdef extern from "xdp_socket.h" nogil:
    struct xdp_desc:
        uint64_t addr
        uint32_t len
    int MELT_NO_LIBRARY, MELT_NO_SYMBOL, MELT_NO_MEMORY
    int melt_xdp_open(melt_xdp_t* x, const char* interface, uint32_t queue, uint32_t frames, int generic_only)
    void melt_xdp_close(melt_xdp_t* x)
    uint32_t melt_xdp_peek(melt_xdp_t* x, uint32_t most, uint32_t* first)
    const xdp_desc* melt_xdp_entry(const melt_xdp_t* x, uint32_t index)
    void melt_xdp_give_back(melt_xdp_t* x, uint32_t count)
    int melt_xdp_wants_wakeup(const melt_xdp_t* x)
    int melt_xdp_drops(const melt_xdp_t* x, uint64_t* drops)

cdef extern from "<sys/socket.h>" nogil:
    ssize_t recvfrom(int fd, void* buffer, size_t size, int flags, void* address, void* length)
    int MSG_DONTWAIT

cdef extern from "<poll.h>" nogil:
    struct pollfd:
        int fd
        short events
        short revents
    int poll(pollfd* fds, unsigned long count, int timeout_ms)
    short POLLIN

cdef enum:
    MIN_FRAMES = 64
    MAX_FRAMES = 65536
    POLL_MS = 100           # Between two looks at signals
    ETHERNET = 14
    IPV4 = 0x0800
    VLAN = 0x8100
    QINQ = 0x88A8
    UDP = 17


cdef inline uint64_t clock_ns(int clock) noexcept nogil:
    cdef timespec now
    clock_gettime(clock, &now)
    return <uint64_t>now.tv_sec * 1000000000 + now.tv_nsec


cdef inline uint16_t big2(const uint8_t* at) noexcept nogil:
    return <uint16_t>((at[0] << 8) | at[1])


cdef class XdpReceiver(PacketReceiver):
    def __cinit__(
        self, str interface, uint32_t queue, lines, uint32_t frames=4096, int batch=64, bint generic_only=False,
        bytes sender=b"",
    ):
        if not 1 <= batch <= MAX_BATCH:
            raise ValueError(f"batch {batch} is not within 1..{MAX_BATCH}")
        if not MIN_FRAMES <= frames <= MAX_FRAMES or frames & (frames - 1):
            raise ValueError(f"frames {frames} is no power of two within {MIN_FRAMES}..{MAX_FRAMES}")
        if not 1 <= len(lines) <= MAX_LINES:
            raise ValueError(f"{len(lines)} lines are not within 1..{MAX_LINES}")
        if len(sender) not in (0, 4):
            raise ValueError(f"the sender's address has {len(sender)} bytes instead of 4")
        self.reserve(batch, len(lines))
        for number, (address, port) in enumerate(lines):
            if len(address) != 4:
                raise ValueError(f"line {number}: the address has {len(address)} bytes instead of 4")
            memcpy(&self.wanted[number].address, <const char*>address, 4)
            if sender:
                memcpy(&self.wanted[number].sender, <const char*>sender, 4)
            self.wanted[number].port = port
        cdef bytes name = interface.encode()
        cdef int failed = melt_xdp_open(&self.xdp, name, queue, frames, generic_only)
        if failed == MELT_NO_LIBRARY:
            raise FileNotFoundError("libxdp.so.1 does not load: install libxdp1")
        if failed == MELT_NO_SYMBOL:
            raise FileNotFoundError("libxdp.so.1 lacks the AF_XDP functions: it must be version 1.2 or newer")
        if failed == MELT_NO_MEMORY:
            raise MemoryError(f"no memory for {frames} frames")
        if failed:
            raise OSError(-failed, f"AF_XDP on queue {queue} of {interface}: {os.strerror(-failed)}")
        self.is_open = True

    def __dealloc__(self):
        self.close()

    def close(self):
        """Takes the XDP program off the interface again; the kernel's stack gets its packets back."""
        if self.is_open:
            self.is_open = False
            self.received = 0
            self.held = 0
            melt_xdp_drops(&self.xdp, &self.drops)
            melt_xdp_close(&self.xdp)

    def receive(self, int64_t timeout_ns=0, bint spin=False):
        """How many packets there are now; waits for the first at most so long, forever if negative."""
        if not self.is_open:
            raise ValueError("the receiver is closed")
        cdef uint64_t begin = clock_ns(CLOCK_MONOTONIC)
        cdef uint64_t spins = 0
        cdef pollfd one
        cdef int taken
        one.fd, one.events, one.revents = self.xdp.fd, POLLIN, 0
        while True:
            with nogil:
                taken = self.take()
                spins += 1
            if taken < 0:
                raise OSError(-taken, os.strerror(-taken))
            if taken > 0 or timeout_ns == 0:
                return taken
            if spins & 1023 == 0 or not spin:
                PyErr_CheckSignals()
                if timeout_ns > 0 and clock_ns(CLOCK_MONOTONIC) - begin >= <uint64_t>timeout_ns:
                    return 0
            if not spin:
                with nogil:
                    poll(&one, 1, POLL_MS if timeout_ns < 0 else min(POLL_MS, timeout_ns // 1000000 + 1))

    def fileno(self):
        """To wait on (POLLIN); -1 when closed."""
        return self.xdp.fd

    def mode(self):
        if self.xdp.zero_copy:
            return "driver, zero copy"
        return "driver, copy" if self.xdp.native else "generic, copy"

    def counters(self):
        """``kernel_drops``: the ring was full, or no frame was free; and what the kernel dropped for other reasons."""
        cdef uint64_t drops = 0
        cdef int line
        if self.is_open and melt_xdp_drops(&self.xdp, &drops) == 0:
            self.drops = drops
        return {
            "packets": sum([self.wanted[line].packets for line in range(self.lines)]),
            "bytes": sum([self.wanted[line].bytes for line in range(self.lines)]),
            "kernel_drops": self.drops,
            "other_traffic": self.others,
            "malformed": self.malformed,
            "fragments": self.fragments,
        }

    def line_counters(self):
        cdef int line
        rows = [self.wanted[line] for line in range(self.lines)]
        return [{name: row[name] for name in ("packets", "bytes")} for row in rows]

    cdef int take(self) noexcept nogil:
        """What is there, without waiting; the packets of the call before are gone. -errno: the socket failed."""
        cdef uint32_t first, count, at
        cdef uint64_t now
        cdef const xdp_desc* entry
        if not self.is_open:
            return -EBADF
        if self.held:
            melt_xdp_give_back(&self.xdp, self.held)
            self.held = 0
        self.received = 0
        if melt_xdp_wants_wakeup(&self.xdp) and recvfrom(self.xdp.fd, NULL, 0, MSG_DONTWAIT, NULL, NULL) < 0:
            # An interface that is down is a line that is silent: it may come up again.
            if errno != EAGAIN and errno != EINTR and errno != EBUSY and errno != ENOBUFS and errno != ENETDOWN:
                return -errno
        count = melt_xdp_peek(&self.xdp, self.batch, &first)
        if count == 0:
            return 0
        self.held = count
        now = clock_ns(CLOCK_REALTIME)
        for at in range(count):
            entry = melt_xdp_entry(&self.xdp, first + at)
            if self.keep(self.xdp.area + entry.addr, entry.len, self.received):
                self.times[self.received] = now
                self.received += 1
        return self.received

    cdef bint keep(self, const uint8_t* frame, uint32_t size, int place) noexcept nogil:
        """Is this frame UDP for one of our lines? Then its payload is kept at ``place``."""
        cdef uint32_t at = 12
        cdef uint32_t header, length, sum = 0, word
        cdef uint16_t kind, port
        cdef uint32_t address, sender
        cdef int line
        if size < ETHERNET + 20 + 8:
            self.others += 1
            return False
        kind = big2(frame + at)
        while (kind == VLAN or kind == QINQ) and at + 4 + 2 + 20 + 8 <= size:
            at += 4
            kind = big2(frame + at)
        at += 2
        if kind != IPV4:
            self.others += 1
            return False
        header = (frame[at] & 15) * 4
        length = big2(frame + at + 2)
        if frame[at] >> 4 != 4 or header < 20 or length < header + 8 or at + length > size:
            self.malformed += 1
            return False
        if frame[at + 9] != UDP:
            self.others += 1
            return False
        for word in range(0, header, 2):
            sum += big2(frame + at + word)
        while sum >> 16:
            sum = (sum & 0xFFFF) + (sum >> 16)
        if sum != 0xFFFF:
            self.malformed += 1
            return False
        if big2(frame + at + 6) & 0x3FFF:  # More fragments, or not the first
            self.fragments += 1
            return False
        memcpy(&sender, frame + at + 12, 4)
        memcpy(&address, frame + at + 16, 4)
        port = big2(frame + at + header + 2)
        for line in range(self.lines):
            if self.wanted[line].sender and self.wanted[line].sender != sender:
                continue
            if self.wanted[line].port == port and self.wanted[line].address == address:
                length = big2(frame + at + header + 4)
                if length < 8 or at + header + length > size:
                    self.malformed += 1
                    return False
                self.payloads[place] = frame + at + header + 8
                self.sizes[place] = length - 8
                self.line_of[place] = line
                self.wanted[line].packets += 1
                self.wanted[line].bytes += length - 8
                return True
        self.others += 1
        return False
