"""Many rows in one statement: the way of whole batches into a table, and of sums onto many accounts.

SQLite takes them with ``executemany``.  MySQL and MariaDB get ``INSERT ... VALUES (...), (...)`` with the values in the
text, written by orjson: inside of double quotes JSON and their SQL escape the same way, but for what `_UNLIKE` finds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from pymysql.converters import escape_string

from vosswitch.model.values import money_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Connection

_STATEMENT = 1_000_000
"""Bytes; servers take 16 MB and more, and longer statements are no faster."""

_UNLIKE = (b"\\u", b"\\f")
"""Control characters, which SQL has no such names for."""

_AS_IT_IS = {"no_parameters": True}


def insert_rows(connection: Connection, table: str, columns: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert all *rows*, each as wide as *columns* (names with commas between); all or none within the transaction.

    :param rows: of None, whole numbers and texts; amounts are decimal texts but for SQLite.
    :raises sqlalchemy.exc.DBAPIError: one of them cannot be stored, or is there already.
    """
    if not rows:
        return
    head = f"INSERT INTO {table} ({columns}) VALUES "  # noqa: S608 - names of our own
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"{head}({', '.join('?' * len(rows[0]))})", list(rows))
        return
    for values in _slices(map(literals, rows)):
        run(connection, head + values)


def run(connection: Connection, statement: str) -> None:
    """Execute a statement that has its values in it."""
    connection.exec_driver_sql(statement, execution_options=_AS_IT_IS)


def derived(columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> str:
    """Names with amounts as a derived table of MySQL and MariaDB: column ``name`` and *columns*, exact decimals.

    :param rows: a name, and one amount (units of 10^-7) for each of *columns*.
    """
    labels = ("name", *columns)
    texts = [(_literal(name), *map(money_text, amounts)) for name, *amounts in rows]
    first = ", ".join(f"{value} AS {label}" for value, label in zip(texts[0], labels, strict=True))
    return " UNION ALL SELECT ".join([f"SELECT {first}", *map(", ".join, texts[1:])])


def literals(row: tuple[Any, ...]) -> bytes:
    """A row as SQL of MySQL and MariaDB, with its parentheses."""
    text = orjson.dumps(row)
    if any(mark in text for mark in _UNLIKE):
        return f"({', '.join(map(_literal, row))})".encode()
    return b"(%b)" % text[1:-1]


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    return f'"{escape_string(value)}"' if isinstance(value, str) else str(value)


def _slices(texts: Iterable[bytes]) -> Iterator[str]:
    """Values with commas between, in statements of a bounded size."""
    some: list[bytes] = []
    size = 0
    for text in texts:
        if some and size + len(text) > _STATEMENT:
            yield b",".join(some).decode()
            some, size = [], 0
        some.append(text)
        size += len(text) + 1
    yield b",".join(some).decode()
