"""The dry run: a job is checked as a submit would, nothing is written, and what it would cost is told."""

from __future__ import annotations

from uuid import UUID

from db.billing.prices import current_prices, prices_for
from db.billing.quotas import require_job_in_quotas
from db.control import require_future
from db.dependencies import check_dependencies
from db.licences import require_licences
from db.repositories.estimates import PresentReplica, count_reusable, measured_pace, present_replicas
from db.session import Transaction
from jobs.billing import CPU_CLASS, cost_of_seconds, plain
from jobs.estimate import estimate
from jobs.labels import has_labels
from jobs.misfit import why_none_fits
from jobs.spec import JobSpec
from pipelines.render_keys import render_key_of
from serve_app.jobs.admission import pixels_per_frame
from serve_app.jobs.notifying import settled_notify
from serve_app.jobs.schemas import EstimateView
from serve_app.jobs.service import admit
from serve_app.services import ApiServices


async def estimate_job(
    tx: Transaction, services: ApiServices, *, project_id: UUID, spec: JobSpec, asked_by: str
) -> EstimateView:
    """Raises whatever a submit of this spec would."""
    spec, model = await admit(tx, services, project_id=project_id, spec=spec)
    spec = await settled_notify(tx, services.mail, project_id=project_id, spec=spec, asked_by=asked_by)
    await require_future(tx, {"start_before": spec.start_before, "finish_before": spec.finish_before})
    await require_licences(tx, spec.licences)
    await check_dependencies(tx, project_id=project_id, wanted=spec.depends_on)
    await require_job_in_quotas(
        tx,
        project_id=project_id,
        frames=len(spec.frame_range),
        pixels_per_frame=pixels_per_frame(spec, probe=model.probe),
    )
    up = await present_replicas(tx, timeout=services.limits.lease)
    fitting = [replica for replica in up if _fits(spec, replica)]
    key: str | None = None
    if fitting:  # the dispatcher pins a job to the first that fits; only those like it render it then
        version, device_class = fitting[0].engines[spec.pipeline], fitting[0].device_class
        fitting = [
            replica
            for replica in fitting
            if replica.engines[spec.pipeline] == version and replica.device_class == device_class
        ]
        key = render_key_of(spec, model_digest=model.digest, engine_version=version, device_class=device_class)
    reused: int | None = 0
    if spec.reuse:
        reused = None
        if key is not None:
            reused = await count_reusable(tx, project_id=project_id, render_key=key, frames=spec.frame_range)
    pace = await measured_pace(tx, project_id=project_id, model_id=spec.model, pipeline=spec.pipeline, render_key=key)
    result = estimate(
        frames=len(spec.frame_range),
        reused=reused,
        seconds_per_frame=pace.seconds if pace else None,
        replicas=len(fitting),
        max_replicas=spec.max_replicas,
        why_no_replica=why_none_fits(pipeline=spec.pipeline, labels=spec.labels, there=up) if up else None,
    )
    cost, currency = None, None
    prices = await current_prices(tx)
    if prices is None:
        result.unknown["cost"] = "The farm has no price list."
    elif not fitting or result.slot_seconds is None:
        result.unknown["cost"] = result.unknown.get("slot_seconds") or result.unknown["expected_seconds"]
    else:
        on_gpu, rates = fitting[0].device_class != CPU_CLASS, prices_for(prices, fitting[0].pool)
        rate = rates.gpu_second if on_gpu else rates.cpu_second
        cost, currency = plain(cost_of_seconds(result.slot_seconds, rate)), prices.currency
    return EstimateView(
        cost=cost,
        currency=currency,
        frames=result.frames,
        reused=result.reused,
        to_render=result.to_render,
        seconds_per_frame=result.seconds_per_frame,
        seconds_per_frame_source=pace.source if pace else None,
        measured_frames=pace.frames if pace else 0,
        slot_seconds=result.slot_seconds,
        replicas=result.replicas,
        expected_seconds=result.expected_seconds,
        unknown=result.unknown,
    )


def _fits(spec: JobSpec, replica: PresentReplica) -> bool:
    return spec.pipeline in replica.engines and has_labels(spec.labels, replica.labels)
