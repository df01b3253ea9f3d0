"""The add-on's network layer in plain Python, against a server that the test scripts: no Blender is loaded."""

from __future__ import annotations

import hashlib
import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from rayfarm_addon.farm.errors import FarmAway, FarmError, FarmRefused, SceneProblem, Stopped
from rayfarm_addon.farm.http import Farm, Patience
from rayfarm_addon.farm.places import Place, find_place
from rayfarm_addon.farm.results import destination, fetch
from rayfarm_addon.farm.uploads import Digests, upload
from tests.clients.blender.conftest import load_build

Answer = tuple[int, dict[str, str], bytes]
QUICK = Patience(socket_s=5, first_s=0.3, later_s=2, pause_first_s=0.01, pause_longest_s=0.02)
JOB = "0b2f3a52-6c1e-4a0a-9b4e-3c1f7d0f2a11"


@contextmanager
def scripted(answer: Callable[[Any, bytes], Answer]) -> Iterator[str]:
    """The address of a server that answers as the function says."""

    class Handler(BaseHTTPRequestHandler):
        def do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, headers, content = answer(self, body)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PUT = do_POST = do

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def farm_at(url: str, *, stop: threading.Event | None = None, project: str | None = None) -> Farm:
    return Farm(Place(url=url, api_key="rf_key", project=project), stop=stop or threading.Event(), patience=QUICK)


def as_json(value: object, status: int = 200) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(value).encode()


class TestRequests:
    def test_a_farm_that_restarts_is_asked_again(self) -> None:
        answers = iter([(503, {"Retry-After": "0"}, b""), (502, {}, b"<html>"), as_json({"fine": True})])
        with scripted(lambda *_: next(answers)) as url:
            assert farm_at(url).json("GET", "/v1/jobs") == {"fine": True}

    def test_a_farm_that_stays_away_is_told_with_its_address(self) -> None:
        with scripted(lambda *_: (503, {}, b"")) as url, pytest.raises(FarmAway):
            farm_at(url).json("GET", "/v1/jobs")
        with pytest.raises(FarmAway, match="does not answer") as caught:
            farm_at(url).json("GET", "/v1/jobs")  # nobody listens there any more
        assert url in caught.value.message

    def test_key_and_project_go_along_and_never_to_another_host(self) -> None:
        seen: list[tuple[str | None, str | None]] = []

        def store(handler: Any, _: bytes) -> Answer:
            seen.append((handler.headers["Authorization"], handler.headers["X-Rayfarm-Project"]))
            return as_json({})

        with scripted(store) as elsewhere:

            def farm(handler: Any, body: bytes) -> Answer:
                store(handler, body)
                return 307, {"Location": f"{elsewhere}/file"}, b""

            with scripted(farm) as url:
                farm_at(url, project="show").json("GET", "/v1/artifacts/1/content")
                with farm_at(url).reading(f"{elsewhere}/file"):
                    pass
        assert seen == [("Bearer rf_key", "show"), (None, None), (None, None)]

    @pytest.mark.parametrize(("status", "words"), [(401, "does not take this API key"), (403, "may not do that")])
    def test_a_refused_key_says_where_to_give_another(self, status: int, words: str) -> None:
        problem = {"code": "x", "detail": "The farm's own words.", "remedy": "Use curl."}
        with scripted(lambda *_: as_json(problem, status)) as url, pytest.raises(FarmRefused, match=words) as caught:
            farm_at(url).json("GET", "/v1/jobs")
        assert "The farm's own words." in caught.value.message
        assert "Edit > Preferences > Add-ons > Rayfarm" in str(caught.value.remedy)

    def test_the_answer_of_another_program_is_told_as_such(self) -> None:
        with scripted(lambda *_: (200, {}, b"<html>")) as url, pytest.raises(FarmAway, match="no JSON"):
            farm_at(url).json("GET", "/v1/jobs")

    def test_stop_ends_the_wait_between_tries(self) -> None:
        stop = threading.Event()

        def answer(*_: Any) -> Answer:
            stop.set()
            return 503, {"Retry-After": "0.2"}, b""

        with scripted(answer) as url, pytest.raises(Stopped):
            farm_at(url, stop=stop).json("GET", "/v1/jobs")


class TestUploads:
    def test_only_what_the_farm_lacks_is_sent_and_equal_files_once(self, tmp_path: Path) -> None:
        stored: dict[str, bytes] = {}
        files = {"a": b"same", "b": b"same", "c": b"known", "d": b""}
        paths = [tmp_path / name for name in files]
        for path in paths:
            path.write_bytes(files[path.name])
        known = hashlib.sha256(b"known").hexdigest()

        def answer(handler: Any, body: bytes) -> Answer:
            if handler.path == "/v1/blobs/lacking":
                return as_json({"lacking": [digest for digest in json.loads(body)["digests"] if digest != known]})
            stored[handler.path] = body
            return 201, {}, b""

        with scripted(answer) as url:
            blobs = upload(farm_at(url), paths, digests=Digests(), tell=lambda *_: None)
        assert {path.name for path in blobs} == set(files)
        assert stored == {f"/v1/blobs/{hashlib.sha256(body).hexdigest()}": body for body in (b"same", b"")}

    def test_a_file_that_changes_meanwhile_is_not_sent_whole(self, tmp_path: Path) -> None:
        path, received = tmp_path / "scene", []
        path.write_bytes(b"a" * 3_000_000)

        def answer(handler: Any, body: bytes) -> Answer:
            if handler.path == "/v1/blobs/lacking":
                path.write_bytes(b"b" * 3_000_000)
                return as_json({"lacking": json.loads(body)["digests"]})
            received.append(len(body))
            return 201, {}, b""

        with scripted(answer) as url, pytest.raises(SceneProblem, match="changed while"):
            upload(farm_at(url), [path], digests=Digests(), tell=lambda *_: None)
        assert received != [3_000_000]

    def test_stop_breaks_an_upload_off(self, tmp_path: Path) -> None:
        path, stop = tmp_path / "scene", threading.Event()
        path.write_bytes(b"a" * 8_000_000)

        def tell(words: str, _: float) -> None:
            if words.startswith("Uploading"):
                stop.set()

        with (
            scripted(lambda handler, body: as_json({"lacking": json.loads(body)["digests"]})) as url,
            pytest.raises(Stopped),
        ):
            upload(farm_at(url, stop=stop), [path], digests=Digests(), tell=tell)

    def test_a_file_is_hashed_again_only_when_it_changed(self, tmp_path: Path) -> None:
        path, digests, stop = tmp_path / "wood.png", Digests(), threading.Event()
        path.write_bytes(b"one")
        first = digests.of(path, stop=stop)
        assert digests.of(path, stop=stop) == first
        path.write_bytes(b"three")
        assert digests.of(path, stop=stop).digest == hashlib.sha256(b"three").hexdigest()


class TestResults:
    def test_a_broken_download_goes_on_where_it_broke_and_a_second_fetch_reads_nothing(self, tmp_path: Path) -> None:
        content, asked = b"0123456789" * 1000, []

        def answer(handler: Any, _: bytes) -> Answer:
            if handler.path.startswith("/v1/jobs/"):
                url = f"http://{handler.headers['Host']}/file"
                item = {"id": JOB, "kind": "frame", "name": "0001.png", "url": url, "size_bytes": len(content)}
                return as_json({"items": [{**item, "sha256": hashlib.sha256(content).hexdigest()}]})
            start = int((handler.headers["Range"] or "bytes=0-").removeprefix("bytes=").removesuffix("-"))
            asked.append(start)
            if not start:  # promises all, sends half
                return 200, {"Content-Length": str(len(content))}, content[: len(content) // 2]
            return 206, {}, content[start:]

        with scripted(answer) as url:
            [path] = fetch(farm_at(url), JOB, tmp_path, tell=lambda *_: None)
            assert path.read_bytes() == content
            fetch(farm_at(url), JOB, tmp_path, tell=lambda *_: None)
        assert asked == [0, len(content) // 2]
        assert [each.name for each in tmp_path.iterdir()] == ["0001.png"]

    def test_damaged_bytes_are_not_written(self, tmp_path: Path) -> None:
        def answer(handler: Any, _: bytes) -> Answer:
            if handler.path.startswith("/v1/jobs/"):
                url = f"http://{handler.headers['Host']}/file"
                item = {"id": JOB, "kind": "frame", "name": "1.png", "url": url, "size_bytes": 3, "sha256": "0" * 64}
                return as_json({"items": [item]})
            return 200, {}, b"bad"

        with scripted(answer) as url, pytest.raises(FarmError, match="damaged"):
            fetch(farm_at(url), JOB, tmp_path, tell=lambda *_: None)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "..\\x", "C:\\x", "a/C:x", ""])
    def test_a_name_that_leads_out_of_the_folder_is_refused(self, name: str, tmp_path: Path) -> None:
        with pytest.raises(FarmError, match="would leave"):
            destination(tmp_path, name)


class TestPlaces:
    def test_preferences_come_before_the_environment_and_that_before_a_farm_of_this_machine(
        self, tmp_path: Path
    ) -> None:
        (tmp_path / "farm.json").write_text(json.dumps({"ports": {"http": 8123}, "http_host": "0.0.0.0"}))
        (tmp_path / "admin_key").write_text("rf_home\n")
        environ = {"RAYFARM_HOME": str(tmp_path)}
        home = find_place(environ=environ)
        assert (home.url, home.api_key) == ("http://127.0.0.1:8123", "rf_home")
        environ |= {"RAYFARM_URL": "https://studio.example/", "RAYFARM_API_KEY": "rf_env"}
        assert find_place(environ=environ).url == "https://studio.example"
        given = find_place(url="https://own.example", api_key="rf_own", project="show", environ=environ)
        assert (given.url, given.api_key, given.project) == ("https://own.example", "rf_own", "show")

    def test_the_key_of_a_farms_folder_goes_to_that_farm_alone(self, tmp_path: Path) -> None:
        (tmp_path / "farm.json").write_text(json.dumps({"ports": {"http": 8123}}))
        (tmp_path / "admin_key").write_text("rf_home")
        assert find_place(url="https://other.example", environ={"RAYFARM_HOME": str(tmp_path)}).api_key is None

    @pytest.mark.parametrize("url", ["farm.example", "file:///etc/passwd", "http://"])
    def test_what_is_no_http_address_is_refused(self, url: str) -> None:
        with pytest.raises(FarmError, match="no http address"):
            find_place(url=url, environ={})

    def test_no_key_is_printed(self) -> None:
        assert "rf_secret" not in repr(Place(url="http://h", api_key="rf_secret", project=None))


def test_the_zip_is_the_same_bytes_each_time_and_holds_licence_and_manifest(tmp_path: Path) -> None:
    build = load_build().build
    one, two = build(tmp_path / "one.zip"), build(tmp_path / "two" / "two.zip")
    assert one.read_bytes() == two.read_bytes()
    with zipfile.ZipFile(one) as archive:
        names = archive.namelist()
        assert b"GNU GENERAL PUBLIC LICENSE" in archive.read("LICENSE")
    assert {"__init__.py", "blender_manifest.toml", "farm/http.py"} <= set(names)
    assert not [name for name in names if "__pycache__" in name]
