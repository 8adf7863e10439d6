"""A network of our own: namespaces joined by veth pairs, made and removed by whoever uses it. It takes root."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
HIDE_LIBRARY = 'mount --bind /dev/null {} && exec "$@"'
"""For `unshare -m sh -c`: a mount namespace in which libxdp does not load."""


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=20)


def hidden_library() -> list[str]:
    """What a command begins with that must not find libxdp."""
    library = next(Path("/usr/lib").rglob("libxdp.so.1*"), None)
    assert library is not None, "libxdp1 is missing: tools/bootstrap.sh dev installs it"
    return ["unshare", "-m", "sh", "-c", HIDE_LIBRARY.format(library.resolve()), "sh"]


class Pairs:
    """``count`` veth pairs between ``far``, a namespace, and ``near``: another one, or (not ``own``) this machine's.

    Pair n has 10.77.n.1 at the far end, 10.77.n.2 at the near one.
    """

    def __init__(self, count: int = 1, *, own: bool = True) -> None:
        self.far = f"mxf{os.getpid()}"
        self.near = f"mxn{os.getpid()}" if own else ""
        self.interfaces = [f"mx{os.getpid()}n{number}" for number in range(count)]
        self._undo = contextlib.ExitStack()

    def __enter__(self) -> Self:
        assert shutil.which("ip"), "the program ip is missing: tools/bootstrap.sh dev installs it (iproute2)"
        with self._undo as undo:
            for name in filter(None, (self.far, self.near)):
                ip("netns", "add", name)
                undo.callback(ip, "netns", "del", name)
            for number, interface in enumerate(self.interfaces):
                far = f"mfar{number}"
                where = ["netns", self.near] if self.near else []
                ip("link", "add", far, "netns", self.far, "type", "veth", "peer", "name", interface, *where)
                if not self.near:  # A namespace that is deleted ends some time later, and its links with it
                    undo.callback(ip, "link", "del", interface)
                for space, name, last in ((self.far, far, 1), (self.near, interface, 2)):
                    inside = ["-n", space] if space else []
                    ip(*inside, "address", "add", f"10.77.{number}.{last}/24", "dev", name)
                    ip(*inside, "link", "set", name, "up")
            for space in filter(None, (self.far, self.near)):
                ip("-n", space, "link", "set", "lo", "up")
            self._undo = undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._undo.close()

    def route(self, group: str, number: int) -> None:
        """What the far side sends to the group leaves through this pair."""
        ip("-n", self.far, "route", "add", f"{group}/32", "dev", f"mfar{number}")

    def inside(self) -> list[str]:
        """What a command of the near side begins with."""
        return ["ip", "netns", "exec", self.near] if self.near else []


class FarFeed:
    """The simulated Nasdaq in the far namespace; heartbeats begin at once, messages when it is told."""

    def __init__(self, pairs: Pairs, **wanted: Any) -> None:
        """``wanted``: see xdp_far.py."""
        self._process = subprocess.Popen(
            ["ip", "netns", "exec", pairs.far, sys.executable, str(HERE / "xdp_far.py"), json.dumps(wanted)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        self.request_port = int(self._read()["request_port"])

    def publish(self, messages: list[bytes], *, end: bool = False) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"messages": [one.hex() for one in messages], "end": end}) + "\n")
        self._process.stdin.flush()
        self._read()

    def close(self) -> dict[str, Any]:
        """How many packets each line was sent, and how many it lost on the way."""
        output, _ = self._process.communicate(timeout=20)
        found: dict[str, Any] = json.loads(output.splitlines()[-1]) if output else {}
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(20)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found
