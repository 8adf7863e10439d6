"""The rulebook, its generated page and the twin's table say the same."""

import tomllib
from pathlib import Path

from meltica.hot import RULES, Check
from meltica.hot.rules_twin import RULES as JUDGED

ROOT = Path(__file__).resolve().parents[3]
BOOK = {one["number"]: one for one in tomllib.loads((ROOT / "proto/hot/rulebook.toml").read_text())["check"]}


def test_numbers_are_those_of_the_consolidated_list() -> None:
    assert [check.value for check in Check] == [0, 1, 3, 4, 5, 6, 8, 9, 10, 11, 13, 16, 17, 21, 23, 26, 27, 29]


def test_the_twin_judges_each_check_but_malformed_which_stands_alone() -> None:
    assert list(JUDGED) == [check for check in Check if check is not Check.MALFORMED]


def test_reject_codes_are_those_of_ouch() -> None:
    assert {check.value: rule.ouch_code for check, rule in RULES.items()} == {
        number: one["ouch"] for number, one in BOOK.items()
    }
    assert (RULES[Check.PRICE_COLLAR].ouch_code, RULES[Check.MAX_QUANTITY].ouch_code) == (0x0026, 0x0031)


def test_the_page_lists_every_check() -> None:
    page = (ROOT / "docs/risk_checks.md").read_text()
    for number, one in BOOK.items():
        assert f"| {number} | `{one['name']}`" in page
