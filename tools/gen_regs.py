"""Writes the card's registers in SystemVerilog, C, Python and prose from fpga/rtl/regs.rdl.

``python -m tools.gen_regs`` writes the files, ``--check`` only says which ones are stale (exit 1).
Nothing here decides anything: regs.rdl does, and PeakRDL makes the SystemVerilog and the C of it.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from systemrdl.compiler import RDLCompiler
from systemrdl.messages import RDLCompileError
from systemrdl.node import AddressableNode, AddrmapNode, FieldNode, MemNode, RegfileNode, RegNode

ROOT = Path(__file__).resolve().parent.parent
SOURCE = "fpga/rtl/regs.rdl by tools/gen_regs.py; change those, not this file"
REGBLOCK = (
    *("--cpuif", "axi4-lite-flat", "--default-reset", "rst_n", "--addr-width", "16", "--type-style", "hier"),
    *("--err-if-bad-addr", "--err-if-bad-rw"),
)
ACCESS = {(True, True): "rw", (True, False): "r", (False, True): "w"}


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    low: int
    width: int
    reset: int | None  # None: the hardware's
    desc: str


@dataclass(frozen=True, slots=True)
class Register:
    name: str
    address: int
    count: int  # how many in a row; of a memory: its 32-bit words
    words: int  # 32-bit words of each
    access: str
    fields: tuple[Field, ...]  # none: a memory
    desc: str

    @property
    def reset(self) -> int | None:
        """What it reads as after reset; None: it depends on the hardware."""
        if not self.fields or any(field.reset is None for field in self.fields):
            return None
        return sum((field.reset or 0) << field.low for field in self.fields)


@dataclass(frozen=True, slots=True)
class Block:
    name: str
    title: str
    address: int
    registers: tuple[Register, ...]


class RegisterMapError(Exception):
    """The author of regs.rdl broke a rule of the map."""


def read_map(source: Path) -> tuple[Block, ...]:
    compiler = RDLCompiler()
    try:
        compiler.compile_file(str(source))
        top = compiler.elaborate().top
    except RDLCompileError as error:
        raise RegisterMapError(f"{source}: {error}") from None
    blocks = tuple(read_blocks(top))
    names = [register.name for block in blocks for register in block.registers]
    if twice := {name for name in names if names.count(name) > 1}:
        raise RegisterMapError(f"{source}: two registers are called {', '.join(sorted(twice))}")
    return blocks


def read_blocks(top: AddrmapNode) -> Iterator[Block]:
    memories: list[Register] = []
    for child in top.children():
        if isinstance(child, RegfileNode):
            registers = tuple(read_register(child.inst_name, reg) for reg in child.registers())
            yield Block(child.inst_name, child.get_property("name"), child.absolute_address, registers)
        elif isinstance(child, MemNode):
            words = child.get_property("mementries")
            address = child.absolute_address
            memories.append(Register(child.inst_name, address, words, 1, "r", (), text(child)))
    yield Block(
        "DATA", "Memories: 64-bit entries, the low word first; reading it keeps the high one", 0, tuple(memories)
    )


def read_register(block: str, reg: RegNode) -> Register:
    access = ACCESS[reg.has_sw_readable, reg.has_sw_writable]
    address = reg.raw_absolute_address if reg.is_array else reg.absolute_address
    count = reg.n_elements if reg.is_array else 1
    words = reg.get_property("regwidth") // 32
    fields = tuple(read_field(field, access) for field in reg.fields())
    return Register(f"{block}_{reg.inst_name}", address, count, words, access, fields, text(reg))


def read_field(field: FieldNode, access: str) -> Field:
    reset = field.get_property("reset")
    fixed = access == "w" or not field.is_hw_writable
    return Field(field.inst_name, field.low, field.width, int(str(reset or 0)) if fixed else None, text(field))


def text(node: AddressableNode | FieldNode) -> str:
    return " ".join((node.get_property("desc") or "").split())


# --- Python ------------------------------------------------------------------------------------------------------


PYTHON_HEAD = f'''"""Registers of the card by name. Generated from {SOURCE}."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Register:
    """32-bit words at a byte address; `words` is 2 for a 64-bit one, whose low word is read first."""

    name: str
    address: int
    count: int
    words: int
    access: str
    reset: int | None

    def at(self, index: int) -> int:
        """The byte address of element `index`; of a memory: of its 32-bit word `index`."""
        if not 0 <= index < self.count:
            raise IndexError(f"{{self.name}} has {{self.count}} elements, not {{index + 1}}")
        return self.address + 4 * self.words * index


@dataclass(frozen=True, slots=True)
class Field:
    """Bits of a register."""

    register: Register
    low: int
    width: int

    def of(self, value: int) -> int:
        return value >> self.low & (1 << self.width) - 1

    def put(self, value: int) -> int:
        if not 0 <= value < 1 << self.width:
            raise ValueError(f"{{value}} does not fit {{self.width}} bits of {{self.register.name}}")
        return value << self.low


MAGIC = 0x43544C4D  # "MLTC"
RELEASE_KEY = 0x5AFEC0DE
RELEASE_COMPLEMENT = RELEASE_KEY ^ 0xFFFFFFFF
'''


def python_registers(blocks: tuple[Block, ...]) -> str:
    out = [PYTHON_HEAD]
    for block in blocks:
        for reg in block.registers:
            reset = "None" if reg.reset is None else f"0x{reg.reset:X}"
            arguments = f'"{reg.name}", 0x{reg.address:04X}, {reg.count}, {reg.words}, "{reg.access}", {reset}'
            out += [f"{reg.name} = Register({arguments})"]
            named = [field for field in reg.fields if field.name != "value"]
            out += [
                f"{reg.name}_{field.name.upper()} = Field({reg.name}, {field.low}, {field.width})" for field in named
            ]
    names = [reg.name for block in blocks for reg in block.registers]
    out += ["", "REGISTERS: tuple[Register, ...] = (", *[f"    {name}," for name in names], ")", ""]
    return "\n".join(out)


# --- prose -------------------------------------------------------------------------------------------------------


def page(blocks: tuple[Block, ...]) -> str:
    out = [
        "# Registers of the card\n",
        f"<!-- Generated from {SOURCE}. -->\n",
        "How the host uses them is in [regs.md](regs.md). Addresses in bytes; r: read-only, w: write-only.\n",
    ]
    for block in blocks:
        out += [
            f"## {block.name}: {block.title}\n",
            "| address | register | | after reset | |",
            "|---|---|---|---|---|",
        ]
        for reg in block.registers:
            last = reg.address + 4 * reg.words * reg.count - 1
            where = f"`{reg.address:04x}`" + (f"..`{last:04x}`" if reg.count * reg.words > 1 else "")
            count = f"[{reg.count}]" if reg.count > 1 else ""
            reset = "-" if reg.reset is None or reg.access == "w" else f"`{reg.reset:#x}`"
            bits = [
                f"`{bit_range(field)}` {field.name}: {field.desc}".rstrip(": ")
                for field in reg.fields
                if field.name != "value"
            ]
            told = "<br>".join([one for one in [reg.desc, *bits] if one])
            out += [f"| {where} | `{reg.name}`{count} | {reg.access} | {reset} | {told} |"]
        out += [""]
    return "\n".join(out)


def bit_range(field: Field) -> str:
    return f"{field.low + field.width - 1}:{field.low}" if field.width > 1 else str(field.low)


# --- SystemVerilog and C, by PeakRDL -----------------------------------------------------------------------------


def peakrdl(*arguments: str) -> None:
    command = [str(Path(sys.executable).parent / "peakrdl"), *arguments]
    done = subprocess.run(command, check=False, cwd=ROOT, text=True, capture_output=True)
    if done.returncode != 0:
        raise RegisterMapError(f"{' '.join(command)}:\n{done.stderr}")


def system_verilog(source: Path) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        peakrdl("regblock", str(source), "-o", folder, *REGBLOCK)
        files = {path.name: path.read_text() for path in sorted(Path(folder).iterdir())}
    head = f"// Registers of the card. Generated from {SOURCE}.\n"
    return {f"fpga/rtl/gen/{name}": head + text for name, text in files.items()}


def c_header(source: Path) -> str:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "meltica_regs.h"
        peakrdl("c-header", str(source), "-o", str(target), "-b", "ltoh", "--type-style", "hier")
        return f"// Registers of the card. Generated from {SOURCE}.\n" + target.read_text()


def generate(source: Path) -> dict[str, str]:
    """Every generated file by its path below the root."""
    blocks = read_map(source)
    return {
        **system_verilog(source),
        "fpga/sw/meltica_regs.h": c_header(source),
        "meltica/hot/card_regs_gen.py": python_registers(blocks),
        "fpga/docs/registers.md": page(blocks),
    }


def main(arguments: list[str]) -> int:
    stale = []
    targets = generate(ROOT / "fpga/rtl/regs.rdl")
    for target, fresh in targets.items():
        path = ROOT / target
        if path.exists() and path.read_text() == fresh:
            continue
        stale.append(target)
        if "--check" not in arguments:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(fresh)
    if stale and "--check" in arguments:
        print(f"stale: {', '.join(stale)}. Run `python -m tools.gen_regs` and commit what it writes.")
        return 1
    print(f"{len(targets)} generated files are fresh" if not stale else f"wrote {', '.join(stale)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
