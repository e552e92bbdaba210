"""Forged requests against a call that is up, strangers against the door, and what a firewall reads of them."""

from __future__ import annotations

import os

from tests.support.fail2ban import banned
from tests.support.peer import SDP, Peer, accepted

CUSTOMER = 'auth = "password"\nusername = "cust{n}"\npassword = "secret"\n'


def peer(case, host):
    made = Peer(case.switch.port, host=host)
    case.peers.append(made)
    return made


def test_a_forged_bye_and_a_forged_cancel(case):
    """From another address with all that the dialog is known by: 481, and the call goes on."""
    vendor, caller, thief = peer(case, "127.0.0.1"), None, peer(case, "127.88.0.1")
    case.ports["first"] = vendor.port
    case.begin()
    caller = peer(case, case.host)
    first = caller.request("INVITE", case.number, SDP)
    caller.send(first)
    invite = vendor.expect("INVITE")
    thief.send(caller.follow("CANCEL", first))
    assert thief.expect(lambda message: True).status == 481
    vendor.reply(invite, 180)
    caller.expect(180)
    vendor.reply(invite, 200, SDP)
    vendor.expect("ACK")
    answered = caller.expect(200)
    caller.send(caller.request("ACK", "", answered=answered))
    for method, body in (("BYE", b""), ("INVITE", SDP), ("INFO", b""), ("UPDATE", SDP)):
        forged = caller.request(method, "", body, answered=answered)
        caller.seq -= 1
        thief.send(forged)
        assert thief.expect(lambda message: True).status == 481, method
    bye = vendor.within(invite, "BYE")
    vendor.seq -= 1
    thief.send(bye)
    assert thief.expect(lambda message: True).status == 481
    assert len(case.running()) == 1
    assert vendor.silent(0.3)
    caller.send(caller.request("BYE", "", answered=answered))
    caller.expect(accepted("BYE"))
    vendor.reply(vendor.expect("BYE"), 200)
    assert case.cdr()["end_reason"] == "normal"
    assert '"event": "dialog_refused"' in case.log()


def test_who_fails_is_suspended_there_and_nowhere_else_and_the_firewall_learns_it(alone):
    alone.begin(access=CUSTOMER.format(n=alone.n), SS_AUTHENTICATION_MAX_RETRY="3")
    name = f"cust{alone.n}"
    thief, customer = peer(alone, "127.88.0.2"), peer(alone, alone.host)
    statuses = []
    for _ in range(4):
        thief.call_id = os.urandom(8).hex()
        invite = thief.request("INVITE", alone.number, SDP)
        thief.send(invite)
        challenge = thief.receive()
        if challenge.status != 401:
            statuses.append(challenge.status)
            continue
        thief.send(thief.prove(invite, challenge, name, "wrong", "MD5"))
        statuses.append(thief.receive().status)
    assert statuses == [401, 401, 403, 403]
    assert banned(alone.switch.log()) == ["127.88.0.2"] * 2  # the first failure, and the suspension
    invite = customer.request("INVITE", alone.number, SDP)
    customer.send(invite)
    proved = customer.prove(invite, customer.expect(401), name, "secret", "MD5")
    customer.send(proved)
    assert customer.expect(lambda message: message.status != 401).status == 100
    customer.send(customer.follow("CANCEL", proved))
    customer.expect(487)


def test_a_stranger_gets_one_small_answer(alone):
    alone.begin(access='auth = "ip"\naddresses = ["127.77.0.1"]\n')
    stranger = peer(alone, "127.88.0.3")
    request = stranger.request("INVITE", alone.number, SDP)
    for _ in range(3):
        stranger.send(request)
    tags = {stranger.expect(403).to.tag for _ in range(3)}
    assert len(tags) == 1
    assert stranger.silent(1.5)  # nothing is sent again, though no ACK came
    (cdr,) = alone.switch.cdrs(1)
    assert (cdr["end_reason"], cdr["caller_ip"]) == ("unauthorized", "127.88.0.3")


PHONE = """
[[rate_groups]]
name = "sell{n}"
[[rate_groups.rates]]
prefix = "{prefix}"
per_minute = "0.60"
[[phones]]
number = "{number}"
account = "C{n}"
password = "word"
"""


def proved(caller, number, method, to, body=b""):
    """A request of a phone that answers the challenge; its credentials stand in what is returned."""
    request = caller.request(method, to, body)
    caller.send(request)
    again = caller.prove(request, caller.expect(401), number, "word", "SHA-256")
    caller.send(again)
    return again


def test_a_phone_whose_address_changes_goes_on_with_its_call(case):
    """It registers from the new one and hangs up; before that, and from elsewhere, its BYE is anybody's."""
    vendor = peer(case, "127.0.0.1")
    case.ports["first"] = vendor.port
    case.begin()
    number = f"{case.n:03}1005"
    case.switch.provision(PHONE.format(n=case.n, prefix=case.prefix, number=number), "moving.toml")
    phone, moved = peer(case, "127.88.0.5"), peer(case, "127.88.0.6")
    phone.number = moved.number = number
    invite = proved(phone, number, "INVITE", case.number, SDP)
    asked = vendor.expect("INVITE")
    vendor.reply(asked, 200, SDP)
    vendor.expect("ACK")
    answered = phone.expect(200)
    phone.send(phone.request("ACK", "", answered=answered))
    bye = phone.request("BYE", "", answered=answered)
    moved.send(bye)
    assert moved.expect(lambda message: True).status == 481
    proved(moved, number, "REGISTER", number)
    assert moved.expect(200).cseq.method == "REGISTER"
    moved.send(phone.request("BYE", "", answered=answered))
    moved.expect(accepted("BYE"))
    vendor.reply(vendor.expect("BYE"), 200)
    cdr = case.cdr()
    assert (cdr["end_reason"], cdr["phone"], cdr["caller_sip_call_id"]) == ("normal", number, invite.call_id)
    found = case.switch.json("node", "statistics")[0]
    assert found["security_events"]["dialog_refused"] >= 1
    assert found["responses"]["481"] >= 1
    assert found["requests"]["REGISTER"] >= 1
