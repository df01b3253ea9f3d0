"""Which file of the web app answers an address, and which scripts a page may run."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from pathlib import Path

import pytest

from serve_app.web.export import Export, read_export
from serve_app.web.policy import hashes_of, policy_of

PAGES = {
    "index.html": "home",
    "404.html": "lost",
    "jobs/index.html": "jobs",
    "jobs/_/index.html": "job",
    "jobs/_/__next._tree.txt": "tree of a job",
    "jobs/_/frames/_/index.html": "frame",
    "jobs/new/index.html": "new job",
    "_next/static/chunks/app.js": "code",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in PAGES.items():
        path = tmp_path / "out" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return tmp_path / "out"


@pytest.fixture
def export(folder: Path) -> Export:
    read = read_export(folder)
    assert read is not None
    return read


def text_at(export: Export, path: str) -> str | None:
    found = export.find(path)
    return None if found is None else found.content.decode()


class TestAddresses:
    @pytest.mark.parametrize(
        ("path", "content"),
        [
            ("/", "home"),
            ("/jobs/", "jobs"),
            ("/jobs/0193-ab/", "job"),
            ("/jobs/0193-ab/__next._tree.txt", "tree of a job"),
            ("/jobs/0193-ab/frames/12/", "frame"),
            ("/jobs/new/", "new job"),
            ("/jobs/new/frames/12/", "frame"),  # a job by that name has no page of its own, its frames have
            ("/_next/static/chunks/app.js", "code"),
        ],
    )
    def test_a_page_and_a_part_of_a_section_are_found(self, export: Export, path: str, content: str) -> None:
        assert text_at(export, path) == content

    @pytest.mark.parametrize(
        "path",
        ["/nothing/", "/jobs/0193-ab/nothing/", "/jobs//", "//jobs/", "/jobs/../index.html", "/jobs/./", "/jobs/\0/x"],
    )
    def test_what_is_not_in_the_export_is_not_looked_for(self, export: Export, path: str) -> None:
        assert export.find(path) is None

    def test_a_page_without_its_slash_is_known(self, export: Export) -> None:
        assert export.is_page_without_slash("/jobs/0193-ab/frames/12")
        assert not export.is_page_without_slash("/jobs/0193-ab/nothing")
        assert not export.is_page_without_slash("//jobs")

    def test_a_link_out_of_the_folder_leads_nowhere(self, folder: Path) -> None:
        secret = folder.parent / "secret"
        secret.mkdir()
        (secret / "key.txt").write_text("secret")
        (folder / "out.txt").symlink_to(secret / "key.txt")
        (folder / "away").symlink_to(secret)
        export = read_export(folder)
        assert export is not None
        assert [export.find(path) for path in ("/out.txt", "/away/key.txt", "/../secret/key.txt")] == [None] * 3

    def test_a_folder_without_an_export_is_none(self, tmp_path: Path) -> None:
        (tmp_path / "notes.txt").write_text("not built")
        assert read_export(tmp_path) is None
        assert read_export(tmp_path / "nothing") is None

    def test_a_compressed_neighbour_is_no_file_of_its_own(self, folder: Path) -> None:
        (folder / "_next/static/chunks/app.js.gz").write_bytes(b"zipped")
        export = read_export(folder)
        assert export is not None
        found = export.find("/_next/static/chunks/app.js")
        assert found is not None
        assert found.coded == {"gzip": b"zipped"}
        assert export.find("/_next/static/chunks/app.js.gz") is None


def sha256_of(script: str) -> str:
    return f"sha256-{b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


class TestScripts:
    def test_each_script_of_a_page_is_hashed_to_the_letter_and_no_other(self) -> None:
        first, second = 'self.__next_f.push([1,"a < b && \\"c\\" \\u003c/p>&amp;"])', "\n  let x = `<b>`;\n"
        page = (
            f'<!doctype html><script src="/a.js" async></script><script>{first}</script><style>p{{}}</style>'
            f'<p>text</p><script id="x" type="module">{second}</script><script>{first}</script>'
        )
        assert hashes_of(page) == (sha256_of(first), sha256_of(second))

    def test_line_ends_are_those_that_a_browser_hashes(self) -> None:
        assert hashes_of("<script>a()\r\nb()\rc()</script>") == (sha256_of("a()\nb()\nc()"),)

    def test_a_script_that_was_slipped_into_a_page_may_not_run(self) -> None:
        page = "<script>ours()</script>"
        policy = policy_of(hashes_of(page), origins=())
        allowed = re.findall(r"'(sha256-[^']+)'", policy)
        assert allowed == [sha256_of("ours()")]
        assert sha256_of("alert(1)") not in policy
        scripts = next(part for part in policy.split("; ") if part.startswith("script-src"))
        assert "unsafe-inline" not in scripts
        assert "'unsafe-eval'" not in scripts
        assert "*" not in policy
