"""The rulebook, its generated page and the twin's table say the same."""

import re
import tomllib
from pathlib import Path

from meltica.hot import RULES, Check
from meltica.hot.rules_twin import RULES as JUDGED

ROOT = Path(__file__).resolve().parents[3]
BOOK = {one["number"]: one for one in tomllib.loads((ROOT / "proto/hot/rulebook.toml").read_text())["check"]}


def test_numbers_are_those_of_the_consolidated_list() -> None:
    assert [check.value for check in Check] == list(range(37))


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


def test_each_check_names_the_rule_it_serves() -> None:
    """A paragraph of SEC 15c3-5, an article of RTS 6, another law, or a dash with the guide or venue behind it."""
    paragraph = re.compile(r"SEC 15c3-5\([cd]\)|RTS 6 art\. 1[257]|Reg (NMS|SHO) \d|Limit Up-Limit Down|- \(.+\)")
    for check, rule in RULES.items():
        for one in rule.rule.split("; "):
            assert paragraph.match(one), f"{check.name}: {one!r}"
    page = (ROOT / "docs/risk_checks.md").read_text()
    for one in BOOK.values():
        assert one["fires"] in page
        assert f"| {one['rule']} |" in page
