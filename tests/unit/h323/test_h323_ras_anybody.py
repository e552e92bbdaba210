"""Whatever anybody sends: nobody touches what is another's, and the gatekeeper's tables agree with each other."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st
from ras_world import Zone

from vosswitch.h323.addresses import write_address
from vosswitch.h323.ras import messages
from vosswitch.h323.ras.messages import Kind
from vosswitch.model.values import Address

HOSTS = ("192.0.2.11", "192.0.2.12", "192.0.2.13", "203.0.113.9")
STRANGER = HOSTS[-1]
MAY = {f"200{place}": (f"200{place}", (host,)) for place, host in enumerate(HOSTS[:-1])}
MAY["2009"] = ("2009", HOSTS[:-1])
CALLS = tuple(bytes([number]) * 16 for number in (1, 2))


def body_of(kind, number, host, key, call):
    """A request about *number*, *key* and *call* in the words of its kind."""
    place = write_address(Address(host, 1720))
    about = {"endpointIdentifier": key, "callIdentifier": {"guid": call}, "conferenceID": call, "callReferenceValue": 5}
    registration = {
        "protocolIdentifier": (0, 0, 8, 2250, 0, 4),
        "discoveryComplete": True,
        "callSignalAddress": [place],
        "rasAddress": [place],
        "terminalType": {"terminal": {}, "mc": False, "undefinedNode": False},
        "endpointVendor": {"vendor": {"t35CountryCode": 9, "t35Extension": 0, "manufacturerCode": 61}},
    }
    admission = {
        "callType": ("pointToPoint", 0),
        "destinationInfo": [("dialledDigits", number)],
        "srcInfo": [("dialledDigits", number)],
        "bandWidth": 100,
        "activeMC": False,
        "answerCall": False,
    }
    return {
        "full": (Kind.RRQ, registration | {"terminalAlias": [("dialledDigits", number)]}),
        "light": (Kind.RRQ, registration | {"keepAlive": True, "endpointIdentifier": key}),
        "leave": (Kind.URQ, {"callSignalAddress": [place], "endpointIdentifier": key}),
        "admit": (Kind.ARQ, about | admission),
        "widen": (Kind.BRQ, about | {"bandWidth": 200}),
        "end": (Kind.DRQ, about | {"disengageReason": ("normalDrop", 0)}),
    }[kind]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(("full", "full", "light", "leave", "admit", "widen", "end", "time", "anew")),
        st.sampled_from(HOSTS),
        st.sampled_from(HOSTS),
        st.sampled_from((*MAY, "9999")),
        st.integers(0, 5),
        st.sampled_from(CALLS),
    ),
    max_size=30,
)


def state_of(zone):
    """What there is of endpoints and calls."""
    return {one.identifier: (one.names, one.signalling, one.ras, set(one.calls)) for one in zone.gatekeeper.endpoints}


@settings(max_examples=150, deadline=None)
@given(STEPS, st.booleans())
@example(
    [
        ("full", HOSTS[0], HOSTS[1], "2009", 0, CALLS[0]),
        ("full", HOSTS[0], HOSTS[0], "2000", 0, CALLS[0]),
        ("leave", HOSTS[1], HOSTS[0], "2000", 1, CALLS[0]),
    ],
    False,
)
@example([("full", HOSTS[1], HOSTS[0], "2009", 0, CALLS[0]), ("leave", HOSTS[0], HOSTS[0], "2000", 1, CALLS[0])], False)
def test_nobody_touches_what_is_anothers(steps, replaces):
    """A message changes endpoints of its own address only; a new registration may take a name over where it shall.

    A gatekeeper that begins anew knows all of them, but for their calls.
    """
    zone = Zone(MAY, replace=replaces)
    keys = ["x" * 32]
    for number, (kind, source, named, alias, which, call) in enumerate(steps, 1):
        before = state_of(zone)
        if kind == "time":
            zone.desk.advance(25.0)
            zone.gatekeeper.sweep()
            continue
        if kind == "anew":
            zone.begins_anew()
            agree(zone)
            assert state_of(zone) == {key: (*one[:3], set()) for key, one in before.items()}
            continue
        what, body = body_of(kind, alias, named, keys[which % len(keys)], call)
        sent = zone.hear(what, number, body, Address(source, 1719, "ras"))
        keys += [messages.identifier(one) for one, to in sent if one.kind == Kind.RCF and to.host == source]
        after = state_of(zone)
        for key in before.keys() | after.keys():
            if before.get(key) == after.get(key):
                continue
            own = [one[1:3] for one in (before.get(key), after.get(key)) if one is not None]
            hosts = {place.host for places in own for place in places}  # of its signalling and of its RAS
            taken_over = kind == "full" and replaces and key not in after
            assert source in hosts or taken_over
        assert source != STRANGER or before == after
        agree(zone)


def agree(zone):
    """The tables, and what the switch was told."""
    endpoints = zone.gatekeeper.endpoints
    names = {name: one for one in endpoints for name in one.names}
    assert sum(len(one.names) for one in endpoints) == len(names)
    assert all(endpoints.named(name) is one for name, one in names.items())
    assert zone.desk.names.keys() == names.keys()
    assert all(one in endpoints.at(one.ras.host) and one in endpoints.at(one.signalling.host) for one in endpoints)
    assert {one.identifier for host in HOSTS for one in endpoints.at(host)} == {one.identifier for one in endpoints}
