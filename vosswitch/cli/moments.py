"""Points in time as people type them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from datetime import tzinfo

LATEST = 253_402_300_799_999
"""The last millisecond of the year 9999."""
HELP = "such as 2026-12-31, 2026-12-31T18:00 or 2026-12-31T17:00:00.000Z; without a zone: the node's"


def moment(option: str, text: str, zone: tzinfo, *, end: bool = False) -> int:
    """Epoch milliseconds of ISO 8601 text (or of epoch milliseconds).

    :param option: the option's name, for messages.
    :param zone: of a text that names none.
    :param end: a day without a time means the end of that day.
    :raises click.BadParameter: neither.
    """
    if text.isascii() and text.isdigit() and 8 < len(text) < 16:
        return min(int(text), LATEST)
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            at = at.replace(tzinfo=zone)
        if end and len(text) <= 10:
            at += timedelta(days=1)
        return max(round(at.timestamp() * 1000), 0)
    except (ValueError, OverflowError):
        raise click.BadParameter(f"expected a time {HELP}, got {text!r}", param_hint=option) from None
