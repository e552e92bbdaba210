"""Definitions that others name, and settings of accounts."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from vosswitch.store.types import JsonText

revision = "0002"
down_revision = "0001"

OPTIONS: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


def upgrade() -> None:
    """A table and a column; nothing that an older node reads changes."""
    op.create_table(
        "definition",
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("settings", JsonText(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", name="pk_definition"),
        **OPTIONS,
    )
    op.add_column("account", sa.Column("settings", JsonText()))
