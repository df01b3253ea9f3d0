"""Properties of keys, file names, signed links, and settings: no input gets out of its place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from jobs.errors import InvalidInput, InvalidSettings
from storage import (
    FileSigner,
    LinkExpired,
    LinkInvalid,
    StorageSettings,
    artifact_key,
    blob_key,
    content_disposition,
    safe_filename,
)
from storage.keys import require_key, require_media_type
from tests.storage.backends import SIGNING_KEY

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
KEY = "artifacts/j/1/a/frame.png"
OTHER_KEY = SecretStr("another signing key, of 32 bytes or more")

hostile_text = st.text(st.sampled_from("ab./\\\0 \n:%~é-_A0"), max_size=40)


def signer(*keys: SecretStr, now: datetime = NOW) -> FileSigner:
    return FileSigner(keys=keys or (SIGNING_KEY,), clock=lambda: now)


def token() -> str:
    return signer().sign(KEY, "Bär.png", "image/png", NOW + timedelta(minutes=5))


class TestKeys:
    @given(st.one_of(hostile_text, hostile_text.map("artifacts/".__add__), st.text().map("artifacts/".__add__)))
    def test_an_accepted_key_names_one_place_below_its_root(self, key: str) -> None:
        try:
            require_key(key)
        except InvalidInput:
            return
        path = PurePosixPath("/root") / key
        assert str(path) == f"/root/{key}"
        assert not {"..", "."} & set(path.parts)
        assert path.parts[2] in ("artifacts", "blobs")
        assert key.isascii()
        assert key.isprintable()
        assert "\\" not in key

    @given(st.text(max_size=400))
    def test_any_file_name_becomes_a_valid_last_segment(self, name: str) -> None:
        key = artifact_key(job_id="j1", part="video", attempt="a1", filename=name)
        assert require_key(key).startswith("artifacts/j1/video/a1/")
        assert key.count("/") == 4

    @pytest.mark.parametrize(
        ("name", "safe"),
        [
            ("frame_0001.png", "frame_0001.png"),
            ("../x.png", "_x.png"),
            (".env", "env"),
            ("Bär 1.png", "Bar_1.png"),
            ("…", "..."),
        ],
    )
    def test_names_stay_readable(self, name: str, safe: str) -> None:
        assert safe_filename(name) == (safe if safe != "..." else "file")

    @given(st.binary(min_size=32, max_size=32).map(bytes.hex))
    def test_every_digest_has_its_own_key(self, digest: str) -> None:
        assert require_key(blob_key(digest)).endswith(f"/{digest}")

    @given(st.text())
    def test_no_media_type_breaks_out_of_its_header(self, text: str) -> None:
        try:
            require_media_type(text)
        except InvalidInput:
            return
        assert text.isascii()
        assert text.isprintable()

    @given(st.text())
    def test_no_file_name_breaks_out_of_its_header(self, name: str) -> None:
        header = content_disposition(name)
        assert header.isascii()
        assert header.isprintable()
        assert header.count('"') == 2
        assert header.count(";") == 2


class TestLinks:
    def test_a_link_says_what_was_signed(self) -> None:
        file = signer().verify(token())
        assert (file.key, file.filename, file.media_type) == (KEY, "Bär.png", "image/png")
        assert file.expires_at == NOW + timedelta(minutes=5)

    @given(st.integers(min_value=0), st.characters(min_codepoint=33, max_codepoint=126))
    def test_a_link_with_any_character_changed_is_invalid(self, position: int, character: str) -> None:
        good = token()
        position %= len(good)
        changed = good[:position] + character + good[position + 1 :]
        if changed != good:
            with pytest.raises(LinkInvalid):
                signer().verify(changed)

    def test_each_link_has_one_spelling(self) -> None:
        good = token()
        for character in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_":
            if character != good[-1]:
                with pytest.raises(LinkInvalid):
                    signer().verify(good[:-1] + character)

    @given(st.one_of(st.text(), st.text(st.sampled_from("aA0_-.="))))
    def test_no_text_is_a_link_by_chance(self, text: str) -> None:
        with pytest.raises(LinkInvalid):
            signer().verify(text)

    def test_a_link_is_valid_until_its_second_and_not_after(self) -> None:
        signer(now=NOW + timedelta(minutes=5, seconds=-1)).verify(token())
        with pytest.raises(LinkExpired):
            signer(now=NOW + timedelta(minutes=5)).verify(token())

    def test_a_forged_expired_link_is_called_invalid_not_expired(self) -> None:
        with pytest.raises(LinkInvalid):
            signer(OTHER_KEY, now=NOW + timedelta(days=1)).verify(token())

    def test_after_rotation_old_links_live_on_until_their_key_is_dropped(self) -> None:
        old = token()
        assert signer(OTHER_KEY, SIGNING_KEY).verify(old).key == KEY
        new = signer(OTHER_KEY, SIGNING_KEY).sign(KEY, "a.png", "image/png", NOW + timedelta(minutes=1))
        assert signer(OTHER_KEY).verify(new).key == KEY
        with pytest.raises(LinkInvalid):
            signer(OTHER_KEY).verify(old)

    def test_only_objects_of_the_store_can_be_signed(self) -> None:
        with pytest.raises(InvalidInput):
            signer().sign("../etc/passwd", "a", "image/png", NOW)

    @pytest.mark.parametrize("keys", [(), (SecretStr("short"),), (SIGNING_KEY, SecretStr(""))])
    def test_a_weak_key_is_refused(self, keys: tuple[SecretStr, ...]) -> None:
        with pytest.raises(InvalidInput, match="openssl rand"):
            FileSigner(keys=keys)


class TestSettings:
    def test_settings_come_from_the_environment_with_units(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RAYFARM_STORAGE_URL", "s3://frames/farm/one/")
        monkeypatch.setenv("RAYFARM_STORAGE_PART_BYTES", "8MiB")
        monkeypatch.setenv("RAYFARM_STORAGE_READ_TIMEOUT", "PT30S")
        monkeypatch.setenv("RAYFARM_STORAGE_PREVIOUS_SIGNING_KEYS", f'["{OTHER_KEY.get_secret_value()}"]')
        monkeypatch.setenv("RAYFARM_STORAGE_SIGNING_KEY", SIGNING_KEY.get_secret_value())
        settings = StorageSettings()
        assert (settings.bucket, settings.prefix) == ("frames", "farm/one/")
        assert settings.part_bytes == 8 * 1024 * 1024
        assert settings.read_timeout == timedelta(seconds=30)
        assert settings.signing_keys == (SIGNING_KEY, OTHER_KEY)
        assert SIGNING_KEY.get_secret_value() not in repr(settings)

    @pytest.mark.parametrize(
        "changes",
        [
            {"url": "relative/folder"},
            {"url": "file:///"},
            {"url": "file://host/folder"},
            {"url": "ftp://x/y"},
            {"url": "s3://"},
            {"url": "s3://bucket/../x"},
            {"signing_key": "changeme" * 8},
            {"signing_key": "short"},
            {"part_bytes": "1MiB"},
            {"max_blob_bytes": "900GiB"},
            {"max_url_lifetime": timedelta(days=8)},
            {"access_key_id": "only one of the two"},
            {"threads": 0},
        ],
    )
    def test_settings_that_cannot_work_are_refused_at_the_start(self, changes: dict[str, object]) -> None:
        with pytest.raises(InvalidSettings):
            StorageSettings.model_validate(changes)
