"""A former configuration is let go of in short turns, and what is still held elsewhere stays."""

import gc
import weakref

from twisted.internet.task import Clock

from vosswitch.app.parting import Parting
from vosswitch.billing.rates import RateTable
from vosswitch.call.snapshot import RateGroup, Snapshot
from vosswitch.routing.gateways import RoutingGateway
from vosswitch.routing.index import GatewayIndex


class Slow(Clock):
    """A clock on which a millisecond passes whenever somebody looks."""

    def seconds(self):
        self.rightNow += 0.001
        return self.rightNow


class Prefix(str):
    """A text that can be watched."""

    __slots__ = ("__weakref__",)


def watched():
    prefixes = [Prefix(f"4{n}") for n in range(40)]
    gateways = {f"g{n}": RoutingGateway(f"g{n}", "192.0.2.1", prefixes=(prefixes[n],)) for n in range(40)}
    groups = {"r": RateGroup("r", "increment", RateTable.build([["4", 0, "1", 1, 1, "0", "0", "domestic"]]))}
    return Snapshot(gateways=GatewayIndex(gateways), rate_groups=groups), [weakref.ref(one) for one in prefixes]


def test_the_pieces_go_a_few_a_turn():
    clock = Slow()
    parting = Parting(clock)
    snapshot, seen = watched()
    parting.leave(snapshot)
    size = len(parting)
    del snapshot
    gc.collect()
    assert all(ref() is not None for ref in seen)
    turns = 0
    while clock.getDelayedCalls():
        before = len(parting)
        (turn,) = clock.getDelayedCalls()
        turn.cancel()
        parting._step()
        assert 0 < before - len(parting) <= 3
        turns += 1
    assert turns > size / 4
    assert all(ref() is None for ref in seen)


def test_what_a_call_still_holds_stays():
    clock = Clock()
    parting = Parting(clock)
    held, seen = watched()
    parting.leave(held)
    clock.advance(0)
    assert len(parting) == 0
    assert set(held.gateways.matches("411")) == {"g1", "g11"}
    assert all(ref() is not None for ref in seen)


def test_stopping_leaves_no_turn():
    clock = Slow()
    parting = Parting(clock)
    parting.leave(watched()[0])
    parting.stop()
    assert not clock.getDelayedCalls()
