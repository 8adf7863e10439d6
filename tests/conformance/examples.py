"""How many examples a property is tried with."""

from __future__ import annotations

import os

SANITIZED = bool(os.environ.get("MELTICA_SANITIZED"))


def examples(count: int) -> int:
    """A third under the sanitizers, where each costs five times as much and memory is judged rather than results."""
    return max(count // 3, 10) if SANITIZED else count
