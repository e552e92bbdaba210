"""The dial plan language: rules ``source:target`` that transform one number.

Source: literal characters, ``?`` (any one digit), then at most one of ``*`` (takes the rest), ``Ln`` (at most n
characters follow), ``En`` (exactly n), ``Gn`` (more than n).  Target: alternatives separated by ``;``, each a range
``a-b`` or characters where ``?`` is a random digit, ``$`` the digit at that position of the matched part and ``*`` the
rest.  A backslash makes the next character literal.

Of the rules that match, the one with the longest literal part is applied; then the one with more characters before its
first ``?``; then E, L, G, none; of two L the smaller, of two G the larger; then the one written first.

>>> parse_plan("00:,0:44").apply("02079460000", Random(1))
'442079460000'
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vosswitch.numbers.plantext import BadDialPlan, read_rule

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

    from vosswitch.numbers.rule import Rule

__all__ = ["NO_PLAN", "BadDialPlan", "DialPlan", "parse_plan"]

_SEPARATORS = re.compile(r"[,\s]+")


class DialPlan:
    """A list of rules, immutable; false when it has none and changes nothing.

    :ivar rules: in the written order.
    :ivar text: canonical text, rules separated by commas.
    :ivar warnings: one line each for what is legal but dangerous.
    """

    __slots__ = ("_levels", "rules", "text", "warnings")

    def __init__(self, rules: Iterable[Rule] = (), warnings: Iterable[str] = ()) -> None:
        self.rules = tuple(rules)
        self.text = ",".join(map(str, self.rules))
        self.warnings = tuple(warnings)
        levels: dict[tuple[int, int], dict[str, list[Rule]]] = {}
        for rule in sorted(self.rules, key=lambda rule: rule.rank):
            level = levels.setdefault((rule.length, len(rule.lead)), {})
            level.setdefault(rule.lead, []).append(rule)
        # One level per pair of lengths, in the order of choice; in it the rules by what they begin with.
        self._levels = tuple(
            (length, lead, {start: tuple(found) for start, found in level.items()})
            for (length, lead), level in levels.items()
        )

    def __bool__(self) -> bool:
        return bool(self.rules)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DialPlan) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"DialPlan({self.text!r})"

    def rule_for(self, number: str) -> Rule | None:
        """The rule that is applied to *number*; None when no rule matches."""
        size = len(number)
        for length, lead, level in self._levels:
            found = level.get(number[:lead])
            if found is None:
                continue
            follows = size - length
            for rule in found:
                if rule.least <= follows <= rule.most and (rule.tail is None or rule.tail.match(number, lead)):
                    return rule
        return None

    def apply(self, number: str, random: Random) -> str:
        """The number after the plan, unchanged when no rule matches; may be empty.  Never fails.

        :param random: where random digits and choices come from; asked only when a rule needs it.
        """
        rule = self.rule_for(number)
        return number if rule is None else rule.apply(number, random)


NO_PLAN = DialPlan()


def parse_plan(given: str | Iterable[tuple[str, str] | list[str]]) -> DialPlan:
    """Read a dial plan from its text (rules separated by comma, space or newline) or from source/target pairs.

    :raises BadDialPlan: the first thing that cannot be read, or a source that comes twice.
    """
    if isinstance(given, str):
        texts = [text for text in _SEPARATORS.split(given) if text]
    else:
        texts = [f"{source}:{target}" for source, target in given]
    if not texts:
        return NO_PLAN
    rules: dict[str, Rule] = {}
    warnings = []
    for number, text in enumerate(texts, 1):
        rule, warning = read_rule(number, text)
        if rule.source_text in rules:
            raise BadDialPlan(number, text, 1, "a source that no other rule has")
        rules[rule.source_text] = rule
        if warning:
            warnings.append(f"rule {number} ({rule}): {warning}")
    return DialPlan(rules.values(), warnings)
