"""top_of_book against meltica.hot's ItchBook."""

import os
from pathlib import Path

import pytest

from sim.rtl.runner import simulate

DATA = Path(os.environ.get("MELTICA_DATA", Path(__file__).parents[4] / "shared/data"))
SNIPPET = DATA / "nasdaq/12302019_SNIPPET.NASDAQ_ITCH50"

SMALL = {"Instruments": 256, "Slots": 4, "Orders": 4096, "OrderSets": 512, "WindowLevels": 128, "QueueDepth": 256}


def test_churn() -> None:
    simulate(
        "top_of_book",
        bench="sim.rtl.top_of_book.bench_top_of_book",
        top="player",
        parameters=SMALL,
        extra_env={"WINDOW_LEVELS": "128", "STEPS": "30000"},
        internals=False,
    )


def test_rows() -> None:
    simulate(
        "top_of_book",
        bench="sim.rtl.top_of_book.bench_rows",
        top="player",
        parameters=SMALL,
        extra_env={"WINDOW_LEVELS": "128", "QUEUE_DEPTH": "256"},
        internals=False,
    )


def test_full_tables() -> None:
    """Room for 14 orders in 16 places: the table fills, and so do single sets before it."""
    simulate(
        "top_of_book",
        bench="sim.rtl.top_of_book.bench_full_tables",
        top="player",
        parameters=SMALL | {"Orders": 14, "OrderSets": 2, "OrderWays": 4},
        extra_env={"WINDOW_LEVELS": "128", "ORDERS": "14"},
        internals=False,
    )


@pytest.mark.skipif(not SNIPPET.exists(), reason=f"no ITCH snippet at {SNIPPET}; MELTICA_DATA says where the data is")
def test_recording() -> None:
    simulate(
        "top_of_book",
        bench="sim.rtl.top_of_book.bench_recording",
        top="player",
        extra_env={"SNIPPET": str(SNIPPET)},
        internals=False,
    )
