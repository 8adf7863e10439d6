"""What the status file of a hot process says, as one dictionary, and as a page for an operator."""

from __future__ import annotations

import time
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from meltica.hot import Check
from meltica.hot.hot_status import ENCODES, REJECTS, LoopState, Stage, StatusReader, Word

QUANTILES: Final = (0.5, 0.9, 0.99, 0.999, 1.0)
COLUMNS: Final = ("p50", "p90", "p99", "p99.9", "max")
HUNG_NS: Final = 1_000_000_000
"""A loop that has not looked at its clock for so long does not run, whatever the kernel says."""
REFUSALS: Final = {
    1: "no room in the out buffer",
    2: "unknown symbol",
    3: "unknown order",
    4: "order table full",
    5: "quantity OUCH can't say",
    6: "price OUCH can't say",
    7: "time in force OUCH does not have",
    8: "duplicate order id",
    9: "a replace is pending",
    10: "unknown action",
    11: "side OUCH can't say",
    12: "user reference numbers used up",
}
STAGE_WORDS: Final = {
    Stage.RING_WAIT: "waited in the intent ring",
    Stage.VIEW: "market data to the gate",
    Stage.GATE: "gate",
    Stage.ENCODE: "OUCH encoder",
    Stage.RECORD: "journal and drop copy",
    Stage.TO_OUT: "found to out buffer",
    Stage.SEND: "send()",
    Stage.RECEIVE: "a reply of the venue",
    Stage.TURN: "a turn of the order loop",
    Stage.PACKET_TO_BOOK: "packet to book",
    Stage.PACKET_TO_TOP: "packet to top of book",
}
ORDER_WORDS: Final = (
    Word.INTENTS, Word.SENT_NEW, Word.SENT_REPLACE, Word.SENT_CANCEL, Word.REFUSED, Word.NOT_ENCODED, Word.LIVE_ORDERS,
    Word.ACCEPTED, Word.EXECUTIONS, Word.CANCELED, Word.REJECTED, Word.TRIP_CANCELS, Word.SELF_MATCH_CANCELS,
    Word.SETTLED_ORDERS, Word.GATE_FAULTS,
)  # fmt: skip
LOSS_WORDS: Final = (
    Word.HELD_BACK, Word.SEND_BLOCKED, Word.OUT_WAITING, Word.JOURNAL_FULL, Word.BAD_PACKETS, Word.SESSION_LOSSES,
    Word.RECONNECTS, Word.FEED_GAPS, Word.FEED_LOST, Word.FEED_DROPS, Word.FEED_BAD, Word.CONTROL_REFUSED,
    Word.CONTROL_HELD_BACK, Word.CLOCK_STEPS,
)  # fmt: skip


def facts(reader: StatusReader) -> dict[str, Any]:
    """Everything, by name; times in ns."""
    text = reader.text()
    now_ns = time.monotonic_ns()
    process = reader.process()
    words = {word.name.lower(): reader.word(word) for word in Word}
    words["clock_ahead_ns"] -= (words["clock_ahead_ns"] >> 63) << 64
    ages = {
        name: now_ns - words[f"{name}_beat_ns"] if words[f"{name}_beat_ns"] else None
        for name in ("order", "market", "tender")
    }
    return {
        "process": process,
        "verdict": _verdict(process, words, ages),
        "state": LoopState(words["order_state"]).name.lower(),
        **text,
        "beat_age_ns": ages,
        "lease": _lease(words),
        "kill_engaged": bool(words["kill_engaged"]),
        "stages": {stage.name.lower(): _stage(reader, stage) for stage in Stage},
        "rejects": _rejects(reader),
        "not_encoded": {REFUSALS.get(n, str(n)): c for n, c in enumerate(reader.group(ENCODES, 16)) if c},
        "words": words,
    }


def _verdict(process: str, words: dict[str, int], ages: dict[str, int | None]) -> str:
    """One sentence: may orders leave, and if not, what stops them first."""
    state = LoopState(words["order_state"])
    if process == "dead":
        return "ended" if state is LoopState.ENDED else "DEAD: it was killed; orders may work at the venue"
    if process == "stopped":
        return "STOPPED by a signal: nothing leaves, nothing is heard"
    if state in (LoopState.STARTING, LoopState.WARMING):
        return "starting"
    if ages["order"] is not None and ages["order"] > HUNG_NS and state is LoopState.RUNNING:
        return f"HANGS: the order loop has not turned for {ages['order'] / 1e9:.1f} s"
    if state is not LoopState.RUNNING:
        return state.name.lower()
    stops = [
        (not words["session_up"], "no session with the venue"),
        (not words["caught_up"], "the venue is still telling what happened meanwhile"),
        (bool(words["kill_engaged"]), "the kill switch is engaged"),
        (words["leased"] and _lease(words)["left_ns"] <= 0, "no lease of the control plane"),
    ]
    stopped = [why for is_so, why in stops if is_so]
    return f"no new order leaves: {', '.join(stopped)}" if stopped else "orders leave"


def _lease(words: dict[str, int]) -> dict[str, Any]:
    now_ns = time.monotonic_ns() + words["clock_offset_ns"]
    left_ns = words["lease_until_ns"] - now_ns if words["lease_until_ns"] else 0
    return {"wanted": bool(words["leased"]), "left_ns": left_ns, "lapses": words["lease_lapses"]}


def _stage(reader: StatusReader, stage: Stage) -> dict[str, int]:
    histogram = reader.histogram(stage)
    return {"count": histogram.total} | dict(zip(COLUMNS, histogram.quantiles(QUANTILES), strict=True))


def _rejects(reader: StatusReader) -> dict[str, int]:
    names = {check.value: check.name for check in Check}
    return {names.get(number, str(number)): count for number, count in enumerate(reader.group(REJECTS, 64)) if count}


def show(found: dict[str, Any], console: Console) -> None:
    """The worst first."""
    good = found["verdict"] in ("orders leave", "ended")
    console.print(f"[bold]{'' if good else '[red]'}{found['verdict']}[/]", highlight=False)
    words = found["words"]
    console.print(
        f"process {found['pid']} {found['process']}, loop {found['state']}, started {_when(found['started_ns'])},"
        f" {words['order_turns']:,} turns, longest {_ns(words['order_longest_turn_ns'])}",
        highlight=False,
    )
    _lines(found, console)
    _placement(found, console)
    _stages(found, console)
    _counts("orders", ORDER_WORDS, words, console)
    _counts("losses and waits", LOSS_WORDS, words, console)
    for title in ("rejects", "not_encoded"):
        if found[title]:
            row = ", ".join(
                f"{name} {count:,}" for name, count in sorted(found[title].items(), key=lambda one: -one[1])
            )
            console.print(f"{title.replace('_', ' ')}: {row}", highlight=False)


def _lines(found: dict[str, Any], console: Console) -> None:
    words = found["words"]
    written = f"{words['journal_bytes'] >> 10:,} KiB written, room for {words['journal_room'] >> 10:,} KiB"
    numbers = f"next message {words['soup_sequence']}, next order number {words['next_user_ref_num']}"
    lines = (
        ("session", f"{found.get('session', 'none yet')}; {numbers}"),
        ("feed", _feed(found)),
        *([("receive", receive)] if (receive := _receive(found)) else []),
        ("kill word", _kill(found.get("kill", {}), words)),
        ("lease", _lease_words(found["lease"])),
        ("control link", _link(found)),
        ("journal", f"{written}; next drop copy {words['drops_next']:,}"),
        ("clock", f"system clock {words['clock_ahead_ns'] / 1e6:+.3f} ms from the clock of orders and leases"),
    )
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, line in lines:
        table.add_row(name, line)
    console.print(table)


def _kill(kill: dict[str, Any], words: dict[str, int]) -> str:
    state = f"{'ENGAGED' if kill.get('engaged') else 'released'}, epoch {kill.get('epoch', 0)}"
    if kill.get("engaged"):
        state += f", by {kill.get('who')}: {kill.get('reason')}"
    return state + ("; the control plane's switch is engaged as well" if words["control_killed"] else "")


def _lease_words(lease: dict[str, Any]) -> str:
    if not lease["wanted"]:
        return "none: standalone, limits from the settings' file"
    return f"{max(0, lease['left_ns']) / 1e6:.0f} ms left, {lease['lapses']} lapses"


def _feed(found: dict[str, Any]) -> str:
    words = found["words"]
    counts = found.get("feed_counts")
    if counts is None:
        return "none"
    age_ns = time.monotonic_ns() + words["clock_offset_ns"] - words["feed_time_ns"] if words["feed_time_ns"] else 0
    held = "STALE OR GAPPED, " if words["feed_gapped"] else ""
    return (
        f"{held}session {counts['session'] or 'none yet'}, {words['feed_messages']:,} messages in"
        f" {words['feed_packets']:,} packets, {words['tops_stored']:,} tops, last packet {_ns(age_ns)} ago"
        + (f"; {found['feed']}" if "feed" in found else "")
    )


def _receive(found: dict[str, Any]) -> str:
    """How packets come in, and why not as it was wished; nothing for a file, and without a feed."""
    source = found.get("feed_counts", {}).get("source", {})
    how = source.get("receive", "")
    modes = sorted({line["mode"] for line in source.values() if isinstance(line, dict) and "mode" in line})
    words = {"xdp": f"AF_XDP ({'; '.join(modes)})", "udp": "the kernel's sockets"}.get(how, "")
    return words + (f"; {source['why_not_xdp']}" if source.get("why_not_xdp") else "")


def _link(found: dict[str, Any]) -> str:
    link = found.get("link")
    if link is None:
        return "none"
    return f"{link['phase']}{': ' + link['why'] if link['why'] else ''}; entry {link['applied']} of {link['published']}"


def _placement(found: dict[str, Any], console: Console) -> None:
    """Each wish that was granted on one line, each that was not on one of its own."""
    rows = found.get("placement", [])
    got = ", ".join(f"{row['wish']} of {row['of']} ({row['detail']})" for row in rows if row["outcome"] == "got")
    console.print(f"placement got: {got or 'nothing'}", highlight=False)
    for row in rows:
        if row["outcome"] != "got":
            console.print(f"  {row['wish']} of {row['of']}: {row['outcome']}: {row['detail']}", highlight=False)


def _stages(found: dict[str, Any], console: Console) -> None:
    table = Table("stage", "count", *COLUMNS, box=None, padding=(0, 2, 0, 0))
    for column in table.columns[1:]:
        column.justify = "right"
    for stage in Stage:
        row = found["stages"][stage.name.lower()]
        if row["count"]:
            table.add_row(STAGE_WORDS[stage], f"{row['count']:,}", *(_ns(row[name]) for name in COLUMNS))
    console.print(table if table.row_count else "no stage has been measured yet")


def _counts(title: str, names: tuple[Word, ...], words: dict[str, int], console: Console) -> None:
    row = ", ".join(f"{name.name.lower().replace('_', ' ')} {words[name.name.lower()]:,}" for name in names)
    console.print(f"{title}: {row}", highlight=False)


def _ns(value: float) -> str:
    for unit, size in (("ns", 1e3), ("us", 1e6), ("ms", 1e9)):
        if value < size:
            return f"{value / size * 1e3:.3g} {unit}"
    return f"{value / 1e9:.3g} s"


def _when(time_ns: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(time_ns / 1e9))
