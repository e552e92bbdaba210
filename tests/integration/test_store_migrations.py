"""The migrations make what the schema declares, on both databases."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from vosswitch.store import schema
from vosswitch.store.database import Database, open_database, sqlite_path
from vosswitch.store.migrations import configure, current, migrate, ours
from vosswitch.store.revision import REVISIONS, VERSION_TABLE, check


def test_migrations_equal_metadata(database: Database) -> None:
    with database.write() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "version_table": VERSION_TABLE,
                "include_name": lambda name, kind, _parents: ours(name, kind),
            },
        )
        assert compare_metadata(context, schema.metadata) == []


def test_day_tables_are_not_autogenerates_business(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("CREATE TABLE e_cdr_20260101 (id INTEGER PRIMARY KEY)"))
    test_migrations_equal_metadata(database)


def test_revisions_are_alembics(database: Database) -> None:
    with database.read() as connection:
        scripts = ScriptDirectory.from_config(configure(connection))
    known = [script.revision for script in scripts.walk_revisions()]
    assert tuple(reversed(known)) == REVISIONS


def test_migrating_twice_changes_nothing(database_url: str) -> None:
    assert migrate(database_url) == REVISIONS[-1]
    assert current(database_url) == REVISIONS[-1]
    assert check(database_url) is None


def test_check_names_what_to_do(empty_url: str) -> None:
    problem = check(empty_url)
    assert problem is not None
    assert "vosswitch migrate" in problem
    assert "\n" not in problem
    path = sqlite_path(empty_url)
    assert path is None or not Path(path).exists()


@pytest.mark.parametrize(("revision", "words"), [("0000", "newer"), ("9999", "newer")])
def test_unknown_revision_is_refused(database_url: str, revision: str, words: str) -> None:
    opened = open_database(database_url)
    with opened.write() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = :it"), {"it": revision})
    opened.close()
    assert words in (check(database_url) or "")
    with pytest.raises(ValueError, match="newer"):
        migrate(database_url)


def test_unreachable_database_is_one_line() -> None:
    problem = check("mysql+pymysql://nobody@127.0.0.1:1/nothing")
    assert problem is not None
    assert problem.startswith("database: cannot be opened")
    assert "\n" not in problem


def test_a_file_that_is_no_database_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "odd ? name.sqlite"
    path.write_bytes(b"x" * 8192)
    problem = check(f"sqlite:///{path}")
    assert problem == "database: cannot be opened: file is not a database"


def test_sqlite_files_are_private(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        url = f"sqlite:///{tmp_path}/sub/test.sqlite"
        migrate(url)
        opened = open_database(url)
        with opened.write() as connection:
            connection.execute(schema.parameter.insert().values(name="X", value="1"))
            for file in (tmp_path / "sub").iterdir():
                assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
        opened.close()
    finally:
        os.umask(before)


def test_money_is_exact(database: Database) -> None:
    units = [0, 1, -1, 12_345_678_901_234_567, -(10**18)]
    with database.write() as connection:
        for number, amount in enumerate(units):
            connection.execute(
                schema.ledger.insert().values(
                    account=str(number), kind="payment", amount=amount, balance_after=amount, at=0, who="", why=""
                )
            )
        amounts = connection.execute(schema.ledger.select().order_by(schema.ledger.c.id)).all()
    assert [row.amount for row in amounts] == units


def test_names_differ_by_case(database: Database) -> None:
    with database.write() as connection:
        connection.execute(schema.parameter.insert(), [{"name": "a", "value": "1"}, {"name": "A", "value": "2"}])


def test_failed_block_rolls_back(database: Database) -> None:
    def half() -> None:
        with database.write() as connection:
            connection.execute(schema.parameter.insert().values(name="X", value="1"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    with database.read() as connection:
        assert connection.execute(schema.parameter.select()).all() == []
