"""A sound request, what must be there before it, and what becomes of it when one thing in it is wrong."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from google.protobuf.message import Message

from tests.unit.control.serving import Running

Make = Callable[[Running], Awaitable[Message]]


class Story(msgspec.Struct, frozen=True, kw_only=True):
    method: str
    """``Service/Method``."""
    person: str
    make: Make
    """Brings the gateway to where the request is sound, and makes it; its request id is the judge's."""
    unknown: dict[str, str] = {}
    """Field -> the reason that answers the name of something that does not exist. Every name needs one."""
    ignored: dict[str, str] = {}
    """Field -> why nothing is wrong with what is tried on it; where it is a name: with an unknown one."""
    answered: tuple[str, ...] = ()
    """Fields of items that are answered one by one, while the others go on."""
    may_miss: tuple[str, ...] = ()
    """Fields that this request may go without, although others need them."""
    also: tuple[tuple[str, Any, str], ...] = ()
    """(field, value, reason): wrong in this request alone. ``field > other``: what contradicts it is named."""
    most: dict[str, int] = {}
    """Of each list, the most items. Lists that may be empty are in ``may_miss``."""
    twice: dict[str, tuple[str, str]] = {}
    """Of each list: (the field that is named when its last item comes twice, reason); or ("", why that is fine)."""

    def __str__(self) -> str:
        return self.method
