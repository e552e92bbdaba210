"""Messages as values: access to headers, typed reads, replies, and the way to the wire."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.sip.grammar.headers import CSeq, NameAddr, Via, parse_name_addr, parse_via, split_list
from vosswitch.sip.grammar.message import BadMessage, Request, Response, reason_phrase, render
from vosswitch.sip.grammar.parse import parse
from vosswitch.sip.grammar.uri import Uri


def invite(**headers: str) -> Request:
    values = {
        "via": "SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKabc;rport",
        "from": '"Alice \\"A\\" <x>" <sip:alice@example.com>;tag=f1',
        "to": "<sip:4930@192.0.2.9>",
        "call-id": "c1@192.0.2.1",
        "cseq": "7 INVITE",
        "contact": "<sip:alice@192.0.2.1:5070;transport=udp>",
    }
    values.update({name.replace("_", "-"): value for name, value in headers.items()})
    return Request("INVITE", "sip:4930@192.0.2.9", {name: [value] for name, value in values.items()}, b"v=0\r\n")


def test_typed_reads():
    request = invite()
    assert request.via.branch == "z9hG4bKabc"
    assert (request.via.transport, request.via.host, request.via.port) == ("udp", "192.0.2.1", 5070)
    assert request.via.rport is None
    assert request.cseq == CSeq(7, "INVITE")
    assert (request.from_.display, request.from_.tag, request.to.tag) == ('Alice "A" <x>', "f1", "")
    assert request.contacts[0].uri.params == {"transport": "udp"}
    assert request.max_forwards is None
    assert request.expires is None
    assert request.target.user == "4930"


def test_typed_reads_follow_changes():
    request = invite()
    assert request.cseq.number == 7
    request.set("cseq", "8 INVITE")
    assert request.cseq.number == 8
    assert request.via.host == "192.0.2.1"
    request.prepend("via", "SIP/2.0/TCP 192.0.2.2;branch=z9hG4bKtop")
    assert request.via.host == "192.0.2.2"
    assert len(request.all("via")) == 2
    request.add("contact", "<sip:b@h>, <sip:c@h>")
    assert [contact.uri.user for contact in request.contacts] == ["alice", "b", "c"]
    request.remove("contact")
    assert request.contacts == []
    request.uri = "sip:5@h"
    assert request.target.user == "5"


@pytest.mark.parametrize("name", ["via", "from", "to", "call-id", "cseq"])
def test_typed_read_of_a_missing_header_is_refused(name):
    request = invite()
    request.remove(name)
    with pytest.raises(BadMessage):
        {
            "via": lambda: request.via,
            "from": lambda: request.from_,
            "to": lambda: request.to,
            "call-id": lambda: request.call_id,
            "cseq": lambda: request.cseq,
        }[name]()


@pytest.mark.parametrize(
    ("text", "hops"), [("0", 0), ("0068", 68), ("255", 255), ("256", None), ("-1", None), ("x", None)]
)
def test_max_forwards_that_is_none_counts_as_absent(text, hops):
    assert invite(max_forwards=text).max_forwards == hops


@pytest.mark.parametrize(("text", "seconds"), [("60", 60), ("9" * 5000, 2**32 - 1), ("-1", None), ("\u0661", None)])
def test_expires(text, seconds):
    assert invite(expires=text).expires == seconds


def test_only_lists_are_split():
    request = invite(date="Sat, 13 Nov 2010 23:29:00 GMT", allow="INVITE, ACK,BYE")
    assert request.all("date") == ["Sat, 13 Nov 2010 23:29:00 GMT"]
    assert request.all("allow") == ["INVITE", "ACK", "BYE"]
    assert request.all("route") == []
    assert request.get("route") is None


def test_split_respects_quotes_and_brackets():
    value = '"Doe, \\"J,\\"" <sip:a,b@h;x="1,2">;q=1 , <sip:c@h>,, tel:1'
    assert split_list(value) == ['"Doe, \\"J,\\"" <sip:a,b@h;x="1,2">;q=1', "<sip:c@h>", "tel:1"]
    with pytest.raises(BadMessage):
        split_list('"a, b')
    with pytest.raises(BadMessage):
        split_list("<a, b")


def test_wildcard_contact():
    assert invite(contact="*").contacts[0].is_wildcard
    assert not invite().contacts[0].is_wildcard


def test_name_addr_with_tag_keeps_the_rest():
    address = parse_name_addr('"A" <sip:a@h>;x=1')
    assert str(address.with_tag("t")) == '"A" <sip:a@h>;x=1;tag=t'
    assert address.tag == ""


BAD_ADDRESSES = """
"a <sip:a@h>
a <sip:a@h
a"b <sip:a@h>
<sip:a@h>;;
<sip:a@h> x
sip:a@h?x=y
<>
"a" sip:a@h
<sip:a@h>;tag=1;tag=2
<sip:a@h>;x="
<sip:a@h>;=1
a, b
"""


@pytest.mark.parametrize("text", ["", *BAD_ADDRESSES.strip().splitlines()])
def test_bad_addresses_are_refused(text):
    with pytest.raises(BadMessage):
        parse_name_addr(text)


BAD_VIAS = """
SIP/2.0/UDP
SIP/2.0 h
SIP/2.0/UDP h:99999
SIP/2.0/UDP 1::2
SIP/2.0/UDP h;;
UDP h;branch=a
SIP/2.0/UDP h;branch=a;branch=b
SIP/2.0/UDP [::1;branch=a
SIP/2.0/UDP h:1 2
"""


@pytest.mark.parametrize("text", ["", *BAD_VIAS.strip().splitlines()])
def test_bad_vias_are_refused(text):
    with pytest.raises(BadMessage):
        parse_via(text)


def test_via_without_port_asked_for_is_stamped_only_when_it_differs():
    via = parse_via("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa")
    assert str(via.stamped("192.0.2.1", 9)) == "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa"
    assert via.stamped("192.0.2.7", 9).received == "192.0.2.7"
    assert via.stamped("192.0.2.7", 9).rport is None


def test_stamp_fills_rport_and_keeps_the_other_vias():
    request = invite(via="SIP/2.0/UDP [::1];rport;branch=z9hG4bKa, SIP/2.0/UDP h2")
    request.stamp("2001:db8::2", 5099)
    assert request.via.rport == 5099
    assert request.via.received == "2001:db8::2"
    assert request.all("via") == [
        "SIP/2.0/UDP [::1];rport=5099;branch=z9hG4bKa;received=2001:db8::2",
        "SIP/2.0/UDP h2",
    ]


def test_forged_received_does_not_survive():
    request = invite(via="SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa;received=203.0.113.5")
    request.stamp("192.0.2.1", 5060)
    assert request.via.received is None


def test_reply_takes_over_what_the_rfc_lists():
    request = invite(timestamp="54", subject="x")
    trying = request.reply(100)
    assert (trying.status, trying.reason, trying.get("timestamp"), trying.get("subject")) == (100, "Trying", "54", None)
    ringing = request.reply(180, tag="t9")
    assert ringing.to.tag == "t9"
    assert request.to.tag == ""
    assert ringing.via.branch == "z9hG4bKabc"
    assert (ringing.call_id, ringing.cseq) == (request.call_id, request.cseq)
    assert ringing.get("timestamp") is None


def test_reply_leaves_a_tag_that_is_there():
    assert invite(to="<sip:b@h>;tag=old").reply(200, tag="new").to.tag == "old"


def test_reply_is_independent_of_the_request():
    request = invite()
    response = request.reply(200)
    response.add("via", "SIP/2.0/UDP x")
    assert len(request.headers["via"]) == 1


def test_reason_phrases():
    assert reason_phrase(486) == "Busy Here"
    assert reason_phrase(499) == "Request Failure"
    assert reason_phrase(799) == ""


def test_render_writes_full_names_and_the_length():
    text = render(invite(x_my_header="1", content_length="99")).decode()
    assert text.startswith("INVITE sip:4930@192.0.2.9 SIP/2.0\r\nVia: ")
    assert "\r\nCall-ID: c1@192.0.2.1\r\nCSeq: 7 INVITE\r\n" in text
    assert "\r\nX-My-Header: 1\r\n" in text
    assert text.endswith("Content-Length: 5\r\n\r\nv=0\r\n")
    assert "99" not in text


@pytest.mark.parametrize("evil", ["x\r\nEvil: 1", "x\nEvil: 1", "x\rEvil: 1", "x\r\n\r\nEvil: 1", "\r\n Evil: 1"])
def test_no_value_can_add_a_line(evil):
    request = invite(subject=evil)
    request.uri = f"sip:a@h{evil}"
    request.body = b""
    head = render(request)
    assert b"\nEvil" not in head
    assert b"\rEvil" not in head
    assert head.count(b"\r\n") == head.count(b"\n") == head.count(b"\r") == 10
    response = Response(200, evil, {"x": [evil], evil: ["1"]})
    assert b"\nEvil" not in render(response)
    assert render(response).count(b"\n") == 5


def test_uri_with_blanks_stays_one_word():
    request = invite()
    request.uri = "sip:a b@h"
    assert parse(render(request)).target.user == "a b"


def test_text_that_the_encoding_lacks_is_written_as_utf8():
    response = Response(200, "\u65e5\u672c")
    response.encoding = "latin-1"
    assert "\u65e5\u672c".encode() in render(response)


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
token = st.from_regex(r"[A-Za-z0-9\-.!%*_+`'~]{1,12}", fullmatch=True)
addresses = st.builds(
    NameAddr,
    st.builds(Uri, st.just("sip"), text, st.sampled_from(["h", "192.0.2.1", "::1"]), st.none() | st.integers(0, 65535)),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=20),
    st.dictionaries(
        token.map(str.lower), st.none() | text.filter(lambda t: "\r" not in t and "\n" not in t), max_size=3
    ),
)


@given(addresses)
def test_address_reads_as_it_was_written(address):
    assert parse_name_addr(str(address)) == address


@given(addresses, addresses, st.binary(max_size=40), st.integers(0, 2**32 - 1), token)
def test_message_reads_as_it_was_written(one, other, body, number, method):
    via = Via("tcp", "2001:db8::1", 5061, {"branch": "z9hG4bKx", "rport": None})
    headers = {
        "via": [str(via), "SIP/2.0/UDP h"],
        "to": [str(one)],
        "from": [str(other)],
        "contact": [f"{one}, {other}"],
        "call-id": ["x"],
        "cseq": [f"{number} {method}"],
    }
    message = parse(render(Request(method, str(one.uri), headers, body)))
    assert isinstance(message, Request)
    assert (message.method, message.target, message.cseq) == (method, one.uri, CSeq(number, method))
    assert (message.via, message.to, message.from_) == (via, one, other)
    assert (message.contacts, message.body) == ([one, other], body)
    assert render(message) == render(parse(render(message)))
