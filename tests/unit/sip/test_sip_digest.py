"""Digest: the RFCs' own examples, what does not pass, and the life of a nonce."""

import base64
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.sip.grammar.digest import (
    Nonces,
    algorithm_of,
    answer,
    challenge,
    choose,
    ha1,
    nonce_count,
    parse_authorization,
    verify,
)
from vosswitch.sip.grammar.uri import BadMessage

# RFC 7616 section 3.9.1: one credential, two algorithms
RFC7616 = (
    'Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm={algorithm}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, '
    'cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, response="{response}", '
    'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)
RFC7616_RESPONSES = {
    "MD5": "8ca523f5e9506fed4657c9700eebdbec",
    "SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
}
# RFC 2617 section 3.5
RFC2617 = (
    'Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
    'uri="/dir/index.html", qop=auth, nc=00000001, cnonce="0a4f113b", '
    'response="6629fae49393a05397450978507c4ef1", opaque="5ccc069c403ebaf9f0171e9517f40e41"'
)
SECRETS = {name: ha1("Mufasa", "http-auth@example.org", "Circle of Life", name) for name in RFC7616_RESPONSES}


def rfc7616(algorithm: str) -> dict[str, str]:
    return parse_authorization(RFC7616.format(algorithm=algorithm, response=RFC7616_RESPONSES[algorithm]))


@pytest.mark.parametrize("algorithm", RFC7616_RESPONSES)
def test_example_of_rfc_7616(algorithm):
    auth = rfc7616(algorithm)
    assert algorithm_of(auth) == algorithm
    assert verify(auth, "GET", SECRETS[algorithm])
    assert verify(auth, "GET", SECRETS[algorithm], uri="/dir/index.html")


@pytest.mark.parametrize("algorithm", RFC7616_RESPONSES)
def test_our_answer_is_that_of_rfc_7616(algorithm):
    asked = (
        f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm}, '
        'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    )
    cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    ours = parse_authorization(answer(asked, "Mufasa", "Circle of Life", "GET", "/dir/index.html", cnonce, 1))
    assert ours == rfc7616(algorithm)


def test_example_of_rfc_2617():
    secret = ha1("Mufasa", "testrealm@host.com", "Circle Of Life")
    assert secret == "939e7578ed9e3c518a452acee763bce9"
    assert verify(parse_authorization(RFC2617), "GET", secret)


def test_without_qop_the_older_formula_stands():
    # RFC 2617's credential with the formula of RFC 2069: KD(HA1, nonce:HA2)
    asked = 'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"'
    value = answer(asked, "Mufasa", "Circle Of Life", "GET", "/dir/index.html", "unused", 1)
    auth = parse_authorization(value)
    assert auth["response"] == "670fd8c2df070c60b045671b8b24ff02"
    assert "qop" not in auth
    assert "algorithm" not in auth
    assert verify(auth, "GET", ha1("Mufasa", "testrealm@host.com", "Circle Of Life"))


def test_session_algorithm_of_a_vendor_is_answered():
    # HA1 = MD5(MD5(user:realm:password):nonce:cnonce), RFC 2617 section 3.2.2.2
    asked = 'Digest realm="r", nonce="n", algorithm=MD5-sess, qop="auth"'
    plain = parse_authorization(answer(asked.replace("-sess", ""), "u", "p", "INVITE", "sip:a@h", "c", 1))
    session = parse_authorization(answer(asked, "u", "p", "INVITE", "sip:a@h", "c", 1))
    assert session["algorithm"] == "MD5-sess"
    assert session["response"] != plain["response"]
    assert not verify(session, "INVITE", ha1("u", "r", "p"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("response", "0" * 32),
        ("response", "\u00e9"),
        ("response", ""),
        ("uri", "/other"),
        ("nonce", "other"),
        ("cnonce", "other"),
        ("cnonce", ""),
        ("nc", "00000002"),
        ("nc", "1"),
        ("nc", "00000000"),
        ("qop", "auth-int"),
        ("qop", "AUTH"),
        ("algorithm", "MD5-sess"),
        ("algorithm", "SHA-256"),
        ("algorithm", "SHA-512-256"),
        ("scheme", "basic"),
    ],
)
def test_what_was_changed_does_not_pass(name, value):
    auth = rfc7616("MD5")
    assert verify(auth, "GET", SECRETS["MD5"])
    auth[name] = value
    assert not verify(auth, "GET", SECRETS["MD5"])


@pytest.mark.parametrize("name", ["username", "realm", "nonce", "uri", "response", "cnonce", "nc", "scheme"])
def test_what_is_incomplete_does_not_pass(name):
    auth = rfc7616("MD5")
    del auth[name]
    assert not verify(auth, "GET", SECRETS["MD5"])


def test_qop_cannot_be_left_out_afterwards():
    auth = rfc7616("MD5")
    del auth["qop"]
    assert not verify(auth, "GET", SECRETS["MD5"])


def test_other_method_other_uri_and_no_secret_do_not_pass():
    auth = rfc7616("MD5")
    assert not verify(auth, "POST", SECRETS["MD5"])
    assert not verify(auth, "GET", SECRETS["MD5"], uri="sip:other@h")
    assert not verify(auth, "GET", SECRETS["SHA-256"])
    assert not verify(auth, "GET", "")


def test_challenge_reads_back():
    value = challenge('a "quoted" \\ realm', "n0", "SHA-256")
    assert parse_authorization(value) == {
        "scheme": "digest",
        "realm": 'a "quoted" \\ realm',
        "nonce": "n0",
        "algorithm": "SHA-256",
        "qop": "auth",
    }
    assert parse_authorization(challenge("r", "n", "MD5", stale=True))["stale"] == "true"
    assert "\n" not in challenge("r\r\nEvil: 1", "n", "MD5")


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_answer_to_our_challenge_passes(algorithm):
    asked = challenge('our "realm"', "n0", algorithm)
    value = answer(asked, 'us"er', "p:ss", "INVITE", "sip:1@h", 'c"n', 2)
    auth = parse_authorization(value)
    assert (auth["username"], auth["cnonce"], auth["nc"], nonce_count(auth)) == ('us"er', 'c"n', "00000002", 2)
    assert verify(auth, "INVITE", ha1('us"er', 'our "realm"', "p:ss", algorithm))
    assert not verify(auth, "INVITE", ha1('us"er', 'our "realm"', "wrong", algorithm))


BAD = ["", "Digest a", "Digest =1", 'Digest a="1', 'Digest a="1" b="2"', "Digest a=1, a=2", "Digest a=1 2", "(x) a=1"]


@pytest.mark.parametrize("value", BAD)
def test_malformed_credentials_are_refused(value):
    with pytest.raises(BadMessage):
        parse_authorization(value)


def test_odd_but_legal_credentials():
    value = 'dIGEST\tUserName = "a, \\"b\\"" ,, nc=00000001,\r\n realm=""'
    assert parse_authorization(value) == {"scheme": "digest", "username": 'a, "b"', "nc": "00000001", "realm": ""}
    assert parse_authorization("Negotiate") == {"scheme": "negotiate"}


UNANSWERABLE = [
    "Basic realm=x",
    'Digest realm="r"',
    'Digest nonce="n"',
    'Digest realm="r", nonce="n", algorithm=SHA-512-256',
    'Digest realm="r", nonce="n", qop="auth-int"',
    'Digest realm="r", nonce="n", algorithm=MD5-sess',
    "garbage garbage",
]


@pytest.mark.parametrize("value", UNANSWERABLE)
def test_challenges_that_cannot_be_answered(value):
    with pytest.raises(BadMessage):
        answer(value, "u", "p", "INVITE", "sip:a@h", "c", 1)
    assert choose([value]) is None


def test_first_challenge_that_can_be_answered_is_chosen():
    better, plain = challenge("r", "n", "SHA-256"), challenge("r", "n", "MD5")
    assert choose([*UNANSWERABLE, better, plain]) == better
    assert choose([plain, better]) == plain


@given(st.text())
def test_any_credentials_are_read_or_refused(text):
    for value in (text, f"Digest {text}", f'Digest username="{text}", realm={text}'):
        try:
            auth = parse_authorization(value)
        except BadMessage:
            continue
        assert not verify(auth, "INVITE", "0" * 32)


@given(st.text(), st.text(), st.text(st.characters(exclude_characters="\r\n")))
def test_any_credential_passes_when_it_is_right(user, password, realm):
    user = user.replace("\r", "").replace("\n", "")
    auth = parse_authorization(answer(challenge(realm, "n", "MD5"), user, password, "INVITE", "sip:a@h", "c", 1))
    assert verify(auth, "INVITE", ha1(user, realm, password))


# --- nonces

NOW = 1000.0


def test_a_nonce_count_serves_once_and_may_be_overtaken():
    nonces = Nonces(b"secret")
    nonce = nonces.new(NOW)
    counts = [1, 1, 2, 5, 4, 5, 4, 6, 0, -1, 100, 69, 68, 69, 100, 10**8, 100]
    assert [nonces.check(nonce, nc, NOW + 1) for nc in counts] == [
        *("ok", "replay", "ok", "ok", "ok", "replay", "replay", "ok", "replay", "replay"),
        *("ok", "ok", "replay", "replay", "replay", "ok", "replay"),
    ]


@given(st.lists(st.integers(-3, 80), max_size=60))
def test_no_nonce_count_serves_twice(counts):
    nonces = Nonces(b"secret")
    nonce = nonces.new(NOW)
    taken = [nc for nc in counts if nonces.check(nonce, nc, NOW) == "ok"]
    assert len(taken) == len(set(taken))
    assert all(nc > 0 for nc in taken)
    rising = list(dict.fromkeys(itertools.accumulate(counts, max)))
    assert set(taken) >= {nc for nc in rising if nc > 0}


def test_nonce_gets_stale():
    nonces = Nonces(b"secret", lifetime=10)
    nonce = nonces.new(NOW)
    assert nonces.check(nonce, 1, NOW + 10) == "ok"
    assert nonces.check(nonce, 2, NOW + 10.1) == "stale"
    assert nonces.check(nonce, 1, NOW + 100) == "stale"
    assert nonces.check(nonces.new(NOW), 1, NOW - 1) == "stale"


def test_challenges_cost_no_memory():
    nonces = Nonces(b"secret")
    made = {nonces.new(NOW) for _ in range(1000)}
    assert len(made) == 1000
    assert len(nonces) == 0
    assert nonces.check(made.pop(), 1, NOW) == "ok"
    assert len(nonces) == 1


def test_nonces_cannot_be_forged():
    nonces, other = Nonces(b"secret"), Nonces(b"other secret")
    assert nonces.check(other.new(NOW), 1, NOW) == "stale"
    for nonce in ("", "x", "A" * 40, "\u00e9" * 40, "A" * 41, nonces.new(NOW) + "A", nonces.new(NOW)[:-1]):
        assert nonces.check(nonce, 1, NOW) == "stale"
    assert len(nonces) == 0


@given(st.integers(0, 29), st.integers(1, 255))
def test_changing_any_byte_of_a_nonce_makes_it_stale(at, flip):
    nonces = Nonces(b"secret")
    raw = bytearray(base64.urlsafe_b64decode(nonces.new(NOW)))
    raw[at] ^= flip
    assert nonces.check(base64.urlsafe_b64encode(raw).decode(), 1, NOW) == "stale"


def test_memory_is_bounded_and_forgetting_lets_no_replay_pass():
    nonces = Nonces(b"secret", capacity=10)
    made = [nonces.new(NOW + n) for n in range(30)]
    assert [nonces.check(nonce, 1, NOW + 30) for nonce in made] == ["ok"] * 30
    assert len(nonces) == 10
    assert [nonces.check(nonce, 1, NOW + 30) for nonce in made] == ["stale"] * 20 + ["replay"] * 10
    assert [nonces.check(nonce, 2, NOW + 30) for nonce in made[20:]] == ["ok"] * 10
    assert nonces.check(nonces.new(NOW + 30), 1, NOW + 30) == "ok"


def test_expired_nonces_are_forgotten():
    nonces = Nonces(b"secret", lifetime=10)
    for n in range(5):
        assert nonces.check(nonces.new(NOW + n), 1, NOW + n) == "ok"
    assert len(nonces) == 5
    assert nonces.check(nonces.new(NOW + 12.5), 1, NOW + 12.5) == "ok"
    assert len(nonces) == 3
