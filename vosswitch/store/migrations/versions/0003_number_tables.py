"""Number tables: lists, areas, ported numbers."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from vosswitch.store.types import RowNumber

revision = "0003"
down_revision = "0002"

OPTIONS: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


def upgrade() -> None:
    """Two tables; nothing that an older node reads changes."""
    op.create_table(
        "number_table",
        sa.Column("id", RowNumber, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("last_generation", sa.Integer(), nullable=False),
        sa.Column("rows_seq", sa.BigInteger(), nullable=False),
        sa.Column("import_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_number_table"),
        sa.UniqueConstraint("name", name="uq_number_table_name"),
        sqlite_autoincrement=True,
        **OPTIONS,
    )
    op.create_table(
        "number_row",
        sa.Column("table_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("generation", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("value", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("table_id", "generation", "number", name="pk_number_row"),
        sqlite_with_rowid=False,
        **OPTIONS,
    )
