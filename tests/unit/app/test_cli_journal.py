"""``meltica journal``: what a person is told who asks for something that is not there."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from meltica.app.commands.journal import app
from meltica.domain.errors import FieldError
from meltica.journal.errors import JournalMissingError
from tests.unit.analytics.days import Day
from tests.unit.app.test_execution_report import written


def run(*arguments: object):
    return CliRunner().invoke(app, [str(each) for each in arguments])


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    day = Day()
    day.submit(1, (3999, 4001))
    return written(tmp_path / "journal.db", day.stored)


def test_an_entry_beyond_the_end_is_no_damage(journal: Path):
    newest = len(run("show", journal).stdout.splitlines()) and int(run("show", journal, "--count", 1).stdout.split()[0])
    done = run("show", journal, "--first", newest + 1)
    assert isinstance(done.exception, FieldError)
    assert str(done.exception) == f"--first: there is no such entry yet; the newest is {newest} (got {newest + 1})"
    assert run("show", journal, "--first", newest).stdout == run("show", journal, "--count", 1).stdout
    assert "must not be before --first 2" in str(run("show", journal, "--first", 2, "--last", 1).exception)


def test_no_file_is_no_broken_chain(tmp_path: Path):
    done = run("verify", tmp_path / "none.db")
    assert isinstance(done.exception, JournalMissingError)
    assert done.stdout == ""


@pytest.mark.parametrize("head", ["12", "12:", "x:" + "0" * 64, "12:" + "0" * 62, "-1:" + "0" * 64])
def test_an_anchor_that_is_none_is_a_wrong_option(journal: Path, head: str):
    done = run("verify", journal, f"--head={head}")
    assert isinstance(done.exception, FieldError)
    assert str(done.exception).startswith("--head: must be SEQ:HASH")


def test_an_anchor_of_another_journal_is_a_problem_of_the_journal(journal: Path):
    done = run("verify", journal, "--head", "1:" + "0" * 64)
    assert done.exit_code == 1
    assert "the expected head is not in this journal" in done.stdout
    head = next(line for line in run("verify", journal).stdout.splitlines() if line.startswith("head "))
    assert run("verify", journal, "--head", head.removeprefix("head ")).exit_code == 0
