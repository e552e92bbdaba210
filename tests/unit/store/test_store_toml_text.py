"""What is written as TOML reads back as it was."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from vosswitch.store.toml_text import table_lines

_texts = st.text(st.characters(exclude_categories=["Cs"]))
_plain = st.one_of(_texts, st.booleans(), st.integers(-(2**63), 2**63 - 1))
_values = st.one_of(_plain, st.lists(_plain), st.dictionaries(_texts, _plain))


@given(st.dictionaries(_texts, _values))
def test_values_survive(values: dict[str, object]) -> None:
    assert tomllib.loads("\n".join(table_lines("x", values))) == {"x": [values]}


def test_nothing_is_left_out_and_moments_are_utc() -> None:
    lines = list(table_lines("x", {"a": None, "b": datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)}))
    assert lines == ["", "[[x]]", "b = 2026-01-02T03:04:05.678Z"]
