"""The gate's end of the control link without its sockets: messages and times in, messages and records out.

Times are those of one clock that only goes forward and that the gate's orders are stamped with, so that
``lease_until_ns`` can be compared with an order's time. A lease is counted from the moment at which the beat left that
was answered: the gateway counts from when it came in, which is later, so the gate's lease is over first, whatever their
clocks say.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from meltica.hot.layout_gen import LAYOUT_VERSION, LeaseRecord
from meltica.links.control_link_messages import (
    BEAT,
    BEAT_ANSWER,
    DROP_BYTES,
    REPORT,
    BeatAnswer,
    BeatFlag,
    FaultCode,
    Header,
    Hello,
    Kind,
    MessageError,
    Use,
    Welcome,
    fault_text,
    fixed,
    pack,
    pack_uses,
    unpack,
    unpack_entries,
    unpack_state,
)
from meltica.links.control_link_stream import Held
from meltica.links.hot_link_drops import Block, DropSender, DropsLostError, DropStore
from meltica.links.hot_link_phase import MOVES, Happening, Phase

MILLISECOND_NS: Final = 1_000_000
GREET_EVERY_NS: Final = 100 * MILLISECOND_NS
ASK_AGAIN_NS: Final = 50 * MILLISECOND_NS
"""For entries or drop copies that were asked for and did not come."""
SILENCE_LEASES: Final = 4
"""Without an answer for so many leases the gate begins again with a hello."""
WAITING_ENTRIES: Final = 65_536
"""Entries behind a gap; more are let go and asked for again."""


class Health(NamedTuple):
    phase: Phase
    why: str
    lease_until_ns: int
    lapsed: bool
    arming: int
    applied: int
    published: int
    """The stream's end, as the gateway said last."""
    kept: int
    """Drop copies before this one are durable at the gateway."""
    drops_next: int
    counts: dict[str, int]


class HotDesk:
    """``receive`` takes what came, from either socket; ``due`` is called when the time of ``next_due_ns`` has come.

    What is to be sent is in ``outgoing``, what the gate must be told in ``records``, in order and each exactly once.
    """

    def __init__(self, gate: str, *, gate_epoch: int, drops: DropStore, pid: int = 0, remembers: bool = False) -> None:
        self.gate = gate
        self.gate_epoch = gate_epoch
        self.outgoing: deque[bytes] = deque()
        self.records: deque[bytes] = deque()
        self.phase = Phase.ALONE
        self.why = "not connected yet"
        self.lease_until_ns = 0
        self.lapsed = False
        """The lease ran out; only an arming after the one that it ran out under gives a new one."""
        self.counts: Counter[str] = Counter(malformed=0, gaps=0, states=0, hellos=0, lapses=0, drops_sent=0)
        self._drops = DropSender(drops)
        self._pid, self._remembers = pid, remembers
        self._held = Held()
        self._waiting: dict[int, tuple[Header, bytes]] = {}
        self._lease_ns = 0
        self._beat_ns = 250 * MILLISECOND_NS // 5
        self._arming = 0
        self._published = 0
        self._must_have = 0
        self._beats = self._reports = self._welcomed = 0
        self._answered_ns = self._next_beat_ns = self._next_greet_ns = self._ask_again_ns = 0
        self._takes: dict[int, Callable[[Header, bytes, int], None]] = {
            Kind.WELCOME: self._welcome,
            Kind.BEAT_ANSWER: self._beat_answer,
            Kind.KEPT: self._kept_to,
            Kind.FAULT: self._fault,
            Kind.RECORDS: self._entries,
            Kind.STATE: self._state,
        }

    def health(self) -> Health:
        return Health(
            self.phase,
            self.why,
            self.lease_until_ns,
            self.lapsed,
            self._arming,
            self._held.number,
            self._published,
            self._drops.kept,
            self._drops.store.next(),
            {**self.counts, "drops_sent_again": self._drops.sent_again},
        )

    # Time

    def due(self, now_ns: int) -> None:
        """First of all after each wait: what came in while this process stood still must not pass as fresh."""
        if 0 < self.lease_until_ns < now_ns:
            self._lapse()
        if self.phase is Phase.TURNED_AWAY:
            return
        if self.phase is Phase.ALONE:
            if now_ns >= self._next_greet_ns:
                self._greet(now_ns)
            return
        if now_ns - self._answered_ns > SILENCE_LEASES * self._lease_ns:
            self._lose("the gateway is silent", now_ns)
            return
        if now_ns >= self._next_beat_ns:
            self._beat(now_ns)
        if self.phase is not Phase.IN_STEP and now_ns >= self._ask_again_ns:
            self._ask(now_ns)
        self._send_drops(self._drops.waiting(now_ns))

    def next_due_ns(self) -> int:
        if self.phase is Phase.TURNED_AWAY:
            return 2**63 - 1
        if self.phase is Phase.ALONE:
            return self._next_greet_ns
        times = [self._next_beat_ns]
        if self.phase is not Phase.IN_STEP:
            times.append(self._ask_again_ns)
        if self.lease_until_ns:
            times.append(self.lease_until_ns + 1)
        return min(times)

    def _greet(self, now_ns: int) -> None:
        self._next_greet_ns = now_ns + GREET_EVERY_NS
        self.counts["hellos"] += 1
        hello = Hello(
            gate=self.gate,
            layout_version=LAYOUT_VERSION,
            gate_epoch=self.gate_epoch,
            fresh=self._held.fresh,
            remembers=self._remembers,
            stream_epoch=self._held.epoch,
            applied=self._held.number,
            origin=self._held.origin,
            drops_first=self._drops.store.first(),
            drops_next=self._drops.store.next(),
            pid=self._pid,
        )
        self._send(Kind.HELLO, msgspec.json.encode(hello), number=self.counts["hellos"])

    def _beat(self, now_ns: int) -> None:
        self._next_beat_ns = now_ns + self._beat_ns
        self._beats += 1
        flags = BeatFlag.LAPSED * self.lapsed | BeatFlag.IN_STEP * (self.phase is Phase.IN_STEP)
        facts = now_ns, self._held.number, self._drops.store.next(), self._arming, flags, self._held.digest()
        self._send(Kind.BEAT, BEAT.pack(*facts), number=self._beats)

    def _ask(self, now_ns: int) -> None:
        """For what is missing; while joining the state is sent unasked, unless it got lost."""
        self._ask_again_ns = now_ns + ASK_AGAIN_NS
        self._send(Kind.FETCH, number=self._held.number + 1 if self.phase is Phase.BEHIND else 0)

    def _lapse(self) -> None:
        self.lapsed = True
        self.lease_until_ns = 0
        self.counts["lapses"] += 1
        self.records.append(LeaseRecord(until_ns=0).to_bytes())

    # What comes in

    def receive(self, message: bytes, now_ns: int) -> None:
        """Never raises: what can't be read is counted."""
        self.due(now_ns)
        try:
            header, body = unpack(message)
            if header.gate_epoch == self.gate_epoch or header.kind == Kind.FAULT:
                self._takes.get(header.kind, _unheard_of)(header, body, now_ns)
        except MessageError as error:
            self.counts["malformed"] += 1
            self.why = f"unreadable message: {error}"

    def _move(self, happening: Happening, why: str = "") -> bool:
        after = MOVES.get((self.phase, happening))
        if after is None:
            return False
        self.phase, self.why = after, why
        return True

    def _welcome(self, header: Header, body: bytes, now_ns: int) -> None:
        try:
            welcome = msgspec.json.decode(body, type=Welcome)
        except (msgspec.DecodeError, ValueError) as error:
            raise MessageError(f"unreadable welcome: {error}") from error
        if 0 < header.number <= self._welcomed:
            return  # Overtaken: what it says of drop copies may be long over
        if not self._move(Happening.WELCOMED, "the gateway fetches drop copies and sends the state"):
            return
        self._welcomed = header.number
        self._lease_ns = welcome.lease_ms * MILLISECOND_NS
        self._beat_ns = welcome.beat_ms * MILLISECOND_NS
        self._answered_ns = now_ns
        self._next_beat_ns = now_ns
        self._ask_again_ns = now_ns + ASK_AGAIN_NS
        self._drops.begin(welcome.kept, max(self._lease_ns, ASK_AGAIN_NS), now_ns)
        self._must_have = self._published = 0
        self._waiting.clear()
        if header.stream_epoch != self._held.epoch:
            self._held.epoch = 0
        self.due(now_ns)

    def _beat_answer(self, header: Header, body: bytes, now_ns: int) -> None:
        answer = BeatAnswer._make(fixed(BEAT_ANSWER, body))
        if self.phase in (Phase.ALONE, Phase.TURNED_AWAY) or answer.time_ns > now_ns:
            return
        self._answered_ns = now_ns
        self._drops.keep(answer.kept, now_ns)
        if header.stream_epoch == self._held.epoch:
            self._extend(answer, now_ns)
            if self._held.number < self._must_have:
                self._gap(now_ns)
            self._must_have = max(self._must_have, answer.published)
            self._published = max(self._published, answer.published)

    def _extend(self, answer: BeatAnswer, now_ns: int) -> None:
        """Only for a gate that holds all that was published by the answer before this one: entries come by another
        socket, and have until the next answer to arrive.
        """
        if answer.arming > self._arming:
            self._arming, self.lapsed = answer.arming, False
        in_step = self.phase is Phase.IN_STEP and self._held.number >= self._must_have
        until_ns = answer.time_ns + min(answer.lease_ms * MILLISECOND_NS, self._lease_ns)
        if answer.lease_ms == 0:
            if self.lease_until_ns:
                self.lease_until_ns = 0
                self.records.append(LeaseRecord(until_ns=0).to_bytes())
        elif in_step and not self.lapsed and answer.arming == self._arming and until_ns > self._latest(now_ns):
            self.lease_until_ns = until_ns
            self.records.append(LeaseRecord(until_ns=until_ns).to_bytes())

    def _latest(self, now_ns: int) -> int:
        return max(self.lease_until_ns, now_ns)

    def _fault(self, _header: Header, body: bytes, now_ns: int) -> None:
        code, text = fault_text(body)
        if code == FaultCode.HELLO_FIRST:
            self._lose(text, now_ns)
        elif code in (FaultCode.MALFORMED, 0):
            self.counts["malformed"] += 1
            self.why = text
        else:
            self._move(Happening.REFUSED, text)

    def _lose(self, why: str, now_ns: int) -> None:
        if self._move(Happening.LOST, why):
            self._next_greet_ns = now_ns
            self._greet(now_ns)

    # The stream

    def _state(self, header: Header, body: bytes, now_ns: int) -> None:
        if self.phase in (Phase.ALONE, Phase.TURNED_AWAY):
            return
        if header.stream_epoch == self._held.epoch and header.number < self._held.number:
            return  # Sent for somebody who joined before us, or overtaken by entries
        state = unpack_state(header, body)
        try:
            self.records.extend(self._held.take_state(state, header.stream_epoch))
        except MessageError as error:
            self._move(Happening.REFUSED, str(error))
            return
        self.counts["states"] += 1
        if self.phase is Phase.JOINING:
            self._next_beat_ns = now_ns  # It says at once that it holds it
        self._move(Happening.STATE)
        self._take_waiting(now_ns)

    def _entries(self, header: Header, body: bytes, now_ns: int) -> None:
        if self.phase not in (Phase.IN_STEP, Phase.BEHIND) or header.stream_epoch != self._held.epoch:
            return
        if header.number > self._held.number + 1:
            if len(self._waiting) * header.extra < WAITING_ENTRIES:
                self._waiting[header.number] = header, body
            self._gap(now_ns)
            return
        self._take(header, body)
        self._take_waiting(now_ns)

    def _take(self, header: Header, body: bytes) -> None:
        entries = unpack_entries(body)
        if len(entries) != header.extra:
            raise MessageError(f"{header.extra} entries announced, {len(entries)} there")
        self.records.extend(self._held.take_entries(entries, header.number))
        self._published = max(self._published, self._held.number)

    def _take_waiting(self, now_ns: int) -> None:
        for number in sorted(self._waiting):
            if number > self._held.number + 1:
                break
            self._take(*self._waiting.pop(number))
        if self._waiting:
            self._gap(now_ns)
        elif self.phase is Phase.BEHIND and self._held.number >= self._published:
            self._move(Happening.FILLED)

    def _gap(self, now_ns: int) -> None:
        if self.phase is Phase.IN_STEP:
            self.counts["gaps"] += 1
            self._move(Happening.GAP, f"entries after {self._held.number} are missing")
            self._ask(now_ns)

    # Drop copies

    def send_drop_copies(self, first_sequence: int, block: bytes, now_ns: int) -> None:
        """New ones, which are in the store already: sent at once when the gateway keeps up, else from the store later.

        :raises ValueError: no whole records.
        """
        if len(block) % DROP_BYTES:
            raise ValueError(f"{len(block)} bytes are no whole drop copies of {DROP_BYTES}")
        if self.phase not in (Phase.ALONE, Phase.TURNED_AWAY):
            self._send_drops(self._drops.offered(first_sequence, block, now_ns))

    def report(self, uses: Sequence[Use]) -> None:
        """The gate holds every record that was handed out; this much of its slices is in use."""
        self._reports += 1
        body = REPORT.pack(self._held.number, self._drops.store.next()) + pack_uses(tuple(uses))
        if self.phase in (Phase.IN_STEP, Phase.BEHIND):
            self._send(Kind.REPORT, body, extra=len(uses), number=self._reports)

    def bye(self) -> None:
        if self.phase not in (Phase.ALONE, Phase.TURNED_AWAY):
            self._send(Kind.BYE)
        self.phase, self.why = Phase.TURNED_AWAY, "closed"
        if self.lease_until_ns:
            self._lapse()

    def _kept_to(self, header: Header, _body: bytes, now_ns: int) -> None:
        self._drops.keep(header.number, now_ns)
        if header.extra and header.number < self._drops.store.first():
            self._lose(f"it asks for drop copy {header.number}, which is no longer in the store", now_ns)
        elif header.extra:
            self._drops.again_from(header.number)
        if self.phase not in (Phase.ALONE, Phase.TURNED_AWAY):
            self._send_drops(self._drops.waiting(now_ns))

    def _send_drops(self, blocks: Iterable[Block]) -> None:
        try:
            for block in blocks:
                self._send(Kind.DROPS, block.records, extra=block.copies, number=block.first)
                self.counts["drops_sent"] += block.copies
        except DropsLostError as error:
            self._move(Happening.REFUSED, str(error))

    def _send(self, kind: Kind, body: bytes = b"", *, extra: int = 0, number: int = 0) -> None:
        self.outgoing.append(
            pack(kind, body, extra=extra, gate_epoch=self.gate_epoch, stream_epoch=self._held.epoch, number=number)
        )


def _unheard_of(header: Header, _body: bytes, _now_ns: int) -> None:
    raise MessageError(f"kind {header.kind} is nothing that a gateway says")
