"""What loosens a limit needs a second person; what tightens does not."""

from __future__ import annotations

import msgspec
import pytest

from meltica.domain.approvals import person_of
from meltica.domain.limits import ACCOUNT_NAME, AccountLimits, InstrumentLimits, PositionLimits, key_of, loosened
from tests.engines import BTC

SET = [
    InstrumentLimits(
        instrument=BTC,
        enabled=True,
        restricted=False,
        max_quantity_lots=5,
        max_value_nanos=5,
        collar_bps=5,
        reference_max_age_ns=5,
    ),
    AccountLimits(
        account="main",
        enabled=True,
        max_open_value_nanos=5,
        max_open_orders=5,
        messages_per_second=5,
        message_burst=5,
        duplicate_window_ns=5,
        market_orders_allowed=True,
    ),
    PositionLimits(account="main", instrument=BTC, max_long_lots=5, max_short_lots=5),
]  # fmt: skip - three rows, three paragraphs
TIGHTER_WHEN_MORE = {"restricted", "duplicate_window_ns"}
FIELDS = [(row, name) for row in SET for name in row.__struct_fields__ if not isinstance(getattr(row, name), str)]


@pytest.mark.parametrize(("row", "name"), FIELDS, ids=[name for _, name in FIELDS])
def test_each_field_loosens_in_one_direction_only(row, name):
    value = getattr(row, name)
    less, more = (False, True) if isinstance(value, bool) else (value - 1, value + 1)
    low, high = (msgspec.structs.replace(row, **{name: each}) for each in (less, more))
    tight, loose = (high, low) if name in TIGHTER_WHEN_MORE else (low, high)
    assert loosened(tight, loose) == (name,)
    assert loosened(loose, tight) == ()


@pytest.mark.parametrize("row", SET, ids=key_of)
def test_the_same_is_not_looser_and_what_was_never_set_is_shut(row):
    assert loosened(row, row) == ()
    shut = type(row)(**{name: getattr(row, name) for name in ("account", "instrument") if hasattr(row, name)})
    assert loosened(None, shut) == ()
    assert set(loosened(None, row)) == {n for r, n in FIELDS if r is row} - TIGHTER_WHEN_MORE


def test_several_changes_at_once_name_only_what_loosens():
    mixed = msgspec.structs.replace(SET[2], max_long_lots=9, max_short_lots=1)
    assert loosened(SET[2], mixed) == ("max_long_lots",)


def test_keys_tell_rows_apart():
    assert [key_of(row) for row in SET] == [f"instruments/{BTC}", "accounts/main", f"accounts/main/positions/{BTC}"]
    assert not ACCOUNT_NAME.fullmatch(f"main/positions/{BTC}"), "or an account would have a position's key"


@pytest.mark.parametrize("name", ["", "/", "a|b", "a b", "-a", "ä", "a" * 65, "a\n", "a/positions/b"], ids=ascii)
def test_names_that_would_break_keys_are_none(name):
    assert not ACCOUNT_NAME.fullmatch(name)


@pytest.mark.parametrize(
    ("actor", "person"),
    [
        ("spiffe://meltica.example/person/ada", "ada"),
        ("spiffe://meltica.example/person/ada/laptop", "ada"),
        ("spiffe://meltica.example/person/ada/laptop/2", "ada"),
        ("spiffe://other.example/person/ada", "ada"),
        ("spiffe://meltica.example/service/ada", "spiffe://meltica.example/service/ada"),
        ("system:settings", "system:settings"),
    ],
)
def test_one_person_with_several_certificates_is_one_person(actor, person):
    assert person_of(actor) == person
