"""Routes over registrations: to gateways that register with us, and to vendors that we register with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.model.places import local_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vosswitch.call.deciding.decision import Decision
    from vosswitch.call.deciding.routes import Route
    from vosswitch.routing.gateways import RoutingGateway


def over_registrations(
    decision: Decision, gateway: RoutingGateway, route: Route, registrations: Any
) -> Iterator[Route]:
    """The routes to a gateway that registers with us or that we register with, as the registrations make them.

    :param registrations: the `IRegistrations`.
    """
    if not gateway.profile.dynamic:
        yield _to_registrar(gateway, route, registrations)
        return
    contacts = registrations.gateway(gateway.registers_as)
    for contact in contacts:
        yield route._replace(
            target=contact.target,
            local_address=local_text(contact.local.host, contact.local.port),
            contact=contact.uri,
            registered=gateway.registers_as,
            route=contact.path,
        )
    if not contacts:
        if gateway.address:
            yield route
        else:
            decision.note(route.name, "it is not registered")


def _to_registrar(gateway: RoutingGateway, route: Route, registrations: Any) -> Route:
    """With the registrar's Service-Route (RFC 3608); a gatekeeper's calls are told apart by our name there."""
    if gateway.profile.h323 is not None:
        return route._replace(username=gateway.registers_as)
    trunk = registrations.trunk(route.name)
    return route if trunk is None or not trunk.route else route._replace(route=trunk.route)
