"""A server that keeps its connections and says nothing is as good as away, once the patience is over."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from vosswitch.store.database import open_database

pytestmark = pytest.mark.mariadb


def test_a_silent_server_is_given_up_and_taken_again(mariadb_server):
    database = open_database(mariadb_server.new_url(), patience=1)
    try:
        with database.write() as connection:
            connection.execute(text("CREATE TABLE t (a INT)"))
        mariadb_server.freeze()
        for _ in range(2):  # a connection of the pool, then a new one
            began = time.monotonic()
            with pytest.raises(DBAPIError), database.write() as connection:
                connection.execute(text("INSERT INTO t VALUES (1)"))
            assert 0.9 < time.monotonic() - began < 4
        mariadb_server.thaw()
        with database.write() as connection:
            connection.execute(text("INSERT INTO t VALUES (2)"))
        with database.read() as connection:
            assert connection.execute(text("SELECT a FROM t")).scalars().all() == [2]
    finally:
        mariadb_server.thaw()
        database.close()
