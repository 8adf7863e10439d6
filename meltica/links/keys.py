"""CURVE keys in one folder, made on first use.

    <folder>/                  0700
      gate.secret  gate.public      the gate's pair; a client on another host needs gate.public alone
      client.secret client.public   the client's pair
      control.secret control.public the gateway's pair on the control link to hot processes
      allowed/*.public              clients that the gate lets in; read anew at each handshake, so that adding
                                    or removing a file takes effect without a restart

Each file holds one key in Z85 (40 characters, RFC 32/Z85) and a newline; files are 0600. Rotation: put the new client
key beside the old one into ``allowed/``, move the client over, remove the old one.
"""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import zmq
from zmq.utils import z85

from meltica.domain.errors import MelticaError

KEY_CHARACTERS: Final = 40
MAX_ALLOWED: Final = 256
"""Files in allowed/: each is read at every handshake, and a gate has one client and its spares."""


class KeyFileError(MelticaError):
    """The operator's fault: a key is missing, unreadable, or readable by others. Says which file and what to do."""


class KeyPair(NamedTuple):
    public: bytes
    secret: bytes

    def __repr__(self) -> str:  # A secret must not end up in a log
        return f"KeyPair(public={self.public.decode()})"


class KeyRing:
    """The folder. Safe when two processes make it at the same time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        private_folder(folder)
        private_folder(self.allowed_folder)

    @property
    def allowed_folder(self) -> Path:
        return self.folder / "allowed"

    def gate(self) -> KeyPair:
        return self._pair("gate")

    def client(self) -> KeyPair:
        """Made on first use, and let in: on one host the gate and its client share the folder."""
        fresh = not (self.folder / "client.secret").exists()
        pair = self._pair("client")
        if fresh:
            _write_once(self.allowed_folder / "client.public", pair.public)
        return pair

    def control(self) -> KeyPair:
        """The gateway's own, by which hot processes know it."""
        return self._pair("control")

    def control_public(self) -> bytes:
        """What a hot process needs to know the gateway by."""
        path = self.folder / "control.public"
        if not path.exists():
            self.control()
        return _read(path, secret=False)

    def gate_public(self) -> bytes:
        """What a client needs to know the gate by; made with the gate's pair when this is the first use here."""
        path = self.folder / "gate.public"
        if not path.exists():
            self.gate()
        return _read(path, secret=False)

    def allowed(self) -> frozenset[bytes]:
        """Public keys that are let in. A file that cannot be read lets nobody in."""
        found = set()
        for path in sorted(self.allowed_folder.glob("*.public"))[:MAX_ALLOWED]:
            try:
                found.add(_read(path, secret=False))
            except (KeyFileError, OSError):
                continue
        return frozenset(found)

    def allowed_key(self, name: str) -> bytes:
        """The key in ``allowed/<name>.public``. :raises KeyFileError: there is none."""
        if name == "client":
            self.client()
        return _read(self.allowed_folder / f"{name}.public", secret=False)

    def _pair(self, name: str) -> KeyPair:
        path = self.folder / f"{name}.secret"
        if not path.exists():
            _write_once(path, zmq.curve_keypair()[1])
        secret = _read(path, secret=True)
        public = zmq.curve_public(secret)
        _write_once(self.folder / f"{name}.public", public)
        return KeyPair(public, secret)


def private_folder(folder: Path) -> None:
    """Made 0700. :raises KeyFileError: it is there, and others may look in."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & 0o077:
        raise KeyFileError(f"{folder} is open to others (mode {mode:04o}): run  chmod 700 {folder}")


def _write_once(path: Path, key: bytes) -> None:
    """Whole or not at all, and never over one that is there: the first of two makers wins."""
    if path.exists():
        return
    descriptor, fresh = tempfile.mkstemp(dir=path.parent, prefix=".fresh")  # 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(key + b"\n")
        with suppress(FileExistsError):
            os.link(fresh, path)
    finally:
        Path(fresh).unlink()


def _read(path: Path, *, secret: bool) -> bytes:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        key = path.read_bytes().strip()
    except OSError as error:
        raise KeyFileError(f"cannot read the key {path}: {error.strerror}") from error
    if secret and mode & 0o077:
        raise KeyFileError(f"{path} is open to others (mode {mode:04o}): run  chmod 600 {path}")
    if len(key) != KEY_CHARACTERS or not all(byte in z85.Z85CHARS for byte in key):
        raise KeyFileError(f"{path} holds no key of {KEY_CHARACTERS} Z85 characters")
    return key
