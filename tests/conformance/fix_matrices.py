"""Replays FIX order state change matrices (FIX 4.2-5.0SP2, Appendix D) through the engine.

    python -m tests.conformance.fix_matrices FILE

FILE is JSON: ``{"matrices": {id: {"title", "steps": [...]}}}``. A step is a message *in* to the broker (``NewOrder``,
``Cancel``, ``Replace``, ``StatusRequest``) or *out* from it (``ExecutionReport``, ``OrderCancelReject``); see
``fix_words`` for the spellings. The "in" messages become commands of ours, the "out" messages reports of the venue;
after each one the engine's own status, quantity, cumulative, leaves and average price must be what the matrix says. The
engine is told what happened (exec type, last quantity, ids), never the answer: ``ord_status``, ``cum_qty`` (but for a
restatement, which may be that of a split) and ``leaves_qty`` (but for done-for-day) are only compared.

``alt`` steps are another possible course: they are tried on a copy of the engine. An ``alt`` that follows an ``alt``
goes on from it, or is one more alternative, whichever agrees. Prints one line per matrix and exits with 1 if one fails,
with 2 if FILE can't be read.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from meltica.domain import lifecycle
from meltica.domain.commands import AmendOrder, CancelOrder
from meltica.domain.events import CommandRefused
from meltica.domain.lifecycle import leaves_lots
from meltica.domain.order import Order, Side
from meltica.domain.order_events import AmendDenied, OrderDenied
from meltica.domain.reports import ExecType, ExecutionReport, OrderCancelReject
from tests.conformance import fix_words
from tests.conformance.fix_words import Step
from tests.engines import BTC, TestBench

VENUE: Final = "BINANCE"
ACTOR: Final = "spiffe://meltica.example/person/tara"
PRICE_SCALE: Final = 1_000
"""Ticks per unit of a matrix's price; matrices without prices trade at 100."""
USUAL_PRICE: Final = 100
REFUSED: Final = {"ord_status": "Rejected", "cum_qty": 0, "leaves_qty": 0}
"""What the broker says of an order that it never took."""


class MismatchError(AssertionError):
    """The engine and the matrix disagree; the message says at which step and in what."""


class Replay:
    """One matrix on one engine."""

    def __init__(self) -> None:
        self._bench = TestBench(collar_bps=10_000)
        self._beginning = len(self._bench.history)
        self._orders: dict[str, int] = {}
        self._refused: Counter[str] = Counter()
        """New orders that we did not let out, by client order id; each has one answer of the broker to come."""
        self._executions = 0

    def run(self, steps: list[dict[str, Any]]) -> int:
        """:return: how many "out" steps were compared. :raises MismatchError: at the first that differs."""
        compared = 0
        others: list[Replay] = []
        for number, raw in enumerate(steps, 1):
            try:
                step = fix_words.read(raw)
                compared += step.out
                if step.alt:
                    others = self._other_courses(others, step)
                else:
                    self.take(step)
                    others = []
            except (MismatchError, fix_words.UnknownWordError) as error:
                told = f"{raw.get('msg')} {raw.get('exec_type') or ''}".strip() if isinstance(raw, dict) else raw
                raise MismatchError(f"step {number} ({told}): {error}") from None
        if not compared:
            raise MismatchError("nothing to compare: the matrix has no message out of the broker")
        return compared

    def _other_courses(self, others: list[Replay], step: Step) -> list[Replay]:
        """The alternatives that agree, the step taken. :raises MismatchError: none does (why the first does not)."""
        courses = [other.copy() for other in others] + [self.copy()]
        agreeing, why = [], None
        for course in courses:
            try:
                course.take(step)
                agreeing.append(course)
            except MismatchError as error:
                why = why or error
        if not agreeing and why is not None:
            raise why
        return agreeing

    def copy(self) -> Replay:
        """A second course of the same story: the same steps taken by another engine."""
        other = Replay()
        for happened, _ in self._bench.history[self._beginning :]:
            other._bench.history.append((happened, other._bench.engine.step(happened)))
        other._bench.now_ns = self._bench.now_ns
        other._orders = dict(self._orders)
        other._refused = self._refused.copy()
        other._executions = self._executions
        return other

    def take(self, step: Step) -> None:
        match step.msg:
            case "NewOrder":
                self._new_order(step)
            case "Cancel" | "Replace":
                self._change(step)
            case "OrderCancelReject":
                self._bench.step(
                    OrderCancelReject(venue=VENUE, client_order_id=step.clord, original_client_order_id=step.orig)
                )
                self._compare(step, self._order(step))
            case "ExecutionReport":
                self._report(step)

    def _new_order(self, step: Step) -> None:
        if step.qty is None:
            raise MismatchError("a new order without a quantity")
        price_ticks = self._price_ticks(step.price or Decimal(USUAL_PRICE))
        (event,) = self._bench.submit(
            Side.BUY, step.qty, price_ticks, client_order_id=step.clord, time_in_force=step.tif
        )
        if isinstance(event, CommandRefused):
            self._refused[step.clord] += 1
        elif isinstance(event, OrderDenied):
            raise MismatchError(f"the gate refused the order: {event.text}")
        else:
            self._orders[step.clord] = event.order_id

    def _price_ticks(self, price: Decimal) -> int:
        """In ticks; the market is there too, so that no collar speaks up."""
        self._bench.mark_ticks = int(price * PRICE_SCALE)
        return self._bench.mark_ticks

    def _change(self, step: Step) -> None:
        named = step.orig or step.clord
        order_id = self._orders.get(named) or self._bench.engine.state.by_client_id.get((VENUE, named))
        if order_id is None:
            return  # We have no such order to change, and ask the broker nothing.
        request: dict[str, Any] = {
            "request_id": self._bench.request(),
            "actor": ACTOR,
            "order_id": order_id,
            "client_order_id": step.clord,
        }
        if step.msg == "Cancel":
            events = self._bench.step(CancelOrder(**request))
        else:
            price_ticks = None if step.price is None else self._price_ticks(step.price)
            quantity = step.qty
            if quantity is None and price_ticks is None:
                quantity = self._bench.engine.state.tables.orders[order_id].quantity_lots
            events = self._bench.step(AmendOrder(**request, quantity_lots=quantity, price_ticks=price_ticks))
        self._orders.setdefault(step.clord, order_id)
        if any(isinstance(event, AmendDenied) for event in events):
            raise MismatchError(f"the gate refused the replace: {events}")

    def _report(self, step: Step) -> None:
        assert step.exec_type is not None
        if self._refused[step.clord] and (step.exec_type is ExecType.REJECTED or step.clord not in self._orders):
            self._refused[step.clord] -= 1
            self._compare(step, None)  # The broker's answer to an order that we did not let out.
            return
        self._executions += 1
        restated = step.exec_type in {ExecType.REPLACED, ExecType.RESTATED}
        price = step.price if restated else None
        foreign = self._order(step) is None  # The broker has it from somebody else: then the report says whose it is.
        self._bench.step(
            ExecutionReport(
                account="main" if foreign else "",
                instrument=BTC if foreign else "",
                side=Side.BUY if foreign else None,
                venue=VENUE,
                client_order_id=step.clord,
                original_client_order_id=step.orig,
                exec_type=step.exec_type,
                execution_id=step.exec_id or f"exec-{self._executions}",
                reference_execution_id=step.exec_ref,
                last_quantity_lots=step.last_qty or 0,
                last_price_ticks=int((step.last_px or Decimal(USUAL_PRICE)) * PRICE_SCALE),
                order_quantity_lots=step.order_qty if restated or foreign else None,
                price_ticks=None if price is None else int(price * PRICE_SCALE),
                leaves_lots=step.leaves_qty if step.exec_type is ExecType.DONE_FOR_DAY else None,
                cumulative_lots=step.cum_qty if step.exec_type is ExecType.RESTATED else None,
            )
        )
        self._compare(step, self._order(step))

    def _compare(self, step: Step, order: Order | None) -> None:
        ours = REFUSED if order is None else _facts(order)
        different = {
            name: (value, told)
            for name, value in ours.items()
            if (told := getattr(step, name)) is not None and not _same(value, told)
        }
        if different:
            whose = " (of an order that we refused or never had)" if order is None else ""
            says = ", ".join(f"{name} is {ours} but should be {theirs}" for name, (ours, theirs) in different.items())
            raise MismatchError(says + whose)

    def _order(self, step: Step) -> Order | None:
        state = self._bench.engine.state
        for client_order_id in (step.clord, step.orig):
            if (order_id := state.by_client_id.get((VENUE, client_order_id))) is not None:
                return state.order(order_id)
        return None


def _facts(order: Order) -> dict[str, Any]:
    cumulative = order.cumulative_lots
    average = Decimal(order.cumulative_value) / cumulative / PRICE_SCALE if cumulative else Decimal(0)
    return {
        "ord_status": lifecycle.status(order).value,
        "order_qty": order.quantity_lots,
        "cum_qty": cumulative,
        "leaves_qty": leaves_lots(order),
        "avg_px": average,
    }


def _same(ours: Any, theirs: Any) -> bool:
    """Prices agree to the last decimal that the matrix writes, whichever way it rounds; all else exactly."""
    if not isinstance(theirs, Decimal):
        return bool(ours == theirs)
    exponent = theirs.as_tuple().exponent
    last_place = Decimal(1).scaleb(exponent) if isinstance(exponent, int) and exponent < 0 else Decimal(0)
    return abs(ours - theirs) <= last_place


def replay(matrix: dict[str, Any]) -> int:
    """:return: number of compared steps. :raises MismatchError: the engine disagrees with the matrix."""
    steps = matrix.get("steps") if isinstance(matrix, dict) else None
    if not isinstance(steps, list):
        raise MismatchError("has no list of steps")
    return Replay().run(steps)


def load(path: Path) -> dict[str, Any]:
    """:raises ValueError: not a file of matrices. :raises OSError: not readable."""
    content = json.loads(path.read_text("utf-8"), parse_float=Decimal)
    matrices = content.get("matrices") if isinstance(content, dict) else None
    if not isinstance(matrices, dict) or not matrices:
        raise ValueError('no {"matrices": {id: {"title", "steps"}}} in it')
    return matrices


def main(path: Path) -> int:
    try:
        matrices = load(path)
    except (OSError, ValueError, RecursionError) as error:
        print(f"{path}: not a file of matrices: {error}", file=sys.stderr)  # noqa: T201 - a program's output
        return 2
    failed = 0
    for matrix_id, matrix in matrices.items():
        title = matrix.get("title", "") if isinstance(matrix, dict) else ""
        try:
            line = f"ok    {matrix_id:8} {replay(matrix):2} steps  {title}"
        except MismatchError as error:
            failed += 1
            line = f"FAIL  {matrix_id:8} {title}: {error}"
        except Exception as error:  # noqa: BLE001 - whatever the engine raises is a failure of this matrix alone
            failed += 1
            line = f"FAIL  {matrix_id:8} {title}: the engine raised {error!r}"
        print(line)  # noqa: T201 - a program's output
    print(f"{len(matrices) - failed} of {len(matrices)} matrices agree")  # noqa: T201 - a program's output
    return int(failed > 0)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print("usage: python -m tests.conformance.fix_matrices FILE", file=sys.stderr)  # noqa: T201 - a program's output
        sys.exit(2)
    sys.exit(main(Path(sys.argv[1])))
