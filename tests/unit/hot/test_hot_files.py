"""Status and journal of the hot process: whole or not at all, readable after a death, never two owners."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from random import Random, SystemRandom

import pytest

from meltica.hot import OrderIntent, OrderType, Side
from meltica.hot.hot_journal import JournalError, JournalFile, last_intent, recover, set_aside
from meltica.hot.hot_limits import LimitsError, read_records
from meltica.hot.hot_parts import BroadcastWriter, DropStore, EntryKind, LoopState, OuchPort, Word
from meltica.hot.hot_status import StatusError, StatusReader, StatusWriter, process_start
from meltica.hot.layout_gen import Action, DropCopyRecord, DropKind, SymbolRecord
from meltica.venues.nasdaq import soupbintcp_wire as wire
from meltica.venues.nasdaq.ouch50 import CODEC

SYMBOL = SymbolRecord(
    locate=1,
    instrument_id=3,
    symbol=int.from_bytes(b"ABCD    ", "little"),
    wire_price_per_tick=100,
    shares_per_lot=1,
)

# --- status ---


def test_what_is_told_is_read_and_what_is_new_replaces_the_old(tmp_path: Path) -> None:
    writer = StatusWriter(tmp_path / "status")
    writer.tell(session="none yet", feed="quiet")
    writer.tell(session="logged in")
    reader = StatusReader(tmp_path / "status")
    text = reader.text()
    assert (text["session"], text["feed"], text["pid"]) == ("logged in", "quiet", os.getpid())
    writer.words.add(Word.INTENTS, 5)
    writer.words.put(Word.ORDER_STATE, LoopState.RUNNING)
    assert (reader.word(Word.INTENTS), reader.word(Word.ORDER_STATE)) == (5, LoopState.RUNNING)
    assert reader.process() == "running"
    with pytest.raises(ValueError, match="room for"):
        writer.tell(long="x" * 100_000)
    assert reader.text()["session"] == "logged in"


def test_a_successors_file_leaves_the_readers_of_the_old_one_theirs(tmp_path: Path) -> None:
    StatusWriter(tmp_path / "status").tell(name="first")
    old = StatusReader(tmp_path / "status")
    StatusWriter(tmp_path / "status").tell(name="second")
    assert (old.text()["name"], StatusReader(tmp_path / "status").text()["name"]) == ("first", "second")


def test_a_half_written_text_is_no_text(tmp_path: Path) -> None:
    StatusWriter(tmp_path / "status").tell(name="x")
    with (tmp_path / "status").open("r+b") as file:
        file.seek(8)
        file.write(b"\7")
    with pytest.raises(StatusError, match="half written"):
        StatusReader(tmp_path / "status").text()


def test_what_is_no_status_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(StatusError, match="no hot process has run here"):
        StatusReader(tmp_path / "status")
    (tmp_path / "status").write_bytes(b"short")
    with pytest.raises(StatusError, match="of this version"):
        StatusReader(tmp_path / "status")
    size = (StatusWriter(tmp_path / "other") and (tmp_path / "other")).stat().st_size
    (tmp_path / "status").write_bytes(bytes(size))
    with pytest.raises(StatusError, match="of this version"):
        StatusReader(tmp_path / "status")


def test_a_dead_writer_is_dead_though_its_pid_may_be_used_again(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from meltica.hot.hot_status import StatusWriter;"
        "StatusWriter(Path(sys.argv[1]))"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "status")], check=True)
    assert StatusReader(tmp_path / "status").process() == "dead"
    writer = StatusWriter(tmp_path / "status")
    writer.tell(process_start=process_start(os.getpid()) - 1)
    assert StatusReader(tmp_path / "status").process() == "dead"


# --- journal ---


def intent(order_id: int, action: Action = Action.NEW, lots: int = 10) -> bytes:
    return OrderIntent(
        action=action,
        side=Side.BUY,
        instrument_id=3,
        account_id=1,
        strategy_id=2,
        order_id=order_id,
        quantity_lots=lots,
        price_ticks=10_000,
        order_type=OrderType.LIMIT,
        tif=0,
        time_ns=1,
    ).to_bytes()


def executed(user_ref_num: int, shares: int) -> bytes:
    fields = {"Timestamp": 1, "UserRefNum": user_ref_num, "Quantity": shares, "Price": 1_000_000}
    message = CODEC.make("outbound", "E", fields | {"Liquidity Flag": "A", "Match Number": 9})
    return wire.packet("S", CODEC.encode(message))


def fill(journal: JournalFile) -> None:
    journal.entries.write(EntryKind.NAMED, SYMBOL.to_bytes(), drops_next=1)
    journal.entries.write(EntryKind.SESSION, b"SESSION1", drops_next=1)
    for order_id in (5, 6):
        kept = {"allowed_lots": 10, "reserved_price_ticks": 10_000}
        journal.entries.write(EntryKind.ENCODED, intent(order_id), time_ns=order_id, drops_next=order_id - 4, **kept)
    journal.entries.write(EntryKind.DECODED, executed(1, 4), time_ns=9, drops_next=3)


def port() -> OuchPort:
    return OuchPort(max_orders=16, max_instruments=16)


def test_a_journal_makes_the_same_port_again(tmp_path: Path) -> None:
    first = JournalFile(tmp_path / "journal", 4, {"port": 1})
    fill(first)
    first.close()
    again = JournalFile(tmp_path / "journal", 4, {"port": 1})
    made = port()
    found = recover(again.entries, made, drops_next=4, port_id=2)
    assert (found.entries, found.session, found.positions, found.missing) == (5, "SESSION1", {(1, 3): 4}, [])
    assert (made.live_orders, made.next_user_ref_num, made.soup_sequence) == (2, 3, 2)
    assert found.symbols == [SYMBOL.to_bytes()]
    again.entries.write(EntryKind.DECODED, executed(2, 10), drops_next=4)
    assert again.entries.count == 6
    again.close()


def test_a_drop_copy_that_was_not_published_is_made_good(tmp_path: Path) -> None:
    journal = JournalFile(tmp_path / "journal", 4, {})
    fill(journal)
    (record,) = recover(journal.entries, port(), drops_next=3, port_id=2).missing
    copy = DropCopyRecord.from_bytes(record)
    assert (copy.kind, copy.sequence_number, copy.port_id, copy.last_lots) == (DropKind.EXECUTED, 3, 2, 4)
    with pytest.raises(JournalError, match="the ring was removed or replaced"):
        recover(journal.entries, port(), drops_next=1, port_id=2)
    journal.close()


def test_two_processes_never_have_one_journal(tmp_path: Path) -> None:
    journal = JournalFile(tmp_path / "journal", 4, {})
    with pytest.raises(JournalError, match="another hot process runs here"):
        JournalFile(tmp_path / "journal", 4, {})
    journal.close()
    JournalFile(tmp_path / "journal", 4, {}).close()


def test_another_ports_journal_is_not_taken_for_ours(tmp_path: Path) -> None:
    JournalFile(tmp_path / "journal", 4, {"firm": "AAAA"}).close()
    with pytest.raises(JournalError, match=r"written by another port .*AAAA"):
        JournalFile(tmp_path / "journal", 4, {"firm": "BBBB"})
    JournalFile(tmp_path / "journal", 4, {"firm": "AAAA"}).close()
    assert set_aside(tmp_path / "journal") == tmp_path / "journal.1"
    assert set_aside(tmp_path / "journal") is None
    JournalFile(tmp_path / "journal", 4, {"firm": "BBBB"}).close()
    assert set_aside(tmp_path / "journal") == tmp_path / "journal.2"


def test_an_entry_that_was_never_finished_is_none(tmp_path: Path) -> None:
    journal = JournalFile(tmp_path / "journal", 4, {})
    fill(journal)
    end = 4_096 + journal.entries.bytes_used
    journal.close()
    with (tmp_path / "journal").open("r+b") as file:
        file.seek(end + 8)
        file.write(b"\1\0\x40\0" + b"\xee" * 100)  # Everything but its number
    again = JournalFile(tmp_path / "journal", 4, {})
    assert again.entries.count == 5
    again.close()


def test_damage_is_said_and_never_folded(tmp_path: Path) -> None:
    seed = SystemRandom().randrange(2**32)
    chance = Random(seed)
    for _ in range(60):
        path = tmp_path / "journal"
        path.unlink(missing_ok=True)
        journal = JournalFile(path, 4, {})
        fill(journal)
        used = journal.entries.bytes_used
        journal.close()
        with path.open("r+b") as file:
            file.seek(4_096 + chance.randrange(used))
            file.write(bytes([chance.randrange(256)]))
        said = opened_and_folded(path)
        assert said == "" or "journal" in said or "entry" in said or "Symbol" in said or "symbol" in said, (seed, said)


def opened_and_folded(path: Path) -> str:
    """What was said against it; a byte that means nothing (a time, a price) is no damage that can be seen."""
    try:
        found = JournalFile(path, 4, {})
    except JournalError as error:
        return str(error)
    try:
        recover(found.entries, port(), drops_next=4, port_id=1)
    except (JournalError, ValueError) as error:
        return f"entry: {error}"
    finally:
        found.close()
    return ""


def test_a_full_one_says_so(tmp_path: Path) -> None:
    journal = JournalFile(tmp_path / "journal", 4, {})
    while journal.entries.bytes_left > 60_100:
        journal.entries.write(EntryKind.SESSION, bytes(60_000))
    with pytest.raises(MemoryError, match="no room"):
        journal.entries.write(EntryKind.SESSION, bytes(60_000))
    count = journal.entries.count
    journal.close()
    again = JournalFile(tmp_path / "journal", 4, {})
    assert again.entries.count == count > 60
    again.close()
    with pytest.raises(JournalError, match="at least 4"):
        JournalFile(tmp_path / "small", 1, {})


# --- drop copies by number ---


def test_drop_copies_are_read_again_until_they_are_overwritten(tmp_path: Path) -> None:
    ring = BroadcastWriter.create(tmp_path / "drops", slots=64, slot_size=128)
    store = DropStore(tmp_path / "drops")
    assert (store.first(), store.next(), store.read(1, 10)) == (1, 1, b"")
    assert last_intent(store) is None
    records = [bytes([35, 0, DropKind.SENT if n % 2 else DropKind.EXECUTED]) + bytes([n]) * 125 for n in range(100)]
    for record in records[:10]:
        ring.push(record)
    assert store.read(3, 4) == b"".join(records[2:6])
    assert store.read(9, 100) == b"".join(records[8:10])
    last = last_intent(store)
    assert last is not None
    assert last.kind == DropKind.SENT
    for record in records[10:]:
        ring.push(record)
    assert (store.first(), store.next()) == (37, 101)
    assert store.read(36, 1) == b""
    assert store.read(37, 1) == records[36]
    with pytest.raises(ValueError, match="from 1"):
        store.read(0, 1)
    ring.detach()


# --- limits of a file ---


def test_limits_are_records_by_their_names(tmp_path: Path) -> None:
    path = tmp_path / "limits.toml"
    path.write_text(
        '[[Symbol]]\ninstrument_id = 3\nsymbol = "AB"\nwire_price_per_tick = 1\nshares_per_lot = 1\n'
        '[[InstrumentLimits]]\ninstrument_id = 3\nshort_sale = "REG_SHO"\nmax_day_lots = "max"\n'
    )
    symbol, limits = read_records(path)
    assert symbol.symbol.to_bytes(8, "little") == b"AB      "  # type: ignore[union-attr]
    assert (limits.short_sale, limits.max_day_lots, limits.enabled) == (2, 2**63 - 1, 0)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[Symbol]\n", "Expected"),
        ("[[Nothing]]\n", "Nothing: there are Symbol"),
        ("Symbol = 3\n", "is a list"),
        ('[[Symbol]]\nsymbol = "TOOLONGNAME"\n', "1 to 8 ASCII"),
        ("[[AccountLimits]]\nacount_id = 1\n", "acount_id: its fields are"),
        ("[[AccountLimits]]\naccount_id = 70000\n", "AccountLimits 1: account_id 70000 is not within"),
        ('[[AccountLimits]]\naccount_id = "all"\n', "is a number"),
        ("[[AccountLimits]]\naccount_id = 1.5\n", "is a number"),
    ],
)
def test_a_slip_in_the_limits_is_named(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "limits.toml").write_text(text)
    with pytest.raises(LimitsError, match=says):
        read_records(tmp_path / "limits.toml")


def test_limits_that_are_not_there_are_an_error_too(tmp_path: Path) -> None:
    with pytest.raises(LimitsError, match="No such file"):
        read_records(tmp_path / "limits.toml")
