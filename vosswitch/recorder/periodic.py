"""What is booked by periods, done by this node when it is the first: see `vosswitch.store.subscriptions`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.store import subscriptions
from vosswitch.store.books import CannotBook
from vosswitch.store.package_fields import PACKAGES
from vosswitch.store.provision_schema import ACCOUNTS, PHONES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import tzinfo

    from vosswitch.store.database import Database

RECALL_MS = 1_000
"""How long nodes have to give back what they hold of purses that begin anew."""
RETRY_MS = 60_000
"""How often it is looked whether a package that rests can be paid (a payment is looked at at once), and how long an
account is put off that nothing can be booked for."""
AT_ONCE = 50
"""Accounts in one turn: the journal does not wait for them."""


class Periodic:
    """The bookings of one node's recorder.

    :param on_trouble: told one line about what cannot be booked.
    :param recall: asks the nodes to give back what no call of theirs holds, units by account.
    :param wall_ms: epoch milliseconds.
    """

    def __init__(
        self,
        database: Database,
        zone: tzinfo,
        who: str,
        wall_ms: Callable[[], int],
        recall: Callable[[Mapping[str, int]], None],
        on_trouble: Callable[[str], None],
    ) -> None:
        self._database = database
        self._zone = zone
        self._who = who
        self._wall_ms = wall_ms
        self._recall = recall
        self._on_trouble = on_trouble
        self._changed: set[str] = set()
        self._touched: set[str] = set()
        self._asked: dict[str, int] = {}
        self._put_off: dict[str, int] = {}
        self._all = True
        self._next: int | None = None
        self._retry = 0

    def note(self, change: Mapping[str, Any]) -> None:
        """Something is provisioned differently, or was paid."""
        if change.get("full") or change.get(PACKAGES.name):
            self._all = True
            return
        self._changed.update(number for number in change.get(ACCOUNTS.name) or () if not number.startswith("#"))
        self._changed.update(f"#phone/{number}" for number in change.get(PHONES.name) or ())

    def turn(self) -> bool:
        """Book what is due; whether something was booked."""
        now = self._wall_ms()
        booked = False
        for subject in self._due(now)[:AT_ONCE]:
            if not self._waits(subject, now):
                booked |= self._bring(subject, now)
        if not self._touched:
            with self._database.read() as connection:
                self._next = subscriptions.next_end(connection)
        return booked

    def _bring(self, subject: str, now: int) -> bool:
        self._asked.pop(subject, None)
        try:
            with self._database.write() as connection:
                done = subscriptions.bring(connection, subject, self._zone, now, self._who)
        except CannotBook as error:  # such as gifts that were carried over until no account can hold them
            self._on_trouble(f"packages of {subject}: {error}")
            done = subscriptions.Brought()
            self._put_off[subject] = now + RETRY_MS
        self._touched.discard(subject)
        if done.short:
            self._ask(subject, now, done.short)
        if done.short or done.more:
            self._touched.add(subject)
        return bool(done.booked)

    def _ask(self, subject: str, now: int, amounts: Mapping[str, int]) -> None:
        self._asked[subject] = now
        self._recall(amounts)

    def _due(self, now: int) -> list[str]:
        with self._database.read() as connection:
            if self._all:
                self._touched |= subscriptions.wanted(connection)
            elif self._next is not None and now >= self._next:
                self._touched |= subscriptions.due(connection, now)
            if self._changed:
                self._touched |= subscriptions.concerned(connection, self._changed)
                self._changed.clear()
            if now >= self._retry:
                self._touched |= subscriptions.resting(connection)
                self._retry = now + RETRY_MS
        self._all = False
        return sorted(subject for subject in self._touched if now >= self._put_off.get(subject, 0))

    def _waits(self, subject: str, now: int) -> bool:
        """Ask once for what nodes hold, and give them time."""
        if subject in self._asked:
            since = self._asked[subject]
            return since <= now < since + RECALL_MS
        with self._database.read() as connection:
            needs = subscriptions.needs(connection, subject, now)
        if needs:
            self._ask(subject, now, needs)
        return bool(needs)
