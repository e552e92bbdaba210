"""What the room counts for its operators: plain names and numbers, whatever peers send."""

from __future__ import annotations

import json

from sip_world import ANSWER, STRANGER, UAC, World

from vosswitch import sdp
from vosswitch.model.causes import cause
from vosswitch.model.signals import Answer, Carry, Release
from vosswitch.sip.transactions.flow import Statistics


def test_everything_that_is_counted_is_shown():
    world = World()
    caller = world.invite()
    leg, _ = world.calls.offered[0]
    world.put(caller.text("BYE", to=f"{caller.to};tag=x"), STRANGER)
    world.put(b"INVITE x y z and more\r\n\r\n")
    found = world.service.counted()
    assert json.loads(json.dumps(found)) == found
    assert set(Statistics.__slots__) < set(found)
    assert (found["received"], found["bad"], found["dialogs"], found["server_transactions"]) == (3, 1, 1, 1)
    assert (found["requests"], found["responses"]) == ({"BYE": 1, "INVITE": 1}, {"481": 1})
    leg.send(Release(cause("line_limit")))
    world.take()
    world.close()


def test_methods_that_peers_make_up_are_counted_as_one():
    world = World()
    caller = world.invite()
    leg, _ = world.calls.offered[0]
    leg.send(Answer(sdp.parse(ANSWER)))
    caller.join(caller.take()[-1])
    caller.ack()
    for number in range(5):
        leg.send(Carry(number, f"NOISE{number}"))
    assert {found.method for found in world.take(UAC)} == {f"NOISE{number}" for number in range(5)}
    assert world.service.counted()["sent_requests"] == {"other": 5}
    world.service.timers.stop()
