"""A process that writes a journal until it is killed, its disk fails, or it has written what it was asked for.

``python -m tests.chaos.journal_victim JOURNAL ACKS ENTRIES IN_FLIGHT [careless]``. Each seq goes into ACKS, one a
line, when ``durable`` has returned: that is a promise, and the judges hold the journal to it. ``careless``
promises before the flush: it is there to show that the judges notice. On a failure it writes "failed" and exits
in the ordinary way, so that a write hidden in the interpreter's exit would show.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from pathlib import Path

from meltica.journal.errors import JournalFailedError
from meltica.journal.store import SqliteStore
from meltica.journal.writer import GroupCommitWriter

FAILED = 3
SNAPSHOT_EVERY = 250


def payload_of(seq: int) -> bytes:
    """Anybody can say what entry ``seq`` must hold: mostly small, now and then over several pages."""
    dice = random.Random(seq)
    size = dice.choice((40, 200, 350, 350, 350, 900, 9_000)) if seq % 97 else 60_000
    return b"%d:" % seq + dice.randbytes(size)


async def write(journal: Path, acks: int, entries: int, in_flight: int, *, careless: bool) -> int:
    def failed(error: JournalFailedError) -> None:
        os.write(acks, b"failed\n")
        sys.stderr.write(f"{error}\n")

    writer = GroupCommitWriter(SqliteStore(journal), failed)
    last = writer.head.seq + entries

    async def one_at_a_time() -> None:
        while writer.head.seq < last:
            seq = writer.append(payload_of(writer.head.seq + 1), 1)
            if careless:
                os.write(acks, b"%d\n" % seq)
            await writer.durable(seq)
            if not careless:
                os.write(acks, b"%d\n" % seq)
            if seq % SNAPSHOT_EVERY == 0:
                await writer.save_snapshot(seq, 1, b"state" * 5_000)

    outcomes = await asyncio.gather(*[one_at_a_time() for _ in range(in_flight)], return_exceptions=True)
    await writer.close()
    unexpected = [outcome for outcome in outcomes if not isinstance(outcome, JournalFailedError | None)]
    if unexpected:
        raise unexpected[0]
    return FAILED if writer.failure is not None else 0


def main() -> int:
    journal, acks, entries, in_flight, *careless = sys.argv[1:]
    descriptor = os.open(acks, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    return asyncio.run(write(Path(journal), descriptor, int(entries), int(in_flight), careless=bool(careless)))


if __name__ == "__main__":
    sys.exit(main())
