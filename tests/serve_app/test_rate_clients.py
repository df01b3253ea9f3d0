"""Whose address counts: the peer's, unless it is a proxy of ours."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from serve_app.client_address import address_of
from serve_app.rates.clients import UNKNOWN, came_by_https, client_of

PROXIES = [ip_network("10.0.0.0/8"), ip_network("2001:db8:aa::/48")]


def scope_of(peer: str | None, *forwarded: str) -> dict[str, Any]:
    headers = [(b"x-forwarded-for", one.encode("latin-1")) for one in forwarded]
    return {"type": "http", "client": peer and (peer, 5000), "headers": headers}


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("198.51.100.7", (), "198.51.100.7"),
        ("198.51.100.7", ("203.0.113.9",), "198.51.100.7"),  # who is no proxy says what it likes
        ("10.0.0.1", ("203.0.113.9",), "203.0.113.9"),
        ("10.0.0.1", ("192.0.2.66, 203.0.113.9",), "203.0.113.9"),  # the client wrote the first one itself
        ("10.0.0.1", ("192.0.2.66", "203.0.113.9, 10.0.0.2"), "203.0.113.9"),
        ("10.0.0.1", ("203.0.113.9, evil",), "10.0.0.1"),
        ("10.0.0.1", ("203.0.113.9:1234",), "203.0.113.9"),
        ("10.0.0.1", ("[2001:db8:1:2::3]:443",), "2001:db8:1:2::/64"),
        ("10.0.0.1", ("",), "10.0.0.1"),
        ("10.0.0.1", (",".join(["203.0.113.9"] * 5000 + ["203.0.113.10"]),), "203.0.113.10"),
        ("2001:db8:1:2:ffff::9", (), "2001:db8:1:2::/64"),  # one site has 2^64 of them
        ("::ffff:198.51.100.7", (), "198.51.100.7"),
        ("2001:db8:aa::1", ("203.0.113.9",), "203.0.113.9"),
        ("fe80::1%eth0", (), "fe80::/64"),
        (None, (), UNKNOWN),
        ("testclient", ("203.0.113.9",), UNKNOWN),
    ],
)
def test_the_nearest_address_that_is_no_proxy_of_ours_counts(
    peer: str | None, forwarded: tuple[str, ...], expected: str
) -> None:
    assert client_of(address_of(scope_of(peer, *forwarded), trusted=PROXIES)) == expected


def test_without_named_proxies_the_header_says_nothing() -> None:
    assert client_of(address_of(scope_of("127.0.0.1", "203.0.113.9"), trusted=())) == "127.0.0.1"


@pytest.mark.parametrize(
    ("peer", "said", "expected"),
    [("10.0.0.1", "https", True), ("10.0.0.1", "http", False), ("198.51.100.7", "https", False)],
)
def test_that_a_request_came_by_https_is_believed_of_a_proxy_of_ours_alone(
    peer: str, said: str, expected: bool
) -> None:
    scope = {**scope_of(peer), "scheme": "http", "headers": [(b"x-forwarded-proto", said.encode())]}
    assert came_by_https(scope, trusted=PROXIES) is expected
