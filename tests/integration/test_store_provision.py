"""Loading and dumping on real databases."""

from __future__ import annotations

import threading
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from vosswitch.model.values import money, money_text
from vosswitch.store import accounts, schema
from vosswitch.store.changes import last_seq
from vosswitch.store.database import Database, open_database
from vosswitch.store.document import BadDocument, parse_toml
from vosswitch.store.dump import dump
from vosswitch.store.entities import read_all
from vosswitch.store.fields import Deployment
from vosswitch.store.migrations import migrate
from vosswitch.store.provision import Loaded, apply_load, plan_load
from vosswitch.store.provision_schema import TABLES
from vosswitch.store.rates import find_group, rate_rows, rates_of
from vosswitch.store.secrets import MASK, Secrets, ha1s

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return Deployment("test", Secrets(str(tmp_path / "key")))


def load(database: Database, text: str, deployment: Deployment) -> Loaded:
    with database.write() as connection:
        return apply_load(connection, parse_toml(text, "f.toml"), deployment, "f.toml", "tester")


def refused(database: Database, text: str, deployment: Deployment) -> list[str]:
    before = everything(database)
    with pytest.raises(BadDocument) as caught:
        load(database, text, deployment)
    assert everything(database) == before
    return caught.value.problems


def everything(database: Database) -> list[Any]:
    with database.read() as connection:
        return [connection.execute(table.select()).all() for table in schema.metadata.sorted_tables]


def entries(database: Database, table: str) -> dict[str, Any]:
    with database.read() as connection:
        return dict(read_all(connection, TABLES[table]))


BASE = """
[[rate_groups]]
name = "retail"
[[rate_groups.rates]]
prefix = "43"
per_minute = "0.0200"
[[rate_groups.rates]]
prefix = "43"
per_minute = "0.03"
effective = 2030-01-01T00:00:00Z
[[accounts]]
number = "1000"
balance = "10"
rate_group = "retail"
[[mapping_gateways]]
name = "gw"
account = "1000"
addresses = ["192.0.2.1"]
[[mapping_gateways]]
name = "pw"
account = "1000"
auth = "password"
password = "inbound-secret"
[[routing_gateways]]
name = "out"
address = "192.0.2.2"
username = "us"
password = "outbound-secret"
[[phones]]
number = "1001"
account = "1000"
password = "phone-secret"
[[parameters]]
name = "SS_GATEWAY_SWITCH_LIMIT"
value = 3
"""


def test_demo_loads_and_loading_it_again_changes_nothing(database: Database, deployment: Deployment) -> None:
    text = (ROOT / "etc" / "demo.toml").read_text()
    first = load(database, text, deployment)
    assert first.warnings == []
    assert first.seq == len(first.differences)
    again = load(database, text, deployment)
    assert (again.differences, again.seq) == ([], None)


def test_opening_balance_is_in_the_ledger_and_used_once(database: Database, deployment: Deployment) -> None:
    load(database, BASE, deployment)
    load(database, '[[accounts]]\nnumber = "1000"\nname = "n"\nbalance = "99"\nrate_group = "retail"', deployment)
    with database.read() as connection:
        assert accounts.show(connection, "1000").balance == money("10")
        rows = accounts.history(connection, "1000")
    assert [(row.kind, row.amount, row.balance_after, row.who) for row in rows] == [
        ("opening", money("10"), money("10"), "tester")
    ]


def test_dry_run_tells_and_changes_nothing(database: Database, deployment: Deployment) -> None:
    before = everything(database)
    with database.read() as connection:
        plan = plan_load(connection, parse_toml(BASE, "f.toml"), deployment)
    assert everything(database) == before
    assert [(item.table, item.key) for item in plan.differences[:3]] == [
        ("rate_groups", "retail"), ("accounts", "1000"), ("mapping_gateways", "gw"),
    ]  # fmt: skip
    load(database, BASE, deployment)
    with database.read() as connection:
        changed = parse_toml('[[accounts]]\nnumber="1000"\nrate_group="retail"\nlines=5', "f")
        plan = plan_load(connection, changed, deployment)
    assert [str(item) for item in plan.differences] == ['~ accounts "1000": lines: (default) -> 5']


def test_what_is_left_out_has_its_default_again(database: Database, deployment: Deployment) -> None:
    load(database, BASE, deployment)
    load(database, '[[accounts]]\nnumber = "1000"\nlines = 5\ncps = 2\nrate_group = "retail"', deployment)
    load(database, '[[accounts]]\nnumber = "1000"\ncps = 2', deployment)
    values = entries(database, "accounts")["1000"].values
    assert (values["lines"], values["cps"], values["rate_group"]) == (None, 2, None)


def test_rates_merge_and_replace_and_delete(database: Database, deployment: Deployment) -> None:
    def held() -> list[tuple[str, int, str]]:
        with database.read() as connection:
            return [(row.prefix, row.effective, row.per_minute) for row in rate_rows(connection, "retail")]

    later = 1893456000000
    load(database, BASE, deployment)
    assert held() == [("43", 0, "0.0200"), ("43", later, "0.03")]
    more = '[[rate_groups]]\nname="retail"\n{}\n[[rate_groups.rates]]\nprefix="{}"\n{}'
    load(database, more.format("", "44", 'per_minute="1"'), deployment)
    load(database, more.format("", "43", 'per_minute="0.5"'), deployment)
    assert held() == [("43", 0, "0.5"), ("43", later, "0.03"), ("44", 0, "1")]
    load(database, more.format("", "43", "delete=true"), deployment)
    assert held() == [("43", later, "0.03"), ("44", 0, "1")]
    done = load(database, more.format("replace=true", "44", 'per_minute="1"'), deployment)
    assert held() == [("44", 0, "1")]
    assert [item.key for item in done.differences] == [f"retail/43/{later}"]


def test_deleting_needs_nobody_who_uses_it(database: Database, deployment: Deployment) -> None:
    load(database, BASE, deployment)
    delete = '[[accounts]]\nnumber = "1000"\ndelete = true\n'
    found = refused(database, delete, deployment)
    assert 'f.toml: accounts[1] "1000": delete: still used by mapping_gateways "gw"' in found
    others = "".join(
        f'[[{table}]]\n{key} = "{name}"\ndelete = true\n'
        for table, key, name in (
            ("mapping_gateways", "name", "gw"), ("mapping_gateways", "name", "pw"), ("phones", "number", "1001"),
            ("rate_groups", "name", "retail"), ("routing_gateways", "name", "out"),
            ("parameters", "name", "SS_GATEWAY_SWITCH_LIMIT"), ("phones", "number", "7777"),
        )
    )  # fmt: skip
    load(database, delete + others, deployment)
    assert all(not entries(database, name) for name in TABLES)
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(schema.rate)).scalar() == 0


def test_ledger_of_a_deleted_account_sums_to_zero(database: Database, deployment: Deployment) -> None:
    opening = '[[accounts]]\nnumber = "5"\nbalance = "{}"'
    load(database, opening.format("10"), deployment)
    load(database, '[[accounts]]\nnumber = "5"\ndelete = true', deployment)
    load(database, opening.format("3"), deployment)
    with database.read() as connection:
        total = connection.execute(select(func.sum(schema.ledger.c.amount))).scalar()
        assert accounts.show(connection, "5").balance == total == money("3")


GATEWAY = '[[mapping_gateways]]\naccount="1000"\n'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[[accounts]]\nnumber="1"\nrate_group="x"', 'accounts[1] "1": rate_group: expected one of rate_groups'),
        ('[[phones]]\nnumber="1"\naccount="x"', 'phones[1] "1": account: expected one of accounts, there is no "x"'),
        ('[[routing_gateways]]\nname="r"\naddress="::1"\naccount="x"', 'account: expected one of accounts, there'),
        (GATEWAY + 'name="m"', "addresses: expected at least one"),
        (GATEWAY + 'name="m"\nauth="ip_port"\naddresses=["::1"]', "expected an address with a port"),
        (GATEWAY + 'name="m"\naddresses=["192.0.2.1"]', 'taken already by mapping_gateways "gw"'),
        (GATEWAY + 'name="m"\nauth="password"', "password: expected"),
        (GATEWAY + 'name="m"\naddresses=["192.0.2.9"]\ndynamic=true', 'dynamic: expected auth = "password"'),
        ('[[routing_gateways]]\nname="r"\ndynamic=true', "password: expected one, for dynamic = true"),
        ('[[routing_gateways]]\nname="r"\naddress="::1"\nregister=true', "password: expected one, for register = true"),
        (
            '[[routing_gateways]]\nname="r"\nregister=true\ndynamic=true\npassword="x"',
            "address: expected one, for register = true",
        ),
        (
            '[[routing_gateways]]\nname="r"\naddress="::1"\nfrom_user="username"',
            'from_user: expected username and password beside "username"',
        ),
        ('[[routing_gateways]]\nname="r"', "address: expected an IP address or a host name"),
        (GATEWAY + 'name="1001"\nauth="password"\npassword="x"', 'taken already by phones "1001"'),
        (GATEWAY + 'name="pw"\nauth="password"\nusername="u"', "belongs to the former username"),
        ('[[phones]]\nnumber="1"\naccount="1000"\npassword="********"', "masked, and there is none to keep"),
        ('[[accounts]]\nnumber="1"\nlock_reason="fraud"', "lock_reason: expected locked = true"),
        ('[[parameters]]\nname="SS_GATEWAY_SWITCH_LIMIT"\nvalue="x"', "SWITCH_LIMIT: expected a whole number"),
        ('[[parameters]]\nname="SERVER_BILLING_FEE_UNIT"\nvalue="0.00001"', "expected a multiple"),
        ('[[accounts]]\nnumber="ok"\n[[accounts]]\nnumber="bad"\nlines="x"', 'accounts[2] "bad": lines'),
    ],
)  # fmt: skip
def test_refused_documents_change_nothing(database: Database, deployment: Deployment, text: str, problem: str) -> None:
    load(database, BASE, deployment)
    found = refused(database, text, deployment)
    assert any(problem in line and line.startswith("f.toml: ") for line in found), found


def test_same_address_with_another_tech_prefix_is_fine(database: Database, deployment: Deployment) -> None:
    load(database, BASE, deployment)
    text = '[[mapping_gateways]]\nname="m"\naccount="1000"\naddresses=["192.0.2.1"]\ntech_prefix="99"'
    assert len(load(database, text, deployment).differences) == 1


def test_locks_of_the_switch_stay_unless_a_file_speaks_of_them(database: Database, deployment: Deployment) -> None:
    def state(text: str) -> tuple[bool, str]:
        load(database, f'[[accounts]]\nnumber = "1"\n{text}', deployment)
        values = entries(database, "accounts")["1"].values
        return values["locked"], values["lock_reason"]

    assert state("locked = true") == (True, "operator")
    assert state("") == (False, "")
    assert state('locked = true\nlock_reason = "fraud"') == (True, "fraud")
    assert state("") == (True, "fraud")
    assert state("locked = true") == (True, "fraud")
    assert state("locked = false") == (False, "")


def test_secrets_are_kept_unreadable_and_masked(database: Database, deployment: Deployment) -> None:
    load(database, BASE, deployment)
    assert entries(database, "phones")["1001"].secret == ha1s("1001", "test", "phone-secret")
    assert entries(database, "mapping_gateways")["pw"].secret == ha1s("pw", "test", "inbound-secret")
    assert deployment.secrets.unseal(entries(database, "routing_gateways")["out"].secret[0]) == "outbound-secret"
    assert "-secret" not in repr(everything(database))
    with database.read() as connection:
        masked = dump(connection, deployment)
        told = dump(connection, deployment, with_secrets=True)
    assert masked.count(MASK) == 3
    assert "-secret" not in masked
    assert told.count("-secret") == 1
    assert "outbound-secret" in told


def test_changed_secret_is_logged_without_it(database: Database, deployment: Deployment) -> None:
    load(database, BASE, deployment)
    done = load(database, '[[phones]]\nnumber="1001"\naccount="1000"\npassword="other"', deployment)
    assert [str(item) for item in done.differences] == [
        f'~ phones "1001": password: "{MASK}", password_changed: true'
    ] or ("password_changed" in str(done.differences[0]))
    with database.read() as connection:
        row = connection.execute(schema.changes.select().where(schema.changes.c.seq == done.seq)).one()
    assert (row.who, row.table, row.key) == ("tester", "phone", "1001")
    assert row.after["password_changed"] is True
    assert row.before["password"] == row.after["password"] == MASK


def test_dump_with_secrets_restores_elsewhere(database: Database, deployment: Deployment, tmp_path: Path) -> None:
    load(database, BASE, deployment)
    with database.read() as connection:
        text = dump(connection, deployment, with_secrets=True)
    url = f"sqlite:///{tmp_path}/other.sqlite"
    migrate(url)
    other = open_database(url)
    load(other, text, deployment)
    for name in ("mapping_gateways", "phones", "accounts", "rate_groups", "parameters"):
        assert entries(other, name) == entries(database, name)
    with other.read() as connection:
        assert dump(connection, deployment, with_secrets=True) == text
    other.close()


def test_change_numbers_are_in_commit_order(database: Database, deployment: Deployment) -> None:
    """Two writers at once: numbers without gaps, and never a smaller one after a larger one was visible."""
    errors: list[BaseException] = []

    def write(start: int) -> None:
        try:
            for number in range(start, start + 15):
                load(database, f'[[accounts]]\nnumber = "{number}"', deployment)
        except BaseException as error:  # noqa: BLE001 - handed to the test
            errors.append(error)

    threads = [threading.Thread(target=write, args=(start,)) for start in (100, 200)]
    for thread in threads:
        thread.start()
    seen: list[int] = []
    while any(thread.is_alive() for thread in threads):
        with database.read() as connection:
            newest = last_seq(connection)
            count = connection.execute(
                select(func.count()).select_from(schema.changes).where(schema.changes.c.seq <= newest)
            ).scalar()
        assert count == newest
        seen.append(newest)
    assert errors == []
    assert seen == sorted(seen)
    with database.read() as connection:
        assert last_seq(connection) == 30


_name = st.text("abcXYZ 09-é\"'\\#=[]ß漢", min_size=1, max_size=8).map(str.strip).filter(bool)
_number = st.text("0123456789", min_size=1, max_size=6)
_limit = st.none() | st.integers(0, 1000)
_money = st.integers(-(10**17), 10**17).map(money_text)
_rate = st.decimals(0, 1000, places=6).map(str)
_moment = st.datetimes(min_value=datetime(1971, 1, 1), timezones=st.timezones()).filter(
    lambda moment: moment.year < 9999
)


def _some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Any of the fields; None = left out."""
    return st.fixed_dictionaries({}, optional=fields).map(
        lambda values: {name: value for name, value in values.items() if value is not None}
    )


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    groups = draw(st.lists(_name, unique=True, max_size=3))
    numbers = draw(st.lists(_number, unique=True, min_size=1, max_size=4))
    fields = _some(
        name=_name, balance=_money, lines=_limit, cps=_limit, anti_overdraft=st.booleans(), locked=st.booleans(),
        kind=st.sampled_from(["ordinary", "clearing", "agent", "phone_card"]), expires=_moment,
        overdraft_limit=st.sampled_from(["unlimited", "5", "0.0000001"]),
        rate_group=st.sampled_from(groups) if groups else st.none(),
    )  # fmt: skip
    rate = st.tuples(
        st.fixed_dictionaries({"prefix": _number | st.just(""), "per_minute": _rate}),
        _some(
            first=st.integers(1, 99), tax=_rate, effective=_moment, name=_name, level=st.sampled_from(["net", "local"])
        ),
    ).map(lambda pair: pair[0] | pair[1])
    rows = st.lists(rate, max_size=4, unique_by=lambda row: (row["prefix"], str(row.get("effective"))))
    plan = st.sampled_from(["", "00:,0:43", "+:", "9?L3:$*"])
    gateways = draw(st.lists(_name, unique=True, max_size=3))
    return {
        "rate_groups": [{"name": name, "rates": draw(rows)} for name in groups],
        "accounts": [{"number": number, **draw(fields)} for number in numbers],
        "routing_gateways": [
            {"name": name, "address": "192.0.2.9", **draw(_some(
                port=st.integers(1, 65535), prefixes=st.lists(_number, max_size=3), password=_name, realm=_name,
                username=_name, priority=st.integers(0, 9), weight=st.integers(0, 9), lines=_limit,
                callee_dial_plan=plan, strip_prefix=st.booleans(), account=st.sampled_from(numbers),
                number_transforms=st.lists(_name, max_size=2), media_proxy=st.sampled_from(["on", "off", "must_on"]),
            ))} for name in gateways
        ],
        "phones": [
            {"number": f"9{number}", "account": number, **draw(_some(password=_name, callee_dial_plan=plan))}
            for number in numbers
        ],
    }  # fmt: skip


def test_loading_a_dump_changes_nothing(database: Database, deployment: Deployment) -> None:
    @settings(max_examples=30, deadline=None)
    @given(first=documents(), second=documents())
    def check(first: dict[str, Any], second: dict[str, Any]) -> None:
        for document in (first, second):
            with database.write() as connection:
                apply_load(connection, document, deployment)
        for secrets in (False, True):
            with database.read() as connection:
                text = dump(connection, deployment, with_secrets=secrets)
                assert plan_load(connection, parse_toml(text, "dump"), deployment).differences == []

    check()  # inside, for the fixtures have to be fresh for the test and pytest-twisted wraps what pytest calls


def test_rate_groups_rates_have_every_field(database: Database, deployment: Deployment) -> None:
    load(database, BASE, deployment)
    with database.read() as connection:
        assert rates_of(connection, find_group(connection, "retail"))["43/0"] == {
            "prefix": "43", "effective": 0, "name": "", "per_minute": "0.0200", "first": 1, "next": 1,
            "connect_fee": "0", "tax": "0", "level": "domestic", "until": None, "attempt_fee": "0", "minimum": "0",
            "sections": "", "periods": "",
        }  # fmt: skip


def test_reserved_lines_of_all_members_have_to_be_there(database, deployment):
    group = '[[gateway_groups]]\nname = "g"\nlines = 5\nreserved = {}\n'
    gateway = '[[routing_gateways]]\nname = "{}"\naddress = "192.0.2.1"\ngroups = ["g"]\n'
    load(database, group.format(2) + gateway.format("a") + gateway.format("b"), deployment)
    (joining,) = refused(database, gateway.format("c"), deployment)
    assert joining.endswith(
        ': groups: expected at most 5 reserved lines in gateway group "g", got 2 for each of 3 routing gateways'
    )
    assert '"c"' in joining or '"a"' in joining
    (more,) = refused(database, group.format(3), deployment)
    assert "gateway_groups" in more
    assert more.endswith(
        'reserved: expected at most 5 reserved lines in gateway group "g", got 3 for each of 2 routing gateways'
    )
    load(database, group.format(1) + gateway.format("c"), deployment)
    text = '[[mapping_gateways]]\nname = "{0}"\naccount = "1"\naddresses = ["192.0.2.{0}"]\ngroups = ["g"]\n'
    customers = "".join(text.format(n) for n in range(1, 7))
    assert len(refused(database, '[[accounts]]\nnumber = "1"\n' + customers, deployment)) == 1
    load(database, '[[accounts]]\nnumber = "1"\n' + text.format(1), deployment)  # each side for itself
