"""What the API allows and how it presents itself: typed settings from ``RAYFARM_API_*`` variables."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import ByteSize, Field, FilePath, HttpUrl, IPvAnyNetwork, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from jobs.settings import FarmSettings
from serve_app.blobs.schemas import MOST_DIGESTS

Wait = Annotated[timedelta, Field(gt=timedelta(0))]

MIN_TOKEN_KEY_BYTES = 32
"""As many as HS256 has (RFC 7518 section 3.2)."""

_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?", re.ASCII)
"""Scheme, host and port in lower case, without a path: what a browser sends in ``Origin`` (RFC 6454 section 6.1)."""


class ApiSettings(FarmSettings):
    """Sizes take units (``16MiB``), durations take ISO 8601 (``PT30S``)."""

    model_config = SettingsConfigDict(env_prefix="RAYFARM_API_", frozen=True)

    public_url: HttpUrl | None = None
    """Address that links carry, for example https://farm.example.org; None: the one that the request came to."""

    web_dir: Path | None = None
    """Folder of the built web app, which ``make web`` writes; read once, at the start. None: ``web/out`` of the
    checkout. Where it holds no index.html the API runs without the web app, and ``/`` says so."""

    dashboard_url: HttpUrl | None = None
    """Address of Ray's dashboard as operators reach it; the web app links to it. It asks for no password of its own, so
    it must not be open to everybody."""

    grafana_url: HttpUrl | None = None
    """Address of Grafana with the farm's dashboards; the web app links to it."""

    token_key: SecretStr | None = None
    """Signs access tokens (HS256), 32 bytes or more; the same in every process of the API. None: nobody can log in,
    and API keys work. The farm on one machine makes its own."""

    previous_token_keys: tuple[SecretStr, ...] = ()
    """Keys whose tokens are still believed: put the old one here for ``access_token_lifetime`` when you replace it."""

    access_token_lifetime: Wait = timedelta(minutes=15)
    """For so long a stolen access token is good; a change of password and a disabled account void it at once."""

    refresh_token_lifetime: Wait = timedelta(days=30)
    """Whoever has not come for so long logs in again; it starts anew with each refresh."""

    refresh_again_within: Annotated[timedelta, Field(ge=timedelta(0))] = timedelta(seconds=10)
    """For so long the refresh token of a browser's cookie gives another successor, as long as none was used: a lost
    answer must not throw an artist out. The first successor that is used voids the others. PT0S: never."""

    invitation_lifetime: Wait = timedelta(days=7)
    """A holiday week; an expired invitation costs one request."""

    free_logins: Annotated[int, Field(ge=1)] = 5
    """Failed logins under one e-mail address before the next one has to wait: one mistypes a few times."""

    longest_login_pause: Wait = timedelta(minutes=15)
    """The pause doubles from 1 s to this: a hundred guesses a day, and nobody is locked out for longer."""

    login_memory: Wait = timedelta(days=1)
    """Failed logins are forgotten after so long without another."""

    password_threads: Annotated[int, Field(ge=1)] = 2
    """Passwords hashed at once in one process; each takes 64 MiB."""

    waiting_logins: Annotated[int, Field(ge=1)] = 32
    """Logins that may wait for a thread in one process: some seconds; who comes then is asked to come again."""

    max_logins_per_client: Annotated[int, Field(ge=1)] = 8
    """Logins of one client address at once in one process: nobody has more people behind one address who log in
    within the same tenth of a second, and one client must not take all places of ``waiting_logins``."""

    rate_window: Wait = timedelta(minutes=1)
    """Time in which a used-up quota of the rates below is whole again. It refills evenly, so who has saved up all of
    it may make up to twice as many requests in one window, once."""

    rate_read: Annotated[int, Field(ge=1)] = 6000
    """Reads of one key or account in ``rate_window``: the web pages of ten people, or a program that asks 100 times
    a second."""

    rate_write: Annotated[int, Field(ge=1)] = 1200
    """Changes (cancel, retry, invite, …) of one key or account in ``rate_window``."""

    rate_submit: Annotated[int, Field(ge=1)] = 1200
    """Jobs and models of one key or account in ``rate_window``; a job holds a million frames if need be."""

    rate_upload: Annotated[int, Field(ge=1)] = 30_000
    """Uploads of blobs and questions for them, of one key or account in ``rate_window``: what four connections of
    the CLI do with small files."""

    rate_login: Annotated[int, Field(ge=1)] = 120
    """Logins and acceptances of invitations from one client address in ``rate_window``: two a second are what a
    studio behind one address does in the morning."""

    rate_stranger: Annotated[int, Field(ge=1)] = 600
    """Requests without a good credential from one client address in ``rate_window``, renewals of sessions and probes of
    readiness among them: a studio of 500 behind one address renews 35 sessions a minute."""

    max_keys_per_project: Annotated[int, Field(ge=1)] = 100
    """Keys that a project may have, those of its service accounts among them: each has the quotas above for itself, so
    this bounds what one project may ask in ``rate_window``. Keys that have ended since count on for one window."""

    max_keys_per_service_account: Annotated[int, Field(ge=1)] = 20
    """Of them, of one service account, also of the whole farm: one for each machine that the program runs on."""

    max_waiting_probes_per_project: Annotated[int, Field(ge=1)] = 500
    """Models of one project that may wait for their first opening at once; one more is refused (409). An opening takes
    seconds to minutes, so these are hours of work, and no studio's morning."""

    rate_batch_share: Annotated[float, Field(gt=0, le=1)] = 0.05
    """Part of a quota that one process takes from the shared count at once and spends by itself: so seldom is the
    database asked, and by one batch less one request for each process may all of them together miss the quota."""

    rate_exempt_staff: bool = True
    """Whether keys and people with a role on the whole farm are not counted: whoever ends an overload must get in."""

    rate_exempt_clients: tuple[IPvAnyNetwork, ...] = ()
    """Addresses or networks whose strangers are not counted, for example a prober: ``["10.1.2.0/24"]``."""

    trusted_proxies: tuple[IPvAnyNetwork, ...] = ()
    """Addresses or networks of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed. Without them all who
    come through a proxy count as one client. The proxy must replace what clients send in these headers, or append to
    the first and replace the second."""

    cors_origins: tuple[str, ...] = ()
    """Origins whose pages may call the API from a browser: ``["https://farm.example.org"]``; ``["*"]``: all. The
    farm's own pages need none."""

    cors_credentials: bool = False
    """Whether browsers may send cookies along from ``cors_origins``; never together with ``*``. Keys and access tokens
    travel in a header and need no such leave."""

    cors_max_age: Wait = timedelta(minutes=10)
    """How long a browser keeps the answer to a preflight."""

    status_age: Wait = timedelta(seconds=1)
    """How old an answer of ``GET /v1/status`` may be: strangers may ask, and the database must not pay for each."""

    max_login_bytes: ByteSize = ByteSize(8 * 2**10)
    """Largest body that is read of somebody who has not logged in."""

    max_manifest_bytes: ByteSize = ByteSize(48 * 2**20)
    """Largest body that registers a model: a manifest of 200,000 files, the most there may be, is about 40 MB."""

    max_json_bytes: ByteSize = ByteSize(2**20)
    """Largest body of any other request: 10,000 digests are 0.7 MB, a job is under 1 kB."""

    max_spec_bytes: ByteSize = ByteSize(256 * 2**10)
    """Largest specification of a job; it is read with the job each time. The longest frame list is 64 KiB."""

    body_idle_timeout: Wait = timedelta(seconds=60)
    """Silence after which a request's body is given up; a slow line still sends something every few seconds."""

    min_body_rate: ByteSize = ByteSize(1024)
    """Bytes per second that a body must have come at once it has taken longer than ``body_idle_timeout``: a tenth of
    the slowest line that could send a scene in a day."""

    sent_bytes_every: Wait = timedelta(seconds=30)
    """How often the bytes that were sent of files on disk are booked; a process that is killed loses that much."""

    invoice_font: FilePath | None = None
    """TrueType file that invoices are printed with. None: Bitstream Vera, which has the letters of Western Europe only;
    what a font lacks is printed by its number in Unicode."""

    max_uploads: Annotated[int, Field(ge=1)] = 256
    """Uploads of blobs at once in one process; each holds a file and a buffer."""

    max_uploads_per_project: Annotated[int, Field(ge=1)] = 128
    """Of them, of one project; the CLI opens 4."""

    max_streams: Annotated[int, Field(ge=1)] = 2000
    """Event streams at once in one process: each is a coroutine, and reads its rows again every heartbeat."""

    max_streams_per_project: Annotated[int, Field(ge=1)] = 1000
    """Of them, of one project."""

    max_archives: Annotated[int, Field(ge=1)] = 32
    """ZIPs being sent at once in one process: each reads storage as fast as its client takes it, and holds a piece of
    one file (1 MiB) and a kilobyte for each of its files."""

    max_archives_per_project: Annotated[int, Field(ge=1)] = 8
    """Of them, of one project."""

    max_linked_archives_per_project: Annotated[int, Field(ge=1)] = 6
    """Archives of one project being sent by signed links, as browsers load them, at once in one process, beside those
    that are asked for with a key: whoever has got a link takes no place of the project's programs."""

    archive_threads: Annotated[int, Field(ge=1)] = 2
    """Threads of one process that put tables of archives together: 4 s for 100,000 files. They share one interpreter,
    so more of them would slow down everybody else; further archives wait, in their places."""

    archive_stall: Annotated[timedelta, Field(ge=timedelta(seconds=1))] = timedelta(minutes=2)
    """A client that takes no piece of an archive for so long loses its place; a piece has 1 MiB at most."""

    max_archive_files: Annotated[int, Field(ge=1)] = 100_000
    """Files of one ZIP; the names of so many take about 100 MB of memory while it is sent."""

    body_threads: Annotated[int, Field(ge=1)] = 2
    """Threads of one process that read bodies which take long: templates and large manifests. They share one
    interpreter, so more of them would slow down everybody else."""

    max_imports: Annotated[int, Field(ge=1)] = 16
    """Imports of Open Job Description templates at once in one process, those that wait for a thread among them: each
    works for up to a second."""

    max_imports_per_project: Annotated[int, Field(ge=1)] = 8
    """Of them, of one project."""

    max_manifests: Annotated[int, Field(ge=1)] = 8
    """Manifests over 256 KiB being registered at once in one process, those that wait for a thread among them: one of
    100,000 files holds 90 MB of memory and takes a thread for seconds."""

    max_manifests_per_project: Annotated[int, Field(ge=1)] = 4
    """Of them, of one project."""

    page_size: Annotated[int, Field(ge=1)] = 100
    """Items of a page when the request does not say."""

    max_page_size: Annotated[int, Field(ge=1)] = 1000
    """Items of a page at most: about 1 MB of JSON, milliseconds to build."""

    max_frame_runs: Annotated[int, Field(ge=1)] = 10_000
    """Runs of frames in one answer about the states of all: 0.5 MB of JSON. Most jobs have some dozens."""

    max_digests: Annotated[int, Field(ge=1, le=MOST_DIGESTS)] = 10_000
    """Digests in one question "which of these do you lack?"; 0.7 MB of JSON."""

    max_open_uploads_per_project: Annotated[int, Field(ge=1)] = 64
    """Uploads in parts that a project may have begun and not completed: their parts lie in storage meanwhile."""

    upload_links: Annotated[int, Field(ge=1)] = 100
    """Parts of an upload that one answer has links for, the first of those that lack; a client asks again for the
    next. Signing one for S3 takes 3.5 ms of a core: 0.35 s, against 7 s for the 2,048 parts of 32 GiB."""

    verifications: Annotated[int, Field(ge=1)] = 2
    """Uploads that one process reads and checks at once: each takes a core for its SHA-256, and the storage's line."""

    verification_lease: Wait = timedelta(minutes=1)
    """Whoever verifies an upload renews this every third of it; after so long without, another process may."""

    batch_files: Annotated[int, Field(ge=1)] = 10_000
    """Small files in one archive at most; the answer has a line for each, 1.5 MB of JSON."""

    batch_file_bytes: ByteSize = ByteSize(4 * 2**20)
    """Largest file in an archive: it is held in memory until it is checked."""

    batch_bytes: ByteSize = ByteSize(64 * 2**20)
    """Largest archive of small files: what comes before a broken connection is kept, but the client sends all again."""

    storage_checks: Annotated[int, Field(ge=1)] = 16
    """Blobs looked for in storage at a time, for one request: as many as storage has threads."""

    link_lifetime: Wait = timedelta(hours=6)
    """Life of a download link: a night's download on a slow line; a fresh one costs one request."""

    max_wait: Wait = timedelta(seconds=30)
    """Longest ``?wait=``: below the idle time-out of common proxies (60 s)."""

    max_prefer_wait: Wait = timedelta(seconds=60)
    """Longest ``Prefer: wait=``: behind a proxy with a shorter idle time-out set it below that. A longer wish is
    answered after this, and ``Preference-Applied`` says so."""

    still_wait: Wait = timedelta(seconds=30)
    """How long the answer to a still waits for its picture when the request does not say."""

    still_answer: Literal["redirect", "bytes"] = "redirect"
    """A still's answer where the request does not prefer one: ``redirect`` is 303 to the signed link, so that the
    picture does not pass through the API; ``bytes`` is the picture itself."""

    max_waits: Annotated[int, Field(ge=1)] = 1000
    """Requests that wait at once in one process: each is a coroutine that an event of its job wakes. Beyond it a
    request is answered at once, as if it had not asked to wait."""

    max_waits_per_project: Annotated[int, Field(ge=1)] = 500
    """Of them, of one project."""

    wait_poll: Wait = timedelta(milliseconds=200)
    """How often a waiting request looks at the row; the probe of a scene takes about a second."""

    heartbeat: Wait = timedelta(seconds=15)
    """Quiet after which an event stream sends a comment: proxies cut silent connections after 30 to 60 s. The rows
    are read again then, so that a lost notification delays an event by no more. What the caller may do is looked at
    again as often: a stream ends so soon after its key is revoked, or its reader has left the project."""

    progress_every: Wait = timedelta(seconds=1)
    """How often an event stream tells of frames that render at most: of each its newest word, of 256 frames at most."""

    feed_every: Wait = timedelta(milliseconds=250)
    """How often a feed over many jobs reads its rows at most, however much happens; also how soon it looks again for
    events that are committed and wait for an older transaction to end, which nothing announces."""

    stream_lifetime: Wait = timedelta(minutes=30)
    """An event stream ends after this and the client resumes where it was, with a credential that is still good."""

    event_page: Annotated[int, Field(ge=1)] = 200
    """Events read from the database at once during replay."""

    ready_timeout: Wait = timedelta(seconds=3)
    """A dependency that has not answered by then is not ready."""

    replica_timeout: Wait = timedelta(seconds=30)
    """A replica without a beat for so long is not counted as up; the lease's own length."""

    audit_verified_at_once: Annotated[int, Field(ge=1)] = 100_000
    """Entries that one request for a verification of the audit log looks at: some seconds; it says where to go on."""

    audit_export_page: Annotated[int, Field(ge=1)] = 1000
    """Entries that an export of the audit log reads from the database at once."""

    maintenance_retry: Wait = timedelta(seconds=60)
    """What a refused request is told to wait during maintenance, which takes minutes rather than seconds."""

    loop_slack: Wait = timedelta(seconds=90)
    """A loop of the farm is overdue when it has not run for its own pause and this: above the longest tick, and above
    the lease that the rescuer waits when its leader is new."""

    @field_validator("token_key", "previous_token_keys")
    @classmethod
    def _is_long(cls, value: SecretStr | tuple[SecretStr, ...] | None) -> SecretStr | tuple[SecretStr, ...] | None:
        for key in (value,) if isinstance(value, SecretStr) else value or ():
            if len(key.get_secret_value().encode()) < MIN_TOKEN_KEY_BYTES:
                raise ValueError(f"needs {MIN_TOKEN_KEY_BYTES} bytes or more; make one with: openssl rand -hex 32")
        return value

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if origin != "*" and not _ORIGIN.fullmatch(origin):
                raise ValueError(f"{origin!r} is no origin; write it as a browser does: https://farm.example.org")
        return origins

    @model_validator(mode="after")
    def _trusts_not_everybody(self) -> Self:
        if self.cors_credentials and "*" in self.cors_origins:
            raise ValueError("cors_credentials with the origin * would let every page on the web act for its visitors.")
        return self
