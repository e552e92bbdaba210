"""Who calls, as vendors see it; headers that pass; where replies and requests go: with sipp on both sides."""

from __future__ import annotations

import re

from tests.support.sipp import ANSWER, CALL, called, caller

ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'
BUSY = ["receive INVITE", "send 503", "receive ACK again"]
HEARS_BYE = [
    *("invite", "expect? 100", "expect? 180", "expect 200", "ack", "receive BYE"),
    "reply 200",
]  # fmt: skip
SAYS_BYE = [*ANSWER[:5], "pause 100", "bye", "expect 200"]


def with_lines(xml, after, *lines):
    """The scenario with more header lines behind each line that begins with *after*."""
    more = "".join(f"\n      {line}" for line in lines)
    changed = re.sub(rf"^( *{after}.*)$", lambda found: found[1] + more, xml, flags=re.MULTILINE)
    assert changed != xml or not lines
    return changed


def calls(case, *lines, steps=CALL, from_=None, via=None, contact=None, to=None):
    """The customer calls, with header lines of its own."""
    xml = with_lines(caller(steps, "4312345"), "User-Agent: sipp caller", *lines)
    if from_:
        xml = re.sub(r"From: .*?(?=;tag)", f"From: {from_}", xml)
    if via:
        xml = re.sub(r"\[local_ip\]:\[local_port\];branch=(\S*?);rport", rf"{via};branch=\1", xml)
    if contact:
        xml = re.sub(r"Contact: .*", f"Contact: <{contact}>", xml)
    if to:
        xml = re.sub(r"To: <.*?>", f"To: <{to}>", xml)
    remote = f"127.0.0.1:{case.switch.port}"
    return case.peer("caller", xml, "-s", case.number, "-m", "1", remote=remote, host=case.host)


def answers(case, name, steps, *lines):
    """A vendor, with header lines of its own in its responses."""
    return case.peer(name, with_lines(called(steps), "Contact: ", *lines), "-m", "1", host=case.vendor_host)


def test_an_anonymous_caller_is_named_to_the_trusted_vendor_only(case):
    """The first vendor gets the number where privacy covers it, the next one gets nothing; the record has it."""
    case.begin(
        access='trusted = true\nheaders_in = ["*"]',
        vendor='trusted = true\nidentity_headers = ["pai", "rpid"]\ndiversion = "both"\ncaller_dial_plan = "43:+43"',
        other='identity_headers = ["pai", "ppi", "rpid", "charge"]\ndiversion = "both"\nheaders_out = ["*"]',
    )
    trusted, other = answers(case, "first", BUSY), answers(case, "second", ANSWER)
    calls(
        case,
        "P-Asserted-Identity: \"Boss\" <sip:4312345@customer.example>",
        "Privacy: id",
        "Diversion: <sip:4377777@customer.example>;reason=no-answer;privacy=full",
        "Subject: from 4312345",
        "X-Line: 0043 4312345",
        "X-Cost-Unit: 17",
        from_=ANONYMOUS,
    ).succeeds()  # fmt: skip
    other.succeeds()
    (named,), (nobody,) = trusted.heard("INVITE"), other.heard("INVITE")
    for invite in (named, nobody):
        assert invite.get("from").startswith(ANONYMOUS)
        assert invite.contacts[0].uri.user == ""
        assert invite.get("privacy") == "id"
    assert named.get("p-asserted-identity") == '"Boss" <sip:+4312345@127.0.0.1>'
    assert named.get("remote-party-id").endswith("privacy=full")
    assert named.get("diversion").startswith("<sip:+4377777@")
    assert len(named.all("history-info")) == 2
    told = nobody.headers
    assert not told.keys() & {"p-asserted-identity", "p-preferred-identity", "remote-party-id", "p-charge-info"}
    assert not told.keys() & {"diversion", "history-info", "subject", "x-line"}
    assert told["x-cost-unit"] == ["17"]
    assert "4312345" not in str(told) + nobody.body.decode()
    cdr = case.cdr()
    assert (cdr["caller"], cdr["caller_in"]) == ("4312345", "4312345")


def test_what_an_untrusted_customer_asserts_is_dropped(case):
    case.begin(vendor='trusted = true\nidentity_headers = ["pai"]\ndiversion = "diversion"')
    vendor = answers(case, "first", ANSWER)
    calls(case, "P-Asserted-Identity: <sip:4399999@x.example>", "Diversion: <sip:4377777@x.example>").succeeds()
    vendor.succeeds()
    (invite,) = vendor.heard("INVITE")
    assert invite.get("p-asserted-identity") == '"4312345" <sip:4312345@127.0.0.1>'
    assert "diversion" not in invite.headers


def test_numbers_in_remote_party_id_and_to(case):
    """The tech prefix stands in To, where the gateway's called numbers are read."""
    case.begin(
        access='caller_sources = ["rpid", "from"]\ncallee_source = "to"\ntech_prefix = "77#"',
        vendor='from_display = "caller"\nfrom_domain = "carrier.example"',
    )
    vendor = answers(case, "first", ANSWER)
    calls(
        case,
        "Remote-Party-ID: <sip:4355555@x.example>;party=calling;privacy=off",
        from_='"PBX" <sip:trunk@[local_ip]>',
        to=f"sip:77%23{case.number}@127.0.0.1",
    ).succeeds()
    vendor.succeeds()
    (invite,) = vendor.heard("INVITE")
    assert invite.get("from").startswith('"4355555" <sip:4355555@carrier.example>')
    assert invite.target.user == case.number
    cdr = case.cdr()
    assert (cdr["caller"], cdr["callee"]) == ("4355555", case.number)


def test_headers_pass_both_ways_and_our_name_is_hidden_or_set(case):
    case.begin(
        access='trusted = true\nheaders_in = ["X-Account"]\nheaders_out = ["X-Route"]\n'
        'add_headers = ["X-Box: 1"]\nuser_agent = "-"',
        vendor='trusted = true\nheaders_in = ["*"]\nheaders_out = ["X-Account"]\nadd_headers = ["X-Carrier: 17"]\n'
        'user_agent = "Carrier 1"',
    )
    vendor = answers(
        case, "first", ANSWER, "X-Route: 7", "X-Other: 8", "P-Asserted-Identity: <sip:4988888@vendor.example>"
    )
    customer = calls(case, "X-Account: 100", "X-Other: 9")
    customer.succeeds()
    vendor.succeeds()
    (invite,), (bye,) = vendor.heard("INVITE"), vendor.heard("BYE")
    for request in (invite, bye):
        assert request.get("user-agent") == "Carrier 1"
        assert request.get("x-account") == "100"
        assert "x-other" not in request.headers
    assert invite.get("x-carrier") == "17"
    responses = customer.heard("SIP/2.0")
    assert [response.status for response in responses] == [100, 180, 200, 200]
    for response in responses[1:3]:
        assert (response.get("x-route"), response.get("x-box")) == ("7", "1")
        assert response.get("p-asserted-identity") == "<sip:4988888@127.0.0.1>"
        assert "x-other" not in response.headers
    assert all("server" not in response.headers for response in responses)


def test_a_trunk_with_its_own_name_in_from(case):
    case.begin(
        vendor='username = "trunk7"\npassword = "secret"\nfrom_user = "username"\nidentity_headers = ["ppi"]\n'
        'from_display = "none"'
    )
    vendor = answers(case, "first", ANSWER)
    calls(case).succeeds()
    vendor.succeeds()
    (invite,) = vendor.heard("INVITE")
    assert invite.get("from").startswith("<sip:trunk7@127.0.0.1>")
    assert invite.get("p-preferred-identity") == "<sip:4312345@127.0.0.1>"
    assert invite.contacts[0].uri.user == "trunk7"


def test_replies_and_requests_go_where_the_peer_is_seen(case):
    """A customer behind a NAT that nobody told: Via and Contact name a port that is not there."""
    case.begin(access='reply_address = "socket"\nrequest_address = "socket"')
    vendor = answers(case, "first", SAYS_BYE)
    customer = calls(case, steps=HEARS_BYE, via="[local_ip]:9", contact="sip:4312345@[local_ip]:9")
    customer.succeeds()
    vendor.succeeds()
    assert case.cdr()["end_reason"] == "normal"


def test_requests_go_to_the_port_of_contact(case):
    """The vendor's Contact names a host that is not there, with the port that is."""
    case.begin(vendor='request_address = "contact_port"')
    port = case.ports["first"]
    xml = called(ANSWER, contact=f"127.9.9.9:{port}")
    vendor = case.peer("first", xml, "-m", "1", host=case.vendor_host)
    calls(case).succeeds()
    vendor.succeeds()
