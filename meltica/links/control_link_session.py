"""What the gateway knows of one hot process: the table of its standings, and the words in which changes are told."""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import Final, NamedTuple

from meltica.links.control_link_messages import Use
from meltica.links.control_link_stream import Stream


class Standing(Enum):
    ABSENT = "absent"
    """Not heard since the gateway started."""
    JOINING = "joining"
    """Heard; its drop copies are fetched, the lease of an earlier life runs out."""
    ADMITTED = "admitted"
    """Its books are settled; it was sent the state and has not confirmed it yet."""
    READY = "ready"
    """It holds what the gateway says that it holds; it waits to be armed."""
    ARMED = "armed"
    """Its beats are answered with a lease."""
    DEAD = "dead"
    """Silent, too slow, or gone. What it was granted stays reserved."""


class Happening(Enum):
    HELLO = "hello"
    SETTLED = "books settled"
    CONFIRMED = "state confirmed"
    ARM = "armed"
    STOPPED = "lease lapsed, or disarmed"
    DIFFERS = "state differs"
    GONE = "silent, slow, or left"


MOVES: Final[dict[tuple[Standing, Happening], Standing]] = {
    (Standing.ABSENT, Happening.HELLO): Standing.JOINING,
    (Standing.JOINING, Happening.HELLO): Standing.JOINING,
    (Standing.JOINING, Happening.SETTLED): Standing.ADMITTED,
    (Standing.JOINING, Happening.GONE): Standing.DEAD,
    (Standing.ADMITTED, Happening.HELLO): Standing.JOINING,
    (Standing.ADMITTED, Happening.CONFIRMED): Standing.READY,
    (Standing.ADMITTED, Happening.GONE): Standing.DEAD,
    (Standing.READY, Happening.HELLO): Standing.JOINING,
    (Standing.READY, Happening.ARM): Standing.ARMED,
    (Standing.READY, Happening.DIFFERS): Standing.ADMITTED,
    (Standing.READY, Happening.GONE): Standing.DEAD,
    (Standing.ARMED, Happening.HELLO): Standing.JOINING,
    (Standing.ARMED, Happening.STOPPED): Standing.READY,
    (Standing.ARMED, Happening.DIFFERS): Standing.ADMITTED,
    (Standing.ARMED, Happening.GONE): Standing.DEAD,
    (Standing.DEAD, Happening.HELLO): Standing.JOINING,
}
"""What is not listed does not move. Only ARMED has a lease, and there is one way into it."""

IN_TOUCH: Final = frozenset({Standing.ADMITTED, Standing.READY, Standing.ARMED})
"""Their stream is published."""


class Joined(NamedTuple):
    """A gate has said hello, and its drop copies up to now are durable: settle its books, then ``admit`` it."""

    gate: str
    gate_epoch: int
    fresh: bool
    """It has never held a state."""
    remembers: bool
    """Its positions and working orders are those of its earlier lives; else tell them as the state's base."""


class Dropped(NamedTuple):
    """New drop copies, each once and in order. Make them durable, then ``keep``."""

    gate: str
    first: int
    records: bytes


class Reported(NamedTuple):
    gate: str
    gate_epoch: int
    number: int
    applied: int
    """It holds the entries of its stream up to this one."""
    drops_next: int
    """What it lets out from here on is judged by those."""
    uses: tuple[Use, ...]


class Changed(NamedTuple):
    """A gate's standing moved; ``why`` is for people."""

    gate: str
    standing: Standing
    why: str
    silent_ns: int = 0


class Refused(NamedTuple):
    """Somebody with a key of ours said what it may not, or what makes no sense."""

    gate: str
    key: str
    """The key's fingerprint."""
    why: str


Notice = Joined | Dropped | Reported | Changed | Refused


class Seat(NamedTuple):
    """A gate of the settings, and what the journal knows of it."""

    gate: str
    key: bytes
    """Its public key, Z85: no two seats have the same."""
    gate_epoch: int = 0
    """The newest life that has been here."""
    kept: int = 1
    """Its drop copies before this one are durable."""


class Status(NamedTuple):
    """One gate for people and dashboards. Times are those of the desk's clock; 0: never."""

    gate: str
    standing: Standing
    why: str
    gate_epoch: int
    pid: int
    heard_ns: int
    arming: int
    applied: int
    published: int
    kept: int
    drops_next: int
    lapses: int


class Session:
    def __init__(self, seat: Seat, stream: Stream, *, stopped_ns: int, lease_over_ns: int) -> None:
        self.seat = seat
        self.stream = stream
        self.standing = Standing.ABSENT
        self.why = "not heard since the gateway started"
        self.gate_epoch = seat.gate_epoch
        self.hello = 0
        """The number of the newest one of this life."""
        self.peer = b""
        self.pid = 0
        self.fresh = self.remembers = False
        self.told_joined = False
        self.heard_ns = 0
        self.stopped_ns = stopped_ns
        """Since when it has had no lease."""
        self.lease_over_ns = lease_over_ns
        """No lease that was ever given is in force after this."""
        self.retired_epoch = 0
        """This life and earlier ones must not come back."""
        self.wait_until_ns = 0
        """A new life joins when no lease of the earlier one is in force."""
        self.arming = 0
        self.wanted = False
        """A person asked for it to be armed."""
        self.held_back = False
        """A person asked for it not to be armed."""
        self.rearmed_ns: deque[int] = deque()
        self.lapses = 0
        self.expected = self.kept = seat.kept
        self.drops_next = seat.kept
        self.applied = 0

    def status(self) -> Status:
        return Status(
            self.seat.gate,
            self.standing,
            self.why,
            self.gate_epoch,
            self.pid,
            self.heard_ns,
            self.arming,
            self.applied,
            self.stream.number,
            self.kept,
            self.drops_next,
            self.lapses,
        )
