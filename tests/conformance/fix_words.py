"""The words of a matrix: FIX names, their tag values and the usual spellings, read into one form."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeVar

from meltica.domain.lifecycle import OrderStatus
from meltica.domain.order import TimeInForce
from meltica.domain.reports import ExecType

Word = TypeVar("Word")


class UnknownWordError(ValueError):
    """A step of the matrix can't be read: the file's fault, not the engine's."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One message; a field that the matrix leaves out is None, an id that it leaves out is empty."""

    msg: str
    alt: bool
    clord: str
    orig: str
    tif: TimeInForce
    exec_type: ExecType | None
    exec_id: str
    exec_ref: str
    ord_status: str | None
    qty: int | None
    order_qty: int | None
    cum_qty: int | None
    leaves_qty: int | None
    last_qty: int | None
    price: Decimal | None
    last_px: Decimal | None
    avg_px: Decimal | None

    @property
    def out(self) -> bool:
        return self.msg in {"ExecutionReport", "OrderCancelReject"}


def read(raw: Any) -> Step:
    """:raises UnknownWordError: what it is can't be told. Keys that are not known are not looked at."""
    if not isinstance(raw, dict):
        raise UnknownWordError("a step must be an object")
    msg = _word("msg", raw.get("msg"), _MESSAGES)
    report = msg == "ExecutionReport"
    status = raw.get("ord_status")
    return Step(
        msg=msg,
        alt=bool(raw.get("alt")),
        clord=_id(raw.get("clord")),
        orig=_id(raw.get("orig")),
        tif=TimeInForce.GTC if raw.get("tif") is None else _word("tif", raw["tif"], _TIMES_IN_FORCE),
        exec_type=_word("exec_type", raw.get("exec_type"), _EXEC_TYPES) if report else None,
        exec_id=_id(raw.get("exec_id")),
        exec_ref=_id(raw.get("exec_ref")),
        ord_status=None if status is None else _word("ord_status", status, _STATUSES).value,
        **{name: _whole(name, raw.get(name)) for name in ("qty", "order_qty", "cum_qty", "leaves_qty", "last_qty")},
        **{name: _decimal(name, raw.get(name)) for name in ("price", "last_px", "avg_px")},
    )


def _id(value: Any) -> str:
    return "" if value is None else str(value)


def _decimal(name: str, value: Any) -> Decimal | None:
    if value is None:
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise UnknownWordError(f"{name} is no number: {value!r}") from None
    if not number.is_finite():
        raise UnknownWordError(f"{name} is no number: {value!r}")
    return number


def _whole(name: str, value: Any) -> int | None:
    number = _decimal(name, value)
    if number is None:
        return None
    if number != number.to_integral_value():
        raise UnknownWordError(f"{name} is not a whole number: {value!r}")
    return int(number)


def _word(name: str, value: Any, known: dict[str, Word]) -> Word:
    if (found := known.get(_plain(value))) is None:
        raise UnknownWordError(f"unknown {name} {value!r}")
    return found


def _plain(value: Any) -> str:
    """``Done for Day``, ``DONE_FOR_DAY``, ``DoneForDay`` -> ``doneforday``; ``Cancelled`` has one l."""
    return re.sub(r"[^a-z0-9]", "", str(value).lower()).replace("cancelled", "canceled")


def _spelt(*rows: tuple[str, Word]) -> dict[str, Word]:
    return {spelling: meaning for spellings, meaning in rows for spelling in spellings.split()}


_MESSAGES: Final = _spelt(
    ("neworder newordersingle d", "NewOrder"),
    ("cancel cancelrequest ordercancelrequest ordercancel f", "Cancel"),
    ("replace cancelreplace replacerequest cancelreplacerequest ordercancelreplacerequest g", "Replace"),
    ("statusrequest orderstatusrequest status orderstatus h", "StatusRequest"),
    ("executionreport execreport er 8", "ExecutionReport"),
    ("ordercancelreject cancelreject ocr 9", "OrderCancelReject"),
)
_EXEC_TYPES: Final = {_plain(kind.value): kind for kind in ExecType} | _spelt(
    ("0", ExecType.NEW),
    ("1 2 f fill filled partialfill partiallyfilled partial", ExecType.TRADE),
    ("3 dfd", ExecType.DONE_FOR_DAY),
    ("4 cancel", ExecType.CANCELED),
    ("5 replace", ExecType.REPLACED),
    ("6", ExecType.PENDING_CANCEL),
    ("7 guaranteed", ExecType.STOPPED),
    ("8 reject", ExecType.REJECTED),
    ("9", ExecType.SUSPENDED),
    ("a", ExecType.PENDING_NEW),
    ("b", ExecType.CALCULATED),
    ("c expire", ExecType.EXPIRED),
    ("d restate restatement", ExecType.RESTATED),
    ("e pendingcancelreplace", ExecType.PENDING_REPLACE),
    ("g correct corrected correction tradecorrection tradecorrected", ExecType.TRADE_CORRECT),
    ("h bust busted tradebust tradecanceled tradecancelation", ExecType.TRADE_CANCEL),
    ("i status", ExecType.ORDER_STATUS),
)
_STATUSES: Final = {_plain(status.value): status for status in OrderStatus} | _spelt(
    ("0", OrderStatus.NEW),
    ("1 partialfill partial", OrderStatus.PARTIALLY_FILLED),
    ("2 fill", OrderStatus.FILLED),
    ("3 dfd", OrderStatus.DONE_FOR_DAY),
    ("4", OrderStatus.CANCELED),
    ("6", OrderStatus.PENDING_CANCEL),
    ("7", OrderStatus.STOPPED),
    ("8", OrderStatus.REJECTED),
    ("9", OrderStatus.SUSPENDED),
    ("a", OrderStatus.PENDING_NEW),
    ("b", OrderStatus.CALCULATED),
    ("c", OrderStatus.EXPIRED),
    ("e pendingcancelreplace", OrderStatus.PENDING_REPLACE),
)
_TIMES_IN_FORCE: Final = _spelt(
    ("0 day", TimeInForce.DAY),
    ("1 gtc gt goodtillcancel goodtilcancel gtd 6 goodtilldate", TimeInForce.GTC),
    ("3 ioc immediateorcancel", TimeInForce.IOC),
    ("4 fok fillorkill", TimeInForce.FOK),
    ("2 opg attheopening 7 atc attheclose", TimeInForce.DAY),
)
