"""Times as people type and as programs read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.cli.moments import moment
from vosswitch.cli.output import moment_text

VIENNA = ZoneInfo("Europe/Vienna")


@given(st.integers(0, 253_402_300_799_999))
def test_what_is_printed_is_read_back_exactly(ms):
    text = moment_text(ms)
    assert moment("--from", text, VIENNA) == ms
    assert datetime.fromisoformat(text) == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)


@pytest.mark.parametrize(
    ("text", "end", "expected"),
    [
        ("2026-07-01", False, "2026-06-30T22:00:00.000Z"),
        ("2026-07-01", True, "2026-07-01T22:00:00.000Z"),
        ("2026-10-25", True, "2026-10-25T23:00:00.000Z"),  # the day has 25 hours
        ("2026-07-01T12:00", True, "2026-07-01T10:00:00.000Z"),
        ("2026-07-01 12:00:00.5", False, "2026-07-01T10:00:00.500Z"),
        ("2026-07-01T12:00:00Z", False, "2026-07-01T12:00:00.000Z"),
        ("1800000000123", False, "2027-01-15T08:00:00.123Z"),
        ("20260701", False, "2026-06-30T22:00:00.000Z"),
    ],
)
def test_times_without_a_zone_are_the_node_s(text, end, expected):
    assert moment_text(moment("--to", text, VIENNA, end=end)) == expected


def test_anything_else_is_wrong_usage():
    with pytest.raises(click.BadParameter) as error:
        moment("--from", "soon", VIENNA)
    assert error.value.exit_code == 2
    assert "got 'soon'" in str(error.value)
