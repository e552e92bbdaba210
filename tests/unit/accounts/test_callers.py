"""Who is calling: addresses, networks, ports, tech prefixes, user names."""

from dataclasses import replace
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.accounts.callers import Callers
from vosswitch.accounts.sources import read_source, source_ip
from vosswitch.accounts.values import MappingGateway, Phone
from vosswitch.model.call import Credential
from vosswitch.model.peer import PLAIN, PeerProfile
from vosswitch.model.values import Address

SECRET = (Credential("aa", "MD5"), Credential("bb", "SHA-256"))


def gateway(name, *addresses, **more):
    return MappingGateway(name, "1000", addresses=tuple(map(read_source, addresses)), **more)


def callers(*gateways, phones=()):
    return Callers({g.name: g for g in gateways}, {p.number: p for p in phones})


def at(host, port=5060, transport="udp"):
    return Address(host, port, transport)


def who(index, source, callee="123", user=None):
    found = index.identify(source, user, callee)
    return found and ((found.gateway or found.phone) and (found.gateway.name if found.gateway else found.phone.number))


def test_one_address_is_one_gateway():
    index = callers(gateway("a", "192.0.2.1"), gateway("b", "192.0.2.2:5070"))
    assert who(index, at("192.0.2.1", 999, "tcp")) == "a"
    assert who(index, at("192.0.2.2", 999)) == "b"  # auth ip: the port does not matter
    assert who(index, at("192.0.2.3")) is None
    assert [index.trusts(at(f"192.0.2.{n}")) for n in (1, 2, 3)] == [True, True, False]
    assert not index.warnings


def test_most_specific_network_goes_first():
    index = callers(
        gateway("all", "0.0.0.0/0"), gateway("wide", "10.0.0.0/8"), gateway("near", "10.1.0.0/16"),
        gateway("host", "10.1.2.3"), gateway("six", "2001:db8::/32"),
    )  # fmt: skip
    hosts = ["10.1.2.3", "10.1.2.4", "10.2.2.4", "192.0.2.1", "2001:db8::7", "2001:db9::7", "no-address"]
    assert [who(index, at(host)) for host in hosts] == ["host", "near", "wide", "all", "six", None, None]


def test_tech_prefix_is_stripped_and_the_longest_wins():
    index = callers(
        gateway("none", "192.0.2.1"), gateway("short", "192.0.2.1", tech_prefix="9"),
        gateway("long", "192.0.2.1", tech_prefix="99#"),
    )  # fmt: skip
    found = {c: index.identify(at("192.0.2.1"), None, c) for c in ("99#1", "98", "1")}
    assert [(f.gateway.name, f.callee) for f in found.values()] == [("long", "1"), ("short", "8"), ("none", "1")]


def test_tech_prefix_that_does_not_fit_falls_through_to_the_wider_network():
    index = callers(gateway("host", "192.0.2.1", tech_prefix="99"), gateway("net", "192.0.2.0/24"))
    assert who(index, at("192.0.2.1"), "991") == "host"
    assert who(index, at("192.0.2.1"), "1") == "net"
    alone = callers(gateway("host", "192.0.2.1", tech_prefix="99"))
    assert who(alone, at("192.0.2.1"), "1") is None
    assert alone.trusts(at("192.0.2.1"))


def test_ip_port_compares_the_port_on_udp_only():
    index = callers(gateway("a", "192.0.2.1:5070", auth="ip_port"), gateway("b", "[2001:db8::1]:5080", auth="ip_port"))
    assert who(index, at("192.0.2.1", 5070)) == "a"
    assert who(index, at("2001:db8::1", 5080)) == "b"
    for source in (at("192.0.2.1", 5071), at("192.0.2.1", 5070, "tcp"), at("2001:db8::1", 5070)):
        assert who(index, source) is None
        assert not index.trusts(source)


def test_ip_port_goes_before_ip():
    index = callers(gateway("a", "192.0.2.1"), gateway("b", "192.0.2.1:5070", auth="ip_port"))
    assert [who(index, at("192.0.2.1", port)) for port in (5070, 5060)] == ["b", "a"]
    assert not index.warnings


@pytest.mark.parametrize("host", ["::ffff:192.0.2.1", "::FFFF:c000:201"])
def test_mapped_addresses_are_ipv4(host):
    assert who(callers(gateway("a", "192.0.2.1")), at(host)) == "a"
    assert who(callers(gateway("a", "192.0.2.0/24")), at(host)) == "a"
    assert who(callers(gateway("a", host)), at("192.0.2.1")) == "a"


def test_ipv6_is_compared_by_value():
    index = callers(gateway("a", "2001:db8:0:0::1"), gateway("b", "fe80::1"))
    assert who(index, at("2001:DB8::0001")) == "a"
    assert who(index, at("fe80::1%eth0")) == "b"


def test_shared_address_and_tech_prefix_is_decided_by_name_and_warned_of():
    for order in (("b", "a"), ("a", "b")):
        index = callers(*(gateway(name, "192.0.2.1", tech_prefix="9") for name in order), gateway("c", "192.0.2.1"))
        assert who(index, at("192.0.2.1"), "91") == "a"
        assert len(index.warnings) == 1
        assert "a and b share 192.0.2.1" in index.warnings[0]


def test_proved_name_is_gateway_or_phone():
    trunk = gateway("trunk", auth="password", username="tom", credentials=SECRET, tech_prefix="7")
    phone = Phone("1001", "1000", credentials=SECRET)
    index = callers(trunk, gateway("ip", "192.0.2.1"), phones=[phone])
    assert who(index, at("192.0.2.1"), "71", "tom") == "trunk"
    assert index.identify(at("192.0.2.9"), "tom", "71").callee == "1"
    assert who(index, at("192.0.2.9"), "1", "tom") is None  # tech prefix missing
    assert who(index, at("192.0.2.1"), "1", "1001") == "1001"
    assert who(index, at("192.0.2.1"), "1", "nobody") is None
    assert index.credentials("tom") == index.credentials("1001") == SECRET
    assert index.credentials("nobody") == ()
    assert (index.phone("1001"), index.phone("tom")) == ("1001", None)
    assert not index.trusts(at("192.0.2.9"))


def test_addresses_narrow_a_password_gateway():
    index = callers(gateway("a", "10.0.0.0/8", auth="password", username="a", credentials=SECRET))
    assert who(index, at("10.1.1.1"), "1", "a") == "a"
    assert who(index, at("192.0.2.1"), "1", "a") is None
    assert not index.trusts(at("10.1.1.1"))
    assert who(index, at("10.1.1.1")) is None


def test_locked_names_prove_nothing():
    index = callers(
        gateway("a", auth="password", username="a", credentials=SECRET, locked=True),
        phones=[Phone("1001", "1000", credentials=SECRET, locked=True)],
    )
    assert index.credentials("a") == index.credentials("1001") == ()
    assert index.phone("1001") is None


def test_one_user_name_with_two_passwords_is_warned_of():
    other = (Credential("cc", "MD5"),)
    index = callers(
        gateway("a", auth="password", username="u", credentials=SECRET),
        gateway("b", auth="password", username="u", credentials=other, tech_prefix="9"),
        gateway("c", auth="password", username="u", credentials=SECRET, tech_prefix="8"),
        phones=[Phone("u", "1000", credentials=other)],
    )
    assert index.credentials("u") == SECRET
    assert [who(index, at("192.0.2.1"), n, "u") for n in ("1", "91", "81")] == ["a", "a", "c"]
    assert index.phone("u") is None
    assert len(index.warnings) == 2


_HOSTS = st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.1.1", "192.0.2.1", "::1", "::ffff:10.0.0.1"])
_SOURCES = st.sampled_from(
    ["10.0.0.1", "10.0.0.2", "10.0.0.0/24", "10.0.0.0/8", "0.0.0.0/0", "::1", "::/0", "10.0.0.1:70"]
)


@given(
    st.lists(st.tuples(_SOURCES, st.text("12", max_size=2), st.sampled_from(["ip", "ip_port"])), max_size=6),
    _HOSTS, st.sampled_from([70, 5060]), st.sampled_from(["udp", "tcp"]), st.text("12", max_size=3),
)  # fmt: skip
def test_index_equals_naive_reading(rows, host, port, transport, callee):
    gateways = [gateway(f"g{i}", address, tech_prefix=tp, auth=auth) for i, (address, tp, auth) in enumerate(rows)]
    ip = source_ip(host)
    best = None
    for item in gateways:
        network, wanted = item.addresses[0].network, item.addresses[0].port or 5060
        if ip.version != network.version or ip not in network or not callee.startswith(item.tech_prefix):
            continue
        if item.auth == "ip_port" and (transport != "udp" or wanted != port):
            continue
        mark = (-network.prefixlen, -len(item.tech_prefix), item.auth == "ip", item.name)
        best = min(best, mark) if best else mark
    index = callers(*gateways)
    assert who(index, at(host, port, transport), callee) == (best and best[-1])
    if best:
        assert index.trusts(at(host, port, transport))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("192.0.2.1", "192.0.2.1"), ("192.0.2.7/24", "192.0.2.0/24"), ("192.0.2.1:5070", "192.0.2.1:5070"),
        ("[2001:db8::1]:5070", "[2001:db8::1]:5070"), ("[2001:db8::1]", "2001:db8::1"), ("2001:db8::1", "2001:db8::1"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"), ("[::ffff:192.0.2.1]:5", "192.0.2.1:5"),
    ],
)  # fmt: skip
def test_source_forms(text, shown):
    assert str(read_source(text)) == shown
    assert read_source(shown) == read_source(text)


@pytest.mark.parametrize("text", ["", "host", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536", "[::1]:x", "1.2.3.4/33"])
def test_source_refusals(text):
    with pytest.raises(ValueError, match="expected"):
        read_source(text)


_ROWS = st.dictionaries(
    st.sampled_from("abcde"),
    st.tuples(
        st.lists(_SOURCES, max_size=3), st.sampled_from(["ip", "ip_port", "password"]),
        st.sampled_from(["u", "v", ""]), st.sampled_from(["s", "t"]), st.sampled_from(["", "1"]), st.booleans(),
    ),
)  # fmt: skip


def _of_rows(rows, kept):
    """Gateways by name; one that is the same as in *kept* is the very same, as in a configuration."""
    made = {
        name: gateway(
            name, *sources, auth=auth, username=user or name, credentials=(Credential(secret, "MD5"),),
            tech_prefix=prefix, locked=locked,
        )
        for name, (sources, auth, user, secret, prefix, locked) in rows.items()
    }  # fmt: skip
    return {name: kept[name] if kept.get(name) == one else one for name, one in made.items()}


def _told(index):
    """All that an index answers."""
    hosts = ["10.0.0.1", "10.0.0.2", "10.0.1.1", "192.0.2.1", "::1", "::ffff:10.0.0.1"]
    sources = [at(host, port) for host in hosts for port in (70, 5060)]
    users = [None, "u", "v", *"abcde"]
    return (
        [who(index, source, callee, user) for source in sources for callee in ("1", "2") for user in users],
        [(index.trusts(source), index.asked(source), index.profile_at(source)) for source in sources],
        [(index.credentials(user), index.phone(user), index.dynamic(user)) for user in users[1:]],
        [index.together(one, other) for one in hosts for other in hosts],
        index.challenges(),
        sorted(index.warnings),
    )


@given(st.lists(st.tuples(_ROWS, st.sets(st.sampled_from(["u", "a", "1"]))), min_size=2, max_size=4))
def test_changed_index_equals_one_that_is_made_anew(steps):
    gateways, index = {}, callers()
    for rows, numbers in steps:
        before, told = index, _told(index)
        gateways, phones = _of_rows(rows, gateways), {number: Phone(number, "1000") for number in numbers}
        index = index.changed(gateways, phones)
        assert index.made_of(gateways, phones)
        assert _told(index) == _told(Callers(gateways, phones))
        assert _told(before) == told


def test_index_is_made_anew_without_touching_the_gateways():
    first = gateway("a", "192.0.2.1")
    moved = replace(first, addresses=(read_source("192.0.2.2"),))
    before, after = callers(first), callers(moved)
    assert (who(before, at("192.0.2.1")), who(after, at("192.0.2.1"))) == ("a", None)
    assert ip_address("192.0.2.2") in moved.addresses[0].network


def test_each_gateway_of_an_address_reads_the_called_number_where_it_is_set_to():
    """The leg and the decision find the same gateway, whichever number its tech prefix stands in."""
    index = callers(
        gateway("line", "192.0.2.1", tech_prefix="71"),
        gateway("to", "192.0.2.1", tech_prefix="7", profile=PeerProfile(callee_source="to")),
    )
    numbers = {"request_uri": "12", "to": "712", "diversion": ""}
    found = index.identify(at("192.0.2.1"), None, "12", numbers.__getitem__)
    assert (found.gateway.name, found.callee) == ("to", "12")
    again = index.identify(at("192.0.2.1"), None, "712", lambda place: "712" if place == "to" else None)
    assert again == found
    line = index.identify(at("192.0.2.1"), None, "712", lambda place: "712" if place == "request_uri" else None)
    assert (line.gateway.name, line.callee) == ("line", "2")


def test_the_profile_of_an_address_is_known_before_the_call_is():
    special = PeerProfile(user_agent="-")
    assert callers(gateway("a", "192.0.2.1")).profile_at(at("192.0.2.1")) is PLAIN
    index = callers(gateway("a", "192.0.2.1"), gateway("b", "192.0.2.0/24", profile=special))
    assert [index.profile_at(at(host)) for host in ("192.0.2.1", "192.0.2.2", "192.0.3.1")] == [PLAIN, special, PLAIN]
