"""The one process that owns a farm: `python -m cluster.local.supervisor --home DIR` starts, watches and ends the rest.

        lock ── sweep what a killed predecessor left ── ports
          │
Postgres ── migrations ── Ray ── deploy ── READY ──┬── Postgres died: start it again, same port
          │                                        └── Ray died: sweep, start, deploy
       SIGTERM at any point: Ray, then Postgres, then the lock
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import structlog

from cluster.local import ray_session
from cluster.local.farm_file import FarmFile, FarmHome, RayRecord, Stage
from cluster.local.ports import FarmPorts, PortReservation
from cluster.local.processes import ProcessMark
from cluster.local.ray_session import RaySession
from cluster.local.restart_backoff import RestartBackoff
from cluster.local.services import Database, database_of, farm_environment, run_step
from cluster.local.settings import LocalFarmSettings
from cluster.local.stop_signal import StopSignal
from cluster.logs import LogFormat, LogSettings, configure_logging
from cluster.production import Profile, ProfileSettings
from cluster.tracing import start_tracing, whole_span
from db.embedded import EmbeddedPostgres
from jobs.errors import Conflict, RayfarmError

DEPLOY_COMMAND = (sys.executable, "-m", "serve_app.deployments")
MIGRATE_COMMAND = (sys.executable, "-m", "db.migrate")  # of its own: the tools would double the supervisor's 40 MiB
PROFILE_COMMAND = (sys.executable, "-m", "serve_app.production")
_LOG_ROTATE_BYTES = 8 * 1024 * 1024
_DATABASE_LOOK = timedelta(seconds=5)  # a full look asks the server itself, in a process of its own


class FarmIsRunning(Conflict):
    """Another supervisor already runs this farm."""

    code: ClassVar[str] = "farm-is-running"


class Supervisor:
    """Runs one farm from start to stop, in the main thread: its end is what ends Postgres if all else fails."""

    def __init__(
        self,
        *,
        settings: LocalFarmSettings,
        deploy_command: Sequence[str] = DEPLOY_COMMAND,
        migrate_command: Sequence[str] = MIGRATE_COMMAND,
        stop: StopSignal,
    ) -> None:
        self._settings = settings
        self._home = FarmHome(settings.home)
        self._deploy_command = tuple(deploy_command)
        self._migrate_command = tuple(migrate_command)
        self._stop = stop
        self._reservation = PortReservation()
        self._record = FarmFile()
        self._database: Database | None = None
        self._database_looked_at = 0.0
        self._log = structlog.get_logger("supervisor")
        self._backoffs = {
            name: RestartBackoff(
                first=settings.backoff_first,
                longest=settings.backoff_longest,
                forgiven_after=settings.backoff_forgiven_after,
            )
            for name in ("postgres", "ray")
        }

    def run(self) -> None:
        """Until a stop is asked for. What was started is ended before this returns or raises."""
        self._home.create()
        with farm_lock(self._home):
            self._record = self._home.read() or FarmFile()
            try:
                with whole_span("farm.start"):
                    self._start()
                while not self._stop.wait(self._settings.watch_period):
                    self._watch()
            except RayfarmError as error:
                self._log.error("failed", error=str(error), code=error.code)
                self._end(Stage.FAILED, str(error))
                raise
            except BaseException as error:
                self._log.exception("failed")
                self._end(Stage.FAILED, repr(error))
                raise
            self._end(Stage.STOPPED, "")

    # -- start --------------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        self._enter(Stage.STARTING, "clearing what an earlier run left")
        sweep_leftovers(self._home, self._record, grace=self._settings.ray_stop_grace)
        self._save(
            supervisor=ProcessMark.of(os.getpid()),
            ports=self._reservation.reserve(
                home=self._home.root,
                last=self._record.ports,
                http=self._settings.http_port,
                dashboard=self._settings.dashboard_port,
            ),
            ray=None,
            http_host=self._settings.http_host,
            num_cpus=self._settings.num_cpus,
            render_slots=self._settings.slots,
            postgres_restarts=0,
            ray_restarts=0,
        )
        self._enter(Stage.POSTGRES, "starting the database")
        self._database = database_of(self._home, self._settings, port=self._ports().postgres)
        self._database.start()
        if self._stop.is_set():
            return
        self._check_profile()
        self._enter(Stage.MIGRATIONS, "bringing the database to this release")
        run_step(
            "migrations",
            self._migrate_command,
            environment={**os.environ, **self._environment()},
            log_path=self._home.logs / "migrations.log",
            limit=self._settings.migrate_timeout,
            give_up=self._stop.is_set,
        )
        self._start_ray()

    def _start_ray(self) -> None:
        """Ray, and Serve's applications on it."""
        if self._stop.is_set():
            return
        self._enter(Stage.RAY, f"starting Ray with {self._record.num_cpus} logical CPUs")
        session = self._session()
        started = self._launch_ray(session)
        if started is None:
            return
        self._remember_ray(started)
        self._enter(Stage.DEPLOY, "starting the API and the renderers")
        done = run_step(
            "deploy",
            self._deploy_command,
            environment={**session.environment_of(started.session), **self._environment()},
            log_path=self._home.logs / "deploy.log",
            limit=self._settings.deploy_timeout,
            give_up=self._stop.is_set,
        )
        if done:
            self._enter(Stage.READY, "")

    def _launch_ray(self, session: RaySession) -> RayRecord | None:
        """Once more where Ray gave up on its own node: it allows 30 s, fixed, and a busy machine takes longer."""
        try:
            return session.start(launched=self._remember_ray, give_up=self._stop.is_set)
        except ray_session.RayFailed as error:
            self._log.warning("ray_start_failed", error=str(error)[:500])
            if self._record.ray is not None:
                ray_session.sweep(self._record.ray, grace=self._settings.ray_stop_grace)
            return session.start(launched=self._remember_ray, give_up=self._stop.is_set)

    def _remember_ray(self, record: RayRecord) -> None:
        self._save(ray=record, ray_logs=record.temp_dir / "session_latest" / "logs")

    # -- watch --------------------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        """One look at each component; a dead one is started again."""
        if not self._database_is_alive():
            self._restart_database()
        elif self._record.ray is None or not ray_session.is_alive(self._record.ray):
            self._restart_ray()

    def _database_is_alive(self) -> bool:
        """The process at every look; what it answers every few seconds."""
        assert self._database is not None
        now = time.monotonic()
        if self._process_of_database_ended() or now - self._database_looked_at > _DATABASE_LOOK.total_seconds():
            self._database_looked_at = now
            return self._database.is_alive()
        return True

    def _process_of_database_ended(self) -> bool:
        pid = getattr(self._database, "pid", None)
        return pid is not None and ProcessMark.of(pid) is None

    def _restart_database(self) -> None:
        assert self._database is not None
        if not self._wait_before("postgres"):
            return
        self._enter(Stage.REPAIRING, "starting the database again")
        try:
            self._database.start()
        except RayfarmError as error:
            self._log.error("restart_failed", component="postgres", error=str(error), code=error.code)
            self._enter(Stage.REPAIRING, str(error))
            return
        self._save(postgres_restarts=self._record.postgres_restarts + 1)
        if self._record.ray is not None:  # else Ray is being repaired too, and comes next
            self._enter(Stage.READY, "")

    def _restart_ray(self) -> None:
        if not self._wait_before("ray"):
            return
        self._enter(Stage.REPAIRING, "starting Ray again")
        self._sweep_ray()
        self._save(ray_restarts=self._record.ray_restarts + 1)
        try:
            self._start_ray()
        except RayfarmError as error:
            self._log.error("restart_failed", component="ray", error=str(error), code=error.code)
            self._sweep_ray()
            self._enter(Stage.REPAIRING, str(error))

    def _wait_before(self, component: str) -> bool:
        """Back off; False if a stop was asked for meanwhile."""
        wait = self._backoffs[component].next_wait(time.monotonic())
        self._log.warning("component_died", component=component, restart_in_s=wait.total_seconds())
        return not self._stop.wait(wait)

    # -- stop ---------------------------------------------------------------------------------------------------------

    def _end(self, stage: Stage, detail: str) -> None:
        self._enter(Stage.STOPPING, detail)
        self._sweep_ray()
        if self._database is not None:
            self._database.stop()
        self._reservation.release()
        self._save(supervisor=None)
        self._enter(stage, detail)

    def _sweep_ray(self) -> None:
        if self._record.ray is not None:
            count = ray_session.sweep(self._record.ray, grace=self._settings.ray_stop_grace)
            self._log.info("ray_swept", processes=count)
            self._save(ray=None)

    # -- record -------------------------------------------------------------------------------------------------------

    def _ports(self) -> FarmPorts:
        assert self._record.ports is not None
        return self._record.ports

    def _check_profile(self) -> None:
        """In the production profile, whether all that the farm's processes will be told is safe: before they run."""
        if ProfileSettings().profile is not Profile.PRODUCTION:
            return
        run_step(
            "production profile",
            PROFILE_COMMAND,
            environment={**self._session().environment_of(""), **self._environment()},
            log_path=self._home.logs / "profile.log",
            limit=self._settings.migrate_timeout,
            give_up=self._stop.is_set,
        )

    def _session(self) -> RaySession:
        return RaySession(
            home=self._home.root,
            ports=self._ports(),
            token_path=self._home.ray_token,
            log_path=self._home.logs / "ray.log",
            num_cpus=self._record.num_cpus,
            render_slots=self._record.render_slots,
            object_store_bytes=self._settings.object_store_bytes,
            environment=self._environment(),
            start_timeout=self._settings.ray_start_timeout,
        )

    def _environment(self) -> dict[str, str]:
        assert self._database is not None
        return farm_environment(self._home, self._settings, self._record, database_url=self._database.url)

    def _enter(self, stage: Stage, detail: str) -> None:
        self._log.info("stage", stage=stage.value, detail=detail)
        self._save(stage=stage, detail=detail, since=datetime.now(UTC))

    def _save(self, **changes: object) -> None:
        self._record = self._record.model_copy(update=changes)
        self._home.write(self._record)


@contextlib.contextmanager
def farm_lock(home: FarmHome) -> Iterator[None]:
    """The exclusive right to run, or to clean, the farm of one home; dropped by the kernel with the process."""
    with home.lock_path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise FarmIsRunning(
                f"The farm in {home.root} is run by another supervisor.",
                remedy="`rayfarm status` shows it and `rayfarm down` ends it; another farm needs another RAYFARM_HOME.",
            ) from None
        yield


def sweep_leftovers(home: FarmHome, record: FarmFile, *, grace: timedelta) -> int:
    """End what a killed supervisor left; the caller holds the lock. Postgres is ended cleanly: no row is lost."""
    count = 0 if record.ray is None else ray_session.sweep(record.ray, grace=grace)
    if home.postgres.exists():
        EmbeddedPostgres(root=home.postgres).stop()
    return count


def log_to(path: Path) -> None:
    """One JSON object a line, so that machines can read it too."""
    if path.exists() and path.stat().st_size > _LOG_ROTATE_BYTES:
        path.replace(path.with_suffix(".log.1"))
    settings = LogSettings().model_copy(update={"format": LogFormat.JSON})
    configure_logging(settings=settings, file=path.open("a", buffering=1))


def main(arguments: Sequence[str] | None = None) -> int:
    """The program: 0 after an orderly stop, 1 if the farm could not start."""
    parser = argparse.ArgumentParser(prog="python -m cluster.local.supervisor", description=__doc__)
    parser.add_argument("--home", type=Path, help="the farm's directory (default: RAYFARM_HOME)")
    parser.add_argument(
        "--deploy-command", nargs="+", default=DEPLOY_COMMAND, help="what deploys the Serve application"
    )
    given = parser.parse_args(arguments)
    try:
        settings = LocalFarmSettings(home=given.home) if given.home else LocalFarmSettings()
        home = FarmHome(settings.home)
        home.create()
        log_to(home.logs / "supervisor.log")
        start_tracing("rayfarm-supervisor")
        stop = StopSignal()
        stop.listen()
        Supervisor(settings=settings, deploy_command=given.deploy_command or DEPLOY_COMMAND, stop=stop).run()
    except RayfarmError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a program's answer
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
