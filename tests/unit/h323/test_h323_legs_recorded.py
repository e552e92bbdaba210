"""Legs against recorded peers: h323plus, Asterisk's ooh323, Yate, through a gatekeeper or not."""

from __future__ import annotations

import pytest

from tests.support.h323.script import calls
from tests.unit.h323.legs_world import answering, codec, session, where
from tests.unit.h323.recorded_world import THEIRS, Recorded
from vosswitch.h323 import h225
from vosswitch.model.causes import cause
from vosswitch.model.signals import Answer, Release, Try

OURS = session("192.0.2.10", 4000, "8 0 18 4 101")
CALLS = calls()
ANSWERED = [name for name, call in CALLS.items() if call.answered]
REFUSED = [name for name, call in CALLS.items() if not call.answered]


@pytest.mark.parametrize("name", ANSWERED)
def test_a_recorded_peer_answers(name: str) -> None:
    played = Recorded(CALLS[name], "called", offer=OURS).play()
    assert len(played.call.all(Answer)) == 1
    assert where(played.call.described()) == THEIRS
    assert codec(played.call.described()) in OURS.media[0].formats
    assert len(played.call.all(Release)) <= 1
    for release in played.call.all(Release):
        assert release.cause.reason == "normal"
    played.leg.send(Release(cause("normal")))
    played.world.run(5)
    assert not played.wire.open
    assert not played.leg.alarms


@pytest.mark.parametrize("name", REFUSED)
def test_a_recorded_peer_refuses(name: str) -> None:
    played = Recorded(CALLS[name], "called", offer=OURS).play()
    assert played.call.all(Answer) == []
    (release,) = played.call.all(Release)
    assert release.cause.q850 == CALLS[name].cause
    assert played.world.waiting == 0


@pytest.mark.parametrize("name", ANSWERED)
def test_a_recorded_peer_calls(name: str) -> None:
    played = Recorded(CALLS[name], "caller", answering(OURS)).play()
    (offered,) = played.call.all(Try)
    assert (offered.caller, offered.callee) == ("4930123", "442071234567")
    assert (offered.session is not None) is CALLS[name].fast_start
    assert where(played.call.described()) == THEIRS
    assert "Connect" in played.wire.kinds()
    assert (played.wire.last(h225.Connect).fast_start is not None) is CALLS[name].fast_start
    assert len(played.call.all(Release)) <= 1
    played.leg.send(Release(cause("normal")))
    played.world.run(5)
    assert not played.wire.open
    assert not played.leg.alarms
