"""A call that a vendor sends back is refused while we wait for its answer, and no other call is."""

from tests.unit.call.call_world import World, by_name, mapping, routing
from vosswitch.model.signals import Release
from vosswitch.model.values import Address

VENDOR = Address("192.0.2.100", 5060)


def world():
    """The vendor of route r1 is a customer too."""
    return World(
        mapping_gateways=by_name(mapping("m"), mapping("back", addresses=[VENDOR.host])),
        routing_gateways=by_name(routing("r1")),
    )


def test_a_call_that_comes_back_is_refused():
    here = world()
    here.call()
    again = here.call(source=VENDOR)
    assert [type(signal) for signal in again.told] == [Release]
    assert again.told[0].cause.reason == "loop_detected"
    assert again.told[0].cause.status == 482
    assert here.cdr.end_reason == "loop_detected"
    assert len(here.calls.calls) == 1


def test_another_number_of_the_same_vendor_is_no_loop():
    here = world()
    here.call()
    here.call(source=VENDOR, callee="4399999")
    assert len(here.calls.calls) == 2


def test_another_port_of_the_same_host_is_no_loop():
    here = world()
    here.call()
    here.call(source=VENDOR._replace(port=5999))
    assert len(here.calls.calls) == 2


def test_an_answered_call_is_not_waited_for_any_more():
    here = world()
    here.talk()
    here.call(source=VENDOR)
    assert len(here.calls.calls) == 2


def test_nothing_is_kept_of_attempts_that_ended():
    here = world()
    for _ in range(3):
        here.call()
        here.out.fails(503)
    here.talk()
    here.calls.stop_all()
    assert len(here.board.loops) == 0
