"""The one door to the hot path: the same names from whichever backend MELTICA_HOT chooses.

MELTICA_HOT=cython   compiled (the default)
MELTICA_HOT=python   the twins: golden model, no compiler needed
"""

import os
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Final

from meltica.hot.best_changes import BestBatch, BestChanges
from meltica.hot.itch import ItchBatch, ItchError
from meltica.hot.layout_gen import (
    LOTS_BOUND,
    TICKS_BOUND,
    Action,
    Flag,
    KillScope,
    OrderType,
    Side,
    Status,
    Subject,
    TimeInForce,
)
from meltica.hot.ouch_wire_twin import OuchRefusal
from meltica.hot.ports import Intent, RiskGate
from meltica.hot.rulebook_gen import PASS, RULES, Check, Rule

# What every backend must offer.
public_api: Final = (
    "Gate",
    "Histogram",
    "ItchBook",
    "ItchDecoder",
    "LevelBook",
    "MoldGate",
    "OrderIntent",
    "OuchPort",
    "UdpReceiver",
)
BACKENDS: Final = ("cython", "python")


class BackendError(ImportError):
    """The chosen backend does not exist or is not built; the message says what to do."""


def load(backend: str) -> ModuleType:
    """The module of one backend, complete; BackendError when it is unknown, not built or lacks a name."""
    if backend not in BACKENDS:
        raise BackendError(f"unknown hot path backend {backend!r}: MELTICA_HOT is one of {', '.join(BACKENDS)}")
    try:
        module = import_module(f"meltica.hot.backend_{backend}")
    except ImportError as error:
        raise BackendError(
            f"the hot path backend {backend!r} does not import ({error}). Build it with `tools/bootstrap.sh dev`"
            " (or `pip install -e .`), or run with MELTICA_HOT=python, which is slower"
        ) from error
    missing = [name for name in public_api if not hasattr(module, name)]
    if missing:
        raise BackendError(f"the hot path backend {backend!r} lacks {', '.join(missing)}")
    return module


_BACKEND: Final = os.environ.get("MELTICA_HOT", "cython")


def backend() -> str:
    """The name of the backend that this process uses."""
    return _BACKEND


if TYPE_CHECKING:
    from meltica.hot.backend_python import (
        Gate,
        Histogram,
        ItchBook,
        ItchDecoder,
        LevelBook,
        MoldGate,
        OrderIntent,
        OuchPort,
        UdpReceiver,
    )
else:
    _module = load(_BACKEND)
    Gate = _module.Gate
    Histogram = _module.Histogram
    ItchBook = _module.ItchBook
    ItchDecoder = _module.ItchDecoder
    LevelBook = _module.LevelBook
    MoldGate = _module.MoldGate
    OrderIntent = _module.OrderIntent
    OuchPort = _module.OuchPort
    UdpReceiver = _module.UdpReceiver

__all__ = [
    "LOTS_BOUND",
    "PASS",
    "RULES",
    "TICKS_BOUND",
    "Action",
    "BackendError",
    "BestBatch",
    "BestChanges",
    "Check",
    "Flag",
    "Gate",
    "Histogram",
    "Intent",
    "ItchBatch",
    "ItchBook",
    "ItchDecoder",
    "ItchError",
    "KillScope",
    "LevelBook",
    "MoldGate",
    "OrderIntent",
    "OrderType",
    "OuchPort",
    "OuchRefusal",
    "RiskGate",
    "Rule",
    "Side",
    "Status",
    "Subject",
    "TimeInForce",
    "UdpReceiver",
    "backend",
    "load",
    "public_api",
]
