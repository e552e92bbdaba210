"""Finds and reads the configuration file."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

from vosswitch.params.boot import BadSetting, Boot, read


def find(option: str | None) -> str:
    """The configuration file's absolute path: the option, else ``VOSSWITCH_CONFIG``, else ``etc/vosswitch.toml``."""
    return os.path.abspath(option or os.environ.get("VOSSWITCH_CONFIG") or "etc/vosswitch.toml")


def load(option: str | None = None) -> Boot:
    """Read the configuration file.

    :raises BadSetting: it is missing, unreadable, not TOML, or holds a wrong setting.
    """
    path = find(option)
    try:
        document = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSetting(f"{path}: cannot read the configuration: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSetting(f"{path}: not valid TOML: {error}") from None
    return read(document, path)
