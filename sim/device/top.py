"""meltica_top with its buses as calls: registers, record streams, feed words in, order frames out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from meltica.hot import card_regs_gen as regs
from sim.verilated import build

LIVE: Final = {
    "Instruments": 1_024,
    "Accounts": 16,
    "Strategies": 256,
    "Ports": 8,
    # The watchdog counts microseconds of this clock: about what a simulation reaches, so that a second is one.
    "ClockKhz": 1_000,
}
"""The sizes of a gateway's engine. A reset clears a row of each table in a cycle: larger ones take a while to begin."""
FULL: Final = LIVE | {"Instruments": 65_536, "Accounts": 4}
"""Every locate code."""
INIT_CYCLES: Final = 2_000_000
WORD: Final = 8
SLOT, VERDICT = 64, 32
ACCESS_CYCLES: Final = 2_000
CLEARED_AT_ONCE: Final = 1_024
OKAY: Final = 0
NO_ANSWER: Final = 3  # DECERR
SINK_WORDS: Final = 4_096

Words = npt.NDArray[np.void]


class Top:
    """One instance. Whatever comes out while something else goes on is kept: ``verdicts``, ``frames``."""

    def __init__(self, *, parameters: dict[str, int] | None = None, trace: str = "") -> None:
        self._module = build("meltica_top", parameters=LIVE | (parameters or {}), trace=bool(trace))
        self.model = self._module.Model(**({"trace": trace} if trace else {}))
        self.verdicts = bytearray()
        self.frames: list[bytes] = []
        self._frame = bytearray()
        self._tables = {
            name: np.zeros(SINK_WORDS, self.model.dtype(*(f"{name}_{part}" for part in ("tdata", "tkeep", "tlast"))))
            for name in ("m_axis_host", "m_axis_tx")
        }

    def reset(self) -> None:
        """And until all tables are cleared."""
        self.model.rst_ni = 0
        self.model.step(4)
        self.model.rst_ni = 1
        self.verdicts.clear()
        self.frames.clear()
        self._frame.clear()
        for _ in range(INIT_CYCLES // CLEARED_AT_ONCE):
            if regs.CONTROL_STATUS_INIT_DONE.of(self.read(regs.CONTROL_STATUS.address)[1]):
                return
            self.model.step(CLEARED_AT_ONCE)
        raise RuntimeError(f"the tables are not cleared after {INIT_CYCLES} cycles")

    def run(self, cycles: int, sources: Iterable[Any] = ()) -> int:
        """So many cycles, or until all sources have gone and a little longer. The cycles that were spent."""
        sinks = {
            name: self._module.Sink(table, valid=f"{name}_tvalid", ready=f"{name}_tready")
            for name, table in self._tables.items()
        }
        spent = int(self.model.play(list(sources), list(sinks.values()), cycles=cycles))
        for name in sinks:
            self.model.set(f"{name}_tready", 0)
        self.verdicts += self._tables["m_axis_host"]["m_axis_host_tdata"][: sinks["m_axis_host"].done].tobytes()
        self._collect(self._tables["m_axis_tx"][: sinks["m_axis_tx"].done])
        return spent

    def _collect(self, words: Words) -> None:
        for data, keep, last in words.tolist():
            self._frame += data.to_bytes(WORD, "little")[: keep.bit_length()]
            if last:
                self.frames.append(bytes(self._frame))
                self._frame.clear()

    # --- registers ---

    def write(self, address: int, value: int) -> int:
        """AXI's response."""
        return self.write_many([(address, value)])[0]

    def write_many(self, accesses: list[tuple[int, int]]) -> list[int]:
        """One after another, without a pause; the response to each."""
        model = self.model
        where = np.zeros(len(accesses), model.dtype("s_axil_awaddr", "s_axil_awprot"))
        what = np.zeros(len(accesses), model.dtype("s_axil_wdata", "s_axil_wstrb"))
        for at, (address, value) in enumerate(accesses):
            where[at] = (address, 0)
            what[at] = (value, 0xF)
        answers = self._module.Sink(
            np.full(len(accesses), NO_ANSWER, model.dtype("s_axil_bresp")), valid="s_axil_bvalid", ready="s_axil_bready"
        )
        sources = [
            self._module.Source(where, valid="s_axil_awvalid", ready="s_axil_awready"),
            self._module.Source(what, valid="s_axil_wvalid", ready="s_axil_wready"),
        ]
        model.play(sources, [answers], cycles=ACCESS_CYCLES * len(accesses))
        return [int(response) for response in answers.table["s_axil_bresp"]]

    def read(self, address: int) -> tuple[int, int]:
        """(AXI's response, the word)."""
        model = self.model
        where = np.zeros(1, model.dtype("s_axil_araddr", "s_axil_arprot"))
        where[0] = (address, 0)
        answer = self._module.Sink(
            np.full(1, NO_ANSWER, model.dtype("s_axil_rdata", "s_axil_rresp")),
            valid="s_axil_rvalid",
            ready="s_axil_rready",
        )
        source = self._module.Source(where, valid="s_axil_arvalid", ready="s_axil_arready")
        model.play([source], [answer], cycles=ACCESS_CYCLES)
        return int(answer.table["s_axil_rresp"][0]), int(answer.table["s_axil_rdata"][0])

    # --- streams ---

    def words(self, stream: str, packets: Iterable[bytes], *, not_before: list[int] | None = None) -> Any:
        """A source of these packets (frames, or 64-byte records) for ``run``; ``not_before``: a cycle for each."""
        rows: list[tuple[int, int, int, int]] = []
        times: list[int] = []
        for number, packet in enumerate(packets):
            for at in range(0, len(packet), WORD):
                part = packet[at : at + WORD]
                last = at + WORD >= len(packet)
                rows.append((int.from_bytes(part, "little"), (1 << len(part)) - 1, int(last), 0))
                times.append(not_before[number] if not_before else 0)
        table = np.array(rows, self.model.dtype(*(f"{stream}_{part}" for part in ("tdata", "tkeep", "tlast", "tuser"))))
        return self._module.Source(
            table,
            valid=f"{stream}_tvalid",
            ready=f"{stream}_tready",
            not_before=np.array(times, np.uint64) if not_before else None,
        )
