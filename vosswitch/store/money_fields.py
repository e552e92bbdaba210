"""What is provisioned for the money of accounts beside their limits."""

from __future__ import annotations

from vosswitch.store import fields
from vosswitch.store.table import Field

OF_ACCOUNTS = (
    Field(
        "when_money_ends",
        fields.choice("", "cut", "refuse"),
        "",
        help='Of anti_overdraft: "cut" ends calls with the money, "refuse" takes no new ones; empty = the system\'s',
    ),
)
