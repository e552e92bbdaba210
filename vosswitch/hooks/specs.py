"""Every hook of the switch: the plugin author's map.

A plugin is an object (or a module) whose methods carry the marker `hookimpl` and the name of a hook; it implements the
hooks that it needs and no others.  An implementation takes the hook's arguments by name and may leave out those that it
does not use.

Two kinds:

* *Start-up hooks* are called once, when the switch (and the recorder) starts.  They return lists of objects that
  provide an Interface of `vosswitch.hooks.interfaces`; gateways, rate groups and accounts then name the one they use.
  An exception stops the start with one line that names the plugin.
* *Per-call hooks* run inside the signalling process: they must answer at once, from memory.  No file, no socket, no
  sleeping; a slow implementation delays every call of the node.  A failing implementation never ends the others and
  is never switched off by what a call contains; each hook states whether that call then proceeds (open) or is refused
  (closed).  Failures are counted per plugin and raise an alarm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pluggy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vosswitch.model.call import CallAttempt, Reject

PROJECT = "vosswitch"
"""The name under which hooks and entry points are known."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Named(Protocol):
    """What a registering hook returns: an object with the name by which configuration refers to it."""

    @property
    def name(self) -> str:
        """Unique within its family."""


@hookspec
def routing_strategies() -> Sequence[Named]:
    """Offer criteria for the order of routing gateways.

    Called once, before the configuration is loaded.  Rate: start-up.  An exception stops the start.

    :returns: objects that provide `IRoutingStrategy`; the lists of all plugins are joined, equal names stop the start.

    .. versionadded:: 0.1
    """
    raise NotImplementedError


@hookspec
def billing_modes() -> Sequence[Named]:
    """Offer ways to turn the length of a call into money.

    Called once, before the configuration is loaded, in the switch and in the recorder.  Rate: start-up.  An exception
    stops the start.

    :returns: objects that provide `IBillingMode`; the lists of all plugins are joined, equal names stop the start.

    .. versionadded:: 0.1
    """
    raise NotImplementedError


@hookspec
def blacklists() -> Sequence[Named]:
    """Offer sets of numbers that may not call or be called.

    Called once, before the configuration is loaded.  Rate: start-up.  An exception stops the start.

    :returns: objects that provide `IBlacklist`; the lists of all plugins are joined, equal names stop the start.

    .. versionadded:: 0.1
    """
    raise NotImplementedError


@hookspec
def number_transforms() -> Sequence[Named]:
    """Offer changes of numbers that a dial plan cannot express.

    Called once, before the configuration is loaded.  Rate: start-up.  An exception stops the start.

    :returns: objects that provide `INumberTransform`; the lists of all plugins are joined, equal names stop the start.

    .. versionadded:: 0.1
    """
    raise NotImplementedError


@hookspec
def number_queries() -> Sequence[Named]:
    """Offer questions about numbers whose answers take a while: portability dips.

    Called once, before the configuration is loaded.  Rate: start-up.  An exception stops the start.

    :returns: objects that provide `INumberQuery`; the lists of all plugins are joined, equal names stop the start.

    .. versionadded:: 0.2
    """
    raise NotImplementedError


@hookspec
def media_engines() -> Sequence[Named]:
    """Offer ways to relay media.

    Called once, before the switch listens.  Rate: start-up.  An exception stops the start.

    :returns: objects that provide `vosswitch.model.interfaces.IMediaEngine` and have a ``name``; the lists of all
        plugins are joined, equal names stop the start.

    .. versionadded:: 0.1
    """
    raise NotImplementedError


@hookspec
def cdr_sinks() -> Sequence[Named]:
    """Offer further places for finished calls.

    Called once in the process of the sinks, and in the recorder, which wants names alone.
    Rate: start-up.  An exception stops the start.

    :returns: objects that provide `ICdrSink`; each gets every finished call.

    .. versionadded:: 0.1
    """
    raise NotImplementedError


@hookspec
def parameters() -> Sequence[Named]:
    """Declare system parameters of the plugin's own.

    Called once, before the configuration is loaded.  Rate: start-up.  An exception stops the start.

    :returns: `vosswitch.params` declarations; names begin with ``VS_``; equal names stop the start.

    .. versionadded:: 0.1
    """
    raise NotImplementedError


@hookspec(firstresult=True)
def screen_call(attempt: CallAttempt) -> Reject | None:
    """Decide whether a new call may proceed.

    Called once per call, after the account is known and before routing.  Rate: per call.
    Fails open: when an implementation raises, that call proceeds, the failure is counted and an alarm is raised.

    :param attempt: the call; immutable.
    :returns: a `Reject` to refuse the call, or ``None`` to let the next plugin decide; the first answer wins.

    .. versionadded:: 0.1
    """
    raise NotImplementedError


@hookspec(firstresult=True)
def approve_call(attempt: CallAttempt) -> Reject | None:
    """Decide whether a new call is safe to carry: credit and fraud rules.

    Called once per call, after `screen_call` and before money is reserved.  Rate: per call.
    Fails closed: when an implementation raises, that call is refused (``degraded``), the failure is counted and an
    alarm is raised.

    :param attempt: the call; immutable.
    :returns: a `Reject` to refuse the call, or ``None`` to let the next plugin decide; the first answer wins.

    .. versionadded:: 0.1
    """
    raise NotImplementedError


@hookspec
def call_ended(record: Mapping[str, Any]) -> None:
    """Take notice of a finished call, in the signalling process.

    Called once per call after its record is in the journal, refused calls included.  Rate: per call.  For counters and
    caches; what writes to files, databases or the network belongs into an `ICdrSink`.
    Fails open: when an implementation raises, the others are still called, the failure is counted and an alarm
    is raised.

    :param record: the fields of `vosswitch.cdr.record.Cdr`; do not change it.

    .. versionadded:: 0.1
    """
