"""``meltica journal verify|show|replay``."""

from __future__ import annotations

import datetime as dt
import json
from typing import Annotated, Final

import typer

from meltica import hot
from meltica.app.commands.terminal import JOURNAL, JournalPath, counted, examples
from meltica.app.replay import replay as run_replay
from meltica.app.settings import GATE_WORKING_ORDERS
from meltica.domain.errors import FieldError
from meltica.journal.entry import Entry, Head
from meltica.journal.errors import JournalMissingError
from meltica.journal.reader import SqliteReader, entries, tail
from meltica.journal.verify import verify as run_verify

HASH_BYTES: Final = 32

app = typer.Typer(help="Verify, read and replay the journal.", no_args_is_help=True)


@app.command(epilog=examples("meltica journal verify", "meltica journal verify copy.db --head 4711:9ab3..."))
def verify(
    path: JournalPath = JOURNAL,
    head: Annotated[str, typer.Option(help="SEQ:HASH that the chain must contain: an anchor kept elsewhere.")] = "",
) -> None:
    """Walk the whole hash chain from its beginning. Exit code 1 if it does not hold."""
    expected = _head(head)
    if not path.is_file():
        raise JournalMissingError(path)
    report = run_verify(path, expected_head=expected)
    for problem in report.problems:
        print(f"PROBLEM {problem}")
    if report.problems_left_out:
        print(f"PROBLEM and {report.problems_left_out} more")
    stored = f"{report.entries} entr{'y' if report.entries == 1 else 'ies'}"
    print(f"{path}: {stored}, {counted(report.snapshots, 'snapshot')}")
    if report.head is not None:
        print(f"head {report.head.seq}:{report.head.hash.hex()}")
    print("the chain holds" if report.ok else "THE CHAIN DOES NOT HOLD")
    raise typer.Exit(0 if report.ok else 1)


def _head(text: str) -> Head | None:
    if not text:
        return None
    sequence, _, digest = text.partition(":")
    try:
        found = Head(int(sequence), bytes.fromhex(digest))
    except ValueError:
        found = Head(-1, b"")
    if found.seq < 0 or len(found.hash) != HASH_BYTES:
        raise FieldError(
            "--head", text, "must be SEQ:HASH, a line that `meltica journal verify` printed, without `head `"
        )
    return found


@app.command(
    epilog=examples("meltica journal show --count 5", "meltica journal show --first 100 --last 120 --json | jq .record")
)
def show(
    path: JournalPath = JOURNAL,
    first: Annotated[int | None, typer.Option(min=1, help="First entry.")] = None,
    last: Annotated[int | None, typer.Option(min=1, help="Last entry.")] = None,
    count: Annotated[int, typer.Option(min=1, help="The newest N, when no first entry is given.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
) -> None:
    """Print entries: what came in and what the engine made of it."""
    if first and last and last < first:
        raise FieldError("--last", last, f"must not be before --first {first}")
    with SqliteReader(path) as source:
        if first and first > (newest := source.head().seq):
            raise FieldError("--first", first, f"there is no such entry yet; the newest is {newest}")
        chosen = entries(source, first or 1, last) if first or last else tail(source, count)
        for entry in chosen:
            print(_json(entry) if as_json else _text(entry))


def _json(entry: Entry) -> str:
    return json.dumps(
        {
            "sequence": entry.seq,
            "time_ns": entry.time_ns,
            "hash": entry.hash.hex(),
            "record": json.loads(entry.payload),
        }
    )


def _text(entry: Entry) -> str:
    record = json.loads(entry.payload)
    when = dt.datetime.fromtimestamp(entry.time_ns / 1e9, dt.UTC).isoformat(timespec="microseconds")
    body = record["input"]["body"]
    lines = [f"{entry.seq:>8}  {when}  {entry.hash.hex()[:12]}  {body.pop('type')} {_fields(body)}"]
    lines += [f"{'':>8}    -> {event.pop('type')} {_fields(event)}" for event in record["events"]]
    return "\n".join(lines)


def _fields(record: dict[str, object]) -> str:
    return " ".join(
        f"{name}={value}" for name, value in record.items() if value not in ("", None) and name != "time_ns"
    )


@app.command(epilog=examples("meltica journal replay .meltica/journal.db"))
def replay(
    path: JournalPath = JOURNAL,
    working_orders: Annotated[
        int, typer.Option(min=1, max=2**20, help="gate_working_orders, as the settings had it then.")
    ] = GATE_WORKING_ORDERS,
) -> None:
    """Run the recorded inputs through the engine again and compare every event. Exit code 1 on a difference."""
    report = run_replay(path, hot.backend(), working_orders)
    for difference in report.differences:
        print(f"DIFFERENT at {difference.sequence}\n  recorded {difference.recorded}\n  replayed {difference.replayed}")
    print(f"{path}: {report.entries} inputs replayed, {report.events} events, gate {hot.backend()}")
    print(f"state {report.state_digest}")
    print("REPLAY DIFFERS" if report.differences else "every event is the same")
    raise typer.Exit(1 if report.differences else 0)
