"""Where the client finds the farm and its key, and that a key never goes to a farm that it does not belong to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rayfarm import UsageError
from rayfarm._config import resolve


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "farm.json").write_text(json.dumps({"ports": {"http": 8712}, "http_host": "0.0.0.0"}))
    (tmp_path / "admin_key").write_text("rf_home_key\n")
    return tmp_path


def env(home: Path, **more: str) -> dict[str, str]:
    return {"RAYFARM_HOME": str(home), "RAYFARM_CONFIG_DIR": str(home / "config"), **more}


class TestWhichFarm:
    def test_the_option_wins_over_the_environment_and_the_home(self, home: Path) -> None:
        found = resolve(
            url="http://a:1/", api_key="k", environ=env(home, RAYFARM_URL="http://b:2", RAYFARM_API_KEY="e")
        )
        assert (found.url, found.api_key) == ("http://a:1", "k")

    def test_the_environment_wins_over_the_home(self, home: Path) -> None:
        found = resolve(environ=env(home, RAYFARM_URL="http://b:2", RAYFARM_API_KEY="e"))
        assert (found.url, found.api_key) == ("http://b:2", "e")

    def test_the_home_is_the_last_resort_and_listening_everywhere_means_loopback(self, home: Path) -> None:
        found = resolve(environ=env(home))
        assert (found.url, found.api_key) == ("http://127.0.0.1:8712", "rf_home_key")

    def test_without_any_farm_the_error_says_how_to_start_one(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="rayfarm up"):
            resolve(environ=env(tmp_path / "none"))

    def test_a_damaged_record_is_told_with_its_path(self, home: Path) -> None:
        (home / "farm.json").write_text("{")
        with pytest.raises(UsageError, match=r"farm\.json"):
            resolve(environ=env(home))

    @pytest.mark.parametrize("url", ["ftp://x", "localhost:8700"])
    def test_an_address_that_is_no_http_address_is_refused(self, home: Path, url: str) -> None:
        with pytest.raises(UsageError, match="http"):
            resolve(url=url, environ=env(home))


class TestTheKey:
    def test_the_home_key_does_not_go_to_another_farm(self, home: Path) -> None:
        assert resolve(url="http://elsewhere:1", environ=env(home)).api_key is None

    def test_the_home_key_goes_to_the_home_farm_named_by_address(self, home: Path) -> None:
        assert resolve(url="http://127.0.0.1:8712/", environ=env(home)).api_key == "rf_home_key"

    def test_the_key_is_not_in_the_words_of_a_connection(self, home: Path) -> None:
        assert "rf_home_key" not in repr(resolve(environ=env(home)))
