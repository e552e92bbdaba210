"""How passwords and PINs are kept: inbound passwords as HA1, outbound ones encrypted and PINs hashed with a key file.

Nothing here or above writes a plain password anywhere but into the outgoing leg's credentials.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from vosswitch.model.cards import keyed, pin_key

MASK = "********"
"""Shown in place of a secret; on load it means unchanged."""


class BadKey(ValueError):
    """The key file cannot be used; its text is one line for the operator."""


class Secrets:
    """Encrypts and decrypts outbound passwords.

    :param path: the key file; it is created, mode 0600, when the first password is encrypted.
    """

    __slots__ = ("_cipher", "_path", "_pin_key")

    def __init__(self, path: str) -> None:
        self._path = path
        self._cipher: Fernet | None = None
        self._pin_key = b""

    def create(self) -> None:
        """Make the key file unless there is one.

        :raises BadKey: it cannot be created, or the existing one cannot be used.
        """
        path = Path(self._path)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(Fernet.generate_key() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except FileExistsError:
            pass
        except OSError as error:
            raise BadKey(f"{self._path}: cannot create the key file: {error.strerror}") from None
        self._key()

    def seal(self, password: str) -> str:
        """*password* encrypted, as the database keeps it; empty stays empty.

        :raises BadKey: the key file cannot be used or created.
        """
        if not password:
            return ""
        if self._cipher is None and not Path(self._path).exists():
            self.create()
        return self._key().encrypt(password.encode()).decode()

    def unseal(self, sealed: str) -> str:
        """What `seal` was given.

        :raises BadKey: the key file cannot be used, or it is not the one that *sealed* was made with.
        """
        if not sealed:
            return ""
        try:
            return self._key().decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise BadKey(f"{self._path}: not the key that the database's passwords are encrypted with") from None

    def keyed(self, pin: str) -> str:
        """What stands for a PIN: the same text for the same PIN and key file, and no way back without the key.

        :raises BadKey: the key file cannot be used or created.
        """
        if not self._pin_key:
            if not Path(self._path).exists():
                self.create()
            self._pin_key = pin_key(_read_private(self._path))
        return keyed(self._pin_key, pin)

    def _key(self) -> Fernet:
        if self._cipher is None:
            self._cipher = Fernet(_read_private(self._path))
        return self._cipher


def _read_private(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(200).strip()
    except OSError as error:
        raise BadKey(f"{path}: cannot read the key file: {error.strerror}") from None
    if mode & 0o077:
        raise BadKey(f"{path}: the key file is open to others (mode {mode & 0o777:04o}): expected 0600, run chmod 600")
    try:
        Fernet(text)
    except ValueError:
        raise BadKey(f"{path}: not a key file: expected 32 bytes in base64") from None
    return text


def ha1s(username: str, realm: str, password: str) -> tuple[str, str]:
    """``H(user:realm:password)`` of RFC 7616 3.4.2 with MD5 and with SHA-256, lower-case hex."""
    text = f"{username}:{realm}:{password}".encode()
    return hashlib.md5(text, usedforsecurity=False).hexdigest(), hashlib.sha256(text).hexdigest()
