"""Secrets: what is kept is not what was given, and the key is nobody else's."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path

import pytest

from vosswitch.store.secrets import BadKey, Secrets, ha1s


def test_sealing_hides_and_unsealing_gives_back(tmp_path: Path) -> None:
    secrets = Secrets(str(tmp_path / "sub" / "key"))
    sealed = secrets.seal("päss")
    assert "päss" not in sealed
    assert Secrets(str(tmp_path / "sub" / "key")).unseal(sealed) == "päss"
    assert stat.S_IMODE((tmp_path / "sub" / "key").stat().st_mode) == 0o600


def test_nothing_needs_no_key(tmp_path: Path) -> None:
    secrets = Secrets(str(tmp_path / "key"))
    assert secrets.seal("") == secrets.unseal("") == ""
    assert not (tmp_path / "key").exists()


def test_creating_twice_keeps_the_key(tmp_path: Path) -> None:
    secrets = Secrets(str(tmp_path / "key"))
    secrets.create()
    before = (tmp_path / "key").read_bytes()
    Secrets(str(tmp_path / "key")).create()
    assert (tmp_path / "key").read_bytes() == before


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    Secrets(str(tmp_path / "key")).create()
    (tmp_path / "key").chmod(mode)
    with pytest.raises(BadKey, match="open to others"):
        Secrets(str(tmp_path / "key")).seal("x")


def test_another_key_and_a_missing_one_are_told_apart(tmp_path: Path) -> None:
    sealed = Secrets(str(tmp_path / "one")).seal("x")
    Secrets(str(tmp_path / "two")).create()
    with pytest.raises(BadKey, match="not the key"):
        Secrets(str(tmp_path / "two")).unseal(sealed)
    with pytest.raises(BadKey, match="cannot read"):
        Secrets(str(tmp_path / "three")).unseal(sealed)
    (tmp_path / "four").write_text("nonsense")
    (tmp_path / "four").chmod(0o600)
    with pytest.raises(BadKey, match="not a key file"):
        Secrets(str(tmp_path / "four")).unseal(sealed)


def test_ha1_of_rfc_7616() -> None:
    """The example of RFC 7616 3.9.1."""
    text = b"Mufasa:http-auth@example.org:Circle of Life"
    expected = hashlib.md5(text).hexdigest(), hashlib.sha256(text).hexdigest()
    assert ha1s("Mufasa", "http-auth@example.org", "Circle of Life") == expected
