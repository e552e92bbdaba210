"""The quality of all routing gateways as it is now: ASR, NER and PDD of their attempts, ACD of their answered calls.

Per gateway, and per gateway and destination.  An attempt counts once, for its gateway, when its outcome is known; a
call counts for the ACD when it ends.  Times are monotonic seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from vosswitch.routing.quality import Window

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

    from vosswitch.model.causes import Cause
    from vosswitch.routing.conduct import Conduct

GENERATION = 8192
"""Pairs of gateway and destination in the younger of two generations: no more than twice as many are known."""
_SHED = 4
"""Pairs of the oldest generation that go with each new one."""

_OF_THE_SWITCH = frozenset(
    {
        "no_answer",
        "response_timeout",
        "connection_timeout",
        "codec_mismatch",
        "protocol_error",
        "rtp_timeout",
        "caller_abandoned",
    }
)
_EFFECTIVE_REASONS = frozenset({"busy", "no_answer"})
_EFFECTIVE_CODES = frozenset({480, 603})


class Figures(NamedTuple):
    """The quality of a window, with two decimals; None = there is no value.

    :ivar asr: answer-seizure ratio, percent: the mean of the segments.
    :ivar ner: network effectiveness ratio (ITU-T E.425), percent of all attempts.
    :ivar pdd_ms: mean post dial delay of the attempts that rang, progressed or were answered.
    :ivar acd: average call duration, seconds; *calls* are the answered calls that ended.
    """

    attempts: int = 0
    asr: float | None = None
    ner: float | None = None
    pdd_ms: int | None = None
    calls: int = 0
    acd: float | None = None


NOTHING = Figures()


def counts(reached: Cause) -> bool:
    """Whether an attempt that ended so says anything of its gateway; not one that we ended for a reason of our own."""
    return reached.code > 0 or reached.reason in _OF_THE_SWITCH


def effective(reached: Cause, rang: bool) -> bool:
    """Whether the network did its part in an attempt that was not answered (ITU-T E.425).

    The callee was busy, did not answer, could not be reached at his place (480) or declined (603), or the caller gave
    up while it rang.

    :param rang: the callee's side rang or progressed.
    """
    if reached.reason == "caller_abandoned":
        return rang
    return reached.reason in _EFFECTIVE_REASONS or reached.code in _EFFECTIVE_CODES


def destination(prefix: str, callee: str, digits: int) -> str:
    """What a call counts for: the gateway's prefix that matched, or so many digits of the callee if that is longer."""
    return prefix if len(prefix) >= digits else callee[:digits]


class Spans(NamedTuple):
    """Length, s, and segments of both windows."""

    seconds: int
    segments: int
    acd_seconds: int
    acd_segments: int


class Gauge:
    """Both windows of one gateway, or of its calls to one destination.

    The running segments are added to in place; what the others come to is kept until the next segment begins.
    """

    __slots__ = ("_attempts", "_closed", "_figures", "_row", "_spans", "_stale", "_talk", "_talked", "_talks", "_until")

    def __init__(self) -> None:
        self._spans: Spans | None = None
        self._until = 0.0
        self._attempts = self._talk = _NONE
        self._row, self._talks = [0] * 5, [0, 0]
        self._closed = self._talked = _CLOSED
        self._figures = NOTHING
        self._stale = False

    def attempt(self, spans: Spans, now: float, answered: bool, good: bool, pdd_ms: int | None) -> None:
        """Count an attempt.

        :param good: the network did its part; *pdd_ms*: None = it has none.
        """
        if now >= self._until or spans is not self._spans:
            self._roll(spans, now)
        row = self._row
        row[1] += 1
        if answered:
            row[0] += 1
        if good:
            row[2] += 1
        if pdd_ms is not None:
            row[3] += pdd_ms
            row[4] += 1
        self._stale = True

    def call(self, spans: Spans, now: float, talk_ms: int) -> None:
        """Count a call that was answered and is over."""
        if now >= self._until or spans is not self._spans:
            self._roll(spans, now)
        self._talks[0] += talk_ms
        self._talks[1] += 1
        self._stale = True

    def recall(self, spans: Spans, now: float, at: float, counted: Sequence[int]) -> None:
        """Count what happened at an earlier time.

        :param counted: answered, attempts, good, sum of PDD and how many had one; talk time, ms, and ended calls.
        """
        if spans is not self._spans:
            self._roll(spans, now)
        if counted[1]:
            self._attempts.put(at, counted[:5])
        if counted[6]:
            self._talk.put(at, counted[5:])
        self._until = float("-inf")

    def figures(self, spans: Spans, now: float) -> Figures:
        """What the windows say; worked out once for each event or segment."""
        if now >= self._until or spans is not self._spans:
            self._roll(spans, now)
        if self._stale:
            self._stale = False
            self._figures = self._worked_out()
        return self._figures

    def _roll(self, spans: Spans, now: float) -> None:
        """A segment begins, or the windows have become others."""
        if self._spans is None:
            self._attempts = Window(spans.seconds, spans.segments)
            self._talk = Window(spans.acd_seconds, spans.acd_segments)
        elif spans is not self._spans:
            self._attempts.fit(spans.seconds, spans.segments)
            self._talk.fit(spans.acd_seconds, spans.acd_segments)
        self._spans = spans
        self._row, rows = self._attempts.running(now, 5)
        self._talks, talks = self._talk.running(now, 2)
        self._until = min(self._attempts.ends(now), self._talk.ends(now))
        ratios = [100 * row[0] / row[1] for row in rows if row[1]]
        self._closed = (sum(ratios), len(ratios), *[sum([row[at] for row in rows]) for at in range(1, 5)])
        self._talked = (sum([row[0] for row in talks]), sum([row[1] for row in talks]))
        self._stale = True

    def _worked_out(self) -> Figures:
        ratios, segments, attempts, good, pdd_ms, rang = self._closed
        answered, new, more, later, rings = self._row
        if new:
            ratios, segments = ratios + 100 * answered / new, segments + 1
        attempts, rang = attempts + new, rang + rings
        calls = self._talked[1] + self._talks[1]
        if not attempts and not calls:
            return NOTHING
        return Figures(
            int(attempts),
            round(ratios / segments, 2) if segments else None,
            round(100 * (good + more) / attempts, 2) if attempts else None,
            round((pdd_ms + later) / rang) if rang else None,
            int(calls),
            round((self._talked[0] + self._talks[0]) / calls / 1000, 2) if calls else None,
        )


_NONE = Window(1, 1)
_CLOSED: tuple[float, ...] = (0,) * 6


class Pairs:
    """Gauges by gateway and destination in two generations: who is not heard of falls out, whoever calls what.

    A pair that counts is kept for one whole *period* at least, while there is room.
    """

    __slots__ = ("_dying", "_old", "_turns", "_young")

    def __init__(self) -> None:
        self._young: dict[tuple[str, str], Gauge] = {}
        self._old: dict[tuple[str, str], Gauge] = {}
        self._dying: dict[tuple[str, str], Gauge] = {}
        self._turns = 0.0

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def get(self, key: tuple[str, str]) -> Gauge | None:
        """The gauge of a pair that is known."""
        return self._young.get(key) or self._old.get(key)

    def gauge(self, key: tuple[str, str], now: float, period: float) -> Gauge:
        """The gauge of a pair, to count with."""
        found = self._young.get(key)
        if found is not None:
            return found
        if len(self._young) >= GENERATION or now >= self._turns:
            self._dying, self._old, self._young = self._old, self._young, {}
            self._turns = now + period
        for _ in range(min(_SHED, len(self._dying))):  # all at once would hold up a call
            self._dying.popitem()
        known = self._old.get(key)
        if known is None:
            known = Gauge()
        else:
            del self._old[key]
        self._young[key] = known
        return known

    def of(self, gateway: str | None) -> Iterator[tuple[str, str, Gauge]]:
        """Gateway, destination and gauge of all pairs, or of those of one gateway."""
        for known in (self._young, self._old):
            for (name, destination), gauge in list(known.items()):
                if gateway is None or name == gateway:
                    yield name, destination, gauge


class Gauges:
    """All gateways of this node; they outlive every configuration.

    :ivar pairs: those by gateway and destination.
    """

    __slots__ = ("_acd", "_asr", "_digits", "_gateways", "_parameters", "_spans", "pairs")

    def __init__(self) -> None:
        self._parameters: Any = None
        self._asr = self._acd = False
        self._digits = 0
        self._spans = Spans(600, 10, 600, 10)
        self._gateways: dict[str, Gauge] = {}
        self.pairs = Pairs()

    def __len__(self) -> int:
        """Gateways of which something is known."""
        return len(self._gateways)

    def follow(self, parameters: Any) -> None:
        """Take the parameters in force; costs nothing while they are the same."""
        if parameters is self._parameters:
            return
        self._parameters = parameters
        self._asr = parameters["SS_GATEWAY_ASR_CALCULATE"]
        self._acd = parameters["SS_GATEWAY_ACD_CALCULATE"]
        self._digits = parameters["VS_GATEWAY_QUALITY_DIGITS"]
        spans = Spans(
            parameters["SS_GATEWAY_ASR_RESERVE_TIME"],
            parameters["SS_GATEWAY_ASR_RESERVE_SEPARATE"],
            parameters["SS_GATEWAY_ACD_RESERVE_TIME"],
            parameters["SS_GATEWAY_ACD_RESERVE_SEPARATE"],
        )
        if spans != self._spans:  # gauges go by its identity
            self._spans = spans

    def keep(self, names: Container[str]) -> None:
        """Forget gateways that are configured no more; their pairs fall out by themselves."""
        for name in [name for name in self._gateways if name not in names]:
            del self._gateways[name]

    def destination(self, prefix: str, callee: str) -> str:
        """What a call counts for, with VS_GATEWAY_QUALITY_DIGITS (`destination`)."""
        return destination(prefix, callee, self._digits)

    def counted(self, conduct: Conduct) -> tuple[bool, bool]:
        """Whether a gateway's attempts are counted, and whether the lengths of its calls are."""
        judged = conduct.thresholds is not None
        asr, acd = self._asr if conduct.asr is None else conduct.asr, self._acd if conduct.acd is None else conduct.acd
        return judged or asr, judged or acd

    # What happened.

    def attempt(
        self, gateway: str, conduct: Conduct, destination: str, now: float, reached: Cause | None, pdd_ms: int | None
    ) -> None:
        """An attempt has its outcome.

        :param reached: why it ended, None = it was answered.
        :param pdd_ms: None = it neither rang nor progressed nor was answered.
        """
        if not (self._asr if conduct.asr is None else conduct.asr) and conduct.thresholds is None:
            return
        answered = reached is None
        good = reached is None or effective(reached, pdd_ms is not None)
        for gauge in self._both(gateway, destination, now):
            gauge.attempt(self._spans, now, answered, good, pdd_ms)

    def call(self, gateway: str, conduct: Conduct, destination: str, now: float, talk_ms: int) -> None:
        """An answered call is over."""
        if not (self._acd if conduct.acd is None else conduct.acd) and conduct.thresholds is None:
            return
        for gauge in self._both(gateway, destination, now):
            gauge.call(self._spans, now, talk_ms)

    def recall(
        self, gateway: str, conduct: Conduct, destination: str, now: float, at: float, counted: Sequence[int]
    ) -> None:
        """Count what calls of an earlier run came to, at their time.

        :param counted: see `Gauge.recall`.
        """
        if conduct.thresholds is None:
            attempts = counted[:5] if (self._asr if conduct.asr is None else conduct.asr) else (0,) * 5
            counted = (*attempts, *(counted[5:] if (self._acd if conduct.acd is None else conduct.acd) else (0, 0)))
        if counted[1] or counted[6]:
            for gauge in self._both(gateway, destination, now):
                gauge.recall(self._spans, now, at, counted)

    def _both(self, gateway: str, destination: str, now: float) -> tuple[Gauge, Gauge]:
        found = self._gateways.get(gateway)
        if found is None:
            found = self._gateways[gateway] = Gauge()
        period = max(self._spans.seconds, self._spans.acd_seconds)
        return found, self.pairs.gauge((gateway, destination), now, period)

    # What routing and operators ask.

    def figures(self, gateway: str, now: float) -> Figures:
        """A gateway's quality over all its calls."""
        gauge = self._gateways.get(gateway)
        return NOTHING if gauge is None else gauge.figures(self._spans, now)

    def figures_to(self, gateway: str, destination: str, now: float) -> Figures:
        """Its quality to one destination."""
        gauge = self.pairs.get((gateway, destination))
        return NOTHING if gauge is None else gauge.figures(self._spans, now)

    def by_destination(self, gateway: str | None, now: float) -> Iterator[tuple[str, str, Figures]]:
        """Gateway, destination and quality of all pairs that still have any."""
        for name, destination, gauge in self.pairs.of(gateway):
            found = gauge.figures(self._spans, now)
            if found != NOTHING:
                yield name, destination, found

    def both(
        self, gateway: str, conduct: Conduct, now: float, prefix: str = "", callee: str = ""
    ) -> tuple[float | None, float | None]:
        """ASR and ACD for the order of gateways; None when none is to be calculated.

        :param prefix: of the gateway, that matched; *callee* as billed.
        """
        gauge = self._gateways.get(gateway)
        if gauge is None:
            return None, None
        asr = self._asr if conduct.asr is None else conduct.asr
        acd = self._acd if conduct.acd is None else conduct.acd
        found = gauge.figures(self._spans, now)
        ratio, length = found.asr, found.acd
        if conduct.sample:
            to = self.figures_to(gateway, self.destination(prefix, callee), now)
            ratio = to.asr if to.attempts >= conduct.sample else ratio
            length = to.acd if to.calls >= conduct.sample else length
        return ratio if asr else None, length if acd else None
