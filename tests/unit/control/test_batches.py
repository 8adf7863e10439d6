"""Frames: together what is ready, a heartbeat in silence, an end when the server drains."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from meltica.control.batches import Batches


class Source:
    """Gives out what it is fed; remembers how far it was read and whether it was closed."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[int | Exception | None] = asyncio.Queue()
        self.read = 0
        self.closed = False

    async def items(self) -> AsyncIterator[int]:
        try:
            while (item := await self.queue.get()) is not None:
                if isinstance(item, Exception):
                    raise item
                self.read += 1
                yield item
        finally:
            self.closed = True

    def feed(self, *items: int | Exception | None) -> None:
        for item in items:
            self.queue.put_nowait(item)


async def test_what_is_ready_goes_together_in_order():
    source = Source()
    source.feed(*range(10), None)
    frames = [frame async for frame in Batches(asyncio.Event(), most=4).of(source.items())]
    assert [item for frame in frames for item in frame] == list(range(10))
    assert max(map(len, frames)) == 4
    assert source.closed


async def test_a_slow_reader_holds_the_source_back():
    source = Source()
    source.feed(*range(100))
    frames = Batches(asyncio.Event(), most=4).of(source.items())
    await anext(frames)
    await asyncio.sleep(0.01)
    assert source.read <= 4 + 4 + 1
    await frames.aclose()
    assert source.closed


async def test_silence_becomes_a_heartbeat():
    source = Source()
    frames = Batches(asyncio.Event(), heartbeat_s=0.01).of(source.items())
    assert await anext(frames) == []
    source.feed(7)
    frame: list[int] = []
    while not frame:
        frame = await anext(frames)
    assert frame == [7]
    await frames.aclose()


async def test_a_drain_ends_it_after_what_was_ready():
    source, stop = Source(), asyncio.Event()
    frames = Batches(stop).of(source.items())
    source.feed(1, 2)
    assert await anext(frames) == [1, 2]
    stop.set()
    assert [frame async for frame in frames] == []
    assert source.closed


async def test_a_drain_ends_a_source_that_never_pauses():
    async def endless() -> AsyncIterator[int]:
        while True:
            yield 1

    stop, count = asyncio.Event(), 0
    async with asyncio.timeout(10):
        async for _ in Batches(stop, most=4).of(endless()):
            count += 1
            if count == 3:
                stop.set()
    assert count <= 4


async def test_the_sources_error_comes_after_its_items():
    source = Source()
    source.feed(1, RuntimeError("gap"))
    frames = Batches(asyncio.Event()).of(source.items())
    assert await anext(frames) == [1]
    with pytest.raises(RuntimeError, match="gap"):
        await anext(frames)
