"""Rows as SQL text of MySQL and MariaDB."""

from __future__ import annotations

import pytest

from vosswitch.store.rows import derived, literals


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (("a", None, 12, True), '("a",null,12,true)'),
        (('say "x"', "back\\slash"), '("say \\"x\\"","back\\\\slash")'),
        (("new\nline", "tab\t"), '("new\\nline","tab\\t")'),
        (("\x01", None, 3), '("\x01", NULL, 3)'),
        (("form\x0cfeed",), '("form\x0cfeed")'),
        (("\x00", 'q"'), '("\\0", "q\\"")'),
        (("\\u0041",), '("\\\\u0041")'),
    ],
)
def test_a_row_is_written_as_sql_reads_it(row, text):
    assert literals(row).decode() == text


def test_sums_are_exact_decimals_with_the_names_beside_them():
    found = derived(("x", "g"), [("a", 1, 0), ('b"', -25_000_000, 10**20)])
    assert found == 'SELECT "a" AS name, 0.0000001 AS x, 0 AS g UNION ALL SELECT "b\\"", -2.5, 10000000000000'
