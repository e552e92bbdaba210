"""Fast connect of one leg (H.323 8.1.7): what was proposed, and what of it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.h323.h245 import faststart

if TYPE_CHECKING:
    from vosswitch.h323.h245.faststart import Channels
    from vosswitch.model.session import SessionDescription

Elements = tuple[dict[str, Any], ...]
"""A ``fastStart``: OpenLogicalChannel values."""


class FastConnect:
    """Either side of it.

    :ivar channels: what it has opened.
    :ivar _proposed: ours in Setup, that waits for its answer; *_offered* the caller's one that we have not answered.
    :ivar _refused: the caller's one was not taken.
    """

    __slots__ = ("_offered", "_proposed", "_refused", "channels")

    def __init__(self) -> None:
        self.channels: Channels | None = None
        self._proposed: Elements = ()
        self._offered: Elements = ()
        self._refused = False

    # The caller's side.

    def propose(self, offer: SessionDescription) -> bool:
        """Propose what *offer* has; False where that is nothing that H.245 knows."""
        self._proposed = tuple(faststart.proposals(offer))
        return bool(self._proposed)

    @property
    def proposed(self) -> Elements:
        """What waits for its answer."""
        return self._proposed

    def answered(self, answers: Elements, told: SessionDescription) -> SessionDescription | None:
        """The peer's answer: in any message up to Connect, the first one counts; None = it takes nothing.

        :param told: what was proposed, as a description.
        """
        proposed, self._proposed = self._proposed, ()
        self.channels = faststart.calling(proposed, answers, told)
        return None if self.channels is None else self.channels.theirs

    def give_up(self) -> bool:
        """It is refused; whether an answer was waited for."""
        waited, self._proposed = bool(self._proposed), ()
        return waited

    # The callee's side.

    def offered(self, elements: Elements) -> SessionDescription | None:
        """What a caller proposes, as an offer; None = nothing that we know."""
        offer = faststart.offered(elements)
        if offer is not None:
            self._offered = elements
        return offer

    @property
    def is_offered(self) -> bool:
        """Whether a caller waits for our answer."""
        return bool(self._offered)

    def choose(self, answer: SessionDescription) -> dict[str, Any] | None:
        """Our answer, as the fields of a message; None = nothing fits, and it is refused."""
        offered, self._offered = self._offered, ()
        chosen = faststart.chosen(offered, answer)
        if chosen is None:
            self.refuse()
            return None
        self.channels = faststart.called(offered, chosen, answer)
        return {"fast_start": tuple(chosen)}

    def refuse(self) -> None:
        """It is not taken: the messages of ours say so."""
        self._refused = True

    def refusal(self) -> dict[str, Any]:
        """The fields of a message that say that it was not taken."""
        return {"fast_connect_refused": True} if self._refused else {}
