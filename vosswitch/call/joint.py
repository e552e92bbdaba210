"""The joint between two calls that a transfer has made one conversation: a pair of legs without a peer.

Each call keeps its own machine, money, limits and record.  Where the transferring party's leg stood, each has one half
of the joint: what a call tells its half, the other call hears from the other half.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zope.interface import implementer

from vosswitch.model.causes import Cause, cause
from vosswitch.model.interfaces import ILeg
from vosswitch.model.signals import Answer, Release, Ring

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.model.signals import Signal

_BOTH = frozenset({"normal", "operator_release", "switch_restart", "degraded"})


def end_of_other(reached: Cause) -> Cause:
    """How a call ends because the one that it is joined to has ended."""
    if reached.reason in _BOTH:
        return reached
    return cause("normal")._replace(text=f"the joined call ended: {reached.reason}")


@implementer(ILeg)
class Joint:
    """One half.

    :param place: the leg that stands or stood there: records name it.
    :param sink: takes what the call says as long as there is no other half.
    :ivar other: the other half, None before the calls are joined.
    :ivar listener: the call that it is a leg of.
    """

    __slots__ = ("_sink", "listener", "other", "peer_call_id", "remote", "status", "user_agent")

    def __init__(self, place: Any, status: int = 0, sink: Callable[[Signal], None] | None = None) -> None:
        self.peer_call_id = place.peer_call_id
        self.remote = place.remote
        self.user_agent = place.user_agent
        self.status = status
        self._sink = sink
        self.other: Joint | None = None
        self.listener: Any = None

    def join(self, other: Joint) -> None:
        """From now on each hears what the other is told."""
        self.other, other.other = other, self
        self._sink, other._sink = other.report, self.report

    def listen(self, listener: Any) -> None:
        """See `ILeg.listen`."""
        self.listener = listener

    def send(self, signal: Signal) -> None:
        """See `ILeg.send`."""
        sink = self._sink
        kind = type(signal)
        if kind is Release:
            self._sink = None
            if self.status < 200:
                self.status = signal.cause.answerable  # type: ignore[union-attr]
        elif kind is Answer or kind is Ring:
            self.status = 200 if kind is Answer else 180
        if sink is not None:
            sink(signal)

    def report(self, signal: Signal) -> None:
        """Say *signal* to the call; nothing more after a release."""
        listener = self.listener
        if isinstance(signal, Release):
            self.listener = None
            if self.other is not None:
                signal = Release(end_of_other(signal.cause))
        if listener is not None:
            listener.heard(self, signal)

    @staticmethod
    def resume_data() -> dict[str, Any]:
        """No peer, no dialog."""
        return {}
