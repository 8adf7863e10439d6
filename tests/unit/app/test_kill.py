"""meltica-kill: one file, any interpreter; says of each gate whether it heard, and is only content when all did."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from meltica.app import kill
from meltica.hot import shared_kill_word_twin as twin
from meltica.hot.hot_files import HotFiles
from meltica.hot.shared import KILL_WORD_ENDING, KillReason, KillWord
from tests.conformance.shared_records import dead_process, folder, poke

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = ROOT / "meltica/app/kill.py"
GATE = """
import sys
from meltica.hot.shared import KillWord
word = KillWord.attach(sys.argv[1], gate=sys.argv[2])
print(word.is_engaged(), flush=True)
while not word.is_engaged():
    pass
print("engaged", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def run() -> Iterator[Path]:
    with folder() as made:
        yield made


def word_at(path: Path, *, released: bool = True) -> KillWord:
    word = KillWord.create(path)
    if released:
        assert word.release(word.status()["epoch"], "two persons")
    return word


def program(*arguments: object) -> subprocess.CompletedProcess[str]:
    """As in an emergency: no site-packages, no environment, from anywhere."""
    command = [sys.executable, "-I", "-S", PROGRAM, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", env={}, timeout=30)


@contextmanager
def gate(path: Path, name: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", GATE, str(path), name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "False\n"
            yield process
        finally:
            process.kill()


def test_a_running_gate_takes_it(run: Path) -> None:
    word = word_at(run / "one.kill")
    with gate(run / "one.kill", "hot") as process:
        done = program("--folder", run, "--reason", "a drill", "--who", "olga")
        assert done.returncode == 0, done
        assert process.stdout is not None
        assert process.stdout.readline() == "engaged\n"
        told = word.status()
        assert told["engaged"]
        assert (told["who"], told["reason"], told["reason_code"]) == ("olga", "a drill", KillReason.KILL_PROGRAM)
        assert done.stdout.splitlines() == [
            f"{run}/one.kill: was engaged, epoch {told['epoch']}, by olga (process {told['pid']}, code 2): a drill",
            f"  gate hot (process {process.pid}, running): has seen it",
        ]
        assert done.stderr == ""


def test_all_words_of_the_folder_and_nothing_else(run: Path) -> None:
    words = [word_at(run / name) for name in ("a.kill", "b.kill")]
    other = word_at(run / "c.other")
    assert program("--folder", run).returncode == 0
    assert [word.is_engaged() for word in (*words, other)] == [True, True, False]
    assert program("--word", run / "c.other").returncode == 0
    assert other.is_engaged()


def test_words_of_hot_processes_in_folders_of_their_own(run: Path) -> None:
    for name in ("one", "two", "two/deeper"):
        (run / name).mkdir()
    words = [word_at(run / name / "kill") for name in ("one", "two")]
    far = word_at(run / "two/deeper/kill")
    (run / "loop").symlink_to(run)
    done = program("--folder", run)
    assert (done.returncode, done.stdout.count("was engaged")) == (0, 2)
    assert [word.is_engaged() for word in (*words, far)] == [True, True, False]


def test_a_gate_that_does_not_answer_is_named_and_the_others_are_stopped(run: Path) -> None:
    words = [word_at(run / "a.kill"), word_at(run / "b.kill")]
    with gate(run / "a.kill", "stuck") as stuck, gate(run / "b.kill", "fine") as fine:
        os.kill(stuck.pid, signal.SIGSTOP)
        while Path(f"/proc/{stuck.pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
            time.sleep(0.001)
        begin = time.monotonic()
        done = program("--folder", run, "--wait", "0.3")
        assert 0.3 <= time.monotonic() - begin < 10
        assert done.returncode == 1
        assert f"gate stuck (process {stuck.pid}, stopped): DID NOT ANSWER" in done.stdout
        assert f"gate fine (process {fine.pid}, running): has seen it" in done.stdout
        assert all(word.is_engaged() for word in words)
        assert program("--folder", run, "--status").returncode == 1
        os.kill(stuck.pid, signal.SIGCONT)
        assert stuck.stdout is not None
        assert stuck.stdout.readline() == "engaged\n"  # It wakes up stopped
        done = program("--folder", run, "--status")
        assert (done.returncode, done.stdout.count("is engaged"), done.stdout.count("has seen it")) == (0, 2, 2)


def test_a_dead_gate_sends_nothing(run: Path) -> None:
    word_at(run / "a.kill")
    with gate(run / "a.kill", "gone") as process:
        process.kill()
        process.wait()
    done = program("--folder", run)
    assert done.returncode == 0
    assert f"gate gone (process {process.pid}, gone): sends nothing" in done.stdout


def test_a_gate_of_another_pid_namespace_must_answer(run: Path) -> None:
    """Whether it lives can't be told from here, so it does not count as dead."""
    path = run / "a.kill"
    KillWord.create(path, gate="far")
    poke(path, 72, 1)
    poke(path, 512 + 8, dead_process())
    done = program("--folder", run, "--wait", "0.05")
    assert done.returncode == 1
    assert "in another pid namespace): DID NOT ANSWER" in done.stdout


def test_a_word_without_gates_is_engaged_for_those_who_come(run: Path) -> None:
    word = word_at(run / "a.kill")
    done = program("--folder", run)
    assert (done.returncode, done.stdout.splitlines()[1]) == (0, "  no gate is attached to it")
    assert word.is_engaged()


def test_nothing_to_engage(run: Path) -> None:
    for arguments in (["--folder", run], ["--folder", run / "none"]):
        done = program(*arguments)
        assert done.returncode == 2
        assert "no kill word, so nothing was stopped" in done.stderr
    assert "none: No such file or directory" in done.stderr


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda path: os.truncate(path, 100), "it has 100 bytes, a kill word has 4096"),
        (lambda path: poke(path, 0, 0), "its first bytes are not those of a kill word"),
        (lambda path: poke(path, 128, 0), "its first bytes are not those of a kill word"),
        (lambda path: poke(path, 8, 2, 4), "it is of kind 5, layout version 2"),
        (lambda path: poke(path, 12, 1, 4), "it is of kind 1, layout version 1"),
        (lambda path: (path.unlink(), path.symlink_to("/etc/hostname")), "Too many levels of symbolic links"),
        (lambda path: (path.unlink(), path.mkdir()), "Is a directory"),
        (lambda path: (path.unlink(), os.mkfifo(path)), "kill word has 4096"),
    ],
)
def test_a_damaged_word_stops_no_other_from_being_engaged(run: Path, damage: object, complaint: str) -> None:
    word_at(run / "a.kill")
    good = word_at(run / "b.kill")
    damage(run / "a.kill")  # type: ignore[operator]
    done = program("--folder", run)
    assert done.returncode == 1
    assert f"{run}/a.kill: NOT ENGAGED: " in done.stderr
    assert complaint in done.stderr
    assert good.is_engaged()


def test_it_says_when_the_word_is_another_by_then(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    word_at(run / "a.kill")
    word = kill.Word(run / "a.kill", writable=True)
    epoch = word.engage("olga", "")
    assert kill.report(word, epoch, status=False)
    (run / "a.kill").unlink()
    assert not kill.report(word, epoch, status=False)
    word_at(run / "a.kill")
    poke(run / "a.kill", 136, epoch - 1)
    assert not kill.report(word, epoch, status=False)
    assert capsys.readouterr().out.count("BUT THE FILE WAS REPLACED OR REMOVED") == 2


def test_it_never_releases(run: Path) -> None:
    word = word_at(run / "a.kill", released=False)
    first = word.status()["epoch"]
    assert program("--folder", run).returncode == 0
    assert word.is_engaged()
    assert not word.release(first)  # What was approved before it is void
    before = (run / "a.kill").read_bytes()
    assert program("--folder", run, "--status").returncode == 0
    assert (run / "a.kill").read_bytes() == before
    assert "--release" not in program("--help").stdout


def test_status_tells_of_a_released_word(run: Path) -> None:
    word_at(run / "a.kill")
    done = program("--folder", run, "--status")
    assert done.returncode == 1
    assert "IS RELEASED" in done.stdout


def test_it_waits_for_nobody_who_engages_or_releases_at_the_same_time(run: Path) -> None:
    """An epoch that the clock has not reached yet, and one released in our very nanosecond."""
    path = run / "a.kill"
    word = word_at(path)
    poke(path, 136, 2**62)
    poke(path, 144, 2**62)
    assert not word.is_engaged()
    assert kill.Word(path, writable=True).engage("olga", "x" * 200 + "é") == 2**62 + 1
    assert word.is_engaged()
    poke(path, 144, 2**62 + 9)
    assert kill.Word(path, writable=True).engage("olga", "") == 2**62 + 10


def test_it_imports_nothing_but_the_standard_library() -> None:
    code = f"""
import runpy, sys
sys.argv = ["kill.py", "--help"]
try:
    runpy.run_path({str(PROGRAM)!r}, run_name="__main__")
except SystemExit:
    pass
print(sorted(name for name in sys.modules if name.split(".")[0] not in sys.stdlib_module_names | {{"__main__"}}))
"""
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    # As the installed command too: the packages that it lies in bring nothing along
    code = "import sys; before = set(sys.modules); import meltica.app.kill; print(sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    heavy = [name for name in eval(done.stdout) if name.split(".")[0] in {"grpc", "numpy", "cython_ext", "msgspec"}]
    ours = [name for name in eval(done.stdout) if name.startswith("meltica")]
    assert (heavy, ours) == ([], ["meltica", "meltica.app", "meltica.app.kill"])


def test_it_knows_the_layout_that_the_gates_use() -> None:
    assert kill.ENDING == KILL_WORD_ENDING
    assert HotFiles(Path()).kill.name.endswith(kill.ENDING)
    assert kill.REASON_CODE == KillReason.KILL_PROGRAM
    assert (kill.KIND, kill.BYTES, kill.GATES, kill.REASON, kill.BY) == (
        twin.KILL_WORD,
        twin.BYTES,
        twin.GATES,
        twin.REASON,
        twin.BY,
    )
    assert (kill.ENGAGED, kill.RELEASED, kill.MAX_GATES) == (twin.ENGAGED * 8, twin.RELEASED * 8, twin.MAX_GATES)


def test_the_run_folders_of_this_user(run: Path) -> None:
    mine = Path("/dev/shm") / f"meltica-{os.geteuid()}"
    made = [Path(f"{mine}-test-{os.getpid()}"), Path(f"{mine}{os.getpid()}")]
    for one in made:
        one.mkdir()
    try:
        found = kill.default_folders()
        assert made[0] in found
        assert made[1] not in found  # The folder of a user whose number begins with ours
        assert (Path("/dev/shm/meltica") in found) == Path("/dev/shm/meltica").exists()
    finally:
        for one in made:
            one.rmdir()
