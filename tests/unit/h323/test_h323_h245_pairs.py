"""Two of our sessions with each other, in every order that a line allows."""

from __future__ import annotations

from h245_desk import description, fax, names_of, where
from h245_pair import Pair
from hypothesis import given, settings
from hypothesis import strategies as st

CODECS = ["PCMA", "PCMU", "G729", "G723"]
HOSTS = ("192.0.2.1", "192.0.2.2")
drawn = st.integers(0, (1 << 24) - 1)
numbers = st.tuples(st.lists(drawn, max_size=3), st.lists(drawn, min_size=4, max_size=4, unique=True)).map(
    lambda parts: ((*parts[0], *parts[1][:2]), (*parts[0], *parts[1][2:]))
)
"""What each side draws: at first perhaps the same, then something else."""
orders = st.lists(st.integers(0, 1), max_size=60)
lists = st.lists(st.sampled_from(CODECS), min_size=1, max_size=4, unique=True)


def offer(which, codecs=("PCMA", "G729"), port=4000, lines=()):
    return description(*codecs, host=HOSTS[which], port=port + which, lines=lines)


def joined(pair, one=("PCMA", "G729"), two=("PCMA", "G729")):
    """Both sides with their offers, media standing."""
    for which, codecs in enumerate((one, two)):
        pair.desks[which].session.offer(offer(which, codecs))
    pair.desks[0].session.begin()
    pair.run()
    return pair.desks


def stands(pair, ports=(4000, 4000)):
    """Media stands both ways, and each side was told the other one's address."""
    for which, desk in enumerate(pair.desks):
        assert where(desk.openeds[-1]) == (HOSTS[1 - which], ports[1 - which] + 1 - which)
        assert len(desk.live) == 1
        assert not desk.failures


@settings(deadline=None, max_examples=100)
@given(numbers, orders, st.permutations(["offer0", "offer1", "begin0", "begin1"]), lists, lists)
def test_media_stands_whatever_comes_first(draws, order, starts, first, second):
    """Offers, beginnings and messages in any order: one `opened` each, one master, one channel each way."""
    common = [name for name in first if name in second]
    pair = Pair(*draws)
    waiting = list(starts)
    for which in order:
        if waiting and not pair.lines[which]:
            start(pair, waiting.pop(0), (first, second))
        pair.step(which)
    for what in waiting:
        start(pair, what, (first, second))
    pair.run()
    if not common:
        assert all(desk.failures == ["no codec in common"] and not desk.openeds for desk in pair.desks[:1])
        return
    stands(pair)
    assert [len(desk.openeds) for desk in pair.desks] == [1, 1]
    assert {desk.session.master for desk in pair.desks} == {True, False}
    for which, desk in enumerate(pair.desks):
        ours = (first, second)[which]
        assert names_of(desk.openeds[0])[0] == next(name for name in ours if name in common)


def start(pair, what, codecs):
    which = int(what[-1])
    if what.startswith("offer"):
        pair.desks[which].session.offer(offer(which, codecs[which]))
    else:
        pair.desks[which].session.begin()


@settings(deadline=None, max_examples=100)
@given(orders, st.integers(0, 40), st.booleans())
def test_what_comes_twice_changes_nothing(order, at, late):
    """A message that is delivered again: media stands all the same."""
    pair = Pair()
    for which, desk in enumerate(pair.desks):
        desk.session.offer(offer(which))
    pair.desks[0].session.begin()
    delivered = 0
    for which in order * 3:
        if delivered == at and pair.lines[which]:
            pair.lines[which].append(pair.lines[which][0]) if late else pair.lines[which].appendleft(
                pair.lines[which][0]
            )
        delivered += pair.step(which)
    pair.run()
    stands(pair)
    assert [len(desk.openeds) for desk in pair.desks] == [1, 1]
    assert {desk.session.master for desk in pair.desks} == {True, False}


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 14), st.booleans(), st.integers(0, 1))
def test_a_line_that_dies_ends_both(after, whole, dead):
    """Whatever was on its way: each side says once that it failed, or media stands; and no timer is left."""
    pair = Pair()
    for which, desk in enumerate(pair.desks):
        desk.session.offer(offer(which))
        desk.session.begin()
    for _ in range(after):
        pair.step(0) | pair.step(1)
    for _ in range(100):
        pair.lines[dead].clear()
        if whole:
            pair.lines[1 - dead].clear()
        pair.clock.advance(5)
        if not whole:
            pair.step(1 - dead)
    for desk in pair.desks:
        assert len(desk.failures) <= 1
        desk.session.end()
        desk.session.end()
        desk.session.take(("request", ("roundTripDelayRequest", {"sequenceNumber": 1})))
    assert not pair.clock.timers
    if whole and after <= 2:
        assert all(desk.failures for desk in pair.desks)


changes = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from(["port", "codec", "hold", "recvonly", "sendonly", "active", "fax"])),
    max_size=6,
)


class Legs:
    """What the legs and the far sides do: a change of the peer is answered with its mirror."""

    def __init__(self, pair):
        self.pair = pair
        self.wants = [{"codecs": ("PCMA", "G729"), "port": 4000, "lines": ()} for _ in pair.desks]
        self.images = [False, False]
        self.seen = [[0, 0], [0, 0]]

    def said(self, which):
        return (
            fax(HOSTS[which], self.wants[which]["port"] + which)
            if self.images[which]
            else offer(which, **self.wants[which])
        )

    def answer(self):
        """The far sides' answers to what the sessions have told."""
        for which, desk in enumerate(self.pair.desks):
            capables, askeds = len(desk.capables), len(desk.askeds)
            if askeds > self.seen[which][1]:
                self.images[which] = desk.askeds[-1].media[0].kind == "image"
                desk.session.offer(self.said(which))
            elif capables > self.seen[which][0]:
                held = "a=inactive" in desk.capables[-1].media[0].lines
                desk.session.offer(offer(which, **self.wants[which] | {"lines": ("a=inactive",) if held else ()}))
            self.seen[which] = [capables, askeds]

    def settle(self, order=()):
        for which in order:
            self.pair.step(which)
        for _ in range(20):
            self.pair.run()
            before = [list(item) for item in self.seen]
            self.answer()
            if before == self.seen and not any(self.pair.lines):
                return
        raise AssertionError("the sides never agree")

    def wait(self):
        """Long enough for what only time settles."""
        self.pair.clock.advance(11)
        self.settle()

    def change(self, which, what):
        """One change of the far side of *which*."""
        wants = self.wants[which]
        if what == "fax":
            self.images[which] = True
        elif what in ("hold", "recvonly", "sendonly"):
            wants["lines"] = ("a=inactive" if what == "hold" else f"a={what}",)
        else:
            self.images[which] = False
            wants["lines"] = ()
            wants["port"] += 10 if what == "port" else 0
            wants["codecs"] = wants["codecs"][::-1] if what == "codec" else wants["codecs"]
        self.pair.desks[which].session.offer(self.said(which))


@settings(deadline=None, max_examples=100)
@given(changes, orders)
def test_changes_come_to_an_end_and_media_stands_again(asked, order):
    """Holds, moves and fax from either side, one after the other; at the end both are as at first."""
    pair = Pair()
    joined(pair)
    legs = Legs(pair)
    legs.seen = [[len(desk.capables), 0] for desk in pair.desks]
    for which, what in asked:
        told = [len(desk.openeds) + len(desk.refusals) for desk in pair.desks]
        legs.change(which, what)
        legs.settle(order)
        legs.wait()
        desk = pair.desks[which]
        assert len(desk.openeds) + len(desk.refusals) > told[which], (what, desk.refusals)
        assert not desk.failures
    for which in (0, 1):
        legs.change(which, "active")
        legs.settle(order)
    assert [desk.failures for desk in pair.desks] == [[], []]
    stands(pair, [wants["port"] for wants in legs.wants])
    assert {desk.session.master for desk in pair.desks} == {True, False}


def test_identical_numbers_are_drawn_again():
    """Both sides draw the same number twice; the third ones differ."""
    pair = Pair((5, 5, 9), (5, 5, 11))
    joined(pair)
    stands(pair)
    assert [desk.session.master for desk in pair.desks] == [True, False]


def test_numbers_that_never_differ_end_both():
    """N100 determinations, and no end of it in sight."""
    pair = Pair((5,), (5,))
    for which, desk in enumerate(pair.desks):
        desk.session.offer(offer(which))
        desk.session.begin()
    pair.run()
    assert pair.desks[0].failures == pair.desks[1].failures == ["master/slave determination came to nothing"]
    assert [desk.mismatch for desk in pair.desks] == [False, False]
    assert not pair.clock.timers
