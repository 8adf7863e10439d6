"""A gateway's settings in words: every key with its meaning and value as a TOML file, and what is wrong with one."""

from __future__ import annotations

import ast
import difflib
import inspect
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from textwrap import wrap
from typing import Any, Final, Literal, get_origin

import msgspec

from meltica.domain.errors import FieldError

WIDTH: Final = 110
_AT: Final = re.compile(r"^(?P<why>.*?)(?: - at `\$\.?(?P<path>[^`]*)`)?$", re.DOTALL)
_FIELD: Final = re.compile(r"^Object contains unknown field `(?P<key>[^`]+)`$")
_MISSING: Final = re.compile(r"^Object missing required field `(?P<key>[^`]+)`$")
_PATTERN: Final = re.compile(r"^Expected `str` matching regex '(?P<pattern>.*)'$", re.DOTALL)
_WORDS: Final = {
    "int": "a whole number",
    "float": "a number",
    "str": 'a text in quotes, such as "this"',
    "bool": "true or false",
    "array": 'a list, such as ["this", "that"]',
    "object": "a table of keys",
}
ALL_KEYS: Final = "`meltica settings` prints all of them"
NAMES: Final = {
    "^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$": "a name of letters, digits and . _ : - without blanks, 64 at most",
    "^[a-z][a-z0-9-]{0,38}$": "a name of small letters, digits and -, 39 at most, that begins with a letter",
}


class SettingsError(FieldError):
    """The operator's fault: the file can't be read, or a key in it is wrong."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__("settings", str(path), why)
        self.args = (f"settings: {path}: {why}",)


def fault(error: msgspec.ValidationError, kind: type[msgspec.Struct], others: str = ALL_KEYS) -> str:
    """``key: what is wrong with it``, in the words of somebody who writes TOML. ``others``: who knows all keys."""
    found = _AT.match(str(error))
    why, path = (found["why"], found["path"] or "") if found else (str(error), "")
    if unknown := _FIELD.match(why):
        return f"{_joined(path, unknown['key'])}: there is no such key{_meant(unknown['key'], path, kind, others)}"
    if missing := _MISSING.match(why):
        return f"{_joined(path, missing['key'])}: is missing"
    if pattern := _PATTERN.match(why):
        return f"{path}: must be {NAMES.get(pattern['pattern'], 'a text that matches ' + pattern['pattern'])}"
    if why.startswith("Invalid enum value"):
        value = why.removeprefix("Invalid enum value ")
        return f"{path}: {value} is none of {', '.join(_choices(path, kind))}"
    if why == "Invalid decimal string":
        return f"{path}: must be a number"
    why = re.sub(r"`(\w+)`", lambda word: _WORDS.get(word[1], word[1]), why)
    return _joined(path, re.sub(r"^Expected (.*)$", r"must be \1", why), ": " if why.startswith("Expected") else ".")


def _joined(path: str, rest: str, between: str = ".") -> str:
    return f"{path}{between}{rest}" if path else rest


def _meant(key: str, path: str, kind: type[msgspec.Struct], others: str) -> str:
    """A key of this table that looks like it, or the table that has it."""
    tables = dict(_tables(kind))
    here = re.sub(r"\[\d+\]", "", path)
    close = difflib.get_close_matches(key, _keys(tables.get(here, kind)), 1)
    if close:
        return f"; is {close[0]} meant?"
    homes = [f"[{name}]" for name, table in tables.items() if name and name != here and key in _keys(table)]
    return f"; it belongs under {' or '.join(homes)}" if homes else f"; {others}"


def _tables(kind: type[msgspec.Struct], at: str = "") -> Iterator[tuple[str, type[msgspec.Struct]]]:
    yield at, kind
    for field in msgspec.structs.fields(kind):
        if (inner := _struct_of(field.type)) is not None:
            yield from _tables(inner, _joined(at, field.name))


def _struct_of(kind: Any) -> type[msgspec.Struct] | None:
    """Of ``Inner`` and of ``tuple[Inner, ...]``."""
    for each in (kind, *getattr(kind, "__args__", ())):
        if isinstance(each, type) and issubclass(each, msgspec.Struct):
            return each
    return None


def _keys(kind: type[msgspec.Struct]) -> list[str]:
    return [field.name for field in msgspec.structs.fields(kind)]


def _choices(path: str, kind: type[msgspec.Struct]) -> tuple[str, ...]:
    table, _, key = re.sub(r"\[\d+\]", "", path).rpartition(".")
    owner = dict(_tables(kind))[table]
    return tuple(next(field.type.__args__ for field in msgspec.structs.fields(owner) if field.name == key))


def page(settings: msgspec.Struct, at: str = "") -> Iterator[str]:
    """As a TOML file that says the same; a list of tables comes commented out where there is none."""
    kind = type(settings)
    about = meanings(kind)
    tables = []
    for field in msgspec.structs.fields(kind):
        if _struct_of(field.type) is not None:
            tables.append(field)
            continue
        yield from _comment(_about(field, about))
        yield f"{field.name} = {_toml(getattr(settings, field.name))}"
    for field in tables:
        yield from _table(_joined(at, field.name), about.get(field.name, ""), field, getattr(settings, field.name))


def _table(name: str, about: str, field: Any, value: Any) -> Iterator[str]:
    kind = _struct_of(field.type)
    if kind is None:
        return
    heading = ["", *_comment(about or _meaning(kind))]
    if isinstance(value, msgspec.Struct):
        yield from (*heading, f"[{name}]", *page(value, name))
        return
    for each in value:
        yield from (*heading, f"[[{name}]]", *page(each, name))
        heading = [""]
    if not value:
        yield from (*heading, f"# [[{name}]]", *_blank(kind))


def _blank(kind: type[msgspec.Struct]) -> Iterator[str]:
    """Its keys with their defaults, commented out."""
    about = meanings(kind)
    for field in msgspec.structs.fields(kind):
        default = field.default_factory() if field.default_factory is not msgspec.NODEFAULT else field.default
        shown = "..." if default is msgspec.NODEFAULT else _toml(default)
        words = _about(field, about)
        yield f"# {field.name} = {shown}" + (f"  # {words}" if words else "")


def _comment(words: str) -> list[str]:
    return [f"# {line}" for line in wrap(words, WIDTH)]


def _about(field: Any, about: dict[str, str]) -> str:
    choices = field.type.__args__ if get_origin(field.type) is Literal else ()
    return " ".join(filter(None, (about.get(field.name, ""), f"One of {', '.join(choices)}." if choices else "")))


def _meaning(kind: type[msgspec.Struct]) -> str:
    return _plain(ast.get_docstring(_parsed(kind)) or "")


def meanings(kind: type[msgspec.Struct]) -> dict[str, str]:
    """Key -> the docstring that follows it in the source."""
    told: dict[str, str] = {}
    name = ""
    for node in _parsed(kind).body:
        match node:
            case ast.AnnAssign(target=ast.Name(id=name)):
                pass
            case ast.Expr(value=ast.Constant(value=str(words))) if name:
                told[name] = _plain(words)
                name = ""
    return told


def _parsed(kind: type[msgspec.Struct]) -> ast.ClassDef:
    found = ast.parse(inspect.getsource(kind)).body[0]
    if not isinstance(found, ast.ClassDef):
        raise TypeError(kind)
    return found


def _plain(words: str) -> str:
    return " ".join(words.replace("``", "`").split())


def _toml(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return msgspec.json.encode(value).decode()
        case int():
            return f"{value:_}"
        case float() | Decimal():
            return f"{value}"
        case dict():
            return f"{{{', '.join(f'{_key(key)} = {_toml(each)}' for key, each in value.items())}}}"
        case _:
            return f"[{', '.join(map(_toml, value))}]"  # type: ignore[call-overload]


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else msgspec.json.encode(key).decode()
