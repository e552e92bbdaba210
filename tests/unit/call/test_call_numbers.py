"""Numbers on their way through a call: plans, checks, mobile areas, pools; and what a question is told of them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.call.call_world import Address, World, by_name, mapping, offer, phone, routing
from vosswitch.call.deciding.explain import explain
from vosswitch.call.deciding.keeping import kept, told
from vosswitch.model.call import Contact
from vosswitch.model.identity import Diversion, Identity
from vosswitch.numbers.numbering import PLAIN_NUMBERING
from vosswitch.numbers.table import NumberTable


def second(**changes):
    return routing("r2", priority=1, address="192.0.2.101", **changes)


def pool(name="p", **changes):
    return {
        "name": name,
        "numbers": ["700-702"],
        "group": None,
        "choice": "turn",
        "reuse": 1,
        "when_full": "keep",
    } | changes


def pooled(when_full="keep", **changes):
    gateways = by_name(routing("r1", caller_pool="p", **changes), second())
    return World(routing_gateways=gateways, number_pools={"p": pool(when_full=when_full)})


def route(found, **question):
    asked = {"caller": "1000", "callee": "4312345", "mapping_gateway": "m"} | question
    return explain(found.decider, found.snapshot, asked, found.now())


def with_tables(found, **tables):
    """The world with number tables, as if the recorder had sent them."""
    held = {name: NumberTable.of(rows, "area") for name, rows in tables.items()}
    object.__setattr__(found.snapshot, "number_tables", held)
    found.tell()
    return found


# ---- plans


def test_the_calling_number_of_a_phone_has_a_plan():
    found = World(phones=by_name(phone("200", caller_dial_plan=":431", callee_dial_plan="0:43")))
    found.call(callee="012345", user="200", caller="9")
    assert (found.out.placement.caller, found.out.placement.callee) == ("431200", "4312345")
    answer = route(found, mapping_gateway=None, phone="200", callee="012345")
    assert "caller_dial_plan: 200 -> 431200 (rule :431)" in answer["steps"]
    assert "callee_dial_plan: 012345 -> 4312345 (rule 0:43)" in answer["steps"]


def diversions(found):
    return [item.number for item in found.out.placement.identity.diversions]


def redirected(mapping_plan="", routing_plan="", **more):
    trusted = mapping("m", trusted=True, caller_dial_plan="0:43", forward_dial_plan=mapping_plan)
    vendor = routing(
        "r1", trusted=True, diversion="diversion", caller_dial_plan="43:+43", forward_dial_plan=routing_plan
    )
    found = World(mapping_gateways=by_name(trusted), routing_gateways=by_name(vendor), **more)
    found.call(caller="0664", identity=Identity(diversions=(Diversion("0771"), Diversion("0664"))))
    return diversions(found)


def test_redirections_go_through_the_callers_plans_by_default():
    assert redirected() == ["+43771", "+43664"]


def test_forward_plans_are_for_redirections_alone():
    assert redirected(mapping_plan="0:0043") == ["0043771", "0043664"]
    assert redirected(routing_plan="43:") == ["771", "664"]
    assert redirected(mapping_plan="0:49", routing_plan="49:1") == ["1771", "1664"]


def test_a_question_shows_numbers_before_and_after_each_step():
    found = World(
        mapping_gateways=by_name(mapping("m", callee_dial_plan="00:", caller_dial_plan="0:43")),
        routing_gateways=by_name(routing("r1", callee_dial_plan="43:0043", caller_dial_plan=":9"), second()),
    )
    steps = route(found, caller="0664", callee="004312345")["steps"]
    assert [step for step in steps if " -> " in step][:4] == [
        "callee_dial_plan: 004312345 -> 4312345 (rule 00:)",
        "caller_dial_plan: 0664 -> 43664 (rule 0:43)",
        "r1: callee_dial_plan: 4312345 -> 004312345 (rule 43:0043)",
        "r1: caller_dial_plan: 43664 -> 943664 (rule :9)",
    ]
    found.call(callee="004312345")
    assert found.running().decision.notes == []


# ---- checks


def test_checks_of_the_incoming_side_refuse():
    gateway = mapping(
        "m",
        caller_check={"lengths": [[4, 11]]},
        callee_check={"prefixes_denied": ["439"]},
        forward_check={"prefixes_allowed": ["43"]},
        callee_dial_plan="00:",
    )
    found = World(mapping_gateways=by_name(gateway))
    assert found.call(caller="123").released.reason == "caller_restricted"
    assert found.call(callee="00439").released.reason == "callee_restricted"
    away = Identity(diversions=(Diversion("49"),))
    assert found.call(identity=away).released.reason == "caller_restricted"
    notes = [cdr.decision["notes"][0] for cdr in found.cdrs]
    assert notes == [
        ("m", "caller_check: 123: 3 characters are not allowed"),
        ("m", "callee_check: 439: prefix 439 is denied"),
        ("m", "forward_check: 49: it begins with no allowed prefix"),
    ]
    found.call()
    assert found.out.placement.callee == "4312345"


def test_checks_plans_and_areas_of_a_phone():
    checked = phone(
        "200",
        caller_dial_plan=":431",
        callee_check={"prefixes_denied": ["439"]},
        forward_check={"digits_only": True},
        forward_dial_plan="0:43",
        mobile_area={"area": "571", "numbers": "caller"},
    )
    vendor = routing("r1", trusted=True, diversion="diversion")
    found = World(phones=by_name(checked), routing_gateways=by_name(vendor), parameters={"VS_MOBILE_TABLE": "mobiles"})
    with_tables(found, mobiles={"4312": "431"})
    assert found.call(callee="439", user="200").released.reason == "callee_restricted"
    assert ("phone:200", "callee_check: 439: prefix 439 is denied") in found.cdrs[-1].decision["notes"]
    odd = Identity(diversions=(Diversion("bob"),))
    assert found.call(user="200", identity=odd).released.reason == "caller_restricted"
    found.call(user="200", identity=Identity(diversions=(Diversion("0771"),)))
    assert (found.out.placement.caller, found.out.placement.callee) == ("0431200", "4312345")
    assert diversions(found) == ["43771"]
    steps = route(found, mapping_gateway=None, phone="200")["steps"]
    assert "phone:200: mobile_area: 431200 -> 0431200" in steps


def test_a_redirection_that_is_no_number_is_not_shown():
    found = World(mapping_gateways=by_name(mapping("m", forward_check={"digits_only": True})))
    for number in ("\x1b[31m4", "4" * 65, "4 4"):
        assert found.call(identity=Identity(diversions=(Diversion(number),))).released.reason == "caller_restricted"
        assert number not in str(found.cdrs[-1].decision["notes"])
    assert found.call(identity=Identity(diversions=(Diversion("+43"),))).released.reason == "caller_restricted"
    assert found.call(identity=Identity(diversions=(Diversion("43"),))).released is None


def test_checks_of_a_vendor_see_the_numbers_as_sent_and_pass_it_over():
    checked = routing("r1", callee_dial_plan="43:0", callee_check={"prefixes_denied": ["0"]})
    found = World(routing_gateways=by_name(checked, second()))
    found.call()
    assert found.out.placement.target.host == "192.0.2.101"
    assert ("r1", "callee_check: 012345: prefix 0 is denied") in found.running().decision.notes
    rows = {row["gateway"]: (row["kept"], row["why"]) for row in route(found)["candidates"]}
    assert rows["r1"] == (False, "callee_check: 012345: prefix 0 is denied")
    assert rows["r2"][0]


def test_no_vendor_is_left():
    found = World(routing_gateways=by_name(routing("r1", caller_check={"lengths": [[9, 9]]})))
    assert found.call().released.reason == "no_route"
    assert route(found)["outcome"] == "no_route"
    found = World(routing_gateways=by_name(routing("r1", callee_dial_plan="*:")))
    assert found.call().released.reason == "empty_callee"


def test_emergency_numbers_pass_checks_and_periods_and_show_their_caller():
    strict = mapping(
        "m", callee_check={"lengths": [[7, 15]]}, caller_check={"lengths": [[9, 9]]}, periods=[{"valid_to": 1}]
    )
    help_ = {"name": "help", "numbers": ["43112"], "emergency": True, "table": ""}
    vendor = routing("r1", callee_check={"lengths": [[7, 15]]}, caller_pool="p")
    config = {"routing_gateways": by_name(vendor), "number_pools": {"p": pool()}, "mapping_gateways": by_name(strict)}
    found = World(number_groups={"help": help_}, **config)
    found.call(callee="43112")
    assert (found.out.placement.callee, found.out.placement.caller) == ("43112", "1000")
    assert found.call(callee="4311234").released.reason == "caller_restricted"
    assert World(**config).call(callee="43112").released.reason == "caller_restricted"


# ---- areas


def test_areas_of_both_numbers_are_kept():
    found = World(parameters={"VS_AREA_TABLE": "areas"})
    with_tables(found, areas={"43": "Austria|Europe/Vienna", "10": "Elsewhere"})
    _, callee = found.talk()
    callee.hangs_up()
    assert found.cdr.caller_area == "Elsewhere"
    assert tuple(found.cdr.decision["areas"]) == ("Elsewhere", "Austria")
    assert "areas: caller not known, callee Austria" in route(found, caller="99")["steps"]
    plain = World()
    assert kept(plain.decide(), failed=False).get("areas") is None


def test_mobile_numbers_of_other_areas_on_both_sides():
    found = World(
        parameters={"VS_MOBILE_TABLE": "mobiles"},
        mapping_gateways=by_name(mapping("m", mobile_area={"area": "571", "numbers": "caller", "add": "0"})),
        routing_gateways=by_name(routing("r1", mobile_area={"area": "10"}), second(mobile_area={"area": "431"})),
    )
    with_tables(found, mobiles={"4312": "431", "1390010": "10", "1380571": "571"})
    found.call(caller="13900100000")
    assert (found.out.placement.caller, found.out.placement.callee) == ("013900100000", "04312345")
    found.out.fails()
    assert (found.out.placement.caller, found.out.placement.callee) == ("013900100000", "4312345")
    steps = route(found, caller="13900100000")["steps"]
    assert "m: mobile_area: 13900100000 -> 013900100000" in steps
    assert "r1: mobile_area: 4312345 -> 04312345" in steps


# ---- pools


def test_the_calling_number_comes_out_of_the_pool_and_is_given_back():
    found = pooled(caller_dial_plan="1:2")
    callers = []
    for _ in range(3):
        _, callee = found.talk()
        callers.append(callee.placement.caller)
    assert callers == ["700", "701", "702"]
    found.call()
    assert found.out.placement.caller == "2000"  # all in use: as without the pool
    found.legs.placed[1].hangs_up()
    found.call()
    assert found.out.placement.caller == "701"
    assert found.cdrs[0].caller_out == "701"
    assert found.limits.in_use("pool:p:700") == 1


def test_a_full_pool_may_refuse_its_gateway():
    found = pooled("refuse")
    for _ in range(3):
        found.talk()
    found.talk()
    assert found.out.placement.target.host == "192.0.2.101"
    only = World(
        routing_gateways=by_name(routing("r1", caller_pool="p")),
        number_pools={"p": pool(numbers=["7"], when_full="refuse")},
    )
    only.talk()
    assert only.call().released.reason == "all_gateways_busy"
    assert route(only)["outcome"] == "all_gateways_busy"


def test_a_full_pool_may_use_a_number_again():
    found = pooled("reuse")
    callers = []
    for _ in range(7):
        _, callee = found.talk()
        callers.append(callee.placement.caller)
    assert sorted(callers) == ["700", "700", "700", "701", "701", "702", "702"]


def test_a_question_takes_nothing():
    found = pooled()
    answers = [route(found) for _ in range(3)]
    assert {row["caller_out"] for answer in answers for row in answer["candidates"] if row["gateway"] == "r1"} == {
        "700"
    }
    assert "r1: caller_pool: 1000 -> 700 (of 3 numbers)" in answers[0]["steps"]
    assert found.limits.view() == {}
    found.call()
    assert found.out.placement.caller == "700"


def test_a_failed_attempt_gives_its_number_back():
    found = pooled()
    found.call()
    assert found.limits.in_use("pool:p:700") == 1
    found.out.fails()
    assert found.limits.in_use("pool:p:700") == 0
    assert (found.out.placement.caller, found.out.placement.target.host) == ("1000", "192.0.2.101")


def test_a_gateway_that_registers_from_several_places_takes_one_number_at_a_time():
    gateway = routing("r1", caller_pool="p", dynamic=True, address="", username="u", password="x")
    found = World(routing_gateways=by_name(gateway), number_pools={"p": pool(numbers=["7"])})
    here = Address("192.0.2.50", 5060)
    contact = Contact("sip:a@192.0.2.50", here, here, 99.0)
    found.registrations.online["gateway:u"] = (contact, contact)
    found.call()
    found.out.fails()
    assert [leg.placement.caller for leg in found.legs.placed] == ["7", "7"]


def customers_pool(**changes):
    gateways = by_name(mapping("m", caller_pool="p", caller_check={"prefixes_allowed": ["10"]}))
    return World(mapping_gateways=gateways, number_pools={"p": pool(**changes)})


def test_the_pool_of_a_customer_gives_the_number_that_is_billed_and_shown():
    """Checks see the customer's own number; the number is in use as long as the call is up."""
    found = customers_pool()
    legs = [found.talk() for _ in range(3)]
    assert [callee.placement.caller for _, callee in legs] == ["700", "701", "702"]
    assert found.limits.in_use("pool:p:701") == 1
    found.call()
    assert found.out.placement.caller == "1000"  # all in use: as without the pool
    legs[1][1].hangs_up()
    assert (found.cdr.caller, found.cdr.caller_in, found.cdr.caller_out) == ("701", "1000", "701")
    assert found.limits.in_use("pool:p:701") == 0
    answers = [route(found) for _ in range(2)]
    assert ["m: caller_pool: 1000 -> 701 (of 3 numbers)" in answer["steps"] for answer in answers] == [True, True]
    leg = found.call()
    assert found.out.placement.caller == "701"
    leg.gives_up()
    assert found.limits.in_use("pool:p:701") == 0


def test_a_customer_whose_pool_is_full_is_refused_when_it_is_to_be():
    found = customers_pool(numbers=["7"], when_full="refuse")
    found.talk()
    assert found.call().released.reason == "line_limit"
    assert ("m", "number pool p: none of its 1 numbers is free") in found.cdrs[-1].decision["notes"]
    assert found.limits.in_use("pool:p:7") == 1
    assert route(found)["outcome"] == "line_limit"


def test_the_record_says_which_candidates_were_passed_over():
    checked = routing("r1", callee_check={"prefixes_denied": ["43"]})
    found = World(routing_gateways=by_name(checked, second()))
    _, callee = found.talk()
    callee.hangs_up()
    rows = {row["gateway"]: (row["kept"], row["why"]) for row in told(found.cdr.decision)["plan"]["gateways"]}
    assert rows == {
        "r1": (False, "callee_check: 4312345: prefix 43 is denied"),
        "r2": (True, "takes every number"),
    }


OUTCOMES = {
    "answer": lambda leg: leg.answers(offer(5000)),
    "fail": lambda leg: leg.fails(503),
    "refuse": lambda leg: leg.fails(486),
    "hang up": lambda leg: leg.hangs_up(),
    "time out": lambda leg: leg.times_out(),
}
WHAT = st.lists(st.sampled_from(["call", "answer", "fail", "hang up", "give up", "time out", "refuse"]), max_size=25)


@given(WHAT, st.sampled_from(["keep", "refuse", "reuse"]), st.integers(1, 2))
@settings(deadline=None, max_examples=60)
def test_numbers_in_use_are_those_of_the_calls_that_are_up(what, when_full, reuse):
    """Whatever happens to calls: each counter is the number of legs that show the number, and all is given back."""
    gateways = by_name(routing("r1", caller_pool="p"), second(caller_pool="p", lines=2))
    found = World(routing_gateways=gateways, number_pools={"p": pool(reuse=reuse, when_full=when_full)})
    incoming = []
    for step in what:
        up = [leg for leg in found.legs.placed if not leg.gone]
        if step == "call":
            incoming.append(found.call())
        elif step == "give up" and incoming:
            incoming.pop(0).gives_up()
        elif up:
            OUTCOMES.get(step, lambda _leg: None)(up[-1])
        shown = [leg.placement.caller for leg in found.legs.placed if not leg.gone and leg.placement.caller != "1000"]
        counted = {key[7:]: count for key, count in found.limits.view().items() if key.startswith("pool:p:")}
        assert counted == {number: shown.count(number) for number in shown}
    for leg in incoming:
        leg.gives_up()
    assert [key for key in found.limits.view() if key.startswith("pool:")] == []


def test_plain_gateways_share_one_value():
    found = World()
    assert found.snapshot.gateways.gateways["r1"].numbering is PLAIN_NUMBERING
    assert found.snapshot.mapping_gateways["m"].numbering is PLAIN_NUMBERING
