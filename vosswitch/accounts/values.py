"""Accounts, mapping gateways and phones as immutable values, read from the recorder's configuration bodies."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from vosswitch.accounts.limits import NO_LIMIT, Limit
from vosswitch.accounts.payers import NO_CLAIMS, USUAL, CardRules, Claims
from vosswitch.accounts.periods import Period, with_periods
from vosswitch.accounts.portability import NO_JURISDICTION, Jurisdiction
from vosswitch.accounts.privileges import ORDINARY, Privileges
from vosswitch.accounts.screening import UNSCREENED, Screening
from vosswitch.accounts.sources import SIP_PORT, SourceMatch, read_source
from vosswitch.model.call import Credential
from vosswitch.model.margins import UNSET, Margins
from vosswitch.model.peer import PLAIN, PeerProfile
from vosswitch.model.values import Level
from vosswitch.numbers.dialplan import NO_PLAN, DialPlan, parse_plan
from vosswitch.numbers.numbering import PLAIN_NUMBERING, Numbering

if TYPE_CHECKING:
    from collections.abc import Mapping

_plan = lru_cache(maxsize=4096)(parse_plan)
"""Many gateways share few plans: each text is read once."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who pays.

    :ivar kind: ordinary, clearing, agent or phone_card.
    :ivar rate_group: name of the price list; None = no rates, so no calls.
    :ivar overdraft_limit: units of 10^-7 below zero that the balance may go, None = unlimited.
    :ivar anti_overdraft: whether every call reserves its money before it is spent.
    :ivar lines: calls at the same time, None = unlimited; likewise *cps*, new calls per second.
    :ivar lock_reason: ``""``, balance, operator, expiry or fraud.
    :ivar expires: epoch milliseconds from which on it makes no calls; None = never.
    :ivar screening: lists, areas, sections and level of its calls.
    :ivar private_rates: name of the price list that is looked in first; None = it has none of its own.
    :ivar agent: number of the agent whose customer it is; None = nobody's.
    :ivar packages: names of its packages.
    :ivar claims: its PIN and bound numbers.
    :ivar margins: what is to be left of its calls.
    :ivar when_money_ends: with *anti_overdraft*: ``cut``, ``refuse`` or ``""``, see `goes_on`.
    :ivar limit: what each of its calls takes.
    """

    number: str
    name: str = ""
    kind: str = "ordinary"
    rate_group: str | None = None
    overdraft_limit: int | None = 0
    anti_overdraft: bool = False
    lines: int | None = None
    cps: int | None = None
    locked: bool = False
    lock_reason: str = ""
    expires: int | None = None
    screening: Screening = UNSCREENED
    agent: str | None = None
    packages: tuple[str, ...] = ()
    claims: Claims = NO_CLAIMS
    private_rates: str | None = None
    margins: Margins = UNSET
    when_money_ends: str = ""
    limit: Limit = field(init=False, repr=False, compare=False, default=NO_LIMIT)

    def __post_init__(self) -> None:
        object.__setattr__(self, "limit", Limit(f"account:{self.number}", self.lines, self.cps))

    def goes_on(self, parameters: Any) -> bool:
        """Whether running calls go on when the money has ended, and only new ones are refused."""
        return bool((self.when_money_ends or parameters["VS_WHEN_MONEY_ENDS"]) == "refuse")

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Account:
        """Read a configuration body with every key present."""
        return cls(
            number=body["number"],
            name=body["name"],
            kind=body["kind"],
            rate_group=body["rate_group"],
            overdraft_limit=body["overdraft_limit"],
            anti_overdraft=body["anti_overdraft"],
            lines=body["lines"],
            cps=body["cps"],
            locked=body["locked"],
            lock_reason=body["lock_reason"],
            expires=body["expires"],
            screening=Screening.of_account(body),
            private_rates=body.get("private_rates"),
            agent=body.get("agent"),
            packages=tuple([item["name"] for item in body.get("packages") or ()]),
            claims=Claims.of_account(body),
            margins=Margins.of(body.get("least_profit") or "", body.get("most_rate") or ""),
            when_money_ends=body.get("when_money_ends", ""),
        )


@dataclass(frozen=True, slots=True)
class MappingGateway:
    """A customer's equipment, as calls come in from it.

    :ivar auth: what proves it: ``ip``, ``ip_port`` (the source port too, UDP only) or ``password``.
    :ivar addresses: where it may call from; with ``password`` they narrow it, and none = anywhere.
    :ivar username: of auth ``password``, never empty.
    :ivar routing_order: what decides on gateways after its *routing_strategies*; none = the default order.
    :ivar tech_prefix: what its called numbers begin with; stripped before anything else.
    :ivar media_proxy: off, on, auto or must_on.
    :ivar routing_time: seconds from a call's start for trying gateways; None = VS_ROUTING_TIME.
    :ivar profile: how we speak with it.
    :ivar numbering: what it has to say about numbers besides its dial plans.
    :ivar cards: how phone cards are dialled there.
    :ivar periods: when it may call, and what it is like then; none = always, as it is.
    :ivar screening: lists of its calls.
    :ivar margins: what is to be left of its calls, before its account's.
    :ivar privileges: whom it may be connected with, and what it has of its own.
    :ivar limit: what each of its calls takes.
    """

    name: str
    account: str
    auth: str = "ip"
    addresses: tuple[SourceMatch, ...] = ()
    username: str = ""
    credentials: tuple[Credential, ...] = ()
    lines: int | None = None
    cps: int | None = None
    tech_prefix: str = ""
    callee_dial_plan: DialPlan = NO_PLAN
    caller_dial_plan: DialPlan = NO_PLAN
    routing_strategies: tuple[str, ...] = ()
    routing_order: tuple[str, ...] = ()
    blacklists: tuple[str, ...] = ()
    number_transforms: tuple[str, ...] = ()
    media_proxy: str = "auto"
    routing_time: int | None = None
    profile: PeerProfile = PLAIN
    periods: tuple[Period, ...] = ()
    screening: Screening = UNSCREENED
    numbering: Numbering = PLAIN_NUMBERING
    jurisdiction: Jurisdiction = NO_JURISDICTION
    cards: CardRules = USUAL
    margins: Margins = UNSET
    locked: bool = False
    privileges: Privileges = ORDINARY
    limit: Limit = field(init=False, repr=False, compare=False, default=NO_LIMIT)

    def __post_init__(self) -> None:
        object.__setattr__(self, "limit", Limit(f"mapping:{self.name}", self.lines, self.cps))

    @property
    def places(self) -> list[tuple[str, int]]:
        """Host and port of each single address; networks are none."""
        return [
            (str(match.network.network_address), match.port or SIP_PORT)
            for match in self.addresses
            if match.network.prefixlen == match.network.max_prefixlen
        ]

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> MappingGateway:
        """Read a configuration body with every key present.

        :raises ValueError: an address or a dial plan that cannot be read (provisioning refuses those).
        """
        plain = cls(
            name=body["name"],
            account=body["account"],
            auth=body["auth"],
            addresses=tuple(map(read_source, body["addresses"])),
            username=body["username"] or body["name"],
            credentials=_credentials(body["ha1s"]),
            lines=body["lines"],
            cps=body["cps"],
            tech_prefix=body["tech_prefix"],
            callee_dial_plan=_plan(body["callee_dial_plan"]),
            caller_dial_plan=_plan(body["caller_dial_plan"]),
            routing_strategies=tuple(body["routing_strategies"]),
            routing_order=tuple(body.get("routing_order", ())),
            blacklists=tuple(body["blacklists"]),
            number_transforms=tuple(body["number_transforms"]),
            media_proxy=body["media_proxy"],
            routing_time=body.get("routing_time"),
            profile=PeerProfile.from_body(body),
            screening=Screening.from_body(body),
            locked=body["locked"],
            numbering=Numbering.from_body(body),
            privileges=Privileges.from_body(body, "routing"),
            jurisdiction=Jurisdiction.from_body(body),
            cards=CardRules.from_body(body),
            margins=Margins.of(body.get("least_profit") or "", body.get("most_rate") or ""),
        )
        return with_periods(plain, body.get("periods") or ())  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Phone:
    """A device that registers by number and password.

    :ivar level: the highest level of calls that it may make.
    :ivar screening: lists of calls from it and to it.
    :ivar numbering: what it has to say about the numbers of its calls besides its dial plans.
    :ivar privileges: what it has of its own.
    :ivar spending_limited: what its calls cost counts against a limit of its own.
    :ivar private_rates: name of the price list that is looked in before all others for its calls; None = none.
    :ivar h323_addresses: networks that it may register from by H.323; none = it may not.
    :ivar limit: what each of its calls takes, those to it too.
    """

    number: str
    account: str
    credentials: tuple[Credential, ...] = ()
    lines: int | None = None
    level: Level = Level.DOMESTIC
    callee_dial_plan: DialPlan = NO_PLAN
    screening: Screening = UNSCREENED
    caller_dial_plan: DialPlan = NO_PLAN
    numbering: Numbering = PLAIN_NUMBERING
    locked: bool = False
    privileges: Privileges = ORDINARY
    spending_limited: bool = False
    private_rates: str | None = None
    h323_addresses: tuple[str, ...] = ()
    limit: Limit = field(init=False, repr=False, compare=False, default=NO_LIMIT)

    def __post_init__(self) -> None:
        object.__setattr__(self, "limit", Limit(f"phone:{self.number}", self.lines))

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Phone:
        """Read a configuration body with every key present.

        :raises ValueError: a level or a dial plan that cannot be read (provisioning refuses those).
        """
        return cls(
            number=body["number"],
            account=body["account"],
            credentials=_credentials(body["ha1s"]),
            lines=body["lines"],
            level=Level(body["level"]),
            callee_dial_plan=_plan(body["callee_dial_plan"]),
            screening=Screening.from_body(body),
            caller_dial_plan=_plan(body.get("caller_dial_plan") or ""),
            numbering=Numbering.from_body(body),
            locked=body["locked"],
            privileges=Privileges.from_body(body),
            spending_limited=body.get("spending_limit") is not None,
            private_rates=body.get("private_rates"),
            h323_addresses=tuple(body.get("h323_addresses") or ()),
        )


def _credentials(ha1s: Mapping[str, str] | None) -> tuple[Credential, ...]:
    return tuple(Credential(ha1.lower(), algorithm) for algorithm, ha1 in (ha1s or {}).items() if ha1)
