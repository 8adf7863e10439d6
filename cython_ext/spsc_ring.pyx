"""The single-producer single-consumer ring in shared memory. Twin: meltica/hot/shared_rings_twin.py; steps: lane.h.

What survives a kill -9 of either side: a record is there from the moment it is published until the consumer lets it go.
A consumer that dies between the two finds the record again at its place: the record's number (`position`) tells whether
it was dealt with before. Whoever takes a dead side's place goes on where it stopped.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint64_t
from libc.string cimport memcpy

from cython_ext.atomics cimport add_relaxed, load_acquire, load_relaxed, store_relaxed
from cython_ext.shared_memory cimport KIND_SPSC_RING, SEGMENT_HEADER_BYTES, Segment, leave_place, take_place

from cython_ext.shared_memory import SegmentError, open_segment, pid_of

cdef enum:
    SLOTS_OFFSET = 4096   # the first page is for the two sides' lines
    MAX_SLOTS = 16777216

SLOT_SIZES = (64, 128, 256)
ROLES = ("producer", "consumer", "observer")


@cython.final
@cython.no_gc_clear  # Its end writes into the segment, which must still be there
cdef class SpscRing:
    """One side of a ring. create() and attach() take the role's place; SegmentError when its holder lives."""

    def __init__(self):
        raise TypeError("rings come from create() and attach()")

    def __dealloc__(self):
        self.leave()

    @staticmethod
    def create(path, *, slots, slot_size=64, role, exist_ok=False, huge_pages=False, lock=False, numa_node=None):
        """``slots`` is a power of two. With ``exist_ok`` a ring that is there is attached to, if it is of this shape."""
        refuse_shape(path, slots, slot_size)
        refuse_role(role)
        segment = open_segment(
            path,
            KIND_SPSC_RING,
            exist_ok=exist_ok,
            slot_size=slot_size,
            slots=slots,
            lanes=1,
            size=SLOTS_OFFSET + slots * slot_size,
            huge_pages=huge_pages,
            lock=lock,
            numa_node=numa_node,
        )
        if (segment.slots, segment.slot_size) != (slots, slot_size):
            raise SegmentError(
                f"{path} has {segment.slots} slots of {segment.slot_size} bytes, not {slots} of {slot_size}"
            )
        return side_of(segment, role)

    @staticmethod
    def attach(path, *, role, huge_pages=False, lock=False, numa_node=None):
        refuse_role(role)
        segment = Segment.attach(path, KIND_SPSC_RING, huge_pages=huge_pages, lock=lock, numa_node=numa_node)
        return side_of(segment, role)

    def detach(self):
        """Gives the place back. What was published stays for whoever comes; this object does nothing more."""
        self.leave()

    cdef void leave(self) noexcept:
        if self.mine:
            leave_place(
                &self.lane.producer.owner if self.role == "producer" else &self.lane.consumer.owner, self.mine
            )
            self.mine = 0

    # --- the compiled side ---

    cdef void* claim(self) noexcept nogil:
        return lane_claim(&self.lane)

    cdef void publish(self) noexcept nogil:
        lane_publish(&self.lane)

    cdef const void* peek(self) noexcept nogil:
        return lane_peek(&self.lane)

    cdef void advance(self) noexcept nogil:
        lane_advance(&self.lane)

    # --- from Python ---

    def push(self, record):
        """Bytes, or any buffer of ``slot_size`` bytes. False when there is no room, which is counted."""
        if self.mine == 0 or self.role is not PRODUCER:
            self.refuse_use("producer")
        return lane_push(&self.lane, record)

    def pop(self):
        """The next record, or None; it is let go of at once."""
        cdef const void* slot
        if self.mine == 0 or self.role is not CONSUMER:
            self.refuse_use("consumer")
        slot = lane_peek(&self.lane)
        if slot == NULL:
            return None
        record = PyBytes_FromStringAndSize(<const char*>slot, self.slot_size)
        lane_advance(&self.lane)
        return record

    def first(self):
        """The next record, or None, left where it is: for who must finish with a record before letting go()."""
        if self.mine == 0 or self.role is not CONSUMER:
            self.refuse_use("consumer")
        cdef const void* slot = lane_peek(&self.lane)
        return None if slot == NULL else PyBytes_FromStringAndSize(<const char*>slot, self.slot_size)

    def let_go(self):
        """Of the record that first() gave."""
        if self.mine == 0 or self.role is not CONSUMER:
            self.refuse_use("consumer")
        if lane_peek(&self.lane) == NULL:
            raise ValueError(f"{self.segment.path}: there is no record to let go of")
        lane_advance(&self.lane)

    def push_many(self, const unsigned char[::1] records not None):
        """How many of these records, end to end, found room; they are published in one step."""
        if self.mine == 0 or self.role is not PRODUCER:
            self.refuse_use("producer")
        cdef uint64_t wanted = whole_records(records.shape[0], self.slot_size)
        return lane_push_many(&self.lane, &records[0], wanted) if wanted else 0

    def pop_many(self, limit=None):
        """The records waiting, at most ``limit``, end to end."""
        if self.mine == 0 or self.role is not CONSUMER:
            self.refuse_use("consumer")
        return lane_pop_many(&self.lane, self.slots if limit is None else limit)

    def discard(self):
        """Throws away what waits, and says how much: orders that a consumer which died left are old."""
        if self.mine == 0 or self.role is not CONSUMER:
            self.refuse_use("consumer")
        cdef uint64_t waiting = lane_waiting(&self.lane, self.slots)
        store_relaxed(&self.lane.consumer.discarded, load_relaxed(&self.lane.consumer.discarded) + waiting)
        lane_advance_many(&self.lane, waiting)
        return waiting

    def __len__(self):
        # Taken first: it can't overtake published, so the difference is never negative.
        cdef uint64_t taken = load_acquire(&self.lane.consumer.taken)
        return min(load_acquire(&self.lane.producer.published) - taken, self.slots)

    @property
    def position(self):
        """Number of the next record to write or to read: each record of a ring has its own."""
        return self.lane.next

    def counters(self):
        """pushed = popped + discarded + len(ring); ``lost``: begun by producers that died before they published."""
        return lane_counters(&self.lane)

    cdef refuse_use(self, str wanted):
        if self.role != wanted:
            raise ValueError(f"{self.segment.path}: this side is the {self.role}, not the {wanted}")
        raise ValueError(f"{self.segment.path}: this side was detached")


cdef str PRODUCER = "producer"
cdef str CONSUMER = "consumer"


def refuse_shape(path, slots, slot_size):
    if slot_size not in SLOT_SIZES:
        raise SegmentError(f"{path}: a slot has 64, 128 or 256 bytes, not {slot_size}")
    if not 2 <= slots <= MAX_SLOTS or slots & (slots - 1):
        raise SegmentError(f"{path}: the number of slots is a power of two within 2..{MAX_SLOTS}, not {slots}")


def refuse_role(role):
    if role not in ROLES:
        raise SegmentError(f"a side of a ring is one of {', '.join(ROLES)}, not {role!r}")


cdef SpscRing side_of(Segment segment, str role):
    cdef SpscRing ring = SpscRing.__new__(SpscRing)
    refuse_shape(segment.path, segment.header.slots, segment.header.slot_size)
    ring.segment = segment
    ring.role = {"producer": PRODUCER, "consumer": CONSUMER}.get(role, role)
    ring.slots = segment.header.slots
    ring.slot_size = segment.header.slot_size
    if segment.header.size < SLOTS_OFFSET + ring.slots * ring.slot_size:
        raise SegmentError(f"{segment.path} is too small for {ring.slots} slots of {ring.slot_size} bytes")
    lane_map(&ring.lane, segment, SEGMENT_HEADER_BYTES, SLOTS_OFFSET)
    if role == "producer":
        lane_take_producer(&ring.lane, segment)
        ring.mine = ring.lane.producer.owner
    elif role == "consumer":
        lane_take_consumer(&ring.lane, segment)
        ring.mine = ring.lane.consumer.owner
    return ring


# --- a lane, for this ring and for the lanes of an MPSC ring ---


cdef bint lane_push(Lane* lane, object record) except -1:
    cdef const unsigned char[::1] view
    cdef const void* address
    cdef size_t size
    if type(record) is bytes:  # a memoryview costs more than the whole push
        address = PyBytes_AS_STRING(record)
        size = PyBytes_GET_SIZE(record)
    else:
        view = record
        size = view.shape[0]
        address = &view[0] if size else NULL
    if size != <size_t>1 << lane.shift:
        raise ValueError(f"a record of this ring has {1 << lane.shift} bytes, not {size}")
    cdef void* slot = lane_claim(lane)
    if slot == NULL:
        return False
    memcpy(slot, address, size)
    lane_publish(lane)
    return True


cdef void lane_map(Lane* lane, Segment segment, uint64_t sides, uint64_t slots) noexcept:
    lane.producer = <LaneProducer*>segment.at(sides)
    lane.consumer = <LaneConsumer*>(<unsigned char*>lane.producer + sizeof(LaneProducer))
    lane.slots = <unsigned char*>segment.at(slots)
    lane.count = segment.header.slots
    lane.shift = 0
    while (<uint64_t>1 << lane.shift) < segment.header.slot_size:
        lane.shift += 1


cdef int lane_take_producer(Lane* lane, Segment segment) except -1:
    cdef uint64_t dead = take_place(segment, &lane.producer.owner, "producer")
    cdef uint64_t published = load_acquire(&lane.producer.published)
    refuse_numbers(segment, published, load_acquire(&lane.consumer.taken), &lane.producer.owner)
    if dead:
        add_relaxed(&lane.producer.takeovers, 1)
    lane_count_begun(lane)
    lane.next = lane.limit = published
    return 0


cdef void lane_count_begun(Lane* lane) noexcept nogil:
    """Only by who holds the producer's place. What its dead holder had begun nobody was told of: it is counted, and gone."""
    cdef uint64_t published = load_acquire(&lane.producer.published)
    cdef uint64_t claimed = load_relaxed(&lane.producer.claimed)
    if claimed - published - 1 < lane.count:  # more than 0, and no more than there are
        add_relaxed(&lane.producer.lost, claimed - published)
    store_relaxed(&lane.producer.claimed, published)


cdef int lane_take_consumer(Lane* lane, Segment segment) except -1:
    cdef uint64_t dead = take_place(segment, &lane.consumer.owner, "consumer")
    cdef uint64_t taken = load_acquire(&lane.consumer.taken)
    refuse_numbers(segment, load_acquire(&lane.producer.published), taken, &lane.consumer.owner)
    if dead:
        add_relaxed(&lane.consumer.takeovers, 1)
    lane.next = lane.limit = taken
    return 0


cdef int refuse_numbers(Segment segment, uint64_t published, uint64_t taken, uint64_t* place) except -1:
    if published - taken > segment.header.slots:
        leave_place(place, load_acquire(place))
        raise SegmentError(
            f"{segment.path} is damaged: {published} records published, {taken} taken, {segment.header.slots} slots"
        )
    return 0


cdef uint64_t lane_push_many(Lane* lane, const unsigned char* records, uint64_t wanted) noexcept nogil:
    cdef uint64_t room = lane_room(lane, wanted)
    cdef uint64_t start = lane.next & (lane.count - 1)
    cdef uint64_t straight = min(room, lane.count - start)
    if room < wanted:
        store_relaxed(&lane.producer.full, load_relaxed(&lane.producer.full) + 1)
    if room == 0:
        return 0
    store_relaxed(&lane.producer.claimed, lane.next + room)
    memcpy(lane.slots + (start << lane.shift), records, straight << lane.shift)
    memcpy(lane.slots, records + (straight << lane.shift), (room - straight) << lane.shift)
    lane_publish_many(lane, room)
    return room


cdef bytes lane_pop_many(Lane* lane, uint64_t limit):
    cdef uint64_t waiting = lane_waiting(lane, min(limit, lane.count))
    cdef uint64_t start = lane.next & (lane.count - 1)
    cdef uint64_t straight = min(waiting, lane.count - start)
    cdef bytes records = PyBytes_FromStringAndSize(NULL, waiting << lane.shift)
    cdef char* to = records
    memcpy(to, lane.slots + (start << lane.shift), straight << lane.shift)
    memcpy(to + (straight << lane.shift), lane.slots, (waiting - straight) << lane.shift)
    lane_advance_many(lane, waiting)
    return records


cdef uint64_t whole_records(uint64_t size, uint64_t slot_size) except? 0:
    if size % slot_size:
        raise ValueError(f"{size} bytes are no whole number of records of {slot_size}")
    return size // slot_size


cdef dict lane_counters(const Lane* lane):
    # In this order, so that a running ring never shows more let go of than pushed.
    discarded = load_acquire(&lane.consumer.discarded)
    taken = load_acquire(&lane.consumer.taken)
    return {
        "pushed": load_acquire(&lane.producer.published),
        "popped": taken - discarded,
        "discarded": discarded,
        "full": load_acquire(&lane.producer.full),
        "lost": load_acquire(&lane.producer.lost),
        "takeovers": load_acquire(&lane.producer.takeovers) + load_acquire(&lane.consumer.takeovers),
        "producer": pid_of(load_acquire(&lane.producer.owner)),
        "consumer": pid_of(load_acquire(&lane.consumer.owner)),
    }
