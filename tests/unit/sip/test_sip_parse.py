"""From bytes to messages: what a datagram may look like, streams, and that nothing but BadMessage escapes."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.sip.grammar.message import Request, Response, render
from vosswitch.sip.grammar.parse import KEEP_ALIVE, BadMessage, Framer, parse

DATA = Path(__file__).parents[2] / "data"

OPTIONS = (
    b"OPTIONS sip:a@h SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\n"
    b"From: <sip:b@h>;tag=1\r\n"
    b"To: <sip:a@h>\r\n"
    b"Call-ID: x\r\n"
    b"CSeq: 1 OPTIONS\r\n"
)


def options(extra: bytes = b"", body: bytes = b"") -> bytes:
    return OPTIONS + extra + b"\r\n" + body


def refusal(data: bytes) -> BadMessage:
    with pytest.raises(BadMessage) as caught:
        parse(data)
    return caught.value


def test_plain_request():
    message = parse(options(b"Content-Length: 2\r\n", b"ab"))
    assert isinstance(message, Request)
    assert (message.method, message.uri, message.body) == ("OPTIONS", "sip:a@h", b"ab")
    assert list(message.headers) == ["via", "from", "to", "call-id", "cseq", "content-length"]


def test_plain_response():
    message = parse(b"SIP/2.0 486 Busy  Here\r\n" + options().split(b"\r\n", 1)[1])
    assert isinstance(message, Response)
    assert (message.status, message.reason, message.cseq.method) == (486, "Busy  Here", "OPTIONS")


def test_compact_names_and_any_case():
    data = b"OPTIONS sip:a@h SIP/2.0\r\nv: SIP/2.0/TCP h\r\nF: <sip:b@h>\r\nT: <sip:a@h>\r\ni: x\r\ncSeQ: 1 OPTIONS\r\n"
    message = parse(data + b"X-CuStOm: 1\r\nK: timer\r\n\r\n")
    assert list(message.headers) == ["via", "from", "to", "call-id", "cseq", "x-custom", "supported"]


def test_unknown_headers_keep_their_order():
    message = parse(options(b"X-B: 2\r\nX-A: 1\r\nX-B: 3, 4\r\n"))
    assert list(message.headers)[5:] == ["x-b", "x-a"]
    assert message.headers["x-b"] == ["2", "3, 4"]


def test_folded_lines_are_one_value():
    message = parse(options(b"Subject: a\r\n b\r\n\tc\r\nX-Y:\r\n \r\n y\r\n"))
    assert message.get("subject") == "a b c"
    assert message.get("x-y") == "y"


def test_lines_that_are_no_headers_are_ignored():
    message = parse(options(b"garbage\r\n: empty\r\nbad name: 1\r\nX@Y: 1\r\nGood: 1\r\n"))
    assert list(message.headers)[5:] == ["good"]


def test_body_is_cut_to_the_length():
    assert parse(options(b"l: 2\r\n", b"abcdef")).body == b"ab"


def test_body_without_length_reaches_to_the_end():
    assert parse(options(b"", b"ab\r\n\r\ncd")).body == b"ab\r\n\r\ncd"


def test_the_same_length_twice_is_no_contradiction():
    assert parse(options(b"l: 2\r\nContent-Length: 2\r\n", b"abc")).body == b"ab"


@pytest.mark.parametrize(
    "length", [b"3", b"-1", b"+1", b"1_0", b"", b"x", b"9" * 5000, b"\xd9\xa1", b"\xc2\xb2", b"1, 1"]
)
def test_bad_length(length):
    bad = refusal(options(b"l: " + length + b"\r\n", b"ab"))
    assert bad.status == 400
    assert isinstance(bad.message, Request)


@pytest.mark.parametrize("name", [b"Via", b"From", b"To", b"Call-ID", b"CSeq"])
def test_mandatory_headers(name):
    lines = [line for line in options().split(b"\r\n") if not line.startswith(name + b":")]
    bad = refusal(b"\r\n".join(lines))
    assert (bad.status, bad.reason) == (400, f"Missing {name.decode()}")
    assert (bad.message is None) == (name == b"Via")


@pytest.mark.parametrize("line", [b"From: <sip:b@h>;tag=1", b"t: <sip:a@h>", b"i: x", b"CSeq: 1 OPTIONS"])
def test_single_headers_stand_once(line):
    assert "More than one" in refusal(options(line + b"\r\n")).reason


def test_max_forwards_twice_is_refused_and_missing_is_not():
    assert parse(options()).max_forwards is None
    assert "More than one" in refusal(options(b"Max-Forwards: 1\r\nMax-Forwards: 2\r\n")).reason


@pytest.mark.parametrize("number", [b"4294967296", b"99999999999", b"-1", b"1.5", b"", b"\xd9\xa1"])
def test_bad_cseq(number):
    assert "CSeq" in refusal(options().replace(b"CSeq: 1 ", b"CSeq: " + number + b" ")).reason


@pytest.mark.parametrize("call_id", [b"", b"a b", b"a\0b", b"a\x1bb"])
def test_bad_call_id(call_id):
    assert "Call-ID" in refusal(options().replace(b"Call-ID: x", b"Call-ID: " + call_id)).reason


def test_method_has_to_match():
    assert "CSeq" in refusal(options().replace(b"1 OPTIONS", b"1 INVITE")).reason


@pytest.mark.parametrize("version", [b"SIP/1.0", b"SIP/3.0", b"sip/2.1", b"SIP/20.0"])
def test_other_versions(version):
    bad = refusal(options().replace(b"SIP/2.0\r\n", version + b"\r\n", 1))
    assert bad.status == 505
    assert isinstance(bad.message, Request)


@pytest.mark.parametrize("status", [b"99", b"099", b"700", b"2000", b"20", b"-100", b"abc", b""])
def test_bad_status(status):
    assert refusal(b"SIP/2.0 " + status + b" X\r\n" + options().split(b"\r\n", 1)[1]).message is None


@pytest.mark.parametrize(
    "start", [b"", b"OPTIONS", b"OPTIONS sip:a@h", b"OPT IONS sip:a@h SIP/2.0", b"O@ sip:a@h SIP/2.0"]
)
def test_bad_start_line(start):
    assert refusal(start + b"\r\n" + options().split(b"\r\n", 1)[1]).status == 400


def test_ack_is_never_answered():
    bad = refusal(options(b"l: 9\r\n").replace(b"OPTIONS", b"ACK"))
    assert bad.message is None


def test_bad_response_is_never_answered():
    assert refusal(b"SIP/2.0 200 OK\r\n" + options(b"l: 9\r\n").split(b"\r\n", 1)[1]).message is None


@pytest.mark.parametrize("stray", [b"X: a\rb\r\n", b"X: a\nb\r\n", b"X: a\r\r\n"])
def test_stray_line_ends_are_refused(stray):
    assert refusal(options(stray)).reason == "Stray line end"


def test_line_feeds_alone_end_lines_when_nothing_else_does():
    message = parse(options(b"l: 3\r\n").replace(b"\r\n", b"\n") + b"a\nb")
    assert (message.method, message.call_id, message.body) == ("OPTIONS", "x", b"a\nb")


def test_line_ends_before_the_start_line_are_skipped():
    assert parse(b"\r\n\r\n\r\n" + options()).call_id == "x"


def test_head_without_an_end_is_taken_when_nothing_is_missing():
    assert parse(OPTIONS).call_id == "x"
    assert refusal(OPTIONS + b"l: 5\r\n").status == 400


def test_utf8_is_text():
    assert parse(options("Subject: \u00fc\u65e5\r\n".encode())).get("subject") == "\u00fc\u65e5"


def test_bytes_that_are_no_utf8_come_back_in_the_reply():
    message = parse(options().replace(b"Call-ID: x", b"Call-ID: x\xe9y"))
    assert message.call_id == "x\u00e9y"
    assert b"Call-ID: x\xe9y\r\n" in render(message.reply(200))


def test_nul_in_a_quoted_string_is_text():
    assert parse(options().replace(b"<sip:b@h>", b'"a\\\0b" <sip:b@h>')).from_.display == "a\0b"


@pytest.mark.parametrize("uri", [b"<sip:a@h>", b"sip:a@h?x=1", b"sip:a@h:99999", b"a@h", b"sip:", b"sip:a\0@h"])
def test_bad_request_uri(uri):
    assert refusal(options().replace(b"sip:a@h", uri, 1)).status == 400


@pytest.mark.parametrize("uri", [b"sip:a@h", b"sips:a@h", b"tel:+4930", b"SIP:a@h"])
def test_schemes_that_are_known(uri):
    assert parse(options().replace(b"sip:a@h", uri, 1)).target.scheme == uri.partition(b":")[0].lower().decode()


def test_scheme_that_is_unknown():
    assert refusal(options().replace(b"sip:a@h", b"urn:service:sos", 1)).status == 416


# --- streams


def message(body: bytes = b"") -> bytes:
    return options(b"Content-Length: %d\r\n" % len(body), body)


@given(st.lists(st.binary(max_size=30), max_size=4), st.randoms(use_true_random=False))
def test_stream_is_cut_wherever_it_arrives_in_pieces(bodies, chance):
    whole = [message(body) for body in bodies]
    stream = b"".join(whole)
    framer, found = Framer(), []
    while stream:
        size = chance.randint(1, 200)
        found += framer.feed(stream[:size])
        stream = stream[size:]
    assert found == whole


def test_keep_alives_are_reported_and_single_line_ends_skipped():
    framer = Framer()
    assert framer.feed(b"\r\n\r\n") == [KEEP_ALIVE]
    assert framer.feed(b"\r\n") == []
    assert framer.feed(message(b"a")) == [message(b"a")]
    assert framer.feed(message() + b"\r\n\r\n\r\n\r\n" + message()) == [message(), KEEP_ALIVE, KEEP_ALIVE, message()]


@pytest.mark.parametrize(
    "line", [b"l:3\r\n", b"L : 3\r\n", b"CONTENT-LENGTH:\r\n 3\r\n", b"l: 3\r\nContent-Length: 3\r\n"]
)
def test_length_in_any_spelling(line):
    assert Framer().feed(options(line, b"abc") + b"OPT") == [options(line, b"abc")]


def test_length_within_another_header_does_not_count():
    data = options(b"X: y\r\n l: 3\r\nXl: 7\r\nl: 1\r\n", b"a")
    assert Framer().feed(data) == [data]


def test_message_without_length_has_no_body():
    assert Framer().feed(options()) == [options()]


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"l: -1\r\n", 400),
        (b"l: x\r\n", 400),
        (b"l: 1\r\nl: 2\r\n", 400),
        (b"l: 99999\r\n", 513),
        (b"l: 99999999999\r\n", 400),
    ],
)
def test_stream_with_a_bad_length_is_over(line, status):
    with pytest.raises(BadMessage) as caught:
        Framer().feed(options(line))
    assert caught.value.status == status
    assert isinstance(caught.value.message, Request)


def test_head_over_the_limit():
    framer = Framer(limit=1000)
    assert framer.feed(b"a" * 999) == []
    with pytest.raises(BadMessage) as caught:
        framer.feed(b"aa")
    assert (caught.value.status, caught.value.message) == (513, None)


@pytest.mark.parametrize("data", [b"\r\n\rX", b"\x16\x03\x01" + b"\0" * 2000])
def test_other_protocols_end_the_stream(data):
    framer = Framer(limit=1000)
    with pytest.raises(BadMessage):
        framer.feed(data)


def test_other_protocol_with_the_same_framing_is_refused():
    (item,) = Framer().feed(b"GET / HTTP/1.1\r\n\r\n")
    assert refusal(item).message is None


# --- whatever the bytes


READS = [
    lambda m: [contact.uri.text for contact in m.contacts],
    lambda m: [m.all(name) for name in list(m.headers)],
    lambda m: (m.expires, m.max_forwards),
]
SPICE = [
    b"\r\n",
    b"\n",
    b"\0",
    b'"',
    b"<",
    b">",
    b";",
    b",",
    b"@",
    b":",
    b"%00",
    b"\xff",
    b"\xed\xa0\x80",
    b"[",
    b"=",
    b"\\",
]
SPICE += [
    b"9" * 30,
    b" ",
    b"?",
    b"*",
    b"\r\n ",
    b"\xe2\x80\xa8",
    b"\xd9\xa3",
    b"tel:",
    b"l: 5\r\n",
    b"SIP/2.0",
    b"0" * 5000,
]


def outcome(call, argument):
    try:
        return call(argument)
    except BadMessage as bad:
        return bad


def exercise(data: bytes) -> None:
    read = outcome(parse, data)
    if isinstance(read, BadMessage):
        assert 400 <= read.status < 700
        if read.message is not None:
            read.message.stamp("192.0.2.1", 5060)
            render(read.message.reply(read.status, read.reason, tag="t"))
        return
    # what parse has let through can be read, written, and answered
    again = parse(render(read))
    assert again.body == read.body
    if again.encoding == read.encoding:
        assert (again.via, again.from_, again.to, again.cseq) == (read.via, read.from_, read.to, read.cseq)
    if isinstance(read, Request):
        read.stamp("192.0.2.1", 5060)
        assert isinstance(parse(render(read.reply(400, tag="t"))), Response)
    for look in READS:
        found = outcome(look, read)
        assert not isinstance(found, BadMessage) or found.status == 400


def mutated(chance: random.Random, seeds: list[bytes]) -> bytes:
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.randint(1, 4)):
        at = chance.randint(0, len(data))
        match chance.randint(0, 4):
            case 0:
                data[at : at + chance.randint(0, 3)] = chance.choice(SPICE)
            case 1:
                data[at : at + 1] = bytes([chance.randint(0, 255)])
            case 2:
                del data[at : at + chance.randint(1, 30)]
            case 3:
                data[at:at] = data[chance.randint(0, len(data)) :][: chance.randint(1, 60)]
            case _:
                other = chance.choice(seeds)
                data[at:at] = other[chance.randint(0, len(other)) :][: chance.randint(1, 100)]
    return bytes(data)


def test_mutated_torture_messages_are_read_or_refused():
    seeds = [path.read_bytes() for path in sorted(DATA.glob("rfc*/*.dat"))]
    chance = random.Random(4475)
    for _ in range(20000):
        exercise(mutated(chance, seeds))


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data):
    exercise(data)


@given(
    st.sampled_from([b"Via", b"From", b"To", b"Call-ID", b"CSeq", b"Contact", b"Max-Forwards", b"l"]),
    st.binary(max_size=60),
)
def test_any_value_is_read_or_refused(name, value):
    lines = [line for line in options().split(b"\r\n") if not line.startswith(name + b":")]
    exercise(b"\r\n".join([lines[0], name + b": " + value, *lines[1:]]))


@pytest.mark.parametrize("name", [b"From", b"To"])
def test_no_header_but_contact_is_a_star(name):
    """An answer to it would bear ``*;tag=``, which nobody can read."""
    lines = [line for line in options().split(b"\r\n") if not line.startswith(name + b":")]
    data = b"\r\n".join([lines[0], name + b": *", *lines[1:]])
    assert refusal(data).status == 400
    exercise(data)


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_any_stream_is_cut_or_refused(pieces):
    framer = Framer(limit=500)
    for piece in pieces:
        items = outcome(framer.feed, piece)
        if isinstance(items, BadMessage):
            assert 400 <= items.status < 700
            return
        assert all(b"\r\n\r\n" in item for item in items)
