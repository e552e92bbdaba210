"""A client and a server transaction over a wire that loses, repeats and reorders: what the users may count on."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from twisted.internet.task import Clock

from vosswitch.model.values import Address
from vosswitch.sip.grammar.message import Request, Response
from vosswitch.sip.grammar.parse import parse
from vosswitch.sip.transactions.flow import Statistics, Tokens
from vosswitch.sip.transactions.layer import Layer
from vosswitch.sip.transactions.timers import Timers
from vosswitch.sip.transactions.transaction import State

HEAD = (
    "{method} sip:b@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch={branch};rport\r\nMax-Forwards: 70\r\n"
    "From: <sip:a@192.0.2.1>;tag=a\r\nTo: <sip:b@192.0.2.2>\r\nCall-ID: c\r\nCSeq: 1 {method}\r\n"
    "Content-Length: 0\r\n\r\n"
)


class Flow:
    """Puts what is sent onto the wire."""

    closed = False
    host = hostport = "192.0.2.1"
    via = "SIP/2.0/UDP 192.0.2.1:5060"
    local = Address("192.0.2.1", 5060)
    remote = Address("192.0.2.2", 5060)

    def __init__(self, wire: list[bytes], reliable: bool) -> None:
        self.wire = wire
        self.reliable = reliable

    def send(self, data: bytes, failed: Any = None) -> None:
        self.wire.append(data)

    def toward(self, host: str, port: int) -> Flow:
        return self


class Side:
    """One layer."""

    def __init__(self, clock: Clock, seed: int) -> None:
        self.trouble: list[Exception] = []
        self.timers = Timers(clock, self.trouble.append)
        tokens = Tokens(random.Random(seed).randbytes)
        self.layer = Layer(self.timers, Statistics(), tokens.new)


class Wire(RuleBasedStateMachine):
    """One transaction; the rules are what a network and a server's user may do."""

    @initialize(method=st.sampled_from(["INVITE", "OPTIONS"]), reliable=st.booleans())
    def begin(self, method: str, reliable: bool) -> None:
        self.clock = Clock()
        self.a, self.b = Side(self.clock, 1), Side(self.clock, 2)
        self.to_b: list[bytes] = []
        self.to_a: list[bytes] = []
        self.method, self.reliable = method, reliable
        self.requests = 0
        self.server: Any = None
        self.sent: list[int] = []
        self.heard: list[int] = []
        self.failures = 0
        self.acks = 0
        branch = "z9hG4bK1"
        data = HEAD.format(method=method, branch=branch).encode()
        self.a.layer.send(self, method, branch, data, Flow(self.to_b, reliable))

    # what the client's user sees

    def answered(self, transaction: Any, response: Response) -> None:
        self.heard.append(response.status)

    def failed(self, transaction: Any) -> None:
        self.failures += 1

    def cancelled(self, request: Request) -> None:
        raise AssertionError("nobody cancels here")

    # the network

    def arrive_at_b(self, data: bytes) -> None:
        request = parse(data)
        assert isinstance(request, Request)
        found = self.b.layer.find(request)
        if request.method == "ACK":
            self.acks += 1
            if found is not None:
                self.b.layer.repeated(found, request)
        elif found is not None:
            self.b.layer.repeated(found, request)
        else:
            self.requests += 1
            self.server = self.b.layer.serve(request, Flow(self.to_a, self.reliable))
            self.server.user = self

    def arrive_at_a(self, data: bytes) -> None:
        response = parse(data)
        assert isinstance(response, Response)
        self.a.layer.response(response)

    @precondition(lambda self: self.to_b)
    @rule(place=st.integers(0, 5), copies=st.integers(0, 2))
    def carry_to_b(self, place: int, copies: int) -> None:
        place, copies = (0, 1) if self.reliable else (place, copies)
        data = self.to_b.pop(place % len(self.to_b))
        for _ in range(copies):
            self.arrive_at_b(data)

    @precondition(lambda self: self.to_a)
    @rule(place=st.integers(0, 5), copies=st.integers(0, 2))
    def carry_to_a(self, place: int, copies: int) -> None:
        place, copies = (0, 1) if self.reliable else (place, copies)
        data = self.to_a.pop(place % len(self.to_a))
        for _ in range(copies):
            self.arrive_at_a(data)

    # the server's user

    @precondition(lambda self: self.server is not None)
    @rule(status=st.sampled_from([100, 180, 183, 200, 200, 404, 486, 503]))
    def respond(self, status: int) -> None:
        if not any(old >= 200 for old in self.sent):
            self.sent.append(status)
        self.server.respond(status)

    @rule(seconds=st.sampled_from([0.1, 0.5, 1.0, 4.0, 8.0]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    # what holds always

    @invariant()
    def what_is_heard_was_said(self) -> None:
        if hasattr(self, "heard"):
            assert set(self.heard) <= set(self.sent)

    @invariant()
    def the_outcome_comes_once(self) -> None:
        if hasattr(self, "heard"):
            finals = [status for status in self.heard if status >= 200]
            if self.method == "INVITE":
                assert len([status for status in finals if status >= 300]) <= 1
            else:
                assert len(finals) <= 1
            assert self.failures + bool(finals) <= 1
            assert self.a.trouble == self.b.trouble == []

    def teardown(self) -> None:
        if not hasattr(self, "clock"):
            return
        if self.server is not None:
            self.server.respond(486)  # without effect when it is answered; a copy that came very late is a new request
        for _ in range(80):
            self.to_a.clear()
            self.to_b.clear()
            self.clock.advance(4.0)
        given_up = 0
        for waiting in list(self.a.layer.clients.values()):
            assert (self.method, waiting.state) == ("INVITE", State.PROCEEDING)  # its user's timers end that
            waiting.forget()
            given_up += 1
        assert self.b.layer.servers == {}
        assert len(self.a.timers) == len(self.b.timers) == 0
        assert self.clock.getDelayedCalls() == []
        assert given_up + self.failures + any(status >= 200 for status in self.heard) == 1


Wire.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
TestWire = Wire.TestCase
