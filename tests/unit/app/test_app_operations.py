"""What a running node answers to its operators."""

from __future__ import annotations

import random
from types import SimpleNamespace

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from tests.unit.call.call_world import PREPAID, START, World, by_name, fraud_rule, mapping, phone, plugins, routing
from tests.unit.sip.sip_world import World as SipWorld
from vosswitch.app.operations import Operations
from vosswitch.app.watch import Watch
from vosswitch.control.operations import OPERATIONS
from vosswitch.control.protocol import ControlError
from vosswitch.h323.registered import Registered
from vosswitch.hooks.frozen import Failures
from vosswitch.model.call import Contact
from vosswitch.model.trunk import TrunkState
from vosswitch.model.values import UNITS, Address
from vosswitch.sip.destinations.names import Names
from vosswitch.sip.destinations.resolution import Abilities
from vosswitch.sip.registrations.location import Binding
from vosswitch.sip.registrations.registrar import Registrar


class Node:
    """A node with fake rooms around a real call room."""

    def __init__(self, **config):
        self.world = world = World(**config)
        self.boot = SimpleNamespace(node_id=7, node_name="seven")
        self.nodes = [7]
        self.registrar = Registrar(dict, world.clock.seconds)
        self.trunks = [TrunkState("r1", "udp:192.0.2.100:5060", "me", "up", 3000, 200, "OK", 60, 2900)]
        self.sip = SimpleNamespace(
            addresses=[Address("127.0.0.1", 5060)],
            draining=False,
            registrar=self.registrar,
            gateway=self.registrar.gateway,
            trunks=SimpleNamespace(states=lambda: iter(self.trunks)),
            sockets=SimpleNamespace(
                status=lambda: [{"address": "udp:127.0.0.1:5060", "drops": 0, "connections": None}],
                shown=list,
                reload=list,
                quota=SimpleNamespace(refused=0),
            ),
            counted=SipWorld().service.counted,
        )
        self.registrations = self.sip
        self.ras = SimpleNamespace(registered=Registered(world.clock.seconds))
        self.h323 = SimpleNamespace(addresses=[], counted=lambda: {"setups": 3}, draining=False)
        self.sip.names = Names(Abilities(), lambda _: None, lambda: 0.0, random.Random(1))
        self.sip.names.keep([Address("vendor.example", 0, "auto")])
        self.calls, self.limits, self.tallies = world.calls, world.limits, world.tallies
        self.decider, self.reactor = world.decider, world.clock
        self.availability = world.board.availability
        self.gauges, self.throttling = world.board.gauges, world.board.throttling
        self.guard = world.board.guard
        self.watch = Watch(self, self.availability, lambda: 0.5, Logger("test", observer=lambda event: None))
        self.applied = []
        self.recorder = SimpleNamespace(backlog=3, apply=self._apply)
        self.draining = False
        self.trouble = {}
        self.started = START
        self.plugins = plugins()
        self.failures = Failures()
        self.operations = Operations(self)

    def drain(self, draining):
        self.draining = self.sip.draining = draining

    @property
    def snapshot(self):
        return self.world.snapshot

    def share(self, seq):
        self.shared = seq
        return seq

    def now(self):
        return self.world.now()

    def _apply(self):
        self.applied.append(Deferred())
        return self.applied[-1]

    def ask(self, name, /, **args):
        """As the control room asks: arguments checked, streams read to their end."""
        declared = OPERATIONS[name]
        answer = self.operations.implementations()[name](declared.check(args))
        return list(answer) if declared.stream else answer


@pytest.fixture
def node():
    made = Node(phones=by_name(phone("1001")), fraud_rules=by_name(fraud_rule("x", concurrent={"block": 5})))
    made.world.talk(source=PREPAID)
    made.world.call()
    made.guard.blocks.hold("caller", ("1000",), "operator", "so", 60, 0.0)
    contact = Contact("sip:1001@10.0.0.1", Address("10.0.0.1", 5062), Address("127.0.0.1", 5060), 60.0, "Phone 1.0")
    made.registrar.restore("1001", (Binding(contact, "reg", 1, natted=True),))
    return made


ARGUMENTS = {
    "route": {"caller": "1", "callee": "4312345", "mapping_gateway": "m"},
    "release": {"call_id": ""},
    "gateway": {"name": "r1"},
    "block": {"number": "4711"},
    "unblock": {"number": "1000"},
    "fraud_release": {"account": "c"},
}


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name not in ("apply", "release")])
def test_every_operation_answers_with_exactly_its_declared_fields(node, name):
    answer = node.ask(name, **ARGUMENTS.get(name, {}))
    rows = answer if OPERATIONS[name].stream else [answer]
    assert rows
    for row in rows:
        assert sorted(row) == sorted(field.name for field in OPERATIONS[name].result)


def test_every_declared_operation_is_there(node):
    assert set(node.operations.implementations()) == set(OPERATIONS)


def test_the_statistics_of_the_node(node):
    node.availability.disable("r1", 0.0)
    node.watch.sent = 3
    found = node.ask("statistics")
    assert (found["gateway_changes"], found["probes_sent"], found["started"]) == ({"disabled": 1}, 3, START)


def test_the_status_of_the_node(node):
    found = node.ask("status")
    assert found | {"version": ""} == {
        "node": "seven", "node_id": 7, "nodes": [7], "version": "", "state": "running", "started": START,
        "listen": ["udp:127.0.0.1:5060"], "calls": 2, "registered": 1, "seq": 1, "backlog": 3, "trouble": None,
        "sockets": [{"address": "udp:127.0.0.1:5060", "drops": 0, "connections": None}], "certificates": [],
        "refused_connections": 0,
    }  # fmt: skip
    node.trouble = {"database": "gone away", "journal": "full"}
    assert node.ask("status")["trouble"] == "database: gone away; journal: full"


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, ["mp", "m"]), ({"account": "p"}, ["mp"]), ({"account": "x"}, []), ({"gateway": "m"}, ["m"]),
        ({"gateway": "r1"}, ["mp", "m"]), ({"account": "p", "gateway": "m"}, []),
    ],
)  # fmt: skip
def test_calls_by_account_and_gateway(node, wanted, found):
    assert [row["mapping_gateway"] for row in node.ask("calls", **wanted)] == found


def test_releasing_a_call(node):
    call_id = node.ask("calls")[0]["call_id"]
    assert node.ask("release", call_id=call_id) == {"call_id": call_id}
    assert node.world.cdr.end_reason == "operator_release"
    with pytest.raises(ControlError, match="expected the id of a running call"):
        node.ask("release", call_id=call_id)


@pytest.mark.parametrize("call_id", ["", "x", "-1", "١٢", "9" * 5000, "1e5", " 1"])
def test_what_is_no_id_of_a_call(node, call_id):
    with pytest.raises(ControlError) as refused:
        node.ask("release", call_id=call_id)
    assert refused.value.code == "not_found"
    assert len(str(refused.value)) < 120


def test_gateways_with_their_load(node):
    rows = {row["name"]: row for row in node.ask("gateways")}
    assert list(rows) == ["m", "mp", "r1", "r2"]
    assert rows["m"]["address"] == "192.0.2.1"
    assert (rows["r1"]["calls"], rows["r1"]["calls_today"], rows["r1"]["address"]) == (2, 2, "udp:192.0.2.100:5060")
    assert (rows["mp"]["calls"], rows["mp"]["calls_today"]) == (1, None)
    assert [row["name"] for row in node.ask("gateways", kind="routing")] == ["r1", "r2"]
    assert [row["name"] for row in node.ask("gateways", kind="mapping")] == ["m", "mp"]
    with pytest.raises(ControlError, match="expected mapping or routing"):
        node.ask("gateways", kind="all")


def test_a_gateway_is_disabled_and_enabled(node):
    assert node.ask("gateway", name="r1", off=True)["state"] == "disabled"
    row = next(row for row in node.ask("gateways", kind="routing") if row["name"] == "r1")
    assert (row["state"], row["reason"], row["since"]) == ("disabled", "disabled by an operator", START)
    why = {row["gateway"]: row["why"] for row in node.ask("route", **ARGUMENTS["route"])["candidates"]}
    assert why["r1"] == "disabled by an operator"
    assert node.ask("gateway", name="r1")["state"] == "up"
    with pytest.raises(ControlError, match="routing gateway"):
        node.ask("gateway", name="m")


def test_addresses_of_gateways_are_texts():
    gateway = mapping("m", addresses=["10.0.0.0/8", "2001:db8::1", "192.0.2.1:5070"], auth="ip_port")
    node = Node(mapping_gateways=by_name(gateway), routing_gateways=by_name(routing("r", transport="tcp", port=1)))
    mapped, routed = node.ask("gateways")
    assert mapped["address"] == "10.0.0.0/8, 2001:db8::1, 192.0.2.1:5070"
    assert routed["address"] == "tcp:192.0.2.100:1"


def test_the_route_of_a_call(node):
    found = node.ask("route", caller="1", callee="4312345", mapping_gateway="m")
    assert (found["outcome"], found["price"], found["at"]) == ("route", 6 * UNITS // 10, START)
    assert [row["gateway"] for row in found["candidates"]] == ["r1", "r2"]


@pytest.mark.parametrize("who", [{"mapping_gateway": "x"}, {"phone": "9"}, {}])
def test_a_route_for_somebody_who_is_not_there(node, who):
    with pytest.raises(ControlError) as refused:
        node.ask("route", caller="1", callee="4312345", **who)
    assert refused.value.code in ("not_found", "bad_arguments")


def test_parameters_and_where_they_come_from():
    node = Node(parameters={"SS_MAX_CPS": "7"})
    rows = {row["name"]: row for row in node.ask("parameters")}
    assert (rows["SS_MAX_CPS"]["value"], rows["SS_MAX_CPS"]["set"]) == ("7", True)
    assert not rows["VS_DRAIN_SECONDS"]["set"]
    (one,) = node.ask("parameters", name="ss_max_cps")
    assert one == rows["SS_MAX_CPS"]
    assert node.ask("parameters", name="BILLING_FREE_E164S")[0]["name"] == "SERVER_BILLING_FREE_E164S"
    assert node.ask("parameters", name="NO_SUCH") == []


def test_changes_are_live_when_the_recorder_says_so(node):
    answers = []
    node.ask("apply").addCallback(answers.append)
    assert not answers
    node.applied[0].callback(42)
    assert answers == [{"seq": 42}]


def test_draining_and_taking_calls_again(node):
    assert node.ask("drain") == {"state": "draining", "calls": 2}
    assert node.sip.draining
    assert node.ask("status")["state"] == "draining"
    assert node.ask("drain", off=True) == {"state": "running", "calls": 2}
    assert not node.sip.draining


def test_registered_phones(node):
    node.world.clock.advance(20.5)
    (row,) = node.ask("registrations")
    assert row == {
        "number": "1001", "contact": "sip:1001@10.0.0.1", "address": "udp:10.0.0.1:5062", "expires_in": 39,
        "user_agent": "Phone 1.0", "natted": True,
    }  # fmt: skip
    assert node.ask("registrations", number="1002") == []
    node.world.clock.advance(100)
    assert node.ask("registrations", number="1001") == []


def test_registrations_in_parts():
    node = Node()
    for number in range(5):
        contact = Contact(f"sip:{number}@h", Address("10.0.0.1", number), Address("127.0.0.1", 5060), 60.0)
        node.registrar.restore(str(number), (Binding(contact, "reg", 1),))
    assert [row["number"] for row in node.ask("registrations", limit=2)] == ["0", "1"]
    assert [row["number"] for row in node.ask("registrations", after="1", limit=2)] == ["2", "3"]
    assert [row["number"] for row in node.ask("registrations", after="3")] == ["4"]


def test_where_dynamic_gateways_are():
    gateway = mapping("m", auth="password", addresses=[], dynamic=True)
    node = Node(mapping_gateways=by_name(gateway), routing_gateways=by_name(routing("r", address="", dynamic=True)))
    assert [row["address"] for row in node.ask("gateways")] == ["registered", "registered"]
    contact = Contact("sip:m@h", Address("10.0.0.1", 5062), Address("127.0.0.1", 5060), 60.0)
    node.registrar.restore("gateway:m", (Binding(contact, "reg", 1),))
    assert [row["address"] for row in node.ask("gateways")] == ["udp:10.0.0.1:5062", "registered"]


def test_the_protocols_of_gateways():
    node = Node(
        mapping_gateways=by_name(mapping("m", protocol="h323")),
        routing_gateways=by_name(routing("r", address="192.0.2.9", protocol="h323"), routing("s")),
    )
    found = {row["name"]: (row["protocol"], row["address"]) for row in node.ask("gateways")}
    assert (found["m"][0], found["r"]) == ("h323", ("h323", "h323:192.0.2.9:5060"))
    assert found["s"][0] == "sip"


def test_plugins_with_their_failures(node):
    node.failures("billing", "x", ValueError("y"))
    rows = {row["plugin"]: row for row in node.ask("plugins")}
    assert rows["billing"]["failures"] == 1
    assert rows["routing"]["failures"] == 0
    assert (rows["billing"]["state"], rows["billing"]["reason"]) == ("on", None)


def test_the_quality_of_gateways():
    judged = {
        "least_asr": 50, "least_ner": None, "least_acd": None, "most_pdd": None, "quality_attempts": 2,
        "quality_action": "exclude", "quality_scope": "gateway", "quality_probe": 0, "throttle_codes": [503],
        "throttle_window": 60, "throttle_share": 50, "throttle_attempts": 9, "throttle_pause": 30, "prefixes": ["43"],
    }  # fmt: skip
    gateways = by_name(routing("r1", **judged), routing("r2", priority=1, address="192.0.2.101"))
    node = Node(routing_gateways=gateways, parameters={"SS_GATEWAY_ASR_CALCULATE": "On"})
    for _ in range(2):
        caller = node.world.call()
        node.world.out.fails(503)
        node.world.out.rings()
        caller.gives_up()
    whole = {row["name"]: row for row in node.ask("quality")}
    assert list(whole) == ["r1", "r2"]
    assert (whole["r1"]["attempts"], whole["r1"]["asr"], whole["r1"]["failures"]) == (2, 0.0, 2)
    assert (whole["r1"]["misses"], whole["r1"]["action"]) == ("ASR 0 % of 2 attempts, below 50 %", "excluded")
    assert (whole["r2"]["ner"], whole["r2"]["pdd_ms"], whole["r2"]["misses"], whole["r2"]["failures"]) == (
        100.0, 0, None, None,
    )  # fmt: skip
    rows = list(node.ask("quality", destinations=True, name="r1"))
    assert [(row["destination"], row["attempts"], row["misses"] is None) for row in rows] == [
        (None, 2, False), ("43", 2, True),
    ]  # fmt: skip
    listed = {row["name"]: row for row in node.ask("gateways")}
    assert (listed["r1"]["asr"], listed["r2"]["ner"], listed["m"]["asr"]) == (0.0, 100.0, None)
    [uncounted] = Node(routing_gateways=by_name(routing("r1"))).ask("quality")
    assert (uncounted["attempts"], uncounted["calls"]) == (None, None)
    assert node.ask("statistics")["gauged_pairs"] == 2
    with pytest.raises(ControlError, match="routing gateway"):
        node.ask("quality", name="m")
