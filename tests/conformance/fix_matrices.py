"""Replays FIX order state change matrices (FIX 4.2-5.0SP2, Appendix D) through the engine.

    python -m tests.conformance.fix_matrices FILE

FILE is JSON: ``{"matrices": {id: {"title", "steps": [...]}}}``. A step is a message *in* to the broker (``NewOrder``,
``Cancel``, ``Replace``, ``StatusRequest``) or *out* from it (``ExecutionReport``, ``OrderCancelReject``). The "in" messages
become commands of ours, the "out" messages reports of the venue; after each one the engine's own status, cumulative and
leaves must be what the matrix says. The engine is told what happened (exec type, last quantity, ids), never the answer:
``ord_status``, ``cum_qty`` and, but for done-for-day, ``leaves_qty`` are only compared.

``alt`` steps are another possible course: they are tried on a copy of the engine. Prints one line per matrix and exits
with 1 if one fails, with 2 if FILE can't be read.
"""

from __future__ import annotations

import copy
import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

from meltica.domain import lifecycle
from meltica.domain.commands import AmendOrder, CancelOrder
from meltica.domain.events import AmendDenied, CommandRefused, OrderDenied
from meltica.domain.lifecycle import leaves_lots
from meltica.domain.order import Order, Side, TimeInForce
from meltica.domain.reports import ExecType, ExecutionReport, OrderCancelReject
from tests.engines import BTC, TestBench

VENUE = "BINANCE"
ACTOR = "spiffe://meltica.example/person/tara"
PRICE_SCALE = 1_000
"""Ticks per unit of a matrix's price; matrices without prices trade at 1."""
TIMES_IN_FORCE = {
    "Day": TimeInForce.DAY,
    "GTC": TimeInForce.GTC,
    "GTD": TimeInForce.GTC,
    "IOC": TimeInForce.IOC,
    "FOK": TimeInForce.FOK,
}


class MismatchError(AssertionError):
    """The engine and the matrix disagree; the message says at which step and in what."""


class Replay:
    """One matrix on one engine."""

    def __init__(self, matrix_id: str) -> None:
        self._bench = TestBench(collar_bps=10_000)
        self._bench.mark_ticks = 100 * PRICE_SCALE
        self._matrix_id = matrix_id
        self._orders: dict[str, int] = {}
        self._refused: set[str] = set()
        self._executions = 0

    def run(self, steps: list[dict[str, Any]]) -> int:
        """:return: how many "out" steps were compared. :raises MismatchError: at the first that differs."""
        compared = 0
        for number, step in enumerate(steps, 1):
            course = copy.deepcopy(self) if step.get("alt") else self
            try:
                if step["dir"] == "in":
                    course.take(step)
                else:
                    course.report(step)
                    course.compare(step)
                    compared += 1
            except MismatchError as error:
                raise MismatchError(f"step {number} ({step['msg']} {step.get('exec_type', '')}): {error}") from None
        return compared

    def __deepcopy__(self, memo: dict[int, Any]) -> Replay:
        """A second course of the same story: the same steps taken by another engine."""
        other = Replay(self._matrix_id)
        other._bench.history = []
        for happened, _ in self._bench.history[len(other._bench.history) + 4 :]:
            other._bench.engine.step(happened)
        other._bench.now_ns = self._bench.now_ns
        other._orders = dict(self._orders)
        other._refused = set(self._refused)
        other._executions = self._executions
        return other

    def take(self, step: dict[str, Any]) -> None:
        message = step["msg"]
        if message == "NewOrder":
            self._new_order(step)
        elif message in {"Cancel", "Replace"}:
            self._change(step, message)
        elif "Status" not in message:
            raise MismatchError(f"unknown message {message!r}")

    def _new_order(self, step: dict[str, Any]) -> None:
        time_in_force = TIMES_IN_FORCE[step.get("tif") or "GTC"]
        price = int(Decimal(str(step.get("price") or 100)) * PRICE_SCALE)
        (event,) = self._bench.submit(
            Side.BUY, step["qty"], price, client_order_id=step["clord"], time_in_force=time_in_force
        )
        if isinstance(event, CommandRefused):
            self._refused.add(step["clord"])
        elif isinstance(event, OrderDenied):
            raise MismatchError(f"the gate refused the order: {event.text}")
        else:
            self._orders[step["clord"]] = event.order_id

    def _change(self, step: dict[str, Any], message: str) -> None:
        order_id = self._orders.get(step["orig"])
        if order_id is None:
            self._refused.add(step["clord"])
            return
        request: dict[str, Any] = {
            "request_id": self._bench.request(),
            "actor": ACTOR,
            "order_id": order_id,
            "client_order_id": step["clord"],
        }
        if message == "Cancel":
            events = self._bench.step(CancelOrder(**request))
        else:
            events = self._bench.step(AmendOrder(**request, quantity_lots=step["qty"]))
        self._orders.setdefault(step["clord"], order_id)
        if any(isinstance(event, AmendDenied) for event in events):
            raise MismatchError(f"the gate refused the replace: {events}")

    def report(self, step: dict[str, Any]) -> None:
        if step["msg"] == "OrderCancelReject":
            reject = OrderCancelReject(
                venue=VENUE, client_order_id=step["clord"], original_client_order_id=step.get("orig") or ""
            )
            self._bench.step(reject)
            return
        if step["clord"] in self._refused:
            return  # The venue's answer to an order that we did not let out.
        exec_type = ExecType(step["exec_type"])
        self._executions += 1
        done = exec_type is ExecType.DONE_FOR_DAY
        restated = exec_type in {ExecType.REPLACED, ExecType.RESTATED}
        self._bench.step(
            ExecutionReport(
                venue=VENUE,
                client_order_id=step["clord"],
                original_client_order_id=step.get("orig") or "",
                exec_type=exec_type,
                execution_id=step.get("exec_id") or f"exec-{self._executions}",
                reference_execution_id=step.get("exec_ref") or "",
                last_quantity_lots=step.get("last_qty") or 0,
                last_price_ticks=int(Decimal(str(step.get("last_px") or 1)) * PRICE_SCALE),
                order_quantity_lots=step.get("order_qty") if restated else None,
                leaves_lots=step["leaves_qty"] if done else None,
            )
        )

    def compare(self, step: dict[str, Any]) -> None:
        order = self._order(step)
        if order is None or (step["clord"] in self._refused and step["msg"] == "ExecutionReport"):
            expected = {"ord_status": "Rejected", "cum_qty": 0, "leaves_qty": 0}
            wrong = {k: step[k] for k, v in expected.items() if k in step and step[k] != v}
            if wrong:
                raise MismatchError(f"an order that we refused or never had: expected {wrong}")
            return
        ours: dict[str, Any] = {
            "ord_status": lifecycle.status(order).value,
            "order_qty": order.quantity_lots,
            "cum_qty": order.cumulative_lots,
            "leaves_qty": leaves_lots(order),
        }
        if "avg_px" in step and order.cumulative_lots:
            average = Decimal(order.cumulative_value) / order.cumulative_lots / PRICE_SCALE
            ours["avg_px"] = float(average)
        different = {
            name: (value, step[name])
            for name, value in ours.items()
            if step.get(name) is not None and step[name] != value
        }
        if different:
            says = ", ".join(f"{name} is {ours} but should be {theirs}" for name, (ours, theirs) in different.items())
            raise MismatchError(says)

    def _order(self, step: dict[str, Any]) -> Order | None:
        for client_order_id in (step["clord"], step.get("orig")):
            if client_order_id in self._orders:
                return self._bench.engine.state.order(self._orders[client_order_id])
        found = self._bench.engine.state.by_client_id.get((BTC.partition("@")[2], step["clord"]))
        return None if found is None else self._bench.engine.state.order(found)


def replay(matrix_id: str, matrix: dict[str, Any]) -> int:
    """:return: number of compared steps. :raises MismatchError: the engine disagrees with the matrix."""
    return Replay(matrix_id).run(matrix["steps"])


def main(path: Path) -> int:
    try:
        matrices = json.loads(path.read_text("utf-8"))["matrices"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"{path}: not a file of matrices: {error!r}", file=sys.stderr)  # noqa: T201 - a program's output
        return 2
    failed = 0
    for matrix_id, matrix in matrices.items():
        title = matrix.get("title", "")
        try:
            line = f"ok    {matrix_id:8} {replay(matrix_id, matrix):2} steps  {title}"
        except (MismatchError, KeyError, ValueError) as error:
            failed += 1
            line = f"FAIL  {matrix_id:8} {title}: {error}"
        print(line)  # noqa: T201 - a program's output
    print(f"{len(matrices) - failed} of {len(matrices)} matrices agree")  # noqa: T201 - a program's output
    return int(failed > 0)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tests.conformance.fix_matrices FILE")
    sys.exit(main(Path(sys.argv[1])))
