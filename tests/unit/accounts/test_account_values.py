"""Configuration bodies become values; accounts and levels are checked."""

from random import Random

import pytest

from vosswitch.accounts.check import check_account, may_call
from vosswitch.accounts.values import Account, MappingGateway, Phone
from vosswitch.model.call import Credential
from vosswitch.model.causes import END_REASONS
from vosswitch.model.values import Level

ACCOUNT = {
    "number": "1000", "name": "Demo", "kind": "ordinary", "rate_group": "retail", "overdraft_limit": 5,
    "anti_overdraft": True, "lines": 10, "cps": None, "locked": False, "lock_reason": "", "expires": None,
}  # fmt: skip
GATEWAY = {
    "name": "demo", "account": "1000", "auth": "ip", "addresses": ["192.0.2.1", "10.0.0.0/8"], "username": "",
    "ha1s": {"MD5": "AB", "SHA-256": "cd"}, "lines": None, "cps": 7, "tech_prefix": "99", "callee_dial_plan": "00:",
    "caller_dial_plan": "", "routing_strategies": ["price"], "blacklists": ["static"], "number_transforms": ["e164"],
    "media_proxy": "off", "locked": False,
}  # fmt: skip
PHONE = {
    "number": "1001", "account": "1000", "ha1s": {}, "lines": 1, "level": "local", "callee_dial_plan": "0:49",
    "locked": True,
}  # fmt: skip


def test_account_body():
    account = Account.from_body(ACCOUNT)
    assert {key: getattr(account, key) for key in ACCOUNT} == ACCOUNT


def test_gateway_body():
    found = MappingGateway.from_body(GATEWAY)
    for key in ("name", "account", "auth", "lines", "cps", "tech_prefix", "media_proxy", "locked"):
        assert getattr(found, key) == GATEWAY[key]
    assert [str(item) for item in found.addresses] == GATEWAY["addresses"]
    assert found.username == "demo"
    assert found.credentials == (Credential("ab", "MD5"), Credential("cd", "SHA-256"))
    assert found.callee_dial_plan.apply("0049", Random(0)) == "49"
    assert not found.caller_dial_plan
    assert (found.routing_strategies, found.blacklists, found.number_transforms) == (("price",), ("static",), ("e164",))


def test_phone_body():
    found = Phone.from_body(PHONE)
    assert (found.number, found.account, found.lines, found.locked) == ("1001", "1000", 1, True)
    assert (found.level, found.credentials, found.callee_dial_plan.text) == (Level.LOCAL, (), "0:49")


@pytest.mark.parametrize("change", [{"addresses": ["nonsense"]}, {"callee_dial_plan": "E:"}])
def test_unreadable_body_is_refused(change):
    with pytest.raises(ValueError, match="expected"):
        MappingGateway.from_body(GATEWAY | change)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"locked": True, "lock_reason": "operator"}, "account_locked"),
        ({"locked": True, "lock_reason": "balance"}, "account_locked"),
        ({"locked": True, "lock_reason": "fraud"}, "account_locked"),
        ({"locked": True, "lock_reason": "expiry"}, "account_expired"),
        ({"expires": 1_000}, "account_expired"),
        ({"expires": 1_001}, None),
        ({"expires": 0}, "account_expired"),
        ({"locked": True, "lock_reason": "operator", "expires": 0}, "account_locked"),
    ],
)
def test_check_account(change, reason):
    assert check_account(Account.from_body(ACCOUNT | change), 1_000) == reason
    assert reason is None or reason in END_REASONS


def test_levels_include_those_below():
    made = {level: [may_call(Phone("1", "1", level=level), other) for other in Level] for level in Level}
    assert [sum(row) for row in made.values()] == [1, 2, 3, 4]
    assert all(row == sorted(row, reverse=True) for row in made.values())
