"""Files of a model by link: whole or in pieces, as no page of the farm, and to nobody else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from serve_app.models import files
from tests.serve_app.farm import ApiFarm, bearer, digest_of, problem_of

NO_KEY = {"Authorization": ""}


async def model_of(farm: ApiFarm, contents: Mapping[str, bytes | list[bytes]], *, kind: str = "fake") -> str:
    """The id of a model of these files, the main one first; a list is a file in chunks."""
    listed: list[dict[str, Any]] = []
    for path, content in contents.items():
        chunks = content if isinstance(content, list) else []
        for blob in chunks or [content]:
            assert isinstance(blob, bytes)
            await farm.upload(blob)
        whole = b"".join(chunks) if chunks else content
        assert isinstance(whole, bytes)
        entry: dict[str, Any] = {"path": path, "digest": digest_of(whole), "size_bytes": len(whole)}
        if chunks:
            entry["chunks"] = [{"digest": digest_of(chunk), "size_bytes": len(chunk)} for chunk in chunks]
        listed.append(entry)
    manifest = {"kind": kind, "main": next(iter(contents)), "files": listed}
    answer = await farm.http.post("/v1/models", json={"name": "sphere", "manifest": manifest})
    assert answer.is_success, answer.text
    return str(answer.json()["id"])


async def content_of(farm: ApiFarm, view: Any) -> bytes:
    answers = [await farm.http.get(piece["url"], headers=NO_KEY) for piece in view["pieces"]]
    assert all(answer.status_code == 200 for answer in answers)
    return b"".join(answer.content for answer in answers)


class TestModelFile:
    async def test_the_main_file_is_given_by_a_link_that_needs_no_key(self, farm: ApiFarm) -> None:
        model = await model_of(farm, {"scene.ply": b"gaussians", "cameras.json": b"{}"})
        view = (await farm.http.get(f"/v1/models/{model}/file")).json()
        assert (view["path"], view["size_bytes"], view["digest"]) == ("scene.ply", 9, digest_of(b"gaussians"))
        assert await content_of(farm, view) == b"gaussians"

    async def test_any_other_file_is_given_by_its_path(self, farm: ApiFarm) -> None:
        model = await model_of(farm, {"scene.gltf": b"{}", "tex/brass ü.png": b"picture"})
        view = (await farm.http.get(f"/v1/models/{model}/file", params={"path": "tex/brass ü.png"})).json()
        assert await content_of(farm, view) == b"picture"

    async def test_a_file_in_chunks_is_given_in_its_pieces(self, farm: ApiFarm) -> None:
        model = await model_of(farm, {"scene.ply": [b"one ", b"two ", b"three"]})
        view = (await farm.http.get(f"/v1/models/{model}/file")).json()
        assert [piece["size_bytes"] for piece in view["pieces"]] == [4, 4, 5]
        assert await content_of(farm, view) == b"one two three"

    async def test_more_pieces_than_a_viewer_takes_are_refused(self, farm: ApiFarm, monkeypatch: Any) -> None:
        monkeypatch.setattr(files, "MOST_PIECES", 2)
        model = await model_of(farm, {"scene.ply": [b"one ", b"two ", b"three"]})
        assert problem_of(await farm.http.get(f"/v1/models/{model}/file"), 413, "too-large")["limit"] == 2

    async def test_a_page_among_the_files_is_a_download_and_no_page_of_the_farm(self, farm: ApiFarm) -> None:
        model = await model_of(farm, {"evil.html": b"<script>alert(1)</script>"})
        view = (await farm.http.get(f"/v1/models/{model}/file")).json()
        answer = await farm.http.get(view["pieces"][0]["url"], headers=NO_KEY)
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"].startswith("attachment;")

    async def test_a_path_that_the_model_does_not_have_leads_nowhere(self, farm: ApiFarm) -> None:
        model = await model_of(farm, {"scene": b"scene"})
        for path in ("other", "../scene", "/etc/passwd", ""):
            answer: httpx.Response = await farm.http.get(f"/v1/models/{model}/file", params={"path": path})
            problem_of(answer, 404, "not-found")

    async def test_another_project_gets_no_link(self, farm: ApiFarm) -> None:
        model = await model_of(farm, {"scene": b"the secret scene"})
        other = bearer(await farm.new_key("other"))
        problem_of(await farm.http.get(f"/v1/models/{model}/file", headers=other), 404, "not-found")

    async def test_who_may_only_look_may_look_at_it(self, farm: ApiFarm) -> None:
        model = await model_of(farm, {"scene": b"scene"})
        viewer = await farm.person("vera@example.com", role="viewer")
        headers = bearer(viewer["access_token"], **{"X-Rayfarm-Project": "default"})
        assert (await farm.http.get(f"/v1/models/{model}/file", headers=headers)).status_code == 200
