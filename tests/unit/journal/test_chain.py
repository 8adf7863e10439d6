"""The chain against digests made with coreutils' sha256sum, so that no Python code agrees only with itself."""

from __future__ import annotations

from meltica.journal.chain import entry_hash, genesis_hash

JOURNAL_ID = bytes(range(16))
# printf 'meltica.journal.genesis.v1\0\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17' | sha256sum
GENESIS = "01e61de9550685079cf61ffd360ad7c4eae9d6299f35373bfd6ddc60968bd747"
# (printf "$GENESIS" | xxd -r -p; printf '\0\0\0\0\0\0\0\1\0\0\0\0\0\0\1\0{"a":1}') | sha256sum
FIRST = "6c45aa18d2e6f01517a5a41d52e111c156c2ef3cb0d02272b83f72bb83ed2106"


def test_genesis_is_the_digest_of_the_domain_and_the_journals_id() -> None:
    assert genesis_hash(JOURNAL_ID).hex() == GENESIS


def test_an_entry_is_chained_by_hash_seq_time_and_payload() -> None:
    assert entry_hash(bytes.fromhex(GENESIS), 1, 256, b'{"a":1}').hex() == FIRST


def test_every_field_counts() -> None:
    base = (bytes(32), 1, 2, b"x")
    variants = [
        (bytes(31) + b"\1", 1, 2, b"x"),
        (bytes(32), 2, 2, b"x"),
        (bytes(32), 1, 3, b"x"),
        (bytes(32), 1, 2, b"y"),
    ]
    assert len({entry_hash(*fields) for fields in [base, *variants]}) == 5
