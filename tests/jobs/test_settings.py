"""Settings are refused by the name of their variable and the form that it takes."""

from __future__ import annotations

import pytest

from cluster.local.settings import LocalFarmSettings
from cluster.logs import LogSettings
from jobs.egress import EgressSettings
from jobs.errors import InvalidSettings
from serve_app.settings import ApiSettings
from storage.settings import StorageSettings


@pytest.mark.parametrize(
    ("owner", "name", "value", "words"),
    [
        (LocalFarmSettings, "RAYFARM_HTTP_PORT", "80", "write a whole number, 1024 to 65535; it should be greater"),
        (LocalFarmSettings, "RAYFARM_HTTP_PORT", "http", "write a whole number, 1024 to 65535"),
        (LocalFarmSettings, "RAYFARM_RAY_START_TIMEOUT", "30", "write a duration, such as PT30S"),
        (ApiSettings, "RAYFARM_API_HEARTBEAT", "PT0S", "write a duration, such as PT30S; it should be greater than 0"),
        (ApiSettings, "RAYFARM_API_STILL_ANSWER", "picture", "write one of redirect, bytes"),
        (LogSettings, "RAYFARM_LOG_LEVEL", "loud", "write one of debug, info, warning, error"),
        (EgressSettings, "RAYFARM_EGRESS_PORTS", "80, 443", 'write a JSON list, such as ["a", "b"]'),
        (EgressSettings, "RAYFARM_EGRESS_PORTS", "[443, 0]", 'write a JSON list, such as ["a", "b"]; it[1] should be'),
    ],
)
def test_a_wrong_setting_is_refused_by_its_variable_and_the_form_it_takes(
    owner: type, name: str, value: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSettings) as refused:
        owner()
    assert str(refused.value).startswith(f"{name}: {words}")
    assert "pydantic" not in str(refused.value)


def test_all_wrong_settings_are_named_at_once_and_no_secret_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYFARM_STORAGE_SIGNING_KEY", "short-and-private")
    with pytest.raises(InvalidSettings) as weak:
        StorageSettings()
    monkeypatch.setenv("RAYFARM_STORAGE_THREADS", "0")
    monkeypatch.setenv("RAYFARM_STORAGE_READ_TIMEOUT", "60")
    with pytest.raises(InvalidSettings) as several:
        StorageSettings()
    assert "short-and-private" not in f"{weak.value}{several.value}"
    assert [line.partition(":")[0] for line in sorted(str(several.value).splitlines())] == [
        "RAYFARM_STORAGE_READ_TIMEOUT",
        "RAYFARM_STORAGE_THREADS",
    ]


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYFARM_HTTP_PORT", "")
    assert LocalFarmSettings().http_port is None
