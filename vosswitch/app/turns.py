"""The turns of the reactor, without a log context for each event: what we log names its own namespace.

Twisted's epoll reactor wraps every event into `twisted.python.log.callWithLogger`, half a dozen calls that set the
``system`` of the old log.  At a few calls a second each datagram has a turn of its own, and they cost more than it.
"""

from __future__ import annotations

from typing import Any

_NEEDED = ("_poller", "_selectables", "_doReadOrWrite")


def spare(reactor: Any) -> bool:
    """Have *reactor* hand events on directly; False, and nothing is changed, when it is not of a kind that we know.

    What an event raises is caught and logged by the reactor's own ``_doReadOrWrite``.
    """
    if type(reactor).__name__ != "EPollReactor" or not all(hasattr(reactor, name) for name in _NEEDED):
        return False
    poll, selectables, perform = reactor._poller.poll, reactor._selectables, reactor._doReadOrWrite

    def turn(timeout: float | None) -> None:
        for number, event in poll(-1 if timeout is None else timeout, len(selectables) or 1):
            selectable = selectables.get(number)
            if selectable is not None:
                perform(selectable, number, event)

    reactor.doIteration = turn
    return True
