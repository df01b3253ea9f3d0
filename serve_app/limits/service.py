"""Gathers the limits from where they stand; none is written down twice."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta

from pydantic_settings import BaseSettings

from db.rates import seconds_until_full
from db.session import Transaction
from serve_app.limits.schemas import LimitsView, LimitView, RateView
from serve_app.rates.gate import is_farm_staff, subject_of
from serve_app.rates.policies import RateClass
from serve_app.security import Caller
from serve_app.services import ApiServices

_OF_THE_API = (
    ("max_json_bytes", "bytes", "request"),
    ("max_manifest_bytes", "bytes", "request"),
    ("max_login_bytes", "bytes", "request"),
    ("max_spec_bytes", "bytes", "job"),
    ("max_digests", "digests", "request"),
    ("max_page_size", "items", "request"),
    ("min_body_rate", "bytes per second", "request"),
    ("body_idle_timeout", "seconds", "request"),
    ("max_wait", "seconds", "request"),
    ("link_lifetime", "seconds", "link"),
    ("stream_lifetime", "seconds", "event stream"),
    ("max_uploads_per_project", "requests at once", "project and process"),
    ("max_streams_per_project", "requests at once", "project and process"),
    ("max_imports_per_project", "requests at once", "project and process"),
    ("max_manifests_per_project", "requests at once", "project and process"),
    ("max_logins_per_client", "requests at once", "address and process"),
    ("max_waiting_probes_per_project", "models", "project"),
)
_OF_JOBS = (
    ("max_frames_per_job", "frames", "job"),
    ("max_models_per_project", "models", "project"),
    ("max_frame_timeout", "seconds", "job"),
    ("worker_failures_per_frame", "attempts", "frame"),
    ("resource_failures_per_frame", "attempts", "frame"),
)
_OF_STORAGE = (("max_blob_bytes", "bytes", "blob"),)

_BY_CALLER = frozenset(RateClass) - {RateClass.STRANGER}


async def read(tx: Transaction, *, caller: Caller, services: ApiServices) -> LimitsView:
    """All limits, for one caller."""
    used: dict[str, float] = {}
    if (project_id := caller.place.project_id) is not None:
        used["max_uploads_per_project"] = services.uploads.taken(project_id)
        used["max_streams_per_project"] = services.streams.taken(project_id)
        used["max_manifests_per_project"] = services.manifests.taken(project_id)
        used["max_imports_per_project"] = services.imports.taken(project_id)
    limits = [
        *_views(services.settings, _OF_THE_API, used),
        *_views(services.limits, _OF_JOBS, used),
        *_views(services.storage_settings, _OF_STORAGE, used),
    ]
    return LimitsView(rates=await _rates(tx, caller=caller, services=services), limits=limits)


async def _rates(tx: Transaction, *, caller: Caller, services: ApiServices) -> list[RateView]:
    counted = not (services.settings.rate_exempt_staff and is_farm_staff(caller.who))
    subject = subject_of(caller.who)
    missing_s = await seconds_until_full(tx, subject=subject) if counted else {}
    views = []
    for rate_class, policy in services.rates.policies.items():
        if rate_class not in _BY_CALLER:
            continue
        left = policy.quota - missing_s.get(rate_class, 0.0) / policy.each_s
        held = services.rates.held(subject, rate_class)
        left_now = max(0, min(policy.quota, math.floor(left) + held))
        views.append(
            RateView(
                rate_class=rate_class,
                quota=policy.quota,
                window_s=policy.window.total_seconds(),
                left=left_now if counted else None,
                full_in_s=round((policy.quota - left_now) * policy.each_s, 3) if counted else None,
                setting=f"RAYFARM_API_RATE_{rate_class.upper()}",
            )
        )
    return views


def _views(
    settings: BaseSettings, names: tuple[tuple[str, str, str], ...], used: dict[str, float]
) -> Iterator[LimitView]:
    prefix = settings.model_config.get("env_prefix", "")
    for name, unit, scope in names:
        value = getattr(settings, name)
        limit = value.total_seconds() if isinstance(value, timedelta) else value
        yield LimitView(
            name=name,
            limit=None if limit is None else float(limit),
            unit=unit,
            scope=scope,
            used=used.get(name),
            setting=f"{prefix}{name}".upper(),
        )
