"""What a plugin registers: the interfaces of the pluggable families."""

from __future__ import annotations

from zope.interface import Attribute, Interface


class IRoutingStrategy(Interface):
    """One criterion in the order of routing gateways."""

    name = Attribute("What a mapping gateway's routing_strategies names it by.")

    def key(candidate, request):
        """A sortable value, the smallest goes first; equal keys leave the order to the next strategy.

        Rate: per call and candidate. Pure: no clock, no I/O.

        A strategy whose keys depend on the rivals may have a method ``keys(candidates, request)`` besides, which gives
        one key per candidate of a list of equals (two at least); then `key` is not called.

        :param candidate: a `vosswitch.model.call.Candidate`.
        :param request: the `vosswitch.model.call.CallAttempt`; its ``call_id`` is empty in an explanation.
        """


class IBillingMode(Interface):
    """How the length of a call becomes money. Pure functions; the contract kit checks them.

    *terms* is a `vosswitch.model.rating.Terms`: the rate in force at the answer with the parameters of billing.
    """

    name = Attribute("What a rate group's billing_mode names it by.")

    def billed_seconds(ms, terms):
        """The charged seconds (``feetime``) of a call of *ms* raw milliseconds."""

    def fee(ms, terms):
        """The `vosswitch.model.rating.Fee` of a call of *ms* raw milliseconds; monotone in *ms*."""

    def funded_until(money, terms):
        """The longest raw length in ms whose fee does not exceed *money* (units of 10^-7); 0 when not even the
        first moment is covered, None when no length exceeds it."""


class IBlacklist(Interface):
    """Numbers that may not call or be called."""

    name = Attribute("What a gateway's blacklists names it by.")

    def screen(attempt):
        """A `vosswitch.model.call.Reject`, or None to let the call pass. Rate: per call. Fails open.

        :param attempt: the `vosswitch.model.call.CallAttempt`.
        """


class IStandingBlacklist(IBlacklist):
    """A blacklist that nobody has to name: it is asked about every call for whose system, account, gateway or phone
    something is set for screening, and finds in the configuration what it goes by.  Its `screen` is not called."""

    fails = Attribute("What becomes of a call when it raises: open = it proceeds, closed = it is refused (degraded).")

    def examine(attempt, settings):
        """A `vosswitch.model.call.Reject`, or None to let the call pass. Rate: per call, where something is set.

        :param attempt: the `vosswitch.model.call.CallAttempt`.
        :param settings: the `vosswitch.call.screens.Settings`: what is set for this call.
        """


class INumberTransform(Interface):
    """A change of the called or the calling number that a dial plan cannot express."""

    name = Attribute("What a gateway's number_transforms names it by.")

    def transform(caller, callee, attempt):
        """The pair ``(caller, callee)`` to go on with. Rate: per call. Fails open: a failure leaves the numbers alone.

        :param attempt: the `vosswitch.model.call.CallAttempt` with the numbers before this transform.
        """


class INumberQuery(Interface):
    """A question about a number whose answer takes a while: whether it is ported."""

    name = Attribute("What a portability entry's source names it by.")

    def ask(question):
        """The routing number (text), "" = not ported; or a Deferred of it. Rate: per call that asks, answers are kept.

        The call waits for its deadline at most; a Deferred that comes too late is cancelled. Fails as the entry says
        (``on_failure``): the call goes on unchanged, or is refused (``lrn_failed``).

        :param question: the `vosswitch.model.call.NumberQuestion`.
        """


class ICdrSink(Interface):
    """Somewhere else that finished calls go. Runs in the process of the sinks, in a thread of its own."""

    name = Attribute("Shown in logs and metrics.")

    def write(records):
        """Take a batch of finished calls (dicts with the fields of `vosswitch.cdr.record.Cdr`); it comes again after an exception.

        :raises vosswitch.hooks.refusals.CallsRefused: the other side works and refuses these for what is in them: they come one by one then,
            and a call that is refused while others are taken is put aside.
        """
