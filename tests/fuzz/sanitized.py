"""A pytest plugin of ``tools/sanitize.sh``: a run with a compiled module from anywhere else fails."""

# ruff: noqa: T201 - it is run by people and by tools/, and says what it did

from __future__ import annotations

import pytest

from tests.fuzz.replay import sanitized_or_not


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    try:
        print(f"\n{sanitized_or_not()}")
    except RuntimeError as error:
        session.exitstatus = 1
        print(f"\n{error}")
