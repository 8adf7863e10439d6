"""The few system calls that Python has no name for, through libc. Each raises OSError with the kernel's word."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
from typing import Final, Protocol

MCL_CURRENT, MCL_FUTURE = 1, 2
PR_SET_TIMERSLACK: Final = 29
MPOL_PREFERRED: Final = 1
MADV_HUGEPAGE, MADV_COLLAPSE = 14, 25
NODE_BITS: Final = 1_024
"""Width of a node mask as the kernel takes it."""
# set_mempolicy has no wrapper in libc, and libnuma is no dependency.
SYSCALLS: Final = {"x86_64": {"set_mempolicy": 238}, "aarch64": {"set_mempolicy": 237}}


class Kernel(Protocol):
    """What placement asks of the operating system; tests bring one that refuses."""

    def pin(self, cpu: int) -> None: ...
    def lock_memory(self) -> None: ...
    def unlock_memory(self) -> None: ...
    def prefer_node(self, node: int) -> None: ...
    def realtime(self, priority: int) -> None: ...
    def timer_slack(self, ns: int) -> None: ...
    def huge(self, address: int, size: int) -> None: ...
    def hold_cpu_latency(self, path: str) -> int: ...


class Linux:
    """The real one. What is about a thread is about the one that calls."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)

    def pin(self, cpu: int) -> None:
        os.sched_setaffinity(0, {cpu})

    def lock_memory(self) -> None:
        self._called(self._libc.mlockall(MCL_CURRENT | MCL_FUTURE))

    def unlock_memory(self) -> None:
        self._called(self._libc.munlockall())

    def prefer_node(self, node: int) -> None:
        """Preferred, not bound: a full node makes an allocation slow, not fatal."""
        number = SYSCALLS.get(platform.machine(), {}).get("set_mempolicy")
        if number is None:
            raise OSError(errno.ENOSYS, f"the number of set_mempolicy on {platform.machine()} is not known here")
        mask = (ctypes.c_ulong * (NODE_BITS // 64))()
        mask[node // 64] = 1 << node % 64
        self._called(self._libc.syscall(number, MPOL_PREFERRED, mask, ctypes.c_ulong(NODE_BITS)))

    def realtime(self, priority: int) -> None:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))

    def timer_slack(self, ns: int) -> None:
        self._called(self._libc.prctl(PR_SET_TIMERSLACK, ctypes.c_ulong(ns), 0, 0, 0))

    def huge(self, address: int, size: int) -> None:
        """Asks for huge pages, and for those that are there already to be put together now, not some day."""
        where, length = ctypes.c_void_p(address), ctypes.c_size_t(size)
        self._called(self._libc.madvise(where, length, MADV_HUGEPAGE))
        self._called(self._libc.madvise(where, length, MADV_COLLAPSE))

    def hold_cpu_latency(self, path: str) -> int:
        """A descriptor; as long as it is open no core sleeps so deep that it needs time to wake up."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(descriptor, bytes(4))
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    def _called(self, answer: int) -> None:
        if answer < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
