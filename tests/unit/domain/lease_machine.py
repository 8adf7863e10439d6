"""Gates that lose, double and reorder messages, crash and stand still, against the book that grants them slices."""

from __future__ import annotations

import random
from typing import Any

import msgspec

from meltica.domain.leases import (
    GateDied,
    GateEntered,
    GateFacts,
    GateRegistered,
    GateRetired,
    GateReturned,
    LeaseBook,
    LeaseConfirmed,
    LeaseEvent,
    LeaseGranted,
    LeaseTables,
    Report,
    Share,
)

VALUE, ORDERS, RATE = "firm/max_open_value_nanos", "accounts/main/max_open_orders", "firm/messages_per_second"
DAY = "instruments/BTC/USDT@BINANCE/max_day_lots"
LINES = (VALUE, ORDERS, RATE, DAY)
LIMITS = {VALUE: 1_000, ORDERS: 40, RATE: 200, DAY: 5_000}
SHARES = {"a": Share(3_000, 6_000), "b": Share(3_000, 10_000), "c": Share(1_000, 2_000)}


class Life:
    """One life of a gate. It believes what it was told, and lets out what it believes that it may."""

    def __init__(self, gate: str, epoch: int, in_use: dict[str, int]) -> None:
        self.gate, self.epoch = gate, epoch
        self.believes = dict.fromkeys(LINES, 0)
        self.in_use = dict.fromkeys(LINES, 0) | in_use
        self.version = 0
        self.reports = 0
        self.trading = True
        """Its lease is in force (it may be standing still all the same)."""

    def hear(self, messages: list[LeaseGranted]) -> None:
        """A part of the stream: what is next is taken, the rest is not. (The link's numbers see to that.)"""
        for grant in messages:
            if grant.gate_epoch == self.epoch and grant.version == self.next_version(messages):
                self.believes[grant.line] = grant.amount
                self.version = grant.version

    def next_version(self, messages: list[LeaseGranted]) -> int:
        return min((m.version for m in messages if m.version > self.version), default=0)

    def spend(self, line: str, amount: int) -> None:
        """An order: it passes when it fits into the slice."""
        if self.trading and self.in_use[line] + amount <= self.believes[line]:
            self.in_use[line] += amount

    def holds(self, line: str) -> int:
        """What it may have out, now or at any later time without being told anything."""
        return max(self.in_use[line], self.believes[line] if self.trading else 0)


class World:
    """The engine's side with its journal, the gates' lives, and the letters between them."""

    def __init__(self) -> None:
        self.limits = dict(LIMITS)
        self.journal: list[tuple[str, Any]] = []
        self.book = LeaseBook(self.limits)
        self.house_use = dict.fromkeys(LINES, 0)
        self.lives: dict[str, Life] = {}
        self.epochs = 0
        self.streams: dict[str, list[LeaseGranted]] = {}
        """Every grant to a gate's life, in order: what the link can send again."""
        self.letters: list[tuple[str, int, Any]] = []
        """On their way: ("down", epoch, grants up to and with one), ("up", epoch, report)."""
        self.spent: dict[tuple[str, str], int] = {}
        """What earlier lives of a gate used up of a line for good."""
        for gate, share in SHARES.items():
            self.happen(GateRegistered(gate=gate, facts=GateFacts(share), time_ns=0))

    # The engine

    def happen(self, event: LeaseEvent) -> None:
        self.book.apply(event)
        self.journal.append(("event", event))

    def grant(self, grants: list[Any]) -> None:
        for gate, line, amount in grants:
            book = self.book.tables.gates[gate]
            event = LeaseGranted(
                gate=gate,
                gate_epoch=book.gate_epoch,
                line=line,
                amount=amount,
                version=self.book.tables.version + 1,
                time_ns=0,
            )
            self.happen(event)
            self.streams[gate].append(event)
            self.letters.append(("down", book.gate_epoch, (gate, [event])))

    def enter(self, gate: str) -> None:
        """The earlier life's lease is over and its books are known; then a new one may come."""
        before = self.lives.get(gate)
        if before is not None:
            before.trading = False
        self.epochs += 1
        in_use = {} if before is None else self.books(before)
        working = {line: use for line, use in in_use.items() if line != DAY}
        self.lives[gate] = Life(gate, self.epochs, working)
        self.streams[gate] = []
        self.happen(GateEntered(gate=gate, gate_epoch=self.epochs, in_use=in_use, time_ns=0))
        self.grant(self.book.first_grants(gate, LINES, self.house_use))

    def books(self, life: Life) -> dict[str, int]:
        """What the drop copies say of a life that is over: what works still, and what all lives used up of the day."""
        day = self.spent[life.gate, DAY] = self.spent.get((life.gate, DAY), 0) + life.in_use[DAY]
        return {line: use for line, use in (life.in_use | {DAY: day}).items() if use}

    def die(self, gate: str) -> None:
        if (life := self.lives.get(gate)) is not None and self.book.tables.gates[gate].alive:
            self.happen(GateDied(gate=gate, gate_epoch=life.epoch, reason="silent", time_ns=0))

    def come_back(self, gate: str) -> None:
        book = self.book.tables.gates.get(gate)
        if book is not None and not book.alive and not book.retired:
            self.happen(GateReturned(gate=gate, gate_epoch=book.gate_epoch, time_ns=0))

    def retire(self, gate: str) -> None:
        """Its lease is over, and a person has reconciled: the books hold what is really out."""
        life, book = self.lives.get(gate), self.book.tables.gates.get(gate)
        if life is not None and book is not None and not book.alive and not book.retired:
            life.trading = False
            use = self.books(life)
            life.in_use[DAY] = 0
            self.happen(GateRetired(gate=gate, gate_epoch=life.epoch, in_use=use, actor="person", time_ns=0))

    def set_limit(self, line: str, amount: int) -> None:
        self.limits[line] = amount
        self.journal.append(("limit", (line, amount)))
        self.grant(self.book.corrections([line]))

    def read_report(self, gate: str, epoch: int, report: tuple[int, int, dict[str, int]]) -> None:
        number, version, in_use = report
        if self.book.is_news(Report(gate, epoch, number, version, in_use), self.house_use):
            confirmed = LeaseConfirmed(
                gate=gate, gate_epoch=epoch, report=number, version=version, in_use=in_use, time_ns=0
            )
            self.happen(confirmed)
            self.grant(self.book.corrections(LINES))
            self.grant(self.book.answers(gate, self.house_use))

    def spend_house(self, line: str, amount: int) -> None:
        if self.house_use[line] + amount <= self.book.house(line):
            self.house_use[line] += amount

    def restart(self) -> None:
        """The engine starts again from its journal alone."""
        limits = dict(LIMITS)
        book = LeaseBook(limits, LeaseTables())
        for kind, what in self.journal:
            if kind == "limit":
                limits[what[0]] = what[1]
            else:
                book.apply(what)
        assert book.tables == self.book.tables
        assert limits == self.limits
        tables = msgspec.msgpack.decode(msgspec.msgpack.encode(book.tables), type=LeaseTables)
        assert tables == book.tables
        self.book = LeaseBook(self.limits, tables)

    # The letters

    def report(self, gate: str) -> None:
        if (life := self.lives.get(gate)) is not None:
            life.reports += 1
            uses = {line: use for line, use in life.in_use.items() if use}
            self.letters.append(("up", life.epoch, (gate, (life.reports, life.version, uses))))

    def resend(self, gate: str) -> None:
        """The gate has seen a gap and asks for all that it may have missed."""
        if gate in self.streams:
            self.letters.append(("down", self.lives[gate].epoch, (gate, list(self.streams[gate]))))

    def deliver(self, place: int, *, doubled: bool) -> None:
        letter = self.letters[place % len(self.letters)]
        if not doubled:
            self.letters.remove(letter)
        way, epoch, (gate, content) = letter
        life = self.lives[gate]
        if way == "up":
            self.read_report(gate, epoch, content)
        elif life.epoch == epoch:  # An earlier life is gone
            expected = [g for g in self.streams[gate] if g.version > life.version][: len(content)]
            new = [g for g in content if g.version > life.version]
            if new == expected[: len(new)]:
                life.hear(new)

    def lose(self, draw: random.Random) -> None:
        if self.letters:
            self.letters.pop(draw.randrange(len(self.letters)))

    # The judge

    def judge(self, before: dict[str, int]) -> dict[str, int]:
        """``before``: what was claimed, house included, before this step. Returns the same for the next."""
        after = {}
        for line in LINES:
            believed = sum(life.holds(line) + self.spent.get((gate, line), 0) for gate, life in self.lives.items())
            assert believed <= self.book.claimed(line), f"{line}: gates believe {believed}, claimed less"
            total = self.book.claimed(line) + max(self.book.house(line), self.house_use[line])
            assert total <= max(self.limits[line], before[line]), f"{line}: {total} of {self.limits[line]}"
            after[line] = total
        return after
