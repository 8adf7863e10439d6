"""What the dead leave in a ring: what was published is there, what was only begun is counted, nobody is held up."""

from __future__ import annotations

import pytest

from tests.conformance.shared_records import PAIRS, dead_process, folder, number_of, numbers, peek, poke, record, shared

pairs = pytest.mark.parametrize("pair", PAIRS, ids="-".join)
PRODUCER, CONSUMER = 128, 256  # byte offsets of an SPSC ring's sides


@pairs
def test_a_record_begun_by_a_dead_producer_is_counted_and_never_seen(pair: tuple[str, str]) -> None:
    with folder() as run:
        path = run / "ring"
        producer = shared(pair[0]).SpscRing.create(path, slots=4, role="producer")
        producer.push(record(0))
        producer.detach()
        assert peek(path, PRODUCER + 8) == 1  # It says beforehand what it begins
        poke(path, PRODUCER + 8, 2)  # claimed: record 1 was begun
        poke(path, PRODUCER + 32, dead_process())
        poke(path, 4096 + 64, 2**64 - 1)  # and half written
        producer = shared(pair[1]).SpscRing.attach(path, role="producer")
        consumer = shared(pair[1]).SpscRing.attach(path, role="consumer")
        assert (producer.position, len(consumer)) == (1, 1)
        producer.push(record(1))
        assert numbers(consumer.pop_many()) == [0, 1]
        told = consumer.counters()
        assert (told["pushed"], told["popped"], told["lost"], told["takeovers"]) == (2, 2, 1, 1)


@pairs
def test_a_dead_consumer_leaves_what_it_did_not_let_go_of(pair: tuple[str, str]) -> None:
    with folder() as run:
        path = run / "ring"
        producer = shared(pair[0]).SpscRing.create(path, slots=4, role="producer")
        producer.push_many(record(0) + record(1))
        consumer = shared(pair[0]).SpscRing.attach(path, role="consumer")
        consumer.pop()
        consumer.first()
        consumer.detach()
        poke(path, CONSUMER + 16, dead_process())
        consumer = shared(pair[1]).SpscRing.attach(path, role="consumer")
        assert (consumer.position, number_of(consumer.first())) == (1, 1)
        assert consumer.counters()["takeovers"] == 1


@pairs
def test_dead_producers_hold_up_nobody_and_their_lanes_come_back(pair: tuple[str, str]) -> None:
    with folder() as run:
        path = run / "ring"
        consumer = shared(pair[0]).MpscRing.create(path, slots=4, lanes=2, role="consumer")
        dying = shared(pair[1]).MpscRing.attach(path, role="producer")
        living = shared(pair[1]).MpscRing.attach(path, role="producer")
        dying.push(record(7))
        dying.detach()
        poke(path, 256 + 8, 2)
        poke(path, 256 + 32, dead_process())
        living.push(record(8))
        assert [number_of(consumer.pop()), number_of(consumer.pop()), consumer.pop()] == [7, 8, None]
        assert consumer.recover() == [{"lane": 0, "pid": dead_process() & 2**22 - 1, "waiting": 0, "lost": 1}]
        assert consumer.recover() == []
        told = consumer.counters()
        assert (told["lost"], told["takeovers"], len(told["producers"])) == (1, 1, 1)
        again = shared(pair[1]).MpscRing.attach(path, role="producer")
        assert again.lane_number == 0
        again.push(record(9))
        assert number_of(consumer.pop()) == 9


@pairs
def test_a_new_producer_takes_a_dead_ones_lane_without_the_consumer(pair: tuple[str, str]) -> None:
    with folder() as run:
        path = run / "ring"
        consumer = shared(pair[0]).MpscRing.create(path, slots=4, lanes=1, role="consumer")
        dying = shared(pair[1]).MpscRing.attach(path, role="producer")
        dying.push(record(7))
        with pytest.raises(ValueError, match="all 1 lanes have a living producer"):
            shared(pair[0]).MpscRing.attach(path, role="producer")
        dying.detach()
        poke(path, 256 + 32, dead_process())
        shared(pair[0]).MpscRing.attach(path, role="producer").push(record(8))
        assert numbers(consumer.pop_many()) == [7, 8]
        assert consumer.counters()["takeovers"] == 1


@pairs
@pytest.mark.parametrize(("sequence", "pushed", "lost"), [(2 * 3 + 1, 3, 1), (2 * 3 + 2, 4, 0), (0, 3, 0)])
def test_a_writer_that_died_in_a_record_or_right_after(
    pair: tuple[str, str], sequence: int, pushed: int, lost: int
) -> None:
    with folder() as run:
        path = run / "ring"
        writer = shared(pair[0]).BroadcastWriter.create(path, slots=8)
        reader = shared(pair[1]).BroadcastReader.attach(path, start="oldest")
        writer.push_many(b"".join(record(number) for number in range(3)))
        writer.detach()
        poke(path, 4096 + 3 * 72, sequence)
        poke(path, 128 + 16, dead_process())
        if sequence == 2 * 3 + 2:  # It finished: a reader may have it already
            with path.open("r+b") as file:
                file.seek(4096 + 3 * 72 + 8)
                file.write(record(3))
        writer = shared(pair[1]).BroadcastWriter.attach(path)
        assert (writer.position, writer.counters()["lost"], writer.counters()["takeovers"]) == (pushed, lost, 1)
        writer.push(record(pushed))
        assert numbers(reader.pop_many()) == list(range(pushed + 1))


@pytest.mark.parametrize("backend", ["cython", "python"])
@pytest.mark.parametrize("side", ["producer", "consumer"])
@pytest.mark.parametrize(("published", "taken"), [(9, 4), (3, 4), (2**63, 0)])
def test_numbers_that_nobody_can_have_written_are_refused(backend: str, side: str, published: int, taken: int) -> None:
    with folder() as run:
        path = run / "ring"
        shared(backend).SpscRing.create(path, slots=4, role="producer").detach()
        poke(path, PRODUCER, published)
        poke(path, CONSUMER, taken)
        with pytest.raises(ValueError, match="is damaged"):
            shared(backend).SpscRing.attach(path, role=side)
        assert peek(path, PRODUCER + 32) == peek(path, CONSUMER + 16) == 0


@pytest.mark.parametrize("backend", ["cython", "python"])
def test_numbers_that_go_wrong_later_give_nothing_rather_than_anything(backend: str) -> None:
    with folder() as run:
        path = run / "ring"
        producer = shared(backend).SpscRing.create(path, slots=4, role="producer")
        consumer = shared(backend).SpscRing.attach(path, role="consumer")
        poke(path, PRODUCER, 5)
        assert consumer.pop() is None
        poke(path, PRODUCER, 0)
        poke(path, CONSUMER, 1)
        assert producer.push(record(1)) is False
