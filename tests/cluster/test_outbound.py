"""The farm's own HTTP is nobody's way into the network: over real sockets, names, TLS and receivers that misbehave."""

from __future__ import annotations

import datetime as dt
import ipaddress
import logging
import socket
import ssl
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cluster.outbound import Answer, NotReached, Outbound
from jobs.egress import Egress, EgressSettings
from tests.cluster.receivers import receiver

LIMIT = timedelta(seconds=20)


def outbound(*networks: str, tls: ssl.SSLContext | None = None, **names: Sequence[str]) -> Outbound:
    """That may reach ``networks``; ``names`` are resolved as given, everything else by the system."""
    settings = EgressSettings(allow_http=True, allowed_networks=networks)  # type: ignore[arg-type]

    async def resolve(host: str, port: int) -> Sequence[str]:
        return names[host.partition(".")[0]]

    return Outbound(egress=Egress(settings, resolve=resolve if names else None), tls=tls)


async def post(there: Outbound, url: str, *, timeout: timedelta = LIMIT) -> Answer:
    return await there.post(url, body=b"{}", headers={"webhook-id": "m"}, timeout=timeout)


class TestNames:
    async def test_a_name_that_means_another_machine_a_moment_later_is_asked_for_once(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """DNS rebinding: the check and the connection must not ask twice."""
        asked: list[str] = []
        real = socket.getaddrinfo

        def rebinding(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
            if host != "rebind.test":
                return real(host, port, *args, **kwargs)
            asked.append(host)
            return real("127.0.0.1" if len(asked) == 1 else "127.0.0.2", port, *args, **kwargs)

        monkeypatch.setattr(socket, "getaddrinfo", rebinding)
        there = outbound("127.0.0.1/32")
        async with receiver() as allowed, receiver(host="127.0.0.2") as inside:
            assert (await post(there, allowed.url("rebind.test"))).status == 200
            assert len(asked) == 1
            assert allowed.posts[0].headers["host"] == f"rebind.test:{allowed.port}"
            with pytest.raises(NotReached, match="not public"):
                await post(there, inside.url("rebind.test"))
            assert inside.posts == []

    @pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost", "127.0.0.1"])
    async def test_this_machine_is_not_reached_by_any_spelling(self, host: str) -> None:
        async with receiver() as inside:
            with pytest.raises(NotReached, match="sends nothing"):
                await post(outbound(), inside.url(host))
            assert inside.posts == []

    @pytest.mark.parametrize("host", ["[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"])
    async def test_nor_by_ipv6(self, host: str) -> None:
        async with receiver() as inside:
            with pytest.raises(NotReached, match="sends nothing"):
                await post(outbound(), inside.url(host))
            assert inside.posts == []

    async def test_a_name_with_a_mapped_address_is_refused(self) -> None:
        async with receiver() as inside:
            with pytest.raises(NotReached, match="not public"):
                await post(outbound("10.0.0.0/8", mapped=["::ffff:127.0.0.1"]), inside.url("mapped.test"))
            assert inside.posts == []

    async def test_an_allowed_receiver_is_reached_over_ipv6(self) -> None:
        async with receiver(host="::1") as there:
            assert (await post(outbound("::1/128"), there.url("[::1]"))).status == 200
            assert (await post(outbound("::1/128", six=["::1"]), there.url("six.test"))).status == 200

    async def test_the_next_address_of_a_name_is_tried_where_the_first_does_not_answer(self) -> None:
        async with receiver() as there:
            both = outbound("127.0.0.0/8", two=["127.0.0.3", "127.0.0.1"])
            assert (await post(both, there.url("two.test"))).status == 200

    async def test_a_name_that_nobody_has_is_said_to_be_so(self) -> None:
        with pytest.raises(NotReached, match=r"nobody\.test has no address"):
            await post(outbound(nobody=[]), "http://nobody.test/")


class TestAnswers:
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    async def test_a_redirect_is_an_answer_and_not_followed(self, status: int) -> None:
        async with receiver() as inside, receiver(status=status, headers={"location": inside.url()}) as there:
            assert (await post(outbound("127.0.0.0/8"), there.url())).status == status
            assert inside.posts == []

    async def test_of_an_endless_answer_the_beginning_is_read(self) -> None:
        async with receiver(endless=True) as there:
            answer = await post(outbound("127.0.0.0/8"), there.url())
            assert (answer.status, answer.body) == (200, "x" * 1024)

    async def test_a_compressed_answer_is_not_blown_up(self) -> None:
        async with receiver(headers={"content-encoding": "gzip"}, answer=b"no gzip at all") as there:
            assert (await post(outbound("127.0.0.0/8"), there.url())).body == "no gzip at all"

    async def test_a_receiver_that_hangs_is_left_in_time(self) -> None:
        async with receiver(hangs=True) as there:
            with pytest.raises(NotReached, match=r"No answer within 0\.2 s"):
                await post(outbound("127.0.0.0/8"), there.url(), timeout=timedelta(seconds=0.2))

    async def test_an_address_which_may_hold_a_secret_is_in_no_log(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        logging.getLogger("httpx").setLevel(logging.NOTSET)
        there = outbound("127.0.0.0/8")
        async with receiver() as taken:
            await post(there, taken.url(path="/T0/B0/the-secret"))
        assert "POST /T0/B0/the-secret" in taken.posts[0].line
        assert "the-secret" not in caplog.text

    async def test_no_proxy_of_the_environment_is_asked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with receiver() as proxy, receiver() as there:
            for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"):
                monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
            assert (await post(outbound("127.0.0.0/8"), there.url())).status == 200
            assert (proxy.posts, len(there.posts)) == ([], 1)


class TestTls:
    async def test_the_certificate_is_checked_against_the_name_and_not_the_address(self, tmp_path: Path) -> None:
        server, trusting = certificate_for("hooks.test", tmp_path)
        async with receiver(tls=server) as there:
            reach = outbound("127.0.0.0/8", tls=trusting, hooks=["127.0.0.1"], other=["127.0.0.1"])
            assert (await post(reach, there.url("hooks.test", scheme="https"))).status == 200
            assert there.servers_name == "hooks.test"
            assert there.posts[0].headers["host"] == f"hooks.test:{there.port}"
            with pytest.raises(NotReached, match="CERTIFICATE_VERIFY_FAILED"):
                await post(reach, there.url("other.test", scheme="https"))
            assert len(there.posts) == 1

    async def test_a_certificate_that_nobody_vouches_for_is_refused(self, tmp_path: Path) -> None:
        server, _ = certificate_for("hooks.test", tmp_path)
        async with receiver(tls=server) as there:
            with pytest.raises(NotReached, match="CERTIFICATE_VERIFY_FAILED"):
                await post(outbound("127.0.0.0/8", hooks=["127.0.0.1"]), there.url("hooks.test", scheme="https"))
            assert there.posts == []


def certificate_for(name: str, folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context, and that of a client which trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("192.0.2.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cafile=str(pem))
