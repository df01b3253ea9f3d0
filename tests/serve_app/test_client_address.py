"""A client's address is not what the client says it is."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from serve_app.client_address import address_of

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"), ip_network("127.0.0.1/32"))


def scope(peer: str | None, *forwarded: str) -> dict[str, Any]:
    headers = [(b"x-forwarded-for", each.encode("latin-1")) for each in forwarded]
    return {"type": "http", "headers": headers, "client": None if peer is None else (peer, 4711)}


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.9", (), "203.0.113.9"),
        ("203.0.113.9", ("6.6.6.6",), "203.0.113.9"),  # no proxy of ours: what it says is a lie
        ("10.0.0.1", (), "10.0.0.1"),
        ("10.0.0.1", ("203.0.113.9",), "203.0.113.9"),
        ("10.0.0.1", ("6.6.6.6, 203.0.113.9",), "203.0.113.9"),  # the client's own entry stands further left
        ("10.0.0.1", ("6.6.6.6", "203.0.113.9"), "203.0.113.9"),
        ("10.0.0.1", ("6.6.6.6, 203.0.113.9, 10.0.0.2",), "203.0.113.9"),
        ("10.0.0.1", ("203.0.113.9:4711",), "203.0.113.9"),
        ("fd00::1", ("[2001:db8::7]:443",), "2001:db8::7"),
        ("::ffff:10.0.0.1", ("203.0.113.9",), "203.0.113.9"),
        ("10.0.0.1", ("unknown",), "10.0.0.1"),
        ("10.0.0.1", ("6.6.6.6, ' or 1=1",), "10.0.0.1"),
        ("10.0.0.1", (", ".join(["6.6.6.6"] + ["10.0.0.3"] * 50),), "10.0.0.3"),
    ],
)
def test_only_proxies_that_are_named_are_believed(peer: str, forwarded: tuple[str, ...], expected: str) -> None:
    assert str(address_of(scope(peer, *forwarded), trusted=PROXIES)) == expected


def test_nobody_is_believed_where_no_proxy_is_named() -> None:
    assert str(address_of(scope("10.0.0.1", "6.6.6.6"), trusted=())) == "10.0.0.1"


def test_a_connection_without_an_address_has_none_whatever_it_says() -> None:
    assert address_of(scope(None, "6.6.6.6"), trusted=PROXIES) is None
