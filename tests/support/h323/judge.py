"""``tshark`` as judge of a transcript: none of what was sent may be malformed (see `tests.support.tshark`)."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.support import tshark

AVAILABLE = tshark.TSHARK is not None
_KINDS = {"signal": "q931", "control": "h245", "ras": "ras"}


def malformed(messages: Iterable[tuple[str, bytes]]) -> list[str]:
    """What ``tshark`` finds wrong in (``signal``, ``control`` or ``ras``, message) pairs, a line each."""
    judged = [(_KINDS[channel], data) for channel, data in messages]
    if not judged or not AVAILABLE:
        return []
    with tempfile.TemporaryDirectory(prefix="tshark-") as folder:
        found = tshark.complaints(judged, Path(folder) / "messages.pcap")
    return [f"{place + 1}: {why} {judged[place][0]} {judged[place][1].hex()}" for place, why in found.items()]
