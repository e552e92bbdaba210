"""What decides on the vendor of a live call: price, prefix mode, prefix entries, protection."""

from __future__ import annotations

from tests.support.sipp import ANSWER, CALL, called

BUSY = ["receive INVITE", "send 503", "receive ACK"]
CHEAP = (
    '[[rate_groups]]\nname = "cheap{n}"\n[[rate_groups.rates]]\nprefix = ""\nper_minute = "0.12"\n'
    '[[accounts]]\nnumber = "W{n}"\nkind = "clearing"\noverdraft_limit = "unlimited"\nrate_group = "cheap{n}"\n'
)


def gateway(case, name, place, prefix, *lines, account="V"):
    """One more vendor, at the port of *place*."""
    return (
        f'[[routing_gateways]]\nname = "{name}{case.n}"\naccount = "{account}{case.n}"\naddress = "127.0.0.1"\n'
        f"port = {case.ports[place]}\nprefixes = [{prefix}]\n" + "\n".join(lines) + "\n"
    )


def route(case):
    """What ``vosswitch route`` says of the call."""
    return case.switch.cli("route", "-g", f"customer{case.n}", "4312345", case.number).stdout


def took(case, place, gateway_name):
    """One call that the vendor at *place* takes; gives its record."""
    vendor = case.vendor(place, ANSWER)
    case.call(CALL).succeeds()
    vendor.succeeds()
    cdr = case.cdr()
    assert cdr["routing_gateway"] == f"{gateway_name}{case.n}"
    return cdr


def test_the_price_decides_among_equals(case):
    """The name alone would say otherwise; the question gives the same order as the call."""
    longer = f'"{case.prefix}1"'
    more = CHEAP + gateway(case, "a", "first", longer) + gateway(case, "b", "second", longer, account="W")
    case.begin(more=more)
    shown = route(case)
    assert shown.index(f"b{case.n}") < shown.index(f"a{case.n}") < shown.index(f"first{case.n}")
    assert took(case, "second", "b")["cost"] == "0.002"


def test_a_terminal_prefix_keeps_shorter_ones_out(case):
    """The vendor with the longest prefix refuses: with ``continue`` the next level is tried, with ``terminal`` not."""
    longest = f'"{case.prefix}12"'
    case.begin(more=gateway(case, "own", "first", longest, 'prefix_mode = "terminal"'))
    vendor = case.vendor("first", BUSY)
    case.call(["invite", "expect? 100", "expect 503", "failack"]).succeeds()
    vendor.succeeds()
    assert [attempt["name"] for attempt in case.cdr()["attempts"]] == [f"own{case.n}"]
    assert f"prefix {case.prefix}12 of own{case.n} is terminal" in route(case)
    case.switch.provision(gateway(case, "own", "first", longest))
    first, second = (
        case.peer("first2", called(BUSY), "-m", "2", port=case.ports["first"]),
        case.vendor("second", ANSWER),
    )
    case.call(CALL, name="again").succeeds()
    second.succeeds()
    first.succeeds()
    assert [attempt["name"] for attempt in case.cdrs(2)[0]["attempts"]] == [
        f"own{case.n}",
        f"first{case.n}",
        f"second{case.n}",
    ]


def test_a_prefix_entry_has_a_priority_and_a_validity(case):
    """Of three entries of the same prefix one is over, one has a higher figure, and one takes the call."""
    over = f'{{prefix = "{case.prefix}1", valid_to = 2020-01-01}}'
    more = gateway(case, "old", "first", over)
    more += gateway(case, "a", "first", f'{{prefix = "{case.prefix}1", priority = 2}}')
    more += gateway(case, "b", "second", f'{{prefix = "{case.prefix}1", priority = 1}}')
    case.begin(more=more)
    took(case, "second", "b")
    assert f"prefix {case.prefix}1 is not in force" in route(case)


def test_a_protected_gateway_is_the_last_way(case):
    more = gateway(case, "spare", "second", f'"{case.prefix}1"', "protect = true")
    case.begin(other="locked = true", more=more)
    first, spare = case.vendor("first", BUSY), case.vendor("second", ANSWER)
    case.call(CALL).succeeds()
    first.succeeds()
    spare.succeeds()
    cdr = case.cdr()
    assert [attempt["name"] for attempt in cdr["attempts"]] == [f"first{case.n}", f"spare{case.n}"]
