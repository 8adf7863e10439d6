"""Rows on their way in: each type id to its place, bursts of commits while one is inside, answers, queries."""

# No `from __future__ import annotations`: cocotb looks at the signature of a test.
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from meltica.hot import card_regs_gen as regs
from meltica.hot.layout_gen import RECORDS, AuditKind, AuditRecord, Status
from meltica.hot.tell_twin import _HANDLERS as GATE_RECORDS
from sim.rtl import report_cycles
from sim.rtl.coverage import Cover
from sim.rtl.regs.card import Card

CARD_RECORDS = (33, 35, *range(36, 42))
BINS = [
    *(f"to the gate: {RECORDS[type_id].__name__}" for type_id in GATE_RECORDS),
    *(f"to the card: {RECORDS[type_id].__name__}" for type_id in CARD_RECORDS),
    *(f"answer {status.name}" for status in Status),
    *("no such record", "commit while busy", "row overwritten while busy", "row read back", "audit of a commit"),
    *("gate query", "book query", "query while busy", "both queries at once"),
]


@cocotb.test()
async def rows(dut: Any) -> None:
    card = Card(dut, Cover("regs_commit", BINS))
    await card.start()
    await routes(card)
    await bursts(card)
    await audits(card)
    await queries(card)
    report_cycles("regs", card.cycles)
    card.cover.require_full()


async def routes(card: Card) -> None:
    """Each type id that there is, and some that there are not."""
    rng = card.random
    others = [0, 1, 2, 13, 14, 15, 34, 42, 43, 100, 255, 256 + 16, 0x8010, 0xFFFF]
    assert not {*others} & ({*GATE_RECORDS} | {*CARD_RECORDS})
    for type_id in [*GATE_RECORDS, *CARD_RECORDS, *others]:
        data = type_id.to_bytes(2, "little") + rng.randbytes(126)
        row = int.from_bytes(data, "little")
        card.answers = [rng.choice(list(Status))] if type_id in GATE_RECORDS else []
        expected = card.answers[0] if card.answers else Status.OK if type_id in CARD_RECORDS else Status.BAD_RECORD
        told, configured = len(card.told), len(card.configured)
        assert await card.commit(data) == expected, type_id
        card.cover.hit(f"answer {expected.name}")
        assert card.told[told:] == ([row] if type_id in GATE_RECORDS else [])
        assert card.configured[configured:] == ([row] if type_id in CARD_RECORDS else [])
        if type_id in GATE_RECORDS:
            card.cover.hit(f"to the gate: {RECORDS[type_id].__name__}")
        elif type_id in CARD_RECORDS:
            card.cover.hit(f"to the card: {RECORDS[type_id].__name__}")
        else:
            card.cover.hit("no such record")
        for index in (0, 31, rng.randrange(32)):
            assert await card.read(regs.STAGING_ROW, index) == row >> 32 * index & 0xFFFFFFFF
            card.cover.hit("row read back")


async def bursts(card: Card) -> None:
    """The gate holds one; every other commit is refused, and the row that is inside stays what it was."""
    for _ in range(6):
        begin, refused = await card.read(regs.STAGING_COMMITS), await card.read(regs.STAGING_REFUSED)
        told = len(card.told)
        data = (16).to_bytes(2, "little") + card.random.randbytes(126)
        card.hold_gate = True
        await card.stage(data)
        await card.write(regs.STAGING_COMMIT, 1)
        for index in card.random.sample(range(32), 8):
            await card.write(regs.STAGING_ROW, card.random.getrandbits(32), index)
            card.cover.hit("row overwritten while busy")
            await card.write(regs.STAGING_COMMIT, 1)
            assert await card.field(regs.CONTROL_STATUS_COMMIT_BUSY)
            card.cover.hit("commit while busy")
        assert await card.read(regs.STAGING_REFUSED) == refused + 8
        assert await card.read(regs.STAGING_COMMITS) == begin + 1
        card.hold_gate = False
        while await card.field(regs.CONTROL_STATUS_COMMIT_BUSY):
            pass
        assert card.told[told:] == [int.from_bytes(data, "little")]
        assert await card.read(regs.STAGING_ANSWERS) == begin + 1


async def audits(card: Card) -> None:
    """What has been committed is in the audit: the last ones, for it is small here."""
    while await card.read(regs.AUDIT_LEVEL):
        await card.write(regs.AUDIT_POP, 0)
    expected = []
    for type_id, answer in ((16, Status.OK), (36, Status.OK), (99, Status.BAD_RECORD), (12, Status.BAD_ARGUMENT)):
        card.answers = [answer] if type_id in GATE_RECORDS else []
        assert await card.commit(type_id.to_bytes(2, "little")) == answer
        expected.append((AuditKind.COMMITTED if answer == Status.OK else AuditKind.BAD_COMMIT, answer, type_id))
    for kind, reason, value in expected:
        record = await pop(card)
        assert (record.kind, record.reason, record.value) == (kind, reason, value)
        card.cover.hit("audit of a commit")
    assert not await card.read(regs.AUDIT_LEVEL)


async def pop(card: Card) -> AuditRecord:
    words = [await card.read(regs.AUDIT_RECORD, index) for index in range(20)]
    await card.write(regs.AUDIT_POP, 0)
    return AuditRecord.from_bytes(b"".join(word.to_bytes(4, "little") for word in words))


async def queries(card: Card) -> None:
    dut, rng = card.dut, card.random
    for number in range(12):
        table, column, row, locate = (rng.getrandbits(bits) for bits in (8, 8, 32, 16))
        value, words = rng.getrandbits(64), rng.getrandbits(512)
        await card.write(regs.QUERY_GATE_WHERE, table | column << 8)
        await card.write(regs.QUERY_GATE_ROW, row)
        await card.write(regs.QUERY_BOOK_WHERE, locate)
        asked = (1, 2, 3)[number % 3]
        watch = cocotb.start_soon(see_questions(dut))
        await card.write(regs.QUERY_ASK, asked)
        gate, book = await watch
        assert gate == ((table, row, column) if asked & 1 else None)
        assert book == (locate if asked & 2 else None)
        assert await card.read(regs.QUERY_STATUS) == asked
        refused = await card.read(regs.QUERY_REFUSED)
        await card.write(regs.QUERY_ASK, 3)  # the one that was not asked starts now
        assert await card.read(regs.QUERY_REFUSED) == refused + asked.bit_count()
        card.cover.hit("query while busy")
        dut.gate_query_value_i.value, dut.book_query_answer_i.value = value, words
        dut.gate_query_done_i.value = dut.book_query_done_i.value = 1
        await RisingEdge(dut.clk_i)
        dut.gate_query_done_i.value = dut.book_query_done_i.value = 0
        dut.gate_query_value_i.value = dut.book_query_answer_i.value = 0
        assert await card.read(regs.QUERY_STATUS) == 0
        assert await card.read(regs.QUERY_GATE_VALUE) == value
        for index in range(16):
            assert await card.read(regs.QUERY_BOOK_WORD, index) == words >> 32 * index & 0xFFFFFFFF
        card.cover.hit(("gate query", "book query", "both queries at once")[asked - 1])


async def see_questions(dut: Any) -> tuple[tuple[int, int, int] | None, int | None]:
    """What the block asks within some cycles, once."""
    gate, book = None, None
    for _ in range(12):
        await RisingEdge(dut.clk_i)
        if dut.gate_query_valid_o.value:
            assert gate is None
            ports = (dut.gate_query_table_o, dut.gate_query_row_o, dut.gate_query_column_o)
            gate = int(ports[0].value), int(ports[1].value), int(ports[2].value)
        if dut.book_query_valid_o.value:
            assert book is None
            book = int(dut.book_query_locate_o.value)
    return gate, book
