"""What a gateway does not start on: a journal that is damaged or somebody else's, a port that is taken, wrong settings,
a recording that is none. Each says what is wrong and what to do, in one line, and nothing is touched."""

from __future__ import annotations

import gzip
import os
import random
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from meltica.journal.reader import SqliteReader
from meltica.journal.verify import verify
from tests.integration.gateway_judge import judge
from tests.integration.gateway_person import BTC, Person
from tests.integration.gateway_running import Gateway, gateway
from tests.integration.gateway_traffic import Traffic


def refusal(found: Gateway) -> str:
    """The one line that a refused start says."""
    code, said = found.refuses_to_start()
    assert code == 1, said
    assert "Traceback" not in said, said
    (line,) = [line for line in said.splitlines() if line.startswith("meltica: ")]
    return line


async def test_a_second_gateway_on_a_journal_is_told_who_has_it(tmp_path: Path) -> None:
    with gateway(tmp_path / "first") as first:
        second = Gateway(tmp_path / "second")
        second.state, second.journal = first.state, first.journal
        second.configure("")
        line = refusal(second)
        assert f"is in use by process {first.pid} on {socket.gethostname()}" in line
        assert "Stop that process, or point this gateway at a journal of its own" in line
        # The first one is unharmed, and who looks for it still finds it
        assert (first.state / "gateway.ready").read_text().split()[0] == str(first.pid)
        async with Person(first) as olivia:
            await olivia.open_for_business()
            await olivia.submit()
        assert first.stop() == 0
    judge(first.journal)


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        found = Gateway(tmp_path, listen=address)
        assert address in refusal(found)
        judge(found.journal)
        assert not (found.state / "gateway.ready").exists()
    found.start()
    assert found.stop() == 0


@pytest.fixture
async def filled(tmp_path: Path) -> Gateway:
    """A gateway that has traded and was stopped: two hundred entries or so, one snapshot."""
    with gateway(tmp_path) as found:
        async with Person(found) as olivia:
            await olivia.open_for_business()
            await Traffic(random.Random(1)).run(olivia, in_flight=4, calls=60)
        assert found.stop() == 0
    judge(found.journal)
    return found


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 0x20
    path.write_bytes(content)


def payload_at(journal: Path, share: float) -> int:
    """Where in the file an entry's text is: the first, the last, or one in between."""
    with SqliteReader(journal) as source:
        (entry,) = source.read(max(1, int(source.head().seq * share)), 1)
    found = journal.read_bytes().find(entry.payload[:200])
    assert found > 0, "the payload is spread over pages"
    return found + 20


DAMAGE: dict[str, Callable[[Path], object]] = {
    "one bit of the first entry": lambda path: flip(path, payload_at(path, 0)),
    "one bit in the middle": lambda path: flip(path, payload_at(path, 0.5)),
    "one bit of the last entry": lambda path: flip(path, payload_at(path, 1)),
    "one bit of the header": lambda path: flip(path, 3),
    "half of it": lambda path: os.truncate(path, path.stat().st_size // 2),
    "the last page": lambda path: os.truncate(path, path.stat().st_size - 4096),
    "empty": lambda path: os.truncate(path, 0),
    "garbage": lambda path: path.write_bytes(random.Random(2).randbytes(100_000)),
    "text": lambda path: path.write_text("this is a shopping list\n" * 1000),
    "garbage behind a good header": lambda path: path.write_bytes(
        path.read_bytes()[:4096] + random.Random(3).randbytes(path.stat().st_size - 4096)
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_journal_is_refused_and_left_alone(filled: Gateway, damage: str) -> None:
    DAMAGE[damage](filled.journal)
    before = filled.journal.read_bytes()
    line = refusal(filled)
    assert f"journal {filled.journal} is damaged" in line
    assert f"meltica journal verify {filled.journal}" in line
    assert "restore a copy" in line
    assert filled.journal.read_bytes() == before


def test_a_journal_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    found = Gateway(tmp_path)
    found.journal.mkdir(parents=True)
    assert str(found.journal) in refusal(found)


async def test_a_damaged_snapshot_is_passed_over(filled: Gateway) -> None:
    """It is a shortcut only: the entries give the same state."""
    with SqliteReader(filled.journal) as source:
        row = source.snapshot(source.snapshot_seqs()[0])
    assert row is not None
    at = filled.journal.read_bytes().find(bytes(row.state[:100]))
    assert at > 0
    flip(filled.journal, at + 50)
    filled.start()
    assert "snapshot" in filled.said()
    assert "passed over: its digest does not match" in filled.said()
    async with Person(filled) as olivia:
        assert len(await olivia.all_orders()) > 20
    assert filled.stop() == 0
    problems = verify(filled.journal).problems  # It stays until newer ones take its place, and is named till then
    assert all(problem.seq == row.seq and "snapshot" in problem.reason for problem in problems), problems


SETTINGS = {
    "an unknown key": ("colour = 'red'", "colour"),
    "an unknown key further in": ("[paper]\nlatency = 1", "latency"),
    "a wrong type": ("gate = 7", "gate"),
    "a wrong type further in": ("[limits]\ncollar_bps = 'wide'", "collar_bps"),
    "a gate that there is not": ("gate = 'quantum'", "gate"),
    "no TOML": ("= = =", "gateway.toml"),
    "a market that there is not": ("[market]\ninstruments = ['GOLD@MARS']", "GOLD@MARS"),
    "a market that stands still": ("[market]\nspeed = 0", "speed"),
    "a market that runs backwards": ("[market]\nspeed = -1.0", "speed"),
    "a market without speed": ("[market]\nspeed = nan", "speed"),
    "money that is no number": ("[limits]\nmax_order_value = nan", "max_order_value"),
    "endless money": ("[limits]\nmax_open_value = inf", "max_open_value"),
    "money beyond 63 bits": ("[limits]\nmax_open_value = 99_999_999_999", "max_open_value"),
    "a negative limit": ("[limits]\nmax_open_orders = -1", "max_open_orders"),
    "a limit beyond the gate's register": ("[limits]\ncollar_bps = 4_000_000_000", "collar_bps"),
    "a negative latency": ("[paper]\nentry_latency_us = -1", "entry_latency_us"),
    "an account without a name": ("accounts = ['']", "accounts"),
    "more accounts than the gate has rows": (f"accounts = {[f'a{n}' for n in range(17)]}", "accounts"),
    "a strategy of no kind": ("[[strategies]]\nname = 'x'\nkind = 'magic'", "magic"),
    "a strategy that does not import": ("[[strategies]]\nname = 'x'\nkind = 'no.such.module:X'", "no.such.module"),
    "a class that is no strategy": ("[[strategies]]\nname = 'x'\nkind = 'pathlib:Path'", "pathlib:Path"),
    "a strategy without its parameters": ("[[strategies]]\nname = 'x'\nkind = 'market_maker'", "instrument"),
    "a strategy of an unknown account": (
        f"[[strategies]]\nname = 'x'\nkind = 'momentum'\naccount = 'nobody'\nparameters = {{instrument = '{BTC}'}}",
        "nobody",
    ),
    "two strategies of one name": (
        2 * f"[[strategies]]\nname = 'x'\nkind = 'momentum'\n[strategies.parameters]\ninstrument = '{BTC}'\n",
        "'x'",
    ),
}


@pytest.mark.parametrize("wrong", SETTINGS)
def test_wrong_settings_are_named(tmp_path: Path, wrong: str) -> None:
    text, named = SETTINGS[wrong]
    assert named in refusal(Gateway(tmp_path, text))


@pytest.mark.parametrize("listen", ["nonsense", "127.0.0.1", "127.0.0.1:99999", "192.0.2.1:1", ""])
def test_an_address_that_is_none_is_named(tmp_path: Path, listen: str) -> None:
    assert f"{listen}" in refusal(Gateway(tmp_path, listen=listen))


def test_settings_that_are_not_there_are_named(tmp_path: Path) -> None:
    found = Gateway(tmp_path)
    found.settings.unlink()
    line = refusal(found)
    assert str(found.settings) in line
    assert "No such file" in line
    found.settings.write_bytes(b"\xff\xfe\x00garbage")
    assert str(found.settings) in refusal(found)


DATA: dict[str, Callable[[Path], object]] = {
    "nothing there": lambda path: None,
    "a folder": lambda path: path.mkdir(),
    "empty": lambda path: path.write_bytes(b""),
    "garbage": lambda path: path.write_bytes(random.Random(4).randbytes(50_000)),
    "text": lambda path: path.write_text("to be or not to be\n" * 100),
    "garbage that is packed": lambda path: path.write_bytes(gzip.compress(random.Random(5).randbytes(50_000))),
    "a broken package": lambda path: path.write_bytes(gzip.compress(b"x" * 100_000)[:20]),
    "lines without a market": lambda path: path.write_text('1723161253937085768 {"stream":"x","data":{}}\n' * 50),
}


@pytest.mark.parametrize("content", DATA)
def test_data_that_is_no_recording_is_named(tmp_path: Path, content: str) -> None:
    data = tmp_path / "data"
    DATA[content](data)
    found = Gateway(tmp_path / "gateway", f'[market]\ndata = "{data}"\n')
    assert str(data) in refusal(found)


LATCHES = {
    "all.json": b'{"account":"","reason":"smoke in the room","actor":"spiffe://meltica.example/person/tara"}',
    "all.json ": b"",
    "account-6d61696e.json": b"\x00garbage",
    "anything.json": b"{}",
}


@pytest.mark.parametrize("name", LATCHES)
async def test_a_latch_that_the_journal_does_not_know_engages(tmp_path: Path, name: str) -> None:
    """What a crash between acting and journaling leaves behind; what can't be read counts as everything."""
    with gateway(tmp_path) as found:
        async with Person(found) as olivia:
            await olivia.open_for_business()
            sent = await olivia.submit()
        found.kill()
        (found.state / "kill" / name.strip()).write_bytes(LATCHES[name])
        found.start()
        async with Person(found) as olivia:
            switch = await olivia.kill_switch()
            assert switch.engaged
            assert switch.actor == "system:kill-latch"
            assert ("smoke in the room" in switch.reason) == (name == "all.json")
            await olivia.order_in(sent.order.order_id, 6)  # Cancelled
        assert found.stop() == 0
    judge(found.journal)


ENDINGS = {
    signal.SIGKILL: (-signal.SIGKILL,),
    signal.SIGTERM: (0, -signal.SIGTERM),
    signal.SIGINT: (0, -signal.SIGINT, 130, 1),  # Before its own handler is there: as Python and Typer have it
}


@pytest.mark.slow
@pytest.mark.parametrize("number", ENDINGS, ids=str)
def test_a_start_that_is_ended_at_any_moment_leaves_a_journal_or_none(tmp_path: Path, number: signal.Signals) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - a failed run can be repeated
    dice = random.Random(seed)
    found = Gateway(tmp_path)
    for _ in range(8):
        found.launch()
        time.sleep(dice.uniform(0.05, 0.7))
        os.kill(found.pid, number)
        code = found.ended()
        assert code in ENDINGS[number], f"{code}: {found.said()}"
    found.start()
    assert found.stop() == 0
    judge(found.journal)
