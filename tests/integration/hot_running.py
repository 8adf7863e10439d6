"""A hot process, its venue and its feed, each a process or thread of its own; the line between them writes down."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from struct import pack
from typing import Any, Self

from meltica.hot.hot_files import HotFiles
from meltica.hot.hot_parts import KillWord
from meltica.hot.intent_writer import IntentWriter
from meltica.hot.layout_gen import DropCopyRecord, DropKind, Record
from meltica.venues.nasdaq.ouch50 import CODEC
from tests.integration.hot_desk import LOCATE, PORT, SYMBOL, limits

ROOT = Path(__file__).parents[2]
PATIENCE_S = 30.0


def within(condition: Callable[[], Any], what: str, seconds: float = PATIENCE_S) -> Any:
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"did not happen in {seconds} s: {what}"
        time.sleep(0.005)
    return found


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def limits_file(records: list[Record], path: Path) -> None:
    lines = []
    for record in [SYMBOL, *records]:
        lines.append(f"[[{type(record).__name__.removesuffix('Record')}]]")
        values = {name: getattr(record, name) for name in (field.name for field in fields(record)) if name != "type_id"}
        if "symbol" in values:
            values["symbol"] = json.dumps(values["symbol"].to_bytes(8, "little").decode().strip())
        lines += [f"{name} = {value}" if value < 2**63 else f'{name} = "max"' for name, value in _numbers(values)]
        lines += [f"{name} = {value}" for name, value in values.items() if isinstance(value, str)]
    path.write_text("\n".join(lines) + "\n")


def _numbers(values: dict[str, Any]) -> list[tuple[str, int]]:
    return [(name, int(value)) for name, value in values.items() if not isinstance(value, str)]


class Line:
    """A TCP line to the venue: passes bytes on, and keeps what went there."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.to_venue = bytearray()
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = self._listener.getsockname()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._ending = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def orders(self) -> list[Any]:
        """The OUCH messages that went to the venue, over all sessions."""
        found, at = [], 0
        while at + 2 < len(self.to_venue):
            end = at + 2 + int.from_bytes(self.to_venue[at : at + 2], "big")
            if self.to_venue[at + 2 : at + 3] == b"U":
                found.append(CODEC.decode("inbound", bytes(self.to_venue[at + 3 : end])))
            at = end
        return found

    def cut(self) -> None:
        for pair in self._pairs:
            for side in pair:
                with suppress(OSError):
                    side.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._ending = True
        self._thread.join()
        self._listener.close()
        for pair in self._pairs:
            for side in pair:
                side.close()

    def _run(self) -> None:
        while not self._ending:
            sockets = [self._listener, *(side for pair in self._pairs for side in pair if side.fileno() >= 0)]
            for ready in select.select(sockets, [], [], 0.01)[0]:
                if ready is self._listener:
                    near, _ = self._listener.accept()
                    try:
                        self._pairs.append((near, socket.create_connection(self._target)))
                    except OSError:  # The venue is down: so is the line to it
                        near.close()
                else:
                    self._pass_on(ready)

    def _pass_on(self, side: socket.socket) -> None:
        near, far = next(pair for pair in self._pairs if side in pair)
        try:
            data = side.recv(65_536)
        except OSError:
            data = b""
        if side is near:
            self.to_venue += data
        try:
            (far if side is near else near).sendall(data)
        except OSError:
            data = b""
        if not data:
            near.close()
            far.close()


class Running:
    """``start`` and ``end`` as often as wanted: folder and venue stay."""

    def __init__(self, *, leased: str = "", feed: str = "") -> None:
        """``leased``: the [link] section; ``feed``: the [feed] section."""
        self.home = Path(tempfile.mkdtemp(prefix="meltica-hot-"))
        self.home.chmod(0o700)
        self.folder = Path(tempfile.mkdtemp(prefix="meltica-hot-", dir="/dev/shm"))
        self.files = HotFiles(self.folder)
        self._standalone = not leased
        self.venue = self._spawn("sim.venues.nasdaq_ouch", "--port", "0", "--account", "MELTIC:secret")
        host, _, port = self._line_of(self.venue, "listening on ").rpartition(":")
        self.line = Line((host.removeprefix("listening on "), int(port)))
        (self.home / "password").write_text("secret\n")
        (self.home / "password").chmod(0o600)
        limits_file(limits(), self.home / "limits.toml")
        self._settings = self.home / "hot.toml"
        self._settings.write_text(
            f'name = "edge"\nfolder = "{self.folder}"\nlimits = "{self.home}/limits.toml"\njournal_mib = 4\n'
            f'[venue]\nhost = "127.0.0.1"\nport = {self.line.address[1]}\nusername = "MELTIC"\nport_id = {PORT}\n'
            f'password_file = "{self.home}/password"\nmax_orders = 4096\n[cores]\nidle_us = 100\n'
            f"[memory]\nlock = false\nhuge_pages = false\n[gate]\nmax_instruments = 16\nmax_accounts = 4\n"
            f"{leased}\n{feed}\n"
        )
        self.process: subprocess.Popen[str] | None = None

    def settle(self, old: str, new: str) -> None:
        """Another value in its settings, before it starts."""
        text = self._settings.read_text()
        assert old in text
        self._settings.write_text(text.replace(old, new))

    def start(self, *options: str) -> None:
        run = ["--settings", str(self._settings), *(["--standalone"] if self._standalone else []), *options]
        self.process = self._spawn("meltica.app.cli", "hot", "run", *run)
        self._line_of(self.process, "hot ready ")

    def release(self) -> None:
        word = KillWord.attach(self.files.kill)
        assert word.release(word.status()["epoch"], "test")

    def trading(self) -> None:
        """Started, logged in, released: orders leave."""
        self.start()
        self.release()
        within(lambda: self.status()["verdict"] == "orders leave", "orders leave")

    def status(self) -> dict[str, Any]:
        command = [sys.executable, "-m", "meltica.app.cli", "hot", "status", "--json", "--folder", str(self.folder)]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
        assert ended.stdout, ended.stderr
        found: dict[str, Any] = json.loads(ended.stdout)
        assert ended.returncode == (0 if found["process"] == "running" else 3)
        return found

    def send_signal(self, number: int) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)

    def end(self, number: int = signal.SIGTERM) -> int:
        """The exit status."""
        assert self.process is not None
        self.send_signal(number)
        status = self.process.wait(PATIENCE_S)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status

    def writer(self) -> IntentWriter:
        return IntentWriter(self.folder, account_id=0, strategy_id=7, port_id=PORT)

    def close(self) -> None:
        for process in (self.process, self.venue):
            if process is not None and process.poll() is None:
                with suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGCONT)
                process.kill()
                process.wait()
            if process is not None and process.stdout is not None:
                process.stdout.close()
        self.line.close()
        shutil.rmtree(self.home)
        shutil.rmtree(self.folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _spawn(self, module: str, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", module, *arguments]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def _line_of(self, process: subprocess.Popen[str], begins: str) -> str:
        assert process.stdout is not None
        said = ""
        while line := process.stdout.readline():
            if line.startswith(begins):
                return line.strip()
            said += line
        raise AssertionError(f"it ended without saying {begins!r}: {said}")


class Copies:
    """Drop copies as they come, kept."""

    def __init__(self, writer: IntentWriter) -> None:
        self._writer = writer
        self.all: list[DropCopyRecord] = []

    def of(self, *kinds: DropKind) -> list[DropCopyRecord]:
        self.all += self._writer.drop_copies()
        return [copy for copy in self.all if not kinds or copy.kind in kinds]

    def wait(self, count: int, *kinds: DropKind) -> list[DropCopyRecord]:
        return list(within(lambda: (found := self.of(*kinds)) and len(found) >= count and found, f"{count} of {kinds}"))


# --- ITCH ---


def itch_day(bid: int = 9_999, ask: int = 10_001) -> list[bytes]:
    """A stock that trades, with a bid and an offer; prices in ticks of a cent."""
    halted = pack(">cHH6s8scc4s", b"H", LOCATE, 0, bytes(6), b"ABCD    ", b"T", b" ", b"    ")
    orders = [
        pack(">cHH6sQcI8sI", b"A", LOCATE, 0, bytes(5) + b"\1", ref, side, 100, b"ABCD    ", ticks * 100)
        for ref, side, ticks in ((1, b"B", bid), (2, b"S", ask))
    ]
    return [halted, *orders]


def halt(state: bytes) -> bytes:
    return pack(">cHH6s8scc4s", b"H", LOCATE, 0, bytes(6), b"ABCD    ", state, b" ", b"    ")


def itch_file(messages: list[bytes], path: Path) -> None:
    path.write_bytes(b"".join(len(message).to_bytes(2, "big") + message for message in messages))
