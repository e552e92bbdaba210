"""URIs: what is read, what is refused, and that writing and reading agree."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.sip.grammar.uri import BadMessage, Uri, parse_uri, unescape

GOOD = {
    "sip:alice@example.com": ("sip", "alice", "example.com", None, {}),
    "SIP:alice@Example.com:5080": ("sip", "alice", "Example.com", 5080, {}),
    "sips:bob@192.0.2.1;transport=TCP;lr": ("sips", "bob", "192.0.2.1", None, {"transport": "TCP", "lr": None}),
    "sip:example.com": ("sip", "", "example.com", None, {}),
    "sip:[2001:db8::1]:5070;maddr=[::1]": ("sip", "", "2001:db8::1", 5070, {"maddr": "[::1]"}),
    "sip:123%23456@h": ("sip", "123#456", "h", None, {}),
    "sip:123#456*@h": ("sip", "123#456*", "h", None, {}),
    "sip:+4930;npdi;rn=+49@h;user=phone": ("sip", "+4930;npdi;rn=+49", "h", None, {"user": "phone"}),
    "sip:a%ZZ%4@h": ("sip", "a%ZZ%4", "h", None, {}),
    "sip:%ff%c3%a9@h": ("sip", "\u00ff\u00c3\u00a9", "h", None, {}),
    "sip:j%c3%b6rg@my_host": ("sip", "j\u00f6rg", "my_host", None, {}),
    "sip:alice@host;": ("sip", "alice", "host", None, {}),
    "tel:+1-(201)-555.0123;phone-context=x": ("tel", "+12015550123", "", None, {"phone-context": "x"}),
}

BAD = [
    "",
    "sip:",
    "alice@example.com",
    "sip:a@b@c",
    "sip:alice@",
    "sip:alice@host:",
    "sip:alice@host:65536",
    "sip:alice@host:123456",
    "sip:alice@2001:db8::1",
    "sip:alice@[2001:db8::1::2]",
    "sip:alice@[fe80::1%25eth0]",
    "sip:alice@[]",
    "sip:alice@host;;lr",
    "sip:al ice@host",
    "sip:al\0ice@host",
    "sip:al\nice@host",
    'sip:"alice"@host',
    "sip:alice@host>",
    "sip:alice@ho\u0131st",
    "sip:alice@host:\u0661",
    "tel:",
    "tel:--",
    "+sip:alice@host",
]


@pytest.mark.parametrize("text", GOOD)
def test_reads(text):
    uri = parse_uri(text)
    assert (uri.scheme, uri.user, uri.host, uri.port, {k: v for k, v in uri.params.items() if v != ""}) == GOOD[text]
    assert str(uri) == uri.text == text


@pytest.mark.parametrize("text", BAD)
def test_refuses(text):
    with pytest.raises(BadMessage) as refusal:
        parse_uri(text)
    assert refusal.value.status == 400
    assert refusal.value.message is None


def test_password_and_headers():
    uri = parse_uri("sip:alice:s%3acret@h;lr?Subject=a%26b&to=x")
    assert (uri.user, uri.password, uri.headers) == ("alice", "s:cret", {"Subject": "a&b", "to": "x"})


def test_unknown_scheme_is_opaque():
    uri = parse_uri("URN:service:sos")
    assert (uri.scheme, uri.user, uri.host, uri.text) == ("urn", "", "", "URN:service:sos")


def test_number_leaves_telephone_parameters_behind():
    assert parse_uri("sip:+4930;npdi@h").number == "+4930"


def test_replace_keeps_the_rest():
    uri = parse_uri("sip:1@a:5070;user=phone")
    assert str(uri.replace(user="2#3")) == "sip:2%233@a:5070;user=phone"
    assert str(uri.replace(host="b")) == "sip:1@b;user=phone"
    assert str(uri.replace(host="::1", port=5060, params={})) == "sip:1@[::1]:5060"
    assert str(uri) == "sip:1@a:5070;user=phone"


def test_equality_is_of_values():
    assert parse_uri("sip:%61@HOST") == Uri("sip", "a", "host")
    assert parse_uri("sip:A@host") != Uri("sip", "a", "host")
    assert parse_uri("urn:a") != parse_uri("urn:b")
    assert len({parse_uri("sip:%61@HOST"), Uri("sip", "a", "host")}) == 1


def test_no_part_can_add_a_line_or_a_bracket():
    uri = Uri("sip", "a\r\nVia: x>", "h", params={"p": "1\r\n;q>"}, headers={"H": "x\r\n"}, password="y\r\n@")
    assert not set(uri.text) & set("\r\n<> ")
    assert parse_uri(uri.text) == uri


parts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@given(
    user=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20),
    password=st.none() | parts,
    host=st.sampled_from(["h", "example.com", "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"]),
    port=st.none() | st.integers(0, 65535),
    params=st.dictionaries(st.from_regex(r"[a-z][a-z0-9\-]{0,8}", fullmatch=True), st.none() | parts, max_size=3),
    headers=st.dictionaries(parts.filter(bool), parts, max_size=3),
)
def test_what_is_written_reads_the_same(user, password, host, port, params, headers):
    uri = Uri("sip", user, host, port, params, headers, password)
    assert parse_uri(uri.text) == uri


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text):
    for candidate in (text, f"sip:{text}", f"sip:a@{text}", f"tel:{text}"):
        try:
            uri = parse_uri(candidate)
        except BadMessage:
            continue
        assert uri.text == candidate


@given(st.text())
def test_text_without_escapes_is_its_own(text):
    assert unescape(text.replace("%", "")) == text.replace("%", "")
