"""The order session of the hot process: what leaves is written down first, what comes is written down before it counts.

The lower half of the order loop, by which every packet to and from the venue goes; the upper half (hot_orders) decides.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from cython_ext.atomics cimport load_acquire, store_release
from cython_ext.broadcast_ring cimport broadcast_slot
from cython_ext.hot_clock cimport cycles, span_ns
from cython_ext.hot_gate cimport must_go, take_back, tell_facts, tell_mark, tell_outcome
from cython_ext.hot_journal cimport DECODED, ENCODED, SETTLED
from cython_ext.hot_status cimport *
from cython_ext.hot_venue cimport (
    HEARTBEAT_NS, OUT_RESERVE, RECEIVE_EVERY_NS, SILENCE_NS, VenueLine, out_room, out_waiting,
)
from cython_ext.layout_gen cimport *
from cython_ext.ouch_table cimport home
from cython_ext.tables cimport MAX_CROSSING, Crossing

cdef extern from *:
    """
    static inline uint32_t hot_big4(const uint8_t *p) { uint32_t v; __builtin_memcpy(&v, p, 4); return __builtin_bswap32(v); }
    """
    uint32_t big4 "hot_big4"(const uint8_t* at) noexcept nogil
    void prefetch "__builtin_prefetch"(const void* at) noexcept nogil

cdef enum:
    REASON_NOT_ENCODED = 128  # and more: DropCopy.reason of what the port could not say, 128 + OuchRefusal
    WHY_LOST = 0x4C           # "L": DropCopy.reason of a session that the network ended; else the venue's own letter
    WHY_SILENT = 0x54         # "T"
    WHY_BROKEN = 0x42         # "B": it sent what is no SoupBinTCP
    WHY_JOURNAL = 0x46        # "F": nothing more can be written down
    SEQUENCED = 0x53          # "S": a packet that counts
    QUERY = 0x51              # "Q": Account Query Response; its number is behind type and timestamp
    QUERY_BYTES = 16


cdef class OrderSession:
    # --- what leaves ---

    cdef bint send_out(self, OrderIntentRecord* order, int64_t lots, int64_t reserved, uint64_t began) noexcept nogil:
        cdef DropCopyRecord drop
        cdef uint64_t judged = cycles(), encoded, written
        cdef int size
        self.port.reserved_price_ticks = reserved
        size = self.port.encode(order, lots, self.line.out + self.line.out_end, out_room(self.line))
        encoded = cycles()
        mark(self.status, ENCODE, span_ns(judged, encoded, self.factor))
        if size < 0:
            add(self.status, NOT_ENCODED, 1)
            add(self.status, ENCODE_BEGIN + (-size & 15), 1)
            if order.action != ACTION_CANCEL:
                add(self.status, GATE_FAULTS, take_back(self.gate, order, lots, reserved))
            self.refuse(order, REASON_NOT_ENCODED - size, 0)
            return False
        # Written down first. There is room: judge() kept the reserve, of which cancels are a small part.
        if not self.journal.append(
            ENCODED, order, sizeof(OrderIntentRecord), self.time_ns, self.drops.ring.next + 1, lots, reserved
        ):
            self.lose_session(WHY_JOURNAL)
            return False
        describe(&drop, order)
        drop.kind = DROP_KIND_SENT
        drop.leaves_lots = lots
        drop.user_ref_num = self.port.last_user_ref_num
        self.emit(&drop)
        self.line.out_end += size
        written = cycles()
        mark(self.status, RECORD, span_ns(encoded, written, self.factor))
        mark(self.status, TO_OUT, span_ns(began, written, self.factor))
        add(self.status, SENT_NEW + order.action - ACTION_NEW, 1)
        self.ask_for_the_next()
        return True

    cdef void ask_for_the_next(self) noexcept nogil:
        """The lines that the next order will write are known now: memory brings them while nobody waits."""
        cdef uint8_t* place = self.journal.base + self.journal.end
        cdef uint8_t* slot = <uint8_t*>broadcast_slot(&self.drops.ring, self.drops.ring.next)
        prefetch(place)
        prefetch(place + 64)
        prefetch(slot)
        prefetch(slot + 64)
        prefetch(slot + 128)
        if self.port.free_count:
            place = <uint8_t*>&self.port.orders[self.port.free_slots[self.port.free_count - 1]]
            prefetch(place)
            prefetch(place + 64)
            prefetch(place + 128)
        prefetch(&self.port.by_ref[home(self.port.next_user_ref_num) & self.port.mask])
        prefetch(self.line.out + self.line.out_end)

    cdef void refuse(self, const OrderIntentRecord* order, int reason, uint64_t mask) noexcept nogil:
        cdef DropCopyRecord drop
        describe(&drop, order)
        drop.kind = DROP_KIND_REFUSED
        drop.reason = reason
        drop.fired_mask = mask
        self.emit(&drop)
        add(self.status, REFUSED, 1)
        if reason < REASON_NOT_ENCODED:
            add(self.status, REJECTS_BEGIN + (reason & 63), 1)

    cdef void emit(self, DropCopyRecord* drop) noexcept nogil:
        drop.type_id = DROP_COPY_TYPE_ID
        drop.sequence_number = self.drops.ring.next + 1
        drop.time_ns = self.time_ns
        drop.port_id = self.port_id
        self.drops.write(drop)

    # --- what must go: cancelled, or lessened ---

    cdef void start_sweep(self, bint again) noexcept nogil:
        """``again``: the cancels that were sent and not answered once more (they may be lost, and are harmless twice)."""
        self.sweeping = True
        self.sweep_again = again
        self.sweep_at = 0

    cdef void sweep(self) noexcept nogil:
        """A part of the table each turn; without a session it waits for the next one."""
        cdef const OuchOrder* order
        cdef uint32_t last = self.sweep_at + SWEEP_ROWS
        cdef int cancelled = 0
        while self.sweep_at < self.port.max_orders and self.sweep_at < last and cancelled < SWEEP_CANCELS:
            if out_room(self.line) < OUT_RESERVE:
                return
            order = &self.port.orders[self.sweep_at]
            self.sweep_at += 1
            if order.in_use:
                if order.is_canceling != self.sweep_again or not (
                    self.sweep_again or self.flatten or self.lease_lapsed or must_go(self.gate, order, self.port_id)
                ):
                    continue
                cancelled += self.cancel(order, TRIP_CANCELS)
        if self.sweep_at == self.port.max_orders:
            self.sweeping = False
            self.flatten = self.flatten and self.sweep_again
            if self.sweep_again:
                self.start_sweep(False)  # What a switch stands over since before the session

    cdef bint cancel(self, const OuchOrder* working, int word) noexcept nogil:
        cdef OrderIntentRecord order
        about(&order, working, ACTION_CANCEL, self.port_id, self.time_ns)
        if not self.send_out(&order, 0, 0, cycles()):
            return False
        add(self.status, word, 1)
        return True

    cdef void leave_own_orders(self) noexcept nogil:
        """Self-match prevention: what the gate listed is cancelled, or lessened."""
        cdef Crossing[MAX_CROSSING] crossing
        cdef uint64_t count = self.gate.t.match_count, at
        cdef const OuchOrder* working
        memcpy(crossing, self.gate.t.matches, count * sizeof(Crossing))  # a judgement to come overwrites it
        for at in range(count):
            working = self.port.find(self.port.by_id, crossing[at].order_id)
            if working == NULL or working.is_canceling:
                continue
            if crossing[at].leaves_lots > 0:
                self.lessen(working, crossing[at].leaves_lots)
            else:
                self.cancel(working, SELF_MATCH_CANCELS)

    cdef void lessen(self, const OuchOrder* working, int64_t leaves_lots) noexcept nogil:
        """A replace with fewer lots; where it can't be, the order goes."""
        cdef OrderIntentRecord order
        cdef int64_t lots, reserved
        about(&order, working, ACTION_REPLACE, self.port_id, self.time_ns)
        order.order_type = working.order_type
        order.tif = working.tif
        order.flags = working.flags
        order.price_ticks = working.price_ticks
        order.quantity_lots = leaves_lots
        order.working_lots = working.held_lots
        order.working_price_ticks = working.held_price_ticks
        if working.pending_user_ref_num == 0 and self.gate.judge(&order) < 0:
            lots, reserved = self.gate.t.allowed_lots, self.gate.t.reserved_price_ticks
            if self.send_out(&order, lots, reserved, cycles()):
                add(self.status, SELF_MATCH_CANCELS, 1)
                return
        self.cancel(working, SELF_MATCH_CANCELS)

    # --- the connection ---

    cdef bint serve_line(self, VenueLine line, uint64_t now_ns) noexcept nogil:
        """What waits goes out; now and then a look at what came."""
        cdef bint busy = out_waiting(line) > 0
        if busy and not line.flush(now_ns):
            self.lose_session(WHY_LOST)
            return True
        if line.inbox_end > line.inbox_begin or now_ns - line.received_ns >= RECEIVE_EVERY_NS:
            if not line.receive(now_ns):
                self.lose_session(WHY_LOST)
                return True
            busy |= self.take_packets()
        if line.fd >= 0 and now_ns - line.heard_ns > SILENCE_NS:
            self.lose_session(WHY_SILENT)
        elif line.fd >= 0 and now_ns - line.sent_ns >= HEARTBEAT_NS and out_room(line) >= OUT_RESERVE:
            line.out_end += self.port.heartbeat(line.out + line.out_end, out_room(line))
            line.sent_ns = now_ns
        return busy

    cdef void take_session(self, uint64_t now_ns) noexcept nogil:
        cdef DropCopyRecord drop
        self.mail.taken = self.mail.offered
        self.line.begin(<int>self.mail.fd, now_ns)
        memset(&drop, 0, sizeof(drop))
        drop.kind = DROP_KIND_SESSION_UP
        self.emit(&drop)
        put(self.status, SESSION_UP, 1)
        self.caught_up = False
        if not self.asks:
            self.settle(0)

    cdef void lose_session(self, uint8_t why) noexcept nogil:
        cdef DropCopyRecord drop
        self.line.end()
        self.caught_up = False
        put(self.status, CAUGHT_UP, 0)
        tell_mark(self.gate, MARK_CONNECTED, self.port_id, False, self.time_ns)
        memset(&drop, 0, sizeof(drop))
        drop.kind = DROP_KIND_SESSION_DOWN
        drop.reason = why
        self.emit(&drop)
        put(self.status, SESSION_UP, 0)
        add(self.status, SESSION_LOSSES, 1)
        if why == WHY_JOURNAL:
            put(self.status, ORDER_STATE, FAULTED)
        store_release(&self.mail.lost, self.mail.taken)  # from here on the descriptor may be closed

    cdef bint take_packets(self) noexcept nogil:
        cdef DropCopyRecord drop
        cdef const uint8_t* data
        cdef size_t size = 0, used = 0
        cdef uint64_t began
        cdef int found, taken
        for taken in range(PACKETS_PER_TURN):
            data = self.line.packet(&size)
            if data == NULL:
                return taken > 0
            began = cycles()
            # Written down before anything is done with it. Heartbeats change nothing.
            if size >= 3 and data[2] == SEQUENCED and not self.journal.append(
                DECODED, data, size, self.time_ns, self.drops.ring.next + 1, 0, 0
            ):
                self.lose_session(WHY_JOURNAL)
                return True
            found = self.port.decode(data, size, &drop, &used)
            if used == 0:
                self.lose_session(WHY_BROKEN)
                return True
            self.line.take(size)
            add(self.status, RECEIVED_PACKETS, 1)
            if found < 0:
                add(self.status, BAD_PACKETS, 1)
            elif found == 1:
                self.take_reply(&drop)
                if self.line.fd < 0:
                    return True
            elif size >= QUERY_BYTES and data[2] == SEQUENCED and data[3] == QUERY and not self.caught_up:
                self.settle(big4(data + 12))
            mark(self.status, RECEIVE, span_ns(began, cycles(), self.factor))
        return True

    cdef void settle(self, uint32_t next_user_ref_num) noexcept nogil:
        """The venue has said everything, and which number it expects next (0: it was not asked): what it never got is over.

        This looks at the whole table, once a session.
        """
        cdef const OuchOrder* order
        cdef uint32_t at
        for at in range(self.port.max_orders):
            order = &self.port.orders[at]
            if order.in_use and next_user_ref_num:
                if order.pending_user_ref_num >= next_user_ref_num and not self.settle_one(order.pending_user_ref_num):
                    return
                if order.in_use and order.user_ref_num >= next_user_ref_num and not self.settle_one(order.user_ref_num):
                    return
        self.caught_up = True
        put(self.status, CAUGHT_UP, 1)
        tell_mark(self.gate, MARK_CONNECTED, self.port_id, True, self.time_ns)
        self.start_sweep(True)

    cdef bint settle_one(self, uint32_t user_ref_num) noexcept nogil:
        """As if the venue had rejected it, for a reason of our own."""
        cdef DropCopyRecord drop
        cdef uint8_t[REJECT_BYTES] body
        make_reject(body, user_ref_num)
        if not self.journal.append(SETTLED, body, REJECT_BYTES, self.time_ns, self.drops.ring.next + 1, 0, 0):
            self.lose_session(WHY_JOURNAL)
            return False
        memset(&drop, 0, sizeof(drop))
        memset(&self.port.facts, 0, sizeof(self.port.facts))
        if self.port.sequenced(body, REJECT_BYTES, &drop) == 1:
            self.take_reply(&drop)
            add(self.status, SETTLED_ORDERS, 1)
        return True

    cdef void take_reply(self, DropCopyRecord* drop) noexcept nogil:
        cdef int faults = tell_facts(self.gate, &self.port.facts, drop.order_id, drop.strategy_id)
        if faults:
            add(self.status, GATE_FAULTS, faults)
        if drop.kind == DROP_KIND_SESSION_UP:
            return
        if drop.kind == DROP_KIND_SESSION_DOWN:
            self.lose_session(drop.reason)
            return
        self.emit(drop)
        if drop.kind == DROP_KIND_EXECUTED:
            add(self.status, EXECUTIONS, 1)
        elif drop.kind == DROP_KIND_ACCEPTED:
            add(self.status, ACCEPTED, 1)
            tell_outcome(self.gate, drop.account_id, False, self.time_ns)
        elif drop.kind == DROP_KIND_REJECTED:
            add(self.status, REJECTED, 1)
            tell_outcome(self.gate, drop.account_id, True, self.time_ns)
        elif drop.kind == DROP_KIND_CANCELED or drop.kind == DROP_KIND_SELF_MATCH_CANCEL:
            add(self.status, CANCELED, 1)


cdef inline void about(
    OrderIntentRecord* order, const OuchOrder* working, uint8_t action, uint8_t port_id, uint64_t time_ns
) noexcept nogil:
    memset(order, 0, sizeof(OrderIntentRecord))
    order.type_id = ORDER_INTENT_TYPE_ID
    order.action = action
    order.side = working.side
    order.port_id = port_id
    order.instrument_id = working.instrument_id
    order.account_id = working.account_id
    order.strategy_id = working.strategy_id
    order.order_id = working.order_id
    order.time_ns = time_ns


cdef inline void describe(DropCopyRecord* drop, const OrderIntentRecord* order) noexcept nogil:
    memset(drop, 0, sizeof(DropCopyRecord))
    drop.action = order.action
    drop.side = order.side
    drop.order_type = order.order_type
    drop.tif = order.tif
    drop.flags = order.flags
    drop.instrument_id = order.instrument_id
    drop.account_id = order.account_id
    drop.strategy_id = order.strategy_id
    drop.order_id = order.order_id
    drop.price_ticks = order.price_ticks
    drop.quantity_lots = order.quantity_lots


cdef void make_reject(uint8_t* body, uint32_t user_ref_num) noexcept nogil:
    memset(body, 0, REJECT_BYTES)
    body[0] = c"J"
    body[9] = user_ref_num >> 24
    body[10] = (user_ref_num >> 16) & 0xFF
    body[11] = (user_ref_num >> 8) & 0xFF
    body[12] = user_ref_num & 0xFF


def settle_port(OuchPort port not None, bytes body not None):
    """Recovery: what a SETTLED entry did to the port; the drop-copy record, or b""."""
    cdef DropCopyRecord drop
    memset(&drop, 0, sizeof(drop))
    memset(&port.facts, 0, sizeof(port.facts))
    drop.type_id = DROP_COPY_TYPE_ID
    if len(body) != REJECT_BYTES:
        raise ValueError(f"a reject has {REJECT_BYTES} bytes, not {len(body)}")
    if port.sequenced(<const uint8_t*><const char*>body, REJECT_BYTES, &drop) != 1:
        return b""
    return (<char*>&drop)[:sizeof(DropCopyRecord)]
