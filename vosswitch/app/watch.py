"""Keeps an eye on the gateways: asks them by OPTIONS, and says when one is put aside or comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.task import LoopingCall

from vosswitch.routing.availability import State
from vosswitch.routing.probing import ProbePlan
from vosswitch.sip.destinations.probe import Probe
from vosswitch.sip.legs.tries import tls_name_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.app.node import Switch
    from vosswitch.model.peer import PeerProfile
    from vosswitch.model.values import Address
    from vosswitch.routing.availability import Availability, Standing
    from vosswitch.routing.gateways import RoutingGateway

STEP = 0.25
"""Seconds between two looks at who is due."""
AT_ONCE = 25
"""Gateways asked in one step: 100 a second, however many are due."""
PATIENCE = 8.0
"""Longest wait for an answer, seconds."""
_ASIDE = frozenset({State.AWAY, State.HELD, State.DISABLED})


class Watch:
    """The prober of a node.

    :param chance: gives numbers from 0 to 1.
    :ivar sent: gateways asked; *answered* those whose answer counted, *failed* the others.
    """

    __slots__ = ("_asked", "_availability", "_log", "_loop", "_node", "answered", "failed", "plan", "sent")

    def __init__(self, node: Switch, availability: Availability, chance: Callable[[], float], log: Any) -> None:
        self._node = node
        self._availability = availability
        self._log = log
        self._asked: set[str] = set()
        self._loop = LoopingCall(self.step)
        self._loop.clock = node.reactor
        self.plan = ProbePlan(chance)
        self.sent = self.answered = self.failed = 0
        availability.told = self._told

    def start(self) -> None:
        """Begin; the listeners are open."""
        self.follow()
        if not self._loop.running:
            self._loop.start(STEP, now=False)

    def stop(self) -> None:
        """No more questions."""
        if self._loop.running:
            self._loop.stop()

    def follow(self) -> None:
        """Take the configuration in force."""
        snapshot = self._node.snapshot
        usual = snapshot.parameters["SS_SIP_OPTIONS_CHECK_PERIOD"]
        gateways = snapshot.gateways.gateways
        periods = {
            name: float(gateway.profile.probe_period or usual)
            for name, gateway in gateways.items()
            if gateway.profile.probe != "off" and not gateway.locked
        }
        self.plan.wanted(periods, self._node.reactor.seconds())
        self._availability.keep(gateways)
        self._node.gauges.keep(gateways)
        self._node.throttling.keep(gateways)

    def step(self) -> None:
        """Ask who is due."""
        now = self._node.reactor.seconds()
        self._availability.sweep(now)
        for name in self.plan.due(now, AT_ONCE):
            gateway = self._node.snapshot.gateways.gateways.get(name)
            if gateway is not None and name not in self._asked and self._wants(gateway):
                self._ask(gateway)

    def _wants(self, gateway: RoutingGateway) -> bool:
        standing = self._availability.get(gateway.name)
        if standing is None:
            return gateway.profile.probe == "always"
        return standing.state not in (State.HELD, State.DISABLED)

    def _ask(self, gateway: RoutingGateway) -> None:
        target = self._target(gateway)
        if target is None:
            return
        self.sent += 1
        self._asked.add(gateway.name)
        patience = min(PATIENCE, float(gateway.profile.probe_period or PATIENCE))
        probe = Probe(self._node.sip.trunks.stack, patience, lambda statuses: self._heard(gateway, statuses))
        probe.ask(target, gateway.local_address or None, tls_name_of(gateway.profile, target))

    def _target(self, gateway: RoutingGateway) -> Address | None:
        if not gateway.profile.dynamic:
            return gateway.target
        contacts = self._node.registrations.gateway(gateway.registers_as)
        return contacts[0].target if contacts else None

    def _heard(self, gateway: RoutingGateway, statuses: list[int]) -> None:
        self._asked.discard(gateway.name)
        now, profile = self._node.reactor.seconds(), gateway.profile
        if any(counts(status, profile) for status in statuses):
            self.answered += 1
            self._availability.probed(gateway.name, profile, now)
            return
        self.failed += 1
        why = f"OPTIONS answered {statuses[0]}" if statuses else "no answer to OPTIONS"
        back_off = self._node.snapshot.parameters["VS_GATEWAY_BACK_OFF"]
        self._availability.failed(gateway.name, profile, back_off, now, why)

    def _told(self, name: str, standing: Standing) -> None:
        aside = standing.state in _ASIDE
        say = self._log.warn if aside else self._log.info
        say(
            "gateway {gateway} is {state}: {reason}",
            event=f"gateway_{standing.state}",
            gateway=name,
            state=standing.state.value,
            reason=standing.why,
        )
        if standing.state is State.AWAY:
            self.plan.soon(name, self._node.reactor.seconds())

    def state_of(self, name: str) -> dict[str, Any]:
        """What operators see of a gateway's availability."""
        node, standing = self._node, self._availability.get(name)
        now, wall = node.reactor.seconds(), node.now()
        next_at = self.plan.next_at(name)

        def at(when: float | None) -> int | None:
            return None if when is None else wall + int((when - now) * 1000)

        if standing is None or standing.state is State.FAILING:
            return {"state": "up", "since": None, "reason": None, "next_probe": at(next_at)}
        until = None if standing.state is State.DISABLED else standing.until
        return {
            "state": standing.state.value,
            "since": at(standing.since),
            "reason": standing.why,
            "next_probe": at(next_at if next_at is not None and standing.state is State.AWAY else until),
        }


def counts(status: int, profile: PeerProfile) -> bool:
    """Whether an answer to OPTIONS says that the gateway is there."""
    if profile.probe_codes:
        return 200 <= status < 300 or status in profile.probe_codes
    return status not in (408, 503)
