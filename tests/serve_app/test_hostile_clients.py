"""What a hostile client sends, over real sockets where the wire counts: refused in words, and nobody else waits."""

from __future__ import annotations

import asyncio
import gzip
import json
from datetime import timedelta

import pytest
from pydantic import ByteSize, SecretStr

from serve_app.settings import ApiSettings
from tests.serve_app.conftest import Server
from tests.serve_app.farm import ApiFarm, problem_of

JSON = {"Content-Type": "application/json"}
JSON_LINE = ("Content-Type: application/json",)
HALF_OPEN = 300


@pytest.fixture
def api_settings() -> ApiSettings:
    return ApiSettings(
        token_key=SecretStr("a-key-of-these-tests-alone-0123456789"),
        body_idle_timeout=timedelta(seconds=0.3),
        min_body_rate=ByteSize(10_000),
    )


async def send_raw(port: int, *pieces: bytes) -> bytes:
    """The whole answer to bytes of any kind, until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        return await asyncio.wait_for(reader.read(), 20)
    finally:
        writer.close()


def post(key: str, *headers: str, body: bytes = b"{}") -> bytes:
    lines = ["POST /v1/jobs HTTP/1.1", "Host: x", f"Authorization: Bearer {key}", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


class TestSlowloris:
    async def test_headers_that_never_end_hold_a_socket_and_nothing_else(self, farm: ApiFarm, server: Server) -> None:
        writers = []
        try:
            for number in range(HALF_OPEN):
                _, writer = await asyncio.open_connection("127.0.0.1", server.port)
                writer.write(b"GET /v1/jobs HTTP/1.1\r\nHost: x\r\nX-Slow-%d: " % number)
                writers.append(writer)
            answers = await asyncio.gather(*(server.http.get("/v1/jobs") for _ in range(20)))
            assert {answer.status_code for answer in answers} == {200}
        finally:
            for writer in writers:
                writer.close()

    async def test_bodies_that_drip_or_stop_are_given_up_and_hold_no_place(self, farm: ApiFarm, server: Server) -> None:
        digest = "0" * 64
        head = (
            f"PUT /v1/blobs/{digest} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {farm.key}\r\n"
            "Content-Length: 1000000\r\nConnection: close\r\n\r\n"
        ).encode()
        answers = await asyncio.gather(*(send_raw(server.port, head, b"x") for _ in range(30)))
        assert {answer.split(b" ", 2)[1] for answer in answers} == {b"408"}
        limits = {each["name"]: each for each in (await server.http.get("/v1/limits")).json()["limits"]}
        assert limits["max_uploads_per_project"]["used"] == 0

    async def test_a_client_that_reads_no_answer_keeps_nobody_waiting(self, farm: ApiFarm, server: Server) -> None:
        request = f"GET /openapi.json HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {farm.key}\r\n\r\n".encode()
        writers = []
        try:
            for _ in range(5):
                _, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1)
                writer.write(request * 10)
                writers.append(writer)
            assert (await server.http.get("/v1/jobs")).status_code == 200
        finally:
            for writer in writers:
                writer.transport.abort()


class TestFraming:
    @pytest.mark.parametrize(
        "headers",
        [
            ("Content-Length: 2", "Content-Length: 3"),
            ("Content-Length: -1",),
            ("Content-Length: 2, 3",),
            ("Content-Length: 99999999999999999999999",),
            ("Content-Length: 2", "Transfer-Encoding: chunked"),
            ("Transfer-Encoding: chunked, identity",),
            ("Transfer-Encoding: xchunked",),
            ("X-Bad Name: 1", "Content-Length: 2"),
            ("X-Nul: a\x00b", "Content-Length: 2"),
        ],
    )
    async def test_a_request_of_two_readings_is_taken_by_nobody(
        self, farm: ApiFarm, server: Server, headers: tuple[str, ...]
    ) -> None:
        answer = await send_raw(server.port, post(farm.key, *JSON_LINE, *headers))
        assert answer == b"" or answer.split(b" ", 2)[1] in (b"400", b"413", b"422"), answer
        assert (await server.http.get("/v1/health/live")).status_code == 200


class TestInjection:
    async def test_no_line_of_a_header_is_made_by_a_request_id(self, farm: ApiFarm, server: Server) -> None:
        request = post(farm.key, "X-Request-Id: a\r\nSet-Cookie: owned=1", "Content-Length: 2", *JSON_LINE)
        answer = await send_raw(server.port, request)
        assert b"set-cookie" not in answer.lower()
        for forged in ("a%0d%0aSet-Cookie:x", "a\tb", "a\x0bb"):
            answer = await send_raw(server.port, post(farm.key, f"X-Request-Id: {forged}", "Content-Length: 2"))
            head = answer.partition(b"\r\n\r\n")[0].lower()
            assert b"set-cookie" not in head
            assert forged.lower().encode() not in head

    @pytest.mark.parametrize("path", ["/v1/%0d%0aSet-Cookie:%20owned=1", "/v1/jobs?x=%0d%0aSet-Cookie:%20owned=1"])
    async def test_nor_by_a_path(self, server: Server, path: str) -> None:
        answer = await send_raw(server.port, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        assert b"set-cookie" not in answer.partition(b"\r\n\r\n")[0].lower()

    @pytest.mark.parametrize(
        "name", ['a"\r\nSet-Cookie: owned=1\r\n\r\n.png', "a\nb.png", 'x"; filename="evil.exe', "ü.png"]
    )
    async def test_nor_by_the_name_of_a_file(self, farm: ApiFarm, name: str) -> None:
        job = await farm.submit()
        await farm.render(job["id"], frames=1)
        await farm.execute("update artifact set name = :name", name=name)
        [artifact, *_] = (await farm.http.get(f"{job['links']['self']}/artifacts")).json()["items"]
        answer = await farm.http.get(f"/v1/artifacts/{artifact['id']}/content", follow_redirects=True)
        assert "set-cookie" not in answer.headers
        for value in answer.headers.values():
            assert not {"\r", "\n"} & set(value)
        assert answer.headers.get("content-disposition", "").count('filename="') <= 1


class TestBodies:
    @pytest.mark.parametrize("levels", [50, 200, 900, 5_000, 100_000])
    @pytest.mark.parametrize("shape", ["arrays", "objects"])
    async def test_deep_nesting_is_refused_without_a_crash(self, farm: ApiFarm, levels: int, shape: str) -> None:
        opening, closing = ("[", "]") if shape == "arrays" else ('{"a":', "}")
        deep = opening * levels + "1" + closing * levels
        spec = json.dumps(await farm.spec())
        for path, body in (
            ("/v1/jobs", deep),
            ("/v1/jobs", spec[:-1] + f', "settings": {{"a": {deep}}}}}'),
            ("/v1/jobs", spec[:-1] + f', "labels": {deep}}}'),
            ("/v1/models", f'{{"name": "x", "manifest": {deep}}}'),
            ("/v1/keys", f'{{"name": {deep}}}'),
        ):
            answer = await farm.http.post(path, content=body.encode(), headers=JSON)
            assert 400 <= answer.status_code < 500, (path, answer.text[:300])
            assert answer.headers["content-type"] == "application/problem+json"
            assert len(answer.content) < 20_000

    async def test_deep_nesting_of_strangers_is_refused_too(self, farm: ApiFarm) -> None:
        body = b"[" * 8000
        answer = await farm.http.post("/v1/auth/login", content=body, headers={**JSON, "Authorization": ""})
        assert answer.status_code in (400, 422)

    @pytest.mark.parametrize(
        "number", ["1e400", "-1e400", "1" * 5000, "-" + "9" * 300, "1e308", "0.1e-400", "NaN", "Infinity", "-Infinity"]
    )
    async def test_numbers_that_nothing_can_hold_are_refused(self, farm: ApiFarm, number: str) -> None:
        spec = json.dumps(await farm.spec())
        for field in ("weight", "finish_before", "settings", "limits"):
            value = number
            if field == "settings":
                value = f'{{"width": {number}}}'
            if field == "limits":
                value = f'{{"frame_timeout_s": {number}}}'
            body = spec[:-1] + f', "{field}": {value}}}'
            answer = await farm.http.post("/v1/jobs", content=body.encode(), headers=JSON)
            assert 400 <= answer.status_code < 500, (field, answer.text[:300])

    @pytest.mark.parametrize(
        "text", [b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"a\\u0000b", b"\xc0\x80"]
    )
    async def test_text_that_is_none_is_refused(self, farm: ApiFarm, text: bytes) -> None:
        spec = json.dumps({**await farm.spec(), "name": "NAME"}).encode().replace(b"NAME", text)
        answer = await farm.http.post("/v1/jobs", content=spec, headers=JSON)
        assert answer.status_code in (400, 422), answer.text
        assert answer.headers["content-type"] == "application/problem+json"

    async def test_of_a_name_that_comes_twice_the_last_counts_everywhere(self, farm: ApiFarm) -> None:
        spec = json.dumps(await farm.spec(frames="1-4"))
        body = (spec[:-1] + ', "frames": "1-2"}').encode()
        estimate = await farm.http.post("/v1/jobs/estimate", content=body, headers=JSON)
        submitted = await farm.http.post("/v1/jobs", content=body, headers=JSON)
        assert submitted.status_code == 202
        assert submitted.json()["spec"]["frames"] == "1-2"
        assert estimate.json()["frames"] == 2

    @pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "GZIP", "gzip, gzip", "x-unknown"])
    async def test_compressed_bodies_are_refused_and_never_unpacked(self, farm: ApiFarm, coding: str) -> None:
        bomb = gzip.compress(b" " * 10_000_000)
        headers = {**JSON, "Content-Encoding": coding}
        for method, path in (("POST", "/v1/jobs"), ("PUT", f"/v1/blobs/{'0' * 64}"), ("POST", "/v1/auth/login")):
            answer = await farm.http.request(method, path, content=bomb, headers=headers)
            problem_of(answer, 415, "content-coding-unsupported")
            assert answer.headers["accept-encoding"] == "identity"

    async def test_a_body_far_over_the_limit_is_refused_on_its_first_bytes(self, farm: ApiFarm, server: Server) -> None:
        head = post(farm.key, *JSON_LINE, "Content-Length: 100000000000", body=b"{")
        answer = await send_raw(server.port, head)
        assert answer.split(b" ", 2)[1] == b"413"
        assert b"body-too-large" in answer

    async def test_chunks_without_end_are_cut_off_at_the_limit(self, farm: ApiFarm, server: Server) -> None:
        head = post(farm.key, *JSON_LINE, "Transfer-Encoding: chunked", body=b"")
        chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"

        async def flood() -> bytes:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            try:
                writer.write(head)
                for _ in range(200):
                    writer.write(chunk)
                    await writer.drain()
            except ConnectionError:
                pass
            try:
                return await asyncio.wait_for(reader.read(), 20)
            except ConnectionError:
                return b""
            finally:
                writer.transport.abort()

        answer = await flood()
        assert answer == b"" or answer.split(b" ", 2)[1] == b"413"
        assert (await server.http.get("/v1/jobs")).status_code == 200
