"""Worlds whose control link, hot gates or lossy line are wrong: each must be found, within a few seeds."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from meltica.domain.reports import OutcomeUnknown, VenueReport
from meltica.hot.layout_gen import KillRecord, Record
from meltica.links.control_link_desk import ControlDesk
from meltica.links.control_link_messages import Header
from meltica.links.control_link_session import Session
from meltica.links.hot_link_desk import HotDesk
from sim.world.clock import MINUTE
from sim.world.faults import Faults, chosen
from sim.world.hot_gate import HotLife
from sim.world.hot_link import WorldGates, WorldLink
from sim.world.life import Life, LossyLine
from sim.world.oracle import BrokenInvariantError
from sim.world.world import World, run

SECONDS = 30.0
TRIES = 8


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


# Gates that are wrong


class TimelessGate(HotLife):
    """Trades without a lease."""

    gate_is_leased = False


class GaplessDesk(HotDesk):
    """Does not see that entries of its stream are missing."""

    def _gap(self, now_ns: int) -> None:
        self._must_have = 0


class GaplessGate(HotLife):
    desk_kind = GaplessDesk


class DeafGate(HotLife):
    """Hears of no kill switch."""

    def _obey(self, record: Record) -> None:
        if not isinstance(record, KillRecord):
            super()._obey(record)


class BlankGate(HotLife):
    """Forgets at a restart what it has."""

    def _exposure(self) -> list[Record]:
        return []


# Gateways that are wrong


class HastyDesk(ControlDesk):
    """Takes a new life in while the lease of the earlier one runs."""

    def _hello(self, session: Session, peer: bytes, header: Header, body: bytes, now_ns: int) -> None:
        session.lease_over_ns = 0
        super()._hello(session, peer, header, body, now_ns)


class PulselessDesk(ControlDesk):
    """Gives leases for an engine that shows no life."""

    def _beat(self, session: Session, header: Header, body: bytes, now_ns: int) -> None:
        self.pulse(now_ns)
        super()._beat(session, header, body, now_ns)


class GapDesk(ControlDesk):
    """Does not see that drop copies are missing."""

    def _drops(self, session: Session, header: Header, body: bytes, now_ns: int) -> None:
        session.expected = max(session.expected, header.number)
        super()._drops(session, header, body, now_ns)


class TrustingDesk(ControlDesk):
    """Takes no gate for dead."""

    def _gone(self, session: Session, why: str, now_ns: int) -> None:
        session.heard_ns = now_ns


def behind(kind: type[ControlDesk]) -> type[WorldLink]:
    class Link(WorldLink):
        def __init__(self, make_desk: Callable[[int], ControlDesk], *rest: Any) -> None:
            super().__init__(make_desk, *rest)
            self.desk.__class__ = kind
            self.desk._takes = {number: getattr(self.desk, take.__name__) for number, take in self.desk._takes.items()}

    return Link


class HastyGates(WorldGates):
    """Says that drop copies are kept before they are durable."""

    def _drops(self, notice: Any) -> None:
        super()._drops(notice)
        while self._kept:
            _, gate, kept = self._kept.popleft()
            self.link.keep(gate, kept)


class SureLine(LossyLine):
    """Never says that it does not know."""

    def due(self, now_ns: int) -> Sequence[VenueReport]:
        return [report for report in super().due(now_ns) if not isinstance(report, OutcomeUnknown)]


def found(life: dict[str, Any], gate: type[HotLife], faults: Faults) -> str:
    parts = {"life_kind": type("PlantedLife", (Life,), life), "hot_kind": gate, "heal_ns": MINUTE + MINUTE // 2}
    world = type("PlantedWorld", (World,), parts)
    for seed in range(TRIES):
        try:
            run(seed, SECONDS, faults, gates=1, kind=world)
        except BrokenInvariantError as error:
            return str(error)
    return ""


LINKS = chosen("links")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("life", "gate", "faults", "words"),
    [
        pytest.param({}, TimelessGate, Faults(link_s=8), "after the gate's last lease", id="trades without a lease"),
        pytest.param({}, GaplessGate, Faults(frames=0.1), "lacks entry|says ready|not hold", id="misses entries"),
        pytest.param({}, DeafGate, LINKS, "after the kill switch|does not hold KillRecord", id="hears no kill"),
        pytest.param({}, BlankGate, Faults(hot_kill_s=12), "the gate .* the engine", id="forgets what it has"),
        pytest.param(
            {"link_kind": behind(HastyDesk)},
            HotLife,
            Faults(hot_kill_s=6),
            "while an earlier life has a lease",
            id="two lives",
        ),
        pytest.param(
            {"link_kind": behind(PulselessDesk)}, HotLife, Faults(stall_s=8), "an engine that stands", id="no pulse"
        ),
        pytest.param({"link_kind": behind(GapDesk)}, HotLife, LINKS, "orders that|fills lost", id="loses drop copies"),
        pytest.param(
            {"link_kind": behind(TrustingDesk)}, HotLife, Faults(hot_kill_s=6), "is gone for", id="sees no death"
        ),
        pytest.param({"gates_kind": HastyGates}, HotLife, Faults(power_s=4), "LOST_DROPS", id="kept too early"),
        pytest.param(
            {"lossy_kind": SureLine}, HotLife, Faults(lossy=0.3), "waits for an answer|in doubt", id="has no doubts"
        ),
    ],
)
def test_a_link_that_is_wrong_is_found(life: dict[str, Any], gate: type[HotLife], faults: Faults, words: str) -> None:
    message = found(life, gate, faults)
    assert re.match(rf"seed \d, second [0-9.]+: .*({words})", message), message
