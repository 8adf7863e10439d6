"""Where a gate listens: ``ipc://<path>`` in a folder of its owner alone, or ``tcp://<address>:<port>``."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final

from meltica.domain.errors import MelticaError
from meltica.links.keys import private_folder

MAX_IPC_PATH_BYTES: Final = 107
"""sun_path of a UNIX socket, without its closing zero."""


class EndpointError(MelticaError):
    """The operator's fault: the endpoint cannot be used; the message says why."""


class Endpoint:
    """Claimed in the constructor (an ipc socket's path would else be taken over silently), free after ``close``."""

    def __init__(self, text: str) -> None:
        self.text = check(text)
        self._lock = -1
        if text.startswith("ipc://"):
            self._claim(Path(text.removeprefix("ipc://")))

    def close(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _claim(self, path: Path) -> None:
        private_folder(path.parent)
        self._lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise EndpointError(f"another gate already listens at {self.text}") from None


def check(text: str) -> str:
    """:raises EndpointError: neither ipc nor tcp, or a path that is too long for a UNIX socket."""
    if text.startswith("tcp://"):
        return text
    if not text.startswith("ipc://"):
        raise EndpointError(f"endpoint {text!r} is neither ipc://<path> nor tcp://<address>:<port>")
    path = text.removeprefix("ipc://")
    if not path.startswith("/") or len(os.fsencode(path)) > MAX_IPC_PATH_BYTES:
        raise EndpointError(f"{path!r}: an ipc path is absolute and has at most {MAX_IPC_PATH_BYTES} bytes")
    return text
