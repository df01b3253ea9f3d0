"""The driver of a batch render with a farm of its own: what it makes, what it leaves, and what its exit status says."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from cluster import batch
from cluster.batch_farm import BatchFarmNotReady, GateIsClosed, OtherDatabase, Swept
from db.errors import DatabaseUnavailable
from serve_app import batch as driver

AWAY = "postgresql://nobody@127.0.0.1:1/none"


class Farm:
    """Stands for Ray; remembers what was done to it."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.verdict: Callable[[], int] = lambda: batch.SUCCEEDED
        self.start: Callable[[], None] = lambda: None
        self.swept: Callable[[], None] = lambda: None

    def connect(self) -> None:
        self.done.append("connect")

    @contextmanager
    def joined(self, **_: Any) -> Iterator[None]:
        self.start()
        self.done.append("joined")
        yield

    def run(self, asked: batch.Asked) -> int:
        return self.verdict()

    def sweep(self, **_: Any) -> Swept:
        self.done.append("sweep")
        self.swept()
        return Swept(("rayfarm-batch-renderer-x",), None)


@pytest.fixture
def farm(monkeypatch: pytest.MonkeyPatch, database_url: str, tmp_path: Path) -> Farm:
    farm = Farm()
    for name in ("connect", "joined", "sweep"):
        monkeypatch.setattr(driver, name, getattr(farm, name))
    monkeypatch.setattr(driver, "require_no_farm", lambda: None)
    monkeypatch.setattr(driver, "observe_process", lambda _: None)  # the logs of this process are all tests'
    monkeypatch.setattr(driver, "_api", lambda: _nothing())
    monkeypatch.setattr(batch, "run", farm.run)
    monkeypatch.setenv("RAYFARM_DATABASE_URL", database_url)
    monkeypatch.setenv("RAYFARM_STORAGE_URL", tmp_path.as_uri())
    monkeypatch.setenv("RAYFARM_API_KEY", "")  # the driver sets it
    return farm


@contextmanager
def _nothing() -> Iterator[None]:
    yield


@pytest.fixture
def spec(tmp_path: Path) -> str:
    path = tmp_path / "spec.yaml"
    path.write_text("scene: shot.blend\n")
    return str(path)


def raising(error: BaseException) -> Callable[[], Any]:
    def fail() -> Any:
        raise error

    return fail


@pytest.mark.parametrize("words", [["rendr", "spec.yaml"], ["--help"], ["render"]])
def test_a_typo_costs_no_farm(words: list[str], farm: Farm) -> None:
    with pytest.raises(SystemExit):
        driver.main(words)
    assert farm.done == []


@pytest.mark.parametrize("text", [None, "frames: 1-3\n", "scene: [", "scene: a.blend\n---\nscene: b.blend\n"])
def test_a_spec_that_is_missing_or_wrong_costs_no_farm(
    text: str | None, farm: Farm, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if text is not None:
        (tmp_path / "wrong.yaml").write_text(text)
    assert driver.main(["render", str(tmp_path / "wrong.yaml")]) == batch.USAGE
    assert "wrong.yaml" in capsys.readouterr().out
    assert farm.done == []


@pytest.mark.parametrize(("written", "read"), [("7", "7"), ("1-3", "1-3"), ('"7"', "7"), ("", None)])
def test_a_single_frame_may_be_written_as_yaml_takes_it(written: str, read: str | None, tmp_path: Path) -> None:
    file = tmp_path / "one.yaml"
    file.write_text(f"scene: a.blend\nframes: {written}\n")
    assert batch.read_spec(file).frames == read


@pytest.mark.parametrize("verdict", [batch.SUCCEEDED, batch.FAILED, batch.USAGE, batch.UNREACHABLE])
def test_the_farm_is_taken_away_after_every_verdict(verdict: int, farm: Farm, spec: str) -> None:
    farm.verdict = lambda: verdict
    assert driver.main(["render", spec]) == verdict
    assert farm.done == ["connect", "joined", "sweep"]


def test_a_farm_that_did_not_start_is_taken_away_too(farm: Farm, spec: str) -> None:
    farm.start = raising(BatchFarmNotReady("half of it runs"))
    assert driver.main(["render", spec]) == batch.UNREACHABLE
    assert farm.done == ["connect", "sweep"]


def test_a_driver_that_did_not_pass_the_gate_does_not_wait_for_it_again(farm: Farm, spec: str) -> None:
    farm.start = raising(GateIsClosed("another driver is at it"))
    assert driver.main(["render", spec]) == batch.UNREACHABLE
    assert farm.done == ["connect"]


@pytest.mark.parametrize(
    "error", [BatchFarmNotReady("Ray is away"), OtherDatabase(), DatabaseUnavailable("it is away")]
)
def test_what_cannot_be_taken_away_is_said_and_leaves_the_verdict(
    error: Exception, farm: Farm, spec: str, capsys: pytest.CaptureFixture[str]
) -> None:
    farm.swept = raising(error)
    assert driver.main(["render", spec]) == batch.SUCCEEDED
    assert f"what was made stays: {error}" in capsys.readouterr().out


def test_a_key_that_cannot_be_revoked_leaves_the_verdict(
    farm: Farm, spec: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def verdict() -> int:
        monkeypatch.setenv("RAYFARM_DATABASE_URL", AWAY)
        return batch.SUCCEEDED

    farm.verdict = verdict
    assert driver.main(["render", spec]) == batch.SUCCEEDED
    assert "API key stays" in capsys.readouterr().out
    assert farm.done == ["connect", "joined", "sweep"]


def test_the_key_of_a_driver_is_revoked_at_its_end(farm: Farm, spec: str, database_url: str) -> None:
    left = "select count(*) from api_key where name like 'batch %' and revoked_at is null"
    with psycopg.connect(database_url, autocommit=True) as connection:
        before = connection.execute(left).fetchone()
        assert driver.main(["render", spec]) == batch.SUCCEEDED
        assert connection.execute(left).fetchone() == before


def test_a_stopped_driver_leaves_the_farm_to_its_job(farm: Farm, spec: str) -> None:
    farm.verdict = lambda: batch.STOPPED
    assert driver.main(["render", spec]) == batch.STOPPED
    assert farm.done == ["connect", "joined"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("place", ["start", "swept"])
def test_a_stop_while_the_farm_is_made_or_taken_away_is_no_traceback(
    place: str, number: int, farm: Farm, spec: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(number)
    setattr(farm, place, lambda: signal.raise_signal(number))
    assert driver.main(["render", spec]) == batch.STOPPED
    assert "rayfarm cluster gc" in capsys.readouterr().out
    assert signal.getsignal(number) is before
