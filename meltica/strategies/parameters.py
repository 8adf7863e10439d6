"""Typed parameters of a strategy: checked before it starts, with errors that name the parameter at fault."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

import msgspec

from meltica.domain.errors import FieldError


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every strategy's parameters. Give ranges by ``Annotated[int, msgspec.Meta(ge=1)]``."""


P = TypeVar("P", bound=Parameters)

_AT = re.compile(r"^(?P<why>.*?)(?: - at `\$\.?(?P<path>[^`]*)`)?$", re.DOTALL)
_NAMED = re.compile(r"field `(?P<field>[^`]+)`")


def load_parameters(kind: type[P], values: Mapping[str, object], *, from_text: bool = False) -> P:
    """``values`` as typed parameters. ``from_text``: they come from a command line, "5" is an integer there.

    :raises FieldError: an unknown or missing parameter, a wrong type, a value out of range.
    """
    try:
        return msgspec.convert(dict(values), kind, strict=not from_text)
    except msgspec.ValidationError as error:
        found = _AT.match(str(error))
        why, path = (found["why"], found["path"]) if found else (str(error), None)
        if not path and (named := _NAMED.search(why)):
            path = named["field"]
            known = ", ".join(field.name for field in msgspec.structs.fields(kind))
            why = f"{why}; the parameters are {known}"
        field = path or "parameters"
        raise FieldError(field, values.get(field, ""), why) from None
