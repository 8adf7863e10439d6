"""Segments: files that several processes map, made whole or not at all. Twin: meltica/hot/shared_segment_twin.py.

A segment is made under another name, filled, and linked to its own: who finds it finds it complete. Places in it
(producer, consumer, writer, gate) hold the process that took them, so that the place of a dead one can be taken over.
"""

cimport cython
from libc.errno cimport errno
from libc.stdint cimport uint64_t, uintptr_t
from libc.string cimport strerror
from posix.unistd cimport getpid

from cython_ext.atomics cimport compare_and_swap, load_acquire, store_release

import contextlib
import os
import stat
import time
from pathlib import Path

cdef extern from "<sys/mman.h>" nogil:
    void* mmap(void* address, size_t length, int protection, int flags, int fd, long offset) noexcept
    int munmap(void* address, size_t length) noexcept
    int madvise(void* address, size_t length, int advice) noexcept
    int mlock(const void* address, size_t length) noexcept
    int PROT_READ, PROT_WRITE, MAP_SHARED, MAP_POPULATE, MADV_HUGEPAGE
    void* MAP_FAILED

cdef extern from "<sys/vfs.h>" nogil:
    struct statfs_t "statfs":
        long f_type
        long f_bsize
    int fstatfs(int fd, statfs_t* found) noexcept

cdef extern from "<sys/syscall.h>" nogil:
    long SYS_mbind, SYS_get_mempolicy

cdef extern from "<unistd.h>" nogil:
    long syscall(long number, ...) noexcept

cdef enum:
    PID_BITS = 22             # the kernel's largest pid_max is 2^22; the rest holds 1,000 years of start times
    HUGETLBFS = 0x958458F6
    MPOL_BIND = 2
    MPOL_F_NODE_OF_ADDRESS = 3
    NODES = 64

cdef uint64_t MAGIC = int.from_bytes(b"MELTICAS", "little")
LARGEST_BASE_PAGE_KB = 64
MAX_BYTES = 2**34  # 16 GiB: a larger number is a slip

KINDS = {
    KIND_SPSC_RING: "an SPSC ring",
    KIND_MPSC_RING: "an MPSC ring",
    KIND_BROADCAST_RING: "a broadcast ring",
    KIND_TOP_OF_BOOK: "a top-of-book table",
    KIND_KILL_WORD: "a kill word",
}


class SegmentError(ValueError):
    """A segment that can't be made, attached to or taken a place in; the message says which, why, and what to do."""


@cython.final
cdef class Segment:
    def __cinit__(self):
        self.base = NULL
        self.fd = -1

    def __init__(self):
        raise TypeError("segments come from create() and attach()")

    def __dealloc__(self):
        if self.base != NULL:
            munmap(self.base, self.size)
        if self.fd >= 0:
            os.close(self.fd)

    cdef void* at(self, uint64_t offset) noexcept nogil:
        return self.base + offset

    @staticmethod
    def create(path, int kind, *, slot_size, slots, lanes, size, huge_pages=False, lock=False, numa_node=None):
        """A new segment of zeros, not yet under its name: fill it, then settle(). SegmentError when there is no room."""
        cdef Segment segment = Segment.__new__(Segment)
        segment.path = Path(path)
        if not 0 < size <= MAX_BYTES:
            raise SegmentError(f"{path}: {size} bytes are not within 1..{MAX_BYTES}")
        if not segment.path.parent.is_dir():
            raise SegmentError(f"{path} can't be made: there is no folder {segment.path.parent}")
        sweep(segment.path)
        unfinished = name_before(segment.path)
        segment.writable = True
        segment.fd = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            os.fchmod(segment.fd, 0o600)
            reserve(segment.fd, segment.path, whole_pages(segment.fd, size))
            segment.map_file()
            segment.placement = place(segment, huge_pages, lock, numa_node)
        except BaseException:
            os.unlink(unfinished)
            raise
        segment.header.layout_version = SEGMENT_LAYOUT_VERSION
        segment.header.kind = kind
        segment.header.slot_size = slot_size
        segment.header.lanes = lanes
        segment.header.slots = slots
        segment.header.size = size
        segment.header.creator = this_process()
        segment.header.epoch = time.time_ns()
        segment.header.boot = this_boot()
        segment.header.pid_namespace = this_namespace()
        return segment

    def settle(self):
        """Gives a created segment its name, whole; False when there is one of that name already."""
        # Release, with the acquire in verify(): who sees the magic sees all that was written before it.
        store_release(&self.header.magic, MAGIC)
        unfinished = name_before(self.path)
        try:
            os.link(unfinished, self.path)
        except FileExistsError:
            return False
        finally:
            os.unlink(unfinished)
        return True

    @staticmethod
    def attach(path, int kind, *, writable=True, huge_pages=False, lock=False, numa_node=None):
        """A segment that exists; SegmentError when it is missing, foreign, truncated, older or not finished."""
        cdef Segment segment = Segment.__new__(Segment)
        segment.path = Path(path)
        segment.writable = writable
        flags = os.O_RDWR if writable else os.O_RDONLY
        try:
            segment.fd = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            raise SegmentError(f"{path} can't be opened: {error.strerror}") from error
        refuse_foreign(segment.fd, segment.path)
        segment.map_file()
        segment.verify(kind)
        segment.placement = place(segment, huge_pages, lock, numa_node)
        return segment

    def map_file(self):
        self.size = os.fstat(self.fd).st_size
        protection = PROT_READ | PROT_WRITE if self.writable else PROT_READ
        cdef void* base = mmap(NULL, self.size, protection, MAP_SHARED | MAP_POPULATE, self.fd, 0)
        if base == MAP_FAILED:
            raise SegmentError(f"{self.path} can't be mapped: {strerror(errno).decode()}")
        self.base = <unsigned char*>base
        self.header = <SegmentHeader*>base

    def verify(self, int kind):
        cdef SegmentHeader* header = self.header
        cdef uint64_t magic = load_acquire(&header.magic)
        if magic == 0:
            raise SegmentError(f"{self.path} was begun and never finished: remove it")
        if magic != MAGIC:
            raise SegmentError(f"{self.path} is no shared segment: it begins with {magic.to_bytes(8, 'little')!r}")
        if header.layout_version != SEGMENT_LAYOUT_VERSION:
            raise SegmentError(
                f"{self.path} has layout version {header.layout_version}, this program knows {SEGMENT_LAYOUT_VERSION}:"
                " end the programs that use it, and remove it"
            )
        if header.kind != <uint64_t>kind:
            raise SegmentError(f"{self.path} is {KINDS.get(header.kind, 'of an unknown kind')}, not {KINDS[kind]}")
        if header.size > self.size:
            raise SegmentError(f"{self.path} is truncated: {self.size} bytes, its header says {header.size}")
        if header.boot != this_boot():
            raise StaleSegment(f"{self.path} was made before this machine's last start: remove it")

    def is_current(self):
        """Whether its name still leads to it; a segment that was replaced is one that nobody else looks at."""
        try:
            named = os.stat(self.path, follow_symlinks=False)
        except OSError:
            return False
        mapped = os.fstat(self.fd)
        return (named.st_ino, named.st_dev) == (mapped.st_ino, mapped.st_dev) and mapped.st_size >= self.header.size

    @property
    def slot_size(self):
        return self.header.slot_size

    @property
    def slots(self):
        return self.header.slots

    @property
    def lanes(self):
        return self.header.lanes

    @property
    def epoch(self):
        """Unix time in ns of its making."""
        return self.header.epoch

    @property
    def data_size(self):
        return self.header.size


class StaleSegment(SegmentError):
    """Left from before the machine's last start; nobody who had a place in it lives."""


def open_segment(path, int kind, *, exist_ok, fill=None, **how):
    """A new settled segment; with ``exist_ok`` the one that is there. ``fill(segment)`` runs before it gets its name."""
    cdef Segment segment
    options = {name: how[name] for name in ("huge_pages", "lock", "numa_node")}
    if exist_ok and os.path.lexists(path):
        try:
            return Segment.attach(path, kind, **options)
        except StaleSegment:
            os.unlink(path)
    segment = Segment.create(path, kind, **how)
    if fill is not None:
        fill(segment)
    if segment.settle():
        return segment
    if exist_ok:  # Somebody was faster
        return Segment.attach(path, kind, **options)
    raise SegmentError(f"{path} exists already: attach to it, or remove it when nobody uses it")


# --- making the file ---


def name_before(path):
    return path.with_name(f".{path.name}.{os.getpid()}.new")


def sweep(path):
    """Removes what makers of this segment left that died before they finished."""
    for left in path.parent.glob(f".{path.name}.*.new"):
        pid = left.name.removesuffix(".new").rpartition(".")[2]
        if pid.isdigit() and (int(pid) == os.getpid() or not os.path.exists(f"/proc/{pid}")):
            with contextlib.suppress(FileNotFoundError):
                left.unlink()


def whole_pages(int fd, size):
    """On hugetlbfs a file is made of huge pages; elsewhere any size will do."""
    cdef statfs_t found
    if fstatfs(fd, &found) == 0 and <uint64_t>found.f_type == HUGETLBFS:
        return -(-size // found.f_bsize) * found.f_bsize
    return size


def reserve(int fd, path, size):
    # Now, as an error: touching a page that a full tmpfs does not have is a bus error.
    try:
        os.posix_fallocate(fd, 0, size)
    except OSError as error:
        raise SegmentError(f"{path} can't have {size} bytes: {error.strerror}") from error


def refuse_foreign(int fd, path):
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode):
        raise SegmentError(f"{path} is no regular file")
    if found.st_uid != os.geteuid():
        raise SegmentError(f"{path} belongs to user {found.st_uid}, this process runs as {os.geteuid()}")
    if found.st_mode & 0o077:
        raise SegmentError(f"{path} is open to other users (mode {found.st_mode & 0o777:04o}), it must be 0600")
    if found.st_size < SEGMENT_HEADER_BYTES:
        raise SegmentError(f"{path} is truncated: {found.st_size} bytes, a header has {SEGMENT_HEADER_BYTES}")


# --- where its pages are ---


def place(Segment segment, huge_pages, lock, numa_node):
    """Asks for the pages as wanted, and says what was got: nothing of it is needed for being right."""
    notes = []
    if numa_node is not None:
        notes += bind(segment, numa_node)
    if huge_pages and madvise(segment.base, segment.size, MADV_HUGEPAGE) != 0:
        notes.append(f"huge pages: {strerror(errno).decode()}")
    if lock and mlock(segment.base, segment.size) != 0:
        notes.append(f"lock: {strerror(errno).decode()} (LimitMEMLOCK, or ulimit -l)")
    found = mapping_of(<uintptr_t>segment.base)
    huge = found["ShmemPmdMapped"] + found["FilePmdMapped"]
    if found["KernelPageSize"] > LARGEST_BASE_PAGE_KB:  # hugetlbfs
        huge = segment.size // 1024
    if huge_pages and huge == 0:
        notes.append("huge pages: none; /sys/kernel/mm/transparent_hugepage/shmem_enabled must be advise or always")
    return {
        "bytes": segment.size,
        "huge_bytes": huge * 1024,
        "locked_bytes": found["Locked"] * 1024,
        "numa_node": node_of(segment.base),
        "notes": notes,
    }


def bind(Segment segment, numa_node):
    cdef uint64_t[1] nodes
    if not 0 <= numa_node < NODES:
        return [f"NUMA node {numa_node} is not within 0..{NODES - 1}"]
    nodes[0] = 1ull << <int>numa_node
    if syscall(SYS_mbind, segment.base, segment.size, MPOL_BIND, nodes, <long>(NODES + 1), 0) != 0:
        return [f"NUMA node {numa_node}: {strerror(errno).decode()}"]
    return []


cdef object node_of(void* address):
    cdef int node = -1
    if syscall(SYS_get_mempolicy, &node, NULL, 0, address, MPOL_F_NODE_OF_ADDRESS) != 0:
        return None
    return node


def mapping_of(uintptr_t address):
    """The kB figures of /proc/self/smaps for the mapping at this address; zeros where the kernel says nothing."""
    wanted = f"{address:x}-"
    found = dict.fromkeys(("ShmemPmdMapped", "FilePmdMapped", "KernelPageSize", "Locked"), 0)
    inside = False
    with contextlib.suppress(OSError), open("/proc/self/smaps") as smaps:
        for line in smaps:
            name, _, rest = line.partition(":")
            if name in found:
                if inside:
                    found[name] = int(rest.split()[0])
            elif "-" in line.split(" ", 1)[0]:
                if inside:
                    break
                inside = line.startswith(wanted)
    return found


# --- who has a place ---


def this_boot():
    with open("/proc/sys/kernel/random/boot_id") as file:
        return int(file.read().replace("-", "")[:16], 16)


def this_namespace():
    return os.stat("/proc/self/ns/pid").st_ino


def start_of(int pid):
    """Start time of a living process in clock ticks since boot; None when nobody of this pid can run any more."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # A zombie runs no more, unless it is only the first of several threads that ended.
    if fields[0] in b"ZX" and int(fields[17]) <= 1:
        return None
    return int(fields[19])


cdef uint64_t this_process() except 0:
    cdef uint64_t start = start_of(getpid())
    return start << PID_BITS | <uint64_t>getpid()


cdef bint is_alive(uint64_t process) except -1:
    return start_of(process & ((1 << PID_BITS) - 1)) == process >> PID_BITS


def pid_of(uint64_t process):
    """The pid of a place's word, None when it is empty."""
    return process & ((1 << PID_BITS) - 1) if process else None


def alive(uint64_t process):
    return process != 0 and is_alive(process)


cdef uint64_t take_place(Segment segment, uint64_t* place, str role) except? 0:
    """For this process, if it is empty or whoever had it is dead; SegmentError when the one who has it lives."""
    cdef uint64_t mine = this_process()
    cdef uint64_t held
    if segment.header.pid_namespace != this_namespace():
        raise SegmentError(
            f"{segment.path} was made in another pid namespace: whether its {role} lives can't be told from here"
        )
    while True:
        held = load_acquire(place)
        if held and is_alive(held):
            raise SegmentError(f"{segment.path} has a {role} already: process {pid_of(held)}, which lives")
        # One step: of two who take over from the same dead process one finds the place changed, and looks again.
        if compare_and_swap(place, held, mine):
            return held


cdef void leave_place(uint64_t* place, uint64_t mine) noexcept nogil:
    # A child made by fork has its parent's objects, but not its parent's place.
    if mine & ((1 << PID_BITS) - 1) == <uint64_t>getpid():
        compare_and_swap(place, mine, 0)
