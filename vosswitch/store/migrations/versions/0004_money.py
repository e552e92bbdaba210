"""Agents, double entry, further terms of rates, settings of rate groups; what the CDR says of agents and packages."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from vosswitch.store.types import JsonText, Money, RowNumber

revision = "0004"
down_revision = "0003"

_OPTIONS: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


def upgrade() -> None:
    """Columns with defaults; nothing that an older node reads changes."""
    op.add_column("rate_group", sa.Column("settings", JsonText()))
    op.add_column("rate", sa.Column("until", sa.BigInteger()))
    terms = (("attempt_fee", 32, "0"), ("minimum", 32, "0"), ("sections", 255, ""), ("periods", 255, ""))
    for name, size, default in terms:
        op.add_column("rate", sa.Column(name, sa.String(length=size), nullable=False, server_default=default))
    op.add_column("account", sa.Column("agent", sa.String(length=64)))
    op.create_index("ix_account_agent", "account", ["agent"])
    op.add_column("ledger", sa.Column("contra", sa.String(length=64), nullable=False, server_default=""))
    op.add_column("ledger", sa.Column("reference", sa.String(length=64)))
    op.add_column("ledger", sa.Column("reverses", sa.BigInteger()))
    op.create_index("ix_ledger_reference_account", "ledger", ["reference", "account"], unique=True)
    op.create_index("ix_ledger_reverses", "ledger", ["reverses"], unique=True)
    _add_recalls()
    _add_subscriptions()
    _add_rerates()
    with op.batch_alter_table("ledger") as table:  # a row each for both directions of one account
        table.drop_constraint("uq_ledger_call_id_account", type_="unique")
        table.create_unique_constraint("uq_ledger_call_id_account_kind", ["call_id", "account", "kind"])
    op.create_index("ix_account_expires", "account", ["expires"])
    _widen_days()


def _add_subscriptions() -> None:
    op.create_table(
        "subscription",
        sa.Column("account", sa.String(length=64), primary_key=True),
        sa.Column("package", sa.String(length=64), primary_key=True),
        sa.Column("begins", sa.BigInteger(), nullable=False),
        sa.Column("ends", sa.BigInteger()),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("amount", Money(), nullable=False),
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )
    op.create_index("ix_subscription_ends", "subscription", ["ends"])


def _add_recalls() -> None:
    op.add_column("node", sa.Column("spool", sa.String(length=32), nullable=False, server_default=""))
    op.create_table(
        "grant_recall",
        sa.Column("node", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("account", sa.String(length=64), primary_key=True),
        sa.Column("amount", Money(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        **_OPTIONS,
    )


def _add_rerates() -> None:
    op.create_table(
        "rerate",
        sa.Column("id", RowNumber, primary_key=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("what", JsonText(), nullable=False),
        **_OPTIONS,
    )


def _widen_days() -> None:
    connection = op.get_bind()
    days = connection.scalars(sa.text("SELECT day FROM cdr_table WHERE schema_version < 2")).all()
    for day in days:
        name = f"e_cdr_{day}"
        present = {column["name"] for column in sa.inspect(connection).get_columns(name)}
        for column, size in (("currency", 8), ("costcurrency", 8), ("package", 64)):
            if column not in present:
                op.add_column(name, sa.Column(column, sa.String(length=size), nullable=False, server_default=""))
        if "agents" not in present:
            op.add_column(name, sa.Column("agents", JsonText()))
    connection.execute(sa.text("UPDATE cdr_table SET schema_version = 2 WHERE schema_version < 2"))
