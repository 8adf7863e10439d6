"""The state of a risk gate in RTL, through its query port, in the shape of meltica.hot.state."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np

from meltica.hot.bounds import Bounds
from meltica.hot.layout_gen import STATE_VERSION
from meltica.hot.ports import GateState
from meltica.hot.state import COLUMNS

TABLES: Final = {name: number for number, name in enumerate(COLUMNS, 1)}  # query_table_i; 0 is the gate itself
KILLED, LEASE_UNTIL_NS, FAULTS = range(3)  # columns of the gate itself
SIGNED: Final = {
    *("credit_nanos", "pnl_nanos", "high_water_nanos"),
    *("position_lots", "open_buy_lots", "open_sell_lots"),
}
PATIENCE: Final = 2_000  # cycles for one told row or one query
ALL_ROWS: Final = 4_096  # cells of a table that are all read; of a larger one those that were named so far


class RowReader:
    """What a gate reads of its model."""

    model: Any
    module: Any
    bounds: Bounds
    sizes: tuple[int, ...]
    max_instruments: int
    max_accounts: int
    max_working_orders: int
    duplicate_depth: int
    _named: dict[str, set[int]]

    def _cells(self, table: str, cells: list[tuple[int, int]]) -> list[int]:
        return self.query(0 if table == "gate" else TABLES[table], cells)

    def query(self, table: int, cells: list[tuple[int, int]]) -> list[int]:
        """(row, column) of each; raw."""
        model, module = self.model, self.module
        rows = np.zeros(len(cells), model.dtype("query_table_i", "query_row_i", "query_column_i"))
        rows["query_table_i"] = table
        rows["query_row_i"] = [row for row, _ in cells]
        rows["query_column_i"] = [column for _, column in cells]
        values = module.Sink(np.zeros(len(cells), model.dtype("query_value_o")), valid="query_done_o")
        asked = module.Source(rows, valid="query_valid_i", ready="query_done_o")
        model.play([asked], [values], cycles=PATIENCE + PATIENCE * len(cells))
        if values.done != len(cells):
            raise RuntimeError(f"{values.done} of {len(cells)} queries were answered")
        model.step()
        return [int(value) for value in values.table["query_value_o"]]

    def exported(self) -> GateState:
        """Without the counters."""
        killed, lease_until_ns = self.query(0, [(0, KILLED), (0, LEASE_UNTIL_NS)])
        return {
            "version": STATE_VERSION,
            "killed": killed,
            "lease_until_ns": lease_until_ns,
            **{table: self._rows(table) for table in ("firm", "instruments", "accounts", "strategies", "ports")},
            "positions": self._positions(),
            "orders": sorted(row for row in self._read("orders", range(self.max_working_orders), 0) if row[0]),
            "recent": self._recent(),
        }

    def _rows_of(self, table: str) -> int:
        names = ("instruments", "accounts", "strategies", "ports")
        return 1 if table == "firm" else self.sizes[names.index(table)]

    def _rows(self, table: str) -> list[list[int]]:
        count = self._rows_of(table)
        small = count * len(COLUMNS[table]) <= ALL_ROWS
        numbers = range(count) if small else sorted(n for n in self._named[table] if n < count)
        rows = self._read(table, numbers, 1)
        return [[number, *row] for number, row in zip(numbers, rows, strict=True) if any(row)]

    def _read(self, table: str, numbers: Iterable[int], first: int) -> list[list[int]]:
        """The columns from `first` on of each row."""
        numbers, columns = list(numbers), range(first, len(COLUMNS[table]))
        values = iter(self._cells(table, [(number, column) for number in numbers for column in columns]))
        names = COLUMNS[table][first:]
        return [[self._cooked(name, next(values)) for name in names] for _ in numbers]

    def _cooked(self, name: str, value: int) -> int:
        if name in SIGNED:
            return value - (value >> 63 << 64)
        return value * self.bounds.value_per_tick_lot_nanos if name == "open_value_nanos" else value

    def _positions(self) -> list[list[int]]:
        instruments = self._row_numbers("instruments")
        keys = [(account, instrument) for account in self._row_numbers("accounts") for instrument in instruments]
        rows = self._read("positions", [account << 16 | instrument for account, instrument in keys], 2)
        return [[*key, *row] for key, row in zip(keys, rows, strict=True) if any(row)]

    def _row_numbers(self, table: str) -> list[int]:
        count = self._rows_of(table)
        small = self.max_instruments * self.max_accounts * len(COLUMNS["positions"]) <= ALL_ROWS
        return list(range(count)) if small else sorted(n for n in self._named[table] if n < count)

    def _recent(self) -> list[list[int]]:
        accounts = self._row_numbers("accounts")
        places = [(account, slot) for account in accounts for slot in range(self.duplicate_depth)]
        rows = self._read("recent", [account << 16 | slot for account, slot in places], 1)
        return [[account, *row] for (account, _), row in zip(places, rows, strict=True) if row[1]]
