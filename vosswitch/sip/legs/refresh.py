"""The session timer of one leg (RFC 4028): performs what the table of `vosswitch.sip.legs.session` says.

A refresh of ours is an UPDATE without a body where the peer's Allow names UPDATE, and otherwise a re-INVITE with the
session as it was last told.  One timer runs per leg, for the next refresh or for the end, whichever is first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vosswitch.sip.legs.session import (
    MOST,
    TABLE,
    Effect,
    Input,
    State,
    as_client,
    as_server,
    ends_after,
    glare_pause,
    least_of,
    read,
    refresh_after,
    request_lines,
    response_lines,
    too_small,
)

if TYPE_CHECKING:
    from vosswitch.sip.grammar.message import Response
    from vosswitch.sip.legs.leg import Leg
    from vosswitch.sip.legs.session import Policy, Terms, Wish
    from vosswitch.sip.transactions.layer import ClientTransaction, ServerTransaction
    from vosswitch.sip.transactions.timers import Timer

_BUSY_PAUSE = 2.0
"""Seconds that a refresh waits for a change of the call that is running."""


class SessionTimer:
    """What keeps one answered session alive, or ends it.

    :ivar terms: what is agreed.
    :ivar _update: whether the next refresh is an UPDATE.
    :ivar _expires: monotonic seconds at which the call is ended unless it is refreshed.
    :ivar _due: monotonic seconds of what comes next, *_set_for* those that the running timer was set for: a moment put
        off leaves it as it is, so that refreshes without number set no timers without number.
    :ivar _asked: our UPDATE without a final response.
    """

    __slots__ = (
        "_asked",
        "_due",
        "_expires",
        "_least",
        "_leg",
        "_policy",
        "_set_for",
        "_state",
        "_timer",
        "_update",
        "terms",
    )

    def __init__(self, leg: Leg, policy: Policy, terms: Terms, update: bool) -> None:
        self._leg = leg
        self._policy = policy
        self._least = policy.least
        self._state = State.RUNNING
        self._update = update
        self._expires = self._due = self._set_for = 0.0
        self._timer: Timer | None = None
        self._asked: ClientTransaction | None = None
        self.terms = terms
        self._start()

    def lines(self) -> tuple[str, ...]:
        """The header lines of our requests that refresh the session."""
        return request_lines(self.terms, self._least)

    def renew(self, terms: Terms) -> None:
        """A request of either side has refreshed the session."""
        self.terms = terms
        self._asked = None
        self.feed(Input.REFRESHED)

    # -- responses to our refreshes

    def owns(self, transaction: ClientTransaction) -> bool:
        """Whether it is our refresh by UPDATE."""
        return transaction is self._asked

    def answered(self, transaction: ClientTransaction, response: Response) -> None:
        """The final response to our refresh by UPDATE."""
        self._asked = None
        if response.status < 300:
            agree(self._leg, response)
            return
        proof = self._leg.prove(transaction, response)
        if proof:
            self._asked = self._leg.ask("UPDATE", (*proof, *self.lines()))
        else:
            self.refused(response)

    def refused(self, response: Response) -> None:
        """Our refresh was refused, by either method."""
        status = response.status
        if status in {408, 481}:
            self.feed(Input.LOST)
        elif status == 491 or self.raised(response):
            self.feed(Input.GLARE)
        else:
            self.feed(Input.REFUSED)

    def lost(self) -> None:
        """Our refresh got no final response."""
        self._asked = None
        self.feed(Input.LOST)

    def raised(self, response: Response) -> bool:
        """Whether it is a 422 that names a greater Min-SE, which our requests have from now on."""
        if response.status != 422:
            return False
        least = least_of(response)
        if not self._least < least <= MOST:
            return False
        self._least = least
        self.terms = self.terms._replace(interval=max(self.terms.interval, least))
        return True

    # -- the table

    def feed(self, what: Input) -> None:
        """Apply one input; an input that the state does not list is ignored."""
        row = TABLE[self._state].get(what)
        if row is not None:
            self._state, effect = row
            _PERFORM[effect](self)

    def _await(self, moment: float) -> None:
        self._due = min(moment, self._expires)
        if self._timer is None or self._set_for > self._due:
            self._set()

    def _set(self) -> None:
        timers = self._leg.stack.timers
        timers.cancel(self._timer)
        self._set_for = self._due
        self._timer = timers.add(max(0.0, self._due - timers.now()), self._wake)

    def _wake(self) -> None:
        self._timer = None
        now = self._leg.stack.timers.now()
        if now < self._due:
            self._set()
        elif now >= self._expires:
            self.feed(Input.EXPIRED)
        elif self._leg.changing():
            self._pause(_BUSY_PAUSE)
        else:
            self.feed(Input.DUE)

    def _pause(self, seconds: float) -> None:
        self._await(self._leg.stack.timers.now() + seconds)

    def _start(self) -> None:
        now = self._leg.stack.timers.now()
        self._expires = now + ends_after(self._policy, self.terms)
        self._await(now + refresh_after(self._policy, self.terms) if self.terms.ours else self._expires)

    def _ask(self) -> None:
        self._wait()
        if self._update:
            self._asked = self._leg.ask("UPDATE", self.lines())
        elif not self._leg.changes.refresh():
            self.feed(Input.GLARE)

    def _ask_other(self) -> None:
        self._update = not self._update
        self._ask()

    def _pause_for_glare(self) -> None:
        chance = int(self._leg.stack.tokens.new(), 16) / 2**64
        self._pause(glare_pause(self._leg.CALLS, chance))

    def _wait(self) -> None:
        self._await(self._expires)

    def _end(self) -> None:
        self._leg.expired()

    def stop(self) -> None:
        """The leg has ended."""
        self._state = State.OVER
        self._leg.stack.timers.cancel(self._timer)
        self._timer = self._asked = None


_PERFORM = {
    Effect.START: SessionTimer._start,
    Effect.ASK: SessionTimer._ask,
    Effect.ASK_OTHER: SessionTimer._ask_other,
    Effect.PAUSE: SessionTimer._pause_for_glare,
    Effect.WAIT: SessionTimer._wait,
    Effect.END: SessionTimer._end,
}


# -- what the legs do with what messages say


def grant(leg: Leg, wish: Wish) -> str:
    """Begin or renew the session timer with our 2xx to a request that said *wish*; gives the header lines of that.

    A peer that speaks no RFC 4028 has none; one that has left it out of a request is refreshed by us from now on.
    """
    policy = leg.policy
    if policy is None or not (wish.able or leg.session is not None):
        return ""
    terms = as_server(policy, wish)
    if leg.session is None:
        leg.session = SessionTimer(leg, policy, terms, wish.update)
    else:
        leg.session.renew(terms)
    return response_lines(terms, wish.able)


def begin(leg: Leg, response: Response, asked: int) -> None:
    """Begin the session timer by the 2xx to our INVITE, whose Session-Expires was *asked*."""
    policy = leg.policy
    if policy is not None:
        wish = read(response)
        terms = as_client(policy, asked, wish)
        if terms is not None:
            leg.session = SessionTimer(leg, policy, terms, wish.update)


def agree(leg: Leg, response: Response) -> None:
    """Renew the session timer by a 2xx to a request of ours that had its lines."""
    timer, policy = leg.session, leg.policy
    if timer is not None and policy is not None:
        terms = as_client(policy, timer.terms.interval, read(response))
        timer.renew(terms or timer.terms._replace(ours=True))


def refuses(leg: Leg, wish: Wish, transaction: ServerTransaction) -> bool:
    """Whether a request has to be refused for its Session-Expires; it then is, with 422."""
    policy = leg.policy
    if policy is None or not too_small(policy, wish):
        return False
    transaction.respond(422, f"Min-SE: {policy.least}\r\n")
    return True
