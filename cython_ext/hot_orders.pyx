"""The order loop: one turn after another on a core of its own, without Python, memory, locks or a log.

A turn looks at the clock once, at the kill word, at the control ring, takes at most one intent, and looks at the venue's
socket. What leaves is written down first (journal, then drop copy), so that a process that is killed at any instruction
knows afterwards everything that may have reached the venue.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from cython_ext.atomics cimport load_acquire, relax, store_release
from cython_ext.broadcast_ring cimport BroadcastWriter
from cython_ext.gate cimport Gate
from cython_ext.histogram cimport clear
from cython_ext.hot_clock cimport calibrate, cycles, monotonic_ns, span_ns
from cython_ext.hot_gate cimport tell, tell_kill
from cython_ext.hot_journal cimport NAMED, HotJournal, room
from cython_ext.hot_status cimport *
from cython_ext.hot_venue cimport OUT_RESERVE, VenueLine, out_room, out_waiting
from cython_ext.layout_gen cimport *
from cython_ext.ouch cimport OuchOrder, OuchPort
from cython_ext.ouch_table cimport home
from cython_ext.top_of_book cimport TopOfBookReader

cdef extern from *:
    """
    #include <time.h>
    static inline void hot_sleep(uint64_t ns) { struct timespec t = {0, (long)ns}; nanosleep(&t, NULL); }
    """
    void sleep_ns "hot_sleep"(uint64_t ns) noexcept nogil
    void prefetch "__builtin_prefetch"(const void* at) noexcept nogil


cdef enum:
    CALIBRATION_NS = 20_000_000


cdef class OrderLoop(OrderSession):
    def __init__(
        self, *, Gate gate not None, OuchPort port not None, MpscRing intents not None, SpscRing control not None,
        BroadcastWriter drops not None, KillWord kill not None, HotStatus status not None, HotJournal journal not None,
        TopOfBookReader tops=None, port_id=0, bint leased=True, cancel_after_ms=1_000, idle_us=0, offset_ns=0,
        bint asks=True,
    ):
        """``tops`` None: references and halts come from the control plane alone. ``idle_us`` 0: the loop never sleeps.

        ``asks``: whoever offers a session has sent an Account Query on it; its answer says that all was heard.
        """
        for ring, size in ((intents, sizeof(OrderIntentRecord)), (drops, sizeof(DropCopyRecord))):
            if ring.slot_size != size:
                raise ValueError(f"a ring of {ring.slot_size} bytes a record where {size} belong")
        if control.slot_size < 128:
            raise ValueError(f"the control ring has {control.slot_size} bytes a record; the largest record takes 128")
        self.gate, self.port, self.intents, self.control, self.drops = gate, port, intents, control, drops
        self.kill, self.status, self.journal = kill, status, journal
        self.port_id, self.leased, self.offset_ns, self.asks = port_id, leased, offset_ns, asks
        self.cancel_after_ns = cancel_after_ms * 1_000_000
        self.idle_ns = idle_us * 1_000
        self.mail.fd = -1
        self.factor = calibrate(CALIBRATION_NS)
        self.line = VenueLine(status, self.factor)
        self.market = MarketView(gate, status, tops)
        self.time_ns = monotonic_ns() + self.offset_ns
        self.kill_epoch = kill.epoch()
        put(status, LEASED, leased)

    # --- for Python's threads, while the loop runs in its own ---

    def run(self):
        """Until ``stop``; the caller's thread is the loop's."""
        put(self.status, ORDER_STATE, RUNNING)
        with nogil:
            while load_acquire(&self.mail.stop) == 0 or (self.mail.stop == 1 and out_waiting(self.line) > 0):
                if self.turn():
                    self.idle_turns = 0
                elif self.idle_ns and self.idle_turns >= IDLE_TURNS:
                    sleep_ns(self.idle_ns)
                else:
                    self.idle_turns += 1
                    relax()
        put(self.status, ORDER_STATE, ENDED)

    def turns(self, uint64_t count):
        """So many turns, in the caller's thread; how many had work in them."""
        cdef uint64_t busy = 0
        with nogil:
            for _ in range(count):
                busy += self.turn()
        return busy

    def open(self, bint on=True):
        """Closed (as it begins), it refuses every order with PORT_DOWN, whatever the gate would say."""
        store_release(&self.mail.open, on)

    def stop(self, *, bint at_once=False):
        """The loop ends: after its out buffer is empty, or with the turn that it is in."""
        put(self.status, ORDER_STATE, DRAINING)
        store_release(&self.mail.stop, 2 if at_once else 1)

    def offer_session(self, int fd):
        """A connected, logged-in, non-blocking socket; it is the loop's until ``session_lost`` says its number."""
        if self.mail.lost != self.mail.offered:
            raise RuntimeError(f"session {self.mail.offered} is not over yet")
        self.mail.fd = fd
        store_release(&self.mail.offered, self.mail.offered + 1)
        return self.mail.offered

    @property
    def session_lost(self):
        """The number of the last session that is over."""
        return load_acquire(&self.mail.lost)

    def name(self, bytes symbol not None, *, bint journaled=False):
        """A Symbol record, before the loop runs; afterwards one in the control ring does it. ``journaled``: it comes from there."""
        cdef const SymbolRecord* record = <const SymbolRecord*><const char*>symbol
        if len(symbol) != sizeof(SymbolRecord) or record.type_id != SYMBOL_TYPE_ID:
            raise ValueError(f"{symbol[:8].hex()} is no Symbol")
        if not journaled:
            self.obey(record)
        elif self.market.is_new(record):
            self.market.name(record)

    def went_before(self, uint64_t order_id, uint8_t action):
        """The last intent that a predecessor said anything about: found in the ring again it is not judged again."""
        self.last_order_id, self.last_action = order_id, action

    def warm(self, OuchPort scratch not None, uint32_t rounds):
        """Before the loop runs and any session is there: ``rounds`` times an order in every named instrument through view,
        gate and encoder, with the kill switch engaged, so that none can pass; how many were refused.

        ``scratch`` is a port with the same symbols whose bytes go nowhere: the real one's numbers are not touched.
        """
        cdef OrderIntentRecord order
        cdef uint8_t[64] bytes_
        cdef uint64_t refused = 0, passed = 0
        cdef uint32_t turn, at
        if self.line.fd >= 0:
            raise RuntimeError("a session is there: it is too late to warm up")
        put(self.status, ORDER_STATE, WARMING)
        with nogil:
            tell_kill(self.gate, True, self.time_ns)
            for turn in range(rounds):
                for at in range(self.market.count):
                    if self.market.rows[at].wire_price_per_tick == 0:
                        continue
                    memset(&order, 0, sizeof(order))
                    order.type_id = ORDER_INTENT_TYPE_ID
                    order.action = ACTION_NEW
                    order.side = SIDE_BUY + (turn & 1)
                    order.order_type = ORDER_TYPE_LIMIT
                    order.instrument_id = at
                    order.order_id = <uint64_t>turn * self.market.count + at + 1
                    order.price_ticks = order.quantity_lots = 1
                    order.time_ns = self.time_ns
                    self.market.look(at, self.time_ns)
                    if self.gate.judge(&order) >= 0:
                        refused += 1
                    else:
                        passed += 1
                    scratch.encode(&order, 1, bytes_, sizeof(bytes_))
            tell_kill(self.gate, self.killed_by_word or self.killed_by_control, self.time_ns)
        put(self.status, WARMED, refused)
        if passed:
            raise RuntimeError(f"{passed} orders passed a killed gate")
        return refused

    # --- one turn ---

    cdef bint turn(self) noexcept nogil:
        cdef uint64_t began = cycles()
        cdef uint64_t now_ns = monotonic_ns()
        self.began = began
        cdef bint busy = False
        self.time_ns = now_ns + self.offset_ns
        put(self.status, ORDER_BEAT_NS, now_ns)
        self.watch_kill()
        busy |= self.take_control()
        if self.leased:
            self.watch_lease()
        if load_acquire(&self.mail.offered) != self.mail.taken:
            self.take_session(now_ns)
        busy |= self.take_intent()
        if self.sweeping and self.caught_up:
            self.sweep()
            busy = True
        if self.line.fd >= 0:
            busy |= self.serve_line(self.line, now_ns)
        if busy or not self.idle_turns:
            self.tell_state(began)
        add(self.status, ORDER_TURNS, 1)
        return busy

    cdef void tell_state(self, uint64_t began) noexcept nogil:
        cdef uint64_t took = span_ns(began, cycles(), self.factor)
        cdef uint64_t wanted = get(self.status, RESET_WANTED)
        cdef int stage
        put(self.status, LIVE_ORDERS, self.port.live_orders)
        put(self.status, SOUP_SEQUENCE, self.port.soup_sequence)
        put(self.status, NEXT_USER_REF_NUM, self.port.next_user_ref_num)
        put(self.status, DROPS_NEXT, self.drops.ring.next + 1)
        put(self.status, JOURNAL_BYTES, self.journal.end)
        put(self.status, JOURNAL_ROOM, room(self.journal))
        mark(self.status, TURN, took)
        if took > self.longest_ns:
            self.longest_ns = took
            put(self.status, ORDER_LONGEST_TURN_NS, took)
        if wanted != self.reset_seen:
            self.reset_seen = wanted
            self.longest_ns = 0
            for stage in range(<int>PACKET_TO_BOOK):  # those behind are the market loop's
                clear(&self.status.stages[stage])
            put(self.status, RESET_SEEN, wanted)

    # --- kill word, lease, control plane ---

    cdef void watch_kill(self) noexcept nogil:
        """A new epoch is a kill, though it was released again before we looked: what works is cancelled all the same."""
        cdef bint engaged = self.kill.engaged()
        cdef uint64_t epoch = self.kill.epoch()
        if engaged == self.killed_by_word and epoch == self.kill_epoch:
            return
        if engaged == self.killed_by_word:
            self.say_killed()
        self.killed_by_word = engaged
        self.kill_epoch = epoch
        put(self.status, KILL_EPOCH, epoch)
        self.set_killed()

    cdef void set_killed(self) noexcept nogil:
        """Either of the two switches stops; both must let go."""
        cdef bint killed = self.killed_by_word or self.killed_by_control
        tell_kill(self.gate, killed, self.time_ns)
        put(self.status, CONTROL_KILLED, self.killed_by_control)
        if killed and not get(self.status, KILL_ENGAGED):
            self.say_killed()
        put(self.status, KILL_ENGAGED, killed)

    cdef void say_killed(self) noexcept nogil:
        cdef DropCopyRecord drop
        memset(&drop, 0, sizeof(drop))
        drop.kind = DROP_KIND_KILLED
        drop.execution_id = self.kill.epoch()
        self.emit(&drop)
        add(self.status, KILLS_SEEN, 1)
        self.flatten = True
        self.start_sweep(False)

    cdef void watch_lease(self) noexcept nogil:
        """The gate refuses by itself; here is what else a lapsed lease means: after a while the orders go too."""
        if self.lease_until_ns and self.time_ns > self.lease_until_ns and not self.lease_over:
            self.lease_over = True
            self.lapsed_ns = self.lease_until_ns
            add(self.status, LEASE_LAPSES, 1)
        if self.lease_over and self.cancel_after_ns and not self.lease_lapsed:
            if self.time_ns > self.lapsed_ns + self.cancel_after_ns:
                self.lease_lapsed = True
                self.start_sweep(False)

    cdef void set_lease(self, uint64_t until_ns) noexcept nogil:
        """0 ends a lease before its time: the control plane's goodbye, or its link's own look at the clock."""
        if until_ns > self.time_ns:
            self.lease_over = self.lease_lapsed = False
        elif self.lease_until_ns and not self.lease_over:
            self.lease_over = True
            self.lapsed_ns = self.time_ns
            add(self.status, LEASE_LAPSES, 1)
        self.lease_until_ns = until_ns

    cdef bint take_control(self) noexcept nogil:
        cdef const void* record
        cdef int taken
        for taken in range(CONTROL_PER_TURN):
            record = self.control.peek()
            if record == NULL:
                return taken > 0
            self.obey(record)
            self.control.advance()
        return True

    cdef void obey(self, const void* record) noexcept nogil:
        cdef uint16_t kind = (<const uint16_t*>record)[0]
        cdef const KillRecord* kill = <const KillRecord*>record
        cdef const SymbolRecord* symbol = <const SymbolRecord*>record
        add(self.status, CONTROL_RECORDS, 1)
        if kind == KILL_TYPE_ID and kill.scope == KILL_SCOPE_GLOBAL:
            self.killed_by_control = kill.engage != 0
            self.set_killed()
        elif kind == KILL_TYPE_ID:
            if tell(self.gate, record) != 0:
                add(self.status, CONTROL_REFUSED, 1)
            self.start_sweep(False)
        elif kind == MARK_TYPE_ID and self.market.told(<const MarkRecord*>record, self.time_ns):
            pass
        elif kind == SYMBOL_TYPE_ID:
            # In the journal first: without it no entry about the instrument can be read again.
            if self.market.is_new(symbol) and self.journal.append(
                NAMED, symbol, sizeof(SymbolRecord), self.time_ns, self.drops.ring.next + 1, 0, 0
            ):
                self.market.name(symbol)
        elif kind == LEASE_TYPE_ID:
            self.set_lease((<const LeaseRecord*>record).until_ns)
            put(self.status, LEASE_UNTIL_NS, self.lease_until_ns)
            tell(self.gate, record)
        elif tell(self.gate, record) != 0:
            add(self.status, CONTROL_REFUSED, 1)

    # --- an intent on its way out ---

    cdef bint take_intent(self) noexcept nogil:
        cdef const OrderIntentRecord* seen = <const OrderIntentRecord*>self.intents.peek()
        cdef OrderIntentRecord order
        if seen == NULL:
            return False
        if out_room(self.line) < OUT_RESERVE:
            add(self.status, HELD_BACK, 1)
            return False
        # One copy, which is judged and sent: the ring's memory is the sender's to change.
        memcpy(&order, seen, sizeof(order))
        self.has_been_up |= self.caught_up
        if not self.has_been_up and order.order_id == self.last_order_id and order.action == self.last_action:
            self.intents.advance()  # Our predecessor died between its drop copy and this step
            return True
        add(self.status, INTENTS, 1)
        if self.time_ns > order.time_ns:
            mark(self.status, RING_WAIT, self.time_ns - order.time_ns)
        else:
            mark(self.status, RING_WAIT, 0)  # stamped after our look at the clock
        order.time_ns = self.time_ns
        self.handle(&order)
        # Only now: whoever kills us before this line leaves the intent to our successor.
        self.intents.advance()
        return True

    cdef void handle(self, OrderIntentRecord* order) noexcept nogil:
        cdef uint64_t began = cycles(), looked, judged
        cdef const OuchOrder* working
        cdef int64_t lots, reserved
        cdef int reason
        if order.action == ACTION_REPLACE:
            # What works is what the port knows, not what the sender thinks.
            working = self.port.find(self.port.by_id, order.order_id)
            order.working_lots = working.held_lots if working != NULL else 0
            order.working_price_ticks = working.held_price_ticks if working != NULL else 0
        else:
            prefetch(&self.port.by_id[home(order.order_id) & self.port.mask])
        self.market.look(order.instrument_id, self.time_ns)
        looked = cycles()
        mark(self.status, VIEW, span_ns(began, looked, self.factor))
        reason = self.judge(order)
        judged = cycles()
        mark(self.status, GATE, span_ns(looked, judged, self.factor))
        # Before the order: the venue must have lost our own orders on the other side when it comes.
        lots, reserved = self.gate.t.allowed_lots, self.gate.t.reserved_price_ticks
        if self.gate.t.match_count and reason != CHECK_PORT_DOWN:
            self.leave_own_orders()
        if reason >= 0:
            self.refuse(order, reason, self.refused_mask)
        else:
            self.send_out(order, lots, reserved, self.began)

    cdef int judge(self, OrderIntentRecord* order) noexcept nogil:
        """The lowest check that fired, or PASS. What no gate can know is judged here: is there a way out at all?"""
        cdef int reason
        self.watch_kill()  # once more, as late as can be
        if not self.caught_up or not load_acquire(&self.mail.open):
            self.refused_mask = <uint64_t>1 << CHECK_PORT_DOWN
            return CHECK_PORT_DOWN
        if order.action != ACTION_CANCEL and room(self.journal) < JOURNAL_RESERVE:
            add(self.status, JOURNAL_FULL, 1)
            self.refused_mask = <uint64_t>1 << CHECK_PORT_DOWN
            return CHECK_PORT_DOWN
        reason = self.gate.judge(order)
        self.refused_mask = self.gate.t.fired_mask
        return reason
