"""Lines of the log: JSON with every id, libraries included, and no secret."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from cluster.logs import LogFormat, LogSettings, configure_logging
from cluster.tracing import ids_in
from jobs.redaction import REDACTED, without_credentials


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What is logged as JSON; logging is as it was afterwards."""
    before, handlers = structlog.get_config(), list(logging.getLogger().handlers)
    file = io.StringIO()
    configure_logging(settings=LogSettings(format=LogFormat.JSON), file=file)
    yield file
    structlog.configure(**before)
    logging.getLogger().handlers[:] = handlers


def lines(file: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.getvalue().splitlines()]


def test_a_line_is_one_json_object_with_what_is_bound(written: io.StringIO) -> None:
    traceparent = f"00-{'a' * 32}-{'b' * 16}-01"
    with structlog.contextvars.bound_contextvars(job_id="j", frame=7, **ids_in(traceparent)):
        structlog.get_logger().info("frames_committed", note="two\nlines")
    [line] = lines(written)
    assert (line["job_id"], line["frame"], line["trace_id"]) == ("j", 7, "a" * 32)
    assert (line["event"], line["level"], line["note"]) == ("frames_committed", "info", "two\nlines")


def test_what_a_library_warns_of_comes_as_json_too_and_its_chatter_does_not(written: io.StringIO) -> None:
    log = logging.getLogger("a.library")
    log.setLevel(logging.DEBUG)
    log.info("chatter")
    with structlog.contextvars.bound_contextvars(work_id=3):
        log.warning("the host %s is away", "h")
    [line] = lines(written)
    assert (line["event"], line["logger"], line["level"], line["work_id"]) == (
        "the host h is away", "a.library", "warning", 3,
    )  # fmt: skip


def test_a_second_call_does_not_write_each_line_of_a_library_twice(written: io.StringIO) -> None:
    configure_logging(settings=LogSettings(format=LogFormat.JSON), file=written)
    logging.getLogger("a.library").warning("once")
    assert len(lines(written)) == 1


@pytest.mark.parametrize(
    "secret",
    [
        "rf_abcdefgh_" + "S" * 43,
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.sssssssssssssss",
        "postgresql://rayfarm:ssecret@127.0.0.1:5432/postgres",
        "https://bucket/key?X-Amz-Signature=ssecret&X-Amz-Date=1",
        "/v1/files/a.png?signature=ssecret",
        "Authorization: Bearer ssecretssecret",
        "http://farm/v1/files/WyJhcnRpZmFjdHMv.ssecret",
        "http://farm/v1/archives/WyJhcnRpZmFjdHMv.ssecret",
        "/v1/parts/WyJ1cGxvYWRz.ssecret",
        "rfr_ssecret" + "S" * 36,
        "rfi_ssecret" + "S" * 36,
        "rfo_ssecret" + "S" * 36,
        "whsec_ssecret" + "S" * 24,
        "sk_live_ssecret" + "S" * 24,
        "-----BEGIN RSA PRIVATE KEY-----\nssecret\n-----END RSA PRIVATE KEY-----",
        "host=db password=ssecret",
    ],
)
def test_what_looks_like_a_secret_is_taken_out_of_words_and_of_tracebacks(secret: str, written: io.StringIO) -> None:
    hidden = {"rf_": "S" * 43, "eyJ": "eyJzdWIiOiJhZGEifQ"}.get(secret[:3], "ssecret")
    assert hidden in secret
    try:
        raise ValueError(f"cannot use {secret}")
    except ValueError as error:
        structlog.get_logger().exception("failed", error=str(error), nested={"list": [secret]})
        logging.getLogger("a.library").exception("with %s", secret)
    assert hidden not in written.getvalue()
    assert len(lines(written)) == 2


def test_a_field_that_is_named_like_a_secret_shows_nothing(written: io.StringIO) -> None:
    structlog.get_logger().info("login", password="horse", api_key="k", frame=1)
    [line] = lines(written)
    assert (line["password"], line["api_key"], line["frame"]) == (REDACTED, REDACTED, 1)


def test_plain_words_and_addresses_stay_as_they_are() -> None:
    words = "frame 12 of job 0b2f3a52-6c1e-4a0a-9b4e-3c1f7d0f2a11 at http://127.0.0.1:8700/v1/jobs, file:///a/b@2x.png"
    assert without_credentials(words) == words


def test_a_terminal_gets_lines_for_people_and_a_file_json(written: io.StringIO) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal, file = Terminal(), io.StringIO()
    for target in (terminal, file):
        configure_logging(settings=LogSettings(), file=target)
        structlog.get_logger().info("leads", role="loops")
    assert "leads" in terminal.getvalue()
    assert not terminal.getvalue().startswith("{")
    assert json.loads(file.getvalue())["role"] == "loops"
