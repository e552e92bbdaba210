"""The record of a routing decision: every gateway that was looked at, in order, and why it was kept or dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

LOCKED = "locked"
LINES_FULL = "lines full"
NOT_REGISTERED = "it is not registered"
TRUNK_DOWN = "our registration with it is down"
NO_MATCH = "prefix does not match"


class Behind(str):
    """Why a gateway stands behind all others that have a line free, in the words of the operator."""

    __slots__ = ()


class Look(NamedTuple):
    """One gateway as the decision saw it.

    :ivar prefix: what matched, None when nothing did.
    :ivar kept: whether it can be tried now.
    :ivar why: in the words of the operator.
    :ivar price: the vendor's, units of 10^-7 per minute; None when not known or not asked for.
    """

    gateway: str
    prefix: str | None
    kept: bool
    why: str
    priority: int
    weight: int
    price: int | None = None


def rows(looks: Sequence[Look], sell: int | None) -> list[dict[str, Any]]:
    """The looks as dicts with the fields of `Look` and ``margin``: the selling price less the vendor's, per minute.

    :param sell: units of 10^-7 per minute; None = not known, no margins.
    """
    return [
        {**look._asdict(), "margin": None if sell is None or look.price is None else sell - look.price}
        for look in looks
    ]
