"""Any words of the sides in any order: changes, transfers, takeovers and releases that cross each other.

Whatever crosses, nothing breaks, nothing is held behind the end, and each record's money is its length's.
"""

from __future__ import annotations

from call_world import FakeLeg, World, offer
from hypothesis import given, settings
from hypothesis import strategies as st

from vosswitch.model.causes import cause, from_sip
from vosswitch.model.signals import (
    Accept,
    Answer,
    Carried,
    Carry,
    Confirm,
    Digit,
    Offer,
    Progress,
    Refuse,
    Release,
    Replaces,
    Ring,
    Transfer,
)
from vosswitch.model.values import UNITS

WORDS = (
    Offer(offer(4100)), Offer(None), Accept(offer(5100)), Accept(None), Refuse(491), Refuse(488), Confirm(None),
    Confirm(offer(4200)), Digit("1"), Carry(1, "MESSAGE"), Carried(1, 200), Accept(offer(5101)), Accept(offer(5102)),
    Release(cause("normal")), Ring(None), Progress(offer(5200)), Answer(offer(5300)), Answer(None),
    Release(from_sip(503)),
)  # fmt: skip
KINDS = ("say",) * 16 + ("attend", "blind", "replace", "talk", "call", "time", "time", "stop")
STEPS = st.tuples(st.sampled_from(KINDS), st.integers(0, 7), st.integers(0, 63))
LONGEST = 30


class Crossing:
    """A node and every leg that there ever was."""

    def __init__(self, sync: str) -> None:
        self.world = World(parameters={"SS_GATEWAY_SWITCH_UNTIL_CONNECT": "On", "VS_JOURNAL_SYNC_ANSWER": sync})
        self.broken: list[object] = []
        self.world.board.broken = self.broken.append
        self.callers: list[FakeLeg] = []

    def legs(self) -> list[FakeLeg]:
        return self.callers + self.world.legs.placed

    def call(self, _one: int, _two: int) -> None:
        if len(self.callers) < 4:
            leg = self.world.call()
            self.callers.append(leg)

    def talk(self, one: int, two: int) -> None:
        placed = len(self.world.legs.placed)
        self.call(one, two)
        if len(self.world.legs.placed) > placed:
            self.world.out.answers(offer(5000))

    def one_of(self, number: int) -> FakeLeg | None:
        """One of the legs that are there."""
        legs = [leg for leg in self.legs() if not leg.gone and leg.listener is not None]
        return legs[number % len(legs)] if legs else None

    def say(self, number: int, word: int) -> None:
        leg = self.one_of(number)
        if leg is not None:
            words = [one for one in WORDS if self._may(leg, one)]
            leg.say(words[word % len(words)])

    def blind(self, number: int, _two: int) -> None:
        leg = self.one_of(number)
        if leg is not None and 200 <= leg.status < 300:
            leg.say(Transfer("4355"))

    def attend(self, number: int, other: int) -> None:
        leg, second = self.one_of(number), self.one_of(other)
        if leg is not None and second is not None and 200 <= leg.status < 300:
            self.world.legs.names["name"] = second, True
            leg.say(Transfer("4322", Replaces("name", "t", "f")))

    def _may(self, leg: FakeLeg, word: object) -> bool:
        """What a leg never says: an answered one no progress, one before its answer nothing of an answered one."""
        if isinstance(word, (Ring, Progress, Answer)):
            return leg.placement is not None and leg.status < 200
        if isinstance(word, Release) and leg.placement is not None and leg.status < 200:
            return word.cause.code > 0
        return True

    def replace(self, number: int, late: int) -> None:
        old = self.one_of(number)
        if old is not None and len(self.callers) < 8:
            self.world.legs.names["place"] = old, True
            leg = FakeLeg(self.world, f"new{len(self.callers)}")
            self.callers.append(leg)
            wanted = self.world.tried(session=offer(4444), replaces=Replaces("place", "t", "f"), late=bool(late % 2))
            self.world.calls.incoming(leg, wanted)

    def time(self, seconds: int, _two: int) -> None:
        self.world.clock.advance(seconds)
        self.world.journal.sync()

    def stop(self, _one: int, _two: int) -> None:
        for call in list(self.world.calls.calls.values())[:1]:
            call.stop(cause("operator_release"))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["Off", "On"]), st.lists(STEPS, max_size=LONGEST))
def test_whatever_crosses_nothing_is_held_and_every_record_is_paid(sync, steps):
    crossing = Crossing(sync)
    world = crossing.world
    for name, one, two in [("talk", 0, 0), ("talk", 0, 0), *steps]:
        getattr(crossing, name)(one, two)
    for _ in range(3):
        for leg in crossing.legs():
            if leg.listener is not None:
                leg.say(Release(cause("normal")))
    world.clock.advance(200)
    assert crossing.broken == []
    assert all(leg.gone for leg in crossing.legs())
    for leg in world.legs.placed:
        leg.late.clear()  # a leg that has hung up takes no notice of a release
    world.check_idle()
    for cdr in world.cdrs:
        seconds = cdr.hold_time or 0
        assert cdr.fee == seconds * UNITS // 100
    assert world.balances.state("c").undrained == sum(cdr.fee for cdr in world.cdrs)
