"""Whether those whom a job would tell of its end may be told: members of its project, and webhooks that it has."""

from __future__ import annotations

from uuid import UUID

from db.features import require_feature
from db.mail import addresses_among
from db.session import Transaction
from db.webhooks import find_webhook
from jobs.errors import InvalidInput
from jobs.features import Feature
from jobs.mail import MailSettings
from jobs.notify import ME, Notify
from jobs.spec import JobSpec


async def settled_notify(
    tx: Transaction, mail: MailSettings, *, project_id: UUID, spec: JobSpec, asked_by: str | None
) -> JobSpec:
    """The spec with its addresses as they are written to, ``me`` among them.

    Raises ``InvalidInput`` for an address that is no member's (the farm sends to no others, or it would relay for
    anybody), for any where the farm has no mail server, and for a webhook that tells nothing; ``FeatureOff``.
    """
    notify = spec.notify
    if notify is None:
        return spec
    remedy = "Leave notify out; GET the job, or its events, tell how it goes."
    await require_feature(tx, Feature.JOB_NOTIFY, project_id=project_id, remedy=remedy)
    if notify.email and mail.host is None:
        raise InvalidInput(
            "This farm has no mail server to write to anybody by.",
            field="notify.email",
            remedy="Leave notify.email out, or have its operator set RAYFARM_MAIL_HOST and RAYFARM_MAIL_SENDER.",
        )
    emails = await _addresses(tx, notify, project_id=project_id, asked_by=asked_by) if notify.email else ()
    if notify.webhook is not None:
        await _require_webhook(tx, project_id=project_id, webhook_id=notify.webhook)
    return spec.model_copy(update={"notify": notify.model_copy(update={"email": emails})})


async def _addresses(tx: Transaction, notify: Notify, *, project_id: UUID, asked_by: str | None) -> tuple[str, ...]:
    named = [address for address in notify.email if address != ME]
    known = await addresses_among(tx, project_id=project_id, emails=[*named, *([asked_by] if asked_by else [])])
    if strangers := sorted(address for address in named if not known.get(address)):
        raise InvalidInput(
            f"No member of this project has the address {', '.join(strangers)}.",
            field="notify.email",
            remedy="Name members (GET /v1/projects/{slug}/members lists them), or `me`; a webhook reaches others.",
            unknown=strangers,
        )
    if ME in notify.email and (asked_by is None or asked_by not in known):
        raise InvalidInput(
            "Who submits this has no address: `me` is a person, and this is a key.",
            field="notify.email",
            remedy="Name the address of a member, or a webhook.",
        )
    return tuple(dict.fromkeys(str(asked_by) if address == ME else address for address in notify.email))


async def _require_webhook(tx: Transaction, *, project_id: UUID, webhook_id: UUID) -> None:
    row = await find_webhook(tx, project_id=project_id, webhook_id=webhook_id)
    if row is None or not row.enabled:
        raise InvalidInput(
            "This project has no such webhook." if row is None else "This webhook is disabled, and told nothing.",
            field="notify.webhook",
            remedy="A manager of the project sees its webhooks: GET /v1/projects/{slug}/webhooks.",
        )
