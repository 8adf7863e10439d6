"""The execution figures as bytes and back: pieces of JSON, which has integers of any size, in a sealed envelope.

First what is neither an order nor a group, with the number of pieces of groups; then the groups, then the orders.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from meltica.analytics.cells import Row
from meltica.analytics.course import Course
from meltica.analytics.executions import Executions
from meltica.analytics.kept import Kept
from meltica.analytics.tallies import WIDTH
from meltica.domain.errors import MelticaError
from meltica.domain.sealed import CheckpointError, Envelope, Seal

SEAL: Final = Seal(b"meltica.executions.checkpoint.v1\x00", 3)
"""Another number when what is in it changes its shape, or a group's sums their meaning."""


class Head(msgspec.Struct):
    kept: Kept
    """Without the orders."""
    groups: int
    """Pieces of groups."""


_Rows: Final = msgspec.json.Decoder(list[Row])
_Courses: Final = msgspec.json.Decoder(list[Course])


def pieces(figures: Executions) -> Iterator[bytes]:
    """As they are when the first is taken; what is applied between two of them is not in it."""
    kept, groups, orders = figures.taking()
    yield msgspec.json.encode(Head(kept, groups.count))
    yield from groups.pieces()
    yield from orders.pieces()


def encode(figures: Executions, place: bytes = b"") -> bytes:
    sequence = figures.sequence
    return SEAL.sealed(sequence, list(pieces(figures)), place)


def decode(data: bytes, place: bytes = b"") -> Executions:
    """:raises CheckpointError: damaged, taken at another place, or of another version."""
    found = SEAL.opened(data)
    SEAL.judge(found, place)
    *_, figures = reading(found)
    return figures


def reading(found: Envelope) -> Iterator[Executions]:
    """The figures as they grow by one piece each time; whole when nothing more comes.

    :raises CheckpointError: a piece is not what it should be.
    """
    try:
        head = msgspec.json.decode(found.pieces[0], type=Head)
        if head.kept.sequence != found.sequence or head.kept.courses:
            raise CheckpointError(f"entry {found.sequence} outside, {head.kept.sequence} inside")  # noqa: TRY301 - one way out
        figures = Executions(head.kept)
        yield figures
        for number, piece in enumerate(found.pieces[1:]):
            if number < head.groups:
                figures.adopt_groups(_checked(_Rows.decode(piece)))
            else:
                figures.adopt_orders(_Courses.decode(piece))
            yield figures
    except CheckpointError:
        raise
    except (MelticaError, msgspec.DecodeError, ValueError, LookupError) as error:
        raise CheckpointError(f"unreadable: {error!r}") from error


def _checked(rows: list[Row]) -> list[Row]:
    if any(len(tally.sums) != WIDTH for _, tally in rows):
        raise CheckpointError(f"a group has other sums than {WIDTH}")
    return rows
