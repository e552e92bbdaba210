"""Every table but the CDR day tables, which `vosswitch.store.cdrs` makes.

Times are epoch milliseconds.  Money is a `types.Money` (units of 10^-7), rates are decimal text.  Names and numbers are
their own keys.  A null limit means unlimited.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from vosswitch.store.types import JsonText, Money, RowNumber

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",  # names differ by case, as on SQLite
}
"""Table options that every table of ours has, the CDR day tables too."""

NAME = String(64)
"""Names and numbers, as wide as the columns of the compatible CDR tables."""

rate_group = Table(
    "rate_group",
    metadata,
    Column("id", RowNumber, primary_key=True),
    Column("name", NAME, nullable=False, unique=True),
    Column("billing_mode", NAME, nullable=False),
    Column("settings", JsonText),  # every other field; null = all at their defaults
    # The rows of `rate` with this generation are in force; an import fills another one and then changes this number.
    Column("generation", Integer, nullable=False),
    Column("last_generation", Integer, nullable=False),
    Column("rates_seq", BigInteger, nullable=False),  # changes.seq of the last change of its rates
    Column("import_at", BigInteger),  # sign of life of a running import
    sqlite_autoincrement=True,  # a number used again would adopt rows that still wait for their removal
    **OPTIONS,
)

rate = Table(
    "rate",
    metadata,
    # No foreign key: a removed group's rows go in slices afterwards (a million of them would block every writer).
    Column("group_id", BigInteger, primary_key=True, autoincrement=False),
    Column("generation", Integer, primary_key=True, autoincrement=False),
    Column("prefix", String(32), primary_key=True),
    Column("effective", BigInteger, primary_key=True, autoincrement=False),  # 0 = always
    Column("name", NAME, nullable=False),
    Column("per_minute", String(32), nullable=False),
    Column("first", Integer, nullable=False),
    Column("next", Integer, nullable=False),
    Column("connect_fee", String(32), nullable=False),
    Column("tax", String(32), nullable=False),  # percent
    Column("level", String(16), nullable=False),
    Column("until", BigInteger),  # epoch ms from which it is not in force any more; null = never
    Column("attempt_fee", String(32), nullable=False, server_default="0"),
    Column("minimum", String(32), nullable=False, server_default="0"),  # the least that an answered call costs
    Column("sections", String(255), nullable=False, server_default=""),
    Column("periods", String(255), nullable=False, server_default=""),
    sqlite_with_rowid=False,
    **OPTIONS,
)

number_table = Table(
    "number_table",
    metadata,
    # The rows of a `definition` of kind number_table, made with the first of them; as `rate_group` has its rates.
    Column("id", RowNumber, primary_key=True),
    Column("name", NAME, nullable=False, unique=True),
    Column("generation", Integer, nullable=False),
    Column("last_generation", Integer, nullable=False),
    Column("rows_seq", BigInteger, nullable=False),  # changes.seq of the last change of its rows
    Column("import_at", BigInteger),
    sqlite_autoincrement=True,
    **OPTIONS,
)

number_row = Table(
    "number_row",
    metadata,
    Column("table_id", BigInteger, primary_key=True, autoincrement=False),
    Column("generation", Integer, primary_key=True, autoincrement=False),
    Column("number", NAME, primary_key=True),
    Column("value", String(128), nullable=False),
    sqlite_with_rowid=False,
    **OPTIONS,
)

PURSE = "purse"
"""The kind of accounts that nobody provisions (`vosswitch.store.purses`)."""

account = Table(
    "account",
    metadata,
    Column("number", NAME, primary_key=True),
    Column("name", NAME, nullable=False),
    Column("kind", String(16), nullable=False),  # ordinary, clearing, agent, phone_card, purse
    Column("agent", NAME, index=True),  # whose customer it is
    Column("balance", Money, nullable=False),  # the sum of its ledger
    Column("overdraft_limit", Money),
    Column("granted", Money, nullable=False),  # the sum of its account_grant rows
    Column("anti_overdraft", Boolean, nullable=False),
    Column("rate_group", NAME, ForeignKey("rate_group.name")),
    Column("lines", Integer),
    Column("cps", Integer),
    Column("locked", Boolean, nullable=False),
    Column("lock_reason", String(16), nullable=False),  # "", balance, operator, expiry, fraud
    Column("expires", BigInteger, index=True),
    Column("created", BigInteger, nullable=False),
    Column("settings", JsonText),  # every other field; null = all at their defaults
    **OPTIONS,
)

account_grant = Table(
    "account_grant",
    metadata,
    Column("node", Integer, primary_key=True, autoincrement=False),
    Column("account", NAME, ForeignKey("account.number", ondelete="CASCADE"), primary_key=True),
    Column("amount", Money, nullable=False),
    **OPTIONS,
)

grant_recall = Table(
    "grant_recall",
    metadata,
    # What a node lacks, while others hold some of the account: they give back what their calls do not need.
    Column("node", Integer, primary_key=True, autoincrement=False),
    Column("account", NAME, primary_key=True),
    Column("amount", Money, nullable=False),
    Column("at", BigInteger, nullable=False),
    **OPTIONS,
)

ledger = Table(
    "ledger",
    metadata,
    Column("id", RowNumber, primary_key=True),
    # No foreign key: the history outlives its account (whose removal adds a closing row that makes the sum zero).
    Column("account", NAME, nullable=False),
    Column("call_id", BigInteger),  # the flowno; null for everything but calls
    Column("kind", String(16), nullable=False),
    # The other side of the double entry: the book that *amount* is taken from.
    Column("contra", NAME, nullable=False, server_default=""),
    Column("reference", NAME),  # makes a booking happen once: the payer's, or that of a period
    Column("reverses", BigInteger),  # the row that this one takes back
    Column("amount", Money, nullable=False),  # what is added to the balance: a call's is negative
    Column("balance_after", Money, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("who", NAME, nullable=False),
    Column("why", String(255), nullable=False),
    UniqueConstraint("call_id", "account", "kind"),
    Index("ix_ledger_reference_account", "reference", "account", unique=True),
    Index("ix_ledger_reverses", "reverses", unique=True),
    Index(None, "account", "at"),
    **OPTIONS,
)

subscription = Table(
    "subscription",
    metadata,
    # How far an account's packages, and spending limits (package ""; the account is the limit's purse), are booked.
    Column("account", NAME, primary_key=True),
    Column("package", NAME, primary_key=True),
    Column("begins", BigInteger, nullable=False),  # epoch ms, of the period that is booked
    Column("ends", BigInteger),  # null = it has no end
    Column("state", String(16), nullable=False),  # active; resting: the rent of this period is not paid
    Column("amount", Money, nullable=False),  # of a spending limit: what it was set to
    Index(None, "ends"),
    **OPTIONS,
)

rerate = Table(
    "rerate",
    metadata,
    # Calls that were rated again; their corrections are rows of the ledger (see vosswitch.store.rerates).
    Column("id", RowNumber, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("who", NAME, nullable=False),
    Column("state", String(16), nullable=False),  # applying, applied, undoing, undone
    Column("what", JsonText, nullable=False),
    **OPTIONS,
)

mapping_gateway = Table(
    "mapping_gateway",
    metadata,
    Column("name", NAME, primary_key=True),
    Column("account", NAME, ForeignKey("account.number"), nullable=False),
    Column("settings", JsonText, nullable=False),
    Column("ha1_md5", String(64), nullable=False),
    Column("ha1_sha256", String(64), nullable=False),
    **OPTIONS,
)

routing_gateway = Table(
    "routing_gateway",
    metadata,
    Column("name", NAME, primary_key=True),
    Column("account", NAME, ForeignKey("account.number")),
    Column("settings", JsonText, nullable=False),
    Column("sealed_password", Text, nullable=False),  # see vosswitch.store.secrets
    **OPTIONS,
)

phone = Table(
    "phone",
    metadata,
    Column("number", NAME, primary_key=True),
    Column("account", NAME, ForeignKey("account.number"), nullable=False),
    Column("settings", JsonText, nullable=False),
    Column("ha1_md5", String(64), nullable=False),
    Column("ha1_sha256", String(64), nullable=False),
    **OPTIONS,
)

definition = Table(
    "definition",
    metadata,
    # What gateways, phones and accounts name: calendars, groups, lists.  ``kind`` is a `Table.stored`.
    Column("kind", String(32), primary_key=True),
    Column("name", NAME, primary_key=True),
    Column("settings", JsonText, nullable=False),
    **OPTIONS,
)

parameter = Table(
    "parameter",
    metadata,
    Column("name", NAME, primary_key=True),
    Column("value", Text, nullable=False),
    **OPTIONS,
)

changes = Table(
    "changes",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("who", NAME, nullable=False),
    Column("table", NAME, nullable=False),
    Column("key", String(255), nullable=False),
    Column("before", JsonText),  # null = it did not exist
    Column("after", JsonText),  # null = it is gone
    Index(None, "table", "key"),
    **OPTIONS,
)

change_seq = Table(
    "change_seq",
    metadata,
    # One row with id 1.  Its lock is held until the commit, which makes the order of numbers the order of commits.
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    **OPTIONS,
)

node = Table(
    "node",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", NAME, nullable=False),
    Column("seen", BigInteger, nullable=False),
    # Which spool its journal lies in: another one under the same number would spend what this one's calls still owe.
    Column("spool", String(32), nullable=False, server_default=""),
    **OPTIONS,
)

journal_position = Table(
    "journal_position",
    metadata,
    Column("node", Integer, primary_key=True, autoincrement=False),
    Column("segment", BigInteger, nullable=False),
    Column("offset", BigInteger, nullable=False, quote=True),  # reserved on MariaDB from 10.6 on
    **OPTIONS,
)

cdr_table = Table(
    "cdr_table",
    metadata,
    Column("day", String(8), primary_key=True),
    Column("schema_version", Integer, nullable=False),
    **OPTIONS,
)
"""The CDR day tables that exist, so that migrations reach them."""
