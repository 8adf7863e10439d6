"""Parent orders: what follows for them from their children, from the clock and from the market's volume.

Slices go out only when the parent's alarm rings: the driver brings the market of its instrument with that input, and no
command or report has been looked at yet, so an unreachable gate leaves nothing half done. All else only sets the alarm.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from meltica.domain.commands import SeeMarket
from meltica.domain.order import Ended, Order, TimeInForce
from meltica.domain.order_events import OrderReported
from meltica.domain.parent import Parent, Phase
from meltica.domain.parent_events import AlgoOverfilled, AlgoVolume, AlgoWaits
from meltica.domain.reports import ExecType
from meltica.domain.schedule import AtEnd, CatchUp, ChildStyle, ScheduleKind
from meltica.engine.desk import Desk
from meltica.engine.orders import admission
from meltica.engine.orders.cancels import request_cancel_once
from meltica.engine.parents import schedules
from meltica.engine.parents.children import Refusal, Slice, least_lots, priced, send, sized
from meltica.engine.parents.schedules import Plan
from meltica.engine.parents.slicing import SYSTEM, move

BACKOFF_NS: Final = 1_000_000_000
"""After a refusal; doubled with each further one in a row."""
BACKOFF_DOUBLED_MAX: Final = 6
REFUSALS_MAX: Final = 5
"""In a row; then it pauses itself, and somebody looks."""
CHILDREN_AT_ONCE: Final = 10
"""Sent in one step. The next ones go out after BACKOFF_NS: a mistake must not empty a quantity in a moment."""
CHILD_STAYS_NS: Final = 1_000_000_000
"""A POV's child makes way no sooner: one that goes out smaller than is due leaves something due at once."""
_POV: Final = ScheduleKind.POV
_ICEBERG: Final = ScheduleKind.ICEBERG
CANCELS_MAX: Final = 5
"""Requests to one child. A venue that refuses them all is asked no more; its fills count as ever."""


class _Look(NamedTuple):
    """One parent, looked at: with the children that may still be filled. Does its alarm ring, so that it may send?"""

    desk: Desk
    order: Order
    parent: Parent
    live: list[Order]
    under_way: int
    """Lots that are filled, or that these may still fill."""
    may_send: bool


def follow(desk: Desk, changed: Order) -> None:
    """The rule among the consequences: a parent, or a child of one, has changed."""
    tables = desk.state.tables
    order_id = changed.parent_id or changed.order_id
    if (parent := tables.parents.get(order_id)) is None:
        return
    order = tables.orders[order_id]
    if changed.parent_id and order.ended is None:
        _hear_of_child(desk, order, parent, changed)
    _look(desk, order, parent)


def due(desk: Desk, order: Order) -> None:
    """Its alarm rings.

    :raises GateUnreachableError: the alarm stays set: the step is taken again once the engine knows of the gate.
    """
    _look(desk, order, desk.state.tables.parents[order.order_id], may_send=True)


def see_volume(desk: Desk, command: SeeMarket) -> None:
    """The market has traded: parents that follow its volume count it."""
    quote = command.quote
    for parent in desk.state.families.following(quote.instrument):
        if desk.state.families.wants(parent, quote, desk.now_ns):
            before = parent.counter_lots
            if before is None:
                traded = 0  # What traded before it began is not its business.
            elif quote.traded_lots < before:
                traded = quote.traded_lots  # The driver began anew: what it missed is not known.
            else:
                traded = quote.traded_lots - before
            desk.emit(
                AlgoVolume(
                    order_id=parent.order_id,
                    counter_lots=quote.traded_lots,
                    market_lots=parent.market_lots + traded,
                    time_ns=desk.now_ns,
                )
            )


def _hear_of_child(desk: Desk, order: Order, parent: Parent, child: Order) -> None:
    """A child that came to nothing by itself: not at once again."""
    if child.ended is None and not child.done_for_day:
        return
    if child.time_in_force is TimeInForce.DAY and (child.ended is Ended.EXPIRED or _over_for_good(child)):
        if parent.phase in (Phase.RUNNING, Phase.PAUSED):
            move(desk, order, Phase.CLOSING, f"the venue's day is over: order {child.order_id}", how=ExecType.EXPIRED)
        return
    unasked = child.last_request == 0 and child.cumulative_lots < child.quantity_lots
    if parent.phase is Phase.RUNNING and unasked and child.ended is not None:
        if parent.refusals >= REFUSALS_MAX:
            move(desk, order, Phase.PAUSED, f"{parent.refusals} children refused in a row: {child.refusal}")
        else:
            _wait(desk, order, parent, f"order {child.order_id} is over: {child.refusal or child.ended.name.lower()}")


def _over_for_good(child: Order) -> bool:
    return child.done_for_day and not child.remainder_survives_day


def _look(desk: Desk, order: Order, parent: Parent, *, may_send: bool = False) -> None:
    """What its phase asks for now. What it emits about itself is looked at in turn."""
    over = order.cumulative_lots - order.quantity_lots
    if max(over, 0) != parent.overfilled_lots:
        desk.emit(AlgoOverfilled(order_id=order.order_id, lots=max(over, 0), time_ns=desk.now_ns))
    if order.ended is not None:
        return
    if parent.phase is Phase.DONE:
        if over < 0 and _split_since(desk, order, parent):
            text = "a bust took back lots of before a split: what is missing now is not sent by itself"
            move(desk, order, Phase.CLOSING, text, how=ExecType.CANCELED)
        elif over < 0:
            text, kept = "a bust or a correction took back some of what was filled", parent.keep_children
            move(desk, order, parent.before, text, how=parent.how, keep_children=kept)
        return
    live = desk.state.families.live(order.order_id)
    if over >= 0:
        _cancel(desk, live, f"order {order.order_id} is filled")
        if live:
            _arm(desk, order, 0)
        else:
            move(desk, order, Phase.DONE, "filled")
        return
    under_way = order.cumulative_lots + sum([child.reserved_lots for child in live])
    _PHASES[parent.phase](_Look(desk, order, parent, live, under_way, may_send))


def _split_since(desk: Desk, order: Order, parent: Parent) -> bool:
    """Its quantity, its limit and its schedule are in old lots."""
    splits = desk.state.tables.accounting.splits.get(order.instrument, ())
    return any(mark.sequence >= parent.done_at for mark in splits)


def _run(at: _Look) -> None:
    desk, order, parent, live, _, may_send = at
    now, plan = desk.now_ns, desk.state.families.plan(order, parent)
    if 0 < parent.schedule.end_ns <= now:
        cross = parent.schedule.at_end is AtEnd.CROSS
        text = "the schedule's end came before all was filled"
        move(desk, order, Phase.CROSSING if cross else Phase.CLOSING, text, how=None if cross else ExecType.EXPIRED)
        return
    if now < parent.retry_ns or now < parent.schedule.start_ns:
        _arm(desk, order, _sooner(schedules.next_ns(plan, now), parent.retry_ns), parent.reason)
        return
    _make_room(at)
    want = 0 if live and _catch_up(at, plan) else _wanted(at, plan)
    if want == 0:
        _arm(desk, order, schedules.next_ns(plan, now))
    elif not may_send:
        _arm(desk, order, now)
    elif _send_slices(at, plan, want):
        _arm(desk, order, schedules.next_ns(plan, now))


def _sooner(one_ns: int, other_ns: int) -> int:
    return min(one_ns or other_ns, other_ns or one_ns)


def _pause(at: _Look) -> None:
    desk, order, parent, live, _, _ = at
    if 0 < parent.schedule.end_ns <= desk.now_ns:
        text = "the schedule's end came while it was paused"
        move(desk, order, Phase.CLOSING, text, how=ExecType.EXPIRED)
        return
    if not parent.keep_children:
        _cancel(desk, live, f"order {order.order_id} is paused")
    else:
        _make_room(at)
    _arm(desk, order, parent.schedule.end_ns, parent.reason)


def _cross(at: _Look) -> None:
    """Rounds of all that is left, as long as each fills something."""
    desk, order, parent, live, _, may_send = at
    if live:
        _cancel(desk, [child for child in live if child.time_in_force is not TimeInForce.IOC], "the schedule's end")
        _arm(desk, order, 0)
    elif parent.crossed_at_lots == order.cumulative_lots:
        move(desk, order, Phase.CLOSING, "the market did not take the rest", how=ExecType.EXPIRED)
    elif not may_send:
        _arm(desk, order, desk.now_ns)
    else:
        sent = len(desk.state.families.children(order.order_id))
        left = order.quantity_lots - order.cumulative_lots
        plan = desk.state.families.plan(order, parent)
        why = _send_some(at, plan, ChildStyle.MARKET, left)
        if why is not None or len(desk.state.families.children(order.order_id)) == sent:
            text = "too little is left to trade" if why is None else why.text
            move(desk, order, Phase.CLOSING, f"the rest could not be sent: {text}", how=ExecType.EXPIRED)
        else:
            _arm(desk, order, 0)


def _close(at: _Look) -> None:
    desk, order, parent, live, _, _ = at
    _cancel(desk, live, f"order {order.order_id} ends")
    if live:
        _arm(desk, order, 0, parent.reason)
        return
    desk.emit(
        OrderReported(
            order_id=order.order_id,
            exec_type=parent.how or ExecType.CANCELED,
            client_order_id=order.client_order_id,
            text=parent.reason,
            unsent=True,
            time_ns=desk.now_ns,
        )
    )


_PHASES: Final = {Phase.RUNNING: _run, Phase.PAUSED: _pause, Phase.CROSSING: _cross, Phase.CLOSING: _close}


def _working(desk: Desk, order: Order) -> int:
    return sum(child.reserved_lots for child in desk.state.families.live(order.order_id))


def _wanted(at: _Look, plan: Plan) -> int:
    """Lots that are due and neither filled nor under way; 0 where a whole child of them is waited for."""
    parent, kind = at.parent, plan.schedule.kind
    if kind is _ICEBERG:
        return 0 if at.live else plan.quantity_lots - at.under_way
    want = schedules.due(plan, at.desk.now_ns, parent.market_lots) - at.under_way
    left = plan.quantity_lots - at.under_way
    if kind is _POV and want < min(schedules.child_lots(plan, parent.slices), left):
        return 0
    return want if want > 0 else 0  # noqa: FURB136 - three times faster than max


def _make_room(at: _Look) -> None:
    """Children that an amendment left no room for: more than the rest, or at a price that is not allowed any more."""
    desk, order, under_way, limit = at.desk, at.order, at.under_way, at.order.price_ticks
    for child in reversed(at.live):
        price = child.price_ticks
        beyond = limit is not None and price is not None and (price - limit) * order.side.sign > 0
        if beyond or under_way > order.quantity_lots:
            _cancel(desk, [child], f"order {order.order_id} was amended")
            under_way -= child.reserved_lots


def _catch_up(at: _Look, plan: Plan) -> bool:
    """Slices that are not filled when the next is due make way for it, where the schedule says so.

    True: it waits until they have. A POV's next child has no moment of its own: sent before they are gone, it would
    itself be what makes way for the one that replaces them, and so on without end.
    """
    desk, schedule = at.desk, plan.schedule
    if schedule.catch_up is CatchUp.KEEP:
        return False
    rest = [child for child in at.live if child.time_in_force is not TimeInForce.IOC]  # Those go by themselves.
    if not rest:
        return False
    if schedule.kind is _POV:
        old = [child for child in rest if desk.now_ns - child.created_ns >= CHILD_STAYS_NS]
        behind = old if old and _wanted(at, plan) else []
    else:
        began = schedules.slice_began_ns(plan, desk.now_ns)
        behind = [child for child in rest if child.created_ns < began]
    _cancel(desk, behind, "the next slice is due")
    return schedule.kind is _POV and any(child.pending for child in behind)


def _send_slices(at: _Look, plan: Plan, want: int) -> bool:
    """False: not all that is due went out, and the alarm is set for it."""
    desk, order, parent, schedule = at.desk, at.order, at.parent, plan.schedule
    why: Refusal | None = None
    if schedule.catch_up is CatchUp.CROSS and schedule.style is not ChildStyle.MARKET:
        behind = min(_behind(at, plan), want)
        if behind > 0:
            why = _send_some(at, plan, ChildStyle.MARKET, behind)
            want -= behind
    if why is None and want > 0:
        why = _send_some(at, plan, schedule.style, want)
    if why is None:
        return True
    if parent.refusals >= REFUSALS_MAX:
        move(desk, order, Phase.PAUSED, f"{parent.refusals} children refused in a row: {why.text}")
    else:
        _wait(desk, order, parent, why.text)
    return False


def _behind(at: _Look, plan: Plan) -> int:
    """What was due before the newest slice, and neither is filled nor under way. That slice's own child is not it."""
    desk, state, done = at.desk, at.desk.state, at.under_way
    if plan.schedule.kind is not _POV:
        began = schedules.slice_began_ns(plan, desk.now_ns)
        for number in reversed(state.families.children(plan.order_id)):
            child = state.tables.orders[number]
            if child.created_ns < began:
                break
            if child.time_in_force is not TimeInForce.IOC:
                done -= child.cumulative_lots + child.reserved_lots
    return schedules.late(plan, desk.now_ns, at.parent.market_lots) - done


def _send_some(at: _Look, plan: Plan, style: ChildStyle, want: int) -> Refusal | None:
    """Children that together are as much, as far as the venue's smallest order allows. None: none was refused."""
    desk, order, parent, kind = at.desk, at.order, at.parent, plan.schedule.kind
    venue = admission.venue_of(desk.state, order.instrument)
    price = priced(order, style, desk.mark(order.instrument), venue)
    if isinstance(price, str):
        return Refusal(price, passing=True)
    instrument = desk.state.tables.instruments[order.instrument]
    at_once = 1 if kind is _ICEBERG and parent.phase is Phase.RUNNING else CHILDREN_AT_ONCE
    regular = kind is _POV and parent.phase is Phase.RUNNING
    waits_for_whole = regular and style is plan.schedule.style  # What is behind goes at once.
    for _ in range(at_once):
        left = order.quantity_lots - order.cumulative_lots - _working(desk, order)
        most = min(schedules.child_lots(plan, parent.slices) or want, instrument.max_quantity_lots)
        lots = sized(min(want, most, left), left, least_lots(instrument, price[0]))
        if lots == 0 or (waits_for_whole and want < min(most, left)):
            return None
        if (why := send(desk, order, Slice(lots, *price))) is not None:
            return why
        want -= lots
        if want <= 0:
            return None
    if at_once > 1:
        return Refusal(f"{CHILDREN_AT_ONCE} children went out at once, the rest follows", passing=True)
    return None


def _cancel(desk: Desk, live: list[Order], why: str) -> None:
    for child in live:
        if child.last_request < CANCELS_MAX:
            request_cancel_once(desk, child, SYSTEM, why)


def _wait(desk: Desk, order: Order, parent: Parent, reason: str) -> None:
    """Try again later, each time after twice as long."""
    retry_ns = desk.now_ns + (BACKOFF_NS << min(parent.waits, BACKOFF_DOUBLED_MAX))
    end_ns = parent.schedule.end_ns if parent.schedule.end_ns > desk.now_ns else 0
    desk.emit(
        AlgoWaits(
            order_id=order.order_id,
            due_ns=_sooner(retry_ns, end_ns),
            retry_ns=retry_ns,
            reason=reason,
            time_ns=desk.now_ns,
        )
    )


def _arm(desk: Desk, order: Order, due_ns: int, reason: str = "") -> None:
    """Set the alarm, unless it is set so already."""
    if due_ns != order.due_ns and not 0 < order.due_ns <= due_ns <= desk.now_ns:
        desk.emit(AlgoWaits(order_id=order.order_id, due_ns=due_ns, reason=reason, time_ns=desk.now_ns))
