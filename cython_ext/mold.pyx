"""The MoldUDP64 gate: which packet is the next one. Its twin is meltica/hot/mold_twin.py, the contract mold.py."""

from libc.stdint cimport uint8_t, uint16_t, uint64_t
from libc.string cimport memcmp, memcpy

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize

from cython_ext.packet_receiver cimport PacketReceiver

cdef extern from *:
    """
    static inline uint16_t mold_big2(const uint8_t* at) { uint16_t v; __builtin_memcpy(&v, at, 2); return __builtin_bswap16(v); }
    static inline uint64_t mold_big8(const uint8_t* at) { uint64_t v; __builtin_memcpy(&v, at, 8); return __builtin_bswap64(v); }
    static inline int mold_bits(uint64_t v) { return v ? 64 - __builtin_clzll(v) : 0; }
    """
    uint16_t big2 "mold_big2" (const uint8_t* at) noexcept nogil
    uint64_t big8 "mold_big8" (const uint8_t* at) noexcept nogil
    int bits "mold_bits" (uint64_t value) noexcept nogil

cdef uint64_t LAST_SEQUENCE = <uint64_t>1 << 63
cdef uint64_t END_OF_SESSION = 0xFFFF


cdef bint well_formed(const uint8_t* payload, Py_ssize_t size, uint64_t count) noexcept nogil:
    """As many messages as it says, none empty, and nothing behind them."""
    cdef Py_ssize_t at = HEADER_BYTES
    cdef Py_ssize_t length
    cdef uint64_t number
    for number in range(count):
        if at + 2 > size:
            return False
        length = big2(payload + at)
        at += 2 + length
        if at > size or length == 0:
            return False
    return at == size


cdef class MoldGate:
    """See meltica.hot.mold.MoldGate."""

    @property
    def session(self):
        return bytes(self.name[:10])

    def open(self, session, uint64_t expected):
        if len(session) != 10:
            raise ValueError(f"a session has 10 bytes, not {session!r}")
        if expected > LAST_SEQUENCE:
            raise ValueError(f"{expected} is no sequence number")
        cdef const uint8_t[::1] view = session
        memcpy(self.name, &view[0], 10)
        self.expected = expected

    def take(self, const uint8_t[::1] payload not None, int line, uint64_t time_ns):
        if not 0 <= line < LINES:
            raise ValueError(f"line {line}: there are {LINES}")
        return self.judge(&payload[0] if payload.shape[0] else NULL, payload.shape[0], line, time_ns)

    def credit(self, uint64_t sequence, uint64_t count, int line, uint64_t time_ns):
        if not 0 <= line < LINES:
            raise ValueError(f"line {line}: there are {LINES}")
        self.won(sequence, count, line, time_ns)

    def gather(self, PacketReceiver receiver not None, int first, int line):
        """The messages of the received packets from ``first`` on, as long as they are the next ones, in one block.
        ``line``: the number of the receiver's first line.

        (the packet that stopped it, or how many there are; the block; messages; the last packet's time)
        """
        cdef Py_ssize_t size = 0
        cdef uint64_t messages = 0, time_ns = 0
        cdef int number = first, verdict, one, its
        cdef uint8_t[1024] pass_on      # A batch has no more packets
        cdef uint8_t* to
        if not 0 <= line <= LINES - receiver.lines or first < 0:
            raise ValueError(f"line {line}, packet {first}: out of range")
        with nogil:
            while number < receiver.received and not receiver.cut[number]:
                its = line + receiver.line_of[number]
                verdict = self.judge(receiver.payloads[number], receiver.sizes[number], its, receiver.times[number])
                if verdict == SLOW:
                    # The session will judge it once more: it is one packet, not two.
                    self.lines[its].packets -= 1
                    break
                pass_on[number] = verdict == IN_ORDER
                if verdict == IN_ORDER:
                    size += receiver.sizes[number] - HEADER_BYTES
                    messages += big2(receiver.payloads[number] + 18)
                    time_ns = receiver.times[number]
                number += 1
        block = PyBytes_FromStringAndSize(NULL, size)
        to = <uint8_t*>PyBytes_AS_STRING(block)
        for one in range(first, number):
            if pass_on[one]:
                memcpy(to, receiver.payloads[one] + HEADER_BYTES, receiver.sizes[one] - HEADER_BYTES)
                to += receiver.sizes[one] - HEADER_BYTES
        return number, block, messages, time_ns

    def counters(self):
        cdef int line
        rows = [self.lines[line] for line in range(LINES)]
        return {
            name: [row[name] for row in rows]
            for name in (
                "packets", "wins", "messages", "duplicates", "last_ns", "leads", "lead_sum_ns", "lead_max_ns",
            )
        }

    def last_ns(self, int line):
        if not 0 <= line < LINES:
            raise IndexError(line)
        return self.lines[line].last_ns

    def lead_histogram(self, int line):
        if not 0 <= line < LINES:
            raise IndexError(line)
        return [self.histogram[line][bucket] for bucket in range(LEAD_BUCKETS)]

    cdef int judge(self, const uint8_t* payload, Py_ssize_t size, int line, uint64_t time_ns) noexcept nogil:
        cdef uint64_t sequence, count
        cdef LineCounts* counts = &self.lines[line]
        counts.packets += 1
        counts.last_ns = time_ns
        if size < HEADER_BYTES or self.expected == 0:
            return SLOW
        sequence = big8(payload + 10)
        count = big2(payload + 18)
        if memcmp(payload, self.name, 10) != 0 or count == 0 or count == END_OF_SESSION:
            return SLOW
        if sequence == 0 or sequence > LAST_SEQUENCE:
            return SLOW
        if sequence + count <= self.expected:
            self.lost(sequence, line, time_ns)
            return DUPLICATE
        if sequence != self.expected or self.pending or not well_formed(payload, size, count):
            return SLOW
        self.expected += count
        self.won(sequence, count, line, time_ns)
        return IN_ORDER

    cdef void won(self, uint64_t sequence, uint64_t count, int line, uint64_t time_ns) noexcept nogil:
        cdef First* first = &self.firsts[sequence % LEAD_SLOTS]
        self.last_line = line
        self.lines[line].wins += 1
        self.lines[line].messages += count
        first.sequence = sequence
        first.line = line
        first.time_ns = time_ns

    cdef void lost(self, uint64_t sequence, int line, uint64_t time_ns) noexcept nogil:
        """The second copy: times how far the first one was ahead."""
        cdef First* first = &self.firsts[sequence % LEAD_SLOTS]
        cdef LineCounts* winner = &self.lines[first.line]
        cdef uint64_t lead
        cdef int bucket
        self.lines[line].duplicates += 1
        if first.sequence != sequence or first.line == <uint64_t>line or time_ns < first.time_ns:
            return
        lead = time_ns - first.time_ns
        winner.leads += 1
        winner.lead_sum_ns += lead
        winner.lead_max_ns = max(winner.lead_max_ns, lead)
        bucket = bits(lead)
        self.histogram[first.line][bucket if bucket < LEAD_BUCKETS else LEAD_BUCKETS - 1] += 1
