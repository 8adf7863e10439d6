"""The FIX matrices, the published ones and ours; and the runner that replays them is judged as well."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance import fix_words
from tests.conformance.fix_matrices import MismatchError, load, main, replay

ROOT = Path(__file__).parents[2]
OURS = Path(__file__).with_name("fix_more.json")
DATA = Path(os.environ.get("MELTICA_DATA", ROOT.parent / "shared" / "data"))
PUBLISHED = DATA / "fix" / "order_state_matrices.json"
COMPARED = ("ord_status", "cum_qty", "leaves_qty", "order_qty", "avg_px")

NEW = {"dir": "in", "msg": "NewOrder", "clord": "X", "orig": None, "qty": 100}
ACKNOWLEDGED = {"dir": "out", "msg": "ExecutionReport", "exec_type": "New", "ord_status": "New", "clord": "X"}
REJECTED = ACKNOWLEDGED | {"exec_type": "Rejected", "ord_status": "Rejected", "cum_qty": 0, "leaves_qty": 0}
FILLED = ACKNOWLEDGED | {"exec_type": "Trade", "ord_status": "Filled", "last_qty": 100, "cum_qty": 100, "leaves_qty": 0}


def matrices():
    found = [pytest.param(matrix, id=f"ours-{name}") for name, matrix in load(OURS).items()]
    if PUBLISHED.exists():
        found += [pytest.param(matrix, id=name) for name, matrix in load(PUBLISHED).items()]
    return found


def test_the_published_matrices_are_there():
    if not PUBLISHED.exists():
        pytest.skip(f"no {PUBLISHED}: MELTICA_DATA names the folder of the data")
    assert len(load(PUBLISHED)) == 8


@pytest.mark.parametrize("matrix", matrices())
def test_the_engine_agrees(matrix):
    assert replay(matrix) == sum(step["dir"] == "out" for step in matrix["steps"])


@pytest.mark.parametrize("matrix", matrices())
def test_each_changed_answer_is_noticed(matrix):
    """A judge that can't say no is none: change what each step compares, one field at a time."""
    for number, step in enumerate(matrix["steps"]):
        for field in COMPARED:
            if step["dir"] == "out" and step.get(field) is not None:
                wrong = copy.deepcopy(matrix)
                told = wrong["steps"][number]
                told[field] = _other(field, step[field])
                if field == "order_qty" and told["exec_type"] in {"Replaced", "Restated", "Rejected"}:
                    continue  # There it is what happened, or what was asked for, and not compared.
                with pytest.raises(MismatchError, match=rf"step {number + 1} "):
                    replay(wrong)


def _other(field, value):
    if field == "ord_status":
        return "PendingNew" if value != "PendingNew" else "New"
    return float(value) + 1 if field == "avg_px" else int(value) + 1


@pytest.mark.parametrize("matrix", matrices())
def test_an_order_that_was_never_sent_is_not_made_up(matrix):
    """A living order may be somebody else's; the change or end of one that we never had agrees with nothing."""
    living = {"New", "PendingNew", "Trade", "Restated", "OrderStatus", None}
    for step in matrix["steps"]:
        if step.get("exec_type") not in living and step.get("ord_status") != "Rejected":
            with pytest.raises(MismatchError):
                replay({"steps": [step]})


def test_alternatives_may_go_on_or_stand_beside_each_other():
    cancel = {"dir": "in", "msg": "Cancel", "clord": "Y", "orig": "X", "qty": None}
    pending = ACKNOWLEDGED | {"exec_type": "PendingCancel", "ord_status": "PendingCancel", "clord": "Y", "orig": "X"}
    gone = pending | {"exec_type": "Canceled", "ord_status": "Canceled"}
    alt = {"alt": True}
    steps = [NEW, ACKNOWLEDGED, cancel, pending | alt, gone | alt, FILLED | alt, FILLED]
    assert replay({"steps": steps}) == 5
    never = gone | alt | {"ord_status": "New"}
    with pytest.raises(MismatchError, match="step 5"):
        replay({"steps": [NEW, ACKNOWLEDGED, cancel, pending | alt, never, FILLED]})


def test_a_refused_duplicate_has_one_answer_and_the_first_order_lives_on():
    assert replay({"steps": [NEW, ACKNOWLEDGED, NEW, REJECTED, FILLED]}) == 3
    with pytest.raises(MismatchError, match="step 4"):
        replay({"steps": [NEW, ACKNOWLEDGED, NEW, REJECTED | {"ord_status": "New"}]})


SPELLINGS = [
    ("New", "0"),
    ("Trade", "F", "Fill", "Partial Fill", "1", "2"),
    ("DoneForDay", "Done for Day", "DONE_FOR_DAY", "3"),
    ("Canceled", "Cancelled", "canceled", "4"),
    ("Replaced", "Replace", "5"),
    ("PendingCancel", "Pending Cancel", "pending-cancel", "6"),
    ("TradeCorrect", "Trade Correct", "TradeCorrection", "G"),
    ("TradeCancel", "Trade Cancel", "Bust", "H"),
    ("OrderStatus", "Order Status", "Status", "I"),
    ("PendingReplace", "Pending Replace", "E"),
    ("Restated", "D"),
    ("Expired", "C"),
]


@pytest.mark.parametrize("spellings", SPELLINGS, ids=lambda words: words[0])
def test_exec_types_may_be_spelt_as_people_do(spellings):
    read = {fix_words.read(ACKNOWLEDGED | {"exec_type": word}).exec_type for word in spellings}
    assert [kind.value for kind in read] == [spellings[0]]


def test_tag_values_and_numbers_as_text_are_read():
    order = NEW | {"msg": "NewOrderSingle", "qty": "100", "tif": None, "unknown": {"key": 1}}
    fill = FILLED | {"exec_type": "2", "ord_status": "2", "last_qty": "100", "cum_qty": 100.0, "optional": True}
    assert replay({"steps": [order, ACKNOWLEDGED | {"exec_type": 0, "ord_status": "0", "crosses": True}, fill]}) == 2


def test_an_average_price_may_be_rounded_either_way():
    thirds = FILLED | {"ord_status": "PartiallyFilled", "leaves_qty": None}
    first = thirds | {"last_qty": 1, "cum_qty": 1, "last_px": 100, "avg_px": 100, "exec_id": "a"}
    second = thirds | {"last_qty": 2, "cum_qty": 3, "last_px": 101, "exec_id": "b"}
    for average in ("100.66", "100.67", "100.666667"):
        replay({"steps": [NEW, ACKNOWLEDGED, first, second | {"avg_px": average}]})
    with pytest.raises(MismatchError, match="avg_px"):
        replay({"steps": [NEW, ACKNOWLEDGED, first, second | {"avg_px": "100.64"}]})


@pytest.mark.parametrize(
    "steps",
    [
        [],
        [NEW],
        ["garbage"],
        [None],
        [NEW, ACKNOWLEDGED | {"exec_type": "Exploded"}],
        [NEW, ACKNOWLEDGED | {"ord_status": "Wobbly"}],
        [NEW, ACKNOWLEDGED | {"exec_type": None}],
        [NEW | {"qty": None}, ACKNOWLEDGED],
        [NEW | {"qty": "many"}, ACKNOWLEDGED],
        [NEW | {"qty": "NaN"}, ACKNOWLEDGED],
        [NEW | {"qty": 1.5}, ACKNOWLEDGED],
        [NEW | {"msg": "Gossip"}, ACKNOWLEDGED],
        [NEW | {"tif": "whenever"}, ACKNOWLEDGED],
    ],
    ids=[f"nonsense-{number}" for number in range(13)],
)
def test_a_matrix_that_says_nothing_fails(steps):
    with pytest.raises(MismatchError):
        replay({"steps": steps})


@pytest.mark.parametrize(
    "content",
    [b"", b"no json", b"\xff\xfe\x00", b"[]", b"null", b"{}", b'{"matrices": []}', b'{"matrices": {}}', b"[" * 100_000],
    ids=[f"garbage-{number}" for number in range(9)],
)
def test_a_file_that_is_none_exits_with_2(tmp_path, content, capsys):
    path = tmp_path / "matrices.json"
    path.write_bytes(content)
    assert main(path) == 2
    assert "not a file of matrices" in capsys.readouterr().err


def test_the_program_prints_a_line_per_matrix_and_tells_by_its_exit_code(tmp_path):
    right = {"title": "filled", "steps": [NEW, ACKNOWLEDGED, FILLED]}
    wrong = {"title": "not filled", "steps": [NEW, ACKNOWLEDGED, FILLED | {"cum_qty": 99}]}
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps({"matrices": {"A": right}}))
    bad.write_text(json.dumps({"matrices": {"A": right, "B": wrong, "C": {"title": "empty"}, "D": "no matrix"}}))
    assert _program(good) == (0, ["ok A 2 steps filled", "1 of 1 matrices agree"])
    code, lines = _program(bad)
    assert code == 1
    assert [line.split()[:2] for line in lines[:4]] == [["ok", "A"], ["FAIL", "B"], ["FAIL", "C"], ["FAIL", "D"]]
    assert "cum_qty is 100 but should be 99" in lines[1]
    assert lines[-1] == "1 of 4 matrices agree"
    assert _program(tmp_path / "missing.json")[0] == _program()[0] == 2


def _program(*arguments):
    command = [sys.executable, "-m", "tests.conformance.fix_matrices", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, [" ".join(line.split()) for line in done.stdout.splitlines()]
