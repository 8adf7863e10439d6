# The order loop of the hot process: intents in, judged, and those that pass out by its session.
from libc.stdint cimport int64_t, uint8_t, uint64_t

from cython_ext.hot_session cimport OrderSession
from cython_ext.hot_view cimport MarketView
from cython_ext.kill_word cimport KillWord
from cython_ext.layout_gen cimport OrderIntentRecord
from cython_ext.mpsc_ring cimport MpscRing
from cython_ext.spsc_ring cimport SpscRing

cdef enum:
    JOURNAL_RESERVE = 1 << 20       # kept for replies and cancels when new orders find no room any more
    CONTROL_PER_TURN = 16
    IDLE_TURNS = 256                # without work before a loop that may sleep does


cdef class OrderLoop(OrderSession):
    cdef MpscRing intents
    cdef SpscRing control
    cdef KillWord kill
    cdef MarketView market
    cdef bint leased, killed_by_word, killed_by_control, lease_over
    cdef uint64_t idle_ns, idle_turns, offset_ns
    cdef uint64_t lease_until_ns, lapsed_ns, cancel_after_ns, longest_ns, reset_seen
    cdef uint64_t refused_mask, kill_epoch
    cdef uint64_t began             # this turn, in cycles
    cdef uint64_t last_order_id     # of the last intent that a predecessor dealt with
    cdef uint8_t last_action
    cdef bint has_been_up           # a session was caught up with since the start

    cdef bint turn(self) noexcept nogil
    cdef void tell_state(self, uint64_t began) noexcept nogil
    cdef void watch_kill(self) noexcept nogil
    cdef void set_killed(self) noexcept nogil
    cdef void say_killed(self) noexcept nogil
    cdef void watch_lease(self) noexcept nogil
    cdef void set_lease(self, uint64_t until_ns) noexcept nogil
    cdef bint take_control(self) noexcept nogil
    cdef void obey(self, const void* record) noexcept nogil
    cdef bint take_intent(self) noexcept nogil
    cdef void handle(self, OrderIntentRecord* order) noexcept nogil
    cdef int judge(self, OrderIntentRecord* order) noexcept nogil
