"""A port range that others hold: the switch says so, refuses what it cannot relay, and comes back by itself."""

from __future__ import annotations

import socket
from contextlib import ExitStack, closing

import pytest

from tests.support.case import Case, provisioned
from tests.support.sipp import ANSWER, CALL
from tests.support.switch import own_address, until

HOST = own_address()
FIRST, LAST = 35000, 35019
REFUSED = ["invite", "expect? 100", "expect 503", "failack"]


@pytest.fixture
def narrow(tmp_path):
    """A case whose switch has ten pairs for media."""
    switch = provisioned(tmp_path, media={"address": HOST})
    switch.cli("params", "set", "SS_MEDIA_PROXY_PORT_RANGE", f"{FIRST},{LAST}")
    made = Case(tmp_path, switch)
    yield made
    made.end()
    assert switch.stop() == 0, switch.log()[-4000:]


def held(stack, ports):
    """Hold these ports."""
    for port in ports:
        sock = stack.enter_context(closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)))
        sock.bind((HOST, port))


def trouble(switch):
    return switch.json("node", "status")[0]["trouble"]


def test_a_range_in_other_hands_is_told_and_used_once_it_is_free(narrow):
    with ExitStack() as stack:
        held(stack, range(FIRST, LAST + 1, 2))
        narrow.begin(vendor='media_proxy = "on"')
        told = until(lambda: trouble(narrow.switch), 10, "the trouble")
        assert told == (
            f"media: {HOST}: none of 10 port pairs in {FIRST}-{LAST} left for new calls, 10 of 10 tried ones cannot be "
            "had (Address already in use)"
        )
        narrow.call(REFUSED).succeeds()
        cdr = narrow.cdr()
        assert (cdr["sip_status"], cdr["end_reason"]) == (503, "overload")
        assert [f"first{narrow.n}", "no media port is free"] in [note[:2] for note in cdr["decision"]["notes"]]
    until(lambda: trouble(narrow.switch) is None, 20, "the end of the trouble")
    vendor = narrow.vendor("first", ANSWER, "-rtp_echo")
    narrow.call(CALL, name="again").succeeds()
    vendor.succeeds()
    assert narrow.cdrs(2)[0]["media_proxied"] is True
    assert "media: works again" in narrow.log()


def test_some_ports_in_other_hands_cost_those_alone(narrow):
    with ExitStack() as stack:
        held(stack, range(FIRST, FIRST + 8, 2))
        narrow.begin(vendor='media_proxy = "on"')
        vendor = narrow.vendor("first", ANSWER)
        narrow.call(CALL).succeeds()
        vendor.succeeds()
        assert narrow.cdr()["media_proxied"] is True
        assert trouble(narrow.switch) is None
