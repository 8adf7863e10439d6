"""``python -m sim.world --seed 7 --seconds 600 --faults all``: worlds with a seed, one after the other."""

from __future__ import annotations

import argparse
import logging
import secrets
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Final

from sim.world.faults import GROUPS, chosen
from sim.world.world import Report, run

NAMES: Final = {
    "kill": "deaths asked for",
    "killed": "processes killed",
    "stop": "stops asked for",
    "stall": "stalls",
    "power": "power cuts asked for",
    "power cut": "power cuts",
    "disk": "failed writes",
    "it failed": "ends by a failed write",
    "clock": "wall clocks set",
    "break": "connections broken",
    "silent": "half-open connections",
    "stuck": "stuck connections",
    "venue": "venues down",
    "feed": "gaps in the feed",
    "halt": "trading halts",
    "gate": "gates lost",
    "lie": "lies",
    "hot_kill": "hot gates killed",
    "hot_stall": "hot gates stalled",
    "link": "control links cut",
    "rejoin": "control links made anew",
    "hot_break": "hot sessions broken",
    "unasked": "orders cancelled unasked",
    "frames lost": "frames lost",
    "frames doubled": "frames doubled",
    "frames late": "frames late",
}
TOLD: Final = (
    "killed",
    "power cut",
    "it failed",
    "stall",
    "clock",
    "break",
    "silent",
    "stuck",
    "venue",
    "feed",
    "halt",
    "hot_kill",
    "hot_stall",
    "link",
    "rejoin",
    "hot_break",
    "unasked",
    "frames lost",
    "frames doubled",
    "frames late",
)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m sim.world", description=__doc__)
    parser.add_argument("--seed", type=int, help="of the first world; without it one is drawn")
    parser.add_argument("--worlds", type=int, default=1, help="how many, with consecutive seeds")
    parser.add_argument("--seconds", type=float, default=300.0, help="simulated, of each (default 300)")
    parser.add_argument("--days", type=float, help="the same in days")
    parser.add_argument("--faults", default="all", help=f"all, none, or some of {','.join(GROUPS)}")
    parser.add_argument("--gates", type=int, choices=(0, 1, 2), help="hot gates; without it one or two, by the seed")
    parser.add_argument("--keep", type=Path, help="where the journal of a world goes that was not as it must be")
    parser.add_argument("--log", action="store_true", help="show what the gateway logs")
    asked = parser.parse_args(arguments)
    try:
        faults = chosen(asked.faults)
    except ValueError as error:
        parser.error(str(error))
    if not asked.log:
        logging.disable(logging.CRITICAL)
    first = secrets.randbelow(2**32) if asked.seed is None else asked.seed
    seconds = asked.seconds if asked.days is None else asked.days * 86_400
    simulated = began = 0.0
    began = time.perf_counter()
    for seed in range(first, first + asked.worlds):
        start = time.perf_counter()
        try:
            report = run(seed, seconds, faults, gates=asked.gates, keep=asked.keep)
        except Exception as error:  # noqa: BLE001 - whatever it is, the seed shows it again
            return _failed(error, seed, seconds, asked)
        simulated += report.simulated_s
        _tell(report, time.perf_counter() - start)
    if asked.worlds > 1:
        took = time.perf_counter() - began
        print(f"{asked.worlds} worlds: {simulated:,.0f} s in {took:,.1f} s, {simulated / took:,.0f} times real time")  # noqa: T201
    return 0


def _tell(report: Report, took_s: float) -> None:
    faults = [f"{report.faults[name]} {NAMES[name]}" for name in (*TOLD, "gate", "lie") if report.faults[name]]
    lives = f"{report.lives} {'life' if report.lives == 1 else 'lives'} of the gateway"
    times = f"{report.simulated_s / took_s:,.0f} times real time"
    lines = [
        f"seed {report.seed}: as it must be",
        f"  went wrong  {', '.join(faults) or 'nothing'}",
        f"  went on     {report.commands} commands, {report.entries:,} journal entries, {report.fills} fills, {lives}",
        f"  orders      {_orders(report.events)}",
        f"  hot gates   {report.hot_orders} orders sent, {report.hot_lives} lives, {_leases(report.events)}",
        f"  took        {report.simulated_s:,.0f} s in {took_s:.2f} s: {times}",
        f"  journal     {report.digest}",
    ]
    print("\n".join(lines), flush=True)  # noqa: T201


def _orders(events: Counter[str]) -> str:
    rows = (
        ("OrderSubmitted", "sent"),
        ("OrderHeld", "held"),
        ("OrderDenied", "refused"),
        ("ReplaceRequested", "replaces"),
        ("CancelRequested", "cancels"),
        ("AlgoStarted", "in slices"),
        ("GroupOpened", "groups"),
        ("DoubtRaised", "doubts"),
        ("TradeCorrected", "busts and corrections"),
        ("OrderAdopted", "adopted"),
        ("KillSwitchEngaged", "kills"),
    )
    return ", ".join(f"{events[name]} {words}" for name, words in rows if events[name])


def _leases(events: Counter[str]) -> str:
    rows = (("LeaseGranted", "slices granted"), ("LeaseConfirmed", "confirmed"), ("GateDied", "deaths seen"))
    return ", ".join(f"{events[name]} {words}" for name, words in rows)


def _failed(error: Exception, seed: int, seconds: float, asked: argparse.Namespace) -> int:
    again = f"python -m sim.world --seed {seed} --seconds {seconds:g} --faults {asked.faults}"
    again += "" if asked.gates is None else f" --gates {asked.gates}"
    print(f"seed {seed}: NOT as it must be", file=sys.stderr)  # noqa: T201
    print(f"  {type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201
    print(f"  again: {again} --keep FOLDER", file=sys.stderr)  # noqa: T201
    if asked.keep is not None:
        print(f"  its journal: {asked.keep / 'journal.db'}", file=sys.stderr)  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main())
