"""The first schema."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from vosswitch.store.types import JsonText, Money, RowNumber

revision = "0001"
down_revision = None

OPTIONS: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


def upgrade() -> None:
    """Create every table."""
    op.create_table(
        "cdr_table",
        sa.Column("day", sa.String(length=8), nullable=False),
        sa.Column("schema_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", name="pk_cdr_table"),
        **OPTIONS,
    )
    op.create_table(
        "change_seq",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_change_seq"),
        **OPTIONS,
    )
    op.create_table(
        "changes",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.String(length=64), nullable=False),
        sa.Column("table", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("before", JsonText()),
        sa.Column("after", JsonText()),
        sa.PrimaryKeyConstraint("seq", name="pk_changes"),
        **OPTIONS,
    )
    op.create_index("ix_changes_table_key", "changes", ["table", "key"], unique=False)
    op.create_table(
        "journal_position",
        sa.Column("node", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("segment", sa.BigInteger(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False, quote=True),
        sa.PrimaryKeyConstraint("node", name="pk_journal_position"),
        **OPTIONS,
    )
    op.create_table(
        "ledger",
        sa.Column("id", RowNumber, nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("call_id", sa.BigInteger()),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("amount", Money(), nullable=False),
        sa.Column("balance_after", Money(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.String(length=64), nullable=False),
        sa.Column("why", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ledger"),
        sa.UniqueConstraint("call_id", "account", name="uq_ledger_call_id_account"),
        **OPTIONS,
    )
    op.create_index("ix_ledger_account_at", "ledger", ["account", "at"], unique=False)
    op.create_table(
        "node",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_node"),
        **OPTIONS,
    )
    op.create_table(
        "parameter",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_parameter"),
        **OPTIONS,
    )
    op.create_table(
        "rate",
        sa.Column("group_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("generation", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("prefix", sa.String(length=32), nullable=False),
        sa.Column("effective", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("per_minute", sa.String(length=32), nullable=False),
        sa.Column("first", sa.Integer(), nullable=False),
        sa.Column("next", sa.Integer(), nullable=False),
        sa.Column("connect_fee", sa.String(length=32), nullable=False),
        sa.Column("tax", sa.String(length=32), nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("group_id", "generation", "prefix", "effective", name="pk_rate"),
        sqlite_with_rowid=False,
        **OPTIONS,
    )
    op.create_table(
        "rate_group",
        sa.Column("id", RowNumber, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("billing_mode", sa.String(length=64), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("last_generation", sa.Integer(), nullable=False),
        sa.Column("rates_seq", sa.BigInteger(), nullable=False),
        sa.Column("import_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_rate_group"),
        sa.UniqueConstraint("name", name="uq_rate_group_name"),
        sqlite_autoincrement=True,
        **OPTIONS,
    )
    op.create_table(
        "account",
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("balance", Money(), nullable=False),
        sa.Column("overdraft_limit", Money()),
        sa.Column("granted", Money(), nullable=False),
        sa.Column("anti_overdraft", sa.Boolean(), nullable=False),
        sa.Column("rate_group", sa.String(length=64)),
        sa.Column("lines", sa.Integer()),
        sa.Column("cps", sa.Integer()),
        sa.Column("locked", sa.Boolean(), nullable=False),
        sa.Column("lock_reason", sa.String(length=16), nullable=False),
        sa.Column("expires", sa.BigInteger()),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["rate_group"], ["rate_group.name"], name="fk_account_rate_group"),
        sa.PrimaryKeyConstraint("number", name="pk_account"),
        **OPTIONS,
    )
    op.create_table(
        "account_grant",
        sa.Column("node", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("amount", Money(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["account.number"], name="fk_account_grant_account", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("node", "account", name="pk_account_grant"),
        **OPTIONS,
    )
    op.create_table(
        "mapping_gateway",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("settings", JsonText(), nullable=False),
        sa.Column("ha1_md5", sa.String(length=64), nullable=False),
        sa.Column("ha1_sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["account.number"], name="fk_mapping_gateway_account"),
        sa.PrimaryKeyConstraint("name", name="pk_mapping_gateway"),
        **OPTIONS,
    )
    op.create_table(
        "phone",
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("settings", JsonText(), nullable=False),
        sa.Column("ha1_md5", sa.String(length=64), nullable=False),
        sa.Column("ha1_sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["account.number"], name="fk_phone_account"),
        sa.PrimaryKeyConstraint("number", name="pk_phone"),
        **OPTIONS,
    )
    op.create_table(
        "routing_gateway",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=64)),
        sa.Column("settings", JsonText(), nullable=False),
        sa.Column("sealed_password", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["account.number"], name="fk_routing_gateway_account"),
        sa.PrimaryKeyConstraint("name", name="pk_routing_gateway"),
        **OPTIONS,
    )
    op.bulk_insert(sa.table("change_seq", sa.column("id"), sa.column("seq")), [{"id": 1, "seq": 0}])
