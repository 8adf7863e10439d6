"""Nothing in the hot loops allocates, locks, logs or calls Python, and nothing but three system calls leaves them.

Three looks, because none sees everything. Preloaded functions count calls in a process that trades: the count of a call
must be the same for one turn and for twenty thousand. A filter of the kernel ends a process whose loop makes any other
system call. And in the machine code no function that a loop reaches refers to the interpreter.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import cython_ext

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = tmp_path_factory.mktemp("shim") / "shim.so"
    command = ["gcc", "-O1", "-fPIC", "-shared", "-o", str(library), str(HERE / "hot_shim.c"), "-ldl"]
    subprocess.run(command, check=True)
    return library


def child(what: str, folder: Path, shim: Path | None = None) -> dict[str, list[int]]:
    environment = os.environ | ({"LD_PRELOAD": str(shim)} if shim else {})
    command = [sys.executable, "-m", "tests.conformance.hot_bare_child", what, str(folder)]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, f"{ended.returncode}\n{ended.stdout}\n{ended.stderr}"
    found: dict[str, list[int]] = json.loads(ended.stdout.splitlines()[-1])
    return found


def test_the_shim_sees_what_it_must_see(shim: Path) -> None:
    """Else it would find nothing in any loop."""
    program = (
        "import ctypes; s = ctypes.CDLL(None); s.shim_count.restype = ctypes.c_long;"
        "b = [s.shim_count(k) for k in range(7)]; import zlib; x = bytearray(10**6); import threading;"
        "t = threading.Thread(target=int); t.start(); t.join(); import os; os.write(1, b'');"
        "a = [s.shim_count(k) for k in range(7)]; print([y - z for y, z in zip(a, b)])"
    )
    environment = os.environ | {"LD_PRELOAD": str(shim)}
    said = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    allocations, frees, locks, _, _, python, writes = json.loads(said.stdout)
    assert min(allocations, frees, locks, python, writes) > 0


def test_turns_full_of_work_make_no_call_that_an_idle_turn_does_not(shim: Path, tmp_path: Path) -> None:
    found = child("count", tmp_path, shim)
    work = found.pop("work")
    assert min(work) > 0, f"new, executed, cancelled by a kill, refused: {work}"
    for kind, (first, idle, *busy) in found.items():
        assert first >= idle >= 0
        assert busy == [idle] * 3, f"{kind}: an idle call {idle}, then {busy}"


def test_packets_make_no_call_that_an_idle_market_loop_does_not(shim: Path, tmp_path: Path) -> None:
    found = child("market", tmp_path, shim)
    for kind, (_, idle, *busy) in found.items():
        assert busy == [idle] * 3, f"{kind}: idle {idle}, then {busy}"


def test_the_order_loop_makes_no_system_call_but_send_receive_and_clock(tmp_path: Path) -> None:
    found = child("jail", tmp_path)
    assert found["sent_new"] > 100
    assert found["executions"] > 100
    assert found["trip_cancels"] > 0
    assert found["killed"] == 1


# --- machine code ---

REACHED = {
    "hot_orders": r"OrderLoop_(turn|tell_\w+|watch_\w+|set_\w+|take_control|obey|take_intent|handle|judge)$",
    "hot_session": r"OrderSession_\w+$",
    "hot_view": r"MarketView_(name|is_new|told|look)$",
    "hot_venue": r"VenueLine_(begin|end|flush|receive|packet|take)$",
    "hot_journal": r"HotJournal_append$",
    "hot_market": r"MarketLoop_(apply_block|store_top|store_halts|packets|beat)$",
    "gate": r"Gate_(judge|tell_record)$",
    "ouch": r"OuchPort_(encode|decode|enter|replaced?|cancel|heartbeat|sequenced|accepted|rejected|hold|finish|find)$",
    "kill_word": r"KillWord_(engaged|epoch|echo)$",
    "mpsc_ring": r"MpscRing_(peek|advance)$",
    "spsc_ring": r"SpscRing_(peek|advance)$",
    "broadcast_ring": r"BroadcastWriter_write$",
    "top_of_book": r"TopOfBook(Reader_load|Writer_store)$",
    "itch_book": r"ItchBook_(apply_block|touched_locates|fill_top)$",
    "mold": r"MoldGate_(judge|won|lost)$",
    "histogram": r"histogram_clear$",
}


@cache
def calls_of(module: str) -> dict[str, set[str]]:
    """Of each function in the machine code, what it calls, jumps to or refers to."""
    (library,) = Path(cython_ext.__path__[0]).glob(f"{module}.cpython-*.so")
    command = ["objdump", "-d", "--no-show-raw-insn", str(library)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, set[str]] = {}
    calls: set[str] = set()
    for line in text.splitlines():
        if begins := re.match(r"[0-9a-f]+ <([^>]+)>:$", line):
            calls = found.setdefault(begins.group(1), set())
        else:
            calls.update(name.partition("+")[0] for name in re.findall(r"<([^>]+)>", line))
    return found


@pytest.mark.parametrize("module", REACHED)
def test_no_function_of_a_loop_refers_to_the_interpreter(module: str) -> None:
    functions = calls_of(module)
    roots = [name for name in functions if "__pyx_f_" in name and re.search(REACHED[module], name)]
    assert roots, "the functions have other names now"
    seen, waiting = set(), list(roots)
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        assert not re.match(r"_?Py|__Pyx_(Raise|AddTraceback|WriteUnraisable|Err)", name), f"{module} reaches {name}"
        waiting += functions.get(name, ())
    outside = {name.partition("@")[0] for name in seen if name.endswith("@plt")}
    allowed = {
        "clock_gettime", "fstat", "memcmp", "memcpy", "memmove", "memset", "nanosleep", "recv", "recvmmsg", "send",
        "__errno_location", "__stack_chk_fail", "__memcpy_chk", "malloc", "realloc", "calloc", "mremap", "madvise",
        "mmap64", "munmap", "free",
    }  # fmt: skip
    if module != "itch_book":  # Its pools grow by a page now and then: bounded, and counted by the test above
        allowed -= {"malloc", "realloc", "calloc", "mremap", "madvise", "mmap64", "munmap", "free"}
    assert outside <= allowed, outside - allowed
