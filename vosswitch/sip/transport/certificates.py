"""Names in certificates: whom one proves (RFC 5922 section 7), and which one to show (SNI)."""

from __future__ import annotations

from ipaddress import ip_address
from typing import NamedTuple

from cryptography import x509

from vosswitch.sip.grammar.uri import BadMessage, parse_uri


class Names(NamedTuple):
    """What the subjectAltName of a certificate says, lower case."""

    domains: frozenset[str]
    addresses: frozenset[str]

    def bear(self, name: str) -> bool:
        """Whether they prove *name*: compared as a whole, a wildcard proves only itself (RFC 5922 section 7.2)."""
        name = name.lower().rstrip(".")
        return name in self.addresses if is_address(name) else name in self.domains

    def __str__(self) -> str:
        return ", ".join(sorted(self.domains | self.addresses)) or "no name"


def is_address(text: str) -> bool:
    """Whether it is an IP literal."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def names_of(certificate: x509.Certificate) -> Names:
    """SIP domains (``URI:sip:example.com``) if there are any, else DNS names (RFC 5922 section 7.1); and addresses."""
    names = _alternatives(certificate)
    if names is None:
        return Names(frozenset(), frozenset())
    uris = {host for uri in names.get_values_for_type(x509.UniformResourceIdentifier) if (host := _sip_domain(uri))}
    addresses = {str(found) for found in names.get_values_for_type(x509.IPAddress)}
    addresses |= {host for host in uris if is_address(host)}
    domains = uris - addresses or {name.lower() for name in names.get_values_for_type(x509.DNSName)}
    return Names(frozenset(domains), frozenset(addresses))


def server_names(certificate: x509.Certificate) -> frozenset[str]:
    """The DNS names that a client may ask for to be shown this certificate, ``*.example.com`` among them."""
    names = _alternatives(certificate)
    found = names.get_values_for_type(x509.DNSName) if names is not None else []
    return frozenset(name.lower() for name in found)


def wildcard_of(name: str) -> str:
    """The wildcard that covers a name: ``*.example.com`` for ``a.example.com``."""
    return "*." + name.partition(".")[2]


def _alternatives(certificate: x509.Certificate) -> x509.SubjectAlternativeName | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError, x509.DuplicateExtension):
        return None


def _sip_domain(text: str) -> str:
    """The host of a ``sip:`` URI without a user part; "" for anything else."""
    if not text.lower().startswith("sip:") or "@" in text:
        return ""
    try:
        return parse_uri(text).host.lower()
    except BadMessage:
        return ""
