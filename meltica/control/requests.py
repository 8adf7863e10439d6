"""What callers send, read field by field: all that is wrong is said at once, with the field named.

Text from outside is trusted with nothing: identifiers are short, printable and ASCII, numbers plain decimals on the
instrument's grid, enums known by number, request ids UUIDs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, TypeVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

from meltica.control.errors import RefusedError, fault_of, invalid
from meltica.domain.errors import FieldError
from meltica.domain.instrument import Instrument
from meltica.domain.money import INT64_MAX, parse_decimal, parse_nanos, steps
from meltica.domain.ports import State

IDENTIFIER_LIMIT: Final = 64
CLIENT_ORDER_ID_LIMIT: Final = 36
REASON_LIMIT: Final = 200
EXECUTION_ID_LIMIT: Final = 256
"""Longer than any venue's."""
INSTRUMENT_LIMIT: Final = 80
LONGEST_DURATION_S: Final = 86_400
SECOND_NS: Final = 1_000_000_000

_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]*", re.ASCII)
_PRINTABLE: Final = re.compile(r"[!-~]+", re.ASCII)
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)

Known = TypeVar("Known")

PPM: Final = 1_000_000


def _millionths(text: str, field: str) -> int:
    return steps(field, text, Decimal(1).scaleb(-6))


class Form:
    """Reads the fields of one request. What is wrong is remembered; ``finish`` says it all.

    Each reader returns a usable value even for a wrong field, so that reading goes on; ``finish`` must come before
    anything is done with the values.
    """

    def __init__(self, at: str = "", violations: list[tuple[str, str]] | None = None) -> None:
        self._at = at
        self._violations: list[tuple[str, str]] = [] if violations is None else violations
        self._missing: RefusedError | None = None

    def item(self, at: str) -> Form:
        """The form of one item of a list, such as ``orders[3].``: what is wrong with it is this form's to say."""
        return Form(at, self._violations)

    def faults(self) -> RefusedError | None:
        """What ``finish`` would raise."""
        return invalid(self._violations) if self._violations else self._missing

    def finish(self) -> None:
        """:raises RefusedError: INVALID_REQUEST with every wrong field, else the first resource that does not exist."""
        if (refusal := self.faults()) is not None:
            raise refusal

    def wrong(self, field: str, why: str) -> None:
        self._violations.append((self._at + field, why))

    def _fault(self, field: str, value: object, why: str) -> None:
        self._violations.append((self._at + field, fault_of(FieldError(field, value, why))))

    def missing(self, field: str, reason: str, why: str, **facts: str) -> None:
        """What the field names does not exist, or is not of the kind that is wanted; in an item a wrong field."""
        if self._at:
            self.wrong(field, why)
        elif self._missing is None:
            self._missing = RefusedError(reason, why, violations=[(field, why)], metadata=facts)

    def request_id(self, text: str) -> str:
        if not text:
            self.wrong("request_id", "is required: a UUID made by the caller, the same for every retry (try `uuidgen`)")
        elif not _UUID.fullmatch(text):
            self._fault("request_id", text, "is no UUID such as 0b0f7c1e-5d0c-4a3e-9a53-6f6f0a2f8c11")
        return text.lower()

    def identifier(self, field: str, text: str, *, required: bool = False) -> str:
        """Accounts, strategies, venues: letters, digits and ``._:-``, at most 64."""
        if not text:
            if required:
                self.wrong(field, "is required")
        elif len(text) > IDENTIFIER_LIMIT or not _IDENTIFIER.fullmatch(text):
            self._fault(
                field, text, f"must be at most {IDENTIFIER_LIMIT} letters, digits and ._:-, a letter or digit first"
            )
        return text

    def client_order_id(self, text: str) -> str:
        if text and (len(text) > CLIENT_ORDER_ID_LIMIT or not _PRINTABLE.fullmatch(text)):
            why = f"must be at most {CLIENT_ORDER_ID_LIMIT} printable ASCII characters without spaces"
            self._fault("client_order_id", text, why)
        return text

    def execution_id(self, text: str, *, required: bool = False) -> str:
        """As a venue gave it."""
        if not text and required:
            self.wrong("execution_id", "is required: as the venue gave it")
        elif len(text) > EXECUTION_ID_LIMIT or not text.isprintable():
            self._fault("execution_id", text, f"must be at most {EXECUTION_ID_LIMIT} printable characters")
        return text

    def reason(self, text: str) -> str:
        """Words for people: any script, one line."""
        if not text.strip():
            self.wrong("reason", "is required: everybody who looks will read it")
        elif len(text) > REASON_LIMIT or not text.isprintable():
            self._fault("reason", text, f"must be one line of at most {REASON_LIMIT} printable characters")
        return text.strip()

    def number(self, field: str, text: str) -> int:
        """Ids that the gateway gave out: decimal numbers as text."""
        if not text:
            self.wrong(field, "is required")
        elif not _NUMBER.fullmatch(text) or int(text) > INT64_MAX:
            self._fault(field, text, "must be a number that the gateway gave out, such as 17")
        else:
            return int(text)
        return 0

    def choice(self, field: str, number: int, known: Mapping[int, Known], names: Any) -> Known:
        """An enum's meaning; unspecified and unknown numbers are wrong."""
        if (meaning := known.get(number)) is not None:
            return meaning
        options = ", ".join(names.Name(option) for option in known)
        self.wrong(field, f"is required: one of {options}" if number == 0 else f"{number} is none of {options}")
        return next(iter(known.values()))

    def instrument_id(self, field: str, text: str, *, required: bool = False) -> str:
        """The form only, as a filter needs it."""
        if not text:
            if required:
                self.wrong(field, "is required, such as BTC/USDT@BINANCE")
        elif len(text) > INSTRUMENT_LIMIT or not _PRINTABLE.fullmatch(text):
            self._fault(field, text, "must be an instrument's id such as BTC/USDT@BINANCE")
        return text

    def instrument(self, field: str, text: str, state: State) -> Instrument | None:
        """One that exists; None is remembered as wrong or missing."""
        faults = len(self._violations)
        self.instrument_id(field, text, required=True)
        if len(self._violations) > faults:
            return None
        if (instrument := state.instrument(text)) is None:
            self.missing(field, "UNKNOWN_INSTRUMENT", f"{text} is not an instrument of this gateway")
        return instrument

    def quantity(self, field: str, text: str, instrument: Instrument | None, *, zero: bool = False) -> int:
        """Lots of the instrument; more than 0 unless ``zero`` allows it."""
        if not self._plain_number(field, text, zero=zero) or instrument is None:
            return 0
        return self._counted(field, text, instrument.quantity_lots)

    def price(self, field: str, text: str, instrument: Instrument | None) -> int:
        """Ticks of the instrument, more than 0."""
        if not self._plain_number(field, text, zero=False) or instrument is None:
            return 0
        ticks = self._counted(field, text, instrument.price_ticks)
        if ticks > instrument.max_price_ticks:
            most = instrument.price_text(instrument.max_price_ticks)
            self._fault(field, text, f"more than the instrument's largest price {most}")
        return ticks

    def price_change(self, field: str, text: str, instrument: Instrument | None) -> int:
        """Ticks with a sign; empty is 0."""
        if not text or instrument is None:
            return 0
        return self._counted(field, text, instrument.price_ticks)

    def share_ppm(self, field: str, text: str) -> int:
        """A share in millionths, 0 to less than 1; empty is 0."""
        ppm = self._counted(field, text, _millionths) if text else 0
        if not 0 <= ppm < PPM:
            self._fault(field, text, "must be 0 or more, and less than 1")
            return 0
        return ppm

    def _plain_number(self, field: str, text: str, *, zero: bool) -> bool:
        if not text:
            self.wrong(field, 'is required: a plain decimal number such as "12.5"')
            return False
        try:
            value = parse_decimal(field, text)
        except FieldError as error:
            self.wrong(field, fault_of(error))
            return False
        if value < 0 or (value == 0 and not zero):
            self._fault(field, text, "must not be negative" if zero else "must be greater than 0")
            return False
        return True

    def _counted(self, field: str, text: str, count: Callable[[str, str], int]) -> int:
        try:
            return count(text, field)
        except FieldError as error:
            self.wrong(field, fault_of(error))
            return 0

    def signed_money(self, field: str, text: str) -> int:
        """Nanos with a sign, not 0."""
        if not text:
            self.wrong(field, 'is required: a plain decimal number such as "12.5" or "-12.5"')
            return 0
        try:
            nanos = parse_nanos(field, text)
        except FieldError as error:
            self.wrong(field, fault_of(error))
            return 0
        if nanos == 0:
            self._fault(field, text, "must not be 0")
        return nanos

    def target(self, field: str, text: str, *, other: str) -> str:
        """A strategy, a port or an instrument by its resource name; ``other``: the account, of which there is one at
        most."""
        if not text:
            return ""
        kind, _, name = text.partition("/")
        if other and (self._at + "account") not in dict(self._violations):
            self.wrong(field, "name an account or a target, not both")
        elif other:
            return text  # The account is wrong; whether there should be one is the next question.
        elif kind == "instruments":
            self.instrument_id(field, name, required=True)
        elif kind in ("strategies", "ports"):
            self.identifier(field, name, required=True)
        else:
            self._fault(field, text, "must be strategies/…, ports/… or instruments/…")
        return text

    def money(self, field: str, text: str) -> int:
        """Nanos, 0 or more."""
        if not text:
            self.wrong(field, 'is required: a plain decimal number such as "12.5" ("0" blocks)')
            return 0
        try:
            nanos = parse_nanos(field, text)
        except FieldError as error:
            self.wrong(field, fault_of(error))
            return 0
        if nanos < 0:
            self._fault(field, text, "must not be negative")
        return max(nanos, 0)

    def duration_ns(self, field: str, duration: Duration) -> int:
        """0 to a day."""
        ns = duration.seconds * SECOND_NS + duration.nanos
        if not 0 <= duration.nanos < SECOND_NS or not 0 <= ns <= LONGEST_DURATION_S * SECOND_NS:
            self._fault(field, f"{duration.seconds}s {duration.nanos}ns", f"must be 0s to {LONGEST_DURATION_S}s")
            return 0
        return ns

    def counted(self, field: str, number: int, most: int) -> bool:
        """Has the list something in it, and not too much?"""
        if not 0 < number <= most:
            self.wrong(field, f"must be 1 to {most} items (got {number})")
        return 0 < number <= most

    def at_most(self, field: str, value: int, most: int) -> int:
        if not 0 <= value <= most:
            self._fault(field, value, f"must be 0 to {most}")
        return value


def refuse_unknown_fields(request: Message) -> None:
    """A field that we don't know may be a condition that we would ignore: say no.

    :raises RefusedError: INVALID_REQUEST that names the field numbers.
    """
    violations: list[tuple[str, str]] = []
    _collect_unknown(request, "", violations)
    if violations:
        raise invalid(violations)


def _collect_unknown(message: Message, path: str, violations: list[tuple[str, str]]) -> None:
    unknown = UnknownFieldSet(message)
    if len(unknown):
        numbers = sorted({unknown[place].field_number for place in range(len(unknown))})
        violations.extend((f"{path}#{number}", f"unknown field number {number}") for number in numbers)
    for name, is_list in _message_fields(message):
        if is_list:
            for place, item in enumerate(getattr(message, name)):
                _collect_unknown(item, f"{path}{name}[{place}].", violations)
        elif message.HasField(name):
            _collect_unknown(getattr(message, name), f"{path}{name}.", violations)


_MESSAGE_FIELDS: dict[str, tuple[tuple[str, bool], ...]] = {}
"""Type name -> its fields that are messages, and whether each is a list; filled once a type."""


def _message_fields(message: Message) -> tuple[tuple[str, bool], ...]:
    descriptor = message.DESCRIPTOR
    if (names := _MESSAGE_FIELDS.get(descriptor.full_name)) is None:
        fields = [field for field in descriptor.fields if field.message_type is not None]
        names = tuple((field.name, bool(field.is_repeated)) for field in fields)
        _MESSAGE_FIELDS[descriptor.full_name] = names
    return names
