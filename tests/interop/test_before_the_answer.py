"""Reliable provisional responses, forks, redirections and codecs, with real peers on both sides."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.interop.test_sessions import Voice, media_of
from tests.support.lossy import LossyWire, first_of_each
from tests.support.peer import Peer, accepted, description
from tests.support.sipp import ANSWER, CALL, called

RELIABLE_VENDOR = [
    *("receive INVITE", "send 100", "send 183 sdp 100rel", "receive PRACK", "send 200", "pause 100"),
    *("send 200 first INVITE", "receive ACK", "receive BYE", "send 200"),
]
RELIABLE_CALLER = [
    *("invite 100rel", "expect? 100", "expect 183 rseq", "prack", "expect 200"),
    *("expect 200", "ack", "pause 100", "bye", "expect 200"),
]


def within(peer, response, method, body=b"", *, seq=None, extra=()):
    """A request of the caller in the dialog, early or not, of *response*."""
    made = peer.request(method, "", body, answered=response)
    for name, value in extra:
        made.add(name, value)
    if seq is not None:
        made.set("cseq", f"{seq} {method}")
    return made


@pytest.mark.parametrize("here", [True, False], ids=["caller", "caller not"])
@pytest.mark.parametrize("there", [True, False], ids=["vendor", "vendor not"])
def test_each_leg_is_reliable_by_itself(case, here, there):
    case.begin(access='reliable = "supported"', vendor=f'reliable = "{"required" if there else "off"}"')
    plain = [*ANSWER[:2], "send 183 sdp", "pause 100", *ANSWER[3:]]
    vendor = case.vendor("first", RELIABLE_VENDOR if there else plain)
    call = case.call(RELIABLE_CALLER if here else CALL)
    call.succeeds()
    vendor.succeeds()
    (invite,) = vendor.heard("INVITE")
    assert ("100rel" in invite.all("require")) is there
    progress = next(message for message in call.heard("SIP/2.0 183"))
    assert (progress.get("rseq") is not None) is here
    answer = next(message for message in call.heard("SIP/2.0 200") if message.cseq.method == "INVITE")
    assert (answer.body == b"") is here  # offer and answer are complete
    cdr = case.cdr()
    assert (cdr["end_reason"], len(cdr["attempts"])) == ("normal", 1)
    assert case.paid() == Decimal("0.01")


def test_a_late_offer_is_answered_in_the_prack_on_both_sides(case):
    case.begin(access='reliable = "supported"', vendor='reliable = "supported"')
    vendor = case.vendor("first", RELIABLE_VENDOR)
    steps = [step.replace("invite 100rel", "invite late 100rel") for step in RELIABLE_CALLER]
    call = case.call([step.replace("prack", "prack sdp") for step in steps])
    call.succeeds()
    vendor.succeeds()
    (prack,) = vendor.heard("PRACK")
    assert b"m=audio" in prack.body
    assert prack.body.count(b"127.2.") == 0  # relayed
    assert case.cdr()["end_reason"] == "normal"


@pytest.mark.parametrize(("policy", "step", "status"), [("required", "invite", 421), ("off", "invite", 200)])
def test_a_caller_that_has_to_be_reliable(case, policy, step, status):
    case.begin(access=f'reliable = "{policy}"')
    if status == 421:
        case.call([step, "expect 421", "failack"]).succeeds()
        return
    vendor = case.vendor("first", ANSWER)
    case.call(CALL).succeeds()
    vendor.succeeds()


class Vendor(Peer):
    """A vendor whose proxy lets two phones ring."""

    def fork(self, invite, status, tag, body=b"", extra=()):
        made = invite.reply(status, "", tag)
        made.add("contact", f"<sip:{tag}@{self.host}:{self.port}>")
        for name, value in extra:
            made.add(name, value)
        if body:
            made.add("content-type", "application/sdp")
            made.body = body
        self.send(made)


def test_media_follows_the_branch_that_answers(case):
    vendor = Vendor(case.switch.port)
    case.ports["first"] = vendor.port
    case.begin(vendor='reliable = "supported"')
    caller = Peer(case.switch.port, host=case.host)
    here, first, second = Voice(case.host), Voice(), Voice()
    case.peers += [vendor, caller, here, first, second]
    caller.send(caller.request("INVITE", case.number, description(case.host, here.port)))
    invite = vendor.expect("INVITE")
    reliable = (("require", "100rel"), ("rseq", "1"))
    vendor.fork(invite, 183, "one", description(port=first.port), reliable)
    vendor.fork(invite, 183, "two", description(port=second.port), reliable)
    for _ in range(2):
        prack = vendor.expect("PRACK")
        assert prack.get("rack") == f"1 {invite.cseq.number} INVITE"
        vendor.reply(prack, 200)
    vendor.fork(invite, 200, "one")
    ack = vendor.expect("ACK")
    assert (ack.to.tag, ack.cseq.number) == ("one", invite.cseq.number)
    vendor.fork(invite, 200, "two", description(port=second.port))
    bye = vendor.expect("BYE")
    assert (bye.to.tag, bye.cseq.number > 2) == ("two", True)
    vendor.reply(bye, 200)
    answered = caller.expect(accepted("INVITE"))
    caller.send(caller.request("ACK", "", answered=answered))
    here.speak(media_of(answered), 20, 7)
    first.speak(media_of(invite), 20, 8)
    assert set(here.heard()) == {bytes([8]) * 160}
    assert set(first.heard()) == {bytes([7]) * 160}
    assert second.heard() == []
    caller.send(caller.request("BYE", "", answered=answered))
    bye = vendor.expect("BYE")
    assert bye.to.tag == "one"
    vendor.reply(bye, 200)
    caller.expect(accepted("BYE"))
    cdr = case.cdr()
    assert (cdr["end_reason"], len(cdr["attempts"])) == ("normal", 1)


def test_update_before_the_answer_passes_through(case):
    vendor = Vendor(case.switch.port)
    case.ports["first"] = vendor.port
    case.begin(access='reliable = "supported"', vendor='reliable = "supported"')
    caller = Peer(case.switch.port, host=case.host)
    case.peers += [vendor, caller]
    ask = caller.request("INVITE", case.number, description(case.host, 40000))
    ask.add("supported", "100rel")
    ask.add("allow", "INVITE, ACK, BYE, CANCEL, PRACK, UPDATE")
    caller.send(ask)
    invite = vendor.expect("INVITE")
    rel = (("require", "100rel"), ("rseq", "9"), ("allow", "INVITE, ACK, PRACK, UPDATE"))
    vendor.fork(invite, 183, vendor.tag, description(port=41000), rel)
    vendor.reply(vendor.expect("PRACK"), 200)
    progress = caller.expect(183)
    caller.send(within(caller, progress, "PRACK", extra=[("rack", f"{progress.get('rseq')} 1 INVITE")]))
    caller.expect(accepted("PRACK"))
    caller.send(within(caller, progress, "UPDATE", description(case.host, 40000, "sendonly")))
    update = vendor.expect("UPDATE")
    assert b"a=sendonly" in update.body
    vendor.reply(update, 200, description(port=41000, direction="recvonly"))
    done = caller.expect(accepted("UPDATE"))
    assert b"a=recvonly" in done.body
    vendor.reply(invite, 200)
    vendor.expect("ACK")
    answered = caller.expect(accepted("INVITE"))
    assert answered.body == b""
    caller.send(within(caller, answered, "ACK", seq=1))
    caller.send(within(caller, answered, "BYE"))
    vendor.reply(vendor.expect("BYE"), 200)
    caller.expect(accepted("BYE"))
    assert case.cdr()["end_reason"] == "normal"


def test_a_caller_that_leaves_while_its_prack_is_awaited_is_not_charged(case):
    """The vendor answers; the caller has got no 200 before it goes."""
    case.begin(access='reliable = "supported"')
    vendor = case.vendor("first", [*ANSWER[:2], "send 183 sdp", *ANSWER[3:]])
    call = case.call(
        [
            "invite 100rel",
            "expect? 100",
            "expect 183 rseq",
            "pause 300",
            "cancel",
            "expect 200",
            "expect 487",
            "failack",
        ]
    )
    call.succeeds()
    vendor.succeeds()
    assert (case.cdr()["end_reason"], case.paid()) == ("caller_abandoned", 0)


MOVED = ["receive INVITE", "send 302", "receive ACK"]


@pytest.mark.parametrize("hosts", ["", 'redirect_hosts = ["127.0.0.2"]'])
def test_a_redirection_within_the_attempt(case, hosts):
    host = "127.0.0.2" if hosts else "127.0.0.1"
    case.begin(vendor=f'redirects = "follow"\n{hosts}')
    there = case.peer("there", called(ANSWER), "-m", "1", port=case.ports["second"], host=host)
    vendor = case.vendor("first", MOVED, contact=f"{host}:{case.ports['second']}")
    case.call(CALL).succeeds()
    vendor.succeeds()
    there.succeeds()
    (invite,) = there.heard("INVITE")
    assert invite.target.user == "vendor"
    (attempt,) = case.cdr()["attempts"]
    assert (attempt["reason"], attempt["callee_out"]) == ("answered", case.number)
    assert attempt["redirects"] == [f"sip:vendor@{host}:{case.ports['second']};transport=udp"]
    assert case.paid() == Decimal("0.01")


@pytest.mark.parametrize(("policy", "status"), [("refuse", 480), ("follow", 480), ("pass", 302)])
def test_a_redirection_elsewhere(case, policy, status):
    case.begin(vendor=f'redirects = "{policy}"')
    vendor = case.vendor("first", MOVED, contact="127.0.0.9:5099")
    call = case.call(["invite", "expect? 100", f"expect {status}", "failack"])
    call.succeeds()
    vendor.succeeds()
    (refusal,) = call.heard(f"SIP/2.0 {status}")
    assert ("127.0.0.9" in str(refusal.headers.get("contact"))) is (policy == "pass")
    assert (case.cdr()["code"], case.paid()) == (302, 0)


def test_codecs_of_the_gateways(case):
    case.begin(access='codecs = ["PCMU", "PCMA"]', vendor='codecs = ["G729"]', other='codecs = ["PCMU"]')
    second = case.vendor("second", ANSWER)
    call = case.call(CALL)
    call.succeeds()
    second.succeeds()
    (invite,) = second.heard("INVITE")
    assert b"RTP/AVP 0 101\r\n" in invite.body
    assert b"PCMA" not in invite.body
    answer = next(message for message in call.heard("SIP/2.0 200") if message.body)
    assert b"RTP/AVP 0 101\r\n" in answer.body
    cdr = case.cdr()
    assert [row["name"] for row in cdr["attempts"]] == [f"second{case.n}"]
    assert "no codec in common" in str(cdr["decision"])


def test_no_codec_in_common_is_488(case):
    case.begin(vendor='codecs = ["G729"]', other='codecs = ["GSM"]')
    case.call(["invite", "expect? 100", "expect 488", "failack"]).succeeds()
    cdr = case.cdr()
    assert (cdr["end_reason"], cdr["code"], cdr["attempts"]) == ("codec_mismatch", -5, [])


def test_every_message_is_lost_once_before_the_answer(case):
    """Reliable responses and their PRACKs are repeated on both sides until they arrive."""
    here = LossyWire(("127.0.0.1", case.switch.port), first_of_each(), case.host)
    there = LossyWire(("127.0.0.1", case.ports["first"]), first_of_each())
    case.peers += [here, there]
    port, case.ports["first"] = case.ports["first"], there.near[1]
    case.begin(
        access='reliable = "supported"',
        vendor='reliable = "required"',
        SS_SIP_RESEND_INTERVAL="0.1,0.2,0.4,0.8,0.8,0.8,0.8,0.8,0.8,0.8",
    )
    case.ports["first"] = port
    patient = [step.replace("pause 100", "pause 1000") for step in RELIABLE_VENDOR]
    answer = [step.replace("100rel", "100rel INVITE") for step in patient]
    vendor = case.vendor("first", answer, contact=f"127.0.0.1:{there.near[1]}", retrans=100)
    steps = [step.replace("pause 100", "pause 1500") for step in RELIABLE_CALLER]
    call = case.call(steps, "-rsa", f"{here.near[0]}:{here.near[1]}", retrans=100)
    call.succeeds()
    vendor.succeeds()
    for wire in (here, there):
        assert wire.lost["there"] >= 4  # INVITE, PRACK, ACK, BYE
        assert wire.lost["back"] >= 3  # 183, 200 of PRACK, of INVITE or of BYE
    (attempt,) = case.cdr()["attempts"]
    assert attempt["reason"] == "answered"
