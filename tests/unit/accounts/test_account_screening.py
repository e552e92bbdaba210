"""Sections and areas against a reference, and what is read of a configuration body."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.accounts.areas import Area, address_of
from vosswitch.accounts.screening import UNSCREENED, Screening
from vosswitch.accounts.sections import BadSection, Sections, read_section
from vosswitch.accounts.sources import source_ip
from vosswitch.model.values import Level

DIGITS = st.text("0123", min_size=1, max_size=4)


@st.composite
def sections(draw):
    """A number, a prefix or a range."""
    kind, begin = draw(st.sampled_from("npr")), draw(DIGITS)
    if kind != "r":
        return begin + ("*" if kind == "p" else "")
    end = draw(st.text("0123", min_size=len(begin), max_size=len(begin)))
    return f"{min(begin, end)}-{max(begin, end)}"


def inside(section, number):
    if section.endswith("*"):
        return number.startswith(section[:-1])
    begin, _, end = section.partition("-")
    return len(number) == len(begin) and begin <= number <= (end or begin)


@given(st.lists(sections(), max_size=8), st.text("0123", max_size=5))
def test_sections_hold_what_one_of_them_holds(written, number):
    assert [read_section(text) for text in written] == written
    assert (number in Sections(written)) == any(inside(text, number) for text in written)


def test_a_range_holds_digits_only():
    assert "12a4" not in Sections(["1200-1299"])
    assert "12\u0664" not in Sections(["120-129"])


@pytest.mark.parametrize("text", ["", "*", "12-345", "300-200", "12-", "-12", "+43*", "1*2", "1" * 33])
def test_what_is_no_section_is_refused(text):
    with pytest.raises(BadSection):
        read_section(text)


@st.composite
def networks(draw):
    """IPv4 and IPv6 networks of few addresses, so that they overlap."""
    if draw(st.booleans()):
        return str(ip_network((0x0A000000 + draw(st.integers(0, 255)), draw(st.integers(24, 32))), strict=False))
    return str(ip_network(((0x20010DB8 << 96) + draw(st.integers(0, 255)), draw(st.integers(120, 128))), strict=False))


HOSTS = st.one_of(
    st.integers(0, 300).map(lambda number: str(ip_address(0x0A000000 + number))),
    st.integers(0, 300).map(lambda number: str(ip_address((0x20010DB8 << 96) + number))),
)


@given(st.lists(networks(), max_size=8), HOSTS)
def test_an_area_holds_what_one_of_its_networks_holds(written, host):
    assert (address_of(host) in Area("a", written)) == any(ip_address(host) in ip_network(one) for one in written)


def test_a_mapped_address_is_its_ipv4_address():
    assert address_of("::ffff:192.0.2.1") in Area("a", ["192.0.2.0/24"])
    assert address_of("a.name") is None


def test_nothing_set_is_one_and_the_same_value():
    bare = {"level": "international", "sections": [], "section_policy": "refuse", "default_caller": ""}
    assert Screening.of_account(bare) is UNSCREENED
    assert Screening.of_account({}) is UNSCREENED
    assert Screening.from_body({"lists": [], "level": "net"}) is UNSCREENED


def test_what_is_set_for_an_account():
    body = {"lists": ["a"], "level": "local", "areas_allowed": ["b"], "areas_forbidden": ["c"], "sections": ["43*"],
            "section_policy": "replace", "default_caller": "431"}  # fmt: skip
    found = Screening.of_account(body)
    assert (found.lists, found.areas_allowed, found.areas_forbidden) == (("a",), ("b",), ("c",))
    assert (found.level, found.default_caller) == (Level.LOCAL, "431")
    assert Screening.of_account(body | {"section_policy": "refuse"}).default_caller == ""


@given(st.one_of(st.ip_addresses().map(str), st.text("0123456789abf:.%", max_size=20), st.text(max_size=8)))
def test_sources_are_read_as_elsewhere(host):
    found = source_ip(host)
    assert address_of(host) == (None if found is None else (found.version, int(found)))


@pytest.mark.parametrize("host", ["::ffff:192.0.2.1", "fe80::1%eth0", "01.2.3.4", "1.2.3", "", "1.2.3.4%x", "a\0"])
def test_odd_sources_likewise(host):
    found = source_ip(host)
    assert address_of(host) == (None if found is None else (found.version, int(found)))
