"""PINs and bound numbers as the database keeps them, and the first use of a card."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest
from sqlalchemy import select

from vosswitch.cdr.record import Cdr
from vosswitch.store import cdrs, charges
from vosswitch.store.changes import last_seq
from vosswitch.store.charges import Batch
from vosswitch.store.database import Database
from vosswitch.store.document import BadDocument
from vosswitch.store.dump import dump
from vosswitch.store.entities import read_all
from vosswitch.store.fields import Deployment
from vosswitch.store.history import as_it_was
from vosswitch.store.provision import apply_load
from vosswitch.store.provision_schema import ACCOUNTS
from vosswitch.store.schema import metadata
from vosswitch.store.secrets import Secrets

PIN = "7351946280"
DAY_MS = 86_400_000
START = 1_798_700_000_000


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return Deployment("test", Secrets(str(tmp_path / "key")))


def load(database: Database, deployment: Deployment, *rows: dict) -> None:
    with database.write() as connection:
        apply_load(connection, {"accounts": list(rows)}, deployment)


def refused(database: Database, deployment: Deployment, *rows: dict) -> str:
    with pytest.raises(BadDocument) as caught:
        load(database, deployment, *rows)
    return str(caught.value)


def card(number: str = "card", **more: object) -> dict:
    return {"number": number, "kind": "phone_card", "pin": PIN, **more}


def fields(database: Database, number: str = "card") -> dict:
    with database.read() as connection:
        return dict(read_all(connection, ACCOUNTS))[number].values


def test_a_pin_is_in_no_table_and_no_dump(database: Database, deployment: Deployment, tmp_path: Path) -> None:
    load(database, deployment, card())
    with database.read() as connection:
        rows = [connection.execute(table.select()).all() for table in metadata.sorted_tables]
        text = dump(connection, deployment, with_secrets=True)
    assert PIN not in repr(rows)
    assert PIN not in text
    assert fields(database)["pin"] == deployment.secrets.keyed(PIN)
    other = Secrets(str(tmp_path / "other"))
    assert other.keyed(PIN) != deployment.secrets.keyed(PIN)


def test_a_pin_stays_when_it_is_left_out_and_comes_back_from_a_dump(database: Database, deployment: Deployment) -> None:
    load(database, deployment, card())
    before = fields(database)["pin"]
    load(database, deployment, {"number": "card", "kind": "phone_card", "name": "changed"})
    assert fields(database)["pin"] == before
    load(database, deployment, card(pin=before))
    assert fields(database)["pin"] == before
    load(database, deployment, card(pin=""))
    assert fields(database)["pin"] == ""


def test_what_cannot_be_a_pin_is_refused_and_not_repeated(database: Database, deployment: Deployment) -> None:
    for bad in ("123", "12345678x", "1" * 33, 1.5):
        text = refused(database, deployment, card(pin=bad))
        assert "a PIN of 4-32 digits" in text
        assert "12345678x" not in text
    text = refused(database, deployment, {"number": "1", "pin": PIN})
    assert "pin: expected none, for kind is ordinary" in text
    assert "valid_days: expected none" in refused(database, deployment, {"number": "1", "valid_days": 3})


def test_a_pin_and_a_bound_number_have_one_account(database: Database, deployment: Deployment) -> None:
    load(database, deployment, card(), {"number": "a", "bound_numbers": ["5551"]})
    text = refused(database, deployment, card("other"))
    assert 'pin: taken already by accounts "card"' in text
    assert PIN not in text
    text = refused(database, deployment, {"number": "b", "bound_numbers": ["5552", "5551"]})
    assert 'bound_numbers: 5551 is bound already by accounts "a"' in text
    load(database, deployment, {"number": "a"}, {"number": "b", "bound_numbers": ["5551"]})


def test_access_numbers_are_checked(database: Database, deployment: Deployment) -> None:
    row = {"name": "g", "account": "a", "addresses": ["192.0.2.1"]}
    for bad in (["0900"], ["0900:3"], ["0900:10", "0900:12"], "0900:10"):
        with database.write() as connection, pytest.raises(BadDocument, match="card_access"):
            apply_load(
                connection,
                {"accounts": [{"number": "a"}], "mapping_gateways": [row | {"card_access": bad}]},
                deployment,
            )


def use(database: Database, *calls: dict, at: int = 0) -> None:
    ends = [asdict(Cdr(START + at + n, "20261231", START, START + 1, **call)) for n, call in enumerate(calls)]
    cdrs.ensure_days(database, ["20261231"])
    with database.write() as connection:
        charges.write_batch(connection, 1, "n", Batch(ends, (0, at), (0, at + 10), START))


def test_the_first_answered_call_starts_the_days(database: Database, deployment: Deployment) -> None:
    load(database, deployment, card(valid_days=30), {"number": "a"})
    before = fields(database)
    use(database, {"account": "card", "billing_mode": 3}, {"account": "a", "billing_mode": 1, "answer": START})
    assert fields(database) == before
    with database.read() as connection:
        seq = last_seq(connection)
    used = {"account": "card", "billing_mode": 3, "answer": START + 5000}
    use(database, used, used | {"answer": START + 2000}, at=10)
    assert fields(database)["expires"] == START + 2000 + 30 * DAY_MS
    use(database, used | {"answer": START + 9000}, at=20)
    assert fields(database)["expires"] == START + 2000 + 30 * DAY_MS
    with database.read() as connection:
        assert last_seq(connection) == seq + 1
        from vosswitch.store.schema import changes  # noqa: PLC0415

        first = connection.execute(select(changes.c.at).where(changes.c.seq == seq + 1)).scalar_one()
        assert as_it_was(connection, first - 1).state["accounts"]["card"].values["expires"] is None
    load(database, deployment, card(valid_days=30, name="again"))
    assert fields(database)["expires"] == START + 2000 + 30 * DAY_MS
