"""The door to shared memory: rings, the top-of-book table and the kill word, of the backend that MELTICA_HOT chooses.

Segments are files in a run folder, mode 0600, by default in /dev/shm. docs/guides/shared_memory.md tells what they
promise. Kinds of segments have their endings: the kill words of a folder are found by theirs.
"""

from __future__ import annotations

import os
import stat
from enum import IntEnum
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final

from meltica.hot import BACKENDS, BackendError, backend

KILL_WORD_ENDING: Final = ".kill"


class KillReason(IntEnum):
    """Who or what engaged a kill word. The numbers stay."""

    STARTUP = 1
    KILL_PROGRAM = 2
    OPERATOR = 3
    LEASE_LOST = 4
    LIMIT = 5
    FAULT = 6


def run_folder(name: str = "") -> Path:
    """``/dev/shm/meltica-<user id>[-name]``, made with mode 0700; SegmentError when it is somebody else's."""
    folder = Path("/dev/shm") / f"meltica-{os.geteuid()}{'-' + name if name else ''}"  # noqa: S108 - checked below
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise SegmentError(f"{folder} is no folder of ours alone: user {found.st_uid}, mode {found.st_mode & 0o7777:o}")
    return folder


def load_shared(name: str) -> ModuleType:
    """Of one backend; BackendError when it is unknown or not built."""
    if name not in BACKENDS:
        raise BackendError(f"unknown hot path backend {name!r}: MELTICA_HOT is one of {', '.join(BACKENDS)}")
    try:
        return import_module(f"meltica.hot.shared_{name}")
    except ImportError as error:
        raise BackendError(
            f"shared memory of the backend {name!r} does not import ({error}). Build it with `tools/bootstrap.sh dev`"
        ) from error


if TYPE_CHECKING:
    from meltica.hot.shared_cython import (
        BroadcastReader,
        BroadcastWriter,
        KillWord,
        MpscRing,
        SegmentError,
        SpscRing,
        TopOfBookReader,
        TopOfBookWriter,
        TornRowError,
    )
else:
    _module = load_shared(backend())
    BroadcastReader = _module.BroadcastReader
    BroadcastWriter = _module.BroadcastWriter
    KillWord = _module.KillWord
    MpscRing = _module.MpscRing
    SegmentError = _module.SegmentError
    SpscRing = _module.SpscRing
    TopOfBookReader = _module.TopOfBookReader
    TopOfBookWriter = _module.TopOfBookWriter
    TornRowError = _module.TornRowError

__all__ = [
    "KILL_WORD_ENDING",
    "BroadcastReader",
    "BroadcastWriter",
    "KillReason",
    "KillWord",
    "MpscRing",
    "SegmentError",
    "SpscRing",
    "TopOfBookReader",
    "TopOfBookWriter",
    "TornRowError",
    "load_shared",
    "run_folder",
]
