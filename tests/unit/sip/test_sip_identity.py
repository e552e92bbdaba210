"""Who calls whom, read from an INVITE by the rules of the caller's gateway."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.sip.sip_world import UAC, World
from vosswitch.model.identity import NOBODY, Diversion, Identity
from vosswitch.model.peer import PLAIN, PeerProfile
from vosswitch.sip.grammar.message import Request, Response
from vosswitch.sip.identity.identity import called_of, caller_of, connected_of, display_of, identity_of
from vosswitch.sip.identity.redirections import diversion_lines, history_lines, read_redirections

TRUSTED = PeerProfile(trusted=True)
PAI = '"Bob" <sip:4955@op.example>'
ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=1'


def invite(from_='"Alice" <sip:4930@192.0.2.10>;tag=1', to="<sip:4940@192.0.2.1>", uri="sip:4940@192.0.2.1", **more):
    headers = {"from": [from_], "to": [to]}
    headers.update({name.replace("_", "-"): [v] if isinstance(v, str) else v for name, v in more.items()})
    return Request("INVITE", uri, headers)


@pytest.mark.parametrize(
    ("sources", "more", "number"),
    [
        (("from",), {"p_asserted_identity": PAI}, "4930"),
        (("pai", "from"), {"p_asserted_identity": PAI}, "4955"),
        (("pai", "from"), {}, "4930"),
        (("pai",), {"p_asserted_identity": ["<tel:+49-(30)-1;phone-context=x>", PAI]}, "+49301"),
        (("pai",), {"p_asserted_identity": f"<sip:anonymous@op.example>, {PAI}"}, "4955"),
        (("pai",), {"p_asserted_identity": "<sip:4930;npdi;rn=4999@op.example;user=phone>"}, "4930"),
        (("pai",), {"p_asserted_identity": "<sip:%2b4930@op.example>"}, "+4930"),
        (("pai",), {"p_asserted_identity": "<sip:12%0d%0aX-Evil:1@op.example>"}, "4930"),
        (("pai",), {"p_asserted_identity": '"broken <sip:1@x>'}, "4930"),
        (("ppi",), {"p_preferred_identity": "<sip:4977@x.example>"}, "4977"),
        (("rpid",), {"remote_party_id": "<sip:1@x>;party=called, <sip:2@x>;party=calling;privacy=off"}, "2"),
        (("rpid",), {"remote_party_id": "<sip:1@x>;party=called"}, "4930"),
        (("display",), {"from_": '"+49 (30) 77" <sip:trunk@192.0.2.10>;tag=1'}, "+493077"),
        (("display", "from"), {}, "4930"),
        (("from", "pai"), {"from_": ANONYMOUS, "p_asserted_identity": PAI}, "4955"),
        (("from",), {"from_": ANONYMOUS, "p_asserted_identity": PAI}, "anonymous"),
    ],
)
def test_the_caller_is_read_from_the_first_source_that_names_one(sources, more, number):
    """An operator who names a source means it: it is read whether or not the peer is trusted."""
    assert caller_of(invite(**more), PeerProfile(caller_sources=sources)) == number


def test_what_a_trusted_peer_asserts_stands_in_for_a_hidden_from():
    request = invite(ANONYMOUS, p_asserted_identity=PAI)
    assert caller_of(request, TRUSTED) == "4955"
    assert display_of(request, TRUSTED, identity_of(request, TRUSTED)) == "Bob"
    assert caller_of(request, PLAIN) == "anonymous"


@pytest.mark.parametrize(
    ("source", "more", "number"),
    [
        ("request_uri", {}, "4940"),
        ("to", {"to": "<sip:4941@x>"}, "4941"),
        ("to", {"to": "<sip:x.example>"}, "4940"),
        ("diversion", {"diversion": "<sip:4951@x>;reason=no-answer, <sip:4952@x>"}, "4951"),
        ("diversion", {"history_info": "<sip:4952@x>;index=1, <sip:4953@x;cause=302>;index=1.1"}, "4952"),
        ("diversion", {}, "4940"),
    ],
)
def test_the_called_number_is_read_where_the_gateway_says(source, more, number):
    assert called_of(invite(**more), source) == number


ASSERTED = {
    "p_asserted_identity": PAI,
    "p_charge_info": "<sip:4999@op.example;user=phone>;npi=ISDN;noa=3",
    "diversion": '"Desk" <sip:4951@op.example>;reason=user-busy;counter=2;privacy=full, <sip:4952@op.example>',
}


def test_what_a_trusted_peer_asserts_is_believed():
    assert identity_of(invite(privacy="id;critical", **ASSERTED), TRUSTED) == Identity(
        asserted="4955",
        asserted_display="Bob",
        private=True,
        privacy=("critical", "id"),
        charge="4999",
        diversions=(
            Diversion("4951", "user-busy", 2, "op.example", "Desk", private=True),
            Diversion("4952", "unknown", 1, "op.example"),
        ),
    )


def test_what_an_untrusted_peer_asserts_is_dropped():
    assert identity_of(invite(**ASSERTED), PLAIN) is NOBODY
    assert identity_of(invite(**ASSERTED), PeerProfile(caller_sources=("pai",))) is NOBODY


@pytest.mark.parametrize(
    ("more", "private"),
    [
        ({}, False),
        ({"privacy": "id"}, True),
        ({"privacy": "ID; header"}, True),
        ({"privacy": "user,id"}, True),
        ({"privacy": "none"}, False),
        ({"privacy": "session"}, False),
        ({"from_": ANONYMOUS}, True),
        ({"from_": "<sip:Restricted@192.0.2.10>;tag=1"}, True),
        ({"remote_party_id": "<sip:4930@x>;party=calling;privacy=full"}, True),
        ({"remote_party_id": "<sip:4930@x>;party=calling;privacy=off"}, False),
    ],
)
@pytest.mark.parametrize("profile", [PLAIN, TRUSTED])
def test_the_wish_for_privacy_needs_no_trust(more, private, profile):
    assert identity_of(invite(**more), profile).private is private


def test_history_is_read_as_redirections_latest_first():
    request = invite(
        history_info=[
            "<sip:1@x>;index=1",
            "<sip:2@x;cause=302>;index=1.1;mp=1, <sip:3@x;cause=408?Privacy=history>;index=1.1.1",
            "<sip:4@x;cause=380>;index=1.1.1.1",
            "<sip:5@x;cause=486>;index=1.1.1.1.1",
        ]
    )
    found = [(item.number, item.reason, item.private) for item in read_redirections(request)]
    assert found == [("4", "user-busy", False), ("2", "no-answer", False), ("1", "unconditional", False)]


def test_redirections_are_written_both_ways_and_read_back():
    """The private one is not told to those who are not trusted."""
    steps = (Diversion("3", "no-answer"), Diversion("2", "user-busy", private=True), Diversion("1", "unconditional"))
    for lines in (diversion_lines(steps, "h", hidden=False), history_lines(steps, "9", "h", hidden=False)):
        name, _, _ = lines[0].partition(":")
        again = read_redirections(Request("INVITE", "sip:9@h", {name.lower(): [line.split(": ")[1] for line in lines]}))
        assert [(item.number, item.reason, item.private) for item in again] == [
            (item.number, item.reason, item.private) for item in steps
        ]
    assert not any("sip:2@" in line for line in diversion_lines(steps, "h", hidden=True))
    assert not any("sip:2@" in line for line in history_lines(steps, "9", "h", hidden=True))


def test_who_answers_is_read_from_trusted_peers_only():
    response = Response(200, "OK", {"p-asserted-identity": [PAI], "privacy": ["id"]})
    assert connected_of(response, PLAIN) is NOBODY
    assert connected_of(response, TRUSTED) == Identity("4955", "Bob", private=True, privacy=("id",))
    assert connected_of(Response(200, "OK", {}), TRUSTED) is NOBODY


TEXT = st.text(st.sampled_from('<>"@:;=,?&%0dA1+-. \\siptel\r\n\t\x00é'), max_size=60) | st.text(max_size=30)


@given(
    values=st.lists(TEXT, min_size=1, max_size=4),
    name=st.sampled_from(
        ["p-asserted-identity", "p-preferred-identity", "remote-party-id", "diversion", "history-info", "privacy",
         "p-charge-info"]
    ),
)  # fmt: skip
@example(values=["<sip:1%0d%0aX: y@h>"], name="p-asserted-identity")
@example(values=["<sip:1@h>," * 400], name="diversion")
def test_nothing_that_is_read_raises_or_holds_a_line_break(values, name):
    request = invite(**{name: values})
    everything = PeerProfile(trusted=True, caller_sources=("pai", "ppi", "rpid", "display", "from"))
    identity = identity_of(request, everything)
    assert len(identity.diversions) <= 10
    texts = [identity.asserted, identity.charge, caller_of(request, everything), called_of(request, "diversion")]
    texts += [item.number for item in identity.diversions]
    for text in texts:
        assert len(text) <= 64
        assert text.isprintable()
    for line in [
        *diversion_lines(identity.diversions, "h", False),
        *history_lines(identity.diversions, "9", "h", False),
    ]:
        assert len(line) < 1000


@pytest.fixture
def world():
    world = World()
    yield world
    world.close()


def test_a_call_is_offered_as_its_gateway_reads_it(world):
    world.credentials.profiles[UAC[0]] = replace(TRUSTED, caller_sources=("rpid",), callee_source="to")
    caller = world.invite(to="<sip:4949@192.0.2.1>", remote_party_id="<sip:4930777@x>;privacy=full")
    leg, tried = world.calls.offered[0]
    assert (tried.caller, tried.callee, tried.callee_source) == ("4930777", "4949", "to")
    assert tried.identity == Identity("4930777", private=True)
    assert leg.profile is world.credentials.profiles[UAC[0]]
    caller.request("CANCEL", to="<sip:4949@192.0.2.1>")
    assert caller.statuses()[-1] == 487
