"""What a running node answers on its control socket (`vosswitch.control.operations`)."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import asdict
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

from vosswitch import __version__
from vosswitch.app import holding, quality, ras
from vosswitch.app.load import load
from vosswitch.call.deciding.explain import NoSuchSubject, asked, told
from vosswitch.control.protocol import ControlError
from vosswitch.routing.gateways import trunk_text
from vosswitch.sip.transport import BadCertificate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from vosswitch.app.node import Switch
    from vosswitch.sip.registrations.registrar import Registrar

Arguments = dict[str, Any]
_STANDING = ("state", "since", "reason", "next_probe")


class Operations:
    """The operations over one node; live reads come from memory."""

    __slots__ = ("_node",)

    def __init__(self, node: Switch) -> None:
        self._node = node

    def implementations(self) -> Mapping[str, Callable[[Arguments], Any]]:
        """By name, as the control room declares them."""
        return {
            "status": self.status,
            "statistics": self.statistics,
            "calls": self.calls,
            "release": self.release,
            "gateways": self.gateways,
            "gateway": self.gateway,
            "quality": self.quality,
            "limits": self.limits,
            "names": self.names,
            "route": self.route,
            "parameters": self.parameters,
            "apply": self.apply,
            "drain": self.drain,
            "registrations": self.registrations,
            "trunks": self.trunks,
            "plugins": self.plugins,
            "reload_certificates": self.reload_certificates,
            **holding.implementations(self._node),
        }

    def status(self, _: Arguments) -> dict[str, Any]:
        """What this node is and how it is doing."""
        node = self._node
        return {
            "node": node.boot.node_name,
            "node_id": node.boot.node_id,
            "nodes": node.nodes,
            "version": __version__,
            "state": "draining" if node.draining else "running",
            "started": node.started,
            "listen": [str(address) for address in (*node.sip.addresses, *node.h323.addresses)],
            "calls": len(node.calls.calls),
            "registered": len(node.sip.registrar) + len(node.ras.registered.names()),
            "seq": node.snapshot.seq,
            "backlog": node.recorder.backlog,
            "sockets": node.sip.sockets.status(),
            "certificates": node.sip.sockets.shown(),
            "refused_connections": node.sip.sockets.quota.refused,
            "trouble": "; ".join(f"{what}: {text}" for what, text in node.trouble.items()) or None,
        }

    def statistics(self, _: Arguments) -> dict[str, Any]:
        """What has been counted since the start."""
        node, watch = self._node, self._node.watch
        return {
            "started": node.started,
            **node.sip.counted(),
            "emergency_calls": node.calls.emergencies.count,
            "gateway_changes": _texts(node.availability.counts),
            "probes_sent": watch.sent,
            "probes_answered": watch.answered,
            "probes_failed": watch.failed,
            "gauged": len(node.gauges),
            "gauged_pairs": len(node.gauges.pairs),
            "h323": node.h323.counted(),
        }

    def calls(self, args: Arguments) -> Iterator[dict[str, Any]]:
        """The calls that are up or being set up."""
        account, gateway = args["account"], args["gateway"]
        for row in self._node.calls.view():
            if account and row["account"] != account:
                continue
            if gateway and gateway not in (row["mapping_gateway"], row["routing_gateway"]):
                continue
            yield row

    def release(self, args: Arguments) -> dict[str, Any]:
        """Disconnect one call."""
        call_id = args["call_id"]
        if not (
            call_id.isdecimal() and call_id.isascii() and len(call_id) < 20 and self._node.calls.release(int(call_id))
        ):
            raise ControlError("not_found", f"release: call_id {call_id[:40]}", "expected the id of a running call")
        return {"call_id": call_id}

    def gateways(self, args: Arguments) -> Iterator[dict[str, Any]]:
        """The gateways with their present load."""
        kind = args["kind"]
        snapshot = self._node.snapshot
        if kind not in (None, "mapping", "routing"):
            raise ControlError("bad_arguments", "gateways: kind", "expected mapping or routing")
        if kind in (None, "mapping"):
            for name in sorted(snapshot.mapping_gateways):
                yield self._gateway("mapping", snapshot.mapping_gateways[name])
        if kind in (None, "routing"):
            for name in sorted(snapshot.gateways.gateways):
                yield self._gateway("routing", snapshot.gateways.gateways[name])

    def _gateway(self, kind: str, gateway: Any) -> dict[str, Any]:
        routing = kind == "routing"
        if routing:
            address = trunk_text("h323" if gateway.profile.h323 else gateway.transport, gateway.address, gateway.port)
        else:
            address = ", ".join(str(match) for match in gateway.addresses)
        if gateway.profile.dynamic:
            address = self._registered(gateway.registers_as if routing else gateway.username) or address or "registered"
        return {
            "name": gateway.name,
            "kind": kind,
            "protocol": "sip" if gateway.profile.h323 is None else "h323",
            "account": gateway.account,
            "address": address,
            "locked": gateway.locked,
            "calls": self._node.limits.in_use(f"{kind}:{gateway.name}"),
            "lines": gateway.lines,
            "cps": gateway.cps,
            "groups": list(gateway.privileges.groups),
            "calls_today": self._node.tallies.today(gateway.name) if routing else None,
            **(quality.of_gateway(self._node, gateway.name) if routing else quality.NO_FIGURES),
            **(self._node.watch.state_of(gateway.name) if routing else dict.fromkeys(_STANDING)),
        }

    def gateway(self, args: Arguments) -> dict[str, Any]:
        """Put a routing gateway aside, or take it back."""
        node, name = self._node, args["name"]
        if name not in node.snapshot.gateways.gateways:
            raise ControlError("not_found", f"gateway: name {name[:64]}", "expected the name of a routing gateway")
        act = node.availability.disable if args["off"] else node.availability.enable
        act(name, node.reactor.seconds())
        return {"name": name, **node.watch.state_of(name)}

    def quality(self, args: Arguments) -> Iterator[dict[str, Any]]:
        """How good the routing gateways are."""
        name = args["name"]
        if name and name not in self._node.snapshot.gateways.gateways:
            raise ControlError("not_found", f"quality: name {name[:64]}", "expected the name of a routing gateway")
        return quality.rows(self._node, name, destinations=args["destinations"])

    def _registered(self, username: str) -> str:
        """Where the dynamic gateways of a user name are; "" when they are offline."""
        return ", ".join(str(contact.target) for contact in self._node.registrations.gateway(username))

    def limits(self, args: Arguments) -> Iterator[dict[str, Any]]:
        """Lines in use."""
        kind = args["kind"]
        rows = load(self._node.snapshot, self._node.limits)
        return rows if kind is None else (row for row in rows if row["kind"] == kind)

    def names(self, _: Arguments) -> Iterator[dict[str, Any]]:
        """What host names lead to now."""
        return self._node.sip.names.listing()

    def reload_certificates(self, _: Arguments) -> dict[str, Any]:
        """Read all certificates again."""
        try:
            return {"certificates": self._node.sip.sockets.reload()}
        except BadCertificate as error:
            raise ControlError("bad_certificate", "reload_certificates", f"{error}; the old ones stay") from None

    def route(self, args: Arguments) -> Any:
        """Explain what would become of a call, once the questions that the call would ask are answered."""
        node = self._node
        try:
            decision = asked(node.decider, node.snapshot, args, node.now())
        except NoSuchSubject as error:
            raise ControlError("not_found", "route: mapping_gateway, phone", str(error)) from None
        if decision.pending is None:
            return told(decision, args)
        replied: Deferred[Any] = Deferred()
        node.calls.dips.ask(decision.pending, replied.callback)
        return replied.addCallback(partial(node.decider.resume, decision)).addCallback(lambda _: told(decision, args))

    def parameters(self, args: Arguments) -> Iterator[dict[str, Any]]:
        """The effective values of the system parameters."""
        parameters = self._node.snapshot.parameters
        for row in parameters.registry:
            if args["name"] and args["name"].upper() not in (row.name, *row.aliases):
                continue
            yield {
                "name": row.name,
                "value": parameters.text(row.name),
                "default": row.default,
                "set": parameters.source(row.name) == "set",
            }

    def apply(self, args: Arguments) -> Deferred[dict[str, Any]]:
        """Make all changes live; answers when they are."""
        node = self._node
        applied: Deferred[dict[str, Any]] = node.recorder.apply().addCallback(lambda seq: {"seq": node.share(seq)})
        return applied

    def drain(self, args: Arguments) -> dict[str, Any]:
        """Take no new calls, or take calls again."""
        node = self._node
        node.drain(not args["off"])
        return {"state": "draining" if node.draining else "running", "calls": len(node.calls.calls)}

    def registrations(self, args: Arguments) -> Iterator[dict[str, Any]]:
        """The phones and dynamic gateways that are registered, by name."""
        registrar, by_h323 = self._node.sip.registrar, self._node.ras.registered
        names = [args["number"]] if args["number"] else sorted({*registrar.names(), *by_h323.names()})
        after, limit = args["after"] or "", args["limit"]
        found = self._devices(registrar, names[bisect_right(names, after) :] if after else names)
        return islice(found, limit) if limit else found

    def _devices(self, registrar: Registrar, names: list[str]) -> Iterator[dict[str, Any]]:
        node = self._node
        for name in names:
            yield from self._bindings(registrar, [name])
            yield from ras.rows(node.ras.registered, [name], node.reactor.seconds())

    def _bindings(self, registrar: Registrar, names: list[str]) -> Iterator[dict[str, Any]]:
        seconds = self._node.reactor.seconds
        for name in names:
            for binding in reversed(registrar.live(name)):
                contact = binding.reachable
                if contact is not None:
                    yield {
                        "number": name,
                        "contact": contact.uri,
                        "address": str(contact.target),
                        "natted": binding.natted,
                        "expires_in": max(int(contact.expires - seconds()), 0),
                        "user_agent": contact.user_agent,
                    }

    def trunks(self, _: Arguments) -> Iterator[dict[str, Any]]:
        """Our registrations with vendors."""
        return map(asdict, chain(self._node.sip.trunks.states(), self._node.ras.registered.states()))

    def plugins(self, _: Arguments) -> Iterator[dict[str, Any]]:
        """The plugins and what they provide."""
        for row in self._node.plugins.listing():
            yield {
                "plugin": row.plugin,
                "source": row.source,
                "state": row.state,
                "reason": row.reason or None,
                "provides": row.provides,
                "failures": self._node.failures.of(row.plugin),
            }


def _texts(counts: Mapping[Any, int]) -> dict[str, int]:
    """Counts with keys as JSON has them, in their order."""
    return {str(key): counts[key] for key in sorted(counts)}
