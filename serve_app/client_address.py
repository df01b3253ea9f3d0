"""From which address a request comes; what stands in headers is believed of the proxies that the operator names."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from starlette.datastructures import Headers
from starlette.types import Scope

_MOST_HOPS = 16
"""Entries of X-Forwarded-For that are looked at, from the last: nobody has more proxies of their own."""


def address_of(scope: Scope, *, trusted: Sequence[IPv4Network | IPv6Network]) -> IPv4Address | IPv6Address | None:
    """The nearest address that is no trusted proxy; None where the connection has none (a Unix socket).

    X-Forwarded-For is read from its end, and only as long as the hop that wrote an entry is trusted: what a client puts
    there itself stands further left, and is never reached.
    """
    nearest = _parsed((scope.get("client") or ("",))[0])
    for entry in reversed(_hops(scope)):
        if nearest is None or not any(nearest in network for network in trusted):
            break
        hop = _parsed(entry)
        if hop is None:
            break
        nearest = hop
    return nearest


def _hops(scope: Scope) -> list[str]:
    whole = ",".join(Headers(scope=scope).getlist("x-forwarded-for"))
    return whole.rsplit(",", _MOST_HOPS)[-_MOST_HOPS:] if whole else []


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    text = text.strip()
    if text.startswith("["):  # [2001:db8::1]:443
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:  # 192.0.2.1:443
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address
