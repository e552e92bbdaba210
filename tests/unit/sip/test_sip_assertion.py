"""How a caller is shown to the peer that is called."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.sip.sip_world import ANSWER, UAS, World, reply
from vosswitch.model.call import Placement
from vosswitch.model.identity import NOBODY, Diversion, Identity
from vosswitch.model.peer import PLAIN, PeerProfile
from vosswitch.model.values import Address
from vosswitch.sip.identity.assertion import ANONYMOUS, connected_lines, shown

KNOWN = Identity("4955", "Boss", charge="4999", diversions=(Diversion("4951", "user-busy", private=True),))
HIDDEN = replace(KNOWN, private=True, privacy=("id",))
EVERYTHING = ("pai", "ppi", "rpid", "charge")


def told(identity=NOBODY, privacy="pass", headers=(), caller="4930", display="Alice", username=None, **profile):
    placement = Placement(
        "1", caller, "4940", Address(*UAS), None, display, username=username, profile=PeerProfile(**profile),
        identity=identity, privacy=privacy, headers=headers, account="100200",
    )  # fmt: skip
    found = shown(placement, "192.0.2.1", "ours/1")
    lines = dict(line.split(": ", 1) for line in found.lines)
    assert len(lines) == len(found.lines)
    return found.local, found.user, lines


def test_without_any_setting_only_from_names_the_caller():
    assert told() == ('"Alice" <sip:4930@192.0.2.1>', "4930", {"User-Agent": "ours/1"})


@pytest.mark.parametrize(
    ("profile", "local"),
    [
        ({"from_user": "username", "username": "trunk7"}, '"Alice" <sip:trunk7@192.0.2.1>'),
        ({"from_user": "username"}, '"Alice" <sip:4930@192.0.2.1>'),
        ({"from_user": "asserted", "trusted": True}, '"Alice" <sip:4955@192.0.2.1>'),
        ({"from_user": "asserted"}, '"Alice" <sip:4930@192.0.2.1>'),
        ({"from_domain": "op.example"}, '"Alice" <sip:4930@op.example>'),
        ({"from_domain": "2001:db8::1"}, '"Alice" <sip:4930@[2001:db8::1]>'),
    ],
)
def test_from_is_written_as_the_gateway_wants_it(profile, local):
    assert told(KNOWN, **profile)[0] == local


def test_what_others_assert_is_told_to_trusted_peers_only():
    _, _, lines = told(KNOWN, trusted=True, identity_headers=EVERYTHING)
    assert lines["P-Asserted-Identity"] == '"Boss" <sip:4955@192.0.2.1>'
    assert lines["P-Preferred-Identity"] == '"Boss" <sip:4955@192.0.2.1>'
    assert lines["Remote-Party-ID"] == '"Boss" <sip:4955@192.0.2.1>;party=calling;screen=yes;privacy=off'
    assert lines["P-Charge-Info"] == "<sip:4999@192.0.2.1>"
    _, _, lines = told(KNOWN, identity_headers=EVERYTHING)
    assert lines["P-Asserted-Identity"] == '"Alice" <sip:4930@192.0.2.1>'
    assert lines["P-Charge-Info"] == "<sip:4930@192.0.2.1>"
    assert "4955" not in str(lines)


def test_a_private_caller_is_nobody_to_an_untrusted_peer():
    personal = (("subject", "call of Alice"), ("x-number", "tel 00493012"), ("x-harmless", "7"))
    local, user, lines = told(
        HIDDEN, identity_headers=EVERYTHING, diversion="both", headers=personal, headers_out=("*",), caller="+493012"
    )
    assert (local, user) == (ANONYMOUS, "")
    assert lines == {"User-Agent": "ours/1", "Privacy": "id", "X-Harmless": "7"}


def test_a_private_caller_is_named_to_a_trusted_peer_in_what_privacy_covers():
    local, user, lines = told(HIDDEN, trusted=True, identity_headers=("pai", "rpid"), diversion="diversion")
    assert (local, user) == (ANONYMOUS, "")
    assert lines["P-Asserted-Identity"] == '"Boss" <sip:4955@192.0.2.1>'
    assert lines["Remote-Party-ID"].endswith("privacy=full")
    assert lines["Privacy"] == "id"
    assert lines["Diversion"] == "<sip:4951@192.0.2.1>;reason=user-busy;privacy=full"


def test_a_trunk_that_wants_its_own_name_keeps_it_for_private_calls():
    local, user, _ = told(HIDDEN, from_user="username", username="trunk7")
    assert (local, user) == ('"Anonymous" <sip:trunk7@192.0.2.1>', "trunk7")


@pytest.mark.parametrize(
    ("policy", "identity", "private", "header"),
    [
        ("pass", NOBODY, False, None),
        ("pass", Identity(private=True), True, "id"),
        ("pass", Identity(private=True, privacy=("critical", "user")), True, "id;critical;user"),
        ("pass", Identity(privacy=("none",)), False, "none"),
        ("id", NOBODY, True, "id"),
        ("none", HIDDEN, False, "none"),
        ("ignore", HIDDEN, True, None),
        ("ignore", NOBODY, False, None),
    ],
)
def test_privacy_by_policy(policy, identity, private, header):
    local, _, lines = told(identity, policy, identity_headers=("pai",))
    assert (local == ANONYMOUS) is private
    assert lines.get("Privacy") == header
    assert ("P-Asserted-Identity" in lines) is not private


def test_a_policy_of_no_privacy_shows_the_asserted_number_behind_an_anonymous_from():
    local, _, _ = told(replace(HIDDEN, asserted="4955"), "none", caller="anonymous", display="", trusted=True)
    assert local == "<sip:4955@192.0.2.1>"


def test_headers_pass_when_both_lists_let_them_and_lines_are_added():
    _, _, lines = told(
        headers=(("x-account", "7"), ("x-other", "8")), headers_out=("x-account",), add_headers=("X-Carrier: 17",)
    )
    assert lines == {"User-Agent": "ours/1", "X-Carrier": "17", "X-Account": "7"}


@pytest.mark.parametrize(("setting", "shown_as"), [("", "ours/1"), ("-", None), ("Box 1", "Box 1")])
def test_our_name_is_hidden_or_set(setting, shown_as):
    assert told(user_agent=setting)[2].get("User-Agent") == shown_as


def test_who_answers_is_told_to_trusted_callers_only():
    answered = Identity("4940", "Bob", private=True)
    lines = connected_lines(answered, PeerProfile(trusted=True), "h")
    assert lines == ['P-Asserted-Identity: "Bob" <sip:4940@h>', "Privacy: id"]
    assert connected_lines(answered, PLAIN, "h") == []


@pytest.fixture
def world():
    world = World()
    yield world
    world.close()


def rejected(world, **changes):
    """The INVITE of a call that is then refused."""
    world.place(**changes)
    invite = world.one(UAS)
    world.put(reply(invite, 486), UAS)
    return invite


def test_the_invite_of_a_private_call_names_nobody(world):
    invite = rejected(world, identity=Identity(private=True), display="Alice", caller="4930777")
    assert str(invite.from_).startswith(ANONYMOUS)
    assert invite.contacts[0].uri.user == ""
    assert "4930777" not in str({name: v for name, v in invite.headers.items() if name != "authorization"})


def test_a_challenged_invite_says_the_same_again(world):
    world.place(username="u", password="p", profile=PeerProfile(identity_headers=("pai",), user_agent="-"))
    first = world.one(UAS)
    world.put(reply(first, 401, www_authenticate='Digest realm="r", nonce="n", qop="auth"'), UAS)
    _, second = world.take(UAS)
    assert "user-agent" not in second.headers
    assert second.headers["p-asserted-identity"] == first.headers["p-asserted-identity"]
    world.put(reply(second, 486), UAS)


@given(
    st.text(max_size=20), st.text(max_size=20), st.text(max_size=20), st.text(max_size=20), st.booleans(),
)  # fmt: skip
def test_no_value_can_add_a_header(caller, display, asserted, value, private):
    world = World()
    identity = Identity(asserted, display, private, charge=value, diversions=(Diversion(asserted, display=display),))
    profile = PeerProfile(
        trusted=True,
        identity_headers=EVERYTHING,
        diversion="both",
        from_user="asserted",
        headers_out=("*",),
        large="udp",
    )
    invite = rejected(
        world, caller=caller, display=display, identity=identity, profile=profile, headers=(("x-a", value),)
    )
    known = {"p-asserted-identity", "p-preferred-identity", "remote-party-id", "p-charge-info", "privacy", "x-a"}
    protocol = {"via", "max-forwards", "from", "to", "call-id", "cseq", "contact", "allow", "user-agent", "supported"}
    protocol |= {"session-expires"}
    assert set(invite.headers) <= known | protocol | {"content-type", "content-length", "diversion", "history-info"}
    assert all(len(values) == 1 for name, values in invite.headers.items() if name in known)
    world.put(reply(invite, 200, ANSWER), UAS)
