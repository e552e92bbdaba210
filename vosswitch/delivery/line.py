"""A call as one line of 18 fields with ``|`` between them (SS_CDR_RECORD_TO_FILE).

The first nine and the billing mode are those of the compatible files; what the others are there is not published, so
here they are what such a file is read for: addresses, numbers, account, call id.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

FIELDS = (
    "caller", "callee", "start", "stop", "hold_time", "code", "end_direction", "caller_gateway", "callee_gateway",
    "caller_ip", "callee_ip", "caller_in", "callee_in", "caller_out", "callee_out", "account", "billing_mode", "flowno",
)  # fmt: skip
"""The fields in their order, named as in `vosswitch.cdr.record.Cdr`; without a gateway it is the number of a phone."""

_LONGEST = 255
_UNSAFE = re.compile("[|\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def line(record: Mapping[str, Any]) -> str:
    """The line without its end; whatever a peer sent, it is one line of 18 fields."""
    ends = {
        "caller_gateway": record["mapping_gateway"] or record["phone"],
        "callee_gateway": record["routing_gateway"] or record["callee_phone"],
    }
    return "|".join([_cell(ends[name] if name in ends else record[name]) for name in FIELDS])


def _cell(value: Any) -> str:
    return _UNSAFE.sub("_", str(value)[:_LONGEST])
