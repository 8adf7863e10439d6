"""``meltica feed summary``: what a recording holds, and each book as it is at the end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from meltica.app.feed import binance as feed_binance
from meltica.app.feed import itch as feed_itch
from meltica.ticks.recording import RecordingKind, sniff


def summary(path: Path) -> dict[str, Any]:
    """One JSON object about a Binance recording or an ITCH 5.0 file, told apart by content.

    ``error`` is empty when the file was read to its end. A file that is damaged on the way is summed up to there, and
    ``error`` says where and what. Prices and quantities are decimal strings without trailing zeros.

    :raises RecordingError: it can't be read at all, is empty, or is neither kind.
    """
    kind = sniff(path)
    summarise = feed_binance.summarise if kind is RecordingKind.BINANCE else feed_itch.summarise
    return {"file": path.name, "kind": kind.value, **summarise(path)}
