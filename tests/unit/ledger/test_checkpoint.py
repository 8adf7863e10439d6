"""A checkpoint gives the same ledger, or is refused: every byte of it, another place, another format."""

from __future__ import annotations

import random

import msgspec
import pytest

from meltica.domain.accounting import CostMethod, PositionMode
from meltica.domain.cash import CashKind
from meltica.ledger import checkpoint
from meltica.ledger.checkpoint import CheckpointError, Envelope, decode, encode, opened
from meltica.ledger.ledger import Ledger
from tests.unit.ledger.clerk import AAPL, BTC, PERP, Clerk


@pytest.fixture
def clerk():
    clerk = Clerk()
    clerk.books("main", CostMethod.FIFO, PositionMode.HEDGING, base="USDT")
    clerk.books("suba")
    clerk.cash("main", CashKind.DEPOSIT, "USDT", 10**12)
    for number in range(30):
        order = clerk.order("main", PERP, reduce_only=number % 3 == 0)
        clerk.fill("main", PERP, 5 - number % 9 or 1, 100 + number, 3, order_id=order)
        clerk.fill("other", BTC, 10**9, 10**9, -1)
    clerk.allocate(1, "other", BTC, clerk.last_order, ("x60",), suba=1)
    clerk.mark(PERP=120, BTC=70)
    clerk.day()
    clerk.split(AAPL, 2, 1)
    return clerk


def test_what_is_read_is_what_was_written(clerk):
    data = encode(clerk.ledger, b"here")
    again = decode(opened(data), b"here")
    assert again.tables == decode(opened(data), b"here").tables
    assert checkpoint.digest(again) == checkpoint.digest(clerk.ledger)
    assert encode(again, b"here") == data
    assert any(abs(n) > 2**63 for b in again.tables.balances["other"].values() for n in b), "sums of any size"


def test_it_goes_on_where_it_was(clerk):
    split = len(clerk.records) // 2
    first = Ledger()
    for record in clerk.records[:split]:
        first.apply(*record)
    second = decode(opened(encode(first)))
    for record in clerk.records[split:]:
        second.apply(*record)
    assert checkpoint.digest(second) == checkpoint.digest(clerk.ledger)


def test_any_changed_byte_is_noticed(clerk):
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - to run it again
    chance = random.Random(seed)
    data = encode(clerk.ledger, b"here")
    for _ in range(300):
        at, bit = chance.randrange(len(data)), 1 << chance.randrange(8)
        broken = data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :]
        with pytest.raises(CheckpointError):
            decode(opened(broken), b"here")
    for size in (0, 1, 10, len(data) // 2, len(data) - 1):
        with pytest.raises(CheckpointError):
            decode(opened(data[:size]), b"here")


def test_another_place_and_another_format_are_refused(clerk):
    data = encode(clerk.ledger, b"here")
    with pytest.raises(CheckpointError, match="another journal"):
        decode(opened(data), b"there")
    found = opened(data)
    other = msgspec.msgpack.encode(Envelope(9, found.sequence, found.digest, found.pieces))
    with pytest.raises(CheckpointError, match="its format is 9"):
        opened(other)


def test_a_sealed_contradiction_is_refused(clerk):
    """The digest holds, and yet it can't be: entries that do not balance, rows that are missing."""
    parts = list(checkpoint.pieces(clerk.ledger))
    unbalanced = [part.replace(b'[0,"USDT",1000000000000]', b'[0,"USDT",1000000000001]') for part in parts]
    assert unbalanced != parts
    for wrong in (unbalanced, parts[:1], [b"{}", *parts[1:]], [b'{"sequence": "x"}']):
        with pytest.raises(CheckpointError):
            decode(opened(checkpoint.sealed(clerk.ledger.tables.sequence, wrong, b"")))
