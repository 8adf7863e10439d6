"""The best bid and offer of every locate code in shared memory. Twin: meltica/hot/shared_top_of_book_twin.py.

A row is one cache line behind a seqlock: the writer never waits, readers take no lock and copy again when they were
disturbed. Each store also goes into a log of changes, so that a reader finds what moved without looking at all rows.
"""

cimport cython
from libc.stdint cimport uint8_t, uint16_t, uint64_t
from libc.string cimport memset

from cython_ext.atomics cimport add_relaxed, load_acquire, load_relaxed, store_release
from cython_ext.layout_gen cimport TOP_OF_BOOK_TYPE_ID, TopOfBookRecord
from cython_ext.shared_memory cimport (
    KIND_TOP_OF_BOOK,
    SEGMENT_HEADER_BYTES,
    Segment,
    is_alive,
    leave_place,
    take_place,
)

import numpy as np

from cython_ext.shared_memory import SegmentError, open_segment, pid_of

cdef extern from "seqlock.h" nogil:
    enum:
        ROW_WORDS
        ROW_SEQUENCE
    void row_store(uint64_t* row, const void* record) noexcept
    bint row_load(const uint64_t* row, void* record, uint64_t tries, uint64_t* retries) noexcept

cdef extern from *:
    void prefetch_read "__builtin_prefetch"(const void* address) noexcept nogil

cdef enum:
    LOOK_AHEAD = 8           # rows that a batch asks for in advance: about one memory latency
    ROW_BYTES = 64
    ROWS_OFFSET = 4096
    LOG_OFFSET = 4198400     # ROWS_OFFSET + LOCATES * ROW_BYTES
    SEGMENT_BYTES = 5246976  # LOG_OFFSET + LOG_WORDS * 8
    LOCATE_BITS = 16         # of a word of the log; above them the number of the store, plus one
    CONDITION_STALE = 2


class TornRowError(ValueError):
    """A row stays half written: its writer is dead or does not run. The message says which."""


@cython.final
@cython.no_gc_clear  # Its end writes into the segment, which must still be there
cdef class TopOfBookWriter:
    """The one writer. create() and attach() take its place; SegmentError when its holder lives."""

    def __init__(self):
        raise TypeError("tables come from create() and attach()")

    def __dealloc__(self):
        self.detach()

    @staticmethod
    def create(path, *, exist_ok=False, huge_pages=False, lock=False, numa_node=None):
        return writer_of(
            open_segment(
                path,
                KIND_TOP_OF_BOOK,
                exist_ok=exist_ok,
                slot_size=ROW_BYTES,
                slots=LOCATES,
                lanes=1,
                size=SEGMENT_BYTES,
                huge_pages=huge_pages,
                lock=lock,
                numa_node=numa_node,
            )
        )

    @staticmethod
    def attach(path, *, huge_pages=False, lock=False, numa_node=None):
        return writer_of(
            Segment.attach(path, KIND_TOP_OF_BOOK, huge_pages=huge_pages, lock=lock, numa_node=numa_node)
        )

    def detach(self):
        if self.mine:
            leave_place(&self.side.owner, self.mine)
            self.mine = 0

    cdef void store(self, uint16_t locate, const TopOfBookRecord* record) noexcept nogil:
        row_store(self.rows + <uint64_t>locate * ROW_WORDS, record)
        # The row first: who finds the change in the log finds the row at least as new.
        store_release(self.log + (self.stores & (LOG_WORDS - 1)), (self.stores + 1) << LOCATE_BITS | locate)
        self.stores += 1
        store_release(&self.side.stores, self.stores)

    def put(self, int locate, const unsigned char[::1] record not None):
        """The 64 bytes of a TopOfBook record; its update_count is the table's own and not looked at."""
        if self.mine == 0:
            raise ValueError(f"{self.segment.path}: this writer was detached")
        if not 0 <= locate < LOCATES:
            raise ValueError(f"locate {locate} is not within 0..{LOCATES - 1}")
        if record.shape[0] != ROW_BYTES:
            raise ValueError(f"a TopOfBook record has {ROW_BYTES} bytes, not {record.shape[0]}")
        if (record[0] | record[1] << 8) != TOP_OF_BOOK_TYPE_ID:
            raise ValueError(f"type id {record[0] | record[1] << 8} is not that of a TopOfBook record")
        self.store(locate, <const TopOfBookRecord*>&record[0])

    def counters(self):
        return table_counters(self.side)

    cdef void repair(self) noexcept:
        """After a writer that died: empties the row that it left half written, and makes every reader look at all rows."""
        cdef TopOfBookRecord empty
        cdef uint64_t locate
        cdef uint64_t* row
        # What it had stored but not logged can't be told: a number beyond the log's length is "too long ago" for everyone.
        self.stores += LOG_WORDS + 1
        store_release(&self.side.stores, self.stores)
        for locate in range(<uint64_t>LOCATES):
            row = self.rows + locate * ROW_WORDS
            if load_relaxed(row + ROW_SEQUENCE) & 1:
                memset(&empty, 0, sizeof(empty))
                empty.type_id = TOP_OF_BOOK_TYPE_ID
                empty.locate = <uint16_t>locate
                empty.condition = CONDITION_STALE
                self.store(<uint16_t>locate, &empty)
                add_relaxed(&self.side.torn, 1)


cdef class TopOfBookReader:
    """A reader; it maps the table for reading alone. meltica.hot adds records and arrays with names to it."""

    @classmethod
    def attach(cls, path, *, huge_pages=False, lock=False, numa_node=None):
        cdef TopOfBookReader reader = cls.__new__(cls)
        cdef Segment segment = Segment.attach(
            path, KIND_TOP_OF_BOOK, writable=False, huge_pages=huge_pages, lock=lock, numa_node=numa_node
        )
        refuse_shape(segment)
        reader.segment = segment
        reader.side = <TopOfBookWriterSide*>segment.at(SEGMENT_HEADER_BYTES)
        reader.rows = <uint64_t*>segment.at(ROWS_OFFSET)
        reader.log = <uint64_t*>segment.at(LOG_OFFSET)
        return reader

    cdef bint load(self, uint16_t locate, TopOfBookRecord* record) noexcept nogil:
        return row_load(self.rows + <uint64_t>locate * ROW_WORDS, record, ROW_TRIES, &self.retries)

    def read_bytes(self, int locate):
        """The 64 bytes of the record; TornRowError when its writer stopped in the middle of it."""
        cdef TopOfBookRecord record
        if not 0 <= locate < LOCATES:
            raise ValueError(f"locate {locate} is not within 0..{LOCATES - 1}")
        if not self.load(locate, &record):
            self.complain(locate)
        return (<unsigned char*>&record)[: sizeof(record)]

    def read_rows(self, const uint16_t[::1] locates not None):
        """Array (n, 64) of uint8: the records of these locates, each whole, not all of one moment."""
        cdef uint64_t count = locates.shape[0]
        cdef uint64_t at
        found = np.empty((count, ROW_BYTES), np.uint8)
        cdef uint8_t[:, ::1] rows = found
        cdef int torn = -1
        with nogil:
            for at in range(count):
                if at + LOOK_AHEAD < count:
                    prefetch_read(self.rows + <uint64_t>locates[at + LOOK_AHEAD] * ROW_WORDS)
                if not self.load(locates[at], <TopOfBookRecord*>&rows[at, 0]):
                    torn = locates[at]
                    break
        if torn >= 0:
            self.complain(torn)
        return found

    def changed_since(self, uint64_t mark):
        """(locates stored since ``mark``, each once, and the new mark). Begin with mark 0: all that were ever stored.

        When ``mark`` is longer ago than the log reaches, the locates are all that were ever stored.
        """
        cdef uint64_t stores = load_acquire(&self.side.stores)
        cdef uint64_t count, word, at
        if mark > stores:
            raise ValueError(f"mark {mark} is ahead of the table's {stores}: it is of another table")
        count = stores - mark
        if mark == 0 or count > LOG_WORDS:
            return self.ever_stored(), stores
        found = np.empty(count, np.uint16)
        cdef uint16_t[::1] locates = found
        for at in range(count):
            word = load_acquire(self.log + ((mark + at) & (LOG_WORDS - 1)))
            if word >> LOCATE_BITS != mark + at + 1:  # Overwritten meanwhile
                return self.ever_stored(), stores
            locates[at] = <uint16_t>word
        return np.unique(found), stores

    cdef object ever_stored(self):
        cdef uint64_t locate
        found = np.zeros(LOCATES, bool)
        cdef uint8_t[::1] stored = found.view(np.uint8)
        for locate in range(<uint64_t>LOCATES):
            stored[locate] = load_relaxed(self.rows + locate * ROW_WORDS + ROW_SEQUENCE) != 0
        return np.flatnonzero(found).astype(np.uint16)

    def writer_pid(self):
        """Of the one who writes now; None when nobody does, or who did is dead."""
        cdef uint64_t held = load_acquire(&self.side.owner)
        return pid_of(held) if held and is_alive(held) else None

    def counters(self):
        return table_counters(self.side) | {"retries": self.retries}

    cdef int complain(self, int locate) except -1:
        pid = self.writer_pid()
        who = "its writer died in the middle of it" if pid is None else f"its writer, process {pid}, does not run"
        raise TornRowError(f"{self.segment.path}: the row of locate {locate} is half written: {who}")


cdef int refuse_shape(Segment segment) except -1:
    if (segment.slots, segment.slot_size) != (LOCATES, ROW_BYTES) or segment.header.size < SEGMENT_BYTES:
        raise SegmentError(f"{segment.path} has {segment.slots} rows of {segment.slot_size} bytes in {segment.size}")
    return 0


cdef TopOfBookWriter writer_of(Segment segment):
    cdef TopOfBookWriter writer = TopOfBookWriter.__new__(TopOfBookWriter)
    cdef uint64_t dead
    refuse_shape(segment)
    writer.segment = segment
    writer.side = <TopOfBookWriterSide*>segment.at(SEGMENT_HEADER_BYTES)
    writer.rows = <uint64_t*>segment.at(ROWS_OFFSET)
    writer.log = <uint64_t*>segment.at(LOG_OFFSET)
    dead = take_place(segment, &writer.side.owner, "writer")
    writer.mine = load_acquire(&writer.side.owner)
    writer.stores = load_acquire(&writer.side.stores)
    if dead:
        add_relaxed(&writer.side.takeovers, 1)
        writer.repair()
    return writer


cdef dict table_counters(const TopOfBookWriterSide* side):
    return {
        "stores": load_acquire(&side.stores),
        "torn": load_acquire(&side.torn),
        "takeovers": load_acquire(&side.takeovers),
        "writer": pid_of(load_acquire(&side.owner)),
    }
