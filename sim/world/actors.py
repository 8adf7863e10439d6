"""People who use the gateway: they trade, change their minds, stop things, and repeat what got no answer."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from meltica.domain.algo_commands import AmendAlgo, PauseAlgo, ResumeAlgo
from meltica.domain.commands import (
    Amendment,
    AmendOrder,
    AmendOrders,
    ApproveProposal,
    CancelAllOrders,
    CancelOrder,
    CancelOrders,
    Command,
    EngageKillSwitch,
    ProposeKillSwitchRelease,
    RearmBreaker,
    SetLimits,
)
from meltica.domain.errors import NotAcceptingError
from meltica.domain.gates import ArmGate
from meltica.domain.limits import PositionLimits, key_of
from meltica.domain.order import Order, Side
from meltica.domain.outcomes import ResolveOutcome, Verdict
from meltica.domain.ports import Answer
from meltica.domain.statements import Action, SettleDifference
from meltica.engine.reconciliation.reconciliation import ADJUSTABLE
from meltica.links.control_link_session import Standing
from sim.world.clock import SECOND
from sim.world.orders import Orders

if TYPE_CHECKING:
    from sim.world.life import Life
    from sim.world.world import World

PERSON: Final = "spiffe://meltica.example/person/"
ACTS_EVERY_S: Final = 1.0
"""Between two commands, on average."""
CARES_EVERY_S: Final = 5.0
"""Between two looks at what waits for a person."""
PATIENCE_NS: Final = 2 * SECOND
"""So long after the gateway is back, whoever had no answer asks again."""


class Promise(NamedTuple):
    """What somebody was told: whatever happens, it stays so."""

    command: Command
    answer: Answer


class Crowd:
    """All of them. Each act is an attempt: the gateway may be away, or say no."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._dice = random.Random(f"{world.seed}|actors")
        names = sorted(name for each in world.exchanges for name in each.book.names())
        self._orders = Orders(self._dice, world.market.prices, names, world.settings.accounts)
        self.promises: dict[str, Promise] = {}
        self.unanswered: dict[str, Command] = {}
        self.asked = 0
        self.resting = False
        """Nobody asks for anything new."""
        self._acts: tuple[tuple[int, Callable[[dict[str, Any]], Command | None]], ...] = (
            (40, self._submit),
            (4, self._submit_many),
            (6, self._submit_list),
            (5, self._submit_algo),
            (14, self._amend),
            (12, self._cancel),
            (2, self._amend_many),
            (2, self._cancel_some),
            (3, self._change_algo),
            (1, self._cancel_all),
            (1, self._kill),
            (2, self._limits),
            (1, self._disarm),
        )

    def begin(self) -> None:
        self._world.clock.after(self._wait_ns(ACTS_EVERY_S), self._act)
        self._world.clock.after(self._wait_ns(CARES_EVERY_S), self._care)

    def _wait_ns(self, every_s: float) -> int:
        return int(self._dice.expovariate(1 / every_s) * SECOND)

    def _act(self) -> None:
        if self.resting:
            return
        life = self._world.life
        if life is not None and life.ready:
            weights = [weight for weight, _ in self._acts]
            act = self._dice.choices([act for _, act in self._acts], weights)[0]
            if (command := act(self._who("tara"))) is not None:
                self.ask(life, command)
        self._world.clock.after(self._wait_ns(ACTS_EVERY_S), self._act)

    def _care(self) -> None:
        """Releases, approvals, doubts, differences, breakers: what only persons can settle."""
        life = self._world.life
        if life is not None and life.ready:
            for command in self._chores(life):
                self.ask(life, command)
        self._world.clock.after(self._wait_ns(CARES_EVERY_S), self._care)

    def _who(self, name: str) -> dict[str, Any]:
        self.asked += 1
        return {"request_id": f"ask-{self.asked}", "actor": PERSON + name}

    # Asking

    def ask(self, life: Life, command: Command) -> None:
        self.unanswered[command.request_id] = command
        life.spawn(self._ask(life, command))

    async def _ask(self, life: Life, command: Command) -> None:
        try:
            answer = await life.execute(command)
        except NotAcceptingError:
            if life.alive and life.ready:
                self.unanswered.pop(command.request_id, None)  # It was told no.
            return
        if life.alive:
            self.unanswered.pop(command.request_id, None)
            self._world.oracle.answered(command, answer, self.promises.get(command.request_id))
            self.promises[command.request_id] = Promise(command, answer)

    def gateway_is_back(self, life: Life) -> None:
        """What had no answer is asked for again, and now and then what had one."""
        again = list(self.unanswered.values())
        again += [promise.command for promise in list(self.promises.values())[-3:]]
        for command in again:
            self._world.clock.after(self._dice.randrange(PATIENCE_NS), partial(self._ask_again, life, command))

    def _ask_again(self, life: Life, command: Command) -> None:
        if life.alive and life.ready:
            self.ask(life, command)

    # Trading

    @property
    def _state(self) -> Any:
        life = self._world.life
        return life.gateway.state if life is not None else None

    def _now_ns(self) -> int:
        life = self._world.life
        return life.gateway.clock.now_ns() if life is not None else 0

    def _submit(self, who: dict[str, Any]) -> Command:
        return self._orders.one(who, self._now_ns())

    def _submit_many(self, who: dict[str, Any]) -> Command:
        return self._orders.many(who, self._now_ns())

    def _submit_list(self, who: dict[str, Any]) -> Command:
        return self._orders.linked(who, self._now_ns())

    def _submit_algo(self, who: dict[str, Any]) -> Command:
        return self._orders.algo(who, self._now_ns())

    def _open(self) -> list[Order]:
        return [order for order in self._state.open_orders() if order.strategy != "maker"]

    def _change_of(self, order: Order) -> dict[str, Any]:
        lots = self._dice.randrange(1, 250) if self._dice.random() < 0.6 else None  # noqa: PLR2004
        price = None
        if order.price_ticks is not None and (lots is None or self._dice.random() < 0.5):  # noqa: PLR2004
            price = max(1, order.price_ticks + self._dice.randrange(-8, 9))
        chosen = {"quantity_lots": lots, "price_ticks": price}
        return {name: value for name, value in chosen.items() if value is not None}

    def _amend(self, who: dict[str, Any]) -> Command | None:
        if not (working := self._open()):
            return None
        order = self._dice.choice(working)
        return AmendOrder(**who, order_id=order.order_id, **self._change_of(order))

    def _cancel(self, who: dict[str, Any]) -> Command | None:
        if not (working := self._open()):
            return None
        return CancelOrder(**who, order_id=self._dice.choice(working).order_id)

    def _amend_many(self, who: dict[str, Any]) -> Command | None:
        if not (working := self._open()):
            return None
        chosen = self._dice.sample(working, min(len(working), 4))
        amendments = tuple(Amendment(order_id=order.order_id, **self._change_of(order)) for order in chosen)
        return AmendOrders(**who, amendments=amendments)

    def _cancel_some(self, who: dict[str, Any]) -> Command:
        if self._dice.random() < 0.5:  # noqa: PLR2004
            return CancelOrders(**who, side=self._dice.choice(list(Side)), strategy="desk")
        return CancelOrders(**who, older_than_ns=60 * SECOND)

    def _cancel_all(self, who: dict[str, Any]) -> Command:
        return CancelAllOrders(**who, account=self._dice.choice(self._world.settings.accounts))

    def _change_algo(self, who: dict[str, Any]) -> Command | None:
        parents = [order for order in self._open() if order.order_id in self._state.tables.parents]
        if not parents:
            return None
        order_id = self._dice.choice(parents).order_id
        match self._dice.randrange(4):
            case 0:
                keep = self._dice.random() < 0.5  # noqa: PLR2004
                return PauseAlgo(**who, order_id=order_id, keep_children=keep, reason="wait")
            case 1 | 2:
                return ResumeAlgo(**who, order_id=order_id)
            case _:
                return AmendAlgo(**who, order_id=order_id, quantity_lots=self._dice.randrange(1, 300))

    # Risk

    def _kill(self, who: dict[str, Any]) -> Command:
        """Often right behind orders that have passed the gate and are not on the disk yet: they must not leave."""
        named = self._dice.choice([{}, {"account": "main"}, {"target": "strategies/desk"}])
        if (life := self._world.life) is not None and self._dice.random() < 0.7:  # noqa: PLR2004
            for _ in range(3):
                self.ask(life, self._submit(self._who("tara")))
        return EngageKillSwitch(**who, reason="a drill", **named)

    def _limits(self, who: dict[str, Any]) -> Command | None:
        rows = [found for found, _ in self._state.limits() if isinstance(found, PositionLimits)]
        if not rows:
            return None
        row = self._dice.choice(rows)
        most = 9_000 if row.instrument in self._orders.names else 900
        fresh = msgspec.structs.replace(row, max_long_lots=self._dice.randrange(300, most))
        return SetLimits(**who, limits=fresh, revision=self._state.tables.limits[key_of(row)][1])

    def _disarm(self, who: dict[str, Any]) -> Command | None:
        gates = sorted(self._world.board.machines)
        return ArmGate(**who, gate=self._dice.choice(gates), armed=False, reason="a look at it") if gates else None

    # What waits for persons

    def _chores(self, life: Life) -> list[Command]:
        state, dice = life.gateway.state, self._dice
        waiting = [proposal.made.proposal_id for proposal in state.proposals() if proposal.open]
        done: list[Command] = [
            ApproveProposal(**self._who("bob"), proposal_id=number, approve=dice.random() < 0.8)  # noqa: PLR2004
            for number in waiting
        ]
        for name, switch in state.tables.kill_switches.items():
            if switch.engaged and not waiting:
                named = {"target": name} if "/" in name else {"account": name}
                done.append(ProposeKillSwitchRelease(**self._who("rita"), reason="the drill is over", **named))
        for state_of in state.breakers():
            if state_of.latched and not waiting:
                strategy, account = state_of.strategy, state_of.account
                done.append(
                    RearmBreaker(
                        **self._who("rita"),
                        reason="looked at",
                        breaker=state_of.breaker,
                        account="" if strategy else account,
                        strategy=strategy,
                    )
                )
        for status in life.gateway.gate_status().hot_gates:
            if status.standing == Standing.READY.name:
                done += [ArmGate(**self._who("rita"), gate=status.gate, armed=True, reason="looked at")]
        return done + self._doubts(life) + self._differences(life)

    def _doubts(self, life: Life) -> list[Command]:
        """Nobody asks the venue any more: a person does, by telephone."""
        done: list[Command] = []
        state = life.gateway.state
        for order in state.uncertain_orders():
            venue = state.tables.instruments[order.instrument].venue
            exchange = next(each for each in self._world.exchanges if each.venue == venue)
            for doubt in order.doubts:
                if doubt.query_ns == 0 and life.gateway.clock.now_ns() - doubt.since_ns > 120 * SECOND:
                    done_there = exchange.carried_out(doubt.client_order_id)
                    verdict = Verdict.CARRIED_OUT if done_there else Verdict.NEVER_ARRIVED
                    done.append(
                        ResolveOutcome(
                            **self._who("rita"),
                            reason="asked by telephone",
                            order_id=order.order_id,
                            client_order_id=doubt.client_order_id,
                            verdict=verdict,
                        )
                    )
        return done

    def _differences(self, life: Life) -> list[Command]:
        """The venue's word is taken where the engine can take it; for the rest one asks once more."""
        done: list[Command] = []
        for found in life.gateway.state.differences():
            if found.difference_id and not found.ignored:
                action = Action.ACCEPT_VENUE if found.kind in ADJUSTABLE else Action.QUERY
                done.append(
                    SettleDifference(
                        **self._who("rita"), reason="looked at", difference_id=found.difference_id, action=action
                    )
                )
        return done
