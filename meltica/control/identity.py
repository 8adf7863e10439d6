"""Who is calling: read from the client certificate's URI SAN, a SPIFFE id, and from nothing else.

``spiffe://meltica.example/person/olivia`` is a person, ``spiffe://meltica.example/person/olivia/laptop`` the same
person with another certificate, ``spiffe://meltica.example/service/dashboard`` a program. The common name is never
looked at: it is free text.
"""

from __future__ import annotations

import enum
import functools
import re
from collections.abc import Mapping, Sequence

import msgspec

_SPIFFE = re.compile(
    rb"spiffe://(?P<domain>[a-z0-9][a-z0-9.-]{0,253})/(?P<kind>person|service)"
    rb"/(?P<name>[a-z0-9][a-z0-9_-]{0,62})(/[a-z0-9][a-z0-9_-]{0,62})?"
)
TLS_VERSION = b"TLSv1.3"


class Kind(enum.Enum):
    PERSON = "person"
    SERVICE = "service"


class Identity(msgspec.Struct, frozen=True):
    uri: str
    """The whole SPIFFE id: what the journal keeps as the actor."""
    domain: str
    kind: Kind
    name: str


class UnidentifiedError(Exception):
    """The connection is encrypted, but it does not say who is calling in a way that we accept."""


def identity_of(auth_context: Mapping[str, Sequence[bytes]]) -> Identity:
    """The caller, from what gRPC tells about the connection's certificate.

    :raises UnidentifiedError: not TLS 1.3, or not exactly one SPIFFE id in the certificate.
    """
    if (version := tuple(auth_context.get("ssl_tls_version", ()))) != (TLS_VERSION,):
        spoken = version[0].decode("ascii", "replace") if version else "no TLS"
        raise UnidentifiedError(f"this server speaks TLS 1.3, the connection is {spoken}")
    ids = auth_context.get("peer_spiffe_id", ())
    if len(ids) != 1:
        raise UnidentifiedError("the client certificate must carry exactly one URI SAN, and that a SPIFFE id")
    return parse(bytes(ids[0]))


@functools.lru_cache(maxsize=1024)
def parse(uri: bytes) -> Identity:
    """:raises UnidentifiedError: not of the form ``spiffe://<domain>/person|service/<name>[/<device>]``."""
    if not (match := _SPIFFE.fullmatch(uri)):
        raise UnidentifiedError(
            f"the SPIFFE id {uri[:120].decode('ascii', 'replace')!r} is not of the form "
            "spiffe://<domain>/person/<name> or spiffe://<domain>/service/<name>"
        )
    return Identity(uri.decode(), match["domain"].decode(), Kind(match["kind"].decode()), match["name"].decode())
