"""The provisioned fields of vendors' accounts."""

from __future__ import annotations

from vosswitch.model.values import money_text
from vosswitch.store import fields
from vosswitch.store.table import Field


def _money_text(units: int | None) -> str | None:
    return None if units is None else money_text(units)


OF_CLEARING = (
    Field(
        "least_balance",
        fields.optional(fields.amount),
        None,
        _money_text,
        "Of a vendor's account: no calls go to its gateways unless more than this is left",
    ),
)
