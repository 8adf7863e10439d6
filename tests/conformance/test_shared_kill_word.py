"""The kill word of both backends: engaged from birth, engaged in doubt, and an engagement always beats a release."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meltica.hot.shared import KillReason
from tests.conformance.examples import examples
from tests.conformance.shared_records import BACKENDS, PAIRS, dead_process, folder, peek, poke, shared

pairs = pytest.mark.parametrize("pair", PAIRS, ids="-".join)
backends = pytest.mark.parametrize("backend", BACKENDS)
MAGIC, ENGAGED, RELEASED, GATE = 128, 136, 144, 512


@pairs
def test_a_new_word_is_engaged_and_stays_what_it_was_over_restarts(pair: tuple[str, str]) -> None:
    with folder() as run:
        word = shared(pair[0]).KillWord.create(run / "a.kill")
        assert word.is_engaged()
        told = word.status()
        assert (told["reason_code"], told["who"]) == (KillReason.STARTUP, "system:startup")
        again = shared(pair[1]).KillWord.create(run / "a.kill")
        assert again.is_engaged()
        assert again.status() == told
        assert again.release(told["epoch"], "two persons")
        assert not word.is_engaged()
        assert not shared(pair[0]).KillWord.create(run / "a.kill").is_engaged()
        epoch = word.engage(KillReason.OPERATOR, "olga", "a drill")
        told = shared(pair[1]).KillWord.create(run / "a.kill").status()
        assert told["engaged"]
        assert (told["epoch"], told["reason_code"], told["who"]) == (epoch, KillReason.OPERATOR, "olga")
        assert (told["reason"], told["pid"]) == ("a drill", os.getpid())


@pairs
@settings(max_examples=examples(50), deadline=None)
@given(
    steps=st.lists(
        st.sampled_from(["engage", "release", "release the one before", "look", "gate restarts"]), max_size=40
    )
)
def test_a_release_is_of_one_engagement(pair: tuple[str, str], steps: list[str]) -> None:
    with folder() as run:
        control = shared(pair[0]).KillWord.create(run / "a.kill")
        gate = shared(pair[1]).KillWord.attach(run / "a.kill", gate="one")
        epochs = [0, control.status()["epoch"]]
        engaged = True
        for step in steps:
            if step == "engage":
                epochs.append(control.engage(3))
                engaged = True
            elif step == "release":
                assert control.release(epochs[-1])
                engaged = False
            elif step == "release the one before":
                assert not control.release(epochs[-2])
            elif step == "gate restarts":
                gate.detach()
                gate = shared(pair[1]).KillWord.attach(run / "a.kill", gate="one")
                assert control.status()["gates"][0]["epoch"] == 0
            else:
                assert gate.is_engaged() == engaged
                assert control.status()["gates"] == [
                    {"name": "one", "pid": os.getpid(), "alive": True, "epoch": epochs[-1]}
                ]
            assert control.is_engaged() == control.status()["engaged"] == engaged
        assert epochs == sorted(set(epochs))


# Each program is the stores and loads that one party does, in order; all interleavings are tried.
ENGAGE, STALE_ENGAGE, RELEASE = "engage", "stale engage", "release"


@backends
def test_no_interleaving_of_engagements_and_a_release_loses_an_engagement(backend: str) -> None:
    """The release is of the first engagement; a second comes before, between or after its two steps."""
    with folder() as run:
        path = run / "a.kill"
        word = shared(backend).KillWord.create(path)
        first = word.status()["epoch"]
        for second in (first + 5, first - 5):  # also one that read an older clock, and was held up since
            for place in range(3):
                poke(path, ENGAGED, first)
                poke(path, RELEASED, 0)
                if place == 0:
                    poke(path, ENGAGED, second)
                may_release = peek(path, ENGAGED) == first  # release() looks
                if place == 1:
                    poke(path, ENGAGED, second)
                if may_release:
                    poke(path, RELEASED, first)  # and stores
                if place == 2:
                    poke(path, ENGAGED, second)
                assert word.is_engaged()
        assert word.engage(3) > max(first + 5, 0)


@backends
def test_an_engagement_is_new_even_when_the_clock_went_back(backend: str) -> None:
    with folder() as run:
        path = run / "a.kill"
        word = shared(backend).KillWord.create(path)
        future = 2**63
        poke(path, ENGAGED, future)
        assert word.release(future)
        assert not word.is_engaged()
        assert word.engage(3) == future + 1
        assert word.is_engaged()
        poke(path, RELEASED, future + 7)
        assert word.engage(3) == future + 8


@backends
@pytest.mark.parametrize("offset", [MAGIC, MAGIC + 7])
def test_a_word_that_is_damaged_is_engaged(backend: str, offset: int) -> None:
    with folder() as run:
        path = run / "a.kill"
        word = shared(backend).KillWord.create(path)
        assert word.release(word.status()["epoch"])
        assert not word.is_engaged()
        poke(path, offset, 0, 1)
        assert word.is_engaged()
        assert word.status()["engaged"]


@backends
@pytest.mark.parametrize("what", ["gone", "another in its place", "cut short"])
def test_a_word_whose_file_was_replaced_is_engaged_for_good(backend: str, what: str) -> None:
    with folder() as run:
        path = run / "a.kill"
        word = shared(backend).KillWord.create(path, gate="one")
        assert word.release(word.status()["epoch"])
        assert word.verify()
        path.rename(run / "elsewhere")
        if what == "another in its place":
            shared(backend).KillWord.create(path)
        elif what == "cut short":
            (run / "elsewhere").rename(path)
            os.truncate(path, 4095)
        assert not word.verify()
        assert word.is_engaged()
        assert "was removed, replaced or cut short" in word.broken
        with pytest.raises(ValueError, match=r"not released: .*was removed"):
            word.release(word.status()["epoch"])
        with pytest.raises(ValueError, match="engaged, but who attaches from now on does not see it"):
            word.engage(3)


@backends
def test_a_gate_without_a_word_is_engaged(backend: str) -> None:
    word = shared(backend).KillWord.missing("no folder")
    assert word.is_engaged()
    assert not word.verify()
    assert word.status() == {"engaged": True, "epoch": 0, "reason": "no folder", "gates": []}
    for call in (lambda: word.engage(3), lambda: word.release(0)):
        with pytest.raises(ValueError, match="there is no kill word: no folder"):
            call()
    word.detach()


@pairs
def test_gates_have_names_and_places(pair: tuple[str, str]) -> None:
    with folder() as run:
        path = run / "a.kill"
        control = shared(pair[0]).KillWord.create(path)
        attach = shared(pair[1]).KillWord.attach
        gates = [attach(path, gate=f"gate {number}") for number in range(32)]
        with pytest.raises(ValueError, match=r"has a gate 'gate 7' already: process \d+, which lives"):
            attach(path, gate="gate 7")
        with pytest.raises(ValueError, match="has 32 living gates, there is no room for 'more'"):
            attach(path, gate="more")
        gates[3].detach()
        assert gates[3].is_engaged()  # It reads on
        assert len(control.status()["gates"]) == 31
        poke(path, GATE + 5 * 64 + 8, dead_process())
        assert [one["name"] for one in control.status()["gates"] if not one["alive"]] == ["gate 5"]
        new = [attach(path, gate="new"), attach(path, gate="gate 5")]
        assert {one["name"] for one in control.status()["gates"] if one["epoch"] == 0} >= {"new", "gate 5"}
        assert all(one["alive"] for one in control.status()["gates"])
        assert len(new) == 2
        for name in ("", "x" * 41):
            with pytest.raises(ValueError, match="a gate's name has"):
                attach(path, gate=name)


@pairs
def test_texts_are_cut_at_a_character(pair: tuple[str, str]) -> None:
    with folder() as run:
        word = shared(pair[0]).KillWord.create(run / "a.kill")
        word.engage(2, "ü" * 40, "é" * 100)
        told = shared(pair[1]).KillWord.attach(run / "a.kill").status()
        assert (told["who"], told["reason"]) == ("ü" * 16, "é" * 64)


def test_both_backends_make_the_same_bytes(tmp_path: Path) -> None:
    made = []
    for backend in BACKENDS:
        path = tmp_path / f"{backend}.kill"
        word = shared(backend).KillWord.create(path)
        word.engage(3, "olga", "why")
        data = bytearray(path.read_bytes())
        data[48:56] = data[ENGAGED : ENGAGED + 8] = bytes(8)  # times
        made.append(data)
        assert len(data) == 4096
    assert made[0] == made[1]
