"""The commands that a page prints, one by one, as somebody would type them who reads it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import msgspec

ROOT: Final = Path(__file__).resolve().parents[2]
GUIDES: Final = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in ("guides", "runbooks")
    for path in (ROOT / "docs" / folder).glob("*.md")
)
_BLOCK: Final = re.compile(r"^([ ]*)```([a-z]*)\n(.*?)^[ ]*```$", re.MULTILINE | re.DOTALL)
_LOOKS_LIKE_ONE: Final = re.compile(
    r"^(\$G |grpcurl|\.venv/|meltica|make |python|ethtool|journalctl|grep |aarch64)", re.MULTILINE
)
_COMMENT: Final = re.compile(r"\s+# .*$", re.MULTILINE)
_ID: Final = re.compile(r'"(order_id|group_id|proposal_id)": ?"(17|1|2)"')
"""Numbers that the pages say to substitute."""


class Said(msgspec.Struct, frozen=True):
    command: str
    code: int
    output: str


def blocks(document: str) -> list[tuple[str, str]]:
    """(language, text) of every fenced block."""
    text = (ROOT / document).read_text("utf-8")
    found = []
    for indent, language, body in _BLOCK.findall(text):
        found.append((language, "\n".join(line.removeprefix(indent) for line in body.splitlines())))
    return found


def commands(document: str) -> list[str]:
    """Of its ``sh`` blocks, each with the lines that it goes on in."""
    found: list[str] = []
    for language, text in blocks(document):
        if language != "sh":
            continue
        begun = ""
        for line in text.splitlines():
            begun = f"{begun}\n{line}" if begun else line
            said = _COMMENT.sub("", begun)
            if said.count("'") % 2 == 0 and said.count('"') % 2 == 0 and not line.endswith("\\"):
                found.append(begun)
                begun = ""
        assert not begun, f"{document}: a quote is not closed in {begun!r}"
    return [command for command in found if command.strip()]


def unmarked(document: str) -> list[str]:
    """Blocks that look like commands and don't say so: nobody would try them."""
    return [text for language, text in blocks(document) if not language and _LOOKS_LIKE_ONE.search(text)]


def substituted(command: str, known: Mapping[str, list[str]]) -> str:
    """The n-th number that the page prints becomes the n-th that an answer had."""
    seen: dict[str, int] = {}

    def real(match: re.Match[str]) -> str:
        name = match[1]
        place = seen[name] = seen.get(name, -1) + 1
        ids = known.get(name, [])
        return f'"{name}": "{ids[min(place, len(ids) - 1)]}"' if ids else match[0]

    return _ID.sub(real, command)


def ids_in(output: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in ("order_id", "group_id", "proposal_id"):
        camel = re.sub("_(.)", lambda match: match[1].upper(), name)
        ids = re.findall(rf'"(?:{name}|{camel})": "([0-9]+)"', output)
        if ids:
            found[name] = list(dict.fromkeys(ids))
    return found


class Terminal:
    """One shell: what a line sets, the next one has."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._shell = subprocess.Popen(
            ["bash"],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, command: str) -> Said:
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.write(f"{command}\nprintf '\\n#### %s\\n' $?\n")
        self._shell.stdin.flush()
        lines: list[str] = []
        for line in self._shell.stdout:
            if line.startswith("#### "):
                return Said(command, int(line.split()[1]), "".join(lines))
            lines.append(line)
        raise AssertionError(f"the shell ended in {command!r}: {''.join(lines)}")

    def close(self) -> None:
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.close()
        self._shell.wait(10)
        self._shell.stdout.close()


def endless(command: str) -> str:
    """A stream goes on until somebody has seen enough."""
    return re.sub(r"^\$G", "timeout 2 $G", command)


def is_stream(command: str) -> bool:
    return re.search(r"/Stream[A-Z]", command) is not None


def options_of(command: str) -> set[str]:
    return set(re.findall(r"(?<!\S)--[a-z][a-z-]*", command.partition("#")[0]))


def all_of(documents: Iterable[str]) -> list[tuple[str, str]]:
    return [(document, command) for document in documents for command in commands(document)]
