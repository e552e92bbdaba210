"""RSeq, RAck, the policy, and the order of reliable provisional responses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.sip.legs.reliable import RAck, Receiver, Sender, Word, read_rack, read_rseq, refusal

RING = Word(180, None)
MEDIA = Word(183, object())


@pytest.mark.parametrize(
    ("text", "number"),
    [("1", 1), (" 4294967295 ", 4294967295), ("4294967296", None), ("0", None), ("", None), ("x", None), (None, None)],
)
def test_rseq(text, number):
    assert read_rseq(text) == number


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("776656 1 INVITE", RAck(776656, 1, "INVITE")),
        ("1 1", None),
        ("1 x INVITE", None),
        ("1 1 INVITE 1", None),
        (None, None),
    ],
)
def test_rack(text, found):
    assert read_rack(text) == found


@given(st.text())
def test_any_text_is_read_without_harm(text):
    read_rseq(text)
    read_rack(text)


@pytest.mark.parametrize(
    ("policy", "required", "supported", "status"),
    [
        ("off", False, True, None),
        ("off", True, True, 420),
        ("supported", False, False, None),
        ("supported", True, False, None),
        ("required", False, False, 421),
        ("required", False, True, None),
        ("required", True, False, None),
    ],
)
def test_policy(policy, required, supported, status):
    found = refusal(policy, required=required, supported=supported)
    assert (found and found[0]) == status


def test_one_at_a_time_and_in_order():
    sender = Sender(100)
    assert sender.give(RING)
    assert not sender.give(MEDIA)
    assert sender.owes_session
    assert sender.take(RAck(100, 2, "INVITE"), 1) is None
    assert sender.take(RAck(101, 1, "INVITE"), 1) is None
    assert sender.take(RAck(100, 1, "UPDATE"), 1) is None
    assert sender.take(None, 1) is None
    assert sender.take(RAck(100, 1, "INVITE"), 1) == RING
    assert sender.take(RAck(100, 1, "INVITE"), 1) is None
    assert (sender.following(), sender.rseq) == (MEDIA, 101)
    assert sender.following() is None
    assert sender.owes_session
    sender.take(RAck(101, 1, "INVITE"), 1)
    assert not sender.owes_session


@given(st.lists(st.sampled_from([RING, Word(181, None), Word(182, None), MEDIA]), max_size=40))
def test_what_waits_is_bounded_and_numbers_rise_by_one(words):
    sender = Sender(7)
    for word in words:
        sender.give(word)
    sent = []
    while sender.pending is not None:
        sent.append(sender.take(RAck(7 + len(sent), 1, "INVITE"), 1))
        sender.following()
    assert len(sent) <= 10
    assert (MEDIA in words) == (MEDIA in sent)


@given(st.integers(1, 2**32 - 1), st.lists(st.integers(-2, 3), max_size=30))
def test_only_the_next_one_is_new(first, steps):
    receiver, heard = Receiver(), first
    assert receiver.hear(first)
    for step in steps:
        assert receiver.hear(heard + step) == (step == 1)
        heard += step == 1
