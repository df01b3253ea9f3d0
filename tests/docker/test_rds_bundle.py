"""The images know a database of RDS: its authorities are where Terraform's address looks for them."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUNDLE = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
NAME = "global-bundle.pem"


def fetch(folder: Path, *, url: str, sha256: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "docker" / "fetch-rds-bundle"), str(folder / "rds")]
    environment = {"RDS_BUNDLE_URL": url, "RDS_BUNDLE_SHA256": sha256}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def served(tmp_path: Path) -> str:
    path = tmp_path / "served.pem"
    path.write_bytes(BUNDLE)
    return path.as_uri()


def test_both_images_hold_it_where_the_address_of_terraform_names_it() -> None:
    outputs = (ROOT / "terraform" / "modules" / "data" / "outputs.tf").read_text()
    [path] = re.findall(r"sslrootcert=([^\"]+)", outputs)
    for name in ("api", "renderer"):
        last = (ROOT / "docker" / f"{name}.Dockerfile").read_text().rsplit("\nFROM", 1)[1]
        [folder] = re.findall(r"^COPY --from=certificates (\S+) \1$", last, re.MULTILINE)
        assert f"{folder}/{NAME}" == path


def test_the_pinned_one_is_taken_without_a_word(tmp_path: Path, served: str) -> None:
    done = fetch(tmp_path, url=served, sha256=hashlib.sha256(BUNDLE).hexdigest())
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "rds" / NAME).read_bytes() == BUNDLE
    assert (tmp_path / "rds" / NAME).stat().st_mode & 0o777 == 0o644


def test_without_a_pin_it_warns_and_says_what_to_pin(tmp_path: Path, served: str) -> None:
    done = fetch(tmp_path, url=served)
    assert done.returncode == 0
    assert "not pinned" in done.stderr
    assert hashlib.sha256(BUNDLE).hexdigest() in done.stderr


def test_another_one_than_the_pinned_fails_the_build(tmp_path: Path, served: str) -> None:
    done = fetch(tmp_path, url=served, sha256="0" * 64)
    assert done.returncode == 1
    assert not (tmp_path / "rds" / NAME).exists()


def test_a_page_that_holds_no_certificates_fails_the_build(tmp_path: Path) -> None:
    (tmp_path / "page").write_text("<html>log in</html>")
    assert fetch(tmp_path, url=(tmp_path / "page").as_uri()).returncode == 1


def test_a_site_without_the_network_is_told_how_to_leave_it_out_and_can(tmp_path: Path) -> None:
    done = fetch(tmp_path, url="https://127.0.0.1:1/bundle.pem")
    assert done.returncode == 1
    assert "--build-arg RDS_BUNDLE_URL=" in done.stderr
    assert fetch(tmp_path, url="").returncode == 0
    assert list((tmp_path / "rds").iterdir()) == []
