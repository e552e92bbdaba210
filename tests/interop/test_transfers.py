"""Transfers (REFER) with real peers: who speaks with whom, what is recorded, and what is paid."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.interop.test_sessions import Voice, media_of
from tests.support.harness import balanced, check_books
from tests.support.peer import Peer, accepted, description
from tests.support.sipp import ANSWER
from tests.support.switch import free_port

PARTNER = """
[[routing_gateways]]
name = "third{{n}}"
account = "V{{n}}"
address = "127.0.0.1"
port = {port}
prefixes = ["{prefix}"]
"""
OFFICE = """
[[mapping_gateways]]
name = "office{n}"
account = "C{n}"
auth = "ip"
addresses = ["127.3.0.1"]
[[routing_gateways]]
name = "office{n}"
account = "V{n}"
address = "127.3.0.1"
port = {port}
prefixes = ["{prefix}"]
transfers = "internal"
"""
STAYS = [
    *("receive INVITE", "send 180", "send 200 sdp INVITE", "receive ACK"),
    *("receive INVITE", "send 200 sdp INVITE", "receive ACK"),
]
NOTIFIED = ["receive NOTIFY", "reply 200"]
UP = ["invite", "expect? 100", "expect? 180", "expect 200", "ack", "pause 1000"]


def begin(case, transfers="internal", **more):
    """The customer may transfer; a third vendor answers numbers that go on with a 9."""
    case.ports["third"] = free_port()
    text = PARTNER.format(port=case.ports["third"], prefix=case.prefix + "9")
    case.begin(access=f'transfers = "{transfers}"', more=text, **more)
    case.partner = case.prefix + "977"


def checked(case, seconds):
    """The records of both calls, the old one first, with their fees in the books."""
    new, old = case.cdrs(2)
    if old["call_id"] > new["call_id"]:
        new, old = old, new
    for cdr, wanted in zip((old, new), seconds, strict=True):
        assert (cdr["end_reason"], cdr["account"]) == ("normal", f"C{case.n}")
        if wanted is not None:
            assert wanted <= cdr["hold_time"] <= wanted + 2, cdr
        assert Decimal(cdr["fee"]) == Decimal(cdr["hold_time"]) / 100
        assert Decimal(cdr["cost"]) == Decimal(cdr["hold_time"]) / 200
    assert case.paid() == Decimal(old["fee"]) + Decimal(new["fee"])
    books = balanced(f"sqlite:///{case.switch.folder}/vosswitch.sqlite", lambda books: books.cdrs)
    own = {f"C{case.n}", f"V{case.n}"}  # other cases have lived in this database
    books.balances = {number: balance for number, balance in books.balances.items() if number in own}
    books.cdrs = [row for row in books.cdrs if row["customeraccount"] == f"C{case.n}"]
    check_books(books)
    return old, new


def test_blind(case):
    begin(case)
    stays = case.vendor("first", [*STAYS, "pause 1000", "bye", "expect 200"])
    partner = case.vendor("third", ANSWER)
    leaves = case.call([*UP, f"refer {case.partner}", "expect 202", *NOTIFIED * 3, "receive BYE", "reply 200"])
    leaves.succeeds()
    stays.succeeds()
    partner.succeeds()
    old, new = checked(case, (2, 1))
    assert new["callee"] == case.partner
    assert [message.body for message in leaves.heard("NOTIFY")] == [
        b"SIP/2.0 100 Trying\r\n", b"SIP/2.0 180 Ringing\r\n", b"SIP/2.0 200 OK\r\n",
    ]  # fmt: skip
    (invite,) = partner.heard("INVITE")
    (first, again) = stays.heard("INVITE")
    assert media_of(invite) != media_of(first)
    assert media_of(again)[1] not in {media_of(first)[1], media_of(invite)[1]}
    for message in (invite, again):
        assert case.host.encode() not in message.body
    assert old["decision"]["transfer"] == {"to": new["call_id"], "by": "caller"}
    assert new["decision"]["transfer"]["from"] == old["call_id"]


def test_blind_of_a_called_side_that_is_a_customer_too(case):
    begin(case, account="")
    vendor = Peer(case.switch.port, host="127.3.0.1")
    office = OFFICE.format(n=case.n, port=vendor.port, prefix=case.prefix + "5")
    case.switch.provision(office, "office.toml")
    case.peers.append(vendor)
    partner = case.vendor("third", ANSWER)
    to = case.prefix + "5"
    caller = case.call(
        ["invite", "expect? 100", "expect? 180", "expect 200", "ack", "receive INVITE", "reply 200 sdp", "receive ACK",
         "pause 1000", "bye", "expect 200"], to=to,
    )  # fmt: skip
    invite = vendor.expect("INVITE")
    vendor.reply(invite, 200, description("127.3.0.1", 40400))
    vendor.expect("ACK")
    refer = vendor.within(invite, "REFER")
    refer.add("refer-to", f"<sip:{case.partner}@127.0.0.1>")
    vendor.send(refer)
    vendor.expect(202)
    while True:
        message = vendor.receive(5)
        vendor.reply(message, 200)
        if message.method == "BYE":
            break
    caller.succeeds()
    partner.succeeds()
    old, new = case.cdrs(2)
    if old["call_id"] > new["call_id"]:
        new, old = old, new
    assert (old["routing_gateway"], new["mapping_gateway"]) == (f"office{case.n}", f"office{case.n}")
    assert Decimal(old["cost"]) < Decimal(old["fee"]) / 2  # the vendor's leg was gone before
    assert case.paid() == Decimal(old["fee"]) + Decimal(new["fee"])


@pytest.mark.parametrize(("answer", "status"), [("486", b"486"), ("404", b"404")])
def test_a_refused_transfer_leaves_the_call(case, answer, status):
    begin(case)
    stays = case.vendor("first", ANSWER)
    partner = case.vendor("third", ["receive INVITE", f"send {answer} INVITE", "receive ACK"])
    steps = [*UP, f"refer {case.partner}", "expect 202", *NOTIFIED * 2, "pause 200", "bye", "expect 200"]
    leaves = case.call(steps)
    leaves.succeeds()
    stays.succeeds()
    partner.succeeds()
    assert leaves.heard("NOTIFY")[-1].body.startswith(b"SIP/2.0 " + status)
    assert sorted((cdr["end_reason"] == "normal", cdr["hold_time"] > 0) for cdr in case.cdrs(2)) == [
        (False, False), (True, True),
    ]  # fmt: skip


def test_who_may_not_transfer_gets_405(case):
    begin(case, transfers="refuse")
    stays = case.vendor("first", ANSWER)
    leaves = case.call([*UP, f"refer {case.partner}", "expect 405", "bye", "expect 200"])
    leaves.succeeds()
    stays.succeeds()
    assert case.cdr()["end_reason"] == "normal"


def test_passed_on(case):
    begin(case, transfers="pass")
    stays = case.vendor(
        "first", ["receive INVITE", "send 180", "send 200 sdp INVITE", "receive ACK", "receive REFER", "send 202",
                  "receive BYE", "send 200"],
    )  # fmt: skip
    leaves = case.call([*UP, f"refer {case.partner}", "expect 202", "bye", "expect 200"])
    leaves.succeeds()
    stays.succeeds()
    (refer,) = stays.heard("REFER")
    assert refer.get("refer-to") == f"<sip:{case.partner}@127.0.0.1:{case.switch.port}>"
    assert case.cdr()["end_reason"] == "normal"


class Line:
    """A call of ours that is up: a peer, its voice, and where that speaks to."""

    def __init__(self, case, number, called):
        self.peer = Peer(case.switch.port, host=case.host)
        self.voice = Voice(case.host)
        case.peers += [self.peer, self.voice]
        self.peer.send(self.peer.request("INVITE", number, description(case.host, self.voice.port)))
        invite = called.peer.expect("INVITE")
        called.takes(invite)
        self.ok = self.peer.expect(200)
        self.peer.send(self.peer.request("ACK", number, answered=self.ok))
        called.peer.expect("ACK")
        self.to = media_of(self.ok)

    def refer(self, value):
        """Ask for a transfer."""
        request = self.peer.request("REFER", "x", answered=self.ok)
        request.add("refer-to", value)
        self.peer.send(request)
        self.peer.expect(202)

    def until_bye(self):
        """Answer what comes until the BYE; the bodies of the NOTIFYs."""
        bodies = []
        while True:
            message = self.peer.receive(5)
            if not hasattr(message, "method"):
                continue
            self.peer.reply(message, 200)
            if message.method == "BYE":
                return bodies
            bodies.append(message.body)


class Called:
    """A vendor of ours."""

    def __init__(self, case, name):
        self.peer = Peer(case.switch.port)
        self.voice = Voice()
        case.ports[name] = self.peer.port
        case.peers += [self.peer, self.voice]

    def takes(self, invite):
        """Answer an INVITE or a re-INVITE."""
        self.invite = invite
        self.to = media_of(invite)
        self.peer.reply(invite, 200, description("127.0.0.1", self.voice.port))


def speak(one, other):
    """Each hears the other one, and nothing else."""
    for here, there, fill in ((one, other, 0x41), (other, one, 0x42)):
        there.voice.socket.settimeout(0.3)
        there.voice.heard()
        here.voice.speak(here.to, 20, fill)
        heard = there.voice.heard()
        assert len(heard) >= 15, len(heard)
        assert {payload[0] for payload in heard} == {fill}


def talk(case):
    one, two = Called(case, "first"), Called(case, "third")
    case.begin(
        access='transfers = "internal"',
        more=PARTNER.format(port=two.peer.port, prefix=case.prefix + "9"),
    )
    case.partner = case.prefix + "977"
    return one, two


def test_media_follows_a_blind_transfer(case):
    one, two = talk(case)
    line = Line(case, case.number, one)
    speak(line, one)
    line.refer(f"<sip:{case.partner}@127.0.0.1>")
    two.takes(two.peer.expect("INVITE"))
    one.takes(one.peer.expect("INVITE"))
    assert line.until_bye()[-1] == b"SIP/2.0 200 OK\r\n"
    speak(one, two)
    two.peer.send(two.peer.within(two.invite, "BYE"))
    two.peer.expect(200)
    one.peer.reply(one.peer.expect("BYE"), 200)
    checked(case, (None, None))


def test_attended(case):
    one, two = talk(case)
    first = Line(case, case.number, one)
    second = Line(case, case.partner, two)
    speak(second, two)
    name = f"{second.peer.call_id};to-tag={second.ok.to.tag};from-tag={second.peer.tag}"
    for plain, escaped in (("@", "%40"), (";", "%3B"), ("=", "%3D")):
        name = name.replace(plain, escaped)
    first.refer(f"<sip:{case.partner}@127.0.0.1?Replaces={name}>")
    one.takes(one.peer.expect("INVITE"))
    two.takes(two.peer.expect("INVITE"))
    assert first.until_bye()[-1] == b"SIP/2.0 200 OK\r\n"
    second.until_bye()
    speak(one, two)
    one.peer.send(one.peer.within(one.invite, "BYE"))
    one.peer.expect(accepted("BYE"))
    two.peer.reply(two.peer.expect("BYE"), 200)
    old, new = checked(case, (None, None))
    assert {old["callee"], new["callee"]} == {case.number, case.partner}


def test_a_join_that_the_second_side_refuses_leaves_both_calls_with_their_media(case):
    one, two = talk(case)
    first = Line(case, case.number, one)
    second = Line(case, case.partner, two)
    name = f"{second.peer.call_id};to-tag={second.ok.to.tag};from-tag={second.peer.tag}"
    for plain, escaped in (("@", "%40"), (";", "%3B"), ("=", "%3D")):
        name = name.replace(plain, escaped)
    first.refer(f"<sip:{case.partner}@127.0.0.1?Replaces={name}>")
    one.takes(one.peer.expect("INVITE"))
    two.peer.reply(two.peer.expect("INVITE"), 488)
    one.takes(one.peer.expect("INVITE"))
    while True:
        notify = first.peer.expect("NOTIFY")
        first.peer.reply(notify, 200)
        if notify.body.startswith(b"SIP/2.0 488"):
            break
    speak(first, one)
    speak(second, two)
    for line, called in ((first, one), (second, two)):
        line.peer.send(line.peer.request("BYE", case.number, answered=line.ok))
        called.peer.reply(called.peer.expect("BYE"), 200)
    checked(case, (None, None))


@pytest.mark.parametrize("late", [False, True], ids=["with its session", "offered one"])
def test_another_leg_of_the_customer_takes_a_call_over(case, late):
    one, _ = talk(case)
    line = Line(case, case.number, one)
    new = Peer(case.switch.port, host=case.host)
    voice = Voice(case.host)
    case.peers += [new, voice]
    session = description(case.host, voice.port)
    invite = new.request("INVITE", case.number, b"" if late else session)
    invite.add("replaces", f"{line.peer.call_id};to-tag={line.ok.to.tag};from-tag={line.peer.tag}")
    new.send(invite)
    again = one.peer.expect("INVITE")
    if late:
        one.peer.reply(again, 200, description("127.0.0.1", one.voice.port))
    else:
        one.takes(again)
    ok = new.expect(200)
    new.send(new.request("ACK", case.number, session if late else b"", answered=ok))
    if late:
        one.to = media_of(one.peer.expect(lambda message: getattr(message, "method", "") == "ACK" and message.body))
        one.invite = again
    line.until_bye()
    line.peer, line.voice, line.to = new, voice, media_of(ok)
    speak(line, one)
    new.send(new.request("BYE", case.number, answered=ok))
    one.peer.reply(one.peer.expect("BYE"), 200)
    cdr = case.cdr()
    assert (cdr["end_reason"], cdr["end_direction"]) == ("normal", 0)
    assert case.paid() == Decimal(cdr["fee"])


def test_a_stranger_takes_nothing_over(case):
    one, _ = talk(case)
    line = Line(case, case.number, one)
    stranger = Peer(case.switch.port, host="127.9.9.9")
    case.peers.append(stranger)
    invite = stranger.request("INVITE", case.number, description("127.9.9.9"))
    invite.add("replaces", f"{line.peer.call_id};to-tag={line.ok.to.tag};from-tag={line.peer.tag}")
    stranger.send(invite)
    stranger.expect(lambda message: getattr(message, "status", 0) in {401, 403})
    speak(line, one)
    line.peer.send(line.peer.request("BYE", "x", answered=line.ok))
    one.peer.reply(one.peer.expect("BYE"), 200)
    assert case.cdr()["end_reason"] == "normal"
