"""What follows from an order that changed: for its siblings, its children, its parent. Runs at the end of each step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from meltica.domain.errors import InvariantError
from meltica.domain.order import Order
from meltica.engine.contingent import contingent
from meltica.engine.desk import Desk
from meltica.engine.orders import reducing
from meltica.engine.parents import parents

RULES: Final[tuple[Callable[[Desk, Order], None], ...]] = (contingent.follow, parents.follow)
"""Each looks at one order that changed, and emits what follows; what that changes is looked at in turn."""
ROUNDS_MAX: Final = 100_000
"""Orders looked at in one step. More can't follow from one input: then a rule goes round in circles."""


def settle(desk: Desk) -> None:
    changed = desk.fold.changed
    for _ in range(ROUNDS_MAX):
        if not changed:
            if not desk.fold.shrunk:
                return
            reducing.look(desk)
            continue
        order_id = next(iter(changed))
        del changed[order_id]
        for rule in RULES:
            rule(desk, desk.state.tables.orders[order_id])
    raise InvariantError(f"{ROUNDS_MAX} orders changed in one step, and more would follow")
