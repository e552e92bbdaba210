"""Opens the database: SQLite for one node, MySQL or MariaDB for several.

`Database.write` and `Database.read` give connections inside one transaction; it is committed when the block ends and
rolled back when the block raises.
"""

from __future__ import annotations

import contextlib
import os
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pymysql.converters import conversions
from sqlalchemy import create_engine, event
from sqlalchemy.engine import make_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine

BUSY_SECONDS = 5
"""How long a SQLite writer waits for another one."""

_WRITE = {"vosswitch_write": True}
_SQL_MODE = "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"


class Database:
    """An open database.

    :ivar url: as configured.
    :ivar engine: SQLAlchemy's engine; outside the store nobody needs it.
    """

    __slots__ = ("_writer", "engine", "url")

    def __init__(self, url: str, engine: Engine) -> None:
        self.url = url
        self.engine = engine
        self._writer = engine.execution_options(**_WRITE)

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file of this node alone."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction that may write; on SQLite it holds the write lock from its beginning."""
        with self._writer.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One transaction that only reads; on SQLite all of it sees one moment."""
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """As `read`, on every database: all of it sees one moment, however long it takes."""
        with self.engine.connect() as connection:
            if not self.is_sqlite:
                connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def open_database(url: str, patience: int | None = None) -> Database:
    """Open ``sqlite:///PATH`` or ``mysql+pymysql://...``; connects at the first use.

    A missing SQLite file is created then, readable by its owner only; its folder has to exist.

    :param patience: seconds after which a server that says nothing counts as away; None = wait for ever.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return Database(url, _sqlite(url, parsed.database or ""))
    return Database(url, _mysql(url, patience))


def sqlite_path(url: str) -> str | None:
    """The file of a SQLite URL, None for other databases."""
    parsed = make_url(url)
    return parsed.database if parsed.get_backend_name() == "sqlite" else None


def _sqlite(url: str, path: str) -> Engine:
    # isolation_level None keeps the sqlite3 module from beginning transactions of its own; _begin does it.
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS, "isolation_level": None})

    @event.listens_for(engine, "do_connect")
    def _private(*_arguments: Any) -> None:
        _keep_private(path)

    event.listen(engine, "connect", _pragmas)
    event.listen(engine, "begin", _begin)
    return engine


def _keep_private(path: str) -> None:
    """Create the file with mode 0600, or take what others may do with it away; SQLite gives -wal and -shm its mode.

    An existing file is never opened here: closing it would drop the locks this process holds on it through SQLite.
    """
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    for name in (path, f"{path}-wal", f"{path}-shm"):
        file = Path(name)
        if file.exists() and file.stat().st_mode & 0o077 and file.stat().st_uid == os.geteuid():
            file.chmod(0o600)


def _pragmas(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    if cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("vosswitch_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _mysql(url: str, patience: int | None) -> Engine:
    return create_engine(
        url,
        isolation_level="READ COMMITTED",
        pool_pre_ping=True,
        pool_recycle=3600,
        connect_args={
            "charset": "utf8mb4",
            "connect_timeout": 5,
            "read_timeout": patience,
            "write_timeout": patience,
            "conv": conversions | {Decimal: _plain},
            "init_command": f"SET SESSION sql_mode = '{_SQL_MODE}'",
        },
    )


def _plain(value: Decimal, _conversions: object) -> str:
    """A decimal without an exponent: ``1E-7`` is a binary float to the server, and so is what it is added to."""
    return format(value, "f")
