"""Two lines of the feed and their merge against the rules of its contract, with much room to park and with little."""

from sim.rtl.runner import simulate

BENCH = "sim.rtl.feed_merge.bench_feed_merge"


def test_feed_merge() -> None:
    simulate("feed_pair", bench=BENCH)


def test_feed_merge_with_little_room() -> None:
    simulate(
        "feed_pair",
        bench=BENCH,
        parameters={"ParkedMessages": 64},
        testcase=["parking_that_is_full", "a_day_of_trouble"],
    )
