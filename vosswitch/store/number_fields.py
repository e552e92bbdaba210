"""What is provisioned of bulk data by number; the rows come by ``vosswitch table import``."""

from __future__ import annotations

from vosswitch.store import fields
from vosswitch.store.table import Field, Table

KINDS = ("list", "area", "lrn", "nanp", "networks", "other")
"""Number lists; prefix to area name; number to routing number; NPA-NXX to state; IP network to area; others."""

NUMBER_TABLES = Table(
    "number_tables",
    "number_table",
    "name",
    (
        Field("name", fields.name, required=True),
        Field("kind", fields.choice(*KINDS), "other", help="What its values are: list, area, lrn, nanp, networks ..."),
        Field("help", fields.free_text, "", help="What it is, in your words"),
    ),
)
