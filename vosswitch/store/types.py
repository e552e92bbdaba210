"""Column types: money as whole units, small JSON documents as text, row numbers."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import BigInteger, Integer, Text
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from sqlalchemy import Dialect
    from sqlalchemy.types import TypeEngine

_DECIMALS = 7

RowNumber = BigInteger().with_variant(Integer, "sqlite")
"""A number the database gives out; SQLite does so only for the type spelled INTEGER."""


class Money(TypeDecorator[int]):
    """An amount in units of 10^-7: always an int here, INTEGER on SQLite, DECIMAL(20,7) on MySQL and MariaDB.

    SQLAlchemy's Numeric goes through binary floats on SQLite; this never does.
    """

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The type as *dialect* stores it."""
        if _is_mysql(dialect):
            return dialect.type_descriptor(mysql.DECIMAL(20, _DECIMALS))
        return dialect.type_descriptor(BigInteger())

    def process_bind_param(self, value: int | None, dialect: Dialect) -> Any:
        """Units to what is stored."""
        if value is None or not _is_mysql(dialect):
            return value
        return Decimal(value).scaleb(-_DECIMALS)

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        """What is stored to units; sums come back as decimals of any exponent."""
        if value is None:
            return None
        return int(value.scaleb(_DECIMALS)) if _is_mysql(dialect) else int(value)


class JsonText(TypeDecorator[Any]):
    """A JSON document kept as text, so that both databases store and reflect the same type."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """TEXT; MEDIUMTEXT where TEXT ends at 64 kB."""
        return dialect.type_descriptor(mysql.MEDIUMTEXT() if _is_mysql(dialect) else Text())

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Document to text, keys sorted so that equal documents are equal texts."""
        return None if value is None else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Text to document."""
        return None if value is None else orjson.loads(value)


def _is_mysql(dialect: Dialect) -> bool:
    return dialect.name in ("mysql", "mariadb")
