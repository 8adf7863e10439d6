"""A parent order's schedule as the API writes it, and back: decimal text there; lots, ppm and nanoseconds here."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from meltica.control.errors import fault_of
from meltica.control.requests import Form
from meltica.control.resources import timestamp
from meltica.domain.errors import FieldError
from meltica.domain.instrument import Instrument
from meltica.domain.money import INT64_MAX, parse_decimal, plain, steps
from meltica.domain.schedule import NOTHING, PPM, AtEnd, CatchUp, ChildStyle, Schedule, ScheduleKind
from meltica.v1 import algo_service_pb2 as api

SECOND_NS: Final = 1_000_000_000
MILLIONTH: Final = Decimal("0.000001")

KINDS: Final = {kind: api.ScheduleKind.Value(f"SCHEDULE_KIND_{kind.name}") for kind in ScheduleKind}
STYLES: Final = {style: api.ChildStyle.Value(f"CHILD_STYLE_{style.name}") for style in ChildStyle}
CATCH_UPS: Final = {rule: api.CatchUp.Value(f"CATCH_UP_{rule.name}") for rule in CatchUp}
AT_ENDS: Final = {rule: api.AtEnd.Value(f"AT_END_{rule.name}") for rule in AtEnd}
_KINDS: Final[dict[int, ScheduleKind]] = {number: kind for kind, number in KINDS.items()}
_STYLES: Final[dict[int, ChildStyle]] = {number: style for style, number in STYLES.items()}
_CATCH_UPS: Final[dict[int, CatchUp]] = {0: CatchUp.KEEP, **{number: rule for rule, number in CATCH_UPS.items()}}
_AT_ENDS: Final[dict[int, AtEnd]] = {0: AtEnd.CANCEL, **{number: rule for rule, number in AT_ENDS.items()}}


def read(form: Form, asked: api.Schedule, instrument: Instrument | None) -> Schedule:
    """What is wrong is remembered in the form, with its field; what contradicts itself the engine says."""

    def number(name: str) -> Decimal:
        return _decimal(form, f"schedule.{name}", getattr(asked, name))

    kind = form.choice("schedule.kind", asked.kind, _KINDS, api.ScheduleKind)
    largest = asked.max_child_quantity
    slices = asked.slices or (1 if kind is ScheduleKind.VWAP else 0)
    if slices < 0:
        form.wrong("schedule.slices", f"must not be negative (got {slices})")
    return Schedule(
        kind=kind,
        start_ns=moment(form, "schedule.start_time", asked.start_time) if asked.HasField("start_time") else 0,
        end_ns=moment(form, "schedule.end_time", asked.end_time) if asked.HasField("end_time") else 0,
        slices=slices,
        curve_ppm=tuple(
            _ppm(form, f"schedule.volume_curve[{at}]", share) for at, share in enumerate(asked.volume_curve)
        ),
        rate_ppm=_ppm(form, "schedule.participation_rate", asked.participation_rate),
        volume_has_ours=asked.volume_has_ours,
        risk_aversion=number("risk_aversion"),
        volatility=number("volatility"),
        temporary_impact=number("temporary_impact"),
        permanent_impact=number("permanent_impact"),
        max_child_lots=form.quantity("schedule.max_child_quantity", largest, instrument) if largest else 0,
        randomise_ppm=_ppm(form, "schedule.randomisation", asked.randomisation),
        style=form.choice("schedule.child_style", asked.child_style, _STYLES, api.ChildStyle),
        catch_up=form.choice("schedule.catch_up", asked.catch_up, _CATCH_UPS, api.CatchUp),
        at_end=form.choice("schedule.at_end", asked.at_end, _AT_ENDS, api.AtEnd),
    )


def moment(form: Form, field: str, given: Timestamp) -> int:
    time_ns = given.seconds * SECOND_NS + given.nanos
    if not 0 <= given.nanos < SECOND_NS or not 0 < time_ns <= INT64_MAX:
        form.wrong(field, "must be a time after 1970 that fits 63 bits of nanoseconds")
        return 0
    return time_ns


def _ppm(form: Form, field: str, text: str) -> int:
    """A share from 0 to 1 in millionths; empty is 0."""
    try:
        ppm = steps(field, text, MILLIONTH) if text else 0
    except FieldError as error:
        form.wrong(field, fault_of(error))
        return 0
    if not 0 <= ppm <= PPM:
        form.wrong(field, f"must be 0 to 1 (got {text})")
        return 0
    return ppm


def _decimal(form: Form, field: str, text: str) -> Decimal:
    try:
        value = parse_decimal(field, text) if text else NOTHING
    except FieldError as error:
        form.wrong(field, fault_of(error))
        return NOTHING
    if value < 0:
        form.wrong(field, f"must not be negative (got {text})")
    return value


def _share_text(ppm: int) -> str:
    return plain(ppm * MILLIONTH)


def shown(schedule: Schedule, instrument: Instrument) -> api.Schedule:
    def number(value: Decimal) -> str:
        return plain(value) if value else ""

    largest, pov = schedule.max_child_lots, schedule.kind is ScheduleKind.POV
    return api.Schedule(
        kind=KINDS[schedule.kind],
        start_time=timestamp(schedule.start_ns),
        end_time=timestamp(schedule.end_ns) if schedule.end_ns else None,
        slices=schedule.slices,
        volume_curve=[_share_text(share) for share in schedule.curve_ppm],
        participation_rate=_share_text(schedule.rate_ppm) if pov else "",
        volume_has_ours=schedule.volume_has_ours,
        risk_aversion=number(schedule.risk_aversion),
        volatility=number(schedule.volatility),
        temporary_impact=number(schedule.temporary_impact),
        permanent_impact=number(schedule.permanent_impact),
        max_child_quantity=instrument.quantity_text(largest) if largest else "",
        randomisation=_share_text(schedule.randomise_ppm) if schedule.randomise_ppm else "",
        child_style=STYLES[schedule.style],
        catch_up=CATCH_UPS[schedule.catch_up],
        at_end=AT_ENDS[schedule.at_end],
    )
