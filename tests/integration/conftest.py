"""Real databases for the tests: a SQLite file and a private MariaDB server on a free port."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.mariadb import MariaDb
from vosswitch.store.database import Database, open_database
from vosswitch.store.migrations import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def mariadb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDb]:
    """The run's MariaDB server; started when the first test asks for it."""
    server = MariaDb(tmp_path_factory.mktemp("mariadb"))
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables; every test that takes it runs on both databases."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/test.sqlite"
    server: MariaDb = request.getfixturevalue("mariadb_server")
    return server.new_url()


@pytest.fixture
def database_url(empty_url: str) -> str:
    """The URL of a migrated database."""
    migrate(empty_url)
    return empty_url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A migrated, open database."""
    opened = open_database(database_url)
    yield opened
    opened.close()
