"""What the reports' pages have in common: one document, its sections, tiles and tables. Nothing is fetched by them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Final

from meltica.domain.errors import MelticaError

STYLE: Final = """
body{font:15px/1.5 system-ui,Segoe UI,Helvetica,Arial,sans-serif;color:#1b1f24;max-width:1080px;margin:2em auto;
padding:0 1.2em;background:#fff}
h1{font-size:1.6em;margin:0}h2{font-size:1.15em;margin:2.2em 0 .3em}p{margin:.2em 0 .8em;color:#57606a}
.tiles{display:grid;grid-template-columns:repeat(4,1fr);gap:.8em;margin:1.2em 0}
@media(max-width:640px){.tiles{grid-template-columns:repeat(2,1fr)}}
.tile{border:1px solid #e3e6ea;border-radius:8px;padding:.5em .9em}
.tile b{display:block;font-size:1.35em;font-weight:600}.tile span{color:#6a737d;font-size:.85em}
table{border-collapse:collapse;font-size:.8em;font-variant-numeric:tabular-nums;width:100%}
th,td{padding:.25em .45em;text-align:right;border-bottom:1px solid #e3e6ea;white-space:nowrap}
th{color:#6a737d;font-weight:500}td:first-child,th:first-child{text-align:left}.scroll{overflow-x:auto}
"""


class ReportError(MelticaError):
    """The report can't be written there."""


def write(path: Path, page: str) -> None:
    """:raises ReportError: the file can't be written."""
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise ReportError(f"{path}: can't be written: {error.strerror}") from error


def document(title: str, parts: Iterable[str]) -> str:
    head = f"<h1>{escape(title)}</h1>"
    start = f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
    view = '<meta name="viewport" content="width=device-width,initial-scale=1">'
    return f"{start}{view}<style>{STYLE}</style></head><body>{head}{''.join(parts)}</body></html>\n"


def section(title: str, words: str, body: str) -> str:
    said = f"<p>{escape(words)}</p>" if words else ""
    return f"<h2>{escape(title)}</h2>{said}<div class='scroll'>{body}</div>"


def tiles(shown: Iterable[tuple[str, str]]) -> str:
    """(value, what it is)."""
    each = "".join(
        f'<div class="tile"><b>{escape(value)}</b><span>{escape(name)}</span></div>' for value, name in shown
    )
    return f'<div class="tiles">{each}</div>'


def table(headings: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in headings)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>" for cells in lines)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
