"""How far away the paper venue is."""

from __future__ import annotations

import msgspec


class Latency(msgspec.Struct, frozen=True):
    """How long commands and reports travel, in nanoseconds."""

    entry_ns: int = 0
    response_ns: int = 0


NO_LATENCY = Latency()
