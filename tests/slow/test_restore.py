"""The rehearsal of `docs/operations/backup-and-restore.md`: dump, destroy, restore; the job that was under way ends."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from cluster.local import control
from cluster.local.settings import LocalFarmSettings
from tests.farm.running import RunningFarm

pytestmark = pytest.mark.timeout(900)

FRAMES = 24
SECRETS = ("admin_key", "ray_token", "storage_signing_key", "token_key", "webhook_key")


@pytest.fixture
def place() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="rf-"))
    folder.chmod(0o755)
    yield folder
    for home in (folder / "before", folder / "after"):
        control.down(home)
    shutil.rmtree(folder, ignore_errors=True)


def start(home: Path) -> RunningFarm:
    control.up(home, LocalFarmSettings(home=home, num_cpus=1, deploy_timeout=timedelta(minutes=5)))
    return RunningFarm(home)


def database(home: Path, *command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cluster.local.database", "--home", home, "--", *command],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def copy(source: Path, target: Path) -> None:
    """With owners, modes and extended attributes: these hold the files' digests."""
    subprocess.run(["cp", "-a", source, target], check=True)


def pictures(farm: RunningFarm, job_id: str) -> dict[str, str]:
    """Name to digest, of what the links lead to."""
    found = {}
    for artifact in farm.call("GET", f"/jobs/{job_id}/artifacts?limit=200")["items"]:
        if artifact["kind"] == "frame":
            answer = httpx.get(artifact["url"])
            assert answer.status_code == 200, artifact["name"]
            found[artifact["name"]] = hashlib.sha256(answer.content).hexdigest()
    return found


def test_what_was_dumped_is_restored_on_another_machine_and_the_job_ends(place: Path) -> None:
    before, after, backup = place / "before", place / "after", place / "backup"
    farm = start(before)
    job_id = farm.submit(frames=f"1-{FRAMES}", settings={"render_ms": 500})
    farm.until_committed(job_id, 5)

    backup.mkdir()
    database(before, "pg_dump", "--format=custom", f"--file={backup / 'farm.dump'}")  # first the rows, then the files
    for name in SECRETS:
        copy(before / name, backup / name)
    archive = str(backup / "storage.tar")
    leaving = ("--xattrs", f"--directory={before}", "--exclude=storage/incoming", f"--file={archive}", "storage")
    assert subprocess.run(("tar", "--create", *leaving), check=False).returncode in (0, 1)
    farm.until_committed(job_id, farm.job(job_id)["counts"]["committed"] + 3)  # what the backup does not know of
    kept = pictures(farm, job_id)
    control.down(before)
    shutil.rmtree(before)

    after.mkdir()
    after.chmod(0o755)
    for name in SECRETS:
        copy(backup / name, after / name)
    coming = ("--xattrs", "--preserve-permissions", f"--directory={after}", f"--file={archive}")
    subprocess.run(("tar", "--extract", *coming), check=True)
    database(after, "pg_restore", "--dbname=postgres", "--exit-on-error", "--no-owner", str(backup / "farm.dump"))
    farm = start(after)
    committed = farm.job(job_id)["counts"]["committed"]
    assert 5 <= committed < FRAMES
    farm.ended(job_id)
    farm.assert_each_frame_once(job_id, FRAMES, in_flight=2)
    found = pictures(farm, job_id)
    assert len(found) == FRAMES
    assert kept.items() <= found.items(), "a frame that was lost was rendered again, and is the same"
    assert farm.ended(farm.submit(frames="1-2"))["state"] == "succeeded"
