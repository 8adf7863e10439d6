"""A strategy's float or numpy number would reach the engine as no int; better that the strategy stops."""

from __future__ import annotations

import enum
from decimal import Decimal

from meltica.domain.errors import FieldError
from meltica.domain.money import INT64_MAX
from meltica.domain.schedule import Schedule
from meltica.domain.terms import Terms

_FACTORS = frozenset({"risk_aversion", "volatility", "temporary_impact", "permanent_impact"})


def refuse_schedule(schedule: Schedule) -> None:
    """:raises FieldError: a number of it is no int, or no Decimal where it should be one."""
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
        values = ((name, getattr(terms, name)) for name in terms.__struct_fields__)
        refuse_numbers(**{name: value for name, value in values if not isinstance(value, enum.Enum)})


def refuse_numbers(**numbers: object) -> None:
    """:raises FieldError: not an int, or more than 63 bits."""
    for name, number in numbers.items():
        if number is None:
            continue
        if type(number) is not int:
            raise FieldError(name, number, "must be a whole number of lots or ticks, as an int")
        if not -INT64_MAX <= number <= INT64_MAX:
            raise FieldError(name, number, "does not fit 63 bits")
