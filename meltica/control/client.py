"""A client's end of the control plane: mutual TLS from a folder of certificates, as one of the people in it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import grpc
from google.rpc import error_details_pb2, status_pb2

from meltica.control.authority import Authority
from meltica.control.errors import STATUS_DETAILS_KEY
from meltica.domain.errors import MelticaError

MAX_REPLY_BYTES: Final = 64 * 1024 * 1024
"""As the server's: an audit entry is read whole."""

OPTIONS: Final = (
    ("grpc.max_receive_message_length", MAX_REPLY_BYTES),
    ("grpc.keepalive_time_ms", 15_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.enable_retries", 0),  # Whoever calls decides, with the request_id in hand.
)


class MissingCertificateError(MelticaError):
    """The folder has no such identity; the message says which there are."""


def credentials(folder: Path, identity: str) -> grpc.ChannelCredentials:
    """:raises MissingCertificateError: the folder lacks the identity's certificate or key, or the CA."""
    authority = Authority(folder)
    paths = (authority.ca, authority.key(identity), authority.certificate(identity))
    if missing := [path.name for path in paths if not path.is_file()]:
        known = ", ".join(sorted(path.stem for path in folder.glob("*.key") if path.stem != "ca")) or "none"
        raise MissingCertificateError(f"{folder} lacks {', '.join(missing)}; identities there: {known}")
    root, key, certificate = (path.read_bytes() for path in paths)
    return grpc.ssl_channel_credentials(root_certificates=root, private_key=key, certificate_chain=certificate)


def open_channel(folder: Path, identity: str, target: str) -> grpc.aio.Channel:
    """An asyncio channel to ``target`` (``localhost:7443``); close it, or use it as an async context manager."""
    return grpc.aio.secure_channel(target, credentials(folder, identity), options=OPTIONS)


def open_blocking_channel(folder: Path, identity: str, target: str) -> grpc.Channel:
    """The same for programs without a loop."""
    return grpc.secure_channel(target, credentials(folder, identity), options=OPTIONS)


class ErrorDetails:
    """What a refused call carries beside its code and message."""

    def __init__(self, error: grpc.RpcError) -> None:
        self.code: grpc.StatusCode = error.code()
        self.message: str = error.details() or ""
        self.reason = ""
        self.domain = ""
        self.metadata: dict[str, str] = {}
        self.violations: list[tuple[str, str]] = []
        self.request_id = ""
        for key, value in error.trailing_metadata() or ():
            if key == STATUS_DETAILS_KEY:
                self._read(status_pb2.Status.FromString(value))

    def _read(self, status: status_pb2.Status) -> None:
        for detail in status.details:
            info = error_details_pb2.ErrorInfo()
            bad = error_details_pb2.BadRequest()
            request = error_details_pb2.RequestInfo()
            if detail.Unpack(info):
                self.reason, self.domain, self.metadata = info.reason, info.domain, dict(info.metadata)
            elif detail.Unpack(bad):
                self.violations = [(row.field, row.description) for row in bad.field_violations]
            elif detail.Unpack(request):
                self.request_id = request.request_id
