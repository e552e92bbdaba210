"""Lists, areas, sections and levels decide whether a call may be made, and say which of them did."""

import pytest
from call_world import CUSTOMER, World, account, by_name, group, mapping, phone, rate, routing

from vosswitch.call.deciding.explain import explain
from vosswitch.model.call import Contact, Reject
from vosswitch.model.values import Address
from vosswitch.numbers.table import NumberTable


def listed(name, *entries, **changes):
    return {"name": name, "entries": list(entries)} | changes


def world(*lists, accounts=None, gateway=None, **config):
    """Customer ``m`` of account ``c``, the lists, and changes to account and gateway."""
    rows = by_name(account("c", **(accounts or {})), account("v", kind="clearing", rate_group="wholesale"))
    return World(
        accounts=rows,
        mapping_gateways=by_name(mapping("m", **(gateway or {}))),
        number_lists=by_name(*lists),
        **config,
    )


def outcome(made, callee="4312345", **more):
    """The end reason of a decision; None = it may go on."""
    decision = made.decide(callee, **more)
    return decision.cause and decision.cause.reason


def said(made, callee="4312345", **more):
    return dict(made.decide(callee, **more).notes)


class TestLists:
    def test_a_number_on_a_black_list_of_the_account_is_refused(self):
        made = world(listed("x", "4312*", of="callee"), accounts={"lists": ["x"]})
        assert outcome(made) == "blacklisted"
        assert said(made)["lists"] == "blacklisted: callee 4312345 is on list x of account c: 4312*"
        assert outcome(made, "4366412") is None

    def test_the_calling_number_likewise(self):
        made = world(listed("x", "1000", of="caller"), gateway={"lists": ["x"]})
        assert outcome(made) == "blacklisted"
        assert said(made)["lists"] == "blacklisted: caller 1000 is on list x of mapping gateway m: 1000"
        assert outcome(made, caller="1001") is None

    def test_a_list_looks_at_the_side_that_it_is_of(self):
        assert outcome(world(listed("x", "1000", of="callee"), gateway={"lists": ["x"]})) is None
        assert outcome(world(listed("x", "1000"), gateway={"lists": ["x"]})) == "blacklisted"

    def test_a_system_list_is_asked_for_every_call(self):
        made = world(listed("x", "4312*", system=True))
        assert outcome(made) == "blacklisted"
        made.tell(number_lists={"x": listed("x", "4312*")})
        assert outcome(made) is None
        made.tell(number_lists={"x": listed("x", "4312*", system=True)})
        assert outcome(made) == "blacklisted"
        made.tell(number_lists={"x": None})
        assert outcome(made) is None

    def test_a_white_list_passes_the_black_lists_of_its_level(self):
        lists = listed("black", "43*"), listed("white", "4312345", action="allow", of="callee")
        made = world(*lists, accounts={"lists": ["black", "white"]})
        assert outcome(made) is None
        assert outcome(made, "4312346") == "blacklisted"

    def test_but_not_those_of_another_level(self):
        lists = listed("black", "43*"), listed("white", "4312345", action="allow")
        assert outcome(world(*lists, accounts={"lists": ["white"]}, gateway={"lists": ["black"]})) == "blacklisted"
        assert outcome(world(*lists, accounts={"lists": ["black"]}, gateway={"lists": ["white"]})) == "blacklisted"

    def test_nor_those_of_the_other_number(self):
        lists = listed("black", "43*", of="callee"), listed("white", "1000", action="allow", of="caller")
        assert outcome(world(*lists, accounts={"lists": ["black", "white"]})) == "blacklisted"

    def test_only_the_numbers_of_a_list(self):
        made = world(listed("x", "4366*", action="only", of="callee"), accounts={"lists": ["x"]})
        assert outcome(made) == "callee_restricted"
        assert said(made)["lists"] == "callee_restricted: callee 4312345 is not on list x of account c"
        assert outcome(made, "4366123") is None

    def test_several_such_lists_are_one(self):
        lists = listed("x", "1000", action="only", of="caller"), listed("y", "1001", action="only", of="caller")
        made = world(*lists, gateway={"lists": ["x", "y"]})
        assert [outcome(made, caller=number) for number in ("1000", "1001")] == [None, None]
        assert outcome(made, caller="1002") == "caller_restricted"

    def test_numbers_are_compared_as_billed(self):
        made = world(listed("x", "4312345"), gateway={"lists": ["x"], "callee_dial_plan": "00:"})
        assert outcome(made, "004312345") == "blacklisted"

    def test_tables_by_number_and_by_prefix(self):
        tables = {"t": {"name": "t", "kind": "list", "overlay": [["4312", ""]]}}
        made = world(listed("x", tables=["t"]), accounts={"lists": ["x"]}, number_tables=tables)
        assert outcome(made) is None
        assert outcome(made, "4312") == "blacklisted"
        made = world(listed("x", prefix_tables=["t"]), accounts={"lists": ["x"]}, number_tables=tables)
        assert outcome(made) == "blacklisted"
        assert said(made)["lists"].endswith("4312* in table t")
        assert outcome(made, "4366123") is None
        assert isinstance(made.snapshot.number_tables["t"], NumberTable)

    def test_a_plugins_list_beside_a_configured_one(self):
        class Plugin:
            name = "p"

            def screen(self, attempt):
                return Reject("blacklisted", "for a reason") if attempt.callee == "4366123" else None

        made = world(listed("x", "4312345"), accounts={"lists": ["x", "p"]}, blacklists=[Plugin()])
        assert outcome(made) == "blacklisted"
        assert said(made, "4366123")["lists"] == "blacklisted: for a reason (list p of account c)"
        assert outcome(made, "4366124") is None

    def test_a_list_whose_plugin_is_gone_is_noted_and_lets_the_call_pass(self):
        made = world(accounts={"lists": ["gone"]})
        assert outcome(made) is None
        assert said(made)["list gone (account c)"] == "is not loaded"

    def test_the_explanation_names_every_list_that_was_asked(self):
        lists = listed("a", "4399*"), listed("b", "43*", action="allow", of="callee")
        made = world(*lists, accounts={"lists": ["a", "b"]})
        question = {"caller": "1000", "callee": "4312345"}
        steps = explain(made.decider, made.snapshot, question, made.now())["steps"]
        assert "list a (deny, account c): caller 1000 is not on it" in steps
        assert "list a (deny, account c): callee 4312345 is not on it" in steps
        assert "list b (allow, account c): callee 4312345 is on it (43*)" in steps
        assert not [what for what, _ in made.decide("4312345").notes if "list" in what]


class TestRoutingGateways:
    def test_a_gateway_whose_list_is_against_the_call_is_no_candidate(self):
        made = world(
            listed("x", "4312*", of="callee"),
            routing_gateways=by_name(routing("r1", lists=["x"]), routing("r2", priority=1)),
        )
        made.call().gives_up()
        assert [leg.placement.target.host for leg in made.legs.placed] == ["192.0.2.100"]
        decision = made.decide("4312345")
        assert [one.gateway for one in decision.plan.candidates] == ["r2"]
        (look,) = [look for look in decision.plan.looks if look.gateway == "r1"]
        assert (look.kept, look.why) == (False, "callee 4312345 is on list x of the gateway: 4312*")
        assert [one.gateway for one in made.decide("4366123").plan.candidates] == ["r1", "r2"]

    def test_a_plugins_list_named_by_a_gateway(self):
        class Plugin:
            name = "p"

            def screen(self, attempt):
                return Reject("blacklisted", "says so") if attempt.callee.startswith("4312") else None

        made = world(routing_gateways=by_name(routing("r1", lists=["p"])), blacklists=[Plugin()])
        assert outcome(made) == "no_route"
        assert made.decide("4312345").plan.looks[0].why == "says so (list p of the gateway)"
        assert outcome(made, "4366123") is None

    def test_an_emergency_call_keeps_to_the_lists_while_a_gateway_is_left(self):
        groups = {"sos": {"name": "sos", "numbers": ["112"], "table": "", "emergency": True}}
        gateways = by_name(routing("r1", lists=["x"]), routing("r2", priority=1))
        made = world(listed("x", "112", system=True), number_groups=groups, routing_gateways=gateways)
        assert [one.gateway for one in made.decide("112").plan.candidates] == ["r2"]
        made.tell(routing_gateways={"r2": None})
        assert [one.gateway for one in made.decide("112").plan.candidates] == ["r1"]
        assert ("emergency", "lists of gateways pass, for no other gateway is left") in made.decide("112").notes
        assert outcome(made, "43") is None

    def test_none_left_is_no_route(self):
        made = world(listed("x", "4312*"), routing_gateways=by_name(routing("r1", lists=["x"])))
        assert outcome(made) == "no_route"


class TestPhones:
    def contacts(self, made, number):
        made.registrations.online[number] = (Contact("sip:d@192.0.2.9", Address("192.0.2.9", 5060), CUSTOMER, 60.0),)

    def test_the_called_number_of_a_phone_that_calls(self):
        phones = {"200": phone("200", lists=["x"])}
        made = world(listed("x", "4312*", "200"), phones=phones)
        assert outcome(made, user="200") == "blacklisted"
        assert outcome(made, "4366123", user="200") is None  # its own number is not asked

    def test_the_calling_number_of_a_phone_that_is_called(self):
        phones = {"4320": phone("4320", lists=["x"])}
        made = world(listed("x", "1000", "4320"), phones=phones)
        self.contacts(made, "4320")
        assert outcome(made, "4320") == "blacklisted"
        assert outcome(made, "4320", caller="1001") is None


class TestAreas:
    FENCES = {
        "here": {"name": "here", "networks": ["192.0.2.0/24"]},
        "there": {"name": "there", "networks": ["203.0.113.0/24"]},
    }

    def test_a_source_outside_the_allowed_areas_is_refused(self):
        made = world(accounts={"areas_allowed": ["there"]}, geofences=self.FENCES)
        assert outcome(made) == "caller_restricted"
        assert said(made)["areas"] == "caller_restricted: 192.0.2.1 is not in there of account c"

    def test_inside_it_passes(self):
        assert outcome(world(accounts={"areas_allowed": ["there", "here"]}, geofences=self.FENCES)) is None

    def test_a_forbidden_area_comes_first(self):
        made = world(accounts={"areas_allowed": ["here"], "areas_forbidden": ["here"]}, geofences=self.FENCES)
        assert outcome(made) == "caller_restricted"
        assert "192.0.2.1 is in area here" in said(made)["areas"]

    def test_phones_of_the_account_too(self):
        phones = {"200": phone("200")}
        made = world(accounts={"areas_allowed": ["there"]}, geofences=self.FENCES, phones=phones)
        assert outcome(made, user="200") == "caller_restricted"

    def test_a_question_without_a_source_is_not_refused(self):
        made = world(accounts={"areas_allowed": ["there"]}, geofences=self.FENCES)
        answer = explain(made.decider, made.snapshot, {"caller": "1000", "callee": "4312345"}, made.now())
        assert answer["outcome"] == "route"
        assert "areas: not asked: the question names no source" in answer["steps"]


class TestSections:
    OWN = {"sections": ["1000-1099", "4312*"], "section_policy": "refuse", "default_caller": ""}

    def test_a_number_of_the_sections_passes(self):
        made = world(accounts=self.OWN)
        assert [outcome(made, caller=number) for number in ("1000", "1099", "43129")] == [None] * 3

    def test_another_is_refused(self):
        made = world(accounts=self.OWN)
        assert outcome(made, caller="1100") == "caller_restricted"
        assert said(made, caller="1100")["sections"] == "caller_restricted: caller 1100 is not in the sections of c"

    def test_or_replaced_for_everything_that_follows(self):
        own = self.OWN | {"section_policy": "replace", "default_caller": "1000", "lists": ["x"]}
        made = world(listed("x", "1100"), accounts=own)
        made.call(caller="1100").gives_up()
        assert made.legs.placed[0].placement.caller == "1000"
        assert (made.cdr.caller_in, made.cdr.caller) == ("1100", "1000")
        assert said(made, caller="1100")["caller"] == "1100 is not in the sections of c: 1000 is shown"


class TestLevels:
    GROUPS = by_name(
        group("retail", rate("43", "0.6", level="domestic"), rate("431", "0.1", level="local")),
        group("wholesale", rate("43", "0.3")),
    )

    @pytest.mark.parametrize(("level", "far", "near"), [("local", "level_not_allowed", None), ("domestic", None, None),
                                                       ("net", "level_not_allowed", "level_not_allowed")])  # fmt: skip
    def test_the_level_of_the_account_bounds_its_calls(self, level, far, near):
        made = world(accounts={"level": level}, rate_groups=self.GROUPS)
        assert (outcome(made, "4366123"), outcome(made, "4312345")) == (far, near)

    def test_of_account_and_phone_the_lower_one_counts(self):
        made = world(accounts={"level": "local"}, rate_groups=self.GROUPS, phones={"200": phone("200")})
        assert outcome(made, "4366123", user="200") == "level_not_allowed"
        made = world(rate_groups=self.GROUPS, phones={"200": phone("200", level="local")})
        assert outcome(made, "4366123", user="200") == "level_not_allowed"


def test_a_call_for_which_nothing_is_set_reaches_none_of_them():
    class Trap:
        name = "trap"

        def examine(self, attempt, settings):
            raise AssertionError("asked")

    made = world(listed("x", "4312*"))
    means = made.decider._means
    made.decider._means = means._replace(plugins=type(means.plugins)(
        **{name: getattr(means.plugins, name) for name in means.plugins.__slots__} | {"standing": (Trap(),)}
    ))  # fmt: skip
    assert outcome(made) is None
    made.tell(accounts={"c": account("c", lists=["x"])})
    with pytest.raises(AssertionError, match="asked"):
        made.decide("4312345")
