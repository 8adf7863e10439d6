"""A strategy's float or numpy number would reach the engine as no int; better that the strategy stops."""

from __future__ import annotations

import enum
from decimal import Decimal
from typing import TypeVar

from meltica.domain.errors import FieldError
from meltica.domain.money import INT64_MAX
from meltica.domain.schedule import Schedule
from meltica.domain.terms import Terms

_FACTORS = frozenset({"risk_aversion", "volatility", "temporary_impact", "permanent_impact"})


def refuse_schedule(schedule: Schedule) -> None:
    """:raises FieldError: a number of it is no int, or no Decimal where it should be one."""
    _refuse_another("schedule", schedule, Schedule)
    for name in schedule.__struct_fields__:
        value = getattr(schedule, name)
        if name in _FACTORS:
            if not isinstance(value, Decimal):
                raise FieldError(f"schedule.{name}", value, "must be a Decimal")
        elif name == "curve_ppm":
            refuse_numbers(**{f"schedule.{name}[{at}]": share for at, share in enumerate(value)})
        elif not isinstance(value, bool | enum.Enum):
            refuse_numbers(**{f"schedule.{name}": value})


def refuse_terms(terms: Terms | None) -> None:
    """:raises FieldError: as below; an enum is none of those."""
    if terms is not None:
        _refuse_another("terms", terms, Terms)
        values = ((name, getattr(terms, name)) for name in terms.__struct_fields__)
        refuse_numbers(**{name: value for name, value in values if not isinstance(value, enum.Enum)})


def _refuse_another(field: str, value: object, kind: type) -> None:
    if not isinstance(value, kind):
        raise FieldError(field, value, f"must be {kind.__name__}")


def refuse_missing(**numbers: object) -> None:
    """:raises FieldError: None."""
    for name, number in numbers.items():
        if number is None:
            raise FieldError(name, number, "is required")


def refuse_numbers(**numbers: object) -> None:
    """:raises FieldError: not an int, or more than 63 bits."""
    for name, number in numbers.items():
        if number is None:
            continue
        if type(number) is not int:
            raise FieldError(name, number, "must be a whole number of lots or ticks, as an int")
        if not -INT64_MAX <= number <= INT64_MAX:
            raise FieldError(name, number, "does not fit 63 bits")


Option = TypeVar("Option", bound=enum.Enum)


def choice(field: str, kind: type[Option], value: object) -> Option:
    """:raises FieldError: it is none of them."""
    try:
        return kind(value)
    except ValueError:
        known = ", ".join(option.name for option in kind)
        raise FieldError(field, value, f"must be one of {known}") from None


def flag(field: str, value: object) -> bool:
    """A text such as "no" would count as yes.

    :raises FieldError: neither True nor False.
    """
    if value is True or value is False:
        return value
    raise FieldError(field, value, "must be True or False")
