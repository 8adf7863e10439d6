"""File lists of blocks: order, inclusion, and errors that say where."""

from __future__ import annotations

from pathlib import Path

import pytest

from fpga.filelist import FileListError, blocks, code, sources


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        stem, _, kind = name.rpartition("_")
        (folder / f"{stem}.{kind}").write_text(text)


def test_files_come_in_order_and_once(tmp_path: Path) -> None:
    write(
        tmp_path, a_sv="", b_sv="", c_sv="", low_f="a.sv\nb.sv  # the b\n", top_f="a.sv\n\n-f low.f\n// a note\nc.sv\n"
    )
    assert [path.name for path in sources("top", tmp_path)] == ["a.sv", "b.sv", "c.sv"]
    write(tmp_path, other_f="b.sv\n-f low.f\n")
    assert [path.name for path in sources("other", tmp_path)] == ["b.sv", "a.sv"], "a file stays at its first place"


def test_comments_and_layout_are_no_code() -> None:
    assert code("a <= b;  // why\n\n   c;") == code("a <= b;\nc; // then") == "a <= b; c;"
    assert code("a <= b;") != code("a <= c;")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("missing.sv\n", r"top\.f:1: no file missing\.sv"),
        ("-f other.f\n", r"no file list other\.f"),
        ("-f top.f\n", r"top\.f includes itself"),
    ],
)
def test_a_list_that_leads_nowhere_says_so(tmp_path: Path, text: str, why: str) -> None:
    write(tmp_path, top_f=text)
    with pytest.raises(FileListError, match=why):
        sources("top", tmp_path)


def test_every_block_has_files_and_a_module_of_its_name() -> None:
    assert blocks()
    for block in blocks():
        assert f"{block}.sv" in [path.name for path in sources(block)], f"{block}.f has no {block}.sv"
