"""The recorder's side of grants: what its node asks for, gives back, and is asked for by others.

A question to the other nodes is a row of the database; Redis only makes them look at once.  It stays open for
`QUESTION_SECONDS`, and we look that long for what they have given back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.recorder.wire import sliced
from vosswitch.store import grants

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from vosswitch.store.database import Database

QUESTION_SECONDS = 1.0
LOOK_SECONDS = 0.1
"""How often a node sees whether others lack money, by itself: a call waits 0.2 s for that."""
AGAIN_SECONDS = 0.02
"""How often it looks for an answer to its own question."""


class Granting:
    """The grants of one node.

    :param send: tells the switch.
    :param committed: how far the journal is in the database: segment and offset.
    :param monotonic: seconds; *wall_ms* epoch milliseconds.
    """

    def __init__(
        self,
        database: Database,
        node: int,
        send: Callable[[Mapping[str, Any]], None],
        committed: Callable[[], tuple[int, int]],
        monotonic: Callable[[], float],
        wall_ms: Callable[[], int],
    ) -> None:
        self._database = database
        self._node = node
        self._send = send
        self._committed = committed
        self._monotonic = monotonic
        self._wall_ms = wall_ms
        self._given: dict[str, int] = {}
        self._doubtful: dict[str, tuple[int, int]] = {}
        self._over: set[str] = set()
        self._questions: dict[str, tuple[int, float]] = {}
        self._recalls: dict[str, float] = {}
        self._serial = 0

    @property
    def asking(self) -> bool:
        """Whether an answer of other nodes is looked for."""
        return bool(self._questions or self._recalls)

    # What the switch is told.

    def tell(self, numbers: Collection[str] | None) -> None:
        """Send the money of accounts; None = of all."""
        with self._database.read() as connection:
            held = grants.holdings(connection, self._node, numbers)
            elsewhere = grants.left_over(connection, numbers)
            if not self._database.is_sqlite:
                for number, amount in grants.others(connection, self._node, self._wall_ms(), numbers).items():
                    elsewhere[number] = elsewhere.get(number, 0) + amount
        rows = {number: row._asdict() | {"elsewhere": elsewhere.get(number, 0)} for number, row in held.items()}
        for part in sliced(rows):
            self.send("money", self._committed(), part)

    def send(self, op: str, position: tuple[int, int], rows: Mapping[str, dict[str, int]]) -> None:
        """Send a message about accounts; it says how much of what the switch gave back is in it."""
        self._serial += 1
        for number in self._given.keys() & rows.keys():
            rows[number]["given"] = self._given[number]
        segment, offset = position
        self._send({"op": op, "n": self._serial, "segment": segment, "offset": offset, "accounts": rows})

    # What the node takes and gives.

    def begin(self) -> None:
        """After the journal was replayed: take what may be had, forget what a former run asked for."""
        with self._database.write() as connection:
            grants.forget_questions(connection, self._node)
            self._over = set(grants.refresh(connection, self._node, self._wall_ms()))

    def refresh(self, numbers: Collection[str] | None) -> None:
        """Payments, limits or nodes have changed: take what may be had, and ask our own switch for what is too much."""
        with self._database.write() as connection:
            over = grants.refresh(connection, self._node, self._wall_ms(), numbers)
            for number in sorted(self._questions if numbers is None else self._questions.keys() & set(numbers)):
                grants.top_up(connection, self._node, number, self._questions[number][0], self._wall_ms())
        self._over = set(over) if numbers is None else (self._over - set(numbers)) | set(over)
        self._recall(over)

    def want(self, number: str, amount: int) -> None:
        """The node needs *amount* more of an account."""
        missing = self._take(number, amount)
        if missing:
            self._questions[number] = missing, self._monotonic() + QUESTION_SECONDS
        self.tell([number])
        if missing:
            self._send({"op": "call_others"})

    def give(self, totals: Mapping[str, int]) -> None:
        """The switch has given back.

        :param totals: by account all that it gave back since it has spoken with this recorder.
        """
        self.make_sure()
        with self._database.write() as connection:
            held = grants.holdings(connection, self._node, totals)
            for number, total in sorted(totals.items()):
                amount = min(total - self._given.get(number, 0), held[number].grant if number in held else 0)
                if amount > 0:
                    grants.give_back(connection, self._node, number, amount)
                    self._doubtful[number] = held[number].grant - amount, total
        self._doubtful.clear()
        self._given.update(totals)
        self.tell(totals.keys())

    def make_sure(self) -> None:
        """Find out whether what was given back when the database went away is booked: it must not be a second time."""
        if not self._doubtful:
            return
        with self._database.read() as connection:
            held = grants.holdings(connection, self._node, self._doubtful)
        for number, (grant, total) in self._doubtful.items():
            if number in held and held[number].grant == grant:
                self._given[number] = total
        self._doubtful.clear()

    def look(self) -> None:
        """See whether other nodes lack what this one holds."""
        with self._database.read() as connection:
            asked = grants.asked(connection, self._node)
            if asked:
                for number, amount in grants.left_over(connection, asked).items():
                    asked[number] -= amount
        self._recall({number: amount for number, amount in asked.items() if amount > 0})

    def look_again(self) -> None:
        """See whether others have given back what this node asked for."""
        now = self._monotonic()
        self._end_recalls(now)
        for number, (missing, until) in list(self._questions.items()):
            left = self._take(number, missing, again=now < until)
            if left and now < until:
                self._questions[number] = left, until
            else:
                del self._questions[number]
            if left != missing or number not in self._questions:
                self.tell([number])

    def recall(self, amounts: Mapping[str, int]) -> None:
        """Have all nodes, this one too, give back what no call of theirs holds, units by account; nobody takes it."""
        if not amounts:
            return
        self._recall(amounts)
        if self._database.is_sqlite:
            return
        with self._database.write() as connection:
            for number, amount in sorted(amounts.items()):
                grants.ask_others(connection, self._node, number, amount, self._wall_ms())
        self._recalls.update(dict.fromkeys(amounts, self._monotonic() + QUESTION_SECONDS))
        self._send({"op": "call_others"})

    def _end_recalls(self, now: float) -> None:
        over = [number for number, until in self._recalls.items() if now >= until]
        if over:
            with self._database.write() as connection:
                for number in sorted(over):
                    if number not in self._questions:
                        grants.ask_others(connection, self._node, number, 0, self._wall_ms())
        for number in over:
            del self._recalls[number]

    def settle(self) -> None:
        """Ask our own switch again for what is granted beyond what there is: calls may have ended meanwhile."""
        if self._over:
            self.refresh(sorted(self._over))

    def _take(self, number: str, amount: int, *, again: bool = True) -> int:
        with self._database.write() as connection:
            now = self._wall_ms()
            missing = grants.top_up(connection, self._node, number, amount, now)
            if not self._database.is_sqlite:
                grants.ask_others(connection, self._node, number, missing if again else 0, now)
        return missing if not self._database.is_sqlite else 0

    def _recall(self, amounts: Mapping[str, int]) -> None:
        for part in sliced(amounts) if amounts else ():
            self._send({"op": "recall", "accounts": part})
