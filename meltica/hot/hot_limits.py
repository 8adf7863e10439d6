"""Limits and symbols of a gate without a control plane: a TOML file of records, by the names of the layout.

    [[Symbol]]
    instrument_id = 3
    locate = 17
    symbol = "ABCD"
    wire_price_per_tick = 100
    shares_per_lot = 1

    [[AccountLimits]]
    account_id = 0
    enabled = 1
    max_open_orders = 100

A field that is left out is 0, and 0 blocks. ``"max"`` is the largest value of a field: no limit.
"""

from __future__ import annotations

import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from meltica.hot import layout_gen
from meltica.hot.layout_gen import RECORDS, Record, SymbolRecord

SYMBOL_BYTES: Final = 8
LARGEST: Final = {"B": 2**8 - 1, "H": 2**16 - 1, "I": 2**32 - 1, "Q": 2**64 - 1, "q": 2**63 - 1}
NAMES: Final = (
    "Symbol",
    "FirmLimits",
    "AccountLimits",
    "StrategyLimits",
    "PortLimits",
    "InstrumentLimits",
    "PositionLimits",
    "ReferencePrice",
    "PriceBand",
    "Adjust",
)
"""In the order in which they are told."""


class LimitsError(ValueError):
    """The file says something that no gate can take; the message says where and what."""


def read_records(path: Path) -> list[Record]:
    """:raises LimitsError: unreadable, an unknown record or field, a value that its field does not hold."""
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise LimitsError(f"{path}: {error}") from error
    if unknown := sorted(set(document) - set(NAMES)):
        raise LimitsError(f"{path}: {', '.join(unknown)}: there are {', '.join(NAMES)}")
    found = []
    for name in NAMES:
        rows = document.get(name, [])
        if not isinstance(rows, list):
            raise LimitsError(f"{path}: {name} is a list: write [[{name}]]")
        for number, row in enumerate(rows, 1):
            try:
                found.append(_record(name, row))
            except (TypeError, ValueError, OverflowError) as error:
                raise LimitsError(f"{path}: {name} {number}: {error}") from error
    return found


def _record(name: str, row: dict[str, Any]) -> Record:
    kind: Any = next((kind for kind in RECORDS.values() if kind.__name__ == f"{name}Record"), None)
    if kind is None:
        raise ValueError("this version has no such record")
    formats = dict(zip(kind.DTYPE.names, _codes(kind), strict=True))
    known = {field.name for field in fields(kind)} - {"type_id"}
    if unknown := sorted(set(row) - known):
        raise ValueError(f"{', '.join(unknown)}: its fields are {', '.join(sorted(known))}")
    values = dict.fromkeys(known, 0) | {field: _value(field, given, formats[field]) for field, given in row.items()}
    record: Record = kind(**values)
    record.to_bytes()
    return record


def _codes(kind: Any) -> str:
    return "".join(code for code in kind.CODEC.format if code.isalpha())


def _value(field: str, given: object, code: str) -> int:
    if field == "symbol" and isinstance(given, str):
        if not 0 < len(given) <= SYMBOL_BYTES or not given.isascii():
            raise ValueError(f"symbol {given!r} is not 1 to {SYMBOL_BYTES} ASCII characters")
        return int.from_bytes(given.ljust(SYMBOL_BYTES).encode("ascii"), "little")
    if given == "max":
        return LARGEST[code]
    if isinstance(given, str) and (found := _named(field, given)) is not None:
        return found
    if not isinstance(given, int):
        raise TypeError(f"{field} is a number, not {given!r}")
    low = 0 if code != "q" else -(2**63)
    if not low <= given <= LARGEST[code]:
        raise ValueError(f"{field} {given} is not within {low}..{LARGEST[code]}")
    return int(given)


def _named(field: str, given: str) -> int | None:
    """A member of the enum of the field's name: ``short_sale = "REG_SHO"``."""
    enum = getattr(layout_gen, "".join(part.capitalize() for part in field.split("_")), None)
    member = getattr(enum, given, None) if isinstance(enum, type) else None
    return int(member) if isinstance(member, int) else None


__all__ = ["LimitsError", "SymbolRecord", "read_records"]
