"""Brings a database to this version's schema.

Migrations expand first and contract a release later, so that nodes of two versions can share a database.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import inspect, text

from vosswitch.store.database import open_database, sqlite_path
from vosswitch.store.revision import REVISIONS, VERSION_TABLE

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection

_LOCK_SECONDS = 60


def migrate(url: str) -> str:
    """Create or upgrade the database, on SQLite all or nothing; returns the revision it has then.

    :raises sqlalchemy.exc.SQLAlchemyError: the database cannot be reached or changed.
    :raises ValueError: its schema is newer than this version.
    """
    path = sqlite_path(url)
    if path:
        Path(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = open_database(url)
    try:
        with database.write() as connection:
            _upgrade(connection)
            return _revision(connection) or ""
    finally:
        database.close()


def current(url: str) -> str | None:
    """The database's revision; None when it has no tables of ours or there is no SQLite file.

    :raises sqlalchemy.exc.SQLAlchemyError: the database cannot be reached.
    """
    path = sqlite_path(url)
    if path and not Path(path).exists():
        return None
    database = open_database(url)
    try:
        with database.read() as connection:
            return _revision(connection)
    finally:
        database.close()


def configure(connection: Connection) -> Config:
    """Alembic's configuration for *connection*; there is no ini file."""
    from alembic.config import Config  # noqa: PLC0415 - costs 100 ms, which the switch's start does not have

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    return config


def ours(name: str | None, kind: str) -> bool:
    """Whether a database object belongs to `schema.metadata`; the CDR day tables come from a factory of their own."""
    return not (kind == "table" and (name or "").startswith("e_cdr_"))


def _upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - see configure

    lock = connection.dialect.name != "sqlite"  # there BEGIN IMMEDIATE keeps a second one waiting
    if lock:
        connection.execute(text("SELECT GET_LOCK('vosswitch_migrate', :wait)"), {"wait": _LOCK_SECONDS})
    try:
        found = _revision(connection)
        if found is not None and found not in REVISIONS:
            raise ValueError(f"database: schema {found} is newer than this version: upgrade vosswitch")
        command.upgrade(configure(connection), "head")
    finally:
        if lock:
            connection.execute(text("SELECT RELEASE_LOCK('vosswitch_migrate')"))


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    # The name is a constant of this module.
    found: Any = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608
    return None if found is None else str(found)
