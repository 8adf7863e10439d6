# The order session of the hot process: every packet to and from the venue, the journal, the drop copies.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from cython_ext.broadcast_ring cimport BroadcastWriter
from cython_ext.gate cimport Gate
from cython_ext.hot_journal cimport HotJournal
from cython_ext.hot_status cimport HotStatus
from cython_ext.hot_venue cimport VenueLine
from cython_ext.layout_gen cimport DropCopyRecord, OrderIntentRecord
from cython_ext.ouch cimport OuchOrder, OuchPort

cdef enum:
    PACKETS_PER_TURN = 16           # replies; the rest waits in the inbox for the next turn
    SWEEP_ROWS = 1_024              # of the order table looked at in a turn while everything is cancelled
    SWEEP_CANCELS = 16              # of them cancelled in a turn: the kill word is looked at in between
    REJECT_BYTES = 31               # of an OUCH 5.0 Rejected without an appendage


cdef struct Mail:                   # between the loop and Python's threads; each word has one writer
    uint64_t stop                   # 1: drain, 2: at once
    uint64_t offered                # number of the session that is offered; 0: none yet
    int64_t fd                      # of that session
    uint64_t taken                  # by the loop
    uint64_t lost                   # by the loop: this session is over, its descriptor may be closed
    uint64_t open                   # 0: every order is refused, whatever the gate says


cdef class OrderSession:
    cdef Gate gate
    cdef OuchPort port
    cdef BroadcastWriter drops
    cdef HotStatus status
    cdef HotJournal journal
    cdef VenueLine line
    cdef Mail mail
    cdef uint8_t port_id
    cdef uint64_t time_ns, factor
    cdef bint asks, caught_up       # all that the venue said is known; orders may leave
    cdef bint lease_lapsed          # for so long that what works must go
    cdef bint sweeping, sweep_again
    cdef bint flatten               # the sweep takes everything, though whoever asked for it has let go meanwhile
    cdef uint32_t sweep_at

    cdef bint send_out(self, OrderIntentRecord* order, int64_t lots, int64_t reserved, uint64_t began) noexcept nogil
    cdef void ask_for_the_next(self) noexcept nogil
    cdef void refuse(self, const OrderIntentRecord* order, int reason, uint64_t mask) noexcept nogil
    cdef void emit(self, DropCopyRecord* drop) noexcept nogil
    cdef void start_sweep(self, bint again) noexcept nogil
    cdef void sweep(self) noexcept nogil
    cdef bint cancel(self, const OuchOrder* working, int word) noexcept nogil
    cdef void leave_own_orders(self) noexcept nogil
    cdef void lessen(self, const OuchOrder* working, int64_t leaves_lots) noexcept nogil
    cdef bint serve_line(self, VenueLine line, uint64_t now_ns) noexcept nogil
    cdef void take_session(self, uint64_t now_ns) noexcept nogil
    cdef void lose_session(self, uint8_t why) noexcept nogil
    cdef bint take_packets(self) noexcept nogil
    cdef void settle(self, uint32_t next_user_ref_num) noexcept nogil
    cdef bint settle_one(self, uint32_t user_ref_num) noexcept nogil
    cdef void take_reply(self, DropCopyRecord* drop) noexcept nogil


cdef void make_reject(uint8_t* body, uint32_t user_ref_num) noexcept nogil
