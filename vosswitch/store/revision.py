"""Whether a database fits this version; asked at every start, so SQLAlchemy is not loaded for a SQLite file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

REVISIONS = ("0001", "0002", "0003", "0004")
"""Every revision of the schema in its order; the last one is this version's."""

VERSION_TABLE = "schema_revision"

_SQLITE = "sqlite:///"
_BUSY_SECONDS = 5.0
_HAS_TABLE = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"


class Unreachable(Exception):
    """The database cannot be asked; its text is one line."""


def check(url: str) -> str | None:
    """What keeps this version from working with the database, in one line; None when it fits."""
    try:
        found = _of_file(url.removeprefix(_SQLITE)) if url.startswith(_SQLITE) else _of_server(url)
    except Unreachable as error:
        return f"database: cannot be opened: {error}"
    if found is None:
        return 'database: has no tables yet: run "vosswitch migrate"'
    if found not in REVISIONS:
        return f"database: schema {found} is newer than this version, which knows {REVISIONS[-1]}: upgrade vosswitch"
    if found != REVISIONS[-1]:
        return f'database: schema {found} is older than this version\'s {REVISIONS[-1]}: run "vosswitch migrate"'
    return None


def _of_file(path: str) -> str | None:
    """The revision of a SQLite file; None when there is no file, or no table of ours in it."""
    if not Path(path).exists():
        return None
    try:
        with closing(sqlite3.connect(f"file:{quote(path)}?mode=rw", timeout=_BUSY_SECONDS, uri=True)) as connection:
            if not connection.execute(_HAS_TABLE, (VERSION_TABLE,)).fetchone():
                return None
            row = connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()  # noqa: S608 - a constant
    except (sqlite3.Error, OSError) as error:
        raise Unreachable(str(error)) from None
    return None if row is None else str(row[0])


def _of_server(url: str) -> str | None:
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 - see above

    from vosswitch.store.migrations import current  # noqa: PLC0415

    try:
        return current(url)
    except (SQLAlchemyError, OSError) as error:
        raise Unreachable(first_line(error)) from None


def first_line(error: Exception) -> str:
    """What a database's error says, in one line."""
    origin = getattr(error, "orig", None) or error
    return str(origin).splitlines()[0] if str(origin) else type(origin).__name__
