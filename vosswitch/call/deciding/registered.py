"""Routes over registrations: to gateways that register with us, and to vendors that we register with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.model.peer import PLAIN
from vosswitch.model.places import local_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vosswitch.call.deciding.decision import Decision
    from vosswitch.call.deciding.routes import Route


def over_registrations(decision: Decision, routes: Iterator[Route], registrations: Any) -> Iterator[Route]:
    """The routes of the planned gateways as the registrations make them; a plain gateway's route stays as it is.

    :param registrations: the `IRegistrations`.
    """
    for route in routes:
        profile = route.profile
        if profile is PLAIN or not (profile.dynamic or profile.register):
            yield route
        elif profile.dynamic:
            yield from _to_contacts(decision, route, registrations)
        else:
            yield _to_registrar(route, registrations)


def _to_contacts(decision: Decision, route: Route, registrations: Any) -> Iterator[Route]:
    """One route per registered contact; the configured address, if there is one, while nothing is registered."""
    gateway = decision.snapshot.gateways.gateways[route.name]
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


def _to_registrar(route: Route, registrations: Any) -> Route:
    """With the registrar's Service-Route (RFC 3608)."""
    trunk = registrations.trunk(route.name)
    return route if trunk is None or not trunk.route else route._replace(route=trunk.route)
