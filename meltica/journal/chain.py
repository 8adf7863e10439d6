"""The hash chain that makes the journal tamper-evident.

Exactly, with || for concatenation and every integer unsigned, 8 bytes, big-endian::

    genesis_hash = SHA-256( b"meltica.journal.genesis.v1" || 0x00 || journal_id )
    entry_hash   = SHA-256( prev_hash || seq || time_ns || payload )

journal_id is 16 random bytes from the meta table; the first entry's prev_hash is genesis_hash.
Every field before the payload has a fixed length and the payload comes last, so no two different entries give the same
bytes to hash. The journal's id is in the chain, so an entry of one journal never fits another.
``verify.py`` says the same in its own words on purpose: change one and the other must object.
"""

from __future__ import annotations

import struct
from hashlib import sha256
from typing import Final

GENESIS_DOMAIN: Final = b"meltica.journal.genesis.v1\x00"
HASH_BYTES: Final = 32
JOURNAL_ID_BYTES: Final = 16

_pack_seq_and_time = struct.Struct(">QQ").pack


def entry_hash(prev_hash: bytes, seq: int, time_ns: int, payload: bytes) -> bytes:
    return sha256(b"".join((prev_hash, _pack_seq_and_time(seq, time_ns), payload))).digest()


def genesis_hash(journal_id: bytes) -> bytes:
    return sha256(GENESIS_DOMAIN + journal_id).digest()
