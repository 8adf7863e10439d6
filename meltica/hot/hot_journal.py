"""The journal's file: opened by one process at a time, kept over its death, and folded into an OUCH port again."""

from __future__ import annotations

import contextlib
import fcntl
import json
import mmap
import os
import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from cython_ext.hot_drops import DropStore
from cython_ext.hot_journal import HEADER_BYTES, EntryKind, HotJournal
from cython_ext.hot_session import settle_port
from cython_ext.ouch import OuchPort
from meltica.hot.layout_gen import DropCopyRecord, DropKind, OrderIntentRecord, Side

MAGIC: Final = b"MLTCJRN1"
MIB: Final = 2**20
LOOK_BACK: Final = 64
"""Drop copies: between two intents a turn hears at most sixteen packets."""
LEAST_MIB: Final = 4
"""One of them is kept for replies and cancels."""


class JournalError(Exception):
    """The journal can't be used; the message says why and what to do."""


class JournalFile:
    """One file. ``facts`` is what the port was made of: another port would fold the entries into something else."""

    def __init__(self, path: Path, mebibytes: int, facts: dict[str, Any]) -> None:
        """:raises JournalError: somebody has it, it was written by another port, or it is damaged."""
        if mebibytes < LEAST_MIB:
            raise JournalError(f"a journal of {mebibytes} MiB: it takes at least {LEAST_MIB}")
        self.path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._lock()
            self._size(mebibytes)
            # All pages now: the first write to one would cost the loop two microseconds
            self._map = mmap.mmap(self._descriptor, 0, mmap.MAP_SHARED | mmap.MAP_POPULATE)
            self._check(facts)
            self.entries = HotJournal(self._map)
        except ValueError as error:
            self.close()
            raise JournalError(f"{path}: {error}; keep the file, and start with --new-day") from error
        except BaseException:
            with contextlib.suppress(OSError):
                self.close()
            raise

    def close(self) -> None:
        """The mapping stays as long as somebody looks at it, and a descriptor with it: the lock is let go by name."""
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        os.close(self._descriptor)

    def _lock(self) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise JournalError(f"{self.path}: another hot process runs here") from error

    def _size(self, mebibytes: int) -> None:
        size = os.fstat(self._descriptor).st_size
        if 0 < size < HEADER_BYTES:
            raise JournalError(f"{self.path} is cut off: {size} bytes; keep the file, and start with --new-day")
        if size == 0:
            try:
                os.posix_fallocate(self._descriptor, 0, mebibytes * MIB)
            except OSError as error:
                raise JournalError(f"{self.path}: no room for {mebibytes} MiB: {error.strerror}") from error

    def _check(self, facts: dict[str, Any]) -> None:
        text = MAGIC + json.dumps(facts, sort_keys=True).encode()
        if len(text) >= HEADER_BYTES:
            raise JournalError(f"the facts of the port take {len(text)} bytes, and there is room for {HEADER_BYTES}")
        found = self._map[:HEADER_BYTES].rstrip(b"\0")
        if found and found != text:
            raise JournalError(
                f"{self.path} was written by another port ({found[len(MAGIC) :].decode(errors='replace')}):"
                " give it these settings back, or start with --new-day"
            )
        if not found:
            self._map[: len(text)] = text


def set_aside(path: Path) -> Path | None:
    """A new day: the journal gets a number behind its name; None when there was none."""
    if not path.exists():
        return None
    number = 1
    while (aside := path.with_name(f"{path.name}.{number}")).exists():
        number += 1
    return path.rename(aside)


@dataclass
class Recovered:
    """What the journal was folded into, besides the port."""

    entries: int = 0
    session: str = ""
    positions: Counter[tuple[int, int]] = field(default_factory=Counter)
    """Lots bought less lots sold, by account and instrument."""
    last_drops_next: int = 1
    symbols: list[bytes] = field(default_factory=list)
    missing: list[bytes] = field(default_factory=list)
    """Drop copies that were written down and had not been published: of the last entry."""


def recover(journal: HotJournal, port: OuchPort, *, drops_next: int, port_id: int) -> Recovered:
    """Folds the journal into a new port that has its symbols. ``drops_next``: of the ring, which outlived us as well.

    :raises JournalError: ring and journal are not of one life, or an entry holds what can't have been written.
    """
    found = Recovered()
    try:
        for kind, payload, time_ns, drop_number, *allowed in journal.entries():
            found.entries += 1
            found.last_drops_next = drop_number
            records = list(_fold(EntryKind(kind), payload, allowed, port, found))
            if drop_number >= drops_next:
                for number, record in enumerate(records):
                    whole = replace(record, sequence_number=drop_number + number, time_ns=time_ns, port_id=port_id)
                    found.missing.append(whole.to_bytes())
    except (ValueError, OverflowError, struct.error) as error:
        raise JournalError(
            f"journal entry {found.entries} is damaged ({error}): keep the file, start with --new-day, and reconcile"
            " with the venue by hand"
        ) from error
    if found.last_drops_next > drops_next:
        raise JournalError(
            f"the journal knows drop copies up to {found.last_drops_next - 1}, the ring ends at {drops_next - 1}:"
            " the ring was removed or replaced; start with --new-day, and reconcile with the venue by hand"
        )
    return found


def last_intent(store: DropStore) -> DropCopyRecord | None:
    """The last drop copy about an intent, as far back as matters: an answer of the venue may have come after it."""
    end = store.next()
    block = store.read(max(store.first(), end - LOOK_BACK, 1), LOOK_BACK)
    size = DropCopyRecord.SIZE
    copies = [DropCopyRecord.from_bytes(block[at : at + size]) for at in range(0, len(block), size)]
    about = [copy for copy in copies if copy.kind in (DropKind.SENT, DropKind.REFUSED)]
    return about[-1] if about else None


def _fold(
    kind: EntryKind, payload: bytes, allowed: Sequence[int], port: OuchPort, found: Recovered
) -> Iterator[DropCopyRecord]:
    if kind == EntryKind.SESSION:
        found.session = payload.decode("ascii").strip()
    elif kind == EntryKind.NAMED:
        port.set_symbol(payload)
        found.symbols.append(payload)
    elif kind == EntryKind.ENCODED:
        packet = port.encode_intent(payload, *allowed)
        if isinstance(packet, int):
            raise JournalError(f"entry {found.entries} left once and can't be encoded now ({packet})")
        yield sent_copy(OrderIntentRecord.from_bytes(payload), allowed[0], port.last_user_ref_num)
    elif kind == EntryKind.DECODED:
        decoded, record, _, facts = port.decode_packet(payload)
        if facts[0]:
            lots = facts[0] if facts[7] == Side.BUY else -facts[0]
            found.positions[facts[6], facts[5]] += lots
        if decoded == 1 and (copy := DropCopyRecord.from_bytes(record)).kind not in SESSION_KINDS:
            yield copy
    elif record := settle_port(port, payload):
        yield DropCopyRecord.from_bytes(record)


SESSION_KINDS: Final = (DropKind.SESSION_UP, DropKind.SESSION_DOWN)


def sent_copy(order: OrderIntentRecord, lots: int, user_ref_num: int) -> DropCopyRecord:
    """As the order loop makes it."""
    return DropCopyRecord(
        kind=DropKind.SENT,
        side=order.side,
        action=order.action,
        reason=0,
        order_type=order.order_type,
        tif=order.tif,
        instrument_id=order.instrument_id,
        account_id=order.account_id,
        strategy_id=order.strategy_id,
        sequence_number=0,
        time_ns=0,
        order_id=order.order_id,
        price_ticks=order.price_ticks,
        quantity_lots=order.quantity_lots,
        leaves_lots=lots,
        last_lots=0,
        last_price_ticks=0,
        execution_id=0,
        venue_order_id=0,
        fired_mask=0,
        user_ref_num=user_ref_num,
        port_id=0,
        flags=order.flags,
    )
