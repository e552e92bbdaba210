"""System parameters at run time: names, checks and the immutable snapshot that a call works with."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NoReturn

from vosswitch.params.declared import PARAMETERS
from vosswitch.params.kinds import Parameter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from decimal import Decimal


class BadParameter(ValueError):
    """A parameter that cannot be set so; its text is one line for the operator."""


class UnknownParameter(BadParameter):
    """No parameter of that name."""


class Registry:
    """The declared parameters, found by name or alias in any case; immutable."""

    __slots__ = ("_by_name", "_rows")

    def __init__(self, rows: Iterable[Parameter]) -> None:
        self._rows: dict[str, Parameter] = {}
        self._by_name: dict[str, Parameter] = {}
        for row in rows:
            for name in (row.name, *row.aliases):
                if self._by_name.setdefault(name.upper(), row) is not row:
                    raise BadParameter(f"{name}: declared twice")
            self._rows[row.name] = row

    def with_more(self, rows: Iterable[Parameter]) -> Registry:
        """These and further ones (of plugins).

        :raises BadParameter: a name is taken already, or a default does not fit its own type.
        """
        added = tuple(rows)
        larger = Registry((*self._rows.values(), *added))
        for row in added:
            larger.parse_value(row.name, row.default)
        return larger

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self._rows.values())

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, name: str) -> bool:
        return name.strip().upper() in self._by_name

    def find(self, name: str) -> Parameter:
        """The parameter of a name or alias.

        :raises UnknownParameter: there is none; the message names the nearest ones.
        """
        wanted = name.strip().upper()
        try:
            return self._by_name[wanted]
        except KeyError:
            near = get_close_matches(wanted, self._by_name, n=3, cutoff=0.7)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise UnknownParameter(f"{name.strip()[:80]}: no such parameter{hint}") from None

    def parse_value(self, name: str, text: str) -> Any:
        """The typed value of *text* for the parameter *name*.

        :raises BadParameter: unknown name, or a text that does not fit.
        """
        row = self.find(name)
        try:
            return row.kind.read(text.strip())
        except (ValueError, ArithmeticError):
            raise BadParameter(f"{row.name}: expected {row.kind.expected}, got {text[:80]!r}") from None

    def canonical(self, name: str, text: str) -> str:
        """*text* as it is stored and shown: ``"true"`` becomes ``"On"``.

        :raises BadParameter: as `parse_value`.
        """
        return self.find(name).kind.write(self.parse_value(name, text))

    def canonical_all(self, values: Mapping[str, str]) -> dict[str, str]:
        """Declared names with canonical texts; checked one by one and together.

        :raises BadParameter: the first that does not fit, or a name given twice (by an alias).
        """
        texts: dict[str, str] = {}
        for name, text in values.items():
            declared = self.find(name).name
            if declared in texts:
                raise BadParameter(f"{declared}: set twice (by an alias)")
            texts[declared] = self.canonical(declared, text)
        self._check_fee_unit(texts)
        return texts

    def check_all(self, values: Mapping[str, str]) -> None:
        """Check a whole set of values, also against each other; what is missing has its default.

        :raises BadParameter: the first that does not fit.
        """
        self.canonical_all(values)

    def _check_fee_unit(self, values: Mapping[str, str]) -> None:
        unit_row, places_row = self.find("SERVER_BILLING_FEE_UNIT"), self.find("SERVER_BILLING_FEE_PRECISTION")
        unit: Decimal = unit_row.kind.read(values.get(unit_row.name, unit_row.default))
        places: int = places_row.kind.read(values.get(places_row.name, places_row.default))
        if unit.scaleb(places) % 1:
            raise BadParameter(
                f"{unit_row.name}: expected a multiple of 10^-{places_row.name} (10^-{places}), got {unit:f}"
            )


DECLARED = Registry(PARAMETERS)
"""What the product itself declares."""

parse_value = DECLARED.parse_value
canonical = DECLARED.canonical
check_all = DECLARED.check_all


class Parameters(dict[str, Any]):
    """The parameters in force, an immutable snapshot: ``p["SS_MAX_CPS"]`` is the typed value, read at a dict's speed.

    :param values: name to text, what was set; the rest has its default.  A name that nothing declares (of a plugin
        that is gone) is left aside in *unknown*.
    :param registry: what is declared.
    :raises BadParameter: a text that does not fit, alone or with the others.
    """

    __slots__ = ("_set", "registry", "unknown")

    def __init__(self, values: Mapping[str, str] | None = None, registry: Registry = DECLARED) -> None:
        given = values or {}
        self.registry = registry
        self.unknown = tuple(name for name in given if name not in registry)
        self._set = registry.canonical_all({name: text for name, text in given.items() if name in registry})
        super().__init__({row.name: row.kind.read(self._set.get(row.name, row.default)) for row in registry})

    def _is_immutable(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("parameters in force do not change: with_values makes others")

    __setitem__ = __delitem__ = __ior__ = _is_immutable
    update = pop = popitem = clear = setdefault = _is_immutable

    def text(self, name: str) -> str:
        """The canonical text in force of a parameter or alias.

        :raises UnknownParameter: no such name.
        """
        row = self.registry.find(name)
        return self._set.get(row.name, row.default)

    def source(self, name: str) -> str:
        """``"set"`` or ``"default"``.

        :raises UnknownParameter: no such name.
        """
        return "set" if self.registry.find(name).name in self._set else "default"

    def with_values(self, changes: Mapping[str, str | None]) -> Parameters:
        """A new snapshot with *changes*; None = back to the default.

        :raises BadParameter: an unknown name, or a text that does not fit.
        """
        texts = dict(self._set)
        for name, text in changes.items():
            declared = self.registry.find(name).name
            if text is None:
                texts.pop(declared, None)
            else:
                texts[declared] = text
        return Parameters(texts, self.registry)
