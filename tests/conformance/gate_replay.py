"""One list of operations through any gate: what became of each, side by side, and the state at the end of each part."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from meltica.hot import PASS, Action, Check
from meltica.hot.layout_gen import REASON_PASS, OrderIntentRecord, Status
from meltica.hot.ports import GateState, RiskGate
from meltica.hot.tell_twin import _HANDLERS as HANDLERS
from sim.verilated.rtl_gate import ANSWER_LAG, ROW_BYTES, VERDICT_LAG, RtlGate
from tests.conformance.gate_volume import Episode, Told

# Of an order: reason (REASON_PASS: none), mask, price, allowed lots, how many own orders are to be cancelled.
# Of a record: its status.
OUTCOME = np.dtype(
    [
        ("is_order", "?"),
        ("reason", "u1"),
        ("mask", "u8"),
        ("price", "i8"),
        ("allowed", "i8"),
        ("listed", "u1"),
        ("status", "u1"),
    ]
)
# Type ids of what a gate is told.
GATE_RECORDS = frozenset(HANDLERS)
Outcomes = npt.NDArray[np.void]
Intent = Callable[[bytes], Any]


class Part(NamedTuple):
    outcomes: Outcomes
    state: GateState


def by_software(gate: RiskGate, intent: Intent, operations: Sequence[tuple[bool, bytes]]) -> Outcomes:
    outcomes = np.zeros(len(operations), OUTCOME)
    rows = []
    for is_order, data in operations:
        if is_order:
            reason = gate.check(intent(data))
            listed = len(gate.self_matches()) if gate.fired_mask in {0, 1 << Check.SELF_MATCH} else 0
            reason = REASON_PASS if reason == PASS else reason
            rows.append((True, reason, gate.fired_mask, gate.reserved_price_ticks, gate.allowed_lots, listed, 0))
        else:
            try:
                gate.tell(Told(data))  # type: ignore[arg-type]
                status = Status.OK
            except ValueError:
                status = (
                    Status.BAD_ARGUMENT if int.from_bytes(data[:2], "little") in GATE_RECORDS else Status.BAD_RECORD
                )
            rows.append((False, 0, 0, 0, 0, 0, status))
    outcomes[:] = rows
    return outcomes


def operations_of(episode: Episode, low: int, high: int) -> list[tuple[bool, bytes]]:
    return [(bool(episode.is_order[at]), episode.record(at)) for at in range(low, high)]


def replayed(gate: RiskGate, intent: Intent, episode: Episode, part: int) -> Iterator[Part]:
    """Through a software gate, `part` operations at a time."""
    for low in range(0, len(episode), part):
        outcomes = by_software(gate, intent, operations_of(episode, low, min(len(episode), low + part)))
        yield Part(outcomes, gate.export_state())


def told_rows(episode: Episode, low: int, high: int) -> npt.NDArray[np.uint8]:
    return episode.data[low:high][~episode.is_order[low:high]]


def replayed_in_rtl(gate: RtlGate, episode: Episode, part: int) -> Iterator[Part]:
    """One operation after the other: each order waits for the records before it and each record for the orders."""
    for low in range(0, len(episode), part):
        high = min(len(episode), low + part)
        is_order = episode.is_order[low:high]
        before = np.cumsum(is_order)
        told_before = (np.arange(1, high - low + 1) - before)[is_order].astype(np.uint64)
        played = gate.play(
            orders_of(episode, low, high),
            told_rows(episode, low, high),
            orders_before=np.ascontiguousarray(before[~is_order].astype(np.uint64)),
            told_before=np.ascontiguousarray(told_before),
        )
        gate.count(played)
        outcomes = np.zeros(high - low, OUTCOME)
        outcomes["is_order"] = is_order
        outcomes[is_order] = outcomes_of(played)
        outcomes["status"][~is_order] = played.statuses
        yield Part(outcomes, gate.export_state())


def orders_of(episode: Episode, low: int, high: int) -> npt.NDArray[np.void]:
    data = episode.data[low:high][episode.is_order[low:high]][:, : OrderIntentRecord.SIZE]
    return np.frombuffer(data.tobytes(), OrderIntentRecord.DTYPE)


def outcomes_of(played: Any) -> Outcomes:
    """Of the orders of one play()."""
    outcomes = np.zeros(len(played.verdicts), OUTCOME)
    outcomes["is_order"] = True
    outcomes["reason"] = played.verdicts["reason"]
    outcomes["mask"] = played.verdicts["fired_mask"]
    outcomes["price"] = played.verdicts["reserved_price_ticks"]
    leaves = (played.verdicts["reason"] == REASON_PASS) & (played.verdicts["action"] != Action.CANCEL)
    outcomes["allowed"] = np.where(leaves, played.orders["quantity_lots"], 0)
    outcomes["listed"] = np.unpackbits(played.crossing.view(np.uint8).reshape(-1, 8), axis=1).sum(axis=1)
    return outcomes


class Racing(NamedTuple):
    """Orders and records that went in side by side, as the gate took them one after the other."""

    operations: list[tuple[bool, bytes]]
    outcomes: Outcomes
    state: GateState
    back_to_back: int  # orders in consecutive slots
    next_to_told: int  # orders in the slot before or behind a record


def raced(gate: RtlGate, episode: Episode, low: int, high: int, rng: np.random.Generator) -> Racing:
    """Nothing waits for anything: orders by the trigger's way and the host's in bursts, records whenever they can."""
    orders, told = orders_of(episode, low, high), told_rows(episode, low, high)
    by_host = rng.random(len(orders)) < 0.3
    # Records take some cycles each: orders come in bursts that last about as long.
    pace = max(1.0, 45 * len(told) / max(1, len(orders)))
    gaps = np.where(rng.random(len(orders)) < 0.85, 0, rng.integers(0, max(2, int(14 * pace)), len(orders)))
    played = gate.play(
        orders,
        told,
        orders_from=np.cumsum(gaps + 1).astype(np.uint64),
        told_from=np.zeros(len(told), np.uint64),
        by_host=by_host,
    )
    gate.count(played)
    assert sorted(row.tobytes() for row in played.orders) == sorted(row.tobytes() for row in orders)
    slots = np.concatenate([played.verdict_cycle - VERDICT_LAG, played.answer_cycle - ANSWER_LAG]).astype(np.int64)
    order = np.argsort(slots, kind="stable")
    outcomes = np.zeros(len(order), OUTCOME)
    outcomes[: len(orders)] = outcomes_of(played)
    outcomes["status"][len(orders) :] = played.statuses
    data = [row.tobytes() for row in played.orders] + [row.tobytes() for row in told]
    sizes = episode.size[low:high][~episode.is_order[low:high]]
    for at, size in enumerate(sizes, len(orders)):
        data[at] = data[at][:size]
    is_order = outcomes["is_order"]
    operations = [(bool(is_order[at]), data[at]) for at in order]
    apart = np.diff(slots[order])
    kinds = is_order[order]
    together = apart == 1
    mixed = int((together & (kinds[1:] != kinds[:-1])).sum())
    same = int((together & kinds[1:] & kinds[:-1]).sum())
    return Racing(operations, outcomes[order], gate.export_state(), same, mixed)


def differences(ours: Outcomes, theirs: Outcomes) -> list[int]:
    return np.flatnonzero(ours != theirs).tolist()


def explained(at: int, data: bytes, ours: Any, theirs: Any) -> str:
    return f"operation {at}: {data.hex()}\n  one   {ours}\n  other {theirs}"


assert ROW_BYTES == 128  # as wide as an episode's rows
