"""Errors of the domain. Each says whose fault it is: ours, theirs, or a normal "no" with a reason."""

from __future__ import annotations


class MelticaError(Exception):
    """Base of every error that Meltica raises on purpose."""


class FieldError(MelticaError):
    """The caller's fault: one field of a request is wrong. ``field`` names it, ``value`` is what was given."""

    def __init__(self, field: str, value: object, why: str) -> None:
        super().__init__(f"{field}: {why} (got {_shown(value)})")
        self.field = field
        self.value = value
        self.why = why


class InvariantError(MelticaError):
    """Our fault: a rule that the code itself must keep is broken. The engine stops rather than go on."""


class GateUnreachableError(MelticaError):
    """The gate lives in another process and does not answer: nothing may leave until it does."""


class RequestReusedError(MelticaError):
    """The caller's fault: a ``request_id`` came again with a different command."""


class NotAcceptingError(MelticaError):
    """Nobody's fault: the gateway is starting or draining, or it has stopped for a reason that the message tells."""


def _shown(value: object, limit: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[:limit] + "…"
