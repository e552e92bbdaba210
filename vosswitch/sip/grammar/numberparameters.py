"""Parameters of a called number (RFC 3966, 4694, 4904): no part of it, passed on where both gateways say so."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from vosswitch.model.signals import Headers
    from vosswitch.sip.grammar.uri import Uri

NAMES = ("npdi", "rn", "rn-context", "cic", "cic-context", "phone-context", "isub", "ext", "postd", "tgrp",
         "trunk-context", "dai", "cpc", "oli")  # fmt: skip
"""Those that may pass."""
_LONGEST = 64
_SAFE = "-_.!~*'()&$+/"


def read_parameters(uri: Uri, names: tuple[str, ...]) -> Headers:
    """Of the parameters behind the number, those that *names* lets in; a value of "" = there is none."""
    if uri.scheme == "tel":
        found = [(name, value or "") for name, value in uri.params.items()]
    else:
        parts = [part.partition("=") for part in uri.user.split(";")[1:]]
        found = [(name.lower(), value) for name, _, value in parts]
    fit = [(name, value) for name, value in found if name in names and len(value) <= _LONGEST and value.isprintable()]
    return tuple(dict(fit).items())


def parameters_text(parameters: Headers, names: tuple[str, ...]) -> str:
    """Those of them that *names* lets out, escaped, as they stand behind the number in a user part."""
    kept = [(name, value) for name, value in parameters if name in names]
    return "".join(
        [f";{name}={quote(value, safe=_SAFE, errors='replace')}" if value else f";{name}" for name, value in kept]
    )
