"""Who may connect: the answer to libzmq's authentication requests (RFC 27/ZAP), from the folder of allowed keys.

Served in the gate's own loop, so that no thread is needed. It must be bound before the socket that it guards, in the
same context; libzmq then lets nobody in until it is answered.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from typing import Final

import zmq
from zmq.utils import z85

from meltica.links.frames import ZAP_DOMAIN
from meltica.links.keys import KeyRing

ENDPOINT: Final = "inproc://zeromq.zap.01"
VERSION: Final = b"1.0"
KEY_BYTES: Final = 32
REQUEST_FRAMES: Final = 7
"""version, request id, domain, address, identity, mechanism, key"""
LOG: Final = logging.getLogger("meltica.links")


def fingerprint(key: bytes) -> str:
    """How a public key (Z85) is named in logs: the first 16 digits of its SHA-256."""
    return hashlib.sha256(key).hexdigest()[:16]


class Doorkeeper:
    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], keys: KeyRing) -> None:
        self.counts: Counter[str] = Counter(let_in=0, refused=0)
        self.socket = context.socket(zmq.REP)
        self.socket.linger = 0
        self.socket.bind(ENDPOINT)
        self._keys = keys

    def serve(self) -> None:
        """Answers one request that is there."""
        self.socket.send_multipart(self.answer(self.socket.recv_multipart()))

    def answer(self, request: list[bytes]) -> list[bytes]:
        """The reply's frames; the key becomes the message property ``User-Id``."""
        request_id = request[1] if len(request) > 1 else b""
        if len(request) != REQUEST_FRAMES or request[0] != VERSION:
            return self._reply(request_id, b"500", b"unreadable authentication request")
        domain, mechanism = request[2], request[5]
        if domain != ZAP_DOMAIN.encode() or mechanism != b"CURVE" or len(request[6]) != KEY_BYTES:
            return self._reply(request_id, b"400", b"CURVE alone is spoken here")
        key = z85.encode(request[6])
        if key not in self._keys.allowed():
            LOG.warning("refused a client from %s with key %s", request[3].decode(errors="replace"), fingerprint(key))
            return self._reply(request_id, b"400", b"the key is not in the folder of allowed clients")
        return self._reply(request_id, b"200", b"OK", user=key)

    def close(self) -> None:
        self.socket.close()

    def _reply(self, request_id: bytes, status: bytes, text: bytes, *, user: bytes = b"") -> list[bytes]:
        self.counts["let_in" if status == b"200" else "refused"] += 1
        return [VERSION, request_id, status, text, user, b""]
