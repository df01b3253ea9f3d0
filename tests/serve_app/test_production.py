"""The production profile: every open door is named, all at once, and nothing starts before it is shut."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psycopg
import pytest

from cluster.composition import loop_parts, open_farm
from cluster.production import NotForProduction, dashboard_faults, is_weak
from db.embedded import EmbeddedPostgres
from db.settings import DatabaseSettings
from db.trust import accepts_anybody
from serve_app.app import build_app
from serve_app.production import farm_faults
from serve_app.settings import ApiSettings

STRONG = secrets.token_hex(32)


@pytest.fixture(autouse=True)
def sound(monkeypatch: pytest.MonkeyPatch, database_url: str, tmp_path: Path) -> None:
    """An environment without a fault."""
    for name in [name for name in os.environ if name.startswith(("RAYFARM_", "RAY_"))]:
        monkeypatch.delenv(name)
    values = {
        "RAYFARM_PROFILE": "production",
        "RAYFARM_DATABASE_URL": database_url,
        "RAYFARM_STORAGE_URL": tmp_path.as_uri(),
        "RAYFARM_STORAGE_SIGNING_KEY": secrets.token_hex(32),
        "RAYFARM_API_TOKEN_KEY": secrets.token_urlsafe(32),
        "RAYFARM_API_PUBLIC_URL": "https://farm.example.org",
        "RAYFARM_WEBHOOK_KEY": secrets.token_hex(32),
        "RAYFARM_MAIL_HOST": "mail.example.org",
        "RAYFARM_MAIL_SENDER": "farm@example.org",
        "RAYFARM_ENGINE_REQUIRE_SANDBOX": "full",
        "RAY_AUTH_MODE": "token",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)


OPEN_DOORS = {
    "RAYFARM_API_TOKEN_KEY": "a" * 40,
    "RAYFARM_API_PREVIOUS_TOKEN_KEYS": '["our-little-secret-our-little-secret-ours"]',
    "RAYFARM_API_PUBLIC_URL": "http://farm.example.org",
    "RAYFARM_API_CORS_ORIGINS": '["*"]',
    "RAYFARM_API_TRUSTED_PROXIES": '["0.0.0.0/0"]',
    "RAYFARM_API_RATE_EXEMPT_CLIENTS": '["::/0"]',
    "RAYFARM_STORAGE_SIGNING_KEY": "0" * 64,
    "RAYFARM_STORAGE_ENDPOINT_URL": "http://s3.example.org",
    "RAYFARM_STORAGE_PUBLIC_ENDPOINT_URL": "http://s3.example.org",
    "RAYFARM_WEBHOOK_KEY": "ab" * 32,
    "RAYFARM_MAIL_SECURITY": "none",
    "RAYFARM_ENGINE_REQUIRE_SANDBOX": "none",
    "RAYFARM_ENGINE_UNSHARE_NETWORK": "false",
    "RAYFARM_ENGINE_CONFINE_FILES": "false",
    "RAYFARM_ENGINE_FILTER_CALLS": "false",
    "RAYFARM_EGRESS_ALLOW_HTTP": "true",
    "RAYFARM_EGRESS_ALLOWED_NETWORKS": '["0.0.0.0/0"]',
    "RAYFARM_LOOPS_EVENT_TARGETS": '["http://events.example.org/in"]',
    "RAYFARM_LOG_LEVEL": "debug",
    "RAY_AUTH_MODE": "",
    "FORWARDED_ALLOW_IPS": "*",
    "PYTHONDEVMODE": "1",
    "RAY_DEBUG": "1",
}
"""Each by itself keeps a farm from starting."""


def named() -> list[str]:
    return [fault.setting for fault in farm_faults()]


class TestFaults:
    def test_a_sound_environment_has_none(self) -> None:
        assert named() == []

    @pytest.mark.parametrize("setting", OPEN_DOORS)
    def test_an_open_door_is_named(self, monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
        monkeypatch.setenv(setting, OPEN_DOORS[setting])
        assert named() == [setting]

    @pytest.mark.parametrize(
        ("setting", "value"),
        [
            ("RAYFARM_API_CORS_ORIGINS", '["http://pages.example.org"]'),
            ("RAYFARM_DATABASE_URL", "postgresql://farm@127.0.0.1:1/farm"),
            ("RAYFARM_DATABASE_URL", "postgresql://farm:postgres@127.0.0.1:1/farm"),
            ("RAYFARM_DATABASE_URL", f"postgresql://farm:{STRONG}@db.example.org/farm"),
            ("RAYFARM_DATABASE_URL", f"postgresql://farm:{STRONG}@db.example.org/farm?sslmode=prefer"),
        ],
    )
    def test_a_door_that_stands_ajar_is_named(self, monkeypatch: pytest.MonkeyPatch, setting: str, value: str) -> None:
        monkeypatch.setattr("serve_app.production.accepts_anybody", lambda _: False)  # nobody is there
        monkeypatch.setenv(setting, value)
        assert named() == [setting]

    @pytest.mark.parametrize(
        ("setting", "value"),
        [
            ("RAYFARM_DATABASE_URL", f"postgresql://farm:{STRONG}@db.example.org/farm?sslmode=verify-full"),
            ("RAYFARM_DATABASE_URL", f"postgresql://farm:{STRONG}@/farm?host=/run/postgresql"),
            ("RAYFARM_STORAGE_ENDPOINT_URL", "http://127.0.0.1:8333"),
            ("RAYFARM_LOOPS_EVENT_TARGETS", '["http://localhost:9000/in"]'),
            ("RAYFARM_API_CORS_ORIGINS", '["https://pages.example.org"]'),
            ("RAY_DEBUG", "0"),
        ],
    )
    def test_what_is_safe_is_no_fault(self, monkeypatch: pytest.MonkeyPatch, setting: str, value: str) -> None:
        monkeypatch.setattr("serve_app.production.accepts_anybody", lambda _: False)  # nobody is there
        monkeypatch.setenv(setting, value)
        assert named() == []

    def test_a_key_without_a_public_address_is_a_fault(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("RAYFARM_API_PUBLIC_URL")
        assert named() == ["RAYFARM_API_PUBLIC_URL"]

    def test_random_keys_are_never_taken_for_thought_up_ones(self) -> None:
        keys = [make(32) for _ in range(500) for make in (secrets.token_hex, secrets.token_urlsafe)]
        assert not [key for key in keys if is_weak(key)]


class TestDatabase:
    def test_a_server_that_trusts_everybody_is_found(
        self, postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        url = postgres.url_for("postgres")
        settings = DatabaseSettings(url=url)
        assert not accepts_anybody(settings)
        hba = postgres.data / "pg_hba.conf"
        before = hba.read_text()
        with psycopg.connect(url, autocommit=True) as connection:
            hba.write_text(f"host all all 127.0.0.1/32 trust\n{before}")
            try:
                connection.execute("select pg_reload_conf()")
                with psycopg.connect(url):  # the reload is done once a new server process reads it
                    pass
                assert accepts_anybody(settings)
                assert named() == ["RAYFARM_DATABASE_URL"]
            finally:
                hba.write_text(before)
                connection.execute("select pg_reload_conf()")

    def test_a_server_that_is_away_is_no_fault(self) -> None:
        assert not accepts_anybody(DatabaseSettings(url=f"postgresql://farm:{STRONG}@127.0.0.1:1/farm"))


@contextmanager
def dashboard(status: int) -> Iterator[str]:
    """A server that answers everything with one status."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class TestDashboard:
    def test_one_that_lets_strangers_in_is_a_fault(self) -> None:
        with dashboard(200) as address:
            [fault] = dashboard_faults(address)
        assert address in fault.words

    def test_one_that_asks_for_a_token_is_none(self) -> None:
        with dashboard(401) as address:
            assert dashboard_faults(address) == []


class TestStart:
    def test_all_faults_are_told_at_once_with_what_to_change(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for setting, value in OPEN_DOORS.items():
            monkeypatch.setenv(setting, value)
        done = subprocess.run(
            [sys.executable, "-m", "serve_app.production"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        told = [line for line in done.stderr.splitlines() if line.startswith("- ")]
        assert {line.removeprefix("- ").partition(":")[0] for line in told} == OPEN_DOORS.keys()
        assert f"with {len(OPEN_DOORS)} settings" in done.stderr
        assert "our-little-secret" not in done.stderr
        assert "a" * 40 not in done.stderr

    def test_a_farm_of_one_machine_ends_before_its_migrations_and_before_ray(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        for name in ("RAYFARM_DATABASE_URL", "RAYFARM_STORAGE_URL", "RAYFARM_API_PUBLIC_URL"):
            monkeypatch.delenv(name)  # the farm makes its own database and keys, which are strong
        monkeypatch.setenv("RAYFARM_ENGINE_REQUIRE_SANDBOX", "none")
        home = tmp_path / "farm"
        command = [sys.executable, "-m", "cluster.local.supervisor", "--home", home]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=200)
        assert done.returncode == 1, done.stderr
        farm = json.loads((home / "farm.json").read_text())
        assert (farm["stage"], farm["ray"]) == ("failed", None)
        told = [line.partition(":")[0] for line in farm["detail"].splitlines() if line.startswith("- ")]
        assert told == ["- RAYFARM_API_PUBLIC_URL", "- RAYFARM_ENGINE_REQUIRE_SANDBOX"]
        assert not (home / "logs" / "migrations.log").exists()

    def test_the_parts_of_a_dispatcher_or_a_renderer_are_not_opened(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RAYFARM_ENGINE_REQUIRE_SANDBOX", "partial")
        with pytest.raises(NotForProduction, match="RAYFARM_ENGINE_REQUIRE_SANDBOX"):
            open_farm()

    def test_the_parts_of_the_loops_are_not_opened(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RAYFARM_WEBHOOK_KEY", "ab" * 32)
        with pytest.raises(NotForProduction, match="RAYFARM_WEBHOOK_KEY"):
            loop_parts()

    async def test_the_api_does_not_start(self) -> None:
        app = build_app(ApiSettings(cors_origins=("*",), public_url="https://farm.example.org"))
        with pytest.raises(NotForProduction, match="RAYFARM_API_CORS_ORIGINS"):
            async with app.router.lifespan_context(app):
                pass

    async def test_a_farm_for_development_starts_with_all_of_them(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for setting, value in OPEN_DOORS.items():
            monkeypatch.setenv(setting, value)
        monkeypatch.setenv("RAYFARM_PROFILE", "development")
        app = build_app()
        async with app.router.lifespan_context(app):
            assert app.state.services.tokens is not None
