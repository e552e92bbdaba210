"""Number tables as the recorder hands them to the switch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.numbers.table import NumberTable

if TYPE_CHECKING:
    from collections.abc import Mapping


def number_table(body: Mapping[str, Any]) -> NumberTable:
    """The table of a configuration body: its changes, and what they go on top of."""
    changes = [(number, value) for number, value in body.get("overlay", ())]
    return NumberTable(None, changes, body["kind"])
