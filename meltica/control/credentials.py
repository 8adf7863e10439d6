"""The server's certificate, key and CA, read from files and read again when they change: nobody restarts for a new one.

Every new connection gets what the files hold at that moment; connections that exist live on. A broken or half-written
set is logged and the last good one stays.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import grpc
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from meltica.control.authority import Authority
from meltica.domain.errors import MelticaError

_log = logging.getLogger(__name__)
Parsed = TypeVar("Parsed")
Stamp = tuple[tuple[int, int, int] | None, ...]
_PUBLIC: Final = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


class CertificateError(MelticaError):
    """The certificate files can't be used; the message names the file and what is wrong."""


class CertificateFiles:
    """Three PEM files: the certificate (with its chain), its key, and the CA that clients' certificates come from."""

    def __init__(self, authority: Authority) -> None:
        """:raises CertificateError: at the start there is no last good set."""
        self._paths = (authority.certificate(), authority.key(), authority.ca)
        self._stamp = self._look()
        self._configuration = self._read()

    def server_credentials(self) -> grpc.ServerCredentials:
        """Credentials that require a client certificate and follow the files."""
        return grpc.dynamic_ssl_server_credentials(
            self._configuration, self._refreshed, require_client_authentication=True
        )

    def _refreshed(self) -> grpc.ServerCertificateConfiguration | None:
        """Called by gRPC for each new connection; None: nothing new. Never raises."""
        if (stamp := self._look()) == self._stamp:
            return None
        self._stamp = stamp
        try:
            self._configuration = self._read()
        except CertificateError as error:
            _log.error("the certificate files changed and are wrong, the last good ones stay: %s", error)
            return None
        _log.info("certificates read again from %s", self._paths[0].parent)
        return self._configuration

    def _read(self) -> grpc.ServerCertificateConfiguration:
        certificate, key, authority = (_content(path) for path in self._paths)
        _check_pair(certificate, key, self._paths)
        _load(x509.load_pem_x509_certificates, authority, self._paths[2])
        return grpc.ssl_server_certificate_configuration([(key, certificate)], root_certificates=authority)

    def _look(self) -> Stamp:
        return tuple(_stamp(path) for path in self._paths)


def _check_pair(certificate: bytes, key: bytes, paths: tuple[Path, ...]) -> None:
    """A rotation replaces two files, one after the other: in between they don't belong together."""
    leaf = _load(x509.load_pem_x509_certificates, certificate, paths[0])[0]
    private = _load(lambda pem: load_pem_private_key(pem, None), key, paths[1])
    if leaf.public_key().public_bytes(*_PUBLIC) != private.public_key().public_bytes(*_PUBLIC):
        raise CertificateError(f"{paths[1]} is not the key of {paths[0]}")


def _load(parse: Callable[[bytes], Parsed], pem: bytes, path: Path) -> Parsed:
    try:
        return parse(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CertificateError(f"{path}: {error}") from error


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CertificateError(f"{path}: {error.strerror}") from error


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
