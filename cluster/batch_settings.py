"""What a batch render makes of a Ray cluster that is nobody's farm, each setting with its unit and its reason."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from jobs.settings import FarmSettings


class BatchSettings(FarmSettings):
    """Read from ``RAYFARM_BATCH_*``."""

    model_config = SettingsConfigDict(env_prefix="RAYFARM_BATCH_", frozen=True)

    gpus: Annotated[float | None, Field(ge=0)] = None
    """GPUs that one renderer takes of the cluster. None: 1 where a node that is up has some, else 0: groups that an
    autoscaler keeps at zero do not count, and need a 1 here."""

    cpus: Annotated[float, Field(ge=0)] = 1
    """CPUs that one renderer takes of the cluster. Leave one CPU beside them: the scene's probe and the film are tasks
    of one CPU each, and wait for ever where renderers have all."""

    keep_warm: timedelta = timedelta(seconds=30)
    """An idle renderer and its loaded scene are kept this long: until the next chunk comes, not until the next job."""

    start_within: timedelta = timedelta(minutes=10)
    """Longest that Ray may take to start the dispatcher, and another driver to start or sweep the farm."""

    lead_within: timedelta = timedelta(minutes=1)
    """Longest that a driver which joins a batch farm waits for its dispatcher to lead in the driver's database. One
    that never does works on another database. A new dispatcher leads within seconds."""

    key_lifetime: timedelta = timedelta(days=7)
    """The driver's API key is revoked at its end; of one that was killed it ends by itself after this long."""

    identity: str | None = None
    """What this render is called, whoever starts its driver again: with one name and one request there is one job in
    the farm, which a later driver takes up, unless it failed or was canceled. None: each driver submits its own."""
