"""Quoted strings (RFC 3261 section 25.1): what stands between the quotes, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.sip.grammar.headers import quoted, unquote


@given(st.text(alphabet='\\"ab', max_size=12))
def test_what_was_quoted_is_read_as_it_was(text):
    assert unquote(quoted(text)[1:-1]) == text


@pytest.mark.parametrize(
    ("written", "read"), [(r"a\b", "ab"), (r"a\\b", r"a\b"), (r"\\\"", '\\"'), (r"\\\\", "\\\\"), ("", "")]
)
def test_pairs(written, read):
    assert unquote(written) == read
