"""Readers of provisioned values: what they take, what they make of it, what they say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.model.values import money_text
from vosswitch.store import fields
from vosswitch.store.fields import Deployment, Expected
from vosswitch.store.secrets import Secrets

HERE = Deployment("test", Secrets("/nonexistent/key"), ZoneInfo("Europe/Vienna"))


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("192.0.2.1:5060", "192.0.2.1:5060"),
        ("[2001:DB8::1]:5060", "[2001:db8::1]:5060"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("::1", "::1"),
    ],
)
def test_sources_have_one_form(written: str, canonical: str) -> None:
    assert fields.sources([written, written], HERE) == [canonical]
    assert fields.source(canonical, HERE) == canonical


@pytest.mark.parametrize(
    "written",
    ["", "example.org", "192.0.2.1/24", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:", "::1:x", "[::1]:",
     "[192.0.2.1]:5060", "fe80::1%eth0", 7, None, "1.2.3.4:\u0663"],
)  # fmt: skip
def test_other_sources_are_refused(written: object) -> None:
    with pytest.raises(Expected, match="an address such as"):
        fields.source(written, HERE)


@pytest.mark.parametrize(
    ("address", "found"),
    [("192.0.2.1", False), ("192.0.2.1:5060", True), ("::1", False), ("[::1]:5060", True), ("2001:db8::/32", False)],
)
def test_port_is_seen(address: str, found: bool) -> None:
    assert fields.has_port(address) is found


@pytest.mark.parametrize("value", [True, "abc", 0, 65536, "-1", 1.5, None, "12345678901234", ""])
def test_whole_numbers_outside_are_refused(value: object) -> None:
    with pytest.raises(Expected, match="a whole number 1-65535"):
        fields.whole(1, 65535)(value, HERE)


def test_limits() -> None:
    assert fields.limit(5, HERE) == 5
    assert fields.limit("unlimited", HERE) is None
    with pytest.raises(Expected, match='or "unlimited"'):
        fields.limit("many", HERE)


@given(st.integers(-(10**18), 10**18))
def test_amounts_survive_the_text(units: int) -> None:
    assert fields.amount(money_text(units), HERE) == units


@pytest.mark.parametrize("value", [1.5, "1,5", "0.00000001", "1e400", "nan", "", True, "200000000000", None])
def test_other_amounts_are_refused(value: object) -> None:
    with pytest.raises(Expected, match="an amount"):
        fields.amount(value, HERE)


@pytest.mark.parametrize(
    ("value", "text"), [("0.0200", "0.0200"), (2, "2"), (Decimal("0.0200"), "0.0200"), (Decimal("1E-7"), "0.0000001")]
)
def test_rates_keep_their_text(value: object, text: str) -> None:
    assert fields.rate(value, HERE) == text


@pytest.mark.parametrize("value", [0.02, "-1", "1e3", ".5", "5.", "", " 1", True, None, "\u0663"])
def test_other_rates_are_refused(value: object) -> None:
    with pytest.raises(Expected, match="a decimal not below zero"):
        fields.rate(value, HERE)


@given(st.datetimes(datetime(1970, 1, 2), datetime(9998, 1, 1), timezones=st.timezones()))
def test_moments_survive(moment: datetime) -> None:
    """Cut to milliseconds, in UTC."""
    read = fields.moment(moment, HERE)
    assert fields.moment(fields.moment_text(read), HERE) == read
    assert timedelta(0) <= moment - fields.moment_text(read) < timedelta(milliseconds=1)


def test_moments_without_a_zone_are_the_deployments() -> None:
    expected = int(datetime(2026, 6, 30, 22, tzinfo=UTC).timestamp() * 1000)
    assert fields.moment("2026-07-01", HERE) == expected
    assert fields.moment("2026-07-01T00:00:00", HERE) == expected
    assert fields.moment("2026-06-30T22:00:00Z", HERE) == expected


@pytest.mark.parametrize("value", ["tomorrow", "", 5, None, "1969-01-01", True])
def test_other_moments_are_refused(value: object) -> None:
    with pytest.raises(Expected, match="a date"):
        fields.moment(value, HERE)


def test_dial_plans_are_parsed() -> None:
    assert fields.dial_plan("00:\n0:43", HERE) == fields.dial_plan([["00", ""], ["0", "43"]], HERE) == "00:,0:43"
    with pytest.raises(Expected, match=r"rule 1 .*position 2: expected"):
        fields.dial_plan("1", HERE)


def test_plugins_names_are_checked_when_known() -> None:
    assert fields.names("blacklists")(["b", "a", "b"], HERE) == ["b", "a"]
    strict = Deployment("test", HERE.secrets, plugins={"blacklists": frozenset({"a"})})
    with pytest.raises(Expected, match="one of a"):
        fields.names("blacklists")(["b"], strict)


def test_names_have_no_blanks_at_the_ends() -> None:
    """The databases compare those differently."""
    for wrong in (" a", "a ", "", "a\n", "x" * 65, 5):
        with pytest.raises(Expected):
            fields.name(wrong, HERE)


def test_hashes() -> None:
    assert fields.hashes({"MD5": "A" * 32, "SHA-256": "b" * 64}, HERE) == ("a" * 32, "b" * 64)
    for wrong in ({}, {"MD5": "a" * 32}, {"MD5": "x" * 32, "SHA-256": "b" * 64}, "a"):
        with pytest.raises(Expected):
            fields.hashes(wrong, HERE)
