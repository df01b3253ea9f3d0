"""Which right each route of the API asks for, by the route's name. What is not in this table cannot be reached."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from jobs.access import Permission

REQUIRED: Mapping[str, Permission] = {
    "read_me": Permission.SELF,
    "change_password": Permission.SELF,
    "end_my_sessions": Permission.SELF,
    "list_pipelines": Permission.SELF,
    "read_pipeline": Permission.SELF,
    "check_settings": Permission.SELF,
    "list_replicas": Permission.SELF,
    "read_replica": Permission.SELF,
    "list_replica_attempts": Permission.SELF,
    "list_nodes": Permission.SELF,
    "list_licences": Permission.SELF,
    "list_projects": Permission.SELF,
    "read_project": Permission.PROJECT_READ,
    "list_models": Permission.PROJECT_READ,
    "read_model": Permission.PROJECT_READ,
    "list_jobs": Permission.PROJECT_READ,
    "read_job": Permission.PROJECT_READ,
    "list_frames": Permission.PROJECT_READ,
    "read_frame": Permission.PROJECT_READ,
    "read_preview": Permission.PROJECT_READ,
    "read_log": Permission.PROJECT_READ,
    "list_attempts": Permission.PROJECT_READ,
    "list_job_steps": Permission.PROJECT_READ,
    "read_job_step": Permission.PROJECT_READ,
    "list_blocklist": Permission.PROJECT_READ,
    "follow_job": Permission.PROJECT_READ,
    "list_artifacts": Permission.PROJECT_READ,
    "read_artifact": Permission.PROJECT_READ,
    "read_content": Permission.PROJECT_READ,
    "estimate_job": Permission.PROJECT_READ,
    "list_members": Permission.PROJECT_READ,
    "list_shows": Permission.PROJECT_READ,
    "list_shots": Permission.PROJECT_READ,
    "list_tags": Permission.PROJECT_READ,
    "ask_lacking": Permission.PROJECT_RENDER,
    "upload_blob": Permission.PROJECT_RENDER,
    "check_blob": Permission.PROJECT_RENDER,
    "register_model": Permission.PROJECT_RENDER,
    "submit_job": Permission.PROJECT_RENDER,
    "change_job": Permission.PROJECT_RENDER,
    "cancel_job": Permission.PROJECT_RENDER,
    "pause_job": Permission.PROJECT_RENDER,
    "resume_job": Permission.PROJECT_RENDER,
    "approve_job": Permission.PROJECT_RENDER,
    "retry_job": Permission.PROJECT_RENDER,
    "act_on_frames": Permission.PROJECT_RENDER,
    "clone_job": Permission.PROJECT_RENDER,
    "add_job_step": Permission.PROJECT_RENDER,
    "reset_blocklist": Permission.PROJECT_RENDER,
    "set_member": Permission.PROJECT_MANAGE,
    "drop_member": Permission.PROJECT_MANAGE,
    "list_invitations": Permission.PROJECT_MANAGE,
    "invite": Permission.PROJECT_MANAGE,
    "revoke_invitation": Permission.PROJECT_MANAGE,
    "list_keys": Permission.PROJECT_MANAGE,
    "create_key": Permission.PROJECT_MANAGE,
    "revoke_key": Permission.PROJECT_MANAGE,
    "list_project_audit": Permission.PROJECT_MANAGE,
    "export_project_audit": Permission.PROJECT_MANAGE,
    "list_loops": Permission.FARM_OPERATE,  # their errors may name any project
    "change_model": Permission.FARM_OPERATE,
    "drain_replica": Permission.FARM_OPERATE,
    "disable_replica": Permission.FARM_OPERATE,
    "enable_replica": Permission.FARM_OPERATE,
    "drain_node": Permission.FARM_OPERATE,
    "disable_node": Permission.FARM_OPERATE,
    "enable_node": Permission.FARM_OPERATE,
    "set_licence": Permission.FARM_OPERATE,
    "drop_licence": Permission.FARM_OPERATE,
    "create_project": Permission.FARM_ADMIN,
    "change_project": Permission.FARM_ADMIN,
    "list_accounts": Permission.FARM_ADMIN,
    "read_account": Permission.FARM_ADMIN,
    "change_account": Permission.FARM_ADMIN,
    "list_farm_invitations": Permission.FARM_ADMIN,
    "invite_to_farm": Permission.FARM_ADMIN,
    "revoke_farm_invitation": Permission.FARM_ADMIN,
    "list_farm_keys": Permission.FARM_ADMIN,
    "create_farm_key": Permission.FARM_ADMIN,
    "revoke_farm_key": Permission.FARM_ADMIN,
    "list_audit": Permission.FARM_ADMIN,
    "export_audit": Permission.FARM_ADMIN,
    "verify_audit": Permission.FARM_ADMIN,
}

IN_A_PROJECT = frozenset({Permission.PROJECT_READ, Permission.PROJECT_RENDER, Permission.PROJECT_MANAGE})
"""Rights that are had in one project."""


def require_complete(routes: Iterable[str]) -> None:
    """Every route behind a credential has its right, and the table has no other. Raises ``LookupError``."""
    names = set(routes)
    if odd := sorted(names ^ REQUIRED.keys()):
        raise LookupError(f"serve_app.permissions and the routes of the API differ: {', '.join(odd)}.")
