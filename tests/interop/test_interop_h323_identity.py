"""Who calls, between H.323 and SIP: numbers with type, plan, presentation and screening; withheld ones reach nobody."""

from __future__ import annotations

import pytest

from tests.support.h323 import through
from tests.support.h323.script import uuie
from tests.support.peer import SDP, accepted
from vosswitch.h323 import q931
from vosswitch.h323.elements import read_party
from vosswitch.sip.grammar.message import render

NUMBER = "4312345"
INTERNATIONAL = 0x91
RESTRICTED, ALLOWED = 0xA0, 0x80
NETWORK, PASSED, USER = 3, 1, 0


def everything(endpoint):
    """All that an endpoint heard, as text: the octets and what they decode to."""
    heard = [each for each in endpoint.said if each.way == "heard" and each.data]
    assert any("Setup" in each.what for each in heard)
    return repr([(each.data, uuie(each.data) if each.channel == "signal" else "") for each in heard])


def by_sip(case, caller, vendor, *headers, from_=None):
    """A call by SIP to an endpoint, over; gives its Setup's calling party and the UUIE."""
    invite = caller.request("INVITE", case.number, SDP)
    if from_:
        invite.headers["from"] = [from_ + invite.headers["from"][0].partition(">")[2]]
    for name, value in headers:
        invite.add(name, value)
    caller.send(invite)
    answered = caller.expect(accepted("INVITE"))
    caller.send(caller.request("ACK", "", answered=answered))
    caller.send(caller.request("BYE", "", answered=answered))
    caller.expect(accepted("BYE"))
    vendor.finish()
    through.well_formed(vendor)
    setup = vendor.heard("Setup")[0].data
    return q931.decode(setup), uuie(setup)["h323-message-body"][1]


WITHHELD = {
    "pai": ([("p-asserted-identity", f'"Boss" <sip:{NUMBER}@a.example>'), ("privacy", "id")], None),
    "anonymous": (
        [("p-asserted-identity", f'"Boss" <sip:{NUMBER}@a.example>'), ("privacy", "id")],
        '"Anonymous" <sip:anonymous@anonymous.invalid>',
    ),
    "rpid": ([("remote-party-id", f'"Boss" <sip:{NUMBER}@a.example>;privacy=full;screen=yes')], None),
    "user": ([("privacy", "user")], f'"Boss" <sip:{NUMBER}@a.example>'),
    "diverted": (
        [("privacy", "id"), ("diversion", f"<sip:{NUMBER}@a.example>;reason=no-answer;privacy=full")],
        f'"Boss" <sip:{NUMBER}@a.example>',
    ),
}


@pytest.mark.parametrize("name", ["fast", "slowsep"])
@pytest.mark.parametrize("how", list(WITHHELD))
@pytest.mark.parametrize("more", ["", 'from_display = "caller"', 'diversion = "both"\nh323_screening = "network"'])
def test_a_number_withheld_by_sip_is_nowhere_in_what_a_stranger_hears(h323_case, sip_caller, how, more, name):
    case = h323_case
    headers, from_ = WITHHELD[how]
    case.begin(access="trusted = true", vendor=through.vendor_like(name, more))
    vendor = through.called(case, name, patient=True)
    message, body = by_sip(case, sip_caller, vendor, *headers, from_=from_)
    assert message.element(q931.CALLING)[1] & 0x60 == 0x20
    assert "sourceAddress" not in body
    told = everything(vendor)
    assert NUMBER not in told
    assert "Boss" not in told
    assert case.cdr()["caller"] == NUMBER


@pytest.mark.parametrize("how", list(WITHHELD))
def test_a_trusted_vendor_is_told_number_and_wish(h323_case, sip_caller, how):
    case = h323_case
    headers, from_ = WITHHELD[how]
    case.begin(access="trusted = true", vendor=through.vendor_like("fast", "trusted = true"))
    vendor = through.called(case, "fast", patient=True)
    message, body = by_sip(case, sip_caller, vendor, *headers, from_=from_)
    party = read_party(message.element(q931.CALLING))
    screening = "network" if how in ("pai", "anonymous", "rpid") else "user"
    assert (party.number, party.presentation, party.screening) == (NUMBER, "restricted", screening)
    assert ("dialledDigits", NUMBER) in body["sourceAddress"]
    assert body["presentationIndicator"][0] == "presentationRestricted"


@pytest.mark.parametrize("calling", [bytes((0x01, RESTRICTED)), bytes((0x11, RESTRICTED | NETWORK)), b"\x01\xc3"])
@pytest.mark.parametrize("trusted", [False, True])
def test_a_number_withheld_by_h323(h323_case, sip_vendor, calling, trusted):
    """A SIP vendor that is not trusted hears of nobody; a trusted one of number and wish; display names stay here."""
    case = h323_case
    said = "trusted = true" if trusted else ""
    case.begin(access=f"{through.CUSTOMER}\ntrusted = true", vendor=f'identity_headers = ["pai", "rpid"]\n{said}')
    caller = through.caller(case, "fast", patient=True, calling=calling)
    invite = sip_vendor.expect("INVITE")
    sip_vendor.reply(invite, 200, SDP)
    sip_vendor.expect("ACK")
    sip_vendor.send(sip_vendor.within(invite, "BYE"))
    sip_vendor.expect(accepted("BYE"))
    caller.finish()
    assert "anonymous.invalid" in invite.get("from")
    assert invite.get("privacy") == "id"
    text = render(invite).decode()
    assert "alice" not in invite.get("from")
    if trusted and calling[1] & 3 == NETWORK:
        assert f"sip:{NUMBER}@" in invite.get("p-asserted-identity")
        assert "privacy=full" in invite.get("remote-party-id")
    elif not trusted:
        assert NUMBER not in text
        assert "alice" not in text
    assert case.cdr()["caller"] == NUMBER


@pytest.mark.parametrize("trusted", [False, True])
@pytest.mark.parametrize("name", ["fast", "slowsep"])
def test_a_number_withheld_by_h323_from_h323(h323_case, name, trusted):
    case = h323_case
    said = "trusted = true" if trusted else ""
    case.begin(access=f"{through.CUSTOMER}\ntrusted = true", vendor=through.vendor_like(name, said))
    vendor = through.called(case, name)
    caller = through.caller(case, name, calling=bytes((0x01, RESTRICTED | NETWORK)))
    caller.finish()
    vendor.finish()
    party = read_party(q931.decode(vendor.heard("Setup")[0].data).element(q931.CALLING))
    assert party.presentation == "restricted"
    if trusted:
        assert (party.number, party.screening) == (NUMBER, "network")
    else:
        assert party.number == ""
        assert NUMBER not in everything(vendor)
        assert "alice" not in everything(vendor)


@pytest.mark.parametrize("calling", [b"\x11\x83", b"\x11\x81"])
def test_what_a_network_has_screened_is_asserted(h323_case, sip_vendor, calling):
    case = h323_case
    case.begin(
        access=f"{through.CUSTOMER}\ntrusted = true", vendor='identity_headers = ["pai", "rpid"]\ntrusted = true'
    )
    caller = through.caller(case, "fast", patient=True, calling=calling)
    invite = sip_vendor.expect("INVITE")
    sip_vendor.reply(invite, 200, SDP)
    sip_vendor.expect("ACK")
    sip_vendor.send(sip_vendor.within(invite, "BYE"))
    sip_vendor.expect(accepted("BYE"))
    caller.finish()
    assert f"sip:{NUMBER}@" in invite.get("p-asserted-identity")
    assert "privacy=off" in invite.get("remote-party-id")
    assert "alice" in invite.get("from")
    assert "privacy" not in invite.headers


@pytest.mark.parametrize(
    ("lines", "callee", "caller"),
    [
        ("", "unknown isdn", "unknown isdn allowed user"),
        (
            'h323_callee_type = "national"\nh323_callee_plan = "private"\nh323_caller_type = "international"',
            "national private",
            "international isdn allowed user",
        ),
        (
            'callee_dial_plan = "49:+49"\ncaller_dial_plan = "43:+43"',
            "international isdn",
            "international isdn allowed user",
        ),
        (
            'h323_presentation = "restricted"\nh323_screening = "network"',
            "unknown isdn",
            "unknown isdn restricted network",
        ),
    ],
)
def test_types_and_plans_are_the_gateways(h323_case, sip_caller, lines, callee, caller):
    case = h323_case
    case.begin(vendor=through.vendor_like("fast", f"trusted = true\n{lines}"))
    vendor = through.called(case, "fast", patient=True)
    message, _ = by_sip(case, sip_caller, vendor)
    called, calling = read_party(message.element(q931.CALLED)), read_party(message.element(q931.CALLING))
    assert (called.number, f"{called.type} {called.plan}") == (case.number, callee)
    assert calling.number == NUMBER
    assert f"{calling.type} {calling.plan} {calling.presentation} {calling.screening}" == caller
