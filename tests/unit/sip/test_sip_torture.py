"""The torture messages of RFC 4475 and RFC 5118: what each section says shall come of each message."""

from pathlib import Path

import pytest

from vosswitch.sip.grammar.digest import parse_authorization
from vosswitch.sip.grammar.message import Message, Request, Response, render
from vosswitch.sip.grammar.parse import BadMessage, parse

DATA = Path(__file__).parents[2] / "data"
UNUSUAL_USER = "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"


def load(name: str, rfc: str = "rfc4475") -> bytes:
    return (DATA / rfc / f"{name}.dat").read_bytes()


# name -> (what is read from the message, what has to come out)
VALID = {
    # 3.1.1 valid messages
    "wsinv": (
        lambda m: (
            (m.method, m.target.params, m.to.tag, m.from_.tag, m.from_.display, m.max_forwards, m.cseq),
            (m.via.transport, m.via.host, m.via.branch, m.via.is_unique, len(m.all("via")), m.all("via")[2][-14:]),
            (m.contacts[0].display, m.contacts[0].params, m.get("subject"), m.get("newfangledheader")),
            (m.get("unknownheaderwithunusualvalue"), len(m.body), m.get("route")),
        ),
        (
            ("INVITE", {"unknownparam": None}, "1918181833n", "98asjd8", 'J Rosenberg \\"', 68, (9, "INVITE")),
            ("udp", "192.0.2.2", "390skdjuw", False, 3, "= z9hG4bK30239"),
            (
                'Quoted string ""',
                {"newparam": "newvalue", "secondparam": None, "q": "0.33"},
                "",
                "newfangled value continued newfangled value",
            ),
            (";;,,;;,;", 150, "<sip:services.example.com;lr;unknownwith=value;unknown-no-value>"),
        ),
    ),
    "intmeth": (
        lambda m: (
            (m.method, m.cseq.number, m.max_forwards, m.target.user, m.target.password, m.target.host),
            (m.to.display, m.to.uri.user, m.from_.display, m.from_.tag, m.from_.params["fromparam''~+*_!.-%"]),
            (m.call_id, m.via.branch, m.get("extensionheader-!.%*+_`'~")),
        ),
        (
            (
                "!interesting-Method0123456789_*+`.%indeed'~",
                139122385,
                255,
                UNUSUAL_USER,
                "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)",
                "example.com",
            ),
            (
                "BEL:\x07 NUL:\0 DEL:\x7f",
                UNUSUAL_USER,
                "token1~` token2'+_ token3*%!.-",
                "_token~1'+`*%!-.",
                "\u0440\u0430\u0431\u043e\u0442\u0430\u044e\u0449\u0438\u0439",
            ),
            (
                "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{",
                "z9hG4bK-.!%66*_+`'~",
                "\ufeff\u5927\u505c\u96fb",
            ),
        ),
    ),
    "esc01": (
        lambda m: (m.target.user, m.to.uri.user, m.from_.uri.user, m.contacts[0].uri.user, m.contacts[0].uri.params),
        ("sips:user@example.com", "user", "I have spaces", "caller", {"lr": None, "name": "value%41"}),
    ),
    "escnull": (
        lambda m: (m.method, m.to.uri.user, [c.uri.user for c in m.contacts]),
        ("REGISTER", "null-\0-null", ["\0", "\0\0"]),
    ),
    "esc02": (
        lambda m: (m.method, m.cseq.method, m.to.display, len(m.contacts), m.get("c%6fntact"), m.via.branch),
        ("RE%47IST%45R", "RE%47IST%45R", "%Z%45", 2, "<sip:alias2@host2.example.com>", "z9hG4bK209%fzsnel234"),
    ),
    "lwsdisp": (lambda m: (m.from_.display, str(m.from_.uri)), ("caller", "sip:caller@example.com")),
    "longreq": (
        lambda m: (len(m.all("via")), m.via.host, m.to.uri.port, len(m.from_.params), len(m.body), len(m.contacts)),
        (34, "sip33.example.com", 6000, 3, 150, 1),
    ),
    "dblreq": (lambda m: (m.method, m.call_id, m.body), ("REGISTER", "dblreq.0ha0isndaksdj99sdfafnl3lk233412", b"")),
    "semiuri": (
        lambda m: (m.target.user, m.target.number, m.target.host, m.target.params, len(m.all("accept"))),
        ("user;par=u@example.net", "user", "example.com", {}, 6),
    ),
    "transports": (
        lambda m: ([v.split()[0][8:] for v in m.all("via")], m.via.transport),
        (["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"], "udp"),
    ),
    "mpart01": (
        lambda m: (
            m.method,
            len(m.body),
            m.body.count(b"--7a9cbec02ceef655"),
            b"\0" in m.body,
            "rport" in m.via.params,
        ),
        ("MESSAGE", 553, 3, True, True),
    ),
    "unreason": (
        lambda m: (m.status, m.reason[:20], m.reason.split()[-1], len(m.body)),
        (200, "= 2**3 * 5**2 \u043d\u043e \u0441\u0442\u043e"[:20], "\u043f\u0440\u043e\u0441\u0442\u043e\u0435", 154),
    ),
    "noreason": (lambda m: (m.status, m.reason), (100, "")),
    # 3.1.2 invalid, and an element may be liberal
    "lwsstart": (lambda m: (m.method, m.uri), ("INVITE", "sip:user@example.com")),
    "trws": (lambda m: (m.method, m.uri), ("OPTIONS", "sip:remote-target@example.com")),
    "baddate": (lambda m: m.get("date"), "Fri, 01 Jan 2010 16:00:00 EST"),
    "badaspec": (lambda m: (m.to.display, str(m.to.uri)), ("Watson, Thomas", "sip:t.watson@example.org")),
    "baddn": (lambda m: (m.from_.display, m.from_.tag, m.to.display), ("Bell, Alexander", "43", "Watson, Thomas")),
    # 3.2, 3.3: what a transaction user has to judge, not a parser
    "badbranch": (lambda m: (m.via.branch, m.via.is_unique), ("z9hG4bK", False)),
    "unksm2": (
        lambda m: (m.to.uri.scheme, m.from_.uri.text, m.contacts[0].uri.scheme),
        ("isbn", "http://www.example.com", "name"),
    ),
    "bext01": (lambda m: m.all("require"), ["nothingSupportsThis", "nothingSupportsThisEither"]),
    "invut": (lambda m: (m.get("content-type"), len(m.body)), ("application/unknownformat", 40)),
    "regaut01": (
        lambda m: parse_authorization(m.get("authorization")),
        {"scheme": "nooneknowsthisscheme", "opaque-data": "here"},
    ),
    "bcast": (lambda m: (m.status, len(m.all("via")), len(m.body)), (200, 2, 154)),
    "zeromf": (lambda m: m.max_forwards, 0),
    "cparam01": (lambda m: (m.contacts[0].params, m.contacts[0].uri.params), ({"unknownparam": None}, {})),
    "cparam02": (lambda m: (m.contacts[0].params, m.contacts[0].uri.params), ({}, {"unknownparam": None})),
    "regescrt": (lambda m: m.contacts[0].uri.headers, {"Route": "<sip:sip.example.com>"}),
    "sdp01": (lambda m: (m.get("accept"), len(m.body)), ("text/nobodyKnowsThis", 150)),
    # 3.4 backward compatibility
    "inv2543": (
        lambda m: (m.via.branch, m.from_.tag, m.max_forwards, m.to.params, m.all("record-route"), len(m.body)),
        ("", "", None, {"user": "phone"}, ["<sip:UserB@example.com;maddr=ss1.example.com>"], 105),
    ),
}

# name -> (status of the refusal, whether there is a request to answer, and a word of the reason)
REFUSED = {
    "badinv01": (400, True, "parameter"),
    "clerr": (400, True, "Content-Length"),
    "ncl": (400, True, "Content-Length"),
    "scalar02": (400, True, "CSeq"),
    "scalarlg": (400, False, "CSeq"),
    "quotbal": (400, True, "address"),
    "ltgtruri": (400, True, "URI"),
    "lwsruri": (400, True, "Request-Line"),
    "escruri": (400, True, "Request-URI"),
    "badvers": (505, True, "Version"),
    "mismatch01": (400, True, "CSeq"),
    "mismatch02": (400, True, "CSeq"),
    "bigcode": (400, False, "Status-Line"),
    "insuf": (400, True, "Missing From"),
    "unkscm": (416, True, "Scheme"),
    "novelsc": (416, True, "Scheme"),
    "multi01": (400, True, "More than one"),
    "mcl01": (400, True, "Content-Length"),
}

# What is refused when the header is read: only a registrar has to look into this Contact.
REFUSED_LATER = {"regbadct": lambda m: m.contacts}


def test_table_has_every_message():
    names = {path.stem for path in (DATA / "rfc4475").glob("*.dat")}
    assert names == VALID.keys() | REFUSED.keys() | REFUSED_LATER.keys()
    assert len(names) == 49


@pytest.mark.parametrize("name", VALID)
def test_reads_message_of_rfc_4475(name):
    read, expected = VALID[name]
    assert read(parse(load(name))) == expected


@pytest.mark.parametrize("name", VALID)
def test_rendered_message_reads_the_same(name):
    message = parse(load(name))
    again = parse(render(message))
    assert VALID[name][0](again) == VALID[name][1]
    assert {**again.headers, "content-length": []} == {**message.headers, "content-length": []}
    assert again.body == message.body


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_message_of_rfc_4475(name):
    status, answerable, word = REFUSED[name]
    with pytest.raises(BadMessage) as refusal:
        parse(load(name))
    assert refusal.value.status == status
    assert word in refusal.value.reason
    assert (refusal.value.message is not None) == answerable


@pytest.mark.parametrize("name", [name for name, (_, answerable, _) in REFUSED.items() if answerable])
def test_refusal_can_be_sent(name):
    with pytest.raises(BadMessage) as refusal:
        parse(load(name))
    request = refusal.value.message
    assert isinstance(request, Request)
    request.stamp("198.51.100.7", 5071)
    response = request.reply(refusal.value.status, refusal.value.reason, tag="x")
    assert request.via.received == "198.51.100.7"
    assert response.headers["via"] == request.headers["via"]
    assert render(response).startswith(b"SIP/2.0 %d " % refusal.value.status)


@pytest.mark.parametrize("name", REFUSED_LATER)
def test_refuses_when_the_header_is_read(name):
    message = parse(load(name))
    with pytest.raises(BadMessage) as refusal:
        REFUSED_LATER[name](message)
    assert refusal.value.status == 400


def test_overlarge_expiry_counts_as_the_largest():
    message = parse(load("scalar02").replace(b"36893488147419103232", b"1"))
    assert message.expires == 2**32 - 1
    assert message.max_forwards is None


IPV6 = {
    "ipv6-good": (lambda m: (m.target.host, m.target.port, m.via.host), ("2001:db8::10", None, "2001:db8::9:1")),
    "port-ambiguous": (lambda m: (m.target.host, m.target.port), ("2001:db8::10:5070", None)),
    "port-unambiguous": (lambda m: (m.target.host, m.target.port), ("2001:db8::10", 5070)),
    "via-received-param-with-delim": (lambda m: m.via.received, "2001:db8::9:255"),
    "via-received-param-no-delim": (lambda m: m.via.received, "2001:db8::9:255"),
    "ipv6-in-sdp": (
        lambda m: (m.target.host, m.contacts[0].uri.host, b"IN IP6 2001:db8::20" in m.body),
        ("2001:db8::10", "2001:db8::20", True),
    ),
    "mult-ip-in-header": (
        lambda m: (m.via.host, m.via.port, m.all("via")[1:]),
        (
            "2001:db8::9:1",
            6050,
            [
                "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKjhja8781hjuaij65144",
                "SIP/2.0/TCP [2001:db8::9:255];branch=z9hG4bK451jj;received=192.0.2.200",
            ],
        ),
    ),
    "mult-ip-in-sdp": (lambda m: (m.target.user, m.contacts[0].uri.host), ("user", "2001:db8::9:1")),
    "ipv4-mapped-ipv6": (
        lambda m: (m.via.host, m.via.port, len(m.all("via")), m.contacts[0].uri.host),
        ("::ffff:192.0.2.10", 19823, 2, "::ffff:192.0.2.2"),
    ),
    "ipv6-bug-abnf-3-colons": (lambda m: (m.target.host, m.to.uri.host), ("2001:db8::192.0.2.1",) * 2),
    "ipv6-correct-abnf-2-colons": (lambda m: (m.target.host, m.to.uri.host), ("2001:db8::192.0.2.1",) * 2),
}


def test_table_has_every_ipv6_message():
    assert {path.stem for path in (DATA / "rfc5118").glob("*.dat")} == IPV6.keys() | {"ipv6-bad"}


@pytest.mark.parametrize("name", IPV6)
def test_reads_message_of_rfc_5118(name):
    read, expected = IPV6[name]
    message = parse(load(name, "rfc5118"))
    assert read(message) == expected
    assert read(parse(render(message))) == expected


def test_refuses_ipv6_address_without_brackets():
    with pytest.raises(BadMessage) as refusal:
        parse(load("ipv6-bad", "rfc5118"))
    assert refusal.value.status == 400
    assert isinstance(refusal.value.message, Request)


def test_types():
    assert isinstance(parse(load("bcast")), Response)
    assert isinstance(parse(load("wsinv")), Message)
