"""``meltica report executions``: the table, the page, and what goes wrong."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner

from meltica.app.cli import app
from meltica.app.reports import plots
from meltica.app.reports.execution_html import page
from meltica.app.reports.execution_report import UnreadableEntryError, duration, fold, rows_of, stage_table, table
from meltica.domain.errors import MelticaError
from meltica.domain.execution import GroupBy
from meltica.domain.order import Side
from meltica.domain.reports import ExecType
from meltica.journal.chain import entry_hash
from meltica.journal.entry import Entry
from meltica.journal.reader import SqliteReader
from meltica.journal.store import SqliteStore
from tests.unit.analytics.days import ALL, SECOND, Day, instrument
from tests.unit.analytics.test_slices import a_parent

SVG = re.compile(r"<svg .*?</svg>", re.DOTALL)


def written(path: Path, payloads: list[bytes]) -> Path:
    store = SqliteStore(path)
    head = store.head()
    entries = []
    for seq, payload in enumerate(payloads, 1):
        digest = entry_hash(entries[-1].hash if entries else head.hash, seq, seq, payload)
        entries.append(Entry(seq, seq, payload, digest))
    store.append(entries)
    store.close()
    return path


def a_day() -> Day:
    day = Day(instrument(), instrument("E@XPAR", 2, quote_currency="EUR"))
    for order_id in range(1, 40):
        side, strategy = Side(1 + order_id % 2), f"s{order_id % 3}"
        name = "E@XPAR" if order_id % 5 == 0 else "XYZ@XNAS"
        day.submit(order_id, (3999, 4001), side=side, strategy=strategy, instrument=name, quantity_lots=10)
        day.fill(order_id, f"x{order_id}", 5, 4000 + order_id % 7, (3999, 4001), maker=order_id % 2 == 0, fee_nanos=7)
        if order_id % 4:
            day.tell(order_id, ExecType.CANCELED, (4009, 4011))
    return day


class Tags(HTMLParser):
    """Every tag that is opened is closed, in order."""

    VOID = frozenset({"meta"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def parsed(text: str) -> Tags:
    tags = Tags()
    tags.feed(text)
    tags.close()
    assert tags.open == []
    for drawn in SVG.findall(text):
        for element in ET.fromstring(drawn).iter():
            for name, value in element.attrib.items():
                if name in {"x", "y", "x1", "x2", "y1", "y2", "width", "height", "cx", "cy"} and value != "100%":
                    assert math.isfinite(float(value)), (name, value)
                    assert float(value) >= -1, (name, value)
    return tags


def test_the_table() -> None:
    day = Day()
    day.submit(1, (4003, 4005), decision_ticks=4000, strategy="alpha")
    day.fill(1, "a", 700, 4005, (4004, 4006), fee_nanos=17 * 10**9, maker=False)
    day.tell(1, ExecType.CANCELED, (4007, 4009))
    day.adopt(2, 5)
    day.submit(3, (4003, 4005), strategy="")
    done, cost = split(table(rows_of(day.books, GroupBy.STRATEGY, ALL)))
    assert [line.split()[0] for line in done] == ["ccy", "(none)", "alpha", "external"]
    assert done[0].split()[:5] == ["ccy", "orders", "filled", "cancelled", "rejected"]
    assert " ".join(done[2].split()) == "alpha USD 1 0 1 0 0 0 70.0 0.0 28,035.00 17.00"
    assert " ".join(cost[2].split()) == "alpha USD 19.00 7.00 1.75 6.00 4.25 2.50 0.00 -2.50 1.01 s 1.01 s"
    assert done[3].split() == ["external", "USD", *"100001", "-", "-", "0.00", "0.00"]
    assert cost[3].split() == ["external", "USD", *["-"] * 10], "unknown is not 0"
    assert len({len(line) for line in done}) == len({len(line) for line in cost}) == 1
    (heading, row), _ = split(table(rows_of(day.books, GroupBy.ALL, ALL)))
    assert (heading.split()[0], row.split()[0]) == ("ccy", "all")


def split(lines: Iterator[str]) -> tuple[list[str], list[str]]:
    """What was done, and what it cost without the two lines of its title; all of it fits a terminal."""
    done, _, cost = "\n".join(lines).partition("\n\n")
    assert max(map(len, f"{done}\n{cost}".splitlines())) <= 110
    return done.splitlines(), cost.splitlines()[2:]


def test_nothing_that_matches_is_said() -> None:
    assert list(table(())) == ["no order matches"]


def test_the_table_of_stages() -> None:
    day = Day()
    day.adopt(9, 5)
    assert list(stage_table(day.only())) == [], "nothing was timed"
    day = Day()
    for order_id in (1, 2):
        day.submit(order_id, (3999, 4001), quantity_lots=10, decided_ns=day.now_ns + SECOND - order_id * 100)
        day.fill(order_id, f"e{order_id}", 10, 4001)
    words, heading, *rows = stage_table(day.only())
    assert (words, " ".join(heading.split())) == ("latency of USD orders", "stage orders median 90 % 99 % longest")
    shown = {line.split("  ")[0]: line.split("  ", 1)[1].split() for line in rows}
    assert shown["decision to command"] == ["2", "100", "ns", "201", "ns", "201", "ns", "201", "ns"]
    assert list(shown) == [row.stage.value for row in day.only().stages]
    assert len({len(line) for line in (heading, *rows)}) == 1
    day.deny(3, (3999, 4001))
    text = page(day.books, GroupBy.STRATEGY, ALL, title="x")
    assert "<td>decision to first fill</td><td>2</td>" in text
    assert "<b>2</b><span>orders (1 more denied)</span>" in text


def test_the_page_is_well_formed_and_has_its_plots() -> None:
    text = page(a_day().books, GroupBy.STRATEGY, ALL, title="a <b> & c")
    tags = parsed(text)
    assert tags.seen.count("svg") == 10, "five plots a currency"
    assert "<b> &" not in text, "what people named is text, not tags"
    assert "http" not in text.replace("http://www.w3.org/2000/svg", ""), "nothing is fetched"


@pytest.mark.parametrize("by", GroupBy)
def test_a_page_for_each_grouping(by: GroupBy) -> None:
    parsed(page(a_day().books, by, ALL, title="x"))


def test_a_page_about_nothing_and_about_little() -> None:
    day = Day()
    assert "No order matches" in page(day.books, GroupBy.DAY, ALL, title="x")
    day.adopt(1, 10)
    parsed(page(day.books, GroupBy.DAY, ALL, title="x"))
    day.submit(2, (3999, 4001), strategy="</svg><script>alert(1)</script>")
    day.fill(2, "a", 10, 4000, (3999, 4001))
    day.submit(3, (3999, 4001))
    day.fill(3, "b", 10, 4000, (3999, 4001))
    text = page(day.books, GroupBy.STRATEGY, ALL, title="x")
    parsed(text)
    assert "<script>" not in text


def test_axes_have_round_numbers_around_what_they_show() -> None:
    for values, ticks in (
        ([], (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)),
        ([0.0], (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)),
        ([3.7], (0.0, 1.0, 2.0, 3.0, 4.0)),
        ([-12.0, 30.0], (-20.0, -10.0, 0.0, 10.0, 20.0, 30.0)),
    ):
        found = plots.axis(values, 0, 100)
        assert found.ticks == ticks
        assert (found.at(ticks[0]), found.at(ticks[-1])) == (0, 100)


def test_durations_are_shown_in_their_unit() -> None:
    shown = [duration(ns) for ns in (0, 999, 1_000, 1_234_567, 59 * 10**9, 90 * 10**9)]
    assert shown == ["0 ns", "999 ns", "1 us", "1.23 ms", "59 s", "1.5 min"]


class TestCommand:
    def run(self, *arguments: object):
        return CliRunner().invoke(app, ["report", "executions", *map(str, arguments)])

    def rows(self, *arguments: object) -> list[str]:
        """The table of groups: what comes before the latency."""
        return self.run(*arguments).output.split("\n\n")[0].splitlines()

    @pytest.fixture
    def journal(self, tmp_path: Path) -> Path:
        return written(tmp_path / "journal.db", a_day().stored)

    def test_it_reads_a_journal(self, journal: Path, tmp_path: Path) -> None:
        found = self.run(journal)
        assert found.exit_code == 0, found.output
        assert [line.split()[:2] for line in self.rows(journal)[1:]] == [
            [name, currency] for name in ("s0", "s1", "s2") for currency in ("EUR", "USD")
        ]
        assert [line for line in found.output.splitlines() if "latency" in line] == [
            f"latency of {currency} orders" for currency in ("EUR", "USD")
        ]
        html = tmp_path / "page.html"
        found = self.run(journal, "--by", "order", "--html", html, "--strategy", "s1")
        assert found.exit_code == 0, found.output
        assert len(found.output.split("\n\n")[0].splitlines()) == 1 + 13
        assert found.output.splitlines()[-1] == f"written: {html}"
        assert "strategy s1" in html.read_text()
        parsed(html.read_text())

    def test_one_order_alone_and_a_parent_with_its_slices(self, tmp_path: Path) -> None:
        path = written(tmp_path / "journal.db", a_parent().stored)
        found = self.run(path, "--order", "1").output
        rows = [re.split(r"\s{2,}", line) for line in found.splitlines()]
        assert ["durable to sent", "3", *["1.01 us"] * 4] in rows
        assert [row[1] for row in rows if row[0] in ("acknowledged to first fill", "command to first fill")] == [
            "3",
            "1",
        ]
        alone = self.run(path, "--order", "2").output
        assert "durable to sent" in alone
        assert "3" not in [re.split(r"\s{2,}", line)[1:2] for line in alone.splitlines()]
        html = tmp_path / "page.html"
        assert self.run(path, "--html", html).exit_code == 0
        parsed(text := html.read_text())
        assert "Orders in slices" in text
        assert ">1 ns / 1 ns</td>" in text
        for wrong, words in (
            (("--order", "99"), "no order 99"),
            (("--order", "1", "--html", html), "about many orders"),
        ):
            refused = self.run(path, *wrong)
            assert refused.exit_code == 2
            assert words in re.sub(r"\W*\n\W*", " ", refused.output)

    def test_filters(self, journal: Path) -> None:
        assert len(self.rows(journal, "--venue", "XPAR", "--by", "all")) == 2
        assert len(self.rows(journal, "--from", "2023-11-15")) == 1
        assert len(self.rows(journal, "--to", "2023-11-14", "--by", "day")) == 3

    @pytest.mark.parametrize("option", ["--from", "--to"])
    def test_what_is_no_date_is_refused(self, journal: Path, option: str) -> None:
        found = self.run(journal, option, "2026-02-30")
        assert found.exit_code == 2
        assert "is not a date" in found.output

    def test_what_can_t_be_read_or_written_is_said(self, journal: Path, tmp_path: Path) -> None:
        for arguments, words in (
            ((tmp_path / "none.db",), "there is no such file"),
            ((journal, "--html", tmp_path / "no" / "page.html"), "can't be written: No such file"),
        ):
            found = self.run(*arguments)
            assert isinstance(found.exception, MelticaError)
            assert words in str(found.exception)

    def test_an_entry_that_is_no_record_is_named(self, tmp_path: Path) -> None:
        path = written(tmp_path / "journal.db", [*a_day().stored[:5], b'{"input":1}'])
        with SqliteReader(path) as source, pytest.raises(UnreadableEntryError, match="entry 6 can't be taken in"):
            fold(source)
