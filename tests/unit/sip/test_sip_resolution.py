"""RFC 3263 without a name server: which questions are asked, and what is made of the answers."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.model.places import local_parts, local_text, settled
from vosswitch.model.values import Address
from vosswitch.sip.destinations.resolution import (
    MOST_RECORDS,
    MOST_TARGETS,
    Abilities,
    Answer,
    Choice,
    Naptr,
    Plan,
    Question,
    Srv,
    locate,
    normal_name,
)

ABLE = Abilities(("udp", "tcp", "tls"), ("A", "AAAA"))


def walk(target, zone, able=ABLE):
    """The plan that a zone of answers leads to, and the questions in their order."""
    steps, asked, answers = locate(target, able), [], None
    while True:
        try:
            questions = steps.send(answers)
        except StopIteration as done:
            return done.value, asked
        asked += questions
        answers = [zone.get(question, Answer()) for question in questions]


def to(host, port=0, transport="auto"):
    return Address(host, port, transport)


def a(name, *hosts, ttl=60.0):
    return {Question("A", name): Answer(hosts, ttl)}


def srv(name, *rows, ttl=60.0):
    return {Question("SRV", name): Answer(tuple(Srv(*row) for row in rows), ttl)}


def test_naptr_chooses_the_transport_that_the_domain_prefers():
    zone = {
        Question("NAPTR", "vendor.example"): Answer(
            (
                Naptr(50, 50, "s", "sips+d2t", "_sips._tcp.vendor.example"),
                Naptr(50, 10, "s", "sip+d2t", "_sip._tcp.vendor.example"),
                Naptr(90, 50, "s", "sip+d2u", "_sip._udp.vendor.example"),
                Naptr(10, 10, "s", "sip+d2s", "_sip._sctp.vendor.example"),
            )
        ),
        **srv("_sip._tcp.vendor.example", (0, 1, 5070, "one.vendor.example")),
        **srv("_sips._tcp.vendor.example", (0, 1, 5071, "one.vendor.example")),
        **a("one.vendor.example", "192.0.2.1"),
    }
    plan, asked = walk(to("vendor.example"), zone)
    assert plan.steady() == (Address("192.0.2.1", 5070, "tcp"), Address("192.0.2.1", 5071, "tls"))
    assert Question("SRV", "_sip._udp.vendor.example") not in asked
    plan, _ = walk(to("vendor.example"), zone, Abilities(("udp",), ("A",)))
    assert plan.steady() == ()  # it names UDP, and nothing answers there


def test_without_naptr_every_transport_of_ours_is_asked_for_in_our_order():
    zone = {
        **srv("_sip._tcp.vendor.example", (0, 1, 5070, "one.vendor.example")),
        **srv("_sip._udp.vendor.example", (7, 1, 5060, "one.vendor.example")),
        **a("one.vendor.example", "192.0.2.1"),
    }
    plan, _ = walk(to("vendor.example"), zone)
    assert plan.steady() == (Address("192.0.2.1", 5060, "udp"), Address("192.0.2.1", 5070, "tcp"))


def test_a_given_transport_asks_for_its_service_only():
    zone = {
        **srv("_sip._tcp.vendor.example", (0, 1, 5070, "one.vendor.example")),
        **a("one.vendor.example", "192.0.2.1"),
    }
    plan, asked = walk(to("vendor.example", 0, "tcp"), zone)
    assert plan.steady() == (Address("192.0.2.1", 5070, "tcp"),)
    assert [question.kind for question in asked] == ["SRV", "A", "AAAA"]


def test_a_given_port_needs_no_service_records():
    plan, asked = walk(to("vendor.example", 5080), a("vendor.example", "192.0.2.1", "192.0.2.2"))
    assert plan.steady() == (Address("192.0.2.1", 5080, "udp"), Address("192.0.2.2", 5080, "udp"))
    assert [question.kind for question in asked] == ["A", "AAAA"]


@pytest.mark.parametrize(
    ("transport", "port"), [("auto", 5060), ("udp", 5060), ("tcp", 5060), ("tls", 5061), ("ws", 80), ("wss", 443)]
)
def test_a_name_without_service_records_has_the_default_port(transport, port):
    plan, _ = walk(to("vendor.example", 0, transport), a("vendor.example", "192.0.2.1"))
    assert plan.steady() == (Address("192.0.2.1", port, "udp" if transport == "auto" else transport),)


def test_both_families_the_preferred_one_first():
    zone = {**a("vendor.example", "192.0.2.1"), Question("AAAA", "vendor.example"): Answer(("2001:db8::1",))}
    for families, first in (("A", "AAAA"), "192.0.2.1"), (("AAAA", "A"), "2001:db8::1"):
        plan, _ = walk(to("vendor.example", 5060), zone, Abilities(("udp",), families))
        hosts = [address.host for address in plan.steady()]
        assert hosts[0] == first
        assert len(hosts) == 2


def test_the_domain_says_that_there_is_no_such_service():
    zone = {**srv("_sip._udp.vendor.example", (0, 0, 0, "")), **a("vendor.example", "192.0.2.1")}
    plan, _ = walk(to("vendor.example", 0, "udp"), zone)
    assert plan.steady() == ()
    assert plan.sure


def test_what_cannot_be_an_address_is_left_out():
    zone = a("vendor.example", "0.0.0.0", "224.0.0.1", "192.0.2.9")
    zone[Question("AAAA", "vendor.example")] = Answer(("::", "ff02::1", "::ffff:192.0.2.1"))
    assert [address.host for address in walk(to("vendor.example", 5060), zone)[0].steady()] == ["192.0.2.9"]


def test_a_flood_of_records_is_cut():
    zone = srv("_sip._udp.vendor.example", *[(0, 1, 5060, f"h{n}.example") for n in range(500)])
    for n in range(500):
        zone.update(a(f"h{n}.example", *[f"192.0.{n % 250}.{m}" for m in range(1, 200)]))
    plan, asked = walk(to("vendor.example", 0, "udp"), zone)
    assert len(asked) <= 1 + 2 * MOST_RECORDS
    assert len(plan.steady()) == MOST_TARGETS
    assert len(plan.order(random.Random(1))) == MOST_TARGETS


def test_the_plan_holds_as_long_as_the_shortest_answer_and_is_sure_when_all_were():
    zone = {
        **srv("_sip._udp.vendor.example", (0, 1, 5060, "one.example"), ttl=300.0),
        **a("one.example", "192.0.2.1", ttl=20.0),
    }
    assert walk(to("vendor.example", 0, "udp"), zone)[0][1:] == (20.0, True)
    zone[Question("AAAA", "one.example")] = Answer(sure=False)
    plan, _ = walk(to("vendor.example", 0, "udp"), zone)
    assert not plan.sure
    assert plan.steady()


def test_weights_are_shares_within_a_priority():
    choices = [Choice(1, weight, (Address(f"192.0.2.{weight}", 5060),)) for weight in (10, 30, 60)]
    plan = Plan((Choice(2, 100, (Address("192.0.2.200", 5060),)), *choices), 60.0, True)
    source, first = random.Random(7), Counter()
    for _ in range(4000):
        order = plan.order(source)
        assert order[3].host == "192.0.2.200"
        first[order[0].host] += 1
    assert {host: round(count / 400) for host, count in first.items()} == {
        "192.0.2.10": 1,
        "192.0.2.30": 3,
        "192.0.2.60": 6,
    }


_CHOICE = st.builds(
    Choice,
    st.integers(0, 3),
    st.integers(0, 65535),
    st.lists(st.builds(Address, st.sampled_from(["192.0.2.1", "192.0.2.2", "192.0.2.3"])
                       , st.integers(1, 65535)), min_size=1, max_size=3).map(tuple),
)  # fmt: skip


@given(st.lists(_CHOICE, max_size=6), st.integers())
def test_every_order_has_each_address_once_by_priority(choices, seed):
    plan = Plan(tuple(choices), 60.0, True)
    for order in plan.order(random.Random(seed)), plan.steady():
        everything = {address for choice in choices for address in choice.addresses}
        assert set(order) <= everything
        assert len(order) == min(len(everything), MOST_TARGETS)
        if len(choices) > 1:
            lowest = {address: min(c.priority for c in choices if address in c.addresses) for address in order}
            assert [lowest[address] for address in order] == sorted(lowest[address] for address in order)


@given(st.text(max_size=300))
def test_a_name_is_normal_or_nothing(text):
    name = normal_name(text)
    assert name == "" or (normal_name(name) == name and len(name) <= 253 and name.isascii())


def test_names_that_never_exist_are_not_asked_for():
    assert normal_name("df7jal23ls0d.invalid") == ""
    assert normal_name("Vendor.Example.") == "vendor.example"


def test_literals_have_their_defaults_at_once():
    assert settled("192.0.2.1", 0, "auto") == Address("192.0.2.1", 5060, "udp")
    assert settled("2001:db8::1", 0, "tls") == Address("2001:db8::1", 5061, "tls")
    assert settled("192.0.2.1", 5070, "tcp") == Address("192.0.2.1", 5070, "tcp")
    assert settled("vendor.example", 0, "auto") == Address("vendor.example", 0, "auto")


@pytest.mark.parametrize("text", ["192.0.2.1", "192.0.2.1:5070", "2001:db8::1", "[2001:db8::1]:5070"])
def test_local_addresses_are_read_as_written(text):
    assert local_text(*local_parts(text)) == text


@pytest.mark.parametrize("text", ["", "host", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:70000", "[::1", "1.2.3.4:5:6"])
def test_other_local_addresses_are_refused(text):
    with pytest.raises(ValueError, match=r".*"):
        local_parts(text)
