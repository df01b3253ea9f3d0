"""The web app over HTTP: what browsers and programs get where, how it is kept, and what a page may do."""

from __future__ import annotations

import gzip
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import HttpUrl, SecretStr

from serve_app.app import build_app
from serve_app.settings import ApiSettings
from serve_app.web.open import open_export
from serve_app.web.origins import LinkOrigins
from serve_app.web.policy import hashes_of
from storage.open import open_storage
from storage.settings import StorageSettings
from tests.serve_app.farm import ApiFarm, problem_of

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Authorization": ""}
PROGRAM = {"Accept": "application/json"}
HOME = "<!doctype html><script>start()</script><script src='/_next/static/app-1a2b.js'></script><h1>Farm</h1>"
JOB = "<!doctype html><script>start()</script><script>job()</script><h1>Job</h1>"
CODE = b"console.log('a farm')" * 20


@pytest.fixture(scope="session")
def web_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("web") / "out"
    pages = {
        "index.html": HOME,
        "404.html": "<!doctype html><h1>Not here</h1>",
        "jobs/index.html": "<!doctype html><h1>Jobs</h1>",
        "jobs/_/index.html": JOB,
        "jobs/_/__next._tree.txt": "1:tree",
        "docs/index.html": "not the reference",
        "v1/index.html": "not the API",
        "worker.js": "onmessage = () => {}",
    }
    for name, text in pages.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    static = folder / "_next/static"
    static.mkdir(parents=True)
    (static / "app-1a2b.js").write_bytes(CODE)
    (static / "app-1a2b.js.gz").write_bytes(gzip.compress(CODE))
    (static / "app-1a2b.js.br").write_bytes(b"as brotli")
    return folder


@pytest.fixture
def api_settings(web_dir: Path) -> ApiSettings:
    return ApiSettings(web_dir=web_dir, rate_stranger=3)


class TestAddresses:
    async def test_a_browser_gets_the_web_app_and_a_program_the_pointer(self, farm: ApiFarm) -> None:
        page = await farm.http.get("/", headers=BROWSER)
        assert (page.status_code, page.text) == (200, HOME)
        pointer = await farm.http.get("/", headers=PROGRAM)
        assert (pointer.json()["api"], pointer.json()["web"]) == ("/v1", "/")
        for answer in (page, pointer):
            assert "Accept" in answer.headers["vary"]

    async def test_a_page_of_a_job_is_the_one_that_was_built_for_all(self, farm: ApiFarm) -> None:
        page = await farm.http.get("/jobs/0193d0aa/", headers=BROWSER)
        assert (page.status_code, page.text) == (200, JOB)
        tree = await farm.http.get("/jobs/0193d0aa/__next._tree.txt?_rsc=1", headers={"Authorization": ""})
        assert (tree.text, tree.headers["content-type"]) == ("1:tree", "text/plain; charset=utf-8")

    async def test_an_address_without_its_slash_leads_to_it_with_the_query(self, farm: ApiFarm) -> None:
        moved = await farm.http.get("/jobs/a b?frame=7&x=%2F", headers=BROWSER)
        assert (moved.status_code, moved.headers["location"]) == (308, "/jobs/a%20b/?frame=7&x=%2F")

    @pytest.mark.parametrize("path", ["//evil.example/jobs", "/%5Cevil.example", "//evil.example", "/%2F/jobs"])
    async def test_no_address_leads_to_another_host(self, farm: ApiFarm, path: str) -> None:
        answer = await farm.http.get(f"http://farm.test{path}", headers=BROWSER)
        assert answer.status_code == 404
        assert "location" not in answer.headers

    async def test_where_nothing_is_a_browser_gets_a_page_and_a_program_a_problem(self, farm: ApiFarm) -> None:
        page = await farm.http.get("/nothing/", headers=BROWSER)
        assert (page.status_code, "Not here" in page.text) == (404, True)
        problem_of(await farm.http.get("/nothing/", headers=PROGRAM), 404, "route-not-found")
        problem_of(await farm.http.get("/_next/static/gone.js", headers={"Accept": "*/*"}), 404, "route-not-found")

    async def test_addresses_of_the_api_stay_the_api_s(self, farm: ApiFarm) -> None:
        for path in ("/v1", "/v1/", "/v1/nothing", "/docs/", "/docs/nothing"):
            problem_of(await farm.http.get(path, headers=BROWSER), 404, "route-not-found")
        assert "text/html" in (await farm.http.get("/docs", headers=BROWSER)).headers["content-type"]
        assert (await farm.http.get("/openapi.json", headers=BROWSER)).json()["openapi"]
        answer = await farm.http.get("/v1/jobs/0193d0aa/cancel", headers=BROWSER)
        assert answer.status_code == 405

    async def test_pages_take_no_other_method(self, farm: ApiFarm) -> None:
        problem_of(await farm.http.post("/jobs/", json={}), 404, "route-not-found")

    async def test_pages_cost_no_stranger_his_rate(self, farm: ApiFarm) -> None:
        answers = [await farm.http.get("/jobs/", headers=BROWSER) for _ in range(8)]
        assert {answer.status_code for answer in answers} == {200}


class TestKeeping:
    async def test_what_has_its_digest_in_its_name_is_kept_for_ever_and_pages_are_asked_for(
        self, farm: ApiFarm
    ) -> None:
        path = "/_next/static/app-1a2b.js"
        code = await farm.http.get(path, headers={**BROWSER, "Accept-Encoding": "gzip"})
        assert code.headers["cache-control"] == "public, max-age=31536000, immutable"
        page = await farm.http.get("/jobs/", headers=BROWSER)
        assert page.headers["cache-control"] == "no-cache"
        again = await farm.http.get("/jobs/", headers={**BROWSER, "If-None-Match": page.headers["etag"]})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", page.headers["etag"])
        other = await farm.http.get("/jobs/1/", headers={**BROWSER, "If-None-Match": page.headers["etag"]})
        assert other.status_code == 200

    @pytest.mark.parametrize(
        ("accepted", "coding"),
        [
            ("gzip, deflate, br, zstd", "br"),
            ("gzip, deflate", "gzip"),
            ("br;q=0, gzip;q=0.5", "gzip"),
            ("*", "br"),
            ("identity", None),
            ("gzip;q=0", None),
        ],
    )
    async def test_what_was_compressed_when_it_was_built_is_sent_so(
        self, farm: ApiFarm, accepted: str, coding: str | None
    ) -> None:
        path, headers = "/_next/static/app-1a2b.js", {**BROWSER, "Accept-Encoding": accepted}
        answer = await farm.http.head(path, headers=headers)
        assert answer.headers.get("content-encoding") == coding
        assert answer.headers["vary"] == "Accept-Encoding"
        plain = await farm.http.get(path, headers={**BROWSER, "Accept-Encoding": "identity"})
        assert (answer.headers["etag"] == plain.headers["etag"]) is (coding is None)
        if coding == "gzip":
            assert (await farm.http.get(path, headers=headers)).content == CODE

    async def test_the_head_of_a_page_is_that_of_the_page_without_its_body(self, farm: ApiFarm) -> None:
        page, head = await farm.http.get("/jobs/1/", headers=BROWSER), await farm.http.head("/jobs/1/", headers=BROWSER)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(page.content))
        assert head.headers["etag"] == page.headers["etag"]


class TestPolicy:
    async def test_each_page_may_run_its_own_scripts_and_no_other(self, farm: ApiFarm) -> None:
        for path, page in (("/", HOME), ("/jobs/1/", JOB), ("/nothing/", "<h1>")):
            policy = (await farm.http.get(path, headers=BROWSER)).headers["content-security-policy"]
            scripts = next(part for part in policy.split("; ") if part.startswith("script-src "))
            own = " ".join(["script-src 'self' 'wasm-unsafe-eval'", *(f"'{each}'" for each in hashes_of(page))])
            assert scripts == own
            assert policy.startswith("default-src 'none'; ")
            assert "frame-ancestors 'none'" in policy
            assert "sandbox" not in policy

    async def test_a_worker_s_script_brings_the_policy_that_the_worker_obeys(self, farm: ApiFarm) -> None:
        answer = await farm.http.get("/worker.js", headers=BROWSER)
        assert "connect-src 'self' blob: data:" in answer.headers["content-security-policy"]
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"

    async def test_the_other_headers_of_the_edge_stay(self, farm: ApiFarm) -> None:
        headers = (await farm.http.get("/", headers=BROWSER)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-request-id"]


class TestOrigins:
    @pytest.mark.parametrize(
        ("values", "origin"),
        [
            ({"endpoint_url": "http://s3.internal:8333", "public_endpoint_url": "https://files.farm.test"},
             "https://files.farm.test"),
            ({"endpoint_url": "http://s3.internal:8333"}, "http://s3.internal:8333"),
            ({"region": "eu-central-1"}, "https://pictures.s3.amazonaws.com"),
        ],
    )  # fmt: skip
    async def test_a_page_may_load_from_where_links_to_the_bucket_lead(
        self, values: dict[str, Any], origin: str
    ) -> None:
        settings = StorageSettings(
            url="s3://pictures/farm", access_key_id=SecretStr("a"), secret_access_key=SecretStr("b"), **values
        )
        storage = open_storage(settings)
        try:
            link = storage.download_url("artifacts/1", expires_in=timedelta(60), filename="1", media_type="image/png")
            assert link.startswith(f"{origin}/")
            origins = LinkOrigins(settings=ApiSettings(), storage_settings=settings, storage=storage)
            assert await origins.read() == [origin]
        finally:
            await storage.close()

    async def test_of_a_disk_it_is_the_public_address_alone(self, tmp_path: Path) -> None:
        settings = StorageSettings(url=f"file://{tmp_path}/storage")
        public = ApiSettings(public_url=HttpUrl("https://farm.example.org/"))
        origins = LinkOrigins(settings=public, storage_settings=settings, storage=open_storage(settings))
        assert await origins.read() == ["https://farm.example.org"]


class TestNotBuilt:
    @pytest.fixture
    def api_settings(self, tmp_path: Path) -> ApiSettings:
        return ApiSettings(web_dir=tmp_path / "nothing")

    @pytest.fixture
    def app(self, api_settings: ApiSettings, app_for: object) -> FastAPI:
        return build_app(api_settings)

    async def test_the_root_says_how_to_build_it_and_the_api_works(self, farm: ApiFarm) -> None:
        page = await farm.http.get("/", headers=BROWSER)
        pointer = await farm.http.get("/", headers=PROGRAM)
        assert pointer.json()["web"] is None
        assert (page.status_code, "make web" in page.text) == (200, True)
        answers: list[httpx.Response] = [await farm.http.get(path, headers=BROWSER) for path in ("/jobs/", "/404.html")]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert (await farm.http.get("/v1/jobs")).status_code == 200

    def test_an_export_that_cannot_be_read_stops_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "index.html").write_bytes(b"\xff\xfe")
        assert open_export(ApiSettings(web_dir=tmp_path)) is None
