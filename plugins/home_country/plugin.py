"""Number transform ``home-country``: national numbers become international ones with the country of the operator.

``0043...`` and ``+43...`` lose their prefix, ``0...`` gets the country code of the parameter VS_HOME_COUNTRY in place
of its zero, and everything else stays as it is.  Both numbers are treated alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zope.interface import implementer

from vosswitch.hooks import hookimpl
from vosswitch.hooks.interfaces import INumberTransform
from vosswitch.params.interfaces import Parameter, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.hooks import PluginContext
    from vosswitch.model.call import CallAttempt

NAME = "VS_HOME_COUNTRY"


@implementer(INumberTransform)
class HomeCountry:
    """The transform; name it in a mapping gateway's ``number_transforms``.

    :param country: gives the country code now in force, digits.
    """

    name = "home-country"

    def __init__(self, country: Callable[[], str]) -> None:
        self._country = country

    def transform(self, caller: str, callee: str, attempt: CallAttempt) -> tuple[str, str]:
        """Both numbers in international form without a prefix."""
        country = self._country()
        return _international(caller, country), _international(callee, country)


def _international(number: str, country: str) -> str:
    if number.startswith("+"):
        return number[1:]
    if number.startswith("00"):
        return number[2:]
    if number.startswith("0") and country:
        return country + number[1:]
    return number


class Plugin:
    """What the switch registers."""

    def __init__(self, country: Callable[[], str]) -> None:
        self._transform = HomeCountry(country)

    @hookimpl
    def number_transforms(self) -> list[HomeCountry]:
        """The one transform."""
        return [self._transform]

    @hookimpl
    def parameters(self) -> list[Parameter]:
        """The country code, to be set with ``vosswitch params set VS_HOME_COUNTRY 43``."""
        return [
            Parameter(
                "plugin", NAME, "", text(), "", "Country code that replaces the 0 of national numbers", wired=True
            )
        ]


def make_plugin(context: PluginContext) -> Plugin:
    """Called once at start."""
    return Plugin(lambda: context.parameter(NAME))
