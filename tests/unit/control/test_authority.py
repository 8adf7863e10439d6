"""The development CA: made once, completed, renewed, and never half there."""

import stat
import threading
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import (
    BasicConstraints,
    ExtendedKeyUsage,
    IPAddress,
    SubjectAlternativeName,
    UniformResourceIdentifier,
    load_pem_x509_certificate,
)
from cryptography.x509.oid import ExtendedKeyUsageOID

from meltica.control.authority import PEOPLE, RENEW_BEFORE, VALID, ensure_authority
from meltica.control.policy import read_policy

NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
EVERYBODY = ("ca", "server", *PEOPLE)


@pytest.fixture
def made(tmp_path):
    authority, issued = ensure_authority(tmp_path / "deep" / "ca", NOW)
    assert issued == EVERYBODY
    return authority


def contents(authority):
    return {path.name: path.read_bytes() for path in authority.folder.iterdir()}


def load(path):
    return load_pem_x509_certificate(path.read_bytes())


def test_twice_is_once(made):
    before = contents(made)
    assert ensure_authority(made.folder, NOW + VALID - RENEW_BEFORE) == (made, ())
    assert contents(made) == before


def test_keys_are_nobody_elses(made):
    assert stat.S_IMODE(made.folder.stat().st_mode) == 0o700
    for name in EVERYBODY:
        assert stat.S_IMODE(made.key(name).stat().st_mode) == 0o600
    assert not [name for name in contents(made) if name.startswith(".") and name != ".lock"]
    made.key("tara").chmod(0o644)
    ensure_authority(made.folder, NOW)
    assert stat.S_IMODE(made.key("tara").stat().st_mode) == 0o600


def test_what_the_certificates_say(made):
    ca, server, olivia = load(made.ca), load(made.certificate()), load(made.certificate("olivia"))
    assert ca.extensions.get_extension_for_class(BasicConstraints).value == BasicConstraints(ca=True, path_length=0)
    for leaf, purpose in ((server, ExtendedKeyUsageOID.SERVER_AUTH), (olivia, ExtendedKeyUsageOID.CLIENT_AUTH)):
        leaf.verify_directly_issued_by(ca)
        assert isinstance(leaf.public_key().curve, ec.SECP256R1)
        assert list(leaf.extensions.get_extension_for_class(ExtendedKeyUsage).value) == [purpose]
        assert leaf.not_valid_after_utc - NOW == VALID
    names = olivia.extensions.get_extension_for_class(SubjectAlternativeName).value
    assert names.get_values_for_type(UniformResourceIdentifier) == ["spiffe://meltica.example/person/olivia"]
    names = server.extensions.get_extension_for_class(SubjectAlternativeName).value
    assert [str(address) for address in names.get_values_for_type(IPAddress)] == ["127.0.0.1", "::1"]


@pytest.mark.parametrize("damage", ["no certificate", "no key", "garbage", "another's key", "cut off"])
def test_what_is_broken_is_made_again_and_nothing_else(made, damage):
    tara, key = made.certificate("tara"), made.key("tara")
    match damage:
        case "no certificate":
            tara.unlink()
        case "no key":
            key.unlink()
        case "garbage":
            tara.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        case "another's key":
            key.write_bytes(made.key("victor").read_bytes())
        case "cut off":
            key.write_bytes(key.read_bytes()[:40])
    before = contents(made)
    assert ensure_authority(made.folder, NOW)[1] == ("tara",)
    changed = {name for name, content in contents(made).items() if before.get(name) != content}
    assert changed == {"tara.pem", "tara.key"}
    assert ensure_authority(made.folder, NOW)[1] == ()


def test_a_lost_ca_takes_all_its_certificates_with_it(made):
    made.key("ca").unlink()
    assert ensure_authority(made.folder, NOW)[1] == EVERYBODY
    load(made.certificate("ada")).verify_directly_issued_by(load(made.ca))


def test_near_the_expiry_all_are_renewed(made):
    later = NOW + VALID - RENEW_BEFORE + timedelta(seconds=1)
    assert ensure_authority(made.folder, later)[1] == EVERYBODY
    assert load(made.certificate()).not_valid_after_utc - later == VALID


def test_the_policy_is_written_once_and_then_left_alone(made):
    policy = read_policy(made.policy)
    assert {name: {role.value for role in roles} for (_, name), roles in policy.members.items()} == {
        name: set(roles) for name, roles in PEOPLE.items()
    }
    made.policy.write_text('trust_domain = "meltica.example"\n')
    ensure_authority(made.folder, NOW)
    assert made.policy.read_text() == 'trust_domain = "meltica.example"\n'


def test_several_at_once_make_one_ca(tmp_path):
    issued = []
    threads = [
        threading.Thread(target=lambda: issued.append(ensure_authority(tmp_path / "ca", NOW)[1])) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(issued, key=len) == [(), (), (), EVERYBODY]
