"""The broadcast ring: one writer that never waits, any number of readers. Twin: meltica/hot/shared_rings_twin.py.

Readers leave no trace in the segment (they map it for reading alone), so that there can be any number and none can
disturb. Each record lies beside its sequence, which tells a reader that it was overtaken; what it lost it counts exactly.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint64_t

from cython_ext.atomics cimport add_relaxed, load_acquire, load_relaxed, store_release
from cython_ext.shared_memory cimport KIND_BROADCAST_RING, SEGMENT_HEADER_BYTES, Segment, leave_place, take_place
from cython_ext.spsc_ring cimport whole_records

from cython_ext.shared_memory import SegmentError, open_segment, pid_of
from cython_ext.spsc_ring import refuse_shape

cdef enum:
    SLOTS_OFFSET = 4096
    WORD = 8
    MARGIN = 8   # an overtaken reader goes on an eighth of the ring ahead of the oldest record, or it would be overtaken again

STARTS = ("oldest", "newest", "next")


@cython.final
@cython.no_gc_clear  # Its end writes into the segment, which must still be there
cdef class BroadcastWriter:
    """The one writer. create() and attach() take its place; SegmentError when its holder lives."""

    def __init__(self):
        raise TypeError("rings come from create() and attach()")

    def __dealloc__(self):
        self.detach()

    @staticmethod
    def create(path, *, slots, slot_size=64, exist_ok=False, huge_pages=False, lock=False, numa_node=None):
        refuse_shape(path, slots, slot_size)
        segment = open_segment(
            path,
            KIND_BROADCAST_RING,
            exist_ok=exist_ok,
            slot_size=slot_size,
            slots=slots,
            lanes=1,
            size=SLOTS_OFFSET + slots * (slot_size + WORD),
            huge_pages=huge_pages,
            lock=lock,
            numa_node=numa_node,
        )
        if (segment.slots, segment.slot_size) != (slots, slot_size):
            raise SegmentError(
                f"{path} has {segment.slots} slots of {segment.slot_size} bytes, not {slots} of {slot_size}"
            )
        return writer_of(segment)

    @staticmethod
    def attach(path, *, huge_pages=False, lock=False, numa_node=None):
        return writer_of(
            Segment.attach(path, KIND_BROADCAST_RING, huge_pages=huge_pages, lock=lock, numa_node=numa_node)
        )

    def detach(self):
        if self.mine:
            leave_place(&self.ring.producer.owner, self.mine)
            self.mine = 0

    cdef void write(self, const void* record) noexcept nogil:
        broadcast_write(&self.ring, record)

    def push(self, record):
        """Bytes, or any buffer of ``slot_size`` bytes. There is always room."""
        cdef const unsigned char[::1] view
        if self.mine == 0:
            raise ValueError(f"{self.segment.path}: this writer was detached")
        if <uint64_t>len(record) != self.slot_size:
            raise ValueError(f"a record of this ring has {self.slot_size} bytes, not {len(record)}")
        if type(record) is bytes:  # a memoryview costs more than the whole write
            broadcast_write(&self.ring, PyBytes_AS_STRING(record))
        else:
            view = record
            broadcast_write(&self.ring, &view[0])

    def push_many(self, const unsigned char[::1] records not None):
        """Records end to end."""
        if self.mine == 0:
            raise ValueError(f"{self.segment.path}: this writer was detached")
        cdef uint64_t at
        for at in range(whole_records(records.shape[0], self.slot_size)):
            broadcast_write(&self.ring, &records[at * self.slot_size])

    @property
    def position(self):
        """Number of the next record."""
        return self.ring.next

    def counters(self):
        return ring_counters(&self.ring)


@cython.final
cdef class BroadcastReader:
    """A reader, from the oldest record still there, from the newest, or from the next that is written."""

    def __init__(self):
        raise TypeError("readers come from attach()")

    @staticmethod
    def attach(path, *, start="newest", huge_pages=False, lock=False, numa_node=None):
        if start not in STARTS:
            raise SegmentError(f"a reader starts at one of {', '.join(STARTS)}, not {start!r}")
        cdef BroadcastReader reader = BroadcastReader.__new__(BroadcastReader)
        cdef Segment segment = Segment.attach(
            path, KIND_BROADCAST_RING, writable=False, huge_pages=huge_pages, lock=lock, numa_node=numa_node
        )
        map_ring(&reader.ring, segment)
        reader.segment = segment
        reader.slots = segment.header.slots
        reader.slot_size = segment.header.slot_size
        cdef uint64_t published = load_acquire(&reader.ring.producer.published)
        if start == "oldest":
            reader.ring.next = published - min(published, reader.slots)
        elif start == "newest":
            reader.ring.next = published - min(published, <uint64_t>1)
        else:
            reader.ring.next = published
        return reader

    cdef bint read(self, void* record) noexcept nogil:
        cdef int found
        while True:
            found = broadcast_read(&self.ring, record)
            if found != BROADCAST_OVERTAKEN:
                self.received += found
                return found
            self.skip_to_oldest()

    cdef void skip_to_oldest(self) noexcept nogil:
        cdef uint64_t published = load_acquire(&self.ring.producer.published)
        cdef uint64_t to = published - min(published, self.slots) + self.slots // MARGIN
        if to <= self.ring.next:  # Only this one record is gone
            to = self.ring.next + 1
        self.lost += to - self.ring.next
        self.ring.next = to

    def pop(self):
        """The next record, or None. What was lost before it is in ``lost`` by then."""
        cdef bytes record = PyBytes_FromStringAndSize(NULL, self.slot_size)
        return record if self.read(PyBytes_AS_STRING(record)) else None

    def pop_many(self, limit=None):
        """The records waiting, at most ``limit`` and never more than a ring full, end to end."""
        cdef uint64_t most = self.slots if limit is None else min(limit, self.slots)
        cdef bytes records = PyBytes_FromStringAndSize(NULL, most * self.slot_size)
        cdef char* to = PyBytes_AS_STRING(records)
        cdef uint64_t found = 0
        while found < most and self.read(to + found * self.slot_size):
            found += 1
        return records[: found * self.slot_size]

    @property
    def position(self):
        """Number of the next record to read; gaps in it are what was lost."""
        return self.ring.next

    def __len__(self):
        """What waits, lost or not."""
        # A record can be read before the number that tells of it is stored: then nothing waits, not minus one.
        cdef uint64_t waiting = load_acquire(&self.ring.producer.published) - self.ring.next
        return waiting if waiting >> 63 == 0 else 0

    def counters(self):
        """The ring's, and of this reader alone: received and lost."""
        return ring_counters(&self.ring) | {"received": self.received, "overtaken": self.lost}


cdef int map_ring(Broadcast* ring, Segment segment) except -1:
    refuse_shape(segment.path, segment.header.slots, segment.header.slot_size)
    if segment.header.size < SLOTS_OFFSET + segment.header.slots * (segment.header.slot_size + WORD):
        raise SegmentError(f"{segment.path} is too small for its {segment.header.slots} slots")
    ring.producer = <BroadcastProducer*>segment.at(SEGMENT_HEADER_BYTES)
    ring.slots = <uint64_t*>segment.at(SLOTS_OFFSET)
    ring.count = segment.header.slots
    ring.words = segment.header.slot_size // WORD
    return 0


cdef BroadcastWriter writer_of(Segment segment):
    cdef BroadcastWriter writer = BroadcastWriter.__new__(BroadcastWriter)
    cdef Broadcast* ring = &writer.ring
    map_ring(ring, segment)
    writer.segment = segment
    writer.slots = segment.header.slots
    writer.slot_size = segment.header.slot_size
    dead = take_place(segment, &ring.producer.owner, "writer")
    writer.mine = load_acquire(&ring.producer.owner)
    if dead:
        add_relaxed(&ring.producer.takeovers, 1)
    ring.next = load_acquire(&ring.producer.published)
    cdef uint64_t sequence = load_relaxed(broadcast_slot(ring, ring.next))
    if sequence == 2 * ring.next + 2:  # It died between finishing the record and saying so; readers may have it
        ring.next += 1
        store_release(&ring.producer.published, ring.next)
    elif sequence == 2 * ring.next + 1:  # It died while writing: the record is written anew, by us
        add_relaxed(&ring.producer.lost, 1)
    return writer


cdef dict ring_counters(const Broadcast* ring):
    return {
        "pushed": load_acquire(&ring.producer.published),
        "lost": load_acquire(&ring.producer.lost),
        "takeovers": load_acquire(&ring.producer.takeovers),
        "producer": pid_of(load_acquire(&ring.producer.owner)),
    }
