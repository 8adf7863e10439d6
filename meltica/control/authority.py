"""The development CA: made on the first run, so that mutual TLS and roles are on from the first run.

A folder holds ``ca.pem``, ``ca.key``, and ``<name>.pem``, ``<name>.key`` for the server and each person, and the policy
file. In production a site's own CA writes the same files; nothing else changes.
"""

from __future__ import annotations

import contextlib
import fcntl
import ipaddress
import json
import os
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from meltica.domain.errors import MelticaError

TRUST_DOMAIN: Final = "meltica.example"
SERVER: Final = "server"
VALID: Final = timedelta(days=30)
RENEW_BEFORE: Final = timedelta(days=10)
"""Less left than this: a new one, while the old one still works."""
CLOCK_SKEW: Final = timedelta(minutes=5)
POLICY: Final = "policy.toml"

PEOPLE: Final[dict[str, tuple[str, ...]]] = {
    "olivia": ("operator", "trader"),
    "ravi": ("risk_officer",),
    "tara": ("trader",),
    "victor": ("viewer",),
    "ada": ("auditor",),
}
"""The people of the development CA, and their roles in the policy file that is written beside it."""


class Authority(msgspec.Struct, frozen=True):
    """The folder's content, as paths."""

    folder: Path

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def policy(self) -> Path:
        return self.folder / POLICY

    def certificate(self, name: str = SERVER) -> Path:
        return self.folder / f"{name}.pem"

    def key(self, name: str = SERVER) -> Path:
        return self.folder / f"{name}.key"


class _Issuer(msgspec.Struct, frozen=True):
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


class AuthorityError(MelticaError):
    """The operator's fault: certificates can't be kept there."""


def ensure_authority(folder: Path, now: datetime) -> tuple[Authority, tuple[str, ...]]:
    """Make what is missing, broken, near its expiry or not of this CA; (the folder, names of what was issued).

    Safe to call at every start, and from several processes at once. An existing policy file is left alone.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        why = "a file is in its place" if isinstance(error, FileExistsError) else error.strerror
        raise AuthorityError(f"the folder of certificates {folder} can't be made: {why}") from error
    authority = Authority(folder)
    issued = []
    with _alone(folder):
        issuer = _read_pair(authority.ca, folder / "ca.key", now)
        if issuer is None:
            issuer = _new_ca(now)
            _write_pair(authority.ca, folder / "ca.key", issuer)
            issued.append("ca")
        for name in (SERVER, *PEOPLE):
            pair = _read_pair(authority.certificate(name), authority.key(name), now)
            if pair is None or not _signed_by(pair.certificate, issuer.certificate):
                _write_pair(authority.certificate(name), authority.key(name), _new_leaf(name, issuer, now))
                issued.append(name)
        if not authority.policy.exists():
            _write(authority.policy, policy_text().encode(), 0o600)
    return authority, tuple(issued)


def policy_text() -> str:
    # A list of plain words is spelt alike in JSON and in TOML.
    rows = "\n".join(f"{name} = {json.dumps(roles)}" for name, roles in PEOPLE.items())
    return (
        "# Who may do what. Roles: viewer, trader, operator, risk_officer, auditor.\n"
        "# The gateway reads this file again when it changes.\n"
        f'trust_domain = "{TRUST_DOMAIN}"\n\n[people]\n{rows}\n\n[services]\n'
    )


def _new_ca(now: datetime) -> _Issuer:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Meltica development CA")])
    builder = _builder(name, name, key, now).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_key_usage(ca=True), critical=True)
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False
    )
    return _Issuer(builder.sign(key, hashes.SHA256()), key)


def _new_leaf(name: str, issuer: _Issuer, now: datetime) -> _Issuer:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    purpose = ExtendedKeyUsageOID.SERVER_AUTH if name == SERVER else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = (
        _builder(subject, issuer.certificate.subject, key, now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(ca=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(x509.SubjectAlternativeName(_alternative_names(name)), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), critical=False)
    )
    return _Issuer(builder.sign(issuer.key, hashes.SHA256()), key)


def _alternative_names(name: str) -> list[x509.GeneralName]:
    if name != SERVER:
        return [x509.UniformResourceIdentifier(f"spiffe://{TRUST_DOMAIN}/person/{name}")]
    return [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        x509.IPAddress(ipaddress.ip_address("::1")),
        x509.UniformResourceIdentifier(f"spiffe://{TRUST_DOMAIN}/service/gateway"),
    ]


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + VALID)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _key_usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _read_pair(certificate: Path, key: Path, now: datetime) -> _Issuer | None:
    """A certificate and its key, when both are there, belong together and last a while; else None."""
    try:
        leaf = x509.load_pem_x509_certificate(certificate.read_bytes())
        private = load_pem_private_key(key.read_bytes(), None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm):
        return None
    if not isinstance(private, ec.EllipticCurvePrivateKey) or leaf.not_valid_after_utc - now < RENEW_BEFORE:
        return None
    public = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if leaf.public_key().public_bytes(*public) != private.public_key().public_bytes(*public):
        return None
    key.chmod(0o600)
    return _Issuer(leaf, private)


def _signed_by(leaf: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        leaf.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _write_pair(certificate: Path, key: Path, pair: _Issuer) -> None:
    """The key first: a certificate without its key would be the worse half to be left with."""
    private = pair.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _write(key, private, 0o600)
    _write(certificate, pair.certificate.public_bytes(Encoding.PEM), 0o644)


def _write(path: Path, content: bytes, mode: int) -> None:
    """All or nothing, and readable by nobody else at any moment."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two gateways that start at once must not make two CAs."""
    with (folder / ".lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
