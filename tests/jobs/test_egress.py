"""Where the farm may send what users ask it to: an address inside is refused in every spelling and by every name."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from jobs.egress import Egress, EgressRefused, EgressSettings

INSIDE = [
    "127.0.0.1", "127.8.8.8", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.1.1",
    "169.254.169.254", "100.64.0.1", "100.100.100.200", "0.0.0.0", "0.1.2.3", "224.0.0.1", "239.1.1.1", "240.0.0.1",
    "255.255.255.255", "192.0.0.8", "192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.9",
    "::", "::1", "::7f00:1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:10.0.0.1", "::ffff:8.8.8.8",
    "::ffff:0:7f00:1", "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "2002:7f00:1::", "2002:808:808::1",
    "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "fec0::1", "100::1", "3fff::1", "5f00::1",
]  # fmt: skip
OUTSIDE = ["8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "192.0.1.1", "2606:4700:4700::1111", "2a00:1450:4001::1"]
ODD_SPELLINGS = [
    "https://2130706433/", "https://0x7f000001/", "https://0x7f.1/", "https://127.1/", "https://0177.0.0.1/",
    "https://127.0.0.0x1/", "https://127.000.000.001/", "https://1.2.3.4.5/", "https://127.0.0.1./",
    "https://[fe80::1%25eth0]/", "https://[fe80::1%eth0]/", "https://[::ffff:127.0.0.1]/", "https://[v1.a]/",
    "https://①②⑦.⓪.⓪.①/", "https://127。0。0。1/", "https://%31%32%37.0.0.1/",
    "https://a@127.0.0.1/", "https://good.example@evil.example/", "https://good.example\\@127.0.0.1/",
    "https://good.example#@evil.example/", "https://a b.example/", "https://a.example\r\nHost: b/", "https://a..example/",
    "https:///path", "https://", "https://a.example:99999/", "https://a.example:x/", "//a.example/", "a.example",
    "ftp://a.example/", "file:///etc/passwd", "gopher://127.0.0.1/", "javascript:alert(1)", "https://-a.example/",
    "https://a.example/" + "x" * 2048,
]  # fmt: skip


def egress(*found: str, **settings: object) -> Egress:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return found

    return Egress(EgressSettings(**settings), resolve=resolve)  # type: ignore[arg-type]


def _url(address: str) -> str:
    return f"https://[{address}]/" if ":" in address else f"https://{address}/"


class TestForms:
    @pytest.mark.parametrize("address", INSIDE)
    def test_an_address_inside_is_refused_where_it_is_named(self, address: str) -> None:
        with pytest.raises(EgressRefused):
            egress().parse(_url(address))

    @pytest.mark.parametrize("url", ODD_SPELLINGS)
    def test_an_odd_spelling_is_refused(self, url: str) -> None:
        with pytest.raises(EgressRefused):
            egress().parse(url)

    @pytest.mark.parametrize("address", OUTSIDE)
    def test_a_public_address_is_taken(self, address: str) -> None:
        assert egress().parse(_url(address)).host == address

    def test_http_needs_a_setting(self) -> None:
        with pytest.raises(EgressRefused, match="anybody on the way"):
            egress().parse("http://a.example/")
        assert egress(allow_http=True).parse("http://a.example/").port == 80

    def test_what_was_judged_is_what_is_used(self) -> None:
        found = egress().parse("https://Hooks.Example.ORG.:443/in?key=1")
        assert (found.url, found.authority) == ("https://hooks.example.org/in?key=1", "hooks.example.org")
        assert egress().parse("https://a.example:8443").url == "https://a.example:8443/"

    def test_a_port_that_is_no_web_servers_is_refused(self) -> None:
        for port in (22, 25, 6379):
            with pytest.raises(EgressRefused, match=f"port {port}"):
                egress().parse(f"https://a.example:{port}/")


class TestNames:
    @pytest.mark.parametrize("address", [*INSIDE, "fe80::1%eth0", "::1%1"])
    async def test_a_name_that_leads_inside_is_refused(self, address: str) -> None:
        there = egress(address)
        with pytest.raises(EgressRefused):
            await there.resolve(there.parse("https://a.example/"))

    async def test_one_address_inside_condemns_a_name_with_public_ones(self) -> None:
        there = egress("8.8.8.8", "10.0.0.1")
        with pytest.raises(EgressRefused):
            await there.resolve(there.parse("https://a.example/"))

    async def test_a_refusal_does_not_tell_the_address(self) -> None:
        there = egress("10.11.12.13")
        with pytest.raises(EgressRefused) as refused:
            await there.resolve(there.parse("https://a.example/"))
        assert "10.11" not in str(refused.value)

    async def test_public_addresses_come_once_each_in_their_order(self) -> None:
        there = egress("8.8.8.8", "2606:4700:4700::1111", "8.8.8.8")
        assert await there.resolve(there.parse("https://a.example/")) == ["8.8.8.8", "2606:4700:4700::1111"]

    async def test_a_name_without_an_address_is_an_outage(self) -> None:
        there = egress()
        with pytest.raises(OSError, match="no address"):
            await there.resolve(there.parse("https://a.example/"))

    async def test_the_systems_resolver_is_asked_and_judged(self) -> None:
        there = Egress(EgressSettings())
        with pytest.raises(EgressRefused, match="not public"):
            await there.resolve(there.parse("https://localhost/"))


class TestAllowedNetworks:
    async def test_a_receiver_inside_may_be_allowed_with_any_port(self) -> None:
        there = egress("10.20.0.5", allowed_networks=["10.20.0.0/24"])
        assert await there.resolve(there.parse("https://hooks.internal:9000/")) == ["10.20.0.5"]
        beside = egress("10.20.1.5", allowed_networks=["10.20.0.0/24"])
        with pytest.raises(EgressRefused, match="not public"):
            await beside.resolve(beside.parse("https://hooks.internal:9000/"))

    async def test_the_ports_of_others_stay_as_they_are(self) -> None:
        there = egress("8.8.8.8", allowed_networks=["10.20.0.0/24"])
        with pytest.raises(EgressRefused, match="port 9000"):
            await there.resolve(there.parse("https://a.example:9000/"))

    @pytest.mark.parametrize(
        "address",
        ["169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::", "fd00:ec2::254"],
    )
    async def test_metadata_services_stay_closed_whatever_is_allowed(self, address: str) -> None:
        there = egress(address, allowed_networks=["0.0.0.0/0", "::/0"])
        with pytest.raises(EgressRefused, match="metadata"):
            await there.resolve(there.parse("https://a.example/"))
