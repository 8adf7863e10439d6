"""Help pages: every command has an example that it takes, and all of it fits a terminal of 80 columns."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Iterator

import pytest
import typer

from meltica.app.cli import app

COLUMNS = 80


def commands(group: typer.core.TyperGroup, *path: str) -> Iterator[tuple[tuple[str, ...], typer.core.TyperCommand]]:
    for name, command in group.commands.items():
        if isinstance(command, typer.core.TyperGroup):
            yield from commands(command, *path, name)
        else:
            yield (*path, name), command


ALL = dict(commands(typer.main.get_command(app)))


def shown(command: typer.core.TyperCommand) -> list[str]:
    return (command.epilog or "").splitlines()[1:]


def test_the_program_has_commands() -> None:
    assert {("journal", "verify"), ("up",), ("settings",), ("reconcile", "approve")} <= ALL.keys()


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_has_an_example_that_it_takes(path: tuple[str, ...]) -> None:
    command = ALL[path]
    lines = shown(command)
    assert lines, "end its help with an example: examples(...)"
    for line in lines:
        assert len(line.strip()) < COLUMNS - 1, "too long to be copied from a terminal"
        words = list(itertools.takewhile(lambda word: word not in {"|", ">"}, shlex.split(line)))
        assert words[: len(path) + 1] == ["meltica", *path]
        command.make_context(words[0], words[len(path) + 1 :])  # Refuses unknown options, missing and wrong values


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_paragraphs_are_not_broken_twice(path: tuple[str, ...]) -> None:
    """The first line becomes the summary and may be long; what follows keeps its line ends."""
    _, _, rest = (ALL[path].help or "").partition("\n\n")
    assert all(len(line) < COLUMNS - 1 for line in rest.splitlines())
