"""What each changing route is called in the audit log, and which are not in it and why.

These names are stable: filters and alerts of operators hold them. A route that stands in neither table is written under
a name made of its own (``create_thing`` is ``thing.create``), with the resource of its path: nothing is forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping

ACTIONS: Mapping[str, str] = {
    # people and keys
    "log_in": "login.succeed",
    "log_out": "session.end",
    "end_my_sessions": "session.end_all",
    "change_password": "password.change",
    "change_notices": "notices.change",
    "accept_invitation": "invitation.accept",
    "invite": "invitation.create",
    "invite_to_farm": "invitation.create",
    "revoke_invitation": "invitation.revoke",
    "revoke_farm_invitation": "invitation.revoke",
    "create_key": "key.create",
    "create_farm_key": "key.create",
    "revoke_key": "key.revoke",
    "revoke_farm_key": "key.revoke",
    "create_service_account": "service_account.create",
    "create_farm_service_account": "service_account.create",
    "delete_service_account": "service_account.delete",
    "delete_farm_service_account": "service_account.delete",
    "create_service_key": "key.create",
    "create_farm_service_key": "key.create",
    "finish_single_sign_on": "login.succeed",
    "change_account": "account.change",
    "set_member": "member.change",
    "drop_member": "member.remove",
    "create_project": "project.create",
    "change_project": "project.change",
    # money
    "add_prices": "prices.add",
    "set_budget": "budget.set",
    "add_credit": "credit.add",
    "set_prepaid": "prepaid.set",
    "set_quotas": "quotas.set",
    "set_billing": "billing.set",
    "add_credit_note": "credit_note.add",
    "resolve_usage_report": "usage_report.resolve",
    "create_webhook": "webhook.create",
    "change_webhook": "webhook.change",
    "delete_webhook": "webhook.delete",
    "rotate_webhook": "webhook.rotate",
    "test_webhook": "webhook.test",
    "redeliver": "webhook.redeliver",
    "create_destination": "destination.create",
    "change_destination": "destination.change",
    "set_destination_key": "destination.set_key",
    "delete_destination": "destination.delete",
    "test_destination": "destination.test",
    # work
    "retry_job_deliveries": "job.retry_deliveries",
    "register_model": "model.register",
    "change_model": "model.change",
    "submit_job": "job.submit",
    "clone_job": "job.clone",
    "import_openjd": "job.import",
    "change_job": "job.change",
    "cancel_job": "job.cancel",
    "pause_job": "job.pause",
    "resume_job": "job.resume",
    "approve_job": "job.approve",
    "retry_job": "job.retry",
    "add_job_step": "job.add_step",
    "reset_blocklist": "job.unblock_node",
    "act_on_frames": "frames.act",
    # the farm
    "drain_replica": "replica.drain",
    "disable_replica": "replica.disable",
    "enable_replica": "replica.enable",
    "restart_replica": "replica.restart",
    "drain_node": "node.drain",
    "restart_node": "node.restart",
    "disable_node": "node.disable",
    "enable_node": "node.enable",
    "reset_blocklists": "node.unblock",
    "set_schedule": "schedule.set",
    "drop_schedule": "schedule.remove",
    "set_maintenance": "maintenance.set",
    "set_flag": "flag.set",
    "drop_flag": "flag.reset",
    "set_licence": "licence.set",
    "drop_licence": "licence.remove",
    # the log itself
    "export_audit": "audit.export",
    "export_project_audit": "audit.export",
}
"""Name of a route -> action."""

BESIDE_ROUTES: Mapping[str, str] = {
    "login.fail": "A login with a wrong password, of an unknown address, of an account that is disabled, or one at the "
    "identity provider that was refused; `why` tells.",
    "password.fail": "A change of password with a wrong old one.",
    "session.reuse": "A refresh token came a second time, so a copy of it is about; its session has ended.",
    "audit.prune": "Retention has deleted entries; the entry holds the checkpoint.",
}
"""Actions that no route is called after, in words."""

EXEMPT: Mapping[str, str] = {
    "estimate_job": "A dry run; nothing is written.",
    "check_settings": "A dry run; nothing is written.",
    "ask_lacking": "A question; nothing is written.",
    "upload_blob": "Bytes that do nothing until a model names them, thousands for a scene: `model.register` holds the "
    "digest over all of them.",
    "upload_batch": "Bytes that do nothing until a model names them, like those of `upload_blob`.",
    **dict.fromkeys(
        ("begin_upload", "write_part", "complete_upload", "drop_upload"),
        "Bytes that do nothing until a model names them, in parts.",
    ),
    "exchange_code": "The second half of a login at the identity provider, which is in the log as `login.succeed`.",
    "refresh_session": "Goes on with a session whose login is in the log, every quarter of an hour; a reused token is "
    "`session.reuse`.",
}
"""Changing routes without an entry, and why."""


def action_of(route: str) -> str:
    """The action of a route; of one that the table does not know, made of its name."""
    verb, _, noun = route.partition("_")
    return ACTIONS.get(route) or (f"{noun}.{verb}" if noun else f"farm.{verb}")
