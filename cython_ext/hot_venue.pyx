"""One connection of the order loop; the descriptor is opened and closed by others."""

from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport uint8_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memmove

from cython_ext.hot_clock cimport cycles, span_ns
from cython_ext.hot_status cimport (
    OUT_WAITING, RECEIVED_BYTES, SEND, SEND_BLOCKED, SENDS, SENT_BYTES, HotStatus, add, mark, put,
)

cdef extern from "<sys/socket.h>" nogil:
    ssize_t c_send "send"(int fd, const void* data, size_t size, int flags)
    ssize_t c_recv "recv"(int fd, void* data, size_t size, int flags)
    int MSG_DONTWAIT
    int MSG_NOSIGNAL


cdef class VenueLine:
    def __cinit__(self, HotStatus status not None, uint64_t factor):
        self.status = status
        self.factor = factor
        self.fd = -1
        self.out = <uint8_t*>calloc(OUT_BYTES, 1)
        self.inbox = <uint8_t*>calloc(INBOX_BYTES, 1)
        if self.out == NULL or self.inbox == NULL:
            raise MemoryError("no room for a connection's buffers")

    def __dealloc__(self):
        free(self.out)
        free(self.inbox)

    cdef void begin(self, int fd, uint64_t now_ns) noexcept nogil:
        self.end()
        self.fd = fd
        self.sent_ns = self.heard_ns = self.received_ns = now_ns

    cdef void end(self) noexcept nogil:
        """What was not sent is not sent any more: whether it arrived in part, the venue will say."""
        self.fd = -1
        self.out_begin = self.out_end = self.inbox_begin = self.inbox_end = 0
        put(self.status, OUT_WAITING, 0)

    cdef bint flush(self, uint64_t now_ns) noexcept nogil:
        cdef uint64_t began = cycles()
        cdef ssize_t sent = c_send(
            self.fd, self.out + self.out_begin, self.out_end - self.out_begin, MSG_DONTWAIT | MSG_NOSIGNAL
        )
        mark(self.status, SEND, span_ns(began, cycles(), self.factor))
        add(self.status, SENDS, 1)
        if sent < 0:
            if errno != EAGAIN and errno != EINTR:
                return False
            add(self.status, SEND_BLOCKED, 1)
            sent = 0
        self.sent_ns = now_ns
        self.out_begin += sent
        if self.out_begin == self.out_end:
            self.out_begin = self.out_end = 0
        elif OUT_BYTES - self.out_end < OUT_RESERVE and self.out_begin:
            memmove(self.out, self.out + self.out_begin, self.out_end - self.out_begin)
            self.out_end -= self.out_begin
            self.out_begin = 0
        add(self.status, SENT_BYTES, sent)
        put(self.status, OUT_WAITING, self.out_end - self.out_begin)
        return True

    cdef bint receive(self, uint64_t now_ns) noexcept nogil:
        cdef ssize_t got
        self.received_ns = now_ns
        if INBOX_BYTES == self.inbox_end:
            return True  # Packets wait to be taken: the venue must wait too
        got = c_recv(self.fd, self.inbox + self.inbox_end, INBOX_BYTES - self.inbox_end, MSG_DONTWAIT)
        if got < 0:
            return errno == EAGAIN or errno == EINTR
        if got == 0:
            return False
        self.inbox_end += got
        self.heard_ns = now_ns
        add(self.status, RECEIVED_BYTES, got)
        return True

    cdef const uint8_t* packet(self, size_t* size) noexcept nogil:
        cdef size_t waiting = self.inbox_end - self.inbox_begin
        cdef const uint8_t* data = self.inbox + self.inbox_begin
        if waiting >= 2:
            size[0] = 2 + ((<size_t>data[0] << 8) | data[1])
            if waiting >= size[0]:
                return data
        if self.inbox_begin:
            memmove(self.inbox, data, waiting)
            self.inbox_begin, self.inbox_end = 0, waiting
        return NULL

    cdef void take(self, size_t size) noexcept nogil:
        self.inbox_begin += size
