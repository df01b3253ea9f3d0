"""From which address a request comes; what stands in headers is believed of the proxies that the operator names."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.datastructures import Headers
from starlette.types import Scope

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

_IPV6_SITE = 64
"""Prefix of one IPv6 site: whoever has one address of it has them all (RFC 6177)."""

_MOST_HOPS = 16
"""Addresses of X-Forwarded-For that are looked at, from the last: nobody has more proxies of their own."""

UNKNOWN = "unknown"
"""All who come without an address (a Unix socket) count as one."""


def address_of(scope: Scope, *, trusted: Sequence[Network]) -> Address | None:
    """The nearest address that is no trusted proxy.

    X-Forwarded-For is read from its end, and only as long as the hop that wrote an entry is trusted: what a client
    puts there itself stands further left. Where an entry is no address, the hop before it counts.
    """
    peer = _parsed((scope.get("client") or ("",))[0])
    if peer is None or not trusted or not _among(peer, trusted):
        return peer
    nearest = peer
    for entry in reversed(_hops(scope)):
        hop = _parsed(entry)
        if hop is None:
            break
        nearest = hop
        if not _among(hop, trusted):
            break
    return nearest


def came_by_https(scope: Scope, *, trusted: Sequence[Network]) -> bool:
    """Whether the request reached us, or the trusted proxy before us, over TLS."""
    if scope.get("scheme") == "https":
        return True
    peer = _parsed((scope.get("client") or ("",))[0])
    if peer is None or not trusted or not _among(peer, trusted):
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


def _hops(scope: Scope) -> list[str]:
    whole = ",".join(Headers(scope=scope).getlist("x-forwarded-for"))
    return whole.rsplit(",", _MOST_HOPS)[-_MOST_HOPS:] if whole else []


def _parsed(text: str) -> Address | None:
    text = text.strip()
    if text.startswith("["):  # [2001:db8::1]:443
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:  # 192.0.2.1:443
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _among(address: Address, networks: Sequence[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)
