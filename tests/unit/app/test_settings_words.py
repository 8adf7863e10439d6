"""Settings in words: what is printed is a settings file again, and what is wrong is said with file and key."""

from __future__ import annotations

import asyncio
import tomllib
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from meltica.app.cli import app
from meltica.app.hot.settings import read_hot_settings
from meltica.app.process import FolderError
from meltica.app.run import run
from meltica.app.settings import Settings, read_settings
from meltica.app.settings_words import SettingsError, meanings, page
from meltica.control.authority import AuthorityError
from meltica.domain.errors import FieldError

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "settings.md"
OTHERS = """state = "/var/lib/\\"x\\""
accounts = ["main", "alt"]
adjust_alone_up_to = 12.5
[market]
speed = 0.5
[paper.faults]
lost_ppm = 7
[limits]
max_order_value = 0.1
[[strategies]]
name = "a"
kind = "momentum"
parameters = {instrument = "BTC/USDT@PAPER", quantity_lots = 3}
[[hot_gates]]
name = "edge-1"
locates = {"AAPL@XNAS" = 13}
"""


def again(settings: Settings) -> Settings:
    return msgspec.convert(tomllib.loads("\n".join(page(settings))), Settings)


@pytest.mark.parametrize("text", ["", OTHERS], ids=["defaults", "others"])
def test_what_is_printed_is_a_settings_file_that_says_the_same(tmp_path: Path, text: str) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(text)
    assert again(read_settings(path)) == read_settings(path)


def test_what_comes_commented_out_can_be_used_as_it_is() -> None:
    printed = "\n".join(page(Settings())).splitlines()
    for table, name in (("strategies", "x"), ("hot_gates", "edge-1")):
        at = printed.index(f"# [[{table}]]")
        end = next((place for place in range(at, len(printed)) if not printed[place]), len(printed))
        lines = [line.removeprefix("# ").replace("...", f'"{name}"') for line in printed[at:end]]
        (found,) = tomllib.loads("\n".join(lines))[table]
        assert found["name"] == name


def test_the_guide_has_what_the_command_prints() -> None:
    printed = CliRunner().invoke(app, ["settings"]).stdout
    told = GUIDE.read_text("utf-8").partition("<!-- settings -->\n```toml\n")[2].partition("```\n<!-- /settings -->")[0]
    assert told == printed, "print it with `meltica settings`"


def test_a_key_without_a_docstring_has_none_of_its_neighbours() -> None:
    told = meanings(Settings)
    assert told["listen"].startswith("Address and port")
    assert "limits" not in told


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("lissen = 1", "lissen: there is no such key; is listen meant?"),
        ("native_stops = true", "native_stops: there is no such key; it belongs under [paper]"),
        ("[paper]\nlost_ppm = 1", "paper.lost_ppm: there is no such key; it belongs under [paper.faults]"),
        ("[paper]\nzzz = 1", "paper.zzz: there is no such key; `meltica settings` prints all of them"),
        (
            "[[strategies]]\nname = 'x'\nkind = 'momentum'\nparms = 1",
            "strategies[0].parms: there is no such key; is parameters",
        ),
        ("[[strategies]]\nname = 'x'", "strategies[0].kind: is missing"),
        ("gate = 'asic'", "gate: 'asic' is none of cython, python, process, card"),
        ("[limits]\nself_match = 'x'", "limits.self_match: 'x' is none of cancel_newest, cancel_oldest, "),
        ("snapshot_every = 0", "snapshot_every: must be a whole number >= 1"),
        ("market = 1", "market: must be a table of keys, got a whole number"),
        ("accounts = ['a b']", "accounts[0]: must be a name of letters, digits and"),
        ("[[hot_gates]]\nname = 'UP'", "hot_gates[0].name: must be a name of small letters"),
        ("[limits]\nmax_order_value = -1", "limits.max_order_value: -1 is not within 0.."),
        ("[limits]\nmax_order_value = 'x'", "limits.max_order_value: must be a number"),
        ("listen = 'x'", "listen: 'x' is not an address and a port"),
        ("a = [", "is no TOML: "),
    ],
)
def test_what_is_wrong_is_said_with_file_and_key(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(text)
    with pytest.raises(SettingsError) as caught:
        read_settings(path)
    assert str(caught.value).startswith(f"settings: {path}: {words}")
    assert "$" not in str(caught.value)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="can't be read: No such file or directory"):
        read_settings(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[paper]\ncloses = '25:99'", "paper.closes: must be a time of day in UTC"),
        ("[[strategies]]\nname = 'x'\nkind = 'moment'", "strategies, 'x': kind: known are accumulator"),
        ("[[strategies]]\nname = 'x'\nkind = 'momentum'\nparameters = {foo = 1}", "strategies, 'x': parameters.foo: "),
    ],
)
def test_what_only_the_wiring_understands_is_judged_before_anything_is_written(
    tmp_path: Path, text: str, words: str
) -> None:
    path, state = tmp_path / "gateway.toml", tmp_path / "state"
    path.write_text(f'state = "{state}"\nlisten = "127.0.0.1:0"\n{text}')
    printed = CliRunner().invoke(app, ["settings", str(path)])
    for error in (printed.exception, started(read_settings(path))):
        assert isinstance(error, FieldError)
        assert str(error).startswith(words)
    assert not state.exists(), "a first start would have written limits that nobody meant"


def started(settings: Settings) -> Exception:
    with pytest.raises(FieldError) as caught:
        asyncio.run(run(settings, print))
    return caught.value


def test_the_hot_process_says_it_in_the_same_words(tmp_path: Path) -> None:
    path = tmp_path / "hot.toml"
    path.write_text("name = 'edge-1'\nfoldr = '/dev/shm/x'\n")
    with pytest.raises(SettingsError) as caught:
        read_hot_settings(path)
    assert str(caught.value).startswith(f"settings: {path}: ")
    assert "$" not in str(caught.value)


@pytest.mark.parametrize("command", ["up", "run", "demo", "ca"])
def test_a_folder_that_can_t_be_made_is_no_bug(tmp_path: Path, command: str) -> None:
    (tmp_path / "file").touch()
    settings = tmp_path / "gateway.toml"
    settings.write_text(f'state = "{tmp_path / "file"}"\nlisten = "127.0.0.1:0"\n')
    if command == "run":
        with pytest.raises(FolderError, match="can't be made: a file is in its place"):
            asyncio.run(run(read_settings(settings), print))
        return
    arguments = {
        "up": ["--settings", str(settings)],
        "demo": ["--state", str(tmp_path / "file")],
        "ca": [str(tmp_path / "file")],
    }
    done = CliRunner().invoke(app, [command, *arguments[command]])
    assert isinstance(done.exception, FolderError | AuthorityError)
    assert "can't be made: " in str(done.exception)
