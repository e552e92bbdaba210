"""Who else may pay a call than the account of its gateway or phone: a card, or a bound number's account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vosswitch.model.cards import Access, read_access

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vosswitch.accounts.values import Account

BOUND, CARD = 2, 3
"""Billing modes of records."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What makes an account pay for calls of others.

    :ivar pin: keyed hash of its PIN, "" = it has none.
    :ivar bound_numbers: calling numbers (as billed) whose calls it pays.
    """

    pin: str = ""
    bound_numbers: tuple[str, ...] = ()

    @classmethod
    def of_account(cls, body: Mapping[str, Any]) -> Claims:
        """Read a configuration body; most accounts share one value."""
        pin, numbers = body.get("pin") or "", body.get("bound_numbers") or ()
        return cls(pin, tuple(numbers)) if pin or numbers else NO_CLAIMS


NO_CLAIMS = Claims()


@dataclass(frozen=True, slots=True)
class CardRules:
    """What a mapping gateway says of cards and bound numbers.

    :ivar access: how cards are dialled there; none = as VS_CARD_ACCESS says.
    :ivar bound: its calls may be paid by the account that the calling number is bound to.
    """

    access: tuple[Access, ...] = ()
    bound: bool = False

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> CardRules:
        """Read a configuration body; most gateways share one value."""
        access, bound = body.get("card_access") or (), body.get("bound_billing", False)
        return cls(tuple(map(read_access, access)), bound) if access or bound else USUAL


USUAL = CardRules()


class Payers:
    """An immutable index of PINs and bound numbers.

    :ivar cards: account number by keyed hash of its PIN.
    :ivar bound: account number by calling number.
    """

    __slots__ = ("bound", "cards")

    def __init__(self, cards: Mapping[str, str], bound: Mapping[str, str]) -> None:
        self.cards = cards
        self.bound = bound

    def changed(self, names: Iterable[str], old: Mapping[str, Account], new: Mapping[str, Account]) -> Payers:
        """The index after a change of the accounts *names*."""
        gone = [one for name in names if (one := old.get(name)) is not None and one.claims is not NO_CLAIMS]
        come = [one for name in names if (one := new.get(name)) is not None and one.claims is not NO_CLAIMS]
        if not gone and not come:
            return self
        cards, bound = dict(self.cards), dict(self.bound)
        for account in gone:
            _drop(cards, account.claims.pin, account.number)
            for number in account.claims.bound_numbers:
                _drop(bound, number, account.number)
        for account in come:
            if account.claims.pin:
                cards[account.claims.pin] = account.number
            bound.update(dict.fromkeys(account.claims.bound_numbers, account.number))
        return Payers(cards, bound) if cards or bound else NOBODY_ELSE


def _drop(index: dict[str, str], key: str, number: str) -> None:
    """Take an entry away, unless it is another account's by now."""
    if index.get(key) == number:
        del index[key]


NOBODY_ELSE = Payers({}, {})
