"""A RiskGate whose judge is another process.

Two copies of one truth. The *gate* in the other process decides: ``check`` asks it, and nothing passes without its
word. The *books* are a gate in this process that follows along: they raise ValueError for a bad call before anything is
sent, they keep the state while the other process is gone (fills still arrive then), and they are what ``reconnect``
sends to it. A gate that lets out what the books would refuse, or the other way round, is a broken one: InvariantError.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any, Final, Self

import msgspec
import numpy as np
import numpy.typing as npt

from meltica.domain.errors import GateUnreachableError, InvariantError
from meltica.hot import OrderIntent
from meltica.hot.layout_gen import (
    LAYOUT_VERSION,
    REASON_PASS,
    Action,
    AnswerRecord,
    KillScope,
    OrderIntentRecord,
    QueryRecord,
    Record,
    Subject,
    VerdictRecord,
)
from meltica.hot.ports import GateState, Intent, Masks, Reasons
from meltica.hot.rulebook_gen import PASS
from meltica.links.books import Books
from meltica.links.frames import GateShape, Hello, Kind, ServerFlag
from meltica.links.keys import KeyRing
from meltica.links.link import MILLISECOND_NS, Link
from meltica.links.trip import tripped

DEFAULT_DEADLINE_MS: Final = 250
"""For a verdict. Fifty times the p99 of a busy machine with two cores; the lease is four times as long."""
STATE_DEADLINE_MS: Final = 5_000
"""For whole states: they are megabytes of JSON."""
CONNECT_WITHIN_MS: Final = 1_000
NOTICES_PER_MESSAGE: Final = 64
INTENTS_PER_MESSAGE: Final = 1_024
"""Of a batch: the gate's process must get back to its heartbeats in between."""


class RemoteGate(Books):
    """See meltica.hot.ports.RiskGate. Not connected until ``reconnect``. One thread calls it.

    Calls without a result are queued, sent in batches before the next ``check`` (or by ``flush`` or ``alive``),
    answered by sequence, and never raise GateUnreachableError: when the link is lost the books have them. ``check``
    raises it for NEW and REPLACE until ``reconnect``; cancels are then judged by the books. The state, its digest and
    the counters are read from the books; ``gate_state``, ``gate_digest`` and ``gate_counters`` ask the other process.
    """

    def __init__(
        self,
        endpoint: str,
        keys: KeyRing,
        shape: GateShape | None = None,
        *,
        deadline_ms: int = DEFAULT_DEADLINE_MS,
        connect_within_ms: int = CONNECT_WITHIN_MS,
    ) -> None:
        shape = shape or GateShape()
        self.fired_mask = 0
        self.reserved_price_ticks = 0
        self.allowed_lots = 0
        super().__init__(shape)
        self._endpoint, self._keys = endpoint, keys
        self._hello = Hello(instance=secrets.token_hex(8), layout_version=LAYOUT_VERSION, shape=shape)
        self._deadline_ns = deadline_ms * MILLISECOND_NS
        self._connect_within_ns = connect_within_ms * MILLISECOND_NS
        self._link: Link | None = None
        self._why = "not connected yet"
        self._queue: list[bytes] = []
        self._recovering = False

    # The link

    def reconnect(self, state: Mapping[str, Any] | None = None) -> None:
        """Takes control, gives the gate ``state`` (None: what the books hold), proves that it has it, and arms it.

        :raises GateUnreachableError: it did not work, and says why; the gate stays lost and may be tried again.
        """
        self._lose("reconnecting")
        if state is not None:
            self.books.import_state(state)
        try:
            link = Link(
                self._endpoint,
                self._keys.client(),
                self._keys.gate_public(),
                self._hello,
                deadline_ns=self._deadline_ns,
                connect_within_ns=self._connect_within_ns,
            )
        except GateUnreachableError as error:
            self._why = str(error)
            raise
        self._link = link
        with self._losing(link):
            self._send_state(link)
            self.verify()
            link.exchange(Kind.ARM)
            link.start_heartbeat()

    def rearm(self) -> None:
        """After a trip of the lease, with the link whole. :raises GateUnreachableError: the link is lost."""
        link = self._up()
        with self._losing(link):
            self._send_queue(link)
            link.exchange(Kind.ARM)
            link.tripped = False

    def alive(self) -> bool:
        """The gate answers and is armed. Cheap; also sends what is queued. ``why`` tells more."""
        self.flush()
        return self._link is not None and not self._link.tripped

    def why(self) -> str:
        """Why ``alive`` says no; empty: it says yes."""
        if self._link is None:
            return self._why
        return "the gate tripped: it did not hear from us for its lease" if self._link.tripped else ""

    def flush(self) -> None:
        """Sends what is queued, without waiting; notices a link that was lost meanwhile."""
        if self._link is None:
            return
        try:
            with self._losing(self._link) as link:
                if link.failure:
                    link.fail(link.failure)
                self._send_queue(link)
        except GateUnreachableError:
            return  # `_why` has it

    def verify(self) -> None:
        """The gate holds what the books hold. :raises GateUnreachableError: it does not, and is not asked again."""
        theirs, ours = self.gate_digest(), self.books.state_digest()
        if theirs != ours:
            with self._losing(self._up()) as link:
                link.fail(f"the gate's state {theirs[:16]} is not that of the books {ours[:16]}")

    @contextmanager
    def recovering(self) -> Iterator[None]:
        """Start-up, before ``reconnect``: the journal's orders were judged long ago, so the books judge alone."""
        if self._link is not None:
            raise InvariantError("recovery comes before the gate is connected")
        self._recovering = True
        try:
            yield
        finally:
            self._recovering = False

    def close(self) -> None:
        """Idempotent."""
        self.flush()
        self._lose("closed")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def gate_digest(self) -> str:
        return self._ask(Subject.DIGEST)[1].decode()

    def gate_state(self) -> GateState:
        return msgspec.json.decode(self._ask(Subject.STATE)[1], type=GateState)

    def gate_counters(self) -> dict[str, Any]:
        """``gate``: as ``counters``; ``link``: what the process counted of its messages and sessions."""
        return msgspec.json.decode(self._ask(Subject.COUNTERS)[1], type=dict[str, Any])

    def gate_killed(self) -> bool:
        return bool(self._ask(Subject.KILLED)[0])

    # Verdicts

    def check(self, intent: Intent, /) -> int:
        """:raises GateUnreachableError: no word from the gate, and it is no cancel; nothing has changed here."""
        if self._recovering:
            return self._judged_by_books(intent)
        data = intent.to_bytes()
        try:
            verdicts, flags = self._verdicts(data)
        except GateUnreachableError:
            if data[2] != Action.CANCEL:
                raise
            return self._judged_by_books(intent)
        _, reason, _, _, _, fired_mask, price = VerdictRecord.CODEC.unpack(verdicts)
        verdict = (PASS if reason == REASON_PASS else reason, fired_mask, price)
        with tripped(self.books) if flags & ServerFlag.TRIPPED else nullcontext():
            ours = (self._judged_by_books(intent), self.fired_mask, self.reserved_price_ticks)
        if verdict != ours:
            self._disagree(f"(reason, fired, price): the gate {verdict}, the books {ours}")
        return ours[0]

    def check_batch(self, records: bytes | npt.NDArray[np.void], /) -> tuple[Reasons, Masks]:
        """All or nothing when the link is lost on the way."""
        data = bytes(records) if isinstance(records, bytes | bytearray | memoryview) else records.tobytes()
        if self._recovering or len(data) % OrderIntentRecord.SIZE or not data:
            return self.books.check_batch(data)
        size = INTENTS_PER_MESSAGE * OrderIntentRecord.SIZE
        parts = [data[at : at + size] for at in range(0, len(data), size)]
        before = self.books.export_state() if len(parts) > 1 else None
        try:
            judged = [self._check_part(part) for part in parts]
        except GateUnreachableError:
            if before is not None:
                self.books.import_state(before)
            raise
        return np.concatenate([reasons for reasons, _ in judged]), np.concatenate([masks for _, masks in judged])

    def _check_part(self, part: bytes) -> tuple[Reasons, Masks]:
        answer, flags = self._verdicts(part)
        theirs = np.frombuffer(answer, VerdictRecord.DTYPE)
        with tripped(self.books) if flags & ServerFlag.TRIPPED else nullcontext():
            reasons, masks = self.books.check_batch(part)
        same = np.array_equal(theirs["reason"].view(np.int8), reasons)  # REASON_PASS, 255, is then PASS, -1
        if not same or not np.array_equal(theirs["fired_mask"], masks):
            self._disagree("in a batch")
        return reasons, masks

    def _verdicts(self, intents: bytes) -> tuple[bytes, int]:
        link = self._up()
        with self._losing(link):
            notices, extra = self._taken()
            deadline_ns = self._deadline_ns + len(intents) // OrderIntentRecord.SIZE * MILLISECOND_NS // 10
            header, answer = link.exchange(Kind.CHECK, notices + intents, extra=extra, deadline_ns=deadline_ns)
            if len(answer) * OrderIntentRecord.SIZE != len(intents) * VerdictRecord.SIZE:
                link.fail(f"{len(answer)} bytes of verdicts for {len(intents)} bytes of orders")
            if header.extra & ServerFlag.TRIPPED:
                link.tripped = True
            return answer, header.extra

    def _judged_by_books(self, intent: Intent) -> int:
        if type(intent) is not OrderIntent:
            intent = OrderIntent.from_bytes(intent.to_bytes())
        reason = self.books.check(intent)
        self.fired_mask, self.reserved_price_ticks = self.books.fired_mask, self.books.reserved_price_ticks
        self.allowed_lots = self.books.allowed_lots
        return reason

    def _disagree(self, what: str) -> None:
        self._lose(f"the gate and the books disagree {what}")
        raise InvariantError(self._why)

    def import_state(self, state: Mapping[str, Any], /) -> None:
        self.books.import_state(state)
        self.fired_mask = self.reserved_price_ticks = self.allowed_lots = 0
        self._queue.clear()  # All of it was about the state before
        if self._link is not None:
            try:
                with self._losing(self._link) as link:
                    self._send_state(link)
            except GateUnreachableError:
                return

    # Sending

    def _up(self) -> Link:
        if self._link is None:
            raise GateUnreachableError(self._why)
        return self._link

    @contextmanager
    def _losing(self, link: Link) -> Iterator[Link]:
        """A link that fails in here is let go."""
        try:
            yield link
        except GateUnreachableError as error:
            self._lose(str(error))
            raise

    def _lose(self, why: str) -> None:
        self._queue.clear()
        self._why = why
        link, self._link = self._link, None
        if link is not None:
            link.close()

    def _tell(self, record: Record, *, at_once: bool = False) -> None:
        if self._link is None:
            return
        self._queue.append(record.to_bytes())
        if at_once or len(self._queue) >= NOTICES_PER_MESSAGE:
            self.flush()

    def _taken(self) -> tuple[bytes, int]:
        """All that is queued, as one bytes object, and its length."""
        if not self._queue:
            return b"", 0
        notices = b"".join(self._queue)
        self._queue.clear()
        return notices, len(notices)

    def _send_queue(self, link: Link) -> None:
        if self._queue:
            notices, extra = self._taken()
            link.post(Kind.TELL, notices, extra=extra)

    def _send_state(self, link: Link) -> None:
        state = msgspec.json.encode(self.books.export_state())
        link.exchange(Kind.IMPORT, state, deadline_ns=STATE_DEADLINE_MS * MILLISECOND_NS)

    def _ask(self, subject: Subject) -> tuple[int, bytes]:
        link = self._up()
        with self._losing(link):
            notices, extra = self._taken()
            query = QueryRecord(subject, KillScope.GLOBAL, 0).to_bytes()
            _, answer = link.exchange(
                Kind.ASK, notices + query, extra=extra, deadline_ns=STATE_DEADLINE_MS * MILLISECOND_NS
            )
            if len(answer) < AnswerRecord.SIZE:
                link.fail(f"an answer of {len(answer)} bytes")
            return AnswerRecord.from_bytes(answer[: AnswerRecord.SIZE]).value, answer[AnswerRecord.SIZE :]
