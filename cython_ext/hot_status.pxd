# What a hot process tells about itself: words and histograms in shared memory, each with one writer, read by anyone.
#
# The file: a page of header, a text (JSON, what does not change or changes rarely) behind a sequence, the words, the
# histograms. meltica/hot/hot_status.py makes and reads it; here are the places that the loops write.
from libc.stdint cimport uint64_t

from cython_ext.atomics cimport load_relaxed, store_relaxed
from cython_ext.histogram cimport HistogramMemory, record_ns

# Groups begin on lines of their own, because each has another writer.
cpdef enum Word:
    # The order loop
    ORDER_STATE = 0            # LoopState
    ORDER_TURNS = 1
    ORDER_LONGEST_TURN_NS = 2
    ORDER_BEAT_NS = 3          # monotonic time of the last turn
    INTENTS = 4
    SENT_NEW = 5
    SENT_REPLACE = 6
    SENT_CANCEL = 7
    REFUSED = 8
    NOT_ENCODED = 9            # passed, and the port could not say it in OUCH: nothing left, nothing is reserved
    TRIP_CANCELS = 10          # cancels that a kill or a lapsed lease sent
    SELF_MATCH_CANCELS = 11
    SENDS = 12
    SENT_BYTES = 13
    SEND_BLOCKED = 14          # the socket took nothing
    HELD_BACK = 15             # turns in which intents waited for room in the out buffer or the journal
    RECEIVED_BYTES = 16
    RECEIVED_PACKETS = 17
    BAD_PACKETS = 18
    EXECUTIONS = 19
    ACCEPTED = 20
    REJECTED = 21
    CANCELED = 22
    LIVE_ORDERS = 23
    SOUP_SEQUENCE = 24
    NEXT_USER_REF_NUM = 25
    DROPS_NEXT = 26
    SESSION_UP = 27
    SESSION_LOSSES = 28
    KILL_ENGAGED = 29
    KILL_EPOCH = 30
    KILLS_SEEN = 31
    CONTROL_RECORDS = 32
    CONTROL_REFUSED = 33       # records of the control plane that the gate did not take
    CONTROL_KILLED = 34
    LEASED = 35
    LEASE_UNTIL_NS = 36
    LEASE_LAPSES = 37
    JOURNAL_BYTES = 38
    JOURNAL_ROOM = 39
    JOURNAL_FULL = 40          # orders refused because what left could not have been written down
    GATE_FAULTS = 41           # records that the gate refused though the venue had told them
    REFERENCES = 42            # reference prices told to the gate
    OUT_WAITING = 43           # bytes in the out buffer
    WARMED = 44                # orders of the warm-up, all refused
    RESET_SEEN = 45
    CAUGHT_UP = 46             # 1: what the venue said while we were away is known, and what never arrived is settled
    SETTLED_ORDERS = 47        # orders and replaces that never arrived
    # The market loop
    MARKET_STATE = 128
    MARKET_TURNS = 129
    MARKET_LONGEST_TURN_NS = 130
    MARKET_BEAT_NS = 131
    FEED_PACKETS = 132
    FEED_MESSAGES = 133
    FEED_SLOW = 134            # packets that the session judged: heartbeats, gaps, another session
    FEED_GAPS = 135
    FEED_LOST = 136            # messages that nobody could give again
    FEED_DROPS = 137           # packets that the kernel threw away
    FEED_GAPPED = 138          # 1: now
    FEED_TIME_NS = 139         # of the last packet that was in order
    FEED_STATE = 140           # FeedState
    TOPS_STORED = 141
    FEED_SEQUENCE = 142
    FEED_BAD = 143
    # The tender: the thread with Python in it
    TENDER_BEAT_NS = 160
    CLOCK_OFFSET_NS = 161      # orders are stamped with the monotonic clock plus this
    CLOCK_STEPS = 162          # times that the system clock left ours by more than a millisecond
    CLOCK_AHEAD_NS = 163       # signed: system clock minus ours
    LINK_STATE = 164
    LINK_GAPS = 165
    CONTROL_HELD_BACK = 166    # records that waited for room in the control ring
    RECONNECTS = 167
    RESET_WANTED = 168         # a reader adds one: the loops begin their histograms anew

cpdef enum LoopState:
    STARTING = 0
    WARMING = 1
    RUNNING = 2
    DRAINING = 3
    ENDED = 4
    FAULTED = 5

cpdef enum Stage:
    RING_WAIT = 0      # the sender's stamp to our pick-up, by the clocks of both
    VIEW = 1           # market data of the instrument into the gate
    GATE = 2
    ENCODE = 3
    RECORD = 4         # journal and drop copy
    TO_OUT = 5         # begin of the turn that finds it, to checked, encoded, written down, in the out buffer
    SEND = 6           # the system call
    RECEIVE = 7        # one packet of the venue: journal, decode, gate, drop copy
    TURN = 8           # of the order loop, with work in it
    PACKET_TO_BOOK = 9
    PACKET_TO_TOP = 10 # packet in our memory to its tops in shared memory

cdef enum:
    REJECTS_BEGIN = 48         # 64 words: refused, by the lowest check
    ENCODE_BEGIN = 112         # 16 words: not encoded, by OuchRefusal
    WORDS = 192
    STAGES = 11


cdef class HotStatus:
    cdef uint64_t* words
    cdef HistogramMemory* stages
    cdef object buffer


cdef inline void put(HotStatus status, int word, uint64_t value) noexcept nogil:
    store_relaxed(&status.words[word], value)


cdef inline void add(HotStatus status, int word, uint64_t amount) noexcept nogil:
    store_relaxed(&status.words[word], load_relaxed(&status.words[word]) + amount)


cdef inline uint64_t get(HotStatus status, int word) noexcept nogil:
    return load_relaxed(&status.words[word])


cdef inline void mark(HotStatus status, int stage, uint64_t ns) noexcept nogil:
    record_ns(&status.stages[stage], ns)
