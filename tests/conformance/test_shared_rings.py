"""The rings of both backends, each side from either, against a deque: any interleaving, the same answers."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance.examples import examples
from tests.conformance.shared_records import PAIRS, folder, number_of, numbers, record, shared

SLOTS = 8
pairs = pytest.mark.parametrize("pair", PAIRS, ids="-".join)
few = settings(max_examples=examples(60), deadline=None)

spsc_steps = st.lists(
    st.one_of(
        st.just(("push", 1)),
        st.tuples(st.just("push_many"), st.integers(0, 2 * SLOTS)),
        st.just(("pop", 1)),
        st.tuples(st.just("pop_many"), st.integers(0, 2 * SLOTS)),
        st.just(("first, let go", 1)),
        st.just(("first", 1)),
        st.just(("discard", 1)),
        st.just(("new producer", 1)),
        st.just(("new consumer", 1)),
    ),
    max_size=60,
)


class SpscModel:
    """What a ring promises, without a ring."""

    def __init__(self) -> None:
        self.waiting: deque[int] = deque()
        self.pushed = self.popped = self.discarded = self.full = 0

    def push(self, count: int) -> int:
        room = min(count, SLOTS - len(self.waiting))
        self.waiting.extend(range(self.pushed, self.pushed + room))
        self.pushed += room
        self.full += room < count
        return room

    def pop(self, count: int) -> list[int]:
        found = [self.waiting.popleft() for _ in range(min(count, len(self.waiting)))]
        self.popped += len(found)
        return found


@pairs
@few
@given(steps=spsc_steps)
def test_any_interleaving_of_an_spsc_ring_is_a_bounded_queue(  # noqa: C901 - one branch a step
    pair: tuple[str, str], steps: list
) -> None:
    ours, theirs = shared(pair[0]), shared(pair[1])
    with folder() as run:
        path = run / "ring"
        producer = ours.SpscRing.create(path, slots=SLOTS, role="producer")
        consumer = theirs.SpscRing.attach(path, role="consumer")
        model = SpscModel()
        for what, count in steps:
            if what == "push":
                assert producer.push(record(model.pushed)) == (model.push(1) == 1)
            elif what == "push_many":
                batch = b"".join(record(model.pushed + at) for at in range(count))
                assert producer.push_many(batch) == model.push(count)
            elif what == "pop":
                assert ([number_of(found)] if (found := consumer.pop()) else []) == model.pop(1)
            elif what == "pop_many":
                assert numbers(consumer.pop_many(count)) == model.pop(count)
            elif what == "first":
                assert (number_of(found) if (found := consumer.first()) else None) == next(iter(model.waiting), None)
            elif what == "first, let go":
                if (found := consumer.first()) is not None:
                    assert number_of(found) == consumer.position == model.pop(1)[0]
                    consumer.let_go()
            elif what == "discard":
                assert consumer.discard() == len(model.waiting)
                model.discarded += len(model.waiting)
                model.waiting.clear()
            elif what == "new producer":
                producer.detach()
                producer = ours.SpscRing.attach(path, role="producer")
            else:
                consumer.detach()
                consumer = theirs.SpscRing.attach(path, role="consumer")
            assert len(producer) == len(consumer) == len(model.waiting)
            assert (producer.position, consumer.position) == (model.pushed, model.popped + model.discarded)
        told = consumer.counters()
        wanted = {"pushed": model.pushed, "popped": model.popped, "discarded": model.discarded, "full": model.full}
        assert {name: told[name] for name in wanted} == wanted
        assert told == producer.counters()
        assert (told["lost"], told["takeovers"]) == (0, 0)


@pairs
@few
@given(steps=st.lists(st.tuples(st.sampled_from(["push", "pop", "first", "several"]), st.integers(0, 2)), max_size=80))
def test_any_interleaving_of_an_mpsc_ring_serves_its_lanes_in_turn(pair: tuple[str, str], steps: list) -> None:
    ours, theirs = shared(pair[0]), shared(pair[1])
    with folder() as run:
        consumer = theirs.MpscRing.create(run / "ring", slots=2, lanes=3, role="consumer")
        producers = [ours.MpscRing.attach(run / "ring", role="producer") for _ in range(3)]
        assert [one.lane_number for one in producers] == [0, 1, 2]
        lanes: list[deque[int]] = [deque() for _ in range(3)]
        turn = count = full = 0
        for what, lane in steps:
            if what == "push":
                room = len(lanes[lane]) < 2
                assert producers[lane].push(record(count)) == room
                full += not room
                if room:
                    lanes[lane].append(count)
                count += 1
            elif what == "several":
                room = 2 - len(lanes[lane])
                assert producers[lane].push_many(b"".join(record(count + at) for at in range(3))) == room
                full += 1
                lanes[lane].extend(range(count, count + room))
                count += 3
            else:
                order = [(turn + step) % 3 for step in range(3)]
                served = next((at for at in order if lanes[at]), None)
                found = consumer.first() if what == "first" else consumer.pop()
                if served is None:
                    assert found is None
                else:
                    assert number_of(found) == lanes[served][0]
                    assert consumer.lane_number == served
                    turn = served
                    if what == "pop":
                        lanes[served].popleft()
                        turn = (served + 1) % 3
            assert len(consumer) == sum(map(len, lanes))
        told = consumer.counters()
        assert told["pushed"] - told["popped"] == len(consumer)
        assert (told["full"], told["lost"], told["takeovers"]) == (full, 0, 0)
        assert [one["pushed"] - one["popped"] for one in consumer.lane_counters()] == [len(lane) for lane in lanes]


@pairs
@few
@given(
    steps=st.lists(
        st.one_of(st.tuples(st.just("write"), st.integers(1, 40)), st.tuples(st.just("read"), st.integers(1, 12)))
    ),
    before=st.integers(0, 40),
    start=st.sampled_from(["oldest", "newest", "next"]),
)
def test_a_reader_of_a_broadcast_gets_each_record_once_or_counts_it(
    pair: tuple[str, str], steps: list, before: int, start: str
) -> None:
    ours, theirs = shared(pair[0]), shared(pair[1])
    with folder() as run:
        writer = ours.BroadcastWriter.create(run / "ring", slots=16)
        for number in range(before):
            writer.push(record(number))
        reader = theirs.BroadcastReader.attach(run / "ring", start=start)
        written = before
        first = {"oldest": max(before - 16, 0), "newest": max(before - 1, 0), "next": before}[start]
        assert reader.position == first
        place = first
        for what, count in steps:
            if what == "write":
                writer.push_many(b"".join(record(written + at) for at in range(count)))
                written += count
            for _ in range(count if what == "read" else 0):
                found = reader.pop()
                if place < written - 16:  # overtaken: an eighth of the ring ahead of the oldest
                    place = written - 16 + 2
                if place == written:
                    assert found is None
                else:
                    assert number_of(found) == place
                    place += 1
                assert reader.position == place
            assert len(reader) == written - reader.position
        assert reader.received + reader.lost == reader.position - first
        assert writer.counters() == {
            "pushed": written,
            "lost": 0,
            "takeovers": 0,
            "producer": writer.counters()["producer"],
        }
        assert reader.counters() == writer.counters() | {"received": reader.received, "overtaken": reader.lost}


@pairs
def test_a_reader_reads_many_at_once(pair: tuple[str, str]) -> None:
    with folder() as run:
        writer = shared(pair[0]).BroadcastWriter.create(run / "ring", slots=16, slot_size=128)
        reader = shared(pair[1]).BroadcastReader.attach(run / "ring", start="oldest")
        assert reader.pop_many() == b""
        batch = b"".join(record(number, 128) for number in range(10))
        writer.push_many(batch)
        assert reader.pop_many(3) == batch[: 3 * 128]
        assert reader.pop_many() == batch[3 * 128 :]
        for wrong in (batch[:64], b"", batch[:-1]):
            with pytest.raises(ValueError, match=r"128 bytes|records of 128"):
                writer.push(wrong)
        writer.detach()
        with pytest.raises(ValueError, match="detached"):
            writer.push(record(0, 128))


@pairs
@pytest.mark.parametrize("size", [64, 128, 256])
def test_every_slot_size_round_the_ring(pair: tuple[str, str], size: int) -> None:
    with folder() as run:
        producer = shared(pair[0]).SpscRing.create(run / "ring", slots=4, slot_size=size, role="producer")
        consumer = shared(pair[1]).SpscRing.attach(run / "ring", role="consumer")
        assert (producer.slots, producer.slot_size, consumer.slot_size) == (4, size, size)
        for number in range(11):
            assert producer.push(memoryview(bytearray(record(number, size))))
            assert number_of(consumer.pop()) == number
        with pytest.raises(ValueError, match=f"{size} bytes, not {size - 1}"):
            producer.push(bytes(size - 1))
        with pytest.raises(ValueError, match="no whole number"):
            producer.push_many(bytes(size + 1))
        assert consumer.pop() is None
        with pytest.raises(ValueError, match="no record to let go of"):
            consumer.let_go()


@pytest.mark.parametrize("backend", ["cython", "python"])
@pytest.mark.parametrize("ring", ["SpscRing", "MpscRing"])
def test_each_side_does_only_its_own_work(backend: str, ring: str) -> None:
    with folder() as run:
        kind = getattr(shared(backend), ring)
        producer = kind.create(run / "ring", slots=4, role="producer")
        consumer = kind.attach(run / "ring", role="consumer")
        observer = kind.attach(run / "ring", role="observer")
        producer.push(record(1))
        for side, wrong in ((producer, "pop"), (producer, "first"), (producer, "let_go"), (producer, "pop_many")):
            with pytest.raises(ValueError, match="is the producer, not the consumer"):
                getattr(side, wrong)()
        for side in (consumer, observer):
            for wrong in ("push", "push_many"):
                with pytest.raises(ValueError, match="not the producer"):
                    getattr(side, wrong)(record(1))
        assert len(observer) == observer.counters()["pushed"] == 1
        for side, call in ((producer, lambda: producer.push(record(2))), (consumer, consumer.pop)):
            side.detach()
            side.detach()
            with pytest.raises(ValueError, match="detached"):
                call()
        assert kind.attach(run / "ring", role="consumer").pop() == record(1)
        with pytest.raises(TypeError) if backend == "cython" else pytest.raises(TypeError, match="segment"):
            kind()


def test_the_layout_is_the_same_in_both_backends(tmp_path: Path) -> None:
    """Byte for byte, but for times and processes: what one makes the other would have made."""
    for kind, how in (
        ("SpscRing", {"slots": 4, "role": "producer"}),
        ("MpscRing", {"slots": 4, "lanes": 3, "role": "producer"}),
        ("BroadcastWriter", {"slots": 4}),
        ("TopOfBookWriter", {}),
    ):
        made = []
        for backend in ("cython", "python"):
            path = tmp_path / f"{kind}-{backend}"
            segment = getattr(shared(backend), kind).create(path, **how)
            made.append(bytearray(path.read_bytes()))
            made[-1][48:56] = bytes(8)  # epoch
            segment.detach()
        assert made[0] == made[1]
