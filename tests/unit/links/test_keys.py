"""Keys: made once, private, and nobody is let in by accident."""

import threading
from pathlib import Path

import pytest
import zmq

from meltica.links.keys import KeyFileError, KeyRing


def test_made_on_first_use_and_the_same_ever_after(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path / "keys")
    gate, client = ring.gate(), ring.client()
    again = KeyRing(tmp_path / "keys")
    assert (again.gate(), again.client(), again.gate_public()) == (gate, client, gate.public)
    assert zmq.curve_public(gate.secret) == gate.public
    assert again.allowed() == {client.public}


def test_folder_and_files_are_private(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path / "keys")
    ring.gate()
    ring.client()
    assert {path.stat().st_mode & 0o777 for path in (ring.folder, ring.allowed_folder)} == {0o700}
    files = [path for path in ring.folder.rglob("*") if path.is_file()]
    assert len(files) == 5
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


def test_two_makers_at_the_same_time_agree(tmp_path: Path) -> None:
    found = []
    start = threading.Barrier(8)

    def make() -> None:
        start.wait()
        ring = KeyRing(tmp_path / "keys")
        found.append((ring.gate(), ring.client(), ring.gate_public()))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert not list((tmp_path / "keys").rglob(".*")), "temporary files were left"


def test_a_client_that_was_removed_does_not_let_itself_in_again(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path / "keys")
    ring.client()
    (ring.allowed_folder / "client.public").unlink()
    ring.client()
    assert ring.allowed() == frozenset()


def test_loose_permissions_are_refused_with_the_remedy(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path / "keys")
    ring.gate()
    secret = ring.folder / "gate.secret"
    secret.chmod(0o640)
    with pytest.raises(KeyFileError, match="chmod 600"):
        ring.gate()
    ring.folder.chmod(0o755)
    with pytest.raises(KeyFileError, match="chmod 700"):
        KeyRing(ring.folder)


@pytest.mark.parametrize("content", [b"", b"x" * 39, b"~" * 40, b"\xff" * 40, b"x" * 4_000])
def test_a_damaged_key_is_named_and_lets_nobody_in(tmp_path: Path, content: bytes) -> None:
    ring = KeyRing(tmp_path / "keys")
    ring.client()
    (ring.allowed_folder / "client.public").write_bytes(content)
    assert ring.allowed() == frozenset()
    (ring.folder / "client.secret").write_bytes(content)
    with pytest.raises(KeyFileError, match=r"client\.secret"):
        ring.client()


def test_a_secret_is_not_shown() -> None:
    from meltica.links.keys import KeyPair

    public, secret = zmq.curve_keypair()
    assert secret.decode() not in repr(KeyPair(public, secret))
