"""Where the farm may send what users ask it to send: webhooks, notices, deliveries. The guard against request forgery.

A user names an address; the farm connects from inside the network. So the name is resolved once, every address that it
has is judged here, and the caller connects to one of *those*: a name that means another machine a moment later
("DNS rebinding") changes nothing. Addresses are judged by what the IANA special-purpose registries
(RFC 6890, RFC 8190) call global; within IPv6 only global unicast counts, without the ranges that hide an IPv4 address.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from jobs.errors import InvalidInput
from jobs.settings import FarmSettings

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""(host, port) -> its addresses as text. Raises ``OSError`` where it has none."""

MAX_URL = 2048
"""Characters of an address; longer ones break proxies and logs."""

_V4_SPECIAL = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
            "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        ),
    )
)  # fmt: skip
_V6_GLOBAL = IPv6Network("2000::/3")
_V6_SPECIAL = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")))
"""Of global unicast: Teredo and other protocols, documentation, 6to4. What hides an IPv4 address in another way
(IPv4-mapped, NAT64) is outside of it."""

_METADATA = frozenset(
    map(ip_address, ("169.254.169.254", "169.254.170.2", "100.100.100.200", "fd00:ec2::254", "fd20:ce::254"))
)
"""Where clouds hand out a machine's credentials: no setting opens these."""

_HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*", re.ASCII)
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*", re.ASCII)
_NAT64 = IPv6Network("64:ff9b::/96")

_RESOLVERS = 128
"""Threads that wait for name servers, apart from those of the rest of the process: a name that is never answered holds
one for as long as the system's resolver is patient (some 10 to 30 s)."""


class EgressRefused(InvalidInput):
    """The farm does not send anything to this address."""

    code = "address-refused"


class EgressSettings(FarmSettings):
    """Read from ``RAYFARM_EGRESS_*``: where webhooks, and whatever else users name an address for, may go."""

    model_config = SettingsConfigDict(env_prefix="RAYFARM_EGRESS_", frozen=True)

    allow_http: bool = False
    """Send to http:// addresses too: who listens on the way reads it, though signatures still tell what was changed."""

    ports: tuple[Annotated[int, Field(ge=1, le=65_535)], ...] = (80, 443, 8080, 8443)
    """Ports that may be reached: those of web servers, so that the farm is nobody's port scanner. In
    ``allowed_networks`` any."""

    allowed_networks: tuple[Network, ...] = ()
    """Networks in CIDR notation that may be reached although they are not public, for receivers inside the
    house: `["10.20.0.0/24"]`. Name no more than those: whoever manages a project may post to anything there, and
    reads the beginning of what it answers. Addresses of cloud metadata services stay closed whatever stands here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """An address that was taken apart and found well-formed."""

    url: str
    """Rebuilt from its parts: what was judged is what is used."""
    scheme: str
    host: str
    """In lower case; an IPv6 address without brackets."""
    port: int

    @property
    def authority(self) -> str:
        """For the Host header: the port only where it is not the scheme's own."""
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return shown if self.port == _default_port(self.scheme) else f"{shown}:{self.port}"


class Egress:
    """Judges addresses and resolves names. One per process."""

    def __init__(self, settings: EgressSettings | None = None, *, resolve: Resolve | None = None) -> None:
        """``resolve``: for tests; the system's resolver where it is not given."""
        self.settings = settings or EgressSettings()
        self._resolve = resolve or _system_resolver()

    def parse(self, url: str, *, field: str = "url") -> Destination:
        """Take an address apart. Raises ``EgressRefused`` where its form alone, or the address in it, forbids it."""
        destination = _parse(url, field=field)
        if destination.scheme == "http" and not self.settings.allow_http:
            raise _refused(
                "It begins with http://, so that anybody on the way could read what is sent.",
                field=field,
                remedy="Use https://; an operator may allow http:// by RAYFARM_EGRESS_ALLOW_HTTP.",
            )
        address = _as_address(destination.host)
        if address is not None:
            self.require_allowed(address, destination.port, field=field)
        elif not self.settings.allowed_networks:
            self._require_port(destination.port, field)
        return destination

    async def resolve(self, destination: Destination) -> list[str]:
        """The addresses of its host, asked for once and each of them allowed: connect to one of these and no other.

        Raises ``EgressRefused``, ``OSError`` for a name that has no address.
        """
        found = await self._resolve(destination.host, destination.port)
        addresses = [ip_address(each) for each in dict.fromkeys(found)]  # with a zone id where it has one
        if not addresses:
            raise OSError(f"{destination.host} has no address.")
        for address in addresses:
            self.require_allowed(address, destination.port)
        return [str(each) for each in addresses]

    def require_allowed(self, address: Address, port: int, *, field: str = "url") -> None:
        """Raises ``EgressRefused``. It does not tell the address: a user learns nothing of the network inside."""
        embedded = _embedded(address)
        if address in _METADATA or embedded in _METADATA:
            raise _refused("It leads to a cloud's metadata service.", field=field)
        if any(address in network for network in self.settings.allowed_networks):
            return
        if not _is_public(address):
            raise _refused(
                "It leads to an address that is not public.",
                field=field,
                remedy="Use a public receiver; an operator may allow a network by RAYFARM_EGRESS_ALLOWED_NETWORKS.",
            )
        self._require_port(port, field)

    def _require_port(self, port: int, field: str) -> None:
        if port not in self.settings.ports:
            raise _refused(
                f"It names port {port}.",
                field=field,
                remedy=f"Use one of {', '.join(map(str, self.settings.ports))}; "
                "an operator may allow others by RAYFARM_EGRESS_PORTS.",
            )


def _parse(url: str, *, field: str) -> Destination:
    if len(url) > MAX_URL or re.search(r"[^\x21-\x7e]|\\", url):
        raise _refused(
            f"It is longer than {MAX_URL} characters, or holds blanks, backslashes or letters beyond ASCII.",
            field=field,
            remedy="Write names in punycode and other letters in percent encoding.",
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _refused("It is not a URL.", field=field) from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise _refused(
            "It is not an https:// URL.", field=field, remedy="Write it like https://hooks.example.org/farm."
        )
    if "@" in parts.netloc:
        raise _refused("It holds a user name or a password.", field=field, remedy="Check the signature instead.")
    if "#" in url:
        raise _refused("It has a fragment, which is never sent.", field=field)
    host = _host_of(parts.hostname, field, in_brackets="[" in parts.netloc)
    port = _default_port(parts.scheme) if port is None else port
    shown = f"[{host}]" if ":" in host else host
    authority = shown if port == _default_port(parts.scheme) else f"{shown}:{port}"
    rebuilt = f"{parts.scheme}://{authority}{parts.path or '/'}" + (f"?{parts.query}" if parts.query else "")
    return Destination(url=rebuilt, scheme=parts.scheme, host=host, port=port)


def _host_of(host: str, field: str, *, in_brackets: bool) -> str:
    if in_brackets:
        try:
            if "%" in host:  # a zone: which of this machine's networks
                raise ValueError
            return str(IPv6Address(host))
        except ValueError as error:
            raise _refused("Its host is not an IPv6 address, or has a zone.", field=field) from error
    host = host.removesuffix(".")
    if len(host) > 253 or _HOST.fullmatch(host) is None:
        raise _refused("Its host is not a name or an IP address.", field=field)
    if _NUMBER.fullmatch(host.rpartition(".")[2]):  # what resolvers read as an address: 2130706433, 0x7f.1, 0177.0.0.1
        try:
            return str(IPv4Address(host))
        except ValueError as error:
            raise _refused(
                "Its host is an IP address in an odd spelling.", field=field, remedy="Write four decimal numbers."
            ) from error
    return host


def _as_address(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _V4_SPECIAL)
    return address.scope_id is None and address in _V6_GLOBAL and not any(address in network for network in _V6_SPECIAL)


def _embedded(address: Address) -> IPv4Address | None:
    """The IPv4 address inside an IPv6 one."""
    if isinstance(address, IPv4Address):
        return None
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


def _default_port(scheme: str) -> int:
    return 443 if scheme == "https" else 80


def _refused(why: str, *, field: str, remedy: str | None = None) -> EgressRefused:
    return EgressRefused(f"The farm sends nothing to this address. {why}", field=field, remedy=remedy)


def _system_resolver() -> Resolve:
    threads = ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="egress-dns")

    async def resolve(host: str, port: int) -> list[str]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(threads, _ask, host, port)
        return [str(address[0]) for *_, address in found]

    return resolve


def _ask(host: str, port: int) -> list[tuple[object, object, object, str, tuple[object, ...]]]:
    return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
