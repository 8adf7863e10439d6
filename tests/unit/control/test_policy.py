"""Who is who, and what the policy file makes of them."""

import pytest

from meltica.control.identity import Identity, Kind, UnidentifiedError, identity_of, parse
from meltica.control.policy import RECHECK_S, PolicyError, PolicyFile, read_policy
from meltica.control.roles import Role

OLIVIA = Identity("spiffe://meltica.example/person/olivia", "meltica.example", Kind.PERSON, "olivia")


def context(uri: bytes = OLIVIA.uri.encode(), **changes: list[bytes]) -> dict[str, list[bytes]]:
    return {"ssl_tls_version": [b"TLSv1.3"], "peer_spiffe_id": [uri], "x509_common_name": [b"root"], **changes}


def test_the_identity_is_the_spiffe_id():
    assert identity_of(context()) == OLIVIA
    laptop = identity_of(context(b"spiffe://meltica.example/person/olivia/laptop"))
    assert (laptop.kind, laptop.name, laptop.uri) == (Kind.PERSON, "olivia", f"{OLIVIA.uri}/laptop")
    assert identity_of(context(b"spiffe://a.b/service/dashboard")).kind is Kind.SERVICE


@pytest.mark.parametrize(
    "uri",
    [
        b"",
        b"https://meltica.example/person/olivia",
        b"spiffe://meltica.example/",
        b"spiffe://meltica.example/person",
        b"spiffe://meltica.example/person/",
        b"spiffe://meltica.example/robot/olivia",
        b"spiffe://meltica.example/person/Olivia",
        b"spiffe://meltica.example/person/olivia/",
        b"spiffe://meltica.example/person/olivia/../ravi",
        b"spiffe://meltica.example/person/olivia/a/b",
        b"spiffe://meltica.example/person/olivia\n",
        b"spiffe://meltica.example/person/\xc3\xb6",
        b"spiffe:///person/olivia",
    ],
)
def test_other_ids_are_no_identity(uri):
    with pytest.raises(UnidentifiedError):
        parse(uri)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ssl_tls_version": [b"TLSv1.2"]}, "TLSv1.2"),
        ({"ssl_tls_version": []}, "no TLS"),
        ({"peer_spiffe_id": []}, "exactly one"),
        ({"peer_spiffe_id": [OLIVIA.uri.encode(), b"spiffe://meltica.example/person/ravi"]}, "exactly one"),
    ],
)
def test_a_connection_that_does_not_say_who(changes, words):
    with pytest.raises(UnidentifiedError, match=words):
        identity_of(context(**changes))


GOOD = """
trust_domain = "meltica.example"
[people]
olivia = ["operator", "trader"]
[services]
olivia = ["viewer"]
"""


def test_roles_are_a_persons_or_a_services(tmp_path):
    path = tmp_path / "policy.toml"
    path.write_text(GOOD)
    policy = read_policy(path)
    assert policy.roles_of(OLIVIA) == {Role.OPERATOR, Role.TRADER}
    assert policy.roles_of_actor(f"{OLIVIA.uri}/laptop") == {Role.OPERATOR, Role.TRADER}
    assert policy.roles_of_actor("spiffe://meltica.example/service/olivia") == {Role.VIEWER}
    assert policy.roles_of_actor("spiffe://meltica.example/person/mallory") == set()
    assert policy.roles_of_actor("spiffe://evil.example/person/olivia") == set()
    assert policy.roles_of_actor("strategy:olivia") == set()
    assert policy.accounts_of(OLIVIA) is None
    path.write_text(GOOD + '[accounts]\nolivia = ["main", "fund-a"]\n')
    assert read_policy(path).accounts_of(OLIVIA) == {"main", "fund-a"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "trust_domain is missing"),
        ("trust_domain = 5", "trust_domain"),
        ('trust_domain = "A B"', "trust_domain"),
        ('trust_domain = "a"\n[peple]\n', "unknown entry 'peple'"),
        ('trust_domain = "a"\n[people]\nOlivia = []\n', "'Olivia' is no name"),
        ('trust_domain = "a"\n[people]\nolivia = "trader"\n', "must be a list of roles"),
        ('trust_domain = "a"\n[people]\nolivia = ["god"]\n', "known are viewer, trader"),
        ('trust_domain = "a"\n[people]\nolivia = ["trader"]\nolivia = ["viewer"]\n', "can't be read"),
        ("trust_domain", "can't be read"),
        ('trust_domain = "a"\naccounts = 5\n', "must be a table"),
        ('trust_domain = "a"\n[accounts]\ntara = ["main"]\n', "'tara' is neither in"),
        ('trust_domain = "a"\n[people]\ntara = []\n[accounts]\ntara = "main"\n', "must be a list of accounts"),
        ('trust_domain = "a"\n[people]\ntara = []\n[accounts]\ntara = ["a b"]\n', "must be a list of accounts"),
        ('trust_domain = "a"\n[people]\ntara = []\n[accounts]\ntara = [5]\n', "must be a list of accounts"),
    ],
)
def test_a_wrong_policy_says_what_is_wrong(tmp_path, text, words):
    path = tmp_path / "policy.toml"
    path.write_text(text)
    with pytest.raises(PolicyError, match=words) as caught:
        read_policy(path)
    assert str(path) in str(caught.value)


def test_the_file_is_looked_at_again_but_not_all_the_time(tmp_path, caplog):
    path, now = tmp_path / "policy.toml", [100.0]
    path.write_text(GOOD)
    policy = PolicyFile(path, clock=lambda: now[0])
    path.write_text(GOOD.replace('"operator", "trader"', '"viewer"'))
    assert policy.current().roles_of(OLIVIA) == {Role.OPERATOR, Role.TRADER}
    now[0] += RECHECK_S
    assert policy.current().roles_of(OLIVIA) == {Role.VIEWER}
    path.unlink()
    now[0] += RECHECK_S
    assert policy.current().roles_of(OLIVIA) == {Role.VIEWER}
    assert "the last good one stays" in caplog.text


def test_no_policy_no_start(tmp_path):
    with pytest.raises(PolicyError, match="can't be read"):
        PolicyFile(tmp_path / "policy.toml")
