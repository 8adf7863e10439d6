"""A running gateway in trouble: data that ends or breaks, bad strategies, readers that hang on, a frozen process."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import time
from pathlib import Path

import grpc
import pytest

from meltica.journal.reader import SqliteReader
from meltica.v1 import audit_service_pb2, market_data_service_pb2, order_pb2, order_service_pb2
from tests.integration.gateway_judge import assert_kept, judge
from tests.integration.gateway_person import Person, eventually, order, refusal
from tests.integration.gateway_running import Gateway, gateway
from tests.integration.gateway_traffic import Traffic

SPOT = "BTC/USDT@BINANCE"
STARTED_NS = 1_723_161_253_937_085_768


def recording(path: Path, *, tail: bytes) -> Path:
    """Half a second of a small Binance book, then whatever ``tail`` is."""
    levels = [[["60000.00", "1.00000"], ["59999.00", "2.00000"]], [["60000.10", "1.00000"], ["60001.00", "2.00000"]]]
    lines = [(0, {"lastUpdateId": 100, "bids": levels[0], "asks": levels[1]})]
    for n in range(1, 50):
        update = {"e": "depthUpdate", "E": 1, "s": "BTCUSDT", "U": 100 + n, "u": 100 + n}
        update |= {"b": [["59999.00", f"{n}.00000"]], "a": []}
        lines.append((n * 10_000_000, {"stream": "btcusdt@depth@100ms", "data": update}))
    text = "".join(f"{STARTED_NS + at} {json.dumps(body)}\n" for at, body in lines)
    path.write_bytes(text.encode() + tail)
    return path


STALE = '[limits]\nreference_max_age_ms = 400\n[market]\ndata = "{data}"\n'


@pytest.mark.parametrize(
    ("tail", "said"),
    [
        (b"", "its prices are stale from now on"),
        (b'1723161254637085768 {"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate"\n', "market data ended"),
        (b"\x00\x01\x02 what is this\n", "market data ended"),
    ],
    ids=["it ends", "a message is cut", "garbage follows"],
)
async def test_market_data_that_stops_stops_new_orders_and_nothing_else(tmp_path: Path, tail: bytes, said: str) -> None:
    data = recording(tmp_path / "recording", tail=tail)
    with gateway(tmp_path / "gateway", STALE.format(data=data)) as running:
        async with Person(running) as olivia:
            await olivia.open_for_business(SPOT)
            resting = await olivia.submit(instrument=SPOT, quantity="0.00100", price="58500")
            await eventually(lambda: _said(running, said), said)
            denied = await eventually(lambda: _stale(olivia), "prices are stale")
            assert "check the market data" in denied.message
            assert not (await olivia.kill_switch()).engaged
            await olivia.cancel(resting.order.order_id)
            await olivia.order_in(resting.order.order_id, order_pb2.ORDER_STATUS_CANCELED)
        assert running.stop() == 0
    judge(running.journal)


async def _said(running: Gateway, what: str) -> bool:
    return what in running.said()


async def _stale(person: Person):
    try:
        answer = await person.submit(instrument=SPOT, quantity="0.00100", price="58500")
    except grpc.aio.AioRpcError:
        return await _refused_as_stale(person)
    await person.cancel(answer.order.order_id)
    return None


async def _refused_as_stale(person: Person):
    denied = await refusal(person.submit(instrument=SPOT, quantity="0.00100", price="58500"))
    assert denied.reason == "STALE_REFERENCE"
    return denied


def strategy(kind: str, **parameters: object) -> str:
    rows = "\n".join(f"{name} = {json.dumps(value)}" for name, value in parameters.items())
    return (
        f'[[strategies]]\nname = "trouble"\nkind = "tests.integration.gateway_strategies:{kind}"\n'
        f"[strategies.parameters]\n{rows}\n"
    )


@pytest.mark.parametrize("at", ["on_start", "on_accepted", "on_filled", "on_stop"])
async def test_a_strategy_that_raises_is_stopped_and_its_orders_are_cancelled(tmp_path: Path, at: str) -> None:
    with gateway(tmp_path, strategy("Raises", at=at)) as running:
        async with Person(running) as olivia:
            await olivia.open_for_business()
            mine = await olivia.submit()
            if at in ("on_accepted", "on_filled"):
                await eventually(lambda: _all_ended(olivia, "trouble", 3), "the strategy's orders have ended")
                assert "trouble" in running.said()
                assert f"a bug of the author's in {at}" in running.said()
            elif at == "on_stop":
                await eventually(lambda: _has_orders(olivia, "trouble", 3), "the strategy has traded")
            assert (await olivia.order(mine.order.order_id)).working
            await olivia.submit()
        assert running.stop() == 0
        assert f"a bug of the author's in {at}" in running.said()
    verdict = judge(running.journal)
    assert [found.strategy for found in verdict.engine.state.working_orders()] == ["manual", "manual"]


async def _has_orders(person: Person, name: str, count: int) -> bool:
    return len([found for found in await person.all_orders() if found.strategy == name]) >= count


async def _all_ended(person: Person, name: str, count: int) -> bool:
    mine = [found for found in await person.all_orders() if found.strategy == name]
    return len(mine) >= count and not any(found.working for found in mine)


@pytest.mark.parametrize("quantity_lots", [0, -1, 2**31, 2**62, 2**63 - 1])
async def test_a_strategy_that_asks_for_nonsense_harms_nobody(tmp_path: Path, quantity_lots: int) -> None:
    with gateway(tmp_path, strategy("AsksForNonsense", quantity_lots=quantity_lots)) as running:
        async with Person(running) as olivia:
            await olivia.open_for_business()
            await asyncio.sleep(0.3)
            mine = await olivia.submit()
            assert (await olivia.order(mine.order.order_id)).working
            assert [found.strategy for found in await olivia.all_orders(working_only=True)] == ["manual"]
        assert running.stop() == 0
    judge(running.journal)


@pytest.mark.slow
async def test_a_strategy_that_never_takes_no_for_an_answer_starves_nobody(tmp_path: Path) -> None:
    with gateway(tmp_path, strategy("NeverTakesNo")) as running:
        async with Person(running) as olivia:
            await olivia.open_for_business()
            await asyncio.sleep(1)
            begin = time.monotonic()
            for _ in range(20):
                await olivia.kill_switch()
            assert time.monotonic() - begin < 5
            engaged = await olivia.engage()
            assert engaged.kill_switch.engaged
            settled = await olivia.sequence()
            await asyncio.sleep(0.3)
            assert await olivia.sequence() - settled < 20, "it goes on although the kill switch is engaged"
        assert running.stop() == 0
    judge(running.journal)


async def test_a_stop_ends_streams_calls_and_strategies_in_order(tmp_path: Path) -> None:
    settings = strategy("Raises", at="nowhere")
    with gateway(tmp_path, settings) as running:
        async with Person(running) as olivia:
            await olivia.open_for_business()
            await eventually(lambda: _has_orders(olivia, "trouble", 3), "the strategy has traded")
            mine = await olivia.submit()
            streams = [
                olivia.orders.StreamOrderEvents(order_service_pb2.StreamOrderEventsRequest(after_sequence=0)),
                olivia.audit.StreamAuditEntries(audit_service_pb2.StreamAuditEntriesRequest()),
                olivia.market.StreamTopOfBook(market_data_service_pb2.StreamTopOfBookRequest()),
            ]
            readers = [asyncio.create_task(_read_to_the_end(stream)) for stream in streams]
            await asyncio.sleep(0.2)
            begin = time.monotonic()
            assert await asyncio.to_thread(running.stop) == 0
            assert time.monotonic() - begin < 6
            for code, details in await asyncio.wait_for(asyncio.gather(*readers), 10):
                assert code is grpc.StatusCode.UNAVAILABLE, details
        assert "Traceback" not in running.said()
    assert sorted([path.name for path in running.state.glob("journal.db*")]) == ["journal.db", "journal.db.lock"]
    with SqliteReader(running.journal) as source:
        assert source.snapshot_seqs()[0] == source.head().seq
    verdict = judge(running.journal)
    # The strategy's orders went with it; the operator's stay
    assert [str(found.order_id) for found in verdict.engine.state.working_orders()] == [mine.order.order_id]


async def _read_to_the_end(stream) -> tuple[grpc.StatusCode, str]:
    try:
        async for _ in stream:
            pass
    except grpc.aio.AioRpcError as error:
        return error.code(), error.details() or ""
    return grpc.StatusCode.OK, "it just ended"


async def test_a_frozen_gateway_goes_on_where_it_was(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - a failed run can be repeated
    traffic = Traffic(random.Random(seed))
    with gateway(tmp_path) as running:
        async with Person(running) as olivia:
            await olivia.open_for_business()
            flow = asyncio.create_task(traffic.run(olivia, in_flight=4, calls=200))
            await asyncio.sleep(0.1)
            os.kill(running.pid, signal.SIGSTOP)
            await asyncio.sleep(1.5)
            os.kill(running.pid, signal.SIGCONT)
            await asyncio.wait_for(flow, 30)
            assert len(traffic.answered) == 200
            await eventually(lambda: _passes(olivia), "orders pass again")
        assert running.stop() == 0
    assert_kept(judge(running.journal).records, traffic.answered)


async def _passes(person: Person) -> bool:
    try:
        await person.orders.SubmitOrder(order(), timeout=10)
    except grpc.aio.AioRpcError:
        return False
    return True
