"""Downloads: atomic, resumed where they broke off, verified, and never outside their folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rayfarm import Artifact, Client, ClientError, DownloadCorrupt, FarmRefused, Fetched, UsageError
from rayfarm.downloads import safe_destination
from tests.clients.scripted_farm import FarmServer, Request, serving

CONTENT = bytes(range(256)) * 2000

ARTIFACT = "0a7c3c52-1c4e-4b0a-9f4e-3c1f7d0f2a33"


def artifact(server: FarmServer, **more: Any) -> Artifact:
    base: dict[str, Any] = {
        "id": ARTIFACT,
        "kind": "frame",
        "name": "0001.png",
        "url": f"{server.url}/files/1",
        "size_bytes": len(CONTENT),
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
    }
    return Artifact(**{**base, **more})


def ranged(content: bytes, *, cut_after: int | None = None) -> Callable[[Request], None]:
    """Serves ranges; with ``cut_after`` the connection breaks behind so many bytes."""

    def handle(request: Request) -> None:
        wanted = request.headers.get("Range", "")
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        body = content[start:]
        headers = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if wanted else {}
        sent = body if cut_after is None else body[:cut_after]
        request.bytes(sent, 206 if wanted else 200, promised=len(body), **headers)

    return handle


def test_a_download_that_breaks_off_goes_on_where_it_was(client: Client, scripted: FarmServer, tmp_path: Path) -> None:
    scripted.in_turn(
        "GET", "/files/1", ranged(CONTENT, cut_after=200_000), ranged(CONTENT, cut_after=100_000), ranged(CONTENT)
    )
    target = tmp_path / "out" / "0001.png"
    assert client.fetch(artifact(scripted), target) is Fetched.DOWNLOADED
    assert target.read_bytes() == CONTENT
    ranges = [headers.get("Range") for headers in scripted.requests("GET", "/files/1")]
    assert ranges == [None, "bytes=200000-", "bytes=300000-"]
    assert list(target.parent.iterdir()) == [target]


def test_a_server_that_ignores_ranges_is_read_from_the_start(
    client: Client, scripted: FarmServer, tmp_path: Path
) -> None:
    scripted.in_turn("GET", "/files/1", ranged(CONTENT, cut_after=1000), lambda request: request.bytes(CONTENT))
    client.fetch(artifact(scripted), tmp_path / "x.png")
    assert (tmp_path / "x.png").read_bytes() == CONTENT


def test_a_part_of_an_earlier_run_is_used(client: Client, scripted: FarmServer, tmp_path: Path) -> None:
    scripted.on("GET", "/files/1", ranged(CONTENT))
    wanted = artifact(scripted)
    (tmp_path / f".x.png.{wanted.sha256[:12]}.part").write_bytes(CONTENT[:5000])
    client.fetch(wanted, tmp_path / "x.png")
    assert (tmp_path / "x.png").read_bytes() == CONTENT
    assert scripted.requests("GET", "/files/1")[0]["Range"] == "bytes=5000-"


def test_a_damaged_part_of_an_earlier_run_is_thrown_away(client: Client, scripted: FarmServer, tmp_path: Path) -> None:
    scripted.on("GET", "/files/1", ranged(CONTENT))
    wanted = artifact(scripted)
    (tmp_path / f".x.png.{wanted.sha256[:12]}.part").write_bytes(b"?" * 5000)
    client.fetch(wanted, tmp_path / "x.png")
    assert (tmp_path / "x.png").read_bytes() == CONTENT


def test_wrong_bytes_are_never_given_the_name_of_the_file(client: Client, scripted: FarmServer, tmp_path: Path) -> None:
    scripted.on("GET", "/files/1", ranged(b"!" + CONTENT[1:]))
    (tmp_path / "x.png").write_bytes(b"older")
    with pytest.raises(DownloadCorrupt, match="digest"):
        client.fetch(artifact(scripted), tmp_path / "x.png")
    assert (tmp_path / "x.png").read_bytes() == b"older"
    assert [path.name for path in tmp_path.iterdir()] == ["x.png"]


def test_an_identical_file_is_not_fetched_again(client: Client, scripted: FarmServer, tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(CONTENT)
    assert client.fetch(artifact(scripted), tmp_path / "x.png") is Fetched.SAME
    assert scripted.seen == []


def test_a_file_of_the_same_size_but_other_bytes_is_fetched(
    client: Client, scripted: FarmServer, tmp_path: Path
) -> None:
    scripted.on("GET", "/files/1", ranged(CONTENT))
    (tmp_path / "x.png").write_bytes(bytes(len(CONTENT)))
    assert client.fetch(artifact(scripted), tmp_path / "x.png") is Fetched.DOWNLOADED


def test_an_empty_file_arrives(client: Client, scripted: FarmServer, tmp_path: Path) -> None:
    scripted.on("GET", "/files/1", ranged(b""))
    client.fetch(artifact(scripted, size_bytes=0, sha256=hashlib.sha256(b"").hexdigest()), tmp_path / "x.log")
    assert (tmp_path / "x.log").read_bytes() == b""


def test_a_link_that_is_over_is_asked_for_anew(client: Client, scripted: FarmServer, tmp_path: Path) -> None:
    scripted.on("GET", "/files/1", lambda request: request.problem(403, "link-expired", "over"))
    scripted.on("GET", "/files/2", ranged(CONTENT))
    fresh = artifact(scripted, url=f"{scripted.url}/files/2")
    scripted.answer("GET", f"/v1/artifacts/{ARTIFACT}", {name: getattr(fresh, name) for name in fresh.__slots__})
    client.fetch(artifact(scripted), tmp_path / "x.png")
    assert (tmp_path / "x.png").read_bytes() == CONTENT


def test_a_link_that_stays_refused_is_an_error(client: Client, scripted: FarmServer, tmp_path: Path) -> None:
    scripted.on("GET", "/files/1", lambda request: request.problem(403, "link-expired", "over"))
    same = artifact(scripted)
    scripted.answer("GET", f"/v1/artifacts/{ARTIFACT}", {name: getattr(same, name) for name in same.__slots__})
    with pytest.raises(FarmRefused, match="over"):
        client.fetch(artifact(scripted), tmp_path / "x.png")


def test_the_api_key_goes_to_the_farm_and_not_to_another_host(
    client: Client, scripted: FarmServer, tmp_path: Path
) -> None:
    with serving() as elsewhere:
        for server in (elsewhere, scripted):
            server.on("GET", "/files/1", ranged(CONTENT))
        client.fetch(artifact(elsewhere), tmp_path / "a.png")
        client.fetch(artifact(scripted, url="/files/1"), tmp_path / "b.png")
        assert "Authorization" not in elsewhere.requests("GET", "/files/1")[0]
    assert scripted.requests("GET", "/files/1")[0]["Authorization"] == "Bearer rf_test_key"


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "C:\\x", "..\\x", "a\0b", ""])
def test_a_name_that_leads_out_of_the_folder_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        safe_destination(tmp_path, name)


def test_a_name_with_folders_stays_below(tmp_path: Path) -> None:
    assert safe_destination(tmp_path, "passes/depth/0001.exr") == tmp_path / "passes" / "depth" / "0001.exr"


def test_a_server_that_sends_more_than_it_promised_is_left(
    client: Client, scripted: FarmServer, tmp_path: Path
) -> None:
    scripted.on("GET", "/files/1", lambda request: request.bytes(CONTENT + b"more", 200))
    target = tmp_path / "0001.png"
    with pytest.raises(DownloadCorrupt, match="longer than"):
        client.fetch(artifact(scripted), target)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("digest", ["a/../../../x", "", "A" * 64, "0" * 63])
def test_a_digest_that_is_none_is_refused_where_it_is_read(digest: str) -> None:
    data = {"id": "1", "name": "x", "url": "/", "size_bytes": 1, "sha256": digest}
    with pytest.raises(ClientError, match="SHA-256"):
        Artifact.read(data)


@pytest.mark.parametrize("name", [".", "./", ""])
def test_a_name_that_names_nothing_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        safe_destination(tmp_path, name)
