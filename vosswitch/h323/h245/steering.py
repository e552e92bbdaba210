"""Steering an H.245 session: what our side wants, compared with what stands, and the next thing that is missing.

Whatever happens - a message, an offer, a timer - is noted first, and then the session steers, in this order: our
capabilities are announced, our channel is opened or closed, the peer's one is taken or refused, and the leg is told
once media stands as it was asked for.  So the order of the peer's messages does not matter, and several that come at
once are one step.

What the reference leaves open, decided as the captured stacks do:

* Our channel is opened as soon as the peer's capabilities and the determination are there.
* When our side has a new address, or its codec is another one, the peer is asked to stop (empty capability set) and to
  begin again (H.323 8.4.6): nothing else makes every stack open a new channel.
* A side that was paused says its capabilities and asks for determination again when the pause is over (8.4.6).
* Where the far side only echoes a pause of the peer, the peer is not paused in return.
* A peer that opens no channel within `Settings.wait` is described without one: there are calls with media one way.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from vosswitch.h323.h245 import plan as plans
from vosswitch.h323.h245.capabilities import NOTHING, Capabilities
from vosswitch.h323.h245.capability_exchange import CapabilityExchange
from vosswitch.h323.h245.determination import Determination
from vosswitch.h323.h245.fax import Fax
from vosswitch.h323.h245.incoming_channel import IncomingChannel
from vosswitch.h323.h245.mode import ModeRequest
from vosswitch.h323.h245.outgoing_channel import OutgoingChannel
from vosswitch.h323.h245.plan import Outcome, Plan
from vosswitch.h323.h245.roundtrip import RoundTrip
from vosswitch.h323.h245.userinput import Doubles

if TYPE_CHECKING:
    from vosswitch.h323.h245.audio import Audio
    from vosswitch.h323.h245.desk import Desk, Settings
    from vosswitch.h323.legs.line import Timer
    from vosswitch.model.session import SessionDescription

MOST_CHANGES = 200
"""Changes of capabilities and channels of one session by its peer; a call has a handful."""


class Phase(StrEnum):
    """Of a session."""

    WAITING = "waiting"  # no control channel yet
    RUNNING = "running"
    OVER = "over"


class Steering:
    """What a session knows, and what it does about it.

    :ivar _plan: what our side wants, *_before* what it wanted before a change that has not come about yet.
    :ivar _speech: what our side could receive when it last wanted audio.
    :ivar _due: the leg waits for `Desk.opened`; *_late* no longer for the peer's channel.
    :ivar _stood: what the leg was told last.
    :ivar _heard: the peer's last capabilities that were not empty, *_told* how the leg was told of them.
    :ivar _stale: our side has not said yet what it wants now that the peer's pause is over.
    :ivar _held: we want the peer to stop, whatever our side wants; *_moving* we make it open another channel,
        *_begged* in two ways.
    :ivar _shut: the peer has had our channel closed.
    :ivar _tried: what the peer has refused to be sent.
    :ivar _asking: the leg was asked for the mode that the peer's channel has.
    """

    __slots__ = (
        "_again",
        "_asking",
        "_before",
        "_begged",
        "_changes",
        "_desk",
        "_determination",
        "_doubles",
        "_due",
        "_exchange",
        "_heard",
        "_held",
        "_incoming",
        "_late",
        "_mode",
        "_moving",
        "_outgoing",
        "_phase",
        "_plan",
        "_replies",
        "_roundtrip",
        "_settings",
        "_shut",
        "_speech",
        "_stale",
        "_steering",
        "_stood",
        "_told",
        "_tried",
        "_wait",
    )

    def __init__(self, desk: Desk, settings: Settings) -> None:
        self._desk, self._settings = desk, settings
        self._phase = Phase.WAITING
        self._exchange = CapabilityExchange(desk, settings, self._peer_changed, self._steer, self._unannounced)
        self._determination = Determination(desk, settings, self._steer, self._fail)
        self._outgoing = OutgoingChannel(desk, settings, self._steer, self._channel_refused)
        self._incoming = IncomingChannel(desk)
        self._mode = ModeRequest(desk, settings, self._mode_answered)
        self._roundtrip = RoundTrip(desk)
        self._doubles = Doubles(desk.later)
        self._plan: Plan | None = None
        self._before: Plan | None = None
        self._speech: Capabilities | None = None
        self._stood: Outcome | None = None
        self._heard: Capabilities | None = None
        self._told: SessionDescription | None = None
        self._tried: list[Audio | Fax] = []
        self._wait: Timer | None = None
        self._due = self._late = self._stale = self._held = self._moving = self._shut = False
        self._asking = self._begged = False
        self._steering = self._again = False
        self._changes = self._replies = 0

    @property
    def master(self) -> bool | None:
        """Whether we are the master; None while that is not determined."""
        return self._determination.master

    @property
    def running(self) -> bool:
        """Whether it has begun and not ended."""
        return self._phase is Phase.RUNNING

    def decline(self) -> None:
        """The far side does not take what `Desk.capable` or `Desk.asked` told last."""
        self._stale = False
        self._mode.deny()
        if self._incoming.waits and self._asking:
            self._asking = False
            self._incoming.deny("dataTypeNotAvailable")
        self._steer()

    # -- what the peer changes

    def _peer_changed(self, before: Capabilities | None) -> None:
        """The peer can receive something else."""
        peer = self._exchange.peer
        assert peer is not None
        if not self._count():
            return
        paused = peer.empty
        if not paused:
            self._heard = peer
            self._tried.clear()
            if before is not None and before.empty:
                self._stale = self._stood is not None
                self._exchange.repeat()
                self._determination.start()
        if self._heard is not None:
            told = plans.offer(self._heard, paused=paused)
            if told != self._told:
                self._told = told
                self._desk.capable(told)
        self._steer()

    def _count(self) -> bool:
        """Whether the peer may change one thing more."""
        self._changes += 1
        if self._changes > MOST_CHANGES:
            self._fail("the peer changes its mind without end")
        return self._changes <= MOST_CHANGES

    def _ask(self, *, image: bool) -> None:
        if image:
            self._desk.asked(plans.fax_offer())
        elif self._heard is not None:
            self._desk.asked(plans.offer(self._heard))

    # -- what becomes of it

    def _channel_refused(self, cause: str) -> None:
        """Our channel came to nothing: the next codec is tried; in a conflict the master's goes first."""
        medium = self._outgoing.medium
        if cause == "timeout" or medium is None:
            self._fail("no answer to our logical channel")
            return
        if not (cause == "masterSlaveConflict" and self._settle_conflict()):
            self._tried.append(medium)
        self._steer()

    def _settle_conflict(self) -> bool:
        """Whether the master's channel names another codec for us to try."""
        asked = self._incoming.asked
        plan, peer = self._plan, self._exchange.peer
        if asked is None or plan is None or peer is None:
            return False
        others = [item for item in plan.media(peer) if not _alike(item, asked.medium) and item not in self._tried]
        self._tried += others
        return bool(others)

    def _mode_answered(self, done: bool) -> None:
        if done:
            self._steer()
        else:
            self._cannot("the peer refuses the other mode")

    def _unannounced(self, why: str, lost: bool) -> None:
        """Our capabilities are refused, or got no answer: then nobody is there any more."""
        if lost:
            self._fail(why)
        else:
            self._cannot(why)

    def _cannot(self, why: str) -> None:
        """What our side wants cannot be had: all stays as it was, if there was anything."""
        if self._stood is None or self._before is None:
            self._fail(why, mismatch=True)
        elif self._due:
            self._plan, self._before = self._before, None
            self._due = self._moving = False
            self._tried.clear()
            self._stop_waiting()
            self._desk.refused(why)
            self._steer()

    def _fail(self, why: str, *, mismatch: bool = False) -> None:
        if self._phase is not Phase.OVER:
            self._close()
            self._desk.failed(why, mismatch=mismatch)

    def _close(self) -> None:
        self._phase = Phase.OVER
        self._stop_waiting()
        for part in (self._exchange, self._determination, self._outgoing, self._mode, self._doubles):
            part.stop()

    def _stop_waiting(self) -> None:
        if self._wait is not None:
            self._wait.cancel()
            self._wait = None

    # -- steering

    def _steer(self) -> None:
        """Do what is missing; a call out of the middle of it is another round."""
        if self._steering:
            self._again = True
            return
        self._steering = True
        try:
            self._again = True
            while self._again and self.running:
                self._again = False
                for step in (self._announce, self._send_media, self._receive_media, self._report):
                    if self.running:
                        step()
        finally:
            self._steering = False

    def _announce(self) -> None:
        """Our capabilities, when they are others than the peer knows."""
        wanted = self._receivable()
        if wanted != self._exchange.sent:
            self._exchange.announce(wanted)

    def _receivable(self) -> Capabilities:
        plan, sent = self._plan, self._exchange.sent
        if self._held or self._moving:
            return NOTHING
        if plan is None:
            return plans.usual(self._settings.payload, t38=self._settings.t38)
        if not plan.receives:
            peer = self._exchange.peer
            echo = sent is not None and (self._stale or (peer is not None and peer.empty))
            return sent if echo and sent is not None else NOTHING
        if plan.image:
            return self._speech or plan.capabilities(t38=True)
        return plan.capabilities(t38=self._settings.t38)

    def _send_media(self) -> None:
        """Our channel."""
        plan, peer, channel = self._plan, self._exchange.peer, self._outgoing
        if plan is None or peer is None or self.master is None or self._mode.pending:
            return
        wanted = plan.live and not peer.empty and not self._shut
        if channel.busy and not (wanted and self._serves(plan, peer)):
            channel.close()
        if wanted and not channel.busy:
            self._open(plan, peer)

    def _serves(self, plan: Plan, peer: Capabilities) -> bool:
        """Whether our channel is what our side wants and the peer can receive."""
        medium = self._outgoing.medium
        if medium is None or not plan.takes(medium) or self._outgoing.rtcp != plan.rtcp:
            return False
        return any(_alike(item, medium) for item in plan.media(peer))

    def _open(self, plan: Plan, peer: Capabilities) -> None:
        found = next((item for item in plan.media(peer) if item not in self._tried), None)
        if found is not None:
            self._outgoing.open(found, plan.rtcp)
        elif self._due:
            self._cannot("no codec in common")

    def _receive_media(self) -> None:
        """The peer's channel."""
        plan, channel = self._plan, self._incoming
        if self._moving and self._exchange.acked and not channel.is_open:
            self._moving, self._again = False, True  # it has closed its channel: it may open another one now
            self._stop_waiting()
        if plan is None or channel.asked is None:
            return
        medium = channel.asked.medium
        if channel.waits:
            self._decide(plan, medium)
        elif plan.receives and not self._moving and self._misses(plan, medium):
            self._moving = self._again = True

    def _misses(self, plan: Plan, medium: Audio | Fax) -> bool:
        """Whether the peer's channel is not where, or not what, our side wants; another mode comes by itself."""
        if isinstance(medium, Fax) is not plan.image:
            return False
        return not plan.takes(medium) or self._incoming.told != (plan.rtp, plan.rtcp)

    def _decide(self, plan: Plan, medium: Audio | Fax) -> None:
        channel = self._incoming
        if plan.takes(medium):
            rtp, rtcp = (plan.rtp, plan.rtcp) if plan.rtp is not None else channel.told
            if rtp is not None and not self._mode.pending:
                channel.grant(rtp, rtcp)  # also of a side that listens no more: the peer would wait in vain
                self._again = True
        elif isinstance(medium, Fax) is plan.image or (isinstance(medium, Fax) and not self._settings.t38):
            channel.deny("dataTypeNotSupported")
        elif self._mode.pending:
            if self.master:
                channel.deny("masterSlaveConflict")
        elif self._mode.wanted is None and not self._asking:
            self._asking = True
            self._ask(image=isinstance(medium, Fax))

    def _switch(self, plan: Plan) -> None:
        """From audio to fax or back: whoever wants it asks, and both sides close and open their channels."""
        before, mode, asked = self._before, self._mode, self._incoming.asked
        theirs = self._asking and self._incoming.waits and asked is not None and plan.takes(asked.medium)
        if mode.wanted is (not plan.image) or (self._asking and not theirs):
            self.decline()
        self._asking = False
        if mode.wanted is plan.image:
            mode.grant()
        elif before is None or before.image is plan.image or theirs or not self.running:
            pass
        elif plan.image and not (self._settings.t38 and self._heard is not None and self._heard.fax):
            self._cannot("no T.38 with this peer")
        else:
            mode.ask(image=plan.image, codec=plan.codecs[0].name.upper() if plan.codecs else "")

    def _report(self) -> None:
        """Tell the leg once all stands as our side wants it, and again when the peer has moved."""
        plan, peer = self._plan, self._exchange.peer
        if self._moving:
            self._wait_for_move()
        elif plan is None or peer is None or self._mode.pending or (peer.empty and self._stood is None):
            pass  # a peer that begins with a pause has not said yet what it takes
        elif not self._sends_right(plan, peer):
            pass
        elif not self._receives_right(plan, peer):
            self._wait_for_channel()
        else:
            self._tell(plan, peer)

    def _tell(self, plan: Plan, peer: Capabilities) -> None:
        outcome, stood = self._outcome(), self._stood
        if self._due or (stood is not None and not self._stale and _news(outcome, stood)):
            self._stop_waiting()
            self._due, self._stood, self._before = False, outcome, None
            self._desk.opened(plans.describe(plan, peer, _completed(outcome, stood, plan)))

    def _sends_right(self, plan: Plan, peer: Capabilities) -> bool:
        if not plan.live or peer.empty or self._shut:
            return True
        return self._outgoing.is_open

    def _receives_right(self, plan: Plan, peer: Capabilities) -> bool:
        """Whether the peer sends as our side wants; a peer that we have stopped only has to know that."""
        if not plan.receives:
            return self._exchange.acked
        if peer.empty or self._held or (self._late and self._due):
            return True
        channel = self._incoming
        return channel.is_open and channel.asked is not None and plan.takes(channel.asked.medium)

    def _outcome(self) -> Outcome:
        sent = self._outgoing.medium if self._outgoing.is_open else None
        asked = self._incoming.asked if self._incoming.is_open else None
        where = self._outgoing.where or (asked.source if asked is not None else None)
        return Outcome(sent, asked.medium if asked is not None else None, where)

    def _wait_for_channel(self) -> None:
        if self._due and self._wait is None:
            self._wait = self._desk.later(self._settings.wait, self._waited)

    def _waited(self) -> None:
        """The peer has not opened its channel: what there is has to do."""
        self._wait, self._late = None, True
        self._steer()

    def _wait_for_move(self) -> None:
        if self._wait is None:
            self._begged = False
            self._wait = self._desk.later(self._settings.move, self._not_moved)

    def _not_moved(self) -> None:
        """The peer keeps its channel: it is asked once more, in the other way there is (requestChannelClose)."""
        self._wait = None
        if not self._moving:
            return
        if not self._begged:
            self._begged = True
            self._wait = self._desk.later(self._settings.move, self._not_moved)
            self._incoming.ask_close()
        else:
            self._moving = False
            self._cannot("the peer does not move its media")


def _completed(outcome: Outcome, stood: Outcome | None, plan: Plan) -> Outcome:
    """What is said of a session whose channels are closed for now: what it had before."""
    if stood is None or outcome.sent is not None or isinstance(stood.sent, Fax) is not plan.image:
        return outcome
    return Outcome(stood.sent, outcome.received or stood.received, stood.where)


def _news(outcome: Outcome, stood: Outcome) -> bool:
    """Whether media goes elsewhere, or is something else; that it has stopped for now is no news."""
    if outcome.sent is not None and (outcome.sent, outcome.where) != (stood.sent, stood.where):
        return True
    return outcome.received is not None and outcome.received != stood.received


def _alike(one: Audio | Fax, other: Audio | Fax) -> bool:
    """Whether both are the same codec, or both fax."""
    if isinstance(one, Fax) or isinstance(other, Fax):
        return one is other or one == other
    return one.codec == other.codec
