"""A process reads the settings of what it does: the secrets of the loops are not given to renderers and tasks."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.composition import loop_parts, open_farm
from jobs.errors import InvalidSettings

QUEUE = "https://sqs.eu-central-1.amazonaws.com/123456789012/jobs"
OF_ALL_PODS = {"RAYFARM_INTAKE_QUEUE_URL": QUEUE, "RAYFARM_INTAKE_DEAD_LETTER_URL": f"{QUEUE}-refused"}
"""As a ConfigMap of all pods may have them; the key that goes with them is a secret of the loops."""


@pytest.fixture(autouse=True)
def places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RAYFARM_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    monkeypatch.setenv("RAYFARM_STORAGE_URL", tmp_path.as_uri())


@pytest.mark.parametrize(
    "environment",
    [OF_ALL_PODS, {"RAYFARM_MAIL_USER": "farm"}, {"RAYFARM_MAIL_HOST": "mail.example.org"}],
    ids=["intake", "mail-password", "mail-sender"],
)
async def test_a_renderer_without_the_secrets_of_the_loops_opens_its_farm_and_the_loops_refuse(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    await open_farm().close()
    with pytest.raises(InvalidSettings, match=r"api_key|RAYFARM_MAIL"):
        loop_parts()


async def test_the_loops_of_a_farm_that_has_the_key_take_from_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**OF_ALL_PODS, "RAYFARM_INTAKE_API_KEY": "rf_x"}.items():
        monkeypatch.setenv(name, value)
    assert loop_parts().intake.queue_url == QUEUE
