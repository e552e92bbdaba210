"""The key of phone cards' PINs, as the switch reads it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vosswitch.model.cards import keyed, pin_key

if TYPE_CHECKING:
    from collections.abc import Callable


class PinKey:
    """Makes of a PIN what accounts have; the key file is read when the first card is dialled.

    :param on_trouble: told one line when it cannot be read, and "" once it can.
    """

    __slots__ = ("_key", "_on_trouble", "_path")

    def __init__(self, path: str, on_trouble: Callable[[str], object]) -> None:
        self._path = path
        self._on_trouble = on_trouble
        self._key = b""

    def __call__(self, pin: str) -> str:
        """The keyed hash; "", which no account has, without the key file."""
        if not self._key:
            try:
                self._key = pin_key(Path(self._path).read_bytes().strip())
            except OSError as error:
                self._on_trouble(f"{self._path}: cannot read the key file: {error.strerror}: no phone card is known")
                return ""
            self._on_trouble("")
        return keyed(self._key, pin)
