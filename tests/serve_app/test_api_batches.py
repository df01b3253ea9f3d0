"""Many small files in one request: each judged by its digest, and no archive that could be an attack taken."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ByteSize

from serve_app.settings import ApiSettings
from tests.serve_app.farm import ApiFarm, bearer, digest_of, pieces, problem_of

TAR = {"Content-Type": "application/x-tar"}


@pytest.fixture
def api_settings(api_settings: ApiSettings) -> ApiSettings:
    limits = {"batch_files": 700, "batch_file_bytes": ByteSize(100_000), "batch_bytes": ByteSize(2_000_000)}
    return api_settings.model_copy(update=limits)


def entry(name: str, content: bytes = b"", **changes: Any) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in changes.items():
        setattr(info, key, value)
    return info.tobuf(tarfile.USTAR_FORMAT) + content + bytes(-len(content) % 512)


def archive(files: Mapping[str, bytes]) -> bytes:
    """As the library itself writes it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def by_digest(*contents: bytes) -> dict[str, bytes]:
    return {digest_of(content): content for content in contents}


async def send(farm: ApiFarm, body: Any, **headers: str) -> httpx.Response:
    return await farm.http.post("/v1/blobs:batch", content=body, headers={**TAR, **headers})


def stored(tmp_path: Path) -> set[str]:
    return {path.name for path in (tmp_path / "storage").rglob("*") if path.is_file()}


async def test_hundreds_of_files_come_in_one_request_and_are_blobs_from_then_on(farm: ApiFarm, tmp_path: Path) -> None:
    files = by_digest(*(b"%d" % number for number in range(600)), b"", bytes(90_000))
    answer = await send(farm, archive(files))
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["refused"] == 0
    assert [(item["digest"], item["size_bytes"], item["state"]) for item in body["items"]] == [
        (digest, len(content), "stored") for digest, content in files.items()
    ]
    assert stored(tmp_path) == set(files)
    lacking = await farm.http.post("/v1/blobs/lacking", json={"digests": list(files)[:50]})
    assert lacking.json()["lacking"] == []
    assert (await farm.http.head(f"/v1/blobs/{digest_of(b'599')}")).headers["content-length"] == "3"


async def test_a_file_that_the_project_has_is_checked_and_called_known(farm: ApiFarm) -> None:
    await farm.upload(b"scene")
    body = (await send(farm, archive(by_digest(b"scene", b"new")))).json()
    assert [item["state"] for item in body["items"]] == ["known", "stored"]
    body = (await send(farm, archive({digest_of(b"scene"): b"guess"}))).json()
    assert [item["state"] for item in body["items"]] == ["refused"]


async def test_a_file_twice_in_an_archive_is_one_blob(farm: ApiFarm) -> None:
    name = digest_of(b"x")
    answer = await send(farm, entry(name, b"x") + entry(name, b"x") + bytes(1024))
    assert [item["digest"] for item in answer.json()["items"]] == [name, name]
    assert await farm.count("blob") == 1


async def test_a_wrong_file_is_refused_alone_and_leaves_nothing(farm: ApiFarm, tmp_path: Path) -> None:
    files = {digest_of(b"one"): b"one", digest_of(b"two"): b"not two", digest_of(b"three"): b"three"}
    body = (await send(farm, archive(files))).json()
    assert [item["state"] for item in body["items"]] == ["stored", "refused", "stored"]
    assert body["refused"] == 1
    assert body["items"][1]["problem"]["code"] == "digest-mismatch"
    assert body["items"][1]["problem"]["remedy"]
    assert stored(tmp_path) == {digest_of(b"one"), digest_of(b"three")}
    assert await farm.count("blob") == 2


async def test_what_another_project_sent_is_not_mine(farm: ApiFarm) -> None:
    other = bearer(await farm.new_key("other"))
    await send(farm, archive(by_digest(b"secret")), **other)
    assert (await farm.http.head(f"/v1/blobs/{digest_of(b'secret')}")).status_code == 404
    assert (await farm.http.head(f"/v1/blobs/{digest_of(b'secret')}", headers=other)).status_code == 200


GOOD = entry(digest_of(b"good"), b"good")
NAME = digest_of(b"evil")
HOSTILE = {
    "a symbolic link": entry(NAME, type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    "a hard link": entry(NAME, type=tarfile.LNKTYPE, linkname=digest_of(b"good")),
    "a device": entry(NAME, type=tarfile.CHRTYPE, devmajor=1, devminor=3),
    "a pipe": entry(NAME, type=tarfile.FIFOTYPE),
    "a folder": entry(NAME, type=tarfile.DIRTYPE),
    "a sparse file": entry(NAME, b"evil", type=tarfile.GNUTYPE_SPARSE),
    "an absolute path": entry(f"/{NAME}", b"evil"),
    "a way out": entry(f"../{NAME[3:]}", b"evil"),
    "a folder in the prefix": entry(f"{'d' * 60}/{NAME}", b"evil"),
    "a name of capitals": entry(NAME.upper(), b"evil"),
    "attributes of pax": entry("x", b"20 path=/etc/passwd\n", type=tarfile.XHDTYPE),
    "global attributes": entry("x", b"20 path=/etc/passwd\n", type=tarfile.XGLTYPE),
    "a long name of GNU": entry("././@LongLink", b"/" * 4000, type=tarfile.GNUTYPE_LONGNAME),
    "a type that nobody knows": entry(NAME, b"evil", type=b"~"),
    "a wrong sum": entry(NAME, b"evil").replace(b"ustar", b"Ustar", 1),
    "a negative size": b"",
    "no tar at all": b"PK\x03\x04" + bytes(range(256)) * 8,
    "gzip": b"\x1f\x8b\x08" + bytes(range(1, 200)) * 20,
}


def negative() -> bytes:
    """A size of -512, as GNU writes numbers in base 256: the reader would go back and meet itself again."""
    header = bytearray(tarfile.TarInfo(NAME).tobuf(tarfile.USTAR_FORMAT))
    header[124:136] = (256**12 - 512).to_bytes(12)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


HOSTILE["a negative size"] = negative()


@pytest.mark.parametrize("what", HOSTILE)
async def test_an_archive_that_holds_anything_but_files_by_digest_is_refused(
    farm: ApiFarm, tmp_path: Path, what: str
) -> None:
    answer = await send(farm, GOOD + HOSTILE[what] + bytes(1024))
    assert problem_of(answer, 422, "tar-refused")["remedy"]
    assert stored(tmp_path) == set()


async def test_bytes_behind_the_end_mark_are_refused(farm: ApiFarm) -> None:
    problem_of(await send(farm, GOOD + bytes(1024) + GOOD + bytes(1024)), 422, "tar-refused")


@pytest.mark.parametrize("cut", [300, 512, 514, 1024])
async def test_an_archive_that_is_cut_off_is_not_taken_for_whole(farm: ApiFarm, cut: int) -> None:
    problem_of(await send(farm, (GOOD + bytes(1024))[:cut]), 422, "upload-incomplete")


async def test_sizes_and_counts_are_bounded_before_the_bytes_are_read(farm: ApiFarm, tmp_path: Path) -> None:
    bomb = entry(NAME, size=8 * 2**30 - 1)  # 8 GiB, of which not one byte comes
    problem = problem_of(await send(farm, bomb), 413, "batch-too-large")
    assert problem["limit"] == 100_000
    many = b"".join(entry(digest_of(b"%d" % number), b"%d" % number) for number in range(701))
    assert problem_of(await send(farm, many + bytes(1024)), 413, "batch-too-large")["limit"] == 700
    padding = pieces(GOOD, *(bytes(500_000) for _ in range(5)))
    assert problem_of(await send(farm, padding), 413, "batch-too-large")["limit"] == 2_000_000


async def test_what_came_before_a_fault_is_kept_and_lacking_no_longer(farm: ApiFarm) -> None:
    first = by_digest(*(b"%d" % number for number in range(500)))
    body = b"".join(entry(name, content) for name, content in first.items()) + HOSTILE["a symbolic link"]
    problem_of(await send(farm, body), 422, "tar-refused")
    assert await farm.count("project_blob") == 500


async def test_the_body_may_come_in_any_pieces(farm: ApiFarm) -> None:
    body = archive(by_digest(b"one", b"two" * 300))
    answer = await send(farm, pieces(*(body[at : at + 7] for at in range(0, len(body), 7))))
    assert [item["state"] for item in answer.json()["items"]] == ["stored", "stored"]


async def test_another_type_or_coding_of_the_body_is_refused(farm: ApiFarm) -> None:
    body = archive(by_digest(b"one"))
    answer = await farm.http.post("/v1/blobs:batch", content=body, headers={"Content-Type": "application/zip"})
    assert problem_of(answer, 422, "invalid-input")["field"] == "Content-Type"
    answer = await send(farm, body, **{"Content-Encoding": "gzip"})
    problem_of(answer, 415, "content-coding-unsupported")


async def test_a_batch_over_the_quota_of_storage_is_refused(farm: ApiFarm, tmp_path: Path) -> None:
    assert (await farm.http.put("/v1/projects/default/quotas", json={"stored_bytes": 100})).is_success
    small = by_digest(*(b"%d" % number for number in range(10)))  # 10 bytes in an archive of 10 kB
    assert (await send(farm, archive(small))).json()["refused"] == 0
    problem_of(await send(farm, archive(by_digest(bytes(101)))), 409, "over-quota")
    assert stored(tmp_path) == set(small)
    await farm.upload(b"still fits")


async def test_the_question_what_is_lacking_tells_what_an_archive_may_hold(farm: ApiFarm) -> None:
    answer = await farm.http.post("/v1/blobs/lacking", json={"digests": []})
    accepts = answer.json()["accepts"]
    assert accepts["batch_files"] == 700
    assert (accepts["batch_file_bytes"], accepts["batch_bytes"]) == (100_000, 2_000_000)
