"""Fast start (H.323 8.1.7): the logical channels that Setup proposes and an answer chooses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vosswitch.model.session import SessionDescription


@dataclass(frozen=True, slots=True)
class Channels:
    """Channels that are open, for `Session.adopt`.

    :ivar ours: our description they were opened with, *theirs* the peer's.
    """

    ours: SessionDescription
    theirs: SessionDescription


def proposals(session: SessionDescription) -> list[dict[str, Any]]:
    """OpenLogicalChannel values for Setup: for each codec of *session* one for each direction; may be empty."""
    raise NotImplementedError


def offered(olcs: Sequence[dict[str, Any]]) -> SessionDescription | None:
    """The caller's ``fastStart`` as an offer; None = nothing of it is known to us."""
    raise NotImplementedError


def chosen(olcs: Sequence[dict[str, Any]], answer: SessionDescription) -> list[dict[str, Any]] | None:
    """Our answer to the caller's ``fastStart``: one channel for each direction; None = nothing fits.

    :param answer: the far side's answer to `offered`, with our address.
    """
    raise NotImplementedError


def accepted(
    proposed: Sequence[dict[str, Any]], answers: Sequence[dict[str, Any]], ours: SessionDescription | None = None
) -> SessionDescription | None:
    """The peer's answer to our `proposals` as a description; None = it takes none of them.

    :param ours: what they were made of: the answer then has its sections one by one.
    """
    raise NotImplementedError


def called(olcs: Sequence[dict[str, Any]], answers: Sequence[dict[str, Any]], answer: SessionDescription) -> Channels:
    """What stands after `chosen`: the callee's side, for `Session.adopt`."""
    raise NotImplementedError


def calling(
    proposed: Sequence[dict[str, Any]], answers: Sequence[dict[str, Any]], ours: SessionDescription
) -> Channels | None:
    """What stands after `accepted`: the caller's side, for `Session.adopt`; None = nothing."""
    raise NotImplementedError
