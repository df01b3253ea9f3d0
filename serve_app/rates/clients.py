"""What counts as one client, and what is believed of proxies."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from starlette.datastructures import Headers
from starlette.types import Scope

from serve_app.client_address import address_of

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

_IPV6_SITE = 64
"""Prefix of one IPv6 site: whoever has one address of it has them all (RFC 6177)."""

UNKNOWN = "unknown"
"""All who come without an address (a Unix socket) count as one."""


def came_by_https(scope: Scope, *, trusted: Sequence[Network]) -> bool:
    """Whether the request reached us, or the trusted proxy before us, over TLS."""
    if scope.get("scheme") == "https":
        return True
    peer = address_of(scope, trusted=())
    if peer is None or not _among(peer, trusted):
        return False
    return Headers(scope=scope).get("x-forwarded-proto", "").strip().lower() == "https"


def client_of(address: Address | None) -> str:
    """What counts as one client: an IPv4 address, or the site of an IPv6 one."""
    if address is None:
        return UNKNOWN
    if isinstance(address, IPv6Address):
        return str(ip_network((address, _IPV6_SITE), strict=False))
    return str(address)


def is_exempt(address: Address | None, exempt: Sequence[Network]) -> bool:
    return address is not None and _among(address, exempt)


def _among(address: Address, networks: Sequence[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)
