# The order loop of the hot process: intents in, checked and encoded orders out, replies in, drop copies out.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from cython_ext.broadcast_ring cimport BroadcastWriter
from cython_ext.gate cimport Gate
from cython_ext.hot_journal cimport HotJournal
from cython_ext.hot_status cimport HotStatus
from cython_ext.hot_venue cimport VenueLine
from cython_ext.hot_view cimport MarketView
from cython_ext.kill_word cimport KillWord
from cython_ext.layout_gen cimport DropCopyRecord, OrderIntentRecord
from cython_ext.mpsc_ring cimport MpscRing
from cython_ext.ouch cimport OuchOrder, OuchPort
from cython_ext.spsc_ring cimport SpscRing

cdef enum:
    JOURNAL_RESERVE = 1 << 20       # kept for replies and cancels when new orders find no room any more
    CONTROL_PER_TURN = 16
    PACKETS_PER_TURN = 16           # replies; the rest waits in the inbox for the next turn
    SWEEP_ROWS = 1_024              # of the order table looked at in a turn while everything is cancelled
    SWEEP_CANCELS = 16              # of them cancelled in a turn: the kill word is looked at in between
    IDLE_TURNS = 256                # without work before a loop that may sleep does


cdef struct Mail:                   # between the loop and Python's threads; each word has one writer
    uint64_t stop                   # 1: drain, 2: at once
    uint64_t offered                # number of the session that is offered; 0: none yet
    int64_t fd                      # of that session
    uint64_t taken                  # by the loop
    uint64_t lost                   # by the loop: this session is over, its descriptor may be closed
    uint64_t open                   # 0: every order is refused, whatever the gate says


cdef class OrderLoop:
    cdef Gate gate
    cdef OuchPort port
    cdef MpscRing intents
    cdef SpscRing control
    cdef BroadcastWriter drops
    cdef KillWord kill
    cdef HotStatus status
    cdef HotJournal journal
    cdef MarketView market
    cdef VenueLine line
    cdef Mail mail
    cdef uint8_t port_id
    cdef bint leased, killed_by_word, killed_by_control, lease_lapsed
    cdef uint64_t idle_ns, idle_turns, offset_ns, time_ns, factor
    cdef uint64_t lease_until_ns, cancel_after_ns, swept_lease_ns, longest_ns, reset_seen
    cdef uint64_t refused_mask
    cdef bint sweeping, sweep_again, caught_up, asks
    cdef uint32_t sweep_at, sweep_seen

    cdef bint turn(self) noexcept nogil
    cdef bint serve_line(self, VenueLine line, uint64_t now_ns) noexcept nogil
    cdef void watch_kill(self) noexcept nogil
    cdef void set_killed(self) noexcept nogil
    cdef void watch_lease(self) noexcept nogil
    cdef bint take_control(self) noexcept nogil
    cdef void obey(self, const void* record) noexcept nogil
    cdef bint take_intent(self) noexcept nogil
    cdef void handle(self, OrderIntentRecord* order) noexcept nogil
    cdef int judge(self, OrderIntentRecord* order) noexcept nogil
    cdef bint send_out(self, OrderIntentRecord* order, int64_t lots, int64_t reserved, uint64_t began) noexcept nogil
    cdef void refuse(self, const OrderIntentRecord* order, int reason, uint64_t mask) noexcept nogil
    cdef void emit(self, DropCopyRecord* drop) noexcept nogil
    cdef void start_sweep(self, bint again) noexcept nogil
    cdef void sweep(self) noexcept nogil
    cdef bint must_be_flat(self) noexcept nogil
    cdef bint cancel(self, const OuchOrder* working) noexcept nogil
    cdef void take_session(self, uint64_t now_ns) noexcept nogil
    cdef void lose_session(self, uint8_t why) noexcept nogil
    cdef bint take_packets(self) noexcept nogil
    cdef void settle(self, uint32_t next_user_ref_num) noexcept nogil
    cdef bint settle_one(self, uint32_t user_ref_num) noexcept nogil
    cdef void take_reply(self, DropCopyRecord* drop) noexcept nogil
    cdef void tell_state(self, uint64_t began) noexcept nogil


cdef enum:
    REJECT_BYTES = 31   # of an OUCH 5.0 Rejected without an appendage

cdef void make_reject(uint8_t* body, uint32_t user_ref_num) noexcept nogil
