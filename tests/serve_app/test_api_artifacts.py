"""Outputs: listed with links that need no key, and downloaded whole or in ranges."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from serve_app.artifacts.ranges import ByteRange, requested_range
from serve_app.problems import RangeNotSatisfiable
from serve_app.settings import ApiSettings
from tests.serve_app.conftest import Server
from tests.serve_app.farm import ApiFarm, beside_the_loop, digest_of, problem_of

NO_KEY = {"Authorization": ""}


async def one_artifact(farm: ApiFarm) -> Any:
    job = await farm.submit(frames="7")
    await farm.render(job["id"], frames=1)
    [artifact] = (await farm.http.get(job["links"]["artifacts"])).json()["items"]
    return artifact


class TestList:
    async def test_each_output_tells_its_frame_digest_and_link(self, farm: ApiFarm) -> None:
        artifact = await one_artifact(farm)
        assert (artifact["kind"], artifact["name"], artifact["ordinal"], artifact["frame"]) == (
            "frame",
            "0007.png",
            0,
            7,
        )
        assert artifact["url"].startswith("http://farm.test/v1/files/")
        answer = await farm.http.get(artifact["url"], headers=NO_KEY)
        assert answer.status_code == 200
        assert digest_of(answer.content) == artifact["sha256"]
        assert len(answer.content) == artifact["size_bytes"]

    async def test_links_are_signed_beside_the_event_loop(self, farm: ApiFarm, monkeypatch: pytest.MonkeyPatch) -> None:
        held = beside_the_loop(monkeypatch, farm.app.state.services.storage, "download_url")
        artifact = await one_artifact(farm)
        assert (await farm.http.get(f"/v1/artifacts/{artifact['id']}")).json()["id"] == artifact["id"]
        assert held == [False, False]

    async def test_outputs_are_filtered_and_paged(self, farm: ApiFarm) -> None:
        job = await farm.submit(frames="1-5")
        await farm.render(job["id"], frames=5)
        path = job["links"]["artifacts"]
        seen: list[str] = []
        cursor = None
        for _ in range(3):
            params: dict[str, Any] = {"limit": 2, "kind": "frame", **({"cursor": cursor} if cursor else {})}
            page = (await farm.http.get(path, params=params)).json()
            seen += [artifact["name"] for artifact in page["items"]]
            cursor = page["next_cursor"]
        assert cursor is None
        assert sorted(seen) == [f"000{frame}.png" for frame in range(1, 6)]
        assert (await farm.http.get(path, params={"kind": "video"})).json()["items"] == []
        [only] = (await farm.http.get(path, params={"frame": 3})).json()["items"]
        assert only["frame"] == 3
        problem_of(await farm.http.get(path, params={"kind": "hologram"}), 422, "invalid-input")
        problem_of(await farm.http.get(path, params={"frame": 99}), 404, "not-found")

    async def test_content_leads_to_the_file(self, farm: ApiFarm) -> None:
        artifact = await one_artifact(farm)
        answer = await farm.http.get(f"/v1/artifacts/{artifact['id']}/content")
        assert answer.status_code == 307
        file = await farm.http.get(answer.headers["location"], headers=NO_KEY)
        assert digest_of(file.content) == artifact["sha256"]


class TestPublicUrl:
    @pytest.fixture
    def api_settings(self) -> ApiSettings:
        return ApiSettings.model_validate({"public_url": "https://farm.example.org/"})

    async def test_links_carry_the_address_that_the_operator_set(self, farm: ApiFarm) -> None:
        assert (await one_artifact(farm))["url"].startswith("https://farm.example.org/v1/files/")


class TestFile:
    async def test_a_file_comes_with_what_a_cache_and_a_resume_need(self, farm: ApiFarm) -> None:
        artifact = await one_artifact(farm)
        answer = await farm.http.get(artifact["url"], headers=NO_KEY)
        assert answer.headers["etag"] == f'"{artifact["sha256"]}"'
        assert answer.headers["accept-ranges"] == "bytes"
        assert answer.headers["content-type"] == "image/png"
        assert answer.headers["content-disposition"].startswith('attachment; filename="0007.png"')
        assert answer.headers["cache-control"].startswith("private, immutable, max-age=")
        assert answer.headers["x-content-type-options"] == "nosniff"
        head = await farm.http.head(artifact["url"], headers=NO_KEY)
        assert head.content == b""
        for name in ("content-length", "etag", "content-type"):
            assert head.headers[name] == answer.headers[name]

    async def test_a_range_is_answered_with_just_these_bytes(self, farm: ApiFarm, server: Server) -> None:
        artifact = await one_artifact(farm)
        path = urlsplit(artifact["url"]).path
        whole = (await server.http.get(path)).content
        for text, part in (
            ("bytes=0-3", whole[:4]),
            ("bytes=8-", whole[8:]),
            ("bytes=-5", whole[-5:]),
            ("bytes=3-99999", whole[3:]),
            ("bytes=-99999", whole),
        ):
            answer = await server.http.get(path, headers={"Range": text})
            assert (answer.status_code, answer.content) == (206, part)
            start = len(whole) - len(part) if text != "bytes=0-3" else 0
            assert answer.headers["content-range"] == f"bytes {start}-{start + len(part) - 1}/{len(whole)}"

    async def test_a_range_behind_the_end_is_refused_with_the_size(self, farm: ApiFarm) -> None:
        artifact = await one_artifact(farm)
        for text in ("bytes=9999-", "bytes=9999-10000", "bytes=-0"):
            answer = await farm.http.get(artifact["url"], headers={"Range": text})
            problem_of(answer, 416, "range-not-satisfiable")
            assert answer.headers["content-range"] == f"bytes */{artifact['size_bytes']}"

    async def test_a_range_that_says_nothing_clear_is_ignored(self, farm: ApiFarm) -> None:
        artifact = await one_artifact(farm)
        for text in ("bytes=5-2", "lines=1-2", "bytes=1-2,4-5", "bytes=-", "bytes=a-b"):
            answer = await farm.http.get(artifact["url"], headers={"Range": text})
            assert (answer.status_code, len(answer.content)) == (200, artifact["size_bytes"]), text

    async def test_a_range_of_another_version_sends_the_whole_file(self, farm: ApiFarm) -> None:
        artifact = await one_artifact(farm)
        for condition, status in ((f'"{artifact["sha256"]}"', 206), ('"old"', 200), (f'W/"{artifact["sha256"]}"', 200)):
            answer = await farm.http.get(artifact["url"], headers={"Range": "bytes=0-1", "If-Range": condition})
            assert answer.status_code == status, condition

    async def test_preconditions_are_kept(self, farm: ApiFarm) -> None:
        artifact = await one_artifact(farm)
        tag = f'"{artifact["sha256"]}"'
        known = await farm.http.get(artifact["url"], headers={"If-None-Match": f'"other", W/{tag}'})
        assert (known.status_code, known.content) == (304, b"")
        other = await farm.http.get(artifact["url"], headers={"If-Match": '"other"'})
        problem_of(other, 412, "precondition-failed")
        assert (await farm.http.get(artifact["url"], headers={"If-Match": tag})).status_code == 200

    async def test_a_link_that_was_tampered_with_is_refused(self, farm: ApiFarm) -> None:
        url = (await one_artifact(farm))["url"]
        letter = "A" if url[-3] != "A" else "B"
        problem_of(await farm.http.get(url[:-3] + letter + url[-2:]), 403, "link-invalid")
        problem_of(await farm.http.get("/v1/files/nonsense"), 403, "link-invalid")

    async def test_a_file_that_is_gone_is_not_found(self, farm: ApiFarm, tmp_path: Any) -> None:
        artifact = await one_artifact(farm)
        for path in (tmp_path / "storage" / "artifacts").rglob("*.png"):
            path.unlink()
        problem_of(await farm.http.get(artifact["url"]), 404, "object-not-found")


class TestExpiry:
    @pytest.fixture
    def api_settings(self) -> ApiSettings:
        return ApiSettings.model_validate({"link_lifetime": "PT0.000001S"})

    async def test_a_link_whose_time_is_over_says_how_to_get_a_fresh_one(self, farm: ApiFarm) -> None:
        answer: httpx.Response = await farm.http.get((await one_artifact(farm))["url"])
        assert "fresh link" in problem_of(answer, 403, "link-expired")["remedy"]


class TestRangesOfAnEmptyFile:
    def test_an_empty_file_has_no_range(self) -> None:
        assert requested_range({}, etag='"e"', size_bytes=0) is None
        with pytest.raises(RangeNotSatisfiable):
            requested_range({"range": "bytes=0-"}, etag='"e"', size_bytes=0)

    def test_one_byte_is_a_range(self) -> None:
        assert requested_range({"range": "bytes=0-0"}, etag='"e"', size_bytes=1) == ByteRange(0, 1)
