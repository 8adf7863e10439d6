"""The small parts: the kill latch, the stopwatch, the clock, the settings."""

from __future__ import annotations

import stat
import time
from decimal import Decimal
from pathlib import Path

import pytest

from meltica.app.clock import SteadyClock
from meltica.app.kill_latch import KillLatch, Latched
from meltica.app.measured_gate import BUCKETS, Stopwatch
from meltica.app.settings import Settings, read_settings
from meltica.domain.errors import FieldError
from tests.engines import SECOND

TARA = "spiffe://meltica.example/person/tara"


def test_a_latch_outlives_its_maker_until_it_is_released(tmp_path: Path) -> None:
    latch = KillLatch(tmp_path / "kill")
    assert latch.engaged() == []
    latch.engage("", "smoke", TARA)
    latch.engage("desk/../1", "a name that is no path", TARA)
    again = KillLatch(tmp_path / "kill")
    assert again.engaged() == [Latched("desk/../1", "a name that is no path", TARA), Latched("", "smoke", TARA)]
    again.release("")
    again.release("")
    assert [latched.switch for latched in latch.engaged()] == ["desk/../1"]
    assert sorted(path.parent.name for path in tmp_path.rglob("*.json")) == ["kill"], "nothing is written elsewhere"
    assert stat.S_IMODE((tmp_path / "kill").stat().st_mode) == 0o700


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"\xff\x00", b'{"account":7,"reason":"","actor":""}', b"[]"])
@pytest.mark.parametrize("name", ["all.json", "account-6d.json", "what-is-this.json"])
def test_a_latch_that_cannot_be_read_counts_as_everything(tmp_path: Path, name: str, content: bytes) -> None:
    latch = KillLatch(tmp_path)
    (tmp_path / name).write_bytes(content)
    (found,) = latch.engaged()
    assert found.switch == ""
    assert name in found.reason


def test_a_latch_that_is_a_folder_counts_as_everything(tmp_path: Path) -> None:
    (tmp_path / "all.json").mkdir()
    assert [found.switch for found in KillLatch(tmp_path).engaged()] == [""]


def test_quantiles_are_upper_bounds_within_a_bucket() -> None:
    watch = Stopwatch()
    assert watch.quantile_ns(0.5) == 0
    for duration_ns in range(1_000, 101_000, 1_000):
        watch.add(duration_ns)
    for share, exact in ((0.5, 50_000), (0.99, 99_000), (1.0, 100_000)):
        found = watch.quantile_ns(share)
        assert exact <= found <= exact * 1.16, (share, found)


def test_quantiles_at_both_ends() -> None:
    watch = Stopwatch()
    watch.add(0)
    assert watch.quantile_ns(0.5) == watch.quantile_ns(1.0) == BUCKETS[0]
    watch.add(10**12)
    assert watch.quantile_ns(1.0) == BUCKETS[-1]


def test_the_clock_does_not_go_back() -> None:
    clock = SteadyClock()
    times = [clock.now_ns() for _ in range(1_000)]
    assert times == sorted(times)
    assert 0 <= time.time_ns() - times[-1] < SECOND


def test_the_clock_begins_after_the_journal_even_if_the_systems_was_set_back() -> None:
    ahead = time.time_ns() + 3_600 * SECOND
    assert ahead < SteadyClock(not_before_ns=ahead).now_ns() < ahead + SECOND


def test_settings_have_defaults_for_everything(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text("")
    assert read_settings(path) == read_settings(None) == Settings()
    assert Settings().journal == Path(".meltica/journal.db")
    assert Settings().authority == Path(".meltica/ca")
    assert Settings(certificates="/etc/meltica").authority == Path("/etc/meltica")


def test_settings_are_read_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(
        'accounts = ["a", "b"]\n[limits]\nmax_order_value = 0.1\n'
        '[[strategies]]\nname = "x"\nkind = "momentum"\naccount = "b"\nparameters = {lots = 3}\n'
    )
    found = read_settings(path)
    assert found.limits.max_order_value == Decimal("0.1"), "money is not a float"
    assert (found.strategies[0].account, found.strategies[0].parameters) == ("b", {"lots": 3})


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("snapshot_every = 0", "snapshot_every"),
        ("gate = 'quantum'", "gate"),
        ("[limits]\nmax_open_orders = 4_294_967_296", "max_open_orders"),
        ("[limits]\nmax_order_value = -1", "max_order_value"),
        ("[limits]\nmax_order_value = 'much'", "max_order_value"),
        ("[market]\nspeed = 0", "speed"),
        ("accounts = ['a b']", "accounts"),
        ("listen = '127.0.0.1'", "listen"),
        ("listen = '127.0.0.1:65536'", "listen"),
        ("listen = ':50051'", "listen"),
        ("[what]\n", "what"),
    ],
)
def test_wrong_settings_name_the_file_and_the_key(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(text)
    with pytest.raises(FieldError) as caught:
        read_settings(path)
    assert str(path) in str(caught.value) or str(path)[-40:] in str(caught.value)
    assert named in str(caught.value)
