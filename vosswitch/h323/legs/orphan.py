"""The end of a leg of a former life of this process, from what `Leg.resume_data` gave.

Call references belong to a connection, and that one went with the process: the peer has seen it go and has ended the
call by itself, as H.323 asks of it where nothing else was agreed (8.5).  One ReleaseComplete on a connection of its
own, with the callIdentifier, is all that can be said to one that has not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.h323.h225 import ReleaseComplete, write
from vosswitch.model.h323 import TRANSPORT
from vosswitch.model.values import Address

if TYPE_CHECKING:
    from collections.abc import Mapping

_TEMPORARY_FAILURE = 41


def farewell(data: Mapping[str, Any]) -> tuple[Address, bytes]:
    """Where to connect, and the Q.931 message to send.

    :raises ValueError: the data are damaged.
    """
    try:
        host, port = data["address"]
        identifier = bytes.fromhex(data["call_identifier"])
        message = ReleaseComplete(
            reference=int(data["reference"]) & 0x7FFF,
            call_identifier=identifier if len(identifier) == 16 else None,
            cause=_TEMPORARY_FAILURE,
        )
        return Address(str(host), int(port), TRANSPORT), write(message, bool(data["called"]))
    except (KeyError, TypeError, ValueError):
        raise ValueError("its data are damaged") from None
