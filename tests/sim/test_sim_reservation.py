"""The promise about money, over several nodes: an account with anti-overdraft never ends below its limit, by no unit.

Real are the switch's side (`Balances`, `Share`, `RecorderService`), the recorder's (`Granting`, `write_batch`) and the
database; a node is a journal that survives it, two queues between switch and recorder, and calls.  Between any two
steps a switch or a recorder dies, messages come late or twice, operators pay, take money back and change limits, rates
change.  The bound is that of docs/adr/0037: what an operator takes away counts as far as it is not granted.
"""

from __future__ import annotations

from types import SimpleNamespace

import orjson
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import create_engine, func, select, update
from sqlalchemy.pool import StaticPool

from vosswitch.billing.balances import Balances
from vosswitch.billing.meter import Meter
from vosswitch.billing.modes import BUILT_IN
from vosswitch.call.funding import Funding, Share
from vosswitch.cdr.journal import Position
from vosswitch.cdr.record import Cdr, Charge
from vosswitch.model.rating import Terms
from vosswitch.recorder.granting import Granting
from vosswitch.recorder.service import RecorderService
from vosswitch.store import charges, grants, nodes
from vosswitch.store.charges import Batch
from vosswitch.store.database import Database
from vosswitch.store.schema import account, account_grant, change_seq, ledger, metadata
from vosswitch.store.schema import journal_position as positions

INCREMENT = next(mode for mode in BUILT_IN if mode.name == "increment")
STEP = 1000
"""A fee's rounding step; the amounts of this model are small multiples of it."""
ACCOUNTS = ("a", "b")
MOSTLY = ("a", "a", "a", "b")
NODES = (0, 1, 2)
RATES = ("0.6", "1.2", "6")
DAY = "20261026"


class Shared(Database):
    """A file in memory that claims to be a server: several nodes work on it."""

    __slots__ = ()

    @property
    def is_sqlite(self):
        return False


def database():
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    metadata.create_all(engine)
    return Shared("sqlite://", engine)


class Node:
    """One node; *journal* is what its disk has: end records, the first *drained* of them are in the database."""

    def __init__(self, world, number):
        self.world, self.number = world, number
        self.journal = []
        self.written = 0
        self.up = False

    def record(self, charged):
        """An end record on the disk."""
        self.written += 1
        world = self.world
        world.flowno += 1
        self.journal.append((Position(1, self.written), world.flowno, charged))
        for number, amount in charged:
            world.fees[number] += amount
        return self.journal[-1]

    def start(self):
        """The switch starts, and its recorder."""
        self.up = True
        self.balances = Balances()
        self.calls = []
        self.service = RecorderService(
            None, None, lambda _: None, self.balances.told, self.balances.told, lambda: None, lambda _: None, None,
            on_recall=self.balances.give,
        )  # fmt: skip
        self.recorder()

    def recorder(self, grab=None):
        """The recorder starts: it drains what the journal has, and tells the switch.

        :param grab: an account of which a call takes all before anything is told.
        """
        self.to_switch, self.to_recorder = [], []
        self.service._linked(SimpleNamespace(send=lambda message: self.to_recorder.append(copied(message))))
        self.granting = Granting(
            self.world.database, self.number, lambda message: self.to_switch.append(copied(message)),
            self.committed, lambda: self.world.now / 1000, lambda: self.world.now,
        )  # fmt: skip
        while self.batch(3):
            pass
        with self.world.database.write() as connection:
            grants.seen(connection, self.number, f"n{self.number}", self.world.now)
        self.granting.begin()
        if grab is not None:
            self.grab(grab)
        self.granting.tell(None)
        self.hear_all()

    def grab(self, number):
        """A call takes all of an account that the switch thinks it has."""
        call = Funding([Share(self.balances, meter("6", 60), number, 0, bounded=True)])
        if call.open():
            call.extend(10_000_000)
            self.calls.append(call)

    def committed(self):
        with self.world.database.read() as connection:
            return charges.position(connection, self.number)

    def batch(self, count):
        """Write some records; what the accounts are like then, None when there is nothing to write."""
        before = self.committed()
        ends = [item for item in self.journal if item[0] > before][:count]
        if not ends:
            return None
        records = [end_record(flowno, charged) for _, flowno, charged in ends]
        with self.world.database.write() as connection:
            batch = Batch(records, before, tuple(ends[-1][0]), self.world.now)
            return charges.write_batch(connection, self.number, "n", batch, locking=True)

    def drain(self, count, *, tell):
        spent = self.batch(count)
        if spent and tell:
            self.granting.send("drained", self.committed(), {key: row._asdict() for key, row in spent.items()})

    def hear(self, place=0, *, again=False):
        """The switch hears a message; *again*: it will come once more."""
        place = place % len(self.to_switch)
        message = self.to_switch[place] if again else self.to_switch.pop(place)
        self.service._heard(copied(message))

    def obey(self):
        """The recorder does what the switch asked for."""
        message = self.to_recorder.pop(0)
        if message["op"] == "want":
            self.granting.want(message["account"], message["amount"])
        elif message["op"] == "give":
            self.granting.give(message["accounts"])

    def hear_all(self):
        while self.to_switch:
            self.hear()

    def settle(self):
        """Everything that is under way arrives."""
        for _ in range(50):
            self.hear_all()
            if not self.to_recorder:
                return
            self.obey()

    def end(self, call, seconds):
        """A call ends."""
        self.calls.remove(call)
        funded = call.funded_ms
        ms = None if seconds is None else min(seconds * 1000, funded if funded is not None else seconds * 1000)
        charged = [(paid.account, paid.fee.fee) for paid in call.settle(ms)]
        position, flowno, _ = self.record(summed(charged))
        cdr = Cdr(flowno, DAY, 0, 0)
        cdr.charges = [Charge(number, amount, "call") for number, amount in charged if amount]
        self.service.note_end(position, cdr)

    def die(self, seconds):
        """The switch is killed; what its calls cost is found in the journal by the next start."""
        for call in self.calls:
            held = dict.fromkeys(ACCOUNTS, 0)
            for share in call.shares:
                held[share.account] += min(share.meter.fee(seconds * 1000).fee, share.reserved)
            self.record([(number, amount) for number, amount in held.items() if amount])
        self.calls = []
        self.up = False


def end_record(flowno, charged):
    """As the journal has it."""
    cdr = Cdr(flowno, DAY, 0, 0, hidden=True)
    cdr.charges = [Charge(number, amount, "call") for number, amount in charged]
    return orjson.loads(orjson.dumps(cdr))


def copied(message):
    return orjson.loads(orjson.dumps(message))


def summed(charged):
    sums = {}
    for number, amount in charged:
        if amount:
            sums[number] = sums.get(number, 0) + amount
    return list(sums.items())


class Reservations(RuleBasedStateMachine):
    """See the module."""

    def __init__(self):
        super().__init__()
        self.now = 1_793_000_000_000
        self.flowno = 0
        self.database = database()
        self.paid = dict.fromkeys(ACCOUNTS, 0)
        self.fees = dict.fromkeys(ACCOUNTS, 0)
        self.bound = dict.fromkeys(ACCOUNTS, 0)
        with self.database.write() as connection:
            connection.execute(change_seq.insert().values(id=1, seq=0))
            for number in ACCOUNTS:
                connection.execute(
                    account.insert().values(
                        number=number, name="", kind="ordinary", balance=0, overdraft_limit=0, granted=0,
                        anti_overdraft=True, locked=False, lock_reason="", created=0,
                    )
                )  # fmt: skip
        self.nodes = [Node(self, number) for number in NODES]

    @initialize(count=st.integers(1, 3), amount=st.integers(500, 3000))
    def begin(self, count, amount):
        for number in ACCOUNTS:
            self.book(number, amount * STEP)
        for node in self.nodes[:count]:
            node.start()

    def teardown(self):
        """At rest nothing is reserved or granted, and every unit is accounted for."""
        for node in self.nodes:
            for call in list(node.calls) if node.up else ():
                node.end(call, 5)
        for node in self.nodes:
            if not node.up:
                while node.batch(10):
                    pass
                with self.database.write() as connection:
                    nodes.release(connection, node.number)
                continue
            node.settle()
            while node.drain(10, tell=True) or node.batch(1):
                pass
            node.granting.tell(None)
            node.settle()
            for number in node.balances:
                purse = node.balances.state(number)
                assert (purse.reserved, purse.undrained, purse.giving) == (0, 0, 0), number
            with self.database.write() as connection:
                grants.release(connection, node.number)
        for number, row in self.rows().items():
            assert row.granted == 0
            assert row.balance == self.paid[number] - self.fees[number]
            assert row.balance >= -self.bound[number]
        self.database.engine.dispose()

    # What is seen from outside.

    def rows(self):
        with self.database.read() as connection:
            return {row.number: row for row in connection.execute(select(account))}

    def pick(self, place):
        up = [node for node in self.nodes if node.up]
        return up[place % len(up)] if up else None

    # Calls.

    @precondition(lambda self: any(node.up for node in self.nodes))
    @rule(
        place=st.integers(0, 2),
        number=st.sampled_from(MOSTLY),
        other=st.sampled_from((None, None, *ACCOUNTS)),
        rate=st.sampled_from(RATES),
        slice_s=st.sampled_from((1, 6, 60)),
    )
    def call(self, place, number, other, rate, slice_s):
        node = self.pick(place)
        shares = [Share(node.balances, meter(rate, slice_s), number, 0, bounded=True)]
        if other is not None:
            shares.append(Share(node.balances, meter("0.6", slice_s), other, 0, bounded=True, kind="agent"))
        call = Funding(shares)
        if call.open():
            node.calls.append(call)
        for wanted, amount, _ in call.wants():
            node.service.want(wanted, amount)

    @precondition(lambda self: any(node.up and node.calls for node in self.nodes))
    @rule(
        place=st.integers(0, 2),
        which=st.integers(0, 9),
        seconds=st.integers(0, 90),
        rate=st.sampled_from((None, *RATES)),
    )
    def extend(self, place, which, seconds, rate):
        node = self.pick(place)
        if node.calls:
            call = node.calls[which % len(node.calls)]
            if rate is not None:
                call.reprice([(meter(rate, 6), "increment") for _ in call.shares])
            call.extend(seconds * 1000)

    @precondition(lambda self: any(node.up and node.calls for node in self.nodes))
    @rule(place=st.integers(0, 2), which=st.integers(0, 9), seconds=st.one_of(st.none(), st.integers(0, 200)))
    def hang_up(self, place, which, seconds):
        node = self.pick(place)
        if node.calls:
            node.end(node.calls[which % len(node.calls)], seconds)

    # Switch and recorder.

    @precondition(lambda self: any(node.up for node in self.nodes))
    @rule(place=st.integers(0, 2), count=st.integers(1, 4), tell=st.booleans())
    def drain(self, place, count, tell):
        """*tell* not: the word about it is lost, as when the recorder dies right then, or what follows says it all."""
        self.pick(place).drain(count, tell=tell)

    @precondition(lambda self: any(node.up for node in self.nodes))
    @rule(place=st.integers(0, 2), which=st.integers(0, 5), again=st.booleans())
    def hear(self, place, which, again):
        node = self.pick(place)
        if node.to_switch:
            node.hear(which, again=again)

    @precondition(lambda self: any(node.up for node in self.nodes))
    @rule(place=st.integers(0, 2))
    def hear_in_turn(self, place):
        self.pick(place).hear_all()

    @precondition(lambda self: any(node.up for node in self.nodes))
    @rule(place=st.integers(0, 2), again=st.booleans())
    def obey(self, place, again):
        """*again*: the recorder does it twice, as after a commit whose answer was lost."""
        node = self.pick(place)
        if node.to_recorder:
            if again:
                node.to_recorder.insert(0, copied(node.to_recorder[0]))
                node.obey()
            node.obey()

    @precondition(lambda self: any(node.up for node in self.nodes))
    @rule(place=st.integers(0, 2), number=st.sampled_from(MOSTLY), amount=st.integers(1, 5000), grab=st.booleans())
    def recall(self, place, number, amount, grab):
        """Others lack money; the switch hears of it behind whatever is under way, or before that."""
        node = self.pick(place)
        node.granting.recall({number: amount * STEP})
        recalls = [one for one in node.to_switch if one["op"] == "recall"]
        for one in recalls:
            node.to_switch.remove(one)
            node.service._heard(copied(one))
        if grab:
            node.grab(number)

    @precondition(lambda self: any(node.up and node.calls for node in self.nodes))
    @rule(place=st.integers(0, 2), number=st.sampled_from(MOSTLY))
    def grab(self, place, number):
        """A call takes all that its node thinks it has."""
        self.pick(place).grab(number)

    @precondition(lambda self: any(node.up for node in self.nodes))
    @rule(place=st.integers(0, 2), number=st.sampled_from(MOSTLY))
    def late(self, place, number):
        """What is said of an account is heard after a call was charged and that was told."""
        node = self.pick(place)
        node.granting.tell([number])
        said = node.to_switch.pop()
        if node.calls:
            node.end(node.calls[0], 30)
        node.drain(5, tell=True)
        node.hear_all()
        node.service._heard(said)
        node.grab(number)

    @precondition(lambda self: any(node.up for node in self.nodes))
    @rule(place=st.integers(0, 2), ms=st.sampled_from((10, 300, 2000)))
    def turn(self, place, ms):
        """What a recorder does by itself."""
        self.now += ms
        node = self.pick(place)
        with self.database.write() as connection:
            grants.seen(connection, node.number, "n", self.now)
        node.granting.look()
        node.granting.look_again()
        node.granting.settle()
        node.granting.tell(ACCOUNTS)

    # Deaths.

    @precondition(lambda self: any(node.up for node in self.nodes))
    @rule(place=st.integers(0, 2), grab=st.sampled_from((None, *ACCOUNTS)))
    def recorder_dies(self, place, grab):
        self.pick(place).recorder(grab)

    @precondition(lambda self: any(node.up for node in self.nodes))
    @rule(place=st.integers(0, 2), seconds=st.integers(0, 90))
    def switch_dies(self, place, seconds):
        self.pick(place).die(seconds)

    @precondition(lambda self: not all(node.up for node in self.nodes))
    @rule(place=st.integers(0, 2))
    def switch_starts(self, place):
        down = [node for node in self.nodes if not node.up]
        down[place % len(down)].start()

    @precondition(lambda self: not all(node.up for node in self.nodes))
    @rule(place=st.integers(0, 2))
    def recover(self, place):
        """A dead node's spool is replayed elsewhere."""
        down = [node for node in self.nodes if not node.up]
        node = down[place % len(down)]
        while node.batch(2):
            pass
        with self.database.write() as connection:
            nodes.release(connection, node.number)

    # Operators.

    @rule(number=st.sampled_from(MOSTLY), amount=st.integers(1, 3000))
    def pay(self, number, amount):
        self.book(number, amount * STEP)

    @rule(number=st.sampled_from(MOSTLY), amount=st.integers(1, 300))
    def take_back(self, number, amount):
        self.book(number, -amount * STEP)
        self.lowered(number)

    @rule(number=st.sampled_from(MOSTLY), limit=st.integers(0, 1000))
    def change_limit(self, number, limit):
        with self.database.write() as connection:
            connection.execute(update(account).where(account.c.number == number).values(overdraft_limit=limit * STEP))
        self.lowered(number)

    @precondition(lambda self: any(node.up for node in self.nodes))
    @rule(place=st.integers(0, 2), number=st.sampled_from(MOSTLY))
    def change_is_seen(self, place, number):
        node = self.pick(place)
        node.granting.refresh([number])
        node.granting.tell([number])

    def book(self, number, amount):
        self.paid[number] += amount
        with self.database.write() as connection:
            step = update(account).where(account.c.number == number)
            connection.execute(step.values(balance=account.c.balance + amount))

    def lowered(self, number):
        """What an operator takes away counts as far as it is not granted."""
        self.bound[number] = self.below(self.rows()[number])

    @staticmethod
    def below(row):
        """How far below zero the account can end by what is granted and what may be."""
        return max(row.overdraft_limit, row.granted - row.balance)

    # The promise.

    @invariant()
    def no_account_can_end_below_its_limit(self):
        with self.database.read() as connection:
            held = dict(
                connection.execute(
                    select(account_grant.c.account, func.sum(account_grant.c.amount)).group_by(account_grant.c.account)
                ).all()
            )
            done = {row.node: row.offset for row in connection.execute(select(positions))}
        for number, row in self.rows().items():
            assert row.granted == held.get(number, 0) >= 0
            assert self.below(row) <= self.bound[number], number
            self.bound[number] = self.below(row)
            owed = sum(
                amount
                for node in self.nodes
                for position, _, charged in node.journal
                if position.offset > done.get(node.number, 0)
                for account_number, amount in charged
                if account_number == number
            )
            owed += sum(
                share.reserved
                for node in self.nodes
                if node.up
                for call in node.calls
                for share in call.shares
                if share.account == number
            )
            assert row.balance - owed >= -self.bound[number], number

    @invariant()
    def no_node_holds_more_than_its_grant(self):
        with self.database.read() as connection:
            granted = {(row.node, row.account): row.amount for row in connection.execute(select(account_grant))}
            done = {row.node: row.offset for row in connection.execute(select(positions))}
        for node in self.nodes:
            if not node.up:
                continue
            for number in ACCOUNTS:
                reserved = sum(
                    share.reserved for call in node.calls for share in call.shares if share.account == number
                )
                owed = sum(
                    amount
                    for position, _, charged in node.journal
                    if position.offset > done.get(node.number, 0)
                    for account_number, amount in charged
                    if account_number == number
                )
                assert reserved + owed <= granted.get((node.number, number), 0)
                assert node.balances.state(number).reserved == reserved

    @invariant()
    def the_ledger_has_every_charge_once(self):
        with self.database.read() as connection:
            query = select(ledger.c.account, func.sum(ledger.c.amount)).group_by(ledger.c.account)
            sums = dict(connection.execute(query).all())
        for number, row in self.rows().items():
            assert row.balance == self.paid[number] + (sums.get(number) or 0)


def meter(rate, slice_s):
    return Meter(INCREMENT, Terms(rate), anti_overdraft=True, slice_ms=slice_s * 1000)


TestReservations = Reservations.TestCase
TestReservations.settings = settings(
    max_examples=150,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
