"""Writes the hot path's records and rules in Python, Cython, SystemVerilog and prose from proto/hot/*.toml.

``python -m tools.gen_layout`` writes the files, ``--check`` only says which ones are stale (exit 1).
Nothing here decides anything: layout.toml and rulebook.toml do. Golden bytes live in proto/hot/vectors.toml.
"""

import re
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SOURCE = "proto/hot/layout.toml and proto/hot/rulebook.toml by tools/gen_layout.py; change those, not this file"
WIDTH = {"u8": 1, "u16": 2, "u32": 4, "u64": 8, "i64": 8}
STRUCT_CODE = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q", "i64": "q"}
C_TYPE = {"u8": "uint8_t", "u16": "uint16_t", "u32": "uint32_t", "u64": "uint64_t", "i64": "int64_t"}
NEEDS = ("account", "strategy", "instrument", "fields")


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    type: str
    enum: str
    offset: int

    @property
    def width(self) -> int:
        return WIDTH[self.type]


@dataclass(frozen=True, slots=True)
class Record:
    name: str
    doc: str
    type_id: int
    size: int
    fields: tuple[Field, ...]

    @property
    def snake(self) -> str:
        return re.sub(r"(?<!^)(?=[A-Z])", "_", self.name).lower()


@dataclass(frozen=True, slots=True)
class Layout:
    version: int
    constants: dict[str, dict[str, Any]]
    enums: dict[str, dict[str, Any]]
    records: tuple[Record, ...]
    checks: tuple[dict[str, Any], ...]
    rulebook_version: int

    def judged_without(self, fact: str) -> int:
        return sum(1 << check["number"] for check in self.checks if fact not in check["needs"])


class LayoutError(Exception):
    """The author of a .toml file broke a rule of the layout."""


def read_layout(folder: Path) -> Layout:
    layout = tomllib.loads((folder / "layout.toml").read_text())
    rulebook = tomllib.loads((folder / "rulebook.toml").read_text())
    records = tuple(read_record(name, body, layout["enum"]) for name, body in layout["record"].items())
    type_ids = [record.type_id for record in records]
    if len(set(type_ids)) != len(type_ids):
        raise LayoutError("two records share a type_id")
    checks = tuple(rulebook["check"])
    numbers = [check["number"] for check in checks]
    if numbers != sorted(set(numbers)) or not all(0 <= number < 64 for number in numbers):  # noqa: PLR2004 - bits of a u64
        raise LayoutError("check numbers must rise and fit a 64-bit mask")
    for check in checks:
        if set(check["needs"]) - set(NEEDS):
            raise LayoutError(f"check {check['name']} needs an unknown fact")
    return Layout(layout["version"], layout["constant"], layout["enum"], records, checks, rulebook["version"])


def read_record(name: str, body: dict[str, Any], enums: dict[str, Any]) -> Record:
    fields: list[Field] = []
    offset = 0
    for field_name, field_type, *enum in body["fields"]:
        if offset % WIDTH[field_type]:
            raise LayoutError(f"{name}.{field_name} at byte {offset} is not aligned: add a reserved field")
        if enum and enum[0] not in enums:
            raise LayoutError(f"{name}.{field_name} has the unknown enum {enum[0]}")
        fields.append(Field(field_name, field_type, enum[0] if enum else "", offset))
        offset += WIDTH[field_type]
    if (fields[0].name, fields[0].type) != ("type_id", "u16"):
        raise LayoutError(f"{name} must begin with type_id u16")
    if offset != body["size"] or offset % max(field.width for field in fields):
        raise LayoutError(f"{name} adds up to {offset} bytes, {body['size']} are declared, padding is not allowed")
    return Record(name, body["doc"], body["type_id"], body["size"], tuple(fields))


# --- Python ------------------------------------------------------------------------------------------------------


def python_layout(layout: Layout) -> str:
    out = [
        f'"""Records and words of the hot path. Generated from {SOURCE}."""\n',
        "from dataclasses import dataclass",
        "from enum import IntEnum, IntFlag",
        "from struct import Struct",
        "from typing import ClassVar, Self\n",
        "import numpy as np\n",
        f"LAYOUT_VERSION = {layout.version}",
    ]
    out += [f"{name} = {body['value']}  # {body['why']}" for name, body in layout.constants.items()]
    for name, body in layout.enums.items():
        base = "IntFlag" if name == "Flag" else "IntEnum"
        out += [f'\n\nclass {name}({base}):\n    """{body["doc"]}"""\n']
        out += [f"    {word} = {value}" for word, value in body["values"].items()]
    for record in layout.records:
        out += ["\n", *python_record(record)]
    union = " | ".join(f"{record.name}Record" for record in layout.records)
    rows = "".join(f"    {record.name}Record.TYPE_ID: {record.name}Record,\n" for record in layout.records)
    out += [f"\n\nRecord = {union}", f"RECORDS: dict[int, type[Record]] = {{\n{rows}}}", *PYTHON_READ_RECORD]
    return "\n".join([*out, ""])


PYTHON_READ_RECORD = (
    "\n\ndef read_record(data: bytes) -> Record:",
    '    """The record in `data`; ValueError when it is none of ours or has the wrong size."""',
    '    record = RECORDS.get(int.from_bytes(data[:2], "little"))',
    "    if record is None:",
    '        raise ValueError(f"unknown record: {data[:8].hex()}")',
    "    return record.from_bytes(data)",
)


def python_record(record: Record) -> list[str]:
    code = "<" + "".join(STRUCT_CODE[field.type] for field in record.fields)
    own = [field for field in record.fields if field.name != "type_id" and not is_reserved(field)]
    packed = ["0" if is_reserved(field) else f"self.{field.name}" for field in record.fields]
    names = ["_" if is_reserved(field) else field.name for field in record.fields]
    name = f"{record.name}Record"
    dtype = {
        "names": [field.name for field in record.fields],
        "formats": [f"<{field.type[0]}{field.width}" for field in record.fields],
        "offsets": [field.offset for field in record.fields],
        "itemsize": record.size,
    }
    return [
        "@dataclass(frozen=True, slots=True)",
        f"class {name}:",
        f'    """{record.doc} {record.size} bytes."""\n',
        *[f"    {field.name}: int" for field in own],
        f"    type_id: int = {record.type_id}\n",
        f"    TYPE_ID: ClassVar[int] = {record.type_id}",
        f"    SIZE: ClassVar[int] = {record.size}",
        f'    CODEC: ClassVar[Struct] = Struct("{code}")',
        f"    DTYPE: ClassVar[np.dtype[np.void]] = np.dtype({dtype})\n",
        "    def to_bytes(self) -> bytes:",
        f"        return self.CODEC.pack({', '.join(packed)})\n",
        "    @classmethod",
        "    def from_bytes(cls, data: bytes) -> Self:",
        f"        if len(data) != {record.size}:",
        f'            raise ValueError(f"{record.name} has {record.size} bytes, not {{len(data)}}")',
        f"        {', '.join(names)} = cls.CODEC.unpack(data)",
        f"        if type_id != {record.type_id}:",
        f'            raise ValueError(f"{record.name} has type id {record.type_id}, not {{type_id}}")',
        f"        return cls({', '.join(field.name for field in own)})",
    ]


def is_reserved(field: Field) -> bool:
    return re.fullmatch(r"reserved\d", field.name) is not None


def python_rulebook(layout: Layout) -> str:
    out = [
        f'"""The pre-trade checks by number. Generated from {SOURCE}."""\n',
        "from dataclasses import dataclass",
        "from enum import IntEnum\n",
        f"RULEBOOK_VERSION = {layout.rulebook_version}",
        "PASS = -1",
        *[f"JUDGED_WITHOUT_{fact.upper()} = {layout.judged_without(fact):#x}" for fact in NEEDS],
        '\n\nclass Check(IntEnum):\n    """Bit n of a mask is check n; the lowest fired one is the reason."""\n',
        *[f"    {check['name']} = {check['number']}" for check in layout.checks],
        "\n\n@dataclass(frozen=True, slots=True)\nclass Rule:",
        "    check: Check\n    title: str\n    fires: str\n    ouch_code: int\n    rule: str\n\n",
        "RULES: dict[Check, Rule] = {",
    ]
    for check in layout.checks:
        arguments = f'"{check["title"]}", "{check["fires"]}", {check["ouch"]:#06x}, "{check["rule"]}"'
        out += [f"    Check.{check['name']}: Rule(Check.{check['name']}, {arguments}),"]
    return "\n".join([*out, "}", ""])


# --- Cython ------------------------------------------------------------------------------------------------------


def cython_layout(layout: Layout) -> str:
    out = [
        f"# Records and rules of the hot path for Cython. Generated from {SOURCE}.",
        "from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t\n",
        'cdef extern from *:\n    """\n    #ifndef MELTICA_HOT_LAYOUT\n    #define MELTICA_HOT_LAYOUT',
        "    #include <stddef.h>\n    #include <stdint.h>",
    ]
    out += [f"    #define MELTICA_{name} {constant['value']}LL" for name, constant in layout.constants.items()]
    for fact in NEEDS:
        out += [f"    #define MELTICA_JUDGED_WITHOUT_{fact.upper()} {layout.judged_without(fact):#x}ULL"]
    for record in layout.records:
        name = f"meltica_{record.snake}_t"
        out += ["    typedef struct __attribute__((packed)) {"]
        out += [f"        {C_TYPE[field.type]} {field.name};" for field in record.fields]
        out += [f"    }} {name};", f'    _Static_assert(sizeof({name}) == {record.size}, "size of {record.name}");']
        out += [
            f'    _Static_assert(offsetof({name}, {field.name}) == {field.offset}, "{record.name}.{field.name}");'
            for field in record.fields
        ]
    out += ['    #endif\n    """']
    out += [f'    const int64_t {name} "MELTICA_{name}"' for name in layout.constants]
    out += [f'    const uint64_t JUDGED_WITHOUT_{f.upper()} "MELTICA_JUDGED_WITHOUT_{f.upper()}"' for f in NEEDS]
    for record in layout.records:
        out += [f'    ctypedef struct {record.name}Record "meltica_{record.snake}_t":']
        out += [f"        {C_TYPE[field.type]} {field.name}" for field in record.fields]
    out += ["\ncdef enum:", f"    LAYOUT_VERSION = {layout.version}"]
    out += [f"    {record.snake.upper()}_TYPE_ID = {record.type_id}" for record in layout.records]
    for name, body in layout.enums.items():
        prefix = re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper()
        out += [f"    {prefix}_{word} = {value}" for word, value in body["values"].items()]
    out += [f"    CHECK_{check['name']} = {check['number']}" for check in layout.checks]
    return "\n".join([*out, ""])


# --- SystemVerilog -----------------------------------------------------------------------------------------------


def sv_package(layout: Layout) -> str:
    out = [
        f"// Records and rules of the hot path. Generated from {SOURCE}.",
        "// A packed struct puts its first member into the most significant bits, and byte 0 of a record is bits 7:0:",
        "// so the members are listed from the last field to the first.",
        "`default_nettype none\n",
        "// A package offers names; which of them a design uses is the design's affair.",
        "/* verilator lint_off UNUSEDPARAM */",
        "package meltica_hot_pkg;\n",
        f"  localparam int unsigned LayoutVersion = {layout.version};",
        f"  localparam int unsigned RulebookVersion = {layout.rulebook_version};",
        f"  localparam int unsigned CheckCount = {len(layout.checks)};",
    ]
    for name, body in layout.constants.items():
        out += [f"  // {body['why']}", f"  localparam logic [63:0] {camel(name)} = 64'd{body['value']};"]
    for name, body in layout.enums.items():
        words = ",\n".join(f"    {sv_word(name, word)} = 8'd{value}" for word, value in body["values"].items())
        out += [f"\n  // {body['doc']}", "  typedef enum logic [7:0] {", words, f"  }} {snake(name)}_e;"]
    for record in layout.records:
        out += [f"\n  // {record.doc}", f"  localparam logic [15:0] {record.name}TypeId = 16'd{record.type_id};"]
        out += [f"  localparam int unsigned {record.name}Bytes = {record.size};", "  typedef struct packed {"]
        out += [
            f"    logic {'signed ' if field.type == 'i64' else ''}[{8 * field.width - 1}:0] {field.name};"
            f"  // byte {field.offset}"
            for field in reversed(record.fields)
        ]
        out += [f"  }} {record.snake}_t;"]
    out += ["\n  // Bits of the fired mask."]
    out += [
        f"  localparam int unsigned Check{camel(c['name'])} = {c['number']};  // {c['title']}" for c in layout.checks
    ]
    out += [f"  localparam logic [63:0] JudgedWithout{f.title()} = 64'h{layout.judged_without(f):x};" for f in NEEDS]
    return "\n".join([*out, "\nendpackage", "/* verilator lint_on UNUSEDPARAM */", "\n`default_nettype wire", ""])


def snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.lower().split("_"))


def sv_word(enum: str, word: str) -> str:
    return f"{enum}{camel(word)}"


# --- prose -------------------------------------------------------------------------------------------------------


def risk_checks_page(layout: Layout) -> str:
    out = [
        "# Pre-trade checks\n",
        f"<!-- Generated from {SOURCE}. -->\n",
        f"Every order passes these {len(layout.checks)} checks, in software and on the card alike. The reason of a",
        "refusal is the lowest number that fired; every check that fired is in the mask and is counted. A refused",
        "order leaves no trace but in the counters. `CANCEL` is judged by `MALFORMED` alone.\n",
        "Limits fail closed: a row that was never set, and each limit of 0, blocks. Where 0 means off instead:",
        "`duplicate_window_ns`, `max_impact_percent`, a price band of 0 and 0, and `rearm_after_ns` (by hand only).",
        "The largest value of a field is no limit.\n",
        "A check is judged only where the facts it needs are there: `account`, `strategy` and `instrument` mean that",
        "the row of limits was set, `fields` that `FIELD_SANITY` has not fired. `MALFORMED` stands alone.\n",
        "Breakers (24, 30, 33, 34) latch: a record trips them, an order never does. `Rearm` lets go of one and counts",
        "from 0: executions, rejects in a row, or for `DRAWDOWN` from the PnL of now; `DAILY_LOSS` trips again at once",
        "unless a new day or a new limit has come first. With `rearm_after_ns` an account's breaker also stops firing",
        "so long after the last record that tripped it, until the next such record.\n",
        "A card counts with fewer bits than software and refuses what does not fit (`meltica.hot.bounds`): an order of",
        "more than 2^20-1 lots or at a price beyond 2^31-1 ticks fires `FIELD_SANITY`; a record is refused whole when",
        "a price is beyond 2^31-1, lots are beyond 2^32-1, a position or one side's open lots would reach 2^46,",
        "`value_per_tick_lot_nanos` is not the card's unit, or `self_match` is `DECREMENT`. Position limits beyond",
        "2^46 are kept as 2^46, and a collar ends at 2^31-1. A software gate with the same bounds answers the same.\n",
        "| # | check | fires when | needs | looks at | moves on pass | OUCH 5.0 | rule served |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for check in layout.checks:
        ouch = f"`{check['ouch']:#06x}`" if check["ouch"] else "local"
        row = [
            str(check["number"]),
            f"`{check['name']}`<br>{check['title']}",
            check["fires"],
            ", ".join(check["needs"]) or "-",
            ", ".join(check["inputs"]),
            check["state"],
            ouch,
            check["rule"] or "-",
        ]
        out += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"]
    return "\n".join([*out, ""])


TARGETS: dict[str, Callable[[Layout], str]] = {
    "meltica/hot/layout_gen.py": python_layout,
    "meltica/hot/rulebook_gen.py": python_rulebook,
    "cython_ext/layout_gen.pxd": cython_layout,
    "fpga/rtl/gen/meltica_hot_pkg.sv": sv_package,
    "docs/risk_checks.md": risk_checks_page,
}


def main(arguments: list[str]) -> int:
    layout = read_layout(ROOT / "proto/hot")
    stale = []
    for target, write in TARGETS.items():
        path, text = ROOT / target, write(layout)
        if path.exists() and path.read_text() == text:
            continue
        stale.append(target)
        if "--check" not in arguments:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    if stale and "--check" in arguments:
        print(f"stale: {', '.join(stale)}. Run `python -m tools.gen_layout` and commit what it writes.")
        return 1
    print(f"{len(TARGETS)} generated files are fresh" if not stale else f"wrote {', '.join(stale)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
