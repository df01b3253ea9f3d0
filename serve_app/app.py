"""Builds the API. The builder form of ``serve.ingress``: nothing is opened before the lifespan runs in the replica."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import metadata

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

from cluster.metrics.ports import SILENT, ApiMeter
from db.settings import DatabaseSettings
from serve_app.accounts.endpoints import farm_router as farm_invitations
from serve_app.accounts.endpoints import router as accounts
from serve_app.admission import Admission
from serve_app.archive.endpoints import link_router as archive_links
from serve_app.archive.endpoints import router as archives
from serve_app.artifacts.endpoints import router as artifacts
from serve_app.artifacts.file_endpoints import router as files
from serve_app.audit.endpoints import project_router as project_audit
from serve_app.audit.endpoints import router as audit
from serve_app.auth.endpoints import PATHS as AUTH_PATHS
from serve_app.auth.endpoints import me_router as me
from serve_app.auth.endpoints import router as auth
from serve_app.billing.endpoints import router as billing
from serve_app.billing.invoice_endpoints import router as invoices
from serve_app.billing.price_endpoints import router as prices
from serve_app.billing.report_endpoints import router as usage_reports
from serve_app.blobs.endpoints import router as blobs
from serve_app.cors import Cors
from serve_app.deliveries.endpoints import router as deliveries
from serve_app.deprecations import mark_deprecated
from serve_app.destinations.endpoints import router as destinations
from serve_app.docs.endpoints import router as docs
from serve_app.edge import BodyLimit, Edge
from serve_app.events.endpoints import router as events
from serve_app.events.feed_endpoints import router as feeds
from serve_app.flags.endpoints import router as flags
from serve_app.groups.endpoints import router as groups
from serve_app.health.endpoints import router as health
from serve_app.jobs.blocklist import router as blocklist
from serve_app.jobs.control_endpoints import router as job_control
from serve_app.jobs.endpoints import router as jobs
from serve_app.jobs.frame_states import router as frame_states
from serve_app.jobs.steps import router as job_steps
from serve_app.keys.endpoints import farm_router as farm_keys
from serve_app.keys.endpoints import router as keys
from serve_app.licences.endpoints import router as licences
from serve_app.limits.endpoints import router as limits
from serve_app.literal_paths import literal_paths
from serve_app.loops.endpoints import router as loops
from serve_app.maintenance.endpoints import router as maintenance
from serve_app.models.endpoints import router as models
from serve_app.notices.endpoints import router as notices
from serve_app.oidc.endpoints import PATHS as OIDC_PATHS
from serve_app.oidc.endpoints import router as oidc
from serve_app.oidc.settings import OidcSettings
from serve_app.openapi import COMMON_PROBLEMS, install_openapi, problems
from serve_app.openjd.endpoints import router as openjd
from serve_app.pace.endpoints import router as pace
from serve_app.permissions import require_complete
from serve_app.pipelines.endpoints import router as pipelines
from serve_app.problems import install_problem_handlers
from serve_app.projects.endpoints import router as projects
from serve_app.queues.endpoints import router as queues
from serve_app.rates.gate import gate
from serve_app.replicas.endpoints import router as replicas
from serve_app.schedules.endpoints import router as schedules
from serve_app.service_accounts.endpoints import farm_router as farm_services
from serve_app.service_accounts.endpoints import router as project_services
from serve_app.services import open_services
from serve_app.settings import ApiSettings
from serve_app.status.endpoints import router as status
from serve_app.uploads.endpoints import router as uploads
from serve_app.uploads.part_endpoints import router as parts
from serve_app.web.pages import behind_the_api
from serve_app.webhooks.endpoints import router as webhooks
from storage.settings import StorageSettings

_DESCRIPTION = """
Upload the blobs of a scene that the farm lacks, register the model, submit a job, follow its events, fetch its
artifacts. Every error is a problem (RFC 9457) with a stable `type`, the cause in `detail`, and what to do in `remedy`.
"""

_TAGS = [
    {"name": "blobs", "description": "Bytes of models, named by their SHA-256."},
    {"name": "models", "description": "What is rendered: an immutable version of a scene."},
    {"name": "jobs", "description": "A model, a pipeline with its settings, and frames."},
    {"name": "artifacts", "description": "Outputs, by links that need no key."},
    {"name": "access", "description": "People, projects, keys, and what each may do."},
    {"name": "billing", "description": "What was used, what it costs, and what a project may have."},
    {"name": "webhooks", "description": "Events of a project, posted to its receivers and signed (Standard Webhooks)."},
    {"name": "delivery", "description": "Files of jobs, put into a project's own buckets as they are committed."},
    {"name": "farm", "description": "What the farm has and does."},
    {"name": "health", "description": "For load balancers and probes."},
]


def build_app(
    settings: ApiSettings | None = None,
    *,
    database_settings: DatabaseSettings | None = None,
    storage_settings: StorageSettings | None = None,
    meter: ApiMeter = SILENT,
    oidc_settings: OidcSettings | None = None,
) -> FastAPI:
    """The application; what is not given is read from the environment when the lifespan begins."""
    settings = settings or ApiSettings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_services(
            settings=settings,
            database_settings=database_settings or DatabaseSettings(),
            storage_settings=storage_settings or StorageSettings(),
            oidc_settings=oidc_settings or OidcSettings(),
        ) as services:
            app.state.services = services
            yield

    app = FastAPI(
        title="Rayfarm",
        summary="A self-hosted render farm on Ray.",
        description=_DESCRIPTION,
        version=_version(),
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        openapi_tags=_TAGS,
        docs_url=None,  # FastAPI's own pages load scripts of a third party
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,  # generated clients take their names from it
        lifespan=lifespan,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # the instrumentor below makes the spans
    )
    app.state.meter = meter
    keyed = APIRouter(prefix="/v1", responses=COMMON_PROBLEMS)
    blobs_and_models = (blobs, uploads, models)
    follow = (events, feeds)
    rendering = (
        jobs,
        openjd,
        job_control,
        job_steps,
        frame_states,
        blocklist,
        groups,
        *follow,
        artifacts,
        archives,
        deliveries,
        pipelines,
    )
    farm = (replicas, licences, loops, maintenance, flags, queues, pace, schedules)
    money = (prices, billing, invoices, usage_reports)
    access = (projects, me, notices, keys, accounts, farm_keys, farm_invitations, project_services, farm_services)
    records = (audit, project_audit)
    behind_a_key = (*blobs_and_models, *rendering, *farm, *access, *money, *records, limits, webhooks, destinations)
    routes = [route for router in behind_a_key for route in router.routes if isinstance(route, APIRoute)]
    require_complete(route.name for route in routes)
    mark_deprecated(routes)
    for router in behind_a_key:
        keyed.include_router(router)
    literal = list(literal_paths(routes, prefix="/v1"))
    app.router.routes.extend(literal)
    app.include_router(keyed)
    for router in (auth, oidc):
        app.include_router(router, prefix="/v1", responses=problems(401, 413, 415, 422, 429, 500, 503))
    app.include_router(files, prefix="/v1")
    app.include_router(archive_links, prefix="/v1")
    app.include_router(parts, prefix="/v1")
    app.include_router(health, prefix="/v1", responses=problems(500))
    app.include_router(status, prefix="/v1", responses=problems(500))
    app.include_router(docs)
    app.router.default = behind_the_api(app.router.default)
    install_problem_handlers(app)
    install_openapi(app)
    app.add_middleware(
        Edge,
        admit=Admission(routes, literal=literal, prefix="/v1"),
        gate=gate,
        max_json_bytes=settings.max_json_bytes,
        larger={"/v1/models": BodyLimit(settings.max_manifest_bytes, "RAYFARM_API_MAX_MANIFEST_BYTES")},
        strangers={
            f"/v1{router.prefix}{path}": BodyLimit(settings.max_login_bytes, "RAYFARM_API_MAX_LOGIN_BYTES")
            for router, paths in ((auth, AUTH_PATHS), (oidc, OIDC_PATHS))
            for path in paths
        },
        unlimited=(("PUT", "/v1/blobs/"), ("POST", "/v1/blobs:batch"), ("PUT", "/v1/parts/")),
        trusted_proxies=settings.trusted_proxies,
        body_idle_timeout=settings.body_idle_timeout,
        min_body_rate=settings.min_body_rate,
    )
    if settings.cors_origins:
        app.add_middleware(Cors, settings=settings)  # outside: a page must be able to read why it was refused
    # A signed link is a secret while it lives, and so is a code of a login: their addresses go into no trace.
    untraced = "/v1/files/,/v1/archives/,/v1/parts/,/v1/health/,/v1/auth/oidc/callback"
    FastAPIInstrumentor.instrument_app(app, exclude_spans=["receive", "send"], excluded_urls=untraced)
    return app


def _version() -> str:
    try:
        return metadata.version("rayfarm")
    except metadata.PackageNotFoundError:  # run from a checkout
        return "0+unknown"
