"""Proofs are written down so that they can fail, and a mistake in them is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fpga.formal import __main__ as cli
from fpga.formal.proof import Bug, Proof, ProofError, all_proofs, read, script

GOOD = 'says = "x"\nblock = "kill_switch"\n[[bug]]\nname = "b"\nfile = "kill_switch.sv"\nold = "a"\nnew = "c"\n'


def test_there_are_proofs_and_each_bug_still_has_its_place() -> None:
    proofs = all_proofs()
    assert proofs
    for proof in proofs:
        for bug in proof.bugs:
            assert proof.texts(bug) != proof.texts(), f"{proof.name}: {bug.name}"


def test_cases_are_the_modes_and_a_search_for_each_bug(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text('modes = ["prove", "cover"]\nengine = "abc pdr"\n' + GOOD)
    proof = read(path)
    assert [(name, mode) for name, mode, _ in proof.cases()] == [
        ("prove", "prove"),
        ("cover", "cover"),
        ("bug_b", "bmc"),
    ]
    assert "abc pdr" in script(proof, "prove", ["x.sv"])
    assert "smtbmc" in script(proof, "bmc", ["x.sv"])
    assert "--top p_proof" in script(proof, "bmc", ["x.sv"])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('says = "x"\nblock = "kill_switch"\n', "no planted bug"),
        ('modes = ["hope"]\n' + GOOD, "modes hope"),
        (GOOD.replace("kill_switch", "no_such_block"), "no block no_such_block"),
        ("speed = 3\n" + GOOD, "speed"),
    ],
)
def test_a_proof_that_is_written_down_wrongly_is_refused(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "p.toml"
    path.write_text(text)
    with pytest.raises(ProofError, match=why):
        read(path)


def test_a_bug_must_have_one_place_and_change_something() -> None:
    assert Bug("b", "f", "one", "two").planted("one three") == "two three"
    for text in ("two", "one one"):
        with pytest.raises(ProofError, match="times, not once"):
            Bug("b", "f", "one", "two").planted(text)
    with pytest.raises(ProofError, match="changes nothing"):
        Bug("b", "f", "one", "one").planted("one")
    with pytest.raises(ProofError, match="not among"):
        Proof("kill_switch", "x", "kill_switch").texts(Bug("b", "other.sv", "a", "c"))


@pytest.mark.parametrize(
    ("case", "status", "good"),
    [("prove", "PASS", True), ("prove", "UNKNOWN", False), ("cover", "FAIL", False), ("bug_x", "FAIL", True)]
    + [("bug_x", status, False) for status in ("PASS", "UNKNOWN", "TIMEOUT", "ERROR")],
)
def test_a_bug_counts_only_when_it_was_found(
    case: str, status: str, good: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    proof = Proof("p", "x", "kill_switch", bugs=(Bug("x", "f", "a", "b"),))
    right = {"prove": "PASS", "cover": "PASS", "bug_x": "FAIL"}

    def judge(proof: Proof, name: str, *_: object) -> cli.Outcome:
        return cli.Outcome(proof, name, status if name == case else right[name], 1.0, True, cli.CACHE / name)

    monkeypatch.setattr(cli, "all_proofs", lambda: [replace(proof, modes=("prove", "cover"))])
    monkeypatch.setattr(cli, "judge", judge)
    assert cli.main([]) == (0 if good else 1)
    assert ("FAIL  p" not in capsys.readouterr().out) == good


def test_an_unknown_proof_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["no_such_proof"]) == 2
    assert "no proof no_such_proof; there are:" in capsys.readouterr().err
