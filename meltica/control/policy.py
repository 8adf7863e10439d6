"""The policy file: which person and which program has which roles. TOML, read again when it changes.

::

    trust_domain = "meltica.example"

    [people]
    olivia = ["operator", "trader"]

    [services]
    dashboard = ["viewer"]

    [accounts]
    tara = ["main"]

Who stands in ``[accounts]`` gives commands about those accounts alone; everybody else about all of them.
"""

from __future__ import annotations

import logging
import re
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import msgspec

from meltica.control.identity import Identity, Kind, UnidentifiedError, parse
from meltica.control.roles import Role
from meltica.domain.errors import MelticaError
from meltica.domain.limits import ACCOUNT_NAME

RECHECK_S = 1.0
"""How long a revoked role may still work: the file is looked at no more often than this."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_DOMAIN = re.compile(r"[a-z0-9][a-z0-9.-]{0,253}")
_SECTIONS = {"people": Kind.PERSON, "services": Kind.SERVICE}
_NOBODY: frozenset[Role] = frozenset()
_log = logging.getLogger(__name__)


class PolicyError(MelticaError):
    """The policy file can't be used; the message names the file, the place and what would be right."""


class Policy(msgspec.Struct, frozen=True):
    trust_domain: str
    members: dict[tuple[Kind, str], frozenset[Role]]
    accounts: dict[str, frozenset[str]] = {}
    """Name of a person or service -> the accounts that their commands may be about; missing: all."""

    def roles_of(self, identity: Identity) -> frozenset[Role]:
        """None for whoever is not in the file, or comes from another trust domain."""
        if identity.domain != self.trust_domain:
            return _NOBODY
        return self.members.get((identity.kind, identity.name), _NOBODY)

    def accounts_of(self, identity: Identity) -> frozenset[str] | None:
        """None: all."""
        return self.accounts.get(identity.name)

    def roles_of_actor(self, actor: str) -> frozenset[Role]:
        """The same for an actor as the journal keeps it; anything that is no SPIFFE id has no roles."""
        try:
            return self.roles_of(parse(actor.encode()))
        except UnidentifiedError:
            return _NOBODY


def read_policy(path: Path) -> Policy:
    """:raises PolicyError: the file is missing, no TOML, or says something that we don't know."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PolicyError(f"{path}: can't be read: {error}") from error
    domain = document.pop("trust_domain", None)
    if not isinstance(domain, str) or not _DOMAIN.fullmatch(domain):
        raise PolicyError(f'{path}: trust_domain is missing or no domain name such as "meltica.example"')
    accounts = _accounts(path, document.pop("accounts", {}))
    members: dict[tuple[Kind, str], frozenset[Role]] = {}
    for section, table in document.items():
        if section not in _SECTIONS or not isinstance(table, dict):
            raise PolicyError(
                f"{path}: unknown entry {section!r}; known are trust_domain, [people], [services] and [accounts]"
            )
        for name, roles in table.items():
            if not _NAME.fullmatch(name):
                raise PolicyError(f"{path}: [{section}] {name!r} is no name of lower-case letters, digits, - and _")
            members[_SECTIONS[section], name] = _roles(path, f"[{section}] {name}", roles)
    if strangers := sorted(accounts.keys() - {name for _, name in members}):
        raise PolicyError(f"{path}: [accounts] {strangers[0]!r} is neither in [people] nor in [services]")
    return Policy(domain, members, accounts)


def _accounts(path: Path, table: object) -> dict[str, frozenset[str]]:
    if not isinstance(table, dict):
        raise PolicyError(f"{path}: [accounts] must be a table: name = list of accounts")
    for name, names in table.items():
        if not isinstance(names, list) or not all(
            isinstance(each, str) and ACCOUNT_NAME.fullmatch(each) for each in names
        ):
            raise PolicyError(f'{path}: [accounts] {name}: must be a list of accounts, such as ["main"]')
    return {name: frozenset(names) for name, names in table.items()}


def _roles(path: Path, place: str, roles: object) -> frozenset[Role]:
    known = ", ".join(role.value for role in Role)
    if not isinstance(roles, list):
        raise PolicyError(f"{path}: {place}: must be a list of roles ({known})")
    try:
        return frozenset(Role(role) for role in roles)
    except ValueError as error:
        raise PolicyError(f"{path}: {place}: {error}; known are {known}") from error


class PolicyFile:
    """The policy in force. A change of the file takes effect within RECHECK_S; a broken one is logged and the last good
    one stays, because an operator with a typo must still be able to stop everything."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """:raises PolicyError: at the start there is no last good one."""
        self._path = path
        self._clock = clock
        self._stamp = _stamp(path)
        self._policy = read_policy(path)
        self._next_check = clock() + RECHECK_S

    @property
    def trust_domain(self) -> str:
        return self._policy.trust_domain

    def current(self) -> Policy:
        if (now := self._clock()) >= self._next_check:
            self._next_check = now + RECHECK_S
            self._refresh()
        return self._policy

    def _refresh(self) -> None:
        if (stamp := _stamp(self._path)) == self._stamp:
            return
        self._stamp = stamp
        try:
            self._policy = read_policy(self._path)
        except PolicyError as error:
            _log.error("the policy file changed and is wrong, the last good one stays: %s", error)
        else:
            _log.info("policy read again from %s", self._path)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
