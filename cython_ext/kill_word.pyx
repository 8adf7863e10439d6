"""The kill word: engaged by anyone, read by every gate before every order. Twin: meltica/hot/shared_kill_word_twin.py.

kill_word.pxd says why it is two epochs. The word is engaged from birth, it stays what it was over restarts, and a word
that is missing, short or damaged is engaged. Its file is never replaced while a gate may have it: that gate would go on
reading the old one.
"""

cimport cython
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy, memset
from posix.stat cimport fstat, stat, struct_stat
from posix.unistd cimport getpid

from cython_ext.atomics cimport load_acquire, load_relaxed, store_release
from cython_ext.shared_memory cimport (
    KIND_KILL_WORD,
    Segment,
    is_alive,
    leave_place,
    take_place,
    this_process,
)

import os
import time

from cython_ext.shared_memory import SegmentError, open_segment, pid_of

cdef uint64_t KILL_MAGIC = int.from_bytes(b"MELTKILL", "little")
WHO_BYTES = 32
REASON_BYTES = 128
NAME_BYTES = 40
REASON_STARTUP = 1

# What a gate reads that has no word: its magic is none, so it is engaged.
cdef KillLine NO_WORD
memset(&NO_WORD, 0, sizeof(NO_WORD))


@cython.final
@cython.no_gc_clear  # Its end writes into the segment, which must still be there
cdef class KillWord:
    def __init__(self):
        raise TypeError("kill words come from create(), attach() and missing()")

    def __dealloc__(self):
        self.detach()

    @staticmethod
    def create(path, *, gate=None, lock=False):
        """The word that is there, as it is; a new one is engaged. SegmentError when what is there is no kill word."""
        return word_of(
            open_segment(
                path,
                KIND_KILL_WORD,
                exist_ok=True,
                fill=engage_from_birth,
                slot_size=sizeof(KillLine),
                slots=1,
                lanes=MAX_GATES,
                size=KILL_SEGMENT_BYTES,
                huge_pages=False,
                lock=lock,
                numa_node=None,
            ),
            gate,
        )

    @staticmethod
    def attach(path, *, gate=None, lock=False):
        """With ``gate``, a name, as a gate that echoes what it reads; SegmentError when one of that name lives."""
        return word_of(Segment.attach(path, KIND_KILL_WORD, lock=lock), gate)

    @staticmethod
    def missing(why):
        """The word of a gate that could not attach to one: engaged for good."""
        cdef KillWord word = KillWord.__new__(KillWord)
        word.line = &NO_WORD
        word.broken = why
        return word

    def detach(self):
        """A gate's leave: it reads on, but is no longer waited for."""
        if self.mine:
            leave_place(&self.gate.owner, self.mine)
            self.mine = 0

    # --- the gate's side ---

    cdef bint engaged(self) noexcept nogil:
        # Released first, and with an acquire: the engaged epoch only grows, so if it is the released one when it is
        # read afterwards, the word was released at that moment. The other way round a release of an older engagement
        # could be taken for one of a newer. Three words of one line that stays in our cache until someone writes it.
        cdef uint64_t released = load_acquire(&self.line.released_epoch)
        cdef uint64_t epoch = load_acquire(&self.line.engaged_epoch)
        if epoch != self.echoed:
            self.echo(epoch)
        return released != epoch or load_relaxed(&self.line.magic) != KILL_MAGIC or self.distrusted

    cdef void echo(self, uint64_t epoch) noexcept nogil:
        self.echoed = epoch
        if self.mine:
            # Release: whatever we let out under an older epoch is out before the echo says that no more will be.
            store_release(&self.gate.echo, epoch)

    cdef uint64_t epoch(self) noexcept nogil:
        return load_acquire(&self.line.engaged_epoch)

    cdef bint still_there(self) noexcept nogil:
        """For housekeeping: False, and engaged for good, once the file was removed, replaced or cut short."""
        cdef struct_stat named
        cdef struct_stat mapped
        if self.distrusted or self.segment is None:
            return False
        if (
            stat(self.name, &named) != 0
            or fstat(self.segment.fd, &mapped) != 0
            or named.st_ino != mapped.st_ino
            or named.st_dev != mapped.st_dev
            or mapped.st_size < KILL_SEGMENT_BYTES
        ):
            self.distrusted = True
            return False
        return True

    def is_engaged(self):
        """As engaged(), from Python; a gate echoes."""
        return self.engaged()

    def verify(self):
        """As still_there(), from Python; ``broken`` says what was found."""
        if not self.still_there() and self.broken is None:
            self.broken = f"{self.segment.path} was removed, replaced or cut short"
        return self.broken is None

    # --- the control plane's side ---

    def engage(self, uint32_t reason_code, who="", reason=""):
        """Returns the epoch, which a release must name. Engaging an engaged word gives it a new epoch."""
        self.refuse_missing()
        cdef KillLine* line = self.line
        cdef uint64_t epoch
        while True:
            epoch = 1 + max(load_acquire(&line.engaged_epoch), load_acquire(&line.released_epoch))
            epoch = max(epoch, <uint64_t>time.time_ns())
            line.reason_code = reason_code
            line.pid = getpid()
            write_text(line.who, who, WHO_BYTES)
            write_text(<char*>self.segment.at(KILL_REASON_OFFSET), reason, REASON_BYTES)
            # Release: who sees the epoch sees who engaged and why.
            store_release(&line.engaged_epoch, epoch)
            # Equal only if another engaged in the same nanosecond and was released before our store: once more.
            if load_acquire(&line.released_epoch) != epoch:
                break
        if not self.verify():
            raise SegmentError(f"engaged, but who attaches from now on does not see it: {self.broken}")
        return epoch

    def release(self, uint64_t epoch, who="", reason=""):
        """Of the engagement ``epoch`` alone. False when there has been another since: the word stays engaged."""
        self.refuse_missing()
        if not self.verify():
            raise SegmentError(f"not released: {self.broken}")
        if load_acquire(&self.line.engaged_epoch) != epoch:
            return False
        memcpy(self.segment.at(KILL_RELEASE_OFFSET), &epoch, sizeof(epoch))
        write_text(<char*>self.segment.at(KILL_RELEASE_OFFSET + sizeof(epoch)), who, WHO_BYTES)
        store_release(&self.line.released_epoch, epoch)
        return load_acquire(&self.line.engaged_epoch) == epoch

    def status(self):
        """What the word says, and of each gate whether it lives and has seen it."""
        cdef KillLine* line = self.line
        cdef uint64_t released = load_acquire(&line.released_epoch)
        cdef uint64_t epoch = load_acquire(&line.engaged_epoch)
        if self.segment is None:
            return {"engaged": True, "epoch": 0, "reason": self.broken, "gates": []}
        return {
            "engaged": released != epoch or line.magic != KILL_MAGIC or self.distrusted,
            "epoch": epoch,
            "released_epoch": released,
            "reason_code": line.reason_code,
            "pid": line.pid,
            "who": read_text(line.who, WHO_BYTES),
            "reason": read_text(<char*>self.segment.at(KILL_REASON_OFFSET), REASON_BYTES),
            "gates": [one for one in map(self.gate_status, range(MAX_GATES)) if one],
        }

    def gate_status(self, int number):
        cdef GateLine* gate = gate_line(self.segment, number)
        cdef uint64_t held = load_acquire(&gate.owner)
        cdef uint64_t seen = load_acquire(&gate.echo)
        if held == 0:
            return None
        return {
            "name": read_text(gate.name, NAME_BYTES),
            "pid": pid_of(held),
            "alive": bool(is_alive(held)),
            "epoch": seen,
        }

    cdef int refuse_missing(self) except -1:
        if self.segment is None:
            raise SegmentError(f"there is no kill word: {self.broken}")
        return 0


def engage_from_birth(Segment segment):
    cdef KillLine* line = <KillLine*>segment.at(KILL_WORD_OFFSET)
    line.engaged_epoch = time.time_ns()
    line.reason_code = REASON_STARTUP
    line.pid = getpid()
    write_text(line.who, "system:startup", WHO_BYTES)
    write_text(<char*>segment.at(KILL_REASON_OFFSET), "a new kill word is engaged until it is released", REASON_BYTES)
    store_release(&line.magic, KILL_MAGIC)


cdef KillWord word_of(Segment segment, gate):
    cdef KillWord word = KillWord.__new__(KillWord)
    if segment.header.size < KILL_SEGMENT_BYTES or segment.header.lanes != MAX_GATES:
        raise SegmentError(f"{segment.path} has {segment.size} bytes, a kill word has {KILL_SEGMENT_BYTES}")
    word.segment = segment
    word.name_bytes = os.fsencode(segment.path)
    word.name = word.name_bytes
    word.line = <KillLine*>segment.at(KILL_WORD_OFFSET)
    if gate is not None:
        take_gate(word, gate)
    return word


cdef int take_gate(KillWord word, gate) except -1:
    cdef GateLine* line
    cdef int number
    cdef uint64_t held
    if not gate or len(gate.encode()) > NAME_BYTES:
        raise SegmentError(f"a gate's name has 1..{NAME_BYTES} bytes, not {gate!r}")
    for one in filter(None, map(word.gate_status, range(MAX_GATES))):
        if one["alive"] and one["name"] == gate:
            raise SegmentError(f"{word.segment.path} has a gate {gate!r} already: process {one['pid']}, which lives")
    for number in range(MAX_GATES):
        line = gate_line(word.segment, number)
        held = load_acquire(&line.owner)
        if held and is_alive(held):
            continue
        try:
            take_place(word.segment, &line.owner, "gate")
        except SegmentError:  # Another was faster
            if held == load_acquire(&line.owner):
                raise
            continue
        # No echo yet: until this gate has looked, nobody can say that it has.
        store_release(&line.echo, 0)
        write_text(line.name, gate, NAME_BYTES)
        word.gate = line
        word.mine = this_process()
        return 0
    raise SegmentError(f"{word.segment.path} has {MAX_GATES} living gates, there is no room for {gate!r}")


cdef GateLine* gate_line(Segment segment, int number) noexcept:
    return <GateLine*>segment.at(KILL_GATES_OFFSET) + number


cdef int write_text(char* to, text, size) except -1:
    """UTF-8, cut at a character, filled up with zeros."""
    cdef bytes data = text.encode()[:size].decode(errors="ignore").encode().ljust(size, b"\0")
    memcpy(to, <char*>data, size)
    return 0


cdef str read_text(const char* from_, size):
    return from_[:size].rstrip(b"\0").decode(errors="replace")
