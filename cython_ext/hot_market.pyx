"""The market loop. A packet that is the next one goes from the socket to the tops without Python; any other (a heartbeat,
a gap, another session) is handed to the MoldUDP64 session, which is Python and may ask for what is missing.
"""

from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from cython_ext.atomics cimport load_acquire, relax, store_release
from cython_ext.histogram cimport clear
from cython_ext.hot_clock cimport calibrate, cycles, monotonic_ns, span_ns
from cython_ext.hot_status cimport *
from cython_ext.layout_gen cimport TopOfBookRecord
from cython_ext.mold cimport HEADER_BYTES, IN_ORDER, LINES, SLOW

cdef extern from *:
    """
    #include <time.h>
    static inline void hot_market_sleep(uint64_t ns) { struct timespec t = {0, (long)ns}; nanosleep(&t, NULL); }
    """
    void sleep_ns "hot_market_sleep"(uint64_t ns) noexcept nogil

cdef enum:
    CALIBRATION_NS = 20_000_000
    IDLE_TURNS = 256
    TURNS_BEFORE_PYTHON = 65_536   # without a packet: then the session may look at its clock
    STALE_BIT = 2
    GAP_BIT = 4


cdef int check_lines(PacketReceiver receiver, int first) except -1:
    if not 0 <= first <= LINES - receiver.lines:
        raise ValueError(f"{receiver.lines} lines from {first} on: there are {LINES}")
    return 0


cdef class MarketLoop:
    def __init__(self, *, ItchBook book not None, TopOfBookWriter tops not None, HotStatus status not None,
                 offset_ns=0, idle_us=0):
        self.book, self.tops, self.status = book, tops, status
        self.offset_ns = offset_ns
        self.idle_ns = idle_us * 1_000
        self.factor = calibrate(CALIBRATION_NS)

    # --- for Python's threads ---

    def stop(self):
        store_release(&self.stop_wanted, 1)

    def is_stopped(self):
        return load_acquire(&self.stop_wanted) != 0

    def condition_is(self, *, bint stale, bint gapped):
        """Of every top, those that are published already too; the word stops the order loop at once, whatever its instrument."""
        cdef uint8_t condition = (STALE_BIT if stale else 0) | (GAP_BIT if gapped else 0)
        if condition == self.condition:
            return
        self.condition = condition
        put(self.status, FEED_GAPPED, condition != 0)
        with nogil:
            self.store_all()

    def apply(self, const uint8_t[::1] block not None, uint64_t time_ns=0):
        """Framed messages that are in order; False when the books could not take all of them: they are of no use then."""
        cdef bint done
        cdef uint64_t began = cycles()
        cdef const uint8_t* data = &block[0] if block.shape[0] else NULL
        cdef size_t size = block.shape[0]
        with nogil:
            if time_ns == 0:
                time_ns = monotonic_ns() + self.offset_ns
            done = self.apply_block(data, size, time_ns)
            self.beat(began, True)
        return done

    def spin(
        self, PacketReceiver one not None, PacketReceiver other, MoldGate gate not None,
        int first_line=0, int second_line=1,
    ):
        """Until a packet needs the session: (first line of its receiver, the packet's number there); or (-1, 0) when it
        should look at its clock, or the loop stops. The packets of that receiver from that number on were not looked at.
        """
        cdef int found, line = -1, number = 0
        cdef uint64_t turns = 0, began
        check_lines(one, first_line)
        if other is not None:
            check_lines(other, second_line)
        with nogil:
            while turns < TURNS_BEFORE_PYTHON and load_acquire(&self.stop_wanted) == 0:
                began = cycles()
                found = one.take()
                if found > 0:
                    number = self.packets(one, gate, first_line, 0)
                    if number < found:
                        line = first_line
                        break
                if other is not None and other.take() > 0:
                    found = other.received
                    number = self.packets(other, gate, second_line, 0)
                    if number < found:
                        line = second_line
                        break
                self.beat(began, found > 0)
                turns += 1
                if found > 0:
                    self.idle_turns = 0
                elif self.idle_ns and self.idle_turns >= IDLE_TURNS:
                    sleep_ns(self.idle_ns)
                    break
                else:
                    self.idle_turns += 1
                    relax()
        return line, number if line >= 0 else 0

    def resume(self, PacketReceiver receiver not None, MoldGate gate not None, int line, int first):
        """The receiver's packets from ``first`` on; the number of the one that needs the session, or how many there are."""
        cdef int number
        check_lines(receiver, line)
        with nogil:
            number = self.packets(receiver, gate, line, first)
        return number

    # --- the path of a packet ---

    cdef int packets(self, PacketReceiver receiver, MoldGate gate, int line, int first) noexcept nogil:
        cdef uint64_t began
        cdef const uint8_t* payload
        cdef int number, verdict, its
        for number in range(first, receiver.received):
            began = cycles()
            if receiver.cut[number]:
                return number
            payload = receiver.payloads[number]
            its = line + receiver.line_of[number]
            verdict = gate.judge(payload, receiver.sizes[number], its, receiver.times[number])
            if verdict == SLOW:
                gate.lines[its].packets -= 1  # the session judges it once more: it is one packet, not two
                return number
            add(self.status, FEED_PACKETS, 1)
            if verdict == IN_ORDER:
                put(self.status, FEED_SEQUENCE, gate.expected)
                if not self.apply_block(
                    payload + HEADER_BYTES, receiver.sizes[number] - HEADER_BYTES, receiver.times[number]
                ):
                    add(self.status, FEED_BAD, 1)
                mark(self.status, PACKET_TO_TOP, span_ns(began, cycles(), self.factor))
        return receiver.received

    cdef bint apply_block(self, const uint8_t* data, size_t size, uint64_t time_ns) noexcept nogil:
        cdef uint64_t began = cycles()
        cdef int applied = self.book.apply_block(data, size, time_ns)
        cdef uint32_t count = 0, at
        cdef const uint16_t* touched = self.book.touched_locates(&count)
        mark(self.status, PACKET_TO_BOOK, span_ns(began, cycles(), self.factor))
        for at in range(count):
            self.store_top(touched[at])
        self.store_halts(data, self.book.block_offset)
        add(self.status, FEED_MESSAGES, self.book.block_messages)
        put(self.status, FEED_TIME_NS, time_ns)
        return applied >= 0

    cdef void store_top(self, uint16_t locate) noexcept nogil:
        cdef TopOfBookRecord top
        self.book.fill_top(locate, &top)
        top.condition |= self.condition
        self.tops.store(locate, &top)
        self.stored[locate] = 1
        add(self.status, TOPS_STORED, 1)

    cdef void store_all(self) noexcept nogil:
        """A change of condition: half a millisecond for a whole market, and as rare as gaps are."""
        cdef int locate
        for locate in range(65536):
            if self.stored[locate]:
                self.store_top(<uint16_t>locate)

    cdef void store_halts(self, const uint8_t* data, size_t size) noexcept nogil:
        """A halt moves no price, and is what must be seen first."""
        cdef size_t at = 0
        while at + 5 <= size:
            if data[at + 2] == c"H":
                self.store_top((<uint16_t>data[at + 3] << 8) | data[at + 4])
            at += 2 + ((<size_t>data[at] << 8) | data[at + 1])

    cdef void beat(self, uint64_t began, bint busy) noexcept nogil:
        cdef uint64_t took, wanted
        put(self.status, MARKET_BEAT_NS, monotonic_ns())
        add(self.status, MARKET_TURNS, 1)
        if not busy:
            return
        took = span_ns(began, cycles(), self.factor)
        if took > self.longest_ns:
            self.longest_ns = took
            put(self.status, MARKET_LONGEST_TURN_NS, took)
        wanted = get(self.status, RESET_WANTED)
        if wanted != self.reset_seen:
            self.reset_seen = wanted
            self.longest_ns = 0
            clear(&self.status.stages[<int>PACKET_TO_BOOK])
            clear(&self.status.stages[<int>PACKET_TO_TOP])
