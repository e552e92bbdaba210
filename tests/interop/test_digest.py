"""Proof of identity both ways: customers to the switch, the switch to vendors."""

from __future__ import annotations

import pytest

from tests.support.peer import SDP, Peer, accepted
from tests.support.sipp import ANSWER, CALL
from tests.support.switch import until

ACCESS = 'auth = "password"\nusername = "cust{n}"\npassword = "s3cret-{n}"\n'
CHALLENGED = ["invite", "expect? 100", "expect 401 auth", "failack"]


@pytest.fixture
def customer(case):
    """A case whose customer proves itself by password."""
    case.begin(access=ACCESS.format(n=case.n))
    return case


def peer_of(case):
    """A peer of our own at the customer's address."""
    peer = Peer(case.switch.port, host=case.host)
    case.peers.append(peer)
    return peer


def test_a_customer_proves_itself_with_md5(customer):
    vendor = customer.vendor("first", ANSWER)
    name, password = f"cust{customer.n}", f"s3cret-{customer.n}"
    customer.call([*CHALLENGED, f"invite auth {name} {password}", *CALL[1:]]).succeeds()
    vendor.succeeds()
    cdr = customer.cdr()
    assert (cdr["end_reason"], cdr["mapping_gateway"], cdr["fee"]) == ("normal", f"customer{customer.n}", "0.01")
    (invite,) = vendor.heard("INVITE")
    assert "authorization" not in invite.headers


def test_a_customer_proves_itself_with_sha_256(customer):
    vendor = customer.vendor("first", ANSWER)
    peer = peer_of(customer)
    invite = peer.request("INVITE", customer.number, SDP)
    peer.send(invite)
    challenged = peer.expect(401)
    peer.send(peer.follow("ACK", invite, challenged))
    algorithms = [
        value.partition("algorithm=")[2].partition(",")[0] for value in challenged.headers["www-authenticate"]
    ]
    assert algorithms == ["MD5", "SHA-256"]
    peer.send(peer.prove(invite, challenged, f"cust{customer.n}", f"s3cret-{customer.n}", "SHA-256"))
    answered = peer.expect(200)
    peer.send(peer.request("ACK", "", answered=answered))
    peer.send(peer.request("BYE", "", answered=answered))
    peer.expect(accepted("BYE"))
    vendor.succeeds()
    assert customer.cdr()["end_reason"] == "normal"


def test_a_proof_is_not_good_for_a_second_call(customer):
    """The same nonce and count again are a replay, though the response fits."""
    name, password = f"cust{customer.n}", f"s3cret-{customer.n}"
    vendor = customer.vendor("first", ANSWER)
    peer = peer_of(customer)
    invite = peer.request("INVITE", customer.number, SDP)
    peer.send(invite)
    challenged = peer.expect(401)
    peer.send(peer.follow("ACK", invite, challenged))
    proven = peer.prove(invite, challenged, name, password, "SHA-256")
    peer.send(proven)
    answered = peer.expect(200)
    peer.send(peer.request("ACK", "", answered=answered))
    peer.send(peer.request("BYE", "", answered=answered))
    peer.expect(accepted("BYE"))
    vendor.succeeds()
    thief = peer_of(customer)
    stolen = thief.request("INVITE", customer.number, SDP)
    stolen.set("authorization", proven.headers["authorization"][0])
    thief.send(stolen)
    again = thief.expect(401)
    assert "stale=true" in again.headers["www-authenticate"][0].lower()
    thief.send(thief.follow("ACK", stolen, again))
    customer.cdrs(1)


def test_a_wrong_password_is_asked_again_then_refused_and_recorded(case):
    """SS_AUTHENTICATION_MAX_RETRY failures suspend the name at that address; the right password does not help then."""
    case.begin(access=ACCESS.format(n=case.n), SS_AUTHENTICATION_MAX_RETRY="3")
    name = f"cust{case.n}"
    steps = list(CHALLENGED)
    for _ in range(2):
        steps += [f"invite auth {name} wrong", "expect? 100", "expect 401 auth", "failack"]
    steps += [f"invite auth {name} wrong", "expect? 100", "expect 403", "failack"]
    case.call(steps).succeeds()
    rows = until(lambda: [row for row in case.switch.cdrs(1) if row["caller_ip"] == case.host], 5, "a record of it")
    assert [(row["end_reason"], row["code"], row["sip_status"]) for row in rows] == [("authentication_failed", -7, 403)]
    right = [*CHALLENGED, f"invite auth {name} s3cret-{case.n}", "expect? 100", "expect 403", "failack"]
    case.call(right, name="right").succeeds()
    assert case.paid() == 0


def test_a_stranger_gets_no_further_than_a_challenge(case):
    """With password customers about, an unknown source may be one of them."""
    case.begin(access='auth = "ip"\naddresses = ["127.77.0.1"]\n')
    peer = peer_of(case)
    invite = peer.request("INVITE", case.number, SDP)
    peer.send(invite)
    refused = peer.expect(lambda message: message.status in {401, 403})
    peer.send(peer.follow("ACK", invite, refused))
    assert case.paid() == 0


def test_an_unknown_source_is_refused_and_recorded(alone):
    """Where nobody may prove itself by password, an unknown source gets 403 at once."""
    alone.begin(access='auth = "ip"\naddresses = ["127.77.0.1"]\n')
    alone.call(["invite", "expect 403", "failack"]).succeeds()
    (cdr,) = alone.switch.cdrs(1)
    assert (cdr["end_reason"], cdr["code"], cdr["caller_ip"]) == ("unauthorized", -6, alone.host)
    alone.switch.cli("params", "set", "SS_REPLY_UNAUTHORIZED", "Off")
    peer = peer_of(alone)
    peer.send(peer.request("INVITE", alone.number, SDP))
    assert peer.silent(1.0)
    assert alone.switch.alive()


def test_another_names_password_does_not_help(customer):
    customer.switch.provision(
        f'[[mapping_gateways]]\nname = "other{customer.n}"\naccount = "C{customer.n}"\nauth = "password"\n'
        f'username = "other{customer.n}"\npassword = "different"\n'
    )
    steps = [*CHALLENGED, f"invite auth cust{customer.n} different", "expect? 100", "expect 401", "failack"]
    customer.call(steps).succeeds()
    assert customer.paid() == 0


@pytest.mark.parametrize("status", [401, 407])
def test_the_switch_proves_itself_to_a_vendor(case, status):
    case.begin(vendor='username = "switch"\npassword = "vendors-secret"\n')
    vendor = case.vendor(
        "first",
        ["receive INVITE", f"send {status} challenge", "receive ACK again", *ANSWER],
    )
    case.call(CALL).succeeds()
    vendor.succeeds()
    first, second = vendor.heard("INVITE")
    place = "authorization" if status == 401 else "proxy-authorization"
    assert place not in first.headers
    assert 'username="switch"' in second.get(place)
    assert 'realm="vendor"' in second.get(place)
    assert second.call_id == first.call_id
    assert second.cseq.number == first.cseq.number + 1
    cdr = case.cdr()
    assert [row["reason"] for row in cdr["attempts"]] == ["answered"]
    assert cdr["fee"] == "0.01"


def test_a_vendor_that_is_not_satisfied_is_left(case):
    """The second challenge to the same request ends the attempt; the caller must not see the vendor's 401."""
    case.begin(vendor='username = "switch"\npassword = "vendors-secret"\n')
    vendor = case.vendor(
        "first",
        [
            *("receive INVITE", "send 401 challenge", "receive ACK again"),
            *("receive INVITE", "send 401 challenge", "receive ACK"),
        ],
    )
    case.call(["invite", "expect? 100", "expect 403", "failack"]).succeeds()
    vendor.succeeds()
    cdr = case.cdr()
    assert (cdr["end_reason"], cdr["code"], cdr["sip_status"]) == ("client_error", 401, 403)


def test_a_vendors_challenge_without_credentials_of_ours_ends_the_attempt(case):
    case.begin()
    vendor = case.vendor("first", ["receive INVITE", "send 407 challenge", "receive ACK"])
    case.call(["invite", "expect? 100", "expect 403", "failack"]).succeeds()
    vendor.succeeds()
    assert case.cdr()["code"] == 407
