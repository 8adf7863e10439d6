"""top_of_book against meltica.hot's ItchBook."""

from sim.rtl.runner import simulate

SMALL = {"Instruments": 256, "Slots": 4, "Orders": 4096, "OrderSets": 512, "WindowLevels": 128, "QueueDepth": 256}


def test_churn() -> None:
    simulate(
        "top_of_book",
        bench="sim.rtl.top_of_book.bench_top_of_book",
        top="player",
        parameters=SMALL,
        extra_env={"WINDOW_LEVELS": "128", "STEPS": "20000"},
        internals=False,
    )
