"""What is known of names: for how long, who asks when, and what happens when no name server answers."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.model.values import Address
from vosswitch.sip.destinations import names as module
from vosswitch.sip.destinations.names import LONGEST, NEGATIVE, RETRY, SHORTEST, STALE, STALE_RETRY, Names
from vosswitch.sip.destinations.resolution import Abilities, Answer, Question

VENDOR = Address("vendor.example", 5060, "udp")
ONE, TWO = Address("192.0.2.1", 5060), Address("192.0.2.2", 5060)


class Bench:
    """Names on a clock of the test, and a name server that says what the test wants."""

    def __init__(self):
        self.time = 1000.0
        self.asked = []
        self.names = Names(Abilities(("udp",), ("A",)), self.asked.append, lambda: self.time, random.Random(3))

    def answer(self, *hosts, ttl=60.0, sure=True):
        """Answer everything that was asked."""
        asked, self.asked[:] = list(self.asked), []
        for question in asked:
            self.names.heard(question, Answer(hosts if question.kind == "A" else (), ttl, sure))
        return len(asked)

    def know(self, *hosts, ttl=60.0, target=VENDOR):
        assert self.names.find(target) is None
        self.answer(*hosts, ttl=ttl)

    def state(self):
        return next(self.names.listing())["state"]


@pytest.fixture
def bench():
    return Bench()


def test_a_known_name_is_answered_at_once_and_not_asked_for_again(bench):
    bench.know("192.0.2.1")
    assert bench.names.find(VENDOR) == (ONE,)
    assert bench.asked == []


def test_one_question_runs_for_all_who_ask(bench):
    heard = []
    for _ in range(50):
        assert bench.names.find(VENDOR) is None
        assert bench.names.wait(VENDOR, heard.append)
    assert bench.asked == [Question("A", "vendor.example")]
    bench.answer("192.0.2.1")
    assert heard == [(ONE,)] * 50


def test_two_names_that_need_the_same_answer_share_the_question(bench):
    other = Address("Vendor.Example", 5070, "udp")
    assert bench.names.find(VENDOR) is None
    assert bench.names.find(other) is None
    assert bench.answer("192.0.2.1") == 1
    assert bench.names.find(other) == (Address("192.0.2.1", 5070),)


@pytest.mark.parametrize(("ttl", "held"), [(0.0, SHORTEST), (60.0, 60.0), (1e9, LONGEST)])
def test_an_answer_holds_for_its_time_within_bounds(bench, ttl, held):
    bench.know("192.0.2.1", ttl=ttl)
    bench.time += held * 0.89
    bench.names.find(VENDOR)
    assert bench.asked == []
    bench.time += held * 0.02
    assert bench.names.find(VENDOR) == (ONE,)  # used on, while it is asked for anew
    assert len(bench.asked) == 1
    bench.time += held * 0.1
    assert bench.names.find(VENDOR) is None  # over: who comes now waits for the new one
    bench.answer("192.0.2.2")
    assert bench.names.find(VENDOR) == (TWO,)


def test_no_such_name_is_believed_for_a_while(bench):
    bench.know(ttl=1e9)
    assert bench.names.find(VENDOR) == ()
    assert bench.state() == "nothing"
    bench.time += NEGATIVE + 1
    assert bench.names.find(VENDOR) is None


def test_a_name_that_is_gone_is_gone(bench):
    bench.know("192.0.2.1", ttl=10.0)
    bench.time += 9.5
    bench.names.find(VENDOR)
    bench.answer()
    assert bench.names.find(VENDOR) == ()


def test_the_last_answer_serves_while_no_server_does(bench):
    """RFC 8767: a stale answer is better than none, for a day."""
    bench.know("192.0.2.1", ttl=10.0)
    bench.time += 20
    assert bench.names.find(VENDOR) is None
    heard = []
    bench.names.wait(VENDOR, heard.append)
    bench.answer(sure=False)
    assert heard == [(ONE,)]
    assert bench.names.find(VENDOR) == (ONE,)
    assert bench.state() == "stale"
    assert bench.asked == []
    bench.time += STALE_RETRY
    assert bench.names.find(VENDOR) == (ONE,)
    assert bench.answer("192.0.2.2") == 1
    assert bench.names.find(VENDOR) == (TWO,)
    assert bench.state() == "fresh"


def test_a_stale_answer_does_not_serve_for_ever(bench):
    bench.know("192.0.2.1", ttl=10.0)
    bench.time += STALE + 20
    bench.names.find(VENDOR)
    bench.answer(sure=False)
    assert not bench.names.find(VENDOR)


def test_an_unknown_name_is_asked_for_again_soon(bench):
    bench.names.find(VENDOR)
    bench.answer(sure=False)
    assert bench.names.find(VENDOR) == ()
    assert bench.state() == "no answer"
    bench.time += RETRY
    bench.names.find(VENDOR)
    assert len(bench.asked) == 1


def test_names_of_the_configuration_are_warm_without_a_call(bench):
    bench.names.keep([VENDOR, Address("192.0.2.9", 5060)])
    assert bench.answer("192.0.2.1", ttl=100.0) == 1
    for _ in range(400):
        bench.time += 1
        assert bench.names.tick()
        if bench.asked:
            assert bench.names.find(VENDOR) == (ONE,)
            bench.answer("192.0.2.1", ttl=100.0)
        assert bench.names.find(VENDOR) == (ONE,)
    bench.names.keep([])
    assert not bench.names.tick()


def test_a_gateway_that_has_no_address_is_no_name(bench):
    bench.names.keep([Address("", 0, "auto")])
    assert list(bench.names.listing()) == []
    assert bench.asked == []


def test_what_cannot_be_a_name_is_nothing_at_once(bench):
    for host in ("", "a b", "x.invalid", "-a.example", "a" * 64 + ".example"):
        target = Address(host, 5060)
        assert bench.names.find(target) == ()
        assert not bench.names.wait(target, lambda _: None)
    assert bench.asked == []


def test_names_and_questions_are_bounded(bench):
    """Contacts of peers name hosts as they like."""
    for number in range(3 * module.MOST_NAMES):
        bench.names.find(Address(f"h{number}.example", 5060))
        if number % 3:
            bench.answer("192.0.2.1")
    assert len(bench.asked) <= module.MOST_RUNNING
    assert len(list(bench.names.listing())) <= module.MOST_NAMES + module.MOST_RUNNING
    bench.names.keep([VENDOR])
    bench.answer("192.0.2.1")


def test_a_full_house_has_room_for_the_configuration(bench):
    for number in range(module.MOST_RUNNING):
        bench.names.find(Address(f"h{number}.example", 5060))
    assert bench.names.find(VENDOR) == ()  # too many questions are out
    bench.answer("192.0.2.1")
    bench.time += NEGATIVE
    bench.names.find(VENDOR)
    bench.answer("192.0.2.1")
    assert bench.names.find(VENDOR) == (ONE,)


def test_what_did_not_answer_is_tried_last_for_a_while(bench):
    bench.know("192.0.2.1", "192.0.2.2", ttl=1000.0)
    bench.names.put_aside(ONE)
    assert bench.names.find(VENDOR) == (TWO, ONE)
    bench.time += module.ASIDE
    assert bench.names.find(VENDOR) == (ONE, TWO)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["find", "tick", "wait", "answer", "fail", "keep", "drop"]),
            st.integers(0, 3),
            st.floats(0, 500),
        ),
        max_size=60,
    )
)
def test_whatever_happens_every_waiting_call_hears_once(steps):
    bench, owed, heard = Bench(), 0, []
    targets = [Address(f"h{n}.example", port) for n in (0, 1) for port in (0, 5060)]
    for step, which, seconds in steps:
        bench.time += seconds
        if step == "wait":
            bench.names.find(targets[which])
            owed += bench.names.wait(targets[which], heard.append)
        elif step == "find":
            bench.names.find(targets[which])
        elif step == "tick":
            bench.names.tick()
        elif step == "keep":
            bench.names.keep(targets[: which + 1])
        elif step == "drop":
            bench.names.keep([])
        else:
            bench.answer(*(["192.0.2.1"] if step == "answer" else []), sure=step == "answer")
    while bench.answer(sure=False):
        pass
    assert len(heard) == owed
