"""Who gets in: strangers cost no memory, get one small answer or none, and learn nothing."""

from __future__ import annotations

import json
import sys
from collections import Counter
from urllib.parse import quote

import pytest
from sip_world import OFFER, STRANGER, UAC, Peer, World
from test_sip_registrar import Phone

from vosswitch.app.logs import JsonLines
from vosswitch.model.causes import cause
from vosswitch.model.signals import Release
from vosswitch.sip.gate import authevents
from vosswitch.sip.gate.authevents import AuthEvents
from vosswitch.sip.grammar import digest

METHODS = ("INVITE", "REGISTER", "OPTIONS", "BYE", "CANCEL", "INFO", "UPDATE", "PRACK", "MESSAGE", "SUBSCRIBE", "NOISE")


@pytest.fixture(params=[True, False], ids=["challenges", "refuses"])
def world(request):
    world = World()
    world.credentials.asks = request.param
    world.credentials.add("gate", "secret")
    yield world
    world.close()


@pytest.fixture
def asking():
    """Somebody may prove himself."""
    world = World()
    world.credentials.trusted = set()
    world.credentials.asks = True
    world.credentials.add("gate", "secret")
    yield world
    world.close()


def stranger(world, address=STRANGER):
    return Peer(world, address, f"c{world.next()}@x")


def challenge_of(response, kind="MD5"):
    (value,) = [
        text
        for text in response.headers["www-authenticate"]
        if digest.algorithm_of(digest.parse_authorization(text)) == kind
    ]
    return value


def proof(caller, challenge, password="secret", user="gate", nc=1, **more):
    value = digest.answer(challenge, user, password, "INVITE", caller.uri, "cnonce", nc)
    return caller.text("INVITE", OFFER, authorization=value, **more)


def events(world):
    return [event for event in world.logged if "event" in event]


# ---- no state, one small answer


@pytest.mark.parametrize("method", METHODS)
def test_a_stranger_s_request_leaves_nothing_behind(world, method):
    caller = stranger(world)
    for _ in range(3):
        caller.request(method, branch="z9hG4bKsame")
        answers = world.udp.written
        world.udp.written = []
        assert len(answers) == 1
        assert len(answers[0][0]) <= 2 * len(caller.sent)
        assert answers[0][1] == STRANGER
    assert world.service._layer.servers == {}
    assert world.service._layer.merges == {}
    assert len(world.service.timers) == 0
    world.clock.advance(40)
    assert world.udp.written == []


def test_the_same_request_gets_the_same_to_tag(asking):
    caller = stranger(asking)
    caller.request("INVITE", OFFER)
    asking.put(caller.sent, STRANGER)
    first, second = asking.take()
    assert first.to.tag == second.to.tag
    caller.request("INVITE", OFFER)
    assert asking.one().to.tag != first.to.tag


@pytest.mark.parametrize("method", ["INVITE", "REGISTER", "OPTIONS", "BYE", "FOO"])
def test_the_shortest_request_is_not_amplified(asking, method):
    data = (
        f"{method} sip:a@b SIP/2.0\r\nv:SIP/2.0/UDP x;branch=z9hG4bKa\r\nf:<sip:a@b>;tag=1\r\nt:<sip:a@b>\r\ni:1\r\n"
        f"CSeq:1 {method}\r\nl:0\r\n\r\n"
    ).encode()
    asking.put(data, STRANGER)
    for answer, _ in asking.udp.written:
        assert len(answer) <= 2 * len(data)
    assert len(asking.udp.written) <= 1
    asking.udp.written = []


def test_a_challenge_that_does_not_fit_offers_less():
    world = World()
    world.credentials.asks = True
    counts = set()
    for padding in range(0, 400, 20):
        caller = stranger(world)
        caller.request("INVITE", subject="x" * padding, contact="", max_forwards="")
        answers = world.take()
        counts |= {len(answer.headers["www-authenticate"]) for answer in answers}
    assert counts == {1, 2}
    world.close()


def test_a_proof_gets_in_and_only_then_there_is_a_transaction(asking):
    caller = stranger(asking)
    caller.request("INVITE", OFFER)
    asking.put(proof(caller, challenge_of(asking.one())), STRANGER)
    assert asking.one().status == 100
    assert len(asking.service._layer.servers) == 1
    leg, offered = asking.calls.offered.pop()
    assert offered.user == "gate"
    leg.send(Release(cause("no_route")))


# ---- silence


@pytest.mark.parametrize("method", METHODS)
def test_silence_for_strangers_everywhere(method):
    world = World()
    world.parameters["SS_REPLY_UNAUTHORIZED"] = False
    caller = stranger(world)
    caller.request(method)
    caller.request(method, to="<sip:a@b>;tag=unknown")
    assert world.take() == []
    caller = stranger(world, UAC)
    caller.request(method)
    assert len(world.take()) >= 1
    for leg, _ in world.calls.offered:
        leg.send(Release(cause("no_route")))
    world.close()


def test_garbage_of_strangers_gets_silence_too():
    world = World()
    world.parameters["SS_REPLY_UNAUTHORIZED"] = False
    data = stranger(world).text("OPTIONS").replace(b"CSeq: 1 OPTIONS", b"CSeq: 1 INVITE")
    world.put(data, STRANGER)
    assert world.take() == []
    world.put(data, UAC)
    assert world.one().status == 400
    world.close()


def test_in_silence_only_those_are_challenged_that_may_prove_themselves():
    world = World()
    world.parameters["SS_REPLY_UNAUTHORIZED"] = False
    world.credentials.asks = True
    caller = stranger(world)
    caller.request("INVITE", OFFER)
    assert world.take() == []
    world.credentials.passworded = {STRANGER[0]}
    caller.request("INVITE", OFFER)
    challenge = challenge_of(world.one())
    world.put(proof(caller, challenge, password="wrong"), STRANGER)
    assert world.take() == []  # whoever has the wrong password, known name or not
    world.put(proof(caller, challenge, password="wrong", user="nobody"), STRANGER)
    assert world.take() == []
    caller.request("REGISTER")
    assert world.one().status == 401  # phones have to register from somewhere
    world.close()


def test_vendors_and_this_machine_are_no_strangers():
    world = World()
    world.parameters["SS_REPLY_UNAUTHORIZED"] = False
    world.credentials.vendors = {STRANGER[0]}
    for address in (STRANGER, ("127.0.0.1", 5099)):
        stranger(world, address).request("OPTIONS")
        assert world.one().status == 200
    world.close()


# ---- known and unknown users


def work(world, caller, text):
    """The calls that judging a request makes, by name."""
    made: Counter[str] = Counter()

    def note(_frame, event, arg):
        if event == "call":
            made[_frame.f_code.co_qualname] += 1
        elif event == "c_call":
            made[arg.__qualname__] += 1

    sys.setprofile(note)
    try:
        world.put(text, STRANGER)
    finally:
        sys.setprofile(None)
    return made


@pytest.mark.parametrize("kind", ["MD5", "SHA-256"])
def test_the_same_work_for_known_and_unknown_users(asking, kind):
    asking.credentials.add("only-md5", "secret", ("MD5",))
    found = []
    asking.parameters["SS_AUTHENTICATION_MAX_RETRY"] = 0
    asking.serial = 100  # the same number of digits in all Call-IDs
    for user in ("gate", "etag", "tage", "only-md5"):
        caller = stranger(asking)
        caller.request("INVITE", OFFER)
        text = proof(caller, challenge_of(asking.one(), kind), "wrong", user)
        made = work(asking, caller, text)
        answer, _ = asking.udp.written.pop()
        found.append((made["openssl_md5"], made["openssl_sha256"], made["verify"], made["_fail"], len(answer)))
    lengths = {row[-1] for row in found[:3]}
    assert len({row[:-1] for row in found}) == 1, found
    assert found[0][:2] in {(2, 0), (0, 2)}
    assert len(lengths) == 1


def test_who_is_online_cannot_be_suspended_from_his_place():
    world = World()
    world.credentials.add("1001", "secret")
    world.credentials.phones["1001"] = "1001"
    world.credentials.asks = True
    phone = Phone(world)
    assert phone.register().status == 200
    caller = stranger(world, phone.address)
    for _ in range(5):
        caller.request("INVITE", OFFER)
        world.put(proof(caller, challenge_of(world.one()), "wrong", "1001"), phone.address)
        assert world.one().status == 401
    other = stranger(world)
    statuses = []
    for _ in range(4):
        other.request("INVITE", OFFER)
        world.put(proof(other, challenge_of(world.one()), "wrong", "1001"), STRANGER)
        statuses.append(world.one().status)
    assert statuses == [401, 401, 403, 403]
    assert phone.register().status == 200
    world.close()


# ---- what credentials are good for


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (lambda text: text, 100),
        (lambda text: text.replace("qop=auth,", "qop=auth-int,"), 401),
        (lambda text: text.replace('realm="test.example"', 'realm="other"'), 401),
        (lambda text: text.replace(", nc=00000001", ""), 401),
        (lambda text: text.replace('cnonce="cnonce"', 'cnonce=""'), 401),
        (lambda text: text.replace("nc=00000001", "nc=1"), 401),
        (lambda text: f"Bearer abc\r\nAuthorization: {text}", 100),
        (lambda text: f'Digest realm="other", nonce="x"\r\nAuthorization: {text}', 100),
        (lambda text: f'Digest realm="test.example", algorithm=MD4\r\nAuthorization: {text}', 100),
        (lambda text: "\r\nAuthorization: ".join(['Digest realm="o"'] * 9 + [text]), 401),
    ],
)
def test_credentials(asking, change, status):
    caller = stranger(asking)
    caller.request("INVITE", OFFER)
    value = digest.answer(challenge_of(asking.one()), "gate", "secret", "INVITE", caller.uri, "cnonce", 1)
    text = caller.text("INVITE", OFFER, x_proof="1").replace(b"X-Proof: 1", f"Authorization: {change(value)}".encode())
    asking.put(text, STRANGER)
    assert asking.one().status == status
    for leg, _ in asking.calls.offered:
        leg.send(Release(cause("no_route")))


def test_an_algorithm_that_was_not_offered_proves_nothing(asking):
    caller = stranger(asking)
    caller.request("INVITE", OFFER)
    challenge = challenge_of(asking.one())
    asking.parameters["VS_DIGEST_ALGORITHMS"] = "SHA-256"
    asking.put(proof(caller, challenge), STRANGER)
    assert asking.one().status == 401
    assert asking.calls.offered == []


# ---- events


def test_events_have_their_keys_and_the_suspension_is_always_told(asking):
    caller = stranger(asking)
    for _ in range(4):
        caller.request("INVITE", OFFER)
        asking.put(proof(caller, challenge_of(asking.one()), "wrong", '"evil\\" "'), STRANGER)
        asking.take()
    told = events(asking)
    assert [event["event"] for event in told] == ["auth_failed", "auth_suspended", "auth_refused"]
    for event in told:
        assert (event["source"], event["port"], event["transport"]) == (STRANGER[0], STRANGER[1], "udp")
        assert (event["method"], event["user"]) == ("INVITE", '"evil\\" "')
    assert [event["reason"] for event in told] == ["wrong_credentials", "user", "suspended"]
    assert [event["verified"] for event in told] == [True, True, False]
    assert told[1]["seconds"] == 180
    assert asking.service.events.counts == {"auth_failed": 2, "auth_suspended": 1, "auth_refused": 1}


def test_events_are_counted_while_they_are_not_written(asking):
    asking.parameters["SS_AUTHENTICATION_MAX_RETRY"] = 0
    caller = stranger(asking)
    for _ in range(7):
        caller.request("INVITE", OFFER)
        asking.put(proof(caller, challenge_of(asking.one()), "wrong"), STRANGER)
        asking.take()
        asking.clock.advance(2)
    assert [event["count"] for event in events(asking)] == [1, 5]


class _Flow:
    reliable = False

    def __init__(self, host):
        self.remote = type("A", (), {"host": host, "port": 5060, "transport": "udp"})


def test_a_flood_of_forged_sources_writes_few_lines_and_hides_no_proved_one(monkeypatch):
    monkeypatch.setattr(authevents, "SOURCES", 50)
    world = World()
    request = type("R", (), {"method": "INVITE", "from_": None})
    written = []
    log = type("L", (), {"warn": staticmethod(lambda text, **fields: written.append(fields))})
    told = AuthEvents(log, world.clock.seconds)
    for number in range(5000):
        told.tell("auth_refused", request, _Flow(f"10.0.{number // 250}.{number % 250}"), "unknown_source", "u")
    assert len(written) == authevents.MOST_UNVERIFIED
    told.tell("auth_failed", request, _Flow("10.9.9.9"), "wrong_credentials", "u", proved=True)
    assert written[-1]["source"] == "10.9.9.9"
    assert len(told._seen) <= 50


def test_a_line_is_json_and_cannot_be_forged():
    class Out:
        text = ""

        def write(self, text):
            Out.text += text

        def flush(self):
            pass

    world = World()
    world.credentials.trusted = set()
    world.credentials.asks = False
    evil = 'x", "event": "auth_suspended", "source": "1.2.3.4'
    caller = stranger(world)
    caller.request("INVITE", OFFER, **{"from": f"<sip:{quote(evil)}@h>;tag=1"})
    world.take()
    (event,) = events(world)
    JsonLines(Out(), 1)(event)
    line = json.loads(Out.text)
    assert line["event"] == "auth_refused"
    assert (line["source"], line["port"], line["verified"]) == (STRANGER[0], STRANGER[1], False)
    assert line["user"] == evil[:64]
    assert Out.text.count("\n") == 1
