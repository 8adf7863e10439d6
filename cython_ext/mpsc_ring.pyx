"""The multi-producer single-consumer ring: a lane for each producer. Twin: meltica/hot/shared_rings_twin.py.

Why lanes and not one queue with a sequence in each slot (Vyukov): there a producer that dies between claim and publish
holds up everyone behind it, until the consumer has found out who had the slot, which can't be written in the same step
as the claim. Here it holds up nobody: a claim in a lane is a private matter until it is published. Producers never wait
for each other, one that floods its lane delays the others by one record a turn, and a lane is the SPSC ring that is
judged already. The price: records of different producers have no order among each other, which processes that race for
one word do not have either, and the number of producers is fixed (64 at most).
"""

cimport cython
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport uint64_t

from cython_ext.atomics cimport add_relaxed, compare_and_swap, load_acquire, load_relaxed, or_release, store_release
from cython_ext.shared_memory cimport (
    KIND_MPSC_RING,
    SEGMENT_HEADER_BYTES,
    Segment,
    is_alive,
    leave_place,
    take_place,
)
from cython_ext.spsc_ring cimport (
    lane_advance,
    lane_claim,
    lane_count_begun,
    lane_counters,
    lane_map,
    lane_peek,
    lane_publish,
    lane_push,
    lane_push_many,
    lane_take_producer,
    whole_records,
)

from cython_ext.shared_memory import SegmentError, open_segment, pid_of
from cython_ext.spsc_ring import refuse_role, refuse_shape

cdef extern from *:
    int lowest_bit "__builtin_ctzll"(uint64_t mask) noexcept nogil

cdef enum:
    PAGE = 4096
    SIDES_BYTES = 256  # of a lane: its producer's line and its consumer's


@cython.final
@cython.no_gc_clear  # Its end writes into the segment, which must still be there
cdef class MpscRing:
    """One side of a ring: a producer with its lane, or the consumer of all."""

    def __init__(self):
        raise TypeError("rings come from create() and attach()")

    def __dealloc__(self):
        self.leave()

    @staticmethod
    def create(
        path, *, slots, slot_size=64, lanes=16, role, exist_ok=False, huge_pages=False, lock=False, numa_node=None
    ):
        """``slots`` of each lane, a power of two; ``lanes`` is how many producers there can be at once."""
        refuse_shape(path, slots, slot_size)
        refuse_lanes(path, lanes)
        refuse_role(role)
        segment = open_segment(
            path,
            KIND_MPSC_RING,
            exist_ok=exist_ok,
            slot_size=slot_size,
            slots=slots,
            lanes=lanes,
            size=slots_offset(lanes) + lanes * slots * slot_size,
            huge_pages=huge_pages,
            lock=lock,
            numa_node=numa_node,
        )
        if (segment.slots, segment.slot_size, segment.lanes) != (slots, slot_size, lanes):
            raise SegmentError(
                f"{path} has {segment.lanes} lanes of {segment.slots} slots of {segment.slot_size} bytes,"
                f" not {lanes} of {slots} of {slot_size}"
            )
        return side_of(segment, role)

    @staticmethod
    def attach(path, *, role, huge_pages=False, lock=False, numa_node=None):
        refuse_role(role)
        segment = Segment.attach(path, KIND_MPSC_RING, huge_pages=huge_pages, lock=lock, numa_node=numa_node)
        return side_of(segment, role)

    def detach(self):
        """Gives the place back; a lane with records in it is read to its end all the same."""
        self.leave()

    cdef void leave(self) noexcept:
        if self.mine:
            leave_place(&self.lane.producer.owner if self.role == "producer" else &self.consumer.owner, self.mine)
            self.mine = 0

    # --- the compiled side ---

    cdef void* claim(self) noexcept nogil:
        return lane_claim(&self.lane)

    cdef void publish(self) noexcept nogil:
        lane_publish(&self.lane)

    cdef const void* peek(self) noexcept nogil:
        # Acquire says no more than that a new lane is seen soon; its records are vouched for by its own number.
        # Bits of lanes that are not there, which a damaged segment may have, lead nowhere.
        cdef uint64_t used = load_acquire(&self.consumer.used) & (~<uint64_t>0 >> (64 - self.lane_count))
        cdef uint64_t before = used & ((<uint64_t>1 << self.turn) - 1)
        cdef uint64_t pending = used ^ before
        cdef const void* slot
        cdef int number
        while True:
            while pending:
                number = lowest_bit(pending)
                slot = lane_peek(&self.lanes[number])
                if slot != NULL:
                    self.turn = self.lane_number = number
                    return slot
                pending &= pending - 1
            if before == 0:
                return NULL
            pending = before
            before = 0

    cdef void advance(self) noexcept nogil:
        lane_advance(&self.lanes[self.turn])
        self.turn = (self.turn + 1) % <int>self.lane_count

    # --- from Python ---

    def push(self, record):
        """False when our lane is full, which is counted."""
        self.refuse_use("producer")
        return lane_push(&self.lane, record)

    def push_many(self, const unsigned char[::1] records not None):
        """How many of these records, end to end, found room; they are published in one step."""
        self.refuse_use("producer")
        cdef uint64_t wanted = whole_records(records.shape[0], self.slot_size)
        return lane_push_many(&self.lane, &records[0], wanted) if wanted else 0

    def pop(self):
        """The next record of the lanes in turn, or None."""
        self.refuse_use("consumer")
        cdef const void* slot = self.peek()
        if slot == NULL:
            return None
        record = PyBytes_FromStringAndSize(<const char*>slot, self.slot_size)
        self.advance()
        return record

    def first(self):
        """The next record, or None, left where it is: for who must finish with a record before letting go()."""
        self.refuse_use("consumer")
        cdef const void* slot = self.peek()
        return None if slot == NULL else PyBytes_FromStringAndSize(<const char*>slot, self.slot_size)

    def let_go(self):
        """Of the record that first() gave."""
        self.refuse_use("consumer")
        if self.peek() == NULL:
            raise ValueError(f"{self.segment.path}: there is no record to let go of")
        self.advance()

    def pop_many(self, limit=None):
        """The records waiting, of the lanes in turn, at most ``limit``, end to end."""
        self.refuse_use("consumer")
        found = []
        while (limit is None or len(found) < limit) and (record := self.pop()) is not None:
            found.append(record)
        return b"".join(found)

    def recover(self):
        """Frees the lanes of producers that died, and says of each: lane, pid, what waits in it, what is lost.

        What they published is read as if they lived. What they had only begun is lost, and counted.
        """
        self.refuse_use("consumer")
        found = []
        for number in range(self.lane_count):
            one = self.recover_lane(number)
            if one is not None:
                found.append(one)
        return found

    cdef object recover_lane(self, int number):
        cdef Lane* lane = &self.lanes[number]
        cdef uint64_t held = load_acquire(&lane.producer.owner)
        if held == 0 or is_alive(held) or not compare_and_swap(&lane.producer.owner, held, self.mine):
            return None  # Nobody's, a living one's, or a new producer was faster
        cdef uint64_t before = load_relaxed(&lane.producer.lost)
        lane_count_begun(lane)
        add_relaxed(&lane.producer.takeovers, 1)
        waiting = load_acquire(&lane.producer.published) - load_acquire(&lane.consumer.taken)
        lost = load_relaxed(&lane.producer.lost) - before
        store_release(&lane.producer.owner, 0)
        return {"lane": number, "pid": pid_of(held), "waiting": waiting, "lost": lost}

    def __len__(self):
        return max(0, sum(one["pushed"] - one["popped"] for one in self.lane_counters()))

    @property
    def position(self):
        """Of the lane ``lane_number``: number of the next record to write, or of the one that first() gave."""
        return self.lane.next if self.role == "producer" else self.lanes[self.turn].next

    def counters(self):
        """Of all lanes together: pushed = popped + what waits; ``lost``: begun by producers that died."""
        lanes = self.lane_counters()
        total = {name: sum(one[name] for one in lanes) for name in ("pushed", "popped", "full", "lost", "takeovers")}
        total["takeovers"] += load_acquire(&self.consumer.takeovers)
        total["producers"] = [one["producer"] for one in lanes if one["producer"]]
        total["consumer"] = pid_of(load_acquire(&self.consumer.owner))
        return total

    def lane_counters(self):
        """The same of each lane, as an SPSC ring tells it."""
        return [lane_counters(&self.lanes[number]) for number in range(self.lane_count)]

    cdef int refuse_use(self, str wanted) except -1:
        if self.role != wanted:
            raise ValueError(f"{self.segment.path}: this side is the {self.role}, not the {wanted}")
        if self.mine == 0:
            raise ValueError(f"{self.segment.path}: this side was detached")
        return 0


def slots_offset(lanes):
    return -(-(2 * SEGMENT_HEADER_BYTES + lanes * SIDES_BYTES) // PAGE) * PAGE


def refuse_lanes(path, lanes):
    if not 1 <= lanes <= MAX_LANES:
        raise SegmentError(f"{path}: a ring has 1..{MAX_LANES} lanes, not {lanes}")


cdef MpscRing side_of(Segment segment, str role):
    cdef MpscRing ring = MpscRing.__new__(MpscRing)
    cdef uint64_t number
    cdef uint64_t lane_bytes = segment.header.slots * segment.header.slot_size
    refuse_shape(segment.path, segment.header.slots, segment.header.slot_size)
    refuse_lanes(segment.path, segment.header.lanes)
    ring.segment = segment
    ring.role = role
    ring.slots = segment.header.slots
    ring.slot_size = segment.header.slot_size
    ring.lane_count = segment.header.lanes
    ring.consumer = <MpscConsumer*>segment.at(SEGMENT_HEADER_BYTES)
    cdef uint64_t first_slots = slots_offset(ring.lane_count)
    if segment.header.size < first_slots + ring.lane_count * lane_bytes:
        raise SegmentError(f"{segment.path} is too small for {ring.lane_count} lanes of {lane_bytes} bytes")
    for number in range(ring.lane_count):
        lane_map(
            &ring.lanes[number],
            segment,
            2 * SEGMENT_HEADER_BYTES + number * SIDES_BYTES,
            first_slots + number * lane_bytes,
        )
    if role == "producer":
        take_lane(ring)
    elif role == "consumer":
        take_all(ring)
    return ring


cdef int take_lane(MpscRing ring) except -1:
    """An empty lane rather than a dead one's: its rest is then counted by the consumer, whose matter it is."""
    cdef uint64_t number
    for empty in (True, False):
        for number in range(ring.lane_count):
            ring.lane = ring.lanes[number]
            if empty == (load_acquire(&ring.lane.producer.owner) == 0):
                try:
                    lane_take_producer(&ring.lane, ring.segment)
                except SegmentError:  # A living one's
                    continue
                ring.mine = load_acquire(&ring.lane.producer.owner)
                ring.lane_number = number
                or_release(&ring.consumer.used, <uint64_t>1 << number)
                return 0
    raise SegmentError(f"{ring.segment.path}: all {ring.lane_count} lanes have a living producer")


cdef int take_all(MpscRing ring) except -1:
    cdef uint64_t dead = take_place(ring.segment, &ring.consumer.owner, "consumer")
    cdef Lane* lane
    cdef uint64_t number, waiting
    ring.mine = load_acquire(&ring.consumer.owner)
    if dead:
        add_relaxed(&ring.consumer.takeovers, 1)
    for number in range(ring.lane_count):
        lane = &ring.lanes[number]
        lane.next = lane.limit = load_acquire(&lane.consumer.taken)
        waiting = load_acquire(&lane.producer.published) - lane.next
        if waiting > lane.count:
            raise SegmentError(f"{ring.segment.path} is damaged: {waiting} records wait in {lane.count} slots")
    return 0
