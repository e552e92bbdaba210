"""The provisioned fields of packages, of the accounts that have them, and of the spending limits of phones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.billing.packages import MOST_GIFTS, is_purse
from vosswitch.billing.periods import NAMED, NEVER, period_text
from vosswitch.model.calendar import ADMITTING
from vosswitch.model.values import money_text
from vosswitch.store import fields
from vosswitch.store.fields import Deployment, Expected, Reader, Refused
from vosswitch.store.inline import table, table_list
from vosswitch.store.table import Field, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_WIDTH = 32
_MOST_SECONDS = 10**8
_MOST_MINUTES = _MOST_SECONDS // 60


def account_number(value: Any, deployment: Deployment) -> str:
    """The number of an account; those of purses are the switch's own."""
    found = fields.number(value, deployment)
    if is_purse(found):
        raise Expected("a number that does not begin with #")
    return found


def package_name(value: Any, deployment: Deployment) -> str:
    """A name that fits into the references of bookings."""
    found = fields.name(value, deployment)
    if len(found) > _WIDTH or any(sign in found for sign in "/:,"):
        raise Expected(f"a name of at most {_WIDTH} characters without / : and ,")
    return found


def period(value: Any, _deployment: Deployment) -> str:
    """How long a period is."""
    try:
        return period_text(value if isinstance(value, str) else "")
    except ValueError:
        raise Expected(f'{", ".join(NAMED)}, or a number of days such as "30 days"') from None


def money(value: Any, deployment: Deployment) -> int:
    """An amount that is not below zero."""
    units = fields.amount(value, deployment)
    if units < 0:
        raise Expected("an amount not below zero")
    return units


_gift = table(
    {
        "minutes": fields.whole(1, _MOST_MINUTES),
        "seconds": fields.whole(1, _MOST_SECONDS),
        "prefixes": fields.prefixes,
        "calendar": fields.name,
        "when": fields.choice(*ADMITTING),
    }
)


def gift_minutes(value: Any, deployment: Deployment) -> dict[str, Any]:
    """What is given for some calls: minutes or seconds, prefixes, a calendar."""
    found: dict[str, Any] = _gift(value, deployment)
    if ("minutes" in found) == ("seconds" in found):
        raise Expected("minutes, or seconds")
    if "when" in found and "calendar" not in found:
        raise Refused("when: expected a calendar beside it")
    minutes = found.pop("minutes", None)
    seconds = found.pop("seconds", None) if minutes is None else 60 * minutes
    kept = {name: item for name, item in found.items() if item not in ([""], [])}
    return {"seconds": seconds, **kept}


def _calendars(gifts: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    return [gift["calendar"] for gift in gifts if "calendar" in gift]


_held = table({"name": fields.name, "from": fields.moment}, "name")


def _subscribed(value: Any, deployment: Deployment) -> dict[str, Any]:
    found = {"name": fields.name(value, deployment)} if isinstance(value, str) else _held(value, deployment)
    return {"name": found["name"], "from": found.get("from", 0)}


def subscriptions(value: Any, deployment: Deployment) -> list[dict[str, Any]]:
    """Names of packages, or tables with the moment from which an account has them; each once."""
    read: Reader = table_list(_subscribed, MOST_GIFTS, "packages")
    found: list[dict[str, Any]] = read(value, deployment)
    if len({item["name"] for item in found}) < len(found):
        raise Expected("each package once")
    return found


def subscriptions_written(found: Iterable[Mapping[str, Any]]) -> list[Any]:
    """What `subscriptions` reads."""
    return [
        {"name": item["name"], "from": fields.moment_text(item["from"])} if item["from"] else item["name"]
        for item in found
    ]


def _names(found: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    return [item["name"] for item in found]


def _check(values: Mapping[str, Any]) -> None:
    if values["valid_to"] and values["valid_to"] <= (values["valid_from"] or 0):
        raise ValueError("valid_to: expected a moment after valid_from")


PACKAGES = Table(
    "packages",
    "package",
    "name",
    (
        Field("name", package_name, required=True),
        Field("rent", money, 0, money_text, help="Price of a period, taken at its beginning"),
        Field("period", period, "month", help='day, week, month, year or a number of days: "30 days"'),
        Field(
            "gift_minutes",
            table_list(gift_minutes, MOST_GIFTS, "kinds of gift minutes"),
            (),
            help="Tables with minutes or seconds, and perhaps prefixes, calendar, when",
            refers="calendars",
            named=_calendars,
        ),
        Field("gift_money", money, 0, money_text, help="Pays after all gift minutes, before the account"),
        Field("minimum_consumption", money, 0, money_text, help="What the calls of a period cost at least"),
        Field("priority", fields.whole(0, 1_000_000), 0, help="Of several packages the smallest is used first"),
        Field("carries_over", fields.flag, False, help="What was not used is there in the next period, too"),
        Field(
            "unpaid",
            fields.choice("wait", "next_period"),
            "wait",
            help="An account that cannot pay the rent: until it can, or not before the next period",
        ),
        Field("valid_from", fields.optional(fields.moment), None, fields.moment_text, "Not before then"),
        Field("valid_to", fields.optional(fields.moment), None, fields.moment_text, "Not from then on"),
    ),
    check=_check,
)

OF_ACCOUNTS = (
    Field(
        "packages",
        subscriptions,
        (),
        subscriptions_written,
        help='Names of packages, or {name = "basic", from = 2026-12-01}',
        refers="packages",
        named=_names,
    ),
)

OF_PHONES = (
    Field(
        "spending_limit",
        fields.optional(money),
        None,
        lambda units: None if units is None else money_text(units),
        help="What its calls may cost in a period; left out = no limit of its own",
    ),
    Field(
        "spending_period",
        fields.choice(NEVER, "day", "week", "month"),
        "month",
        help="When the limit begins anew; none = never",
    ),
)
