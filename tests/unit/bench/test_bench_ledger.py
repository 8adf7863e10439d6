"""The ledger's figures: every row is there, and the floor books the same money."""

from __future__ import annotations

from bench.ledger import _Books, _Plain, rows
from meltica.domain.accounting import CostMethod
from meltica.ledger.chart import Book


def test_every_row_has_its_figures():
    found = rows(1, sizes=(10, 500), fills=200)
    names = [row["name"] for row in found]
    assert names[:3] == [f"ledger: fill to balanced entries, {m.value}" for m in CostMethod]
    assert names[3:] == [
        "ledger: cost of a fill at 500 to that at 10",
        "ledger: memory of 500 fills and the newest entries",
        "ledger: correct the newest of 500 fills",
    ]
    assert all(row["ours"] > 0 for row in found if "memory" not in row["name"])


def test_the_floor_books_the_same_money():
    ours, plain = _Books(CostMethod.AVERAGE, 3_000), _Plain(3_000)
    ours.booked()
    plain.booked()
    balance = ours.ledger.tables.balances["main"]["USDT"]
    told = {book: plain.books.balances["main", "USDT", book] for book in ("cash", "fees", "position", "realised")}
    assert (balance[Book.CASH], balance[Book.FEES]) == (told["cash"], told["fees"])
    assert sum(told.values()) == 0
    assert abs(balance[Book.REALISED] - told["realised"]) < 3_000, "it rounds down, we round to even"
