"""`rayfarm admin users|invite|projects|keys`: who is on the farm, and what opens it."""

from __future__ import annotations

from typing import Annotated

import typer

from jobs.access import ProjectRole
from rayfarm.cli.job_commands import connect
from rayfarm.cli.options import ApiKey, AsJson, Url
from rayfarm.cli.output import Output
from rayfarm.errors import FarmRefused, UsageError

Project = Annotated[str | None, typer.Option(help="Slug of a project; without it, of the whole farm.")]


def users(
    email: Annotated[str | None, typer.Argument(help="Address of the account to change.", show_default=False)] = None,
    role: Annotated[
        str | None, typer.Option("--farm-role", help="operator or admin of the whole farm; none takes it.")
    ] = None,
    disabled: Annotated[
        bool | None, typer.Option("--disable/--enable", help="A disabled account cannot log in, at once.")
    ] = None,
    url: Url = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """List the accounts of the farm, or change one."""
    output = Output(as_json=as_json)
    changes: dict[str, object] = {} if role is None else {"farm_role": None if role == "none" else role}
    if disabled is not None:
        changes["disabled"] = disabled
    if (email is None) != (not changes):
        raise UsageError("Name an account together with what changes; without either, all are listed.")
    with connect(url, api_key) as client:
        if email is not None:
            output.record(**client.change_account(email, **changes))
            output.say(f"{email} is changed.")
            return
        rows = client.accounts()
    for row in rows:
        output.record(**row)
    cells = [
        (str(row["email"]), str(row["name"]), row["farm_role"] or "-", "disabled" if row["disabled_at"] else "-")
        for row in rows
    ]
    output.table(("account", "name", "farm role", "disabled"), cells, empty="The farm has no account.")


def invite(
    email: Annotated[str, typer.Argument(help="Whom.")],
    role: Annotated[str, typer.Option(help="viewer, artist or manager of a project; operator or admin of the farm.")],
    project: Project = None,
    url: Url = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Invite somebody; the token that is printed is shown once."""
    output = Output(as_json=as_json)
    if project is None and role in set(ProjectRole):
        raise UsageError(f"{role} is a role in a project.", remedy="Name that with --project SLUG.")
    with connect(url, api_key) as client:
        try:
            made = client.invite(email, role=role, project=project)
        except FarmRefused as error:
            if error.status == 404 and project is not None:
                error.remedy = "Name one with --project; `rayfarm admin projects` lists them."
            raise
    output.record(**made)
    output.say(f"{email} takes it up with this token: {made['token']}")


def projects(
    slug: Annotated[str | None, typer.Argument(help="Slug of a project to make.", show_default=False)] = None,
    name: Annotated[str | None, typer.Option(help="Its name for people.")] = None,
    url: Url = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """List the projects, or make one."""
    output = Output(as_json=as_json)
    if slug is None and name is not None:
        raise UsageError("--name goes with the slug of a project to make.")
    with connect(url, api_key) as client:
        if slug is not None:
            output.record(**client.create_project(slug, name=name or slug))
            output.say(f"{slug} is made. Its manager: rayfarm admin invite EMAIL --role manager --project {slug}")
            return
        rows = client.projects()
    for row in rows:
        output.record(**row)
    cells = [(str(row["slug"]), str(row["name"]), str(row["weight"])) for row in rows]
    output.table(("project", "name", "weight"), cells, empty="The farm has no project.")


def keys(
    create: Annotated[str | None, typer.Option(metavar="NAME", help="Make a key of this name.")] = None,
    role: Annotated[str | None, typer.Option(help="Of the new key.")] = None,
    revoke: Annotated[str | None, typer.Option(metavar="ID", help="Revoke this key, at once.")] = None,
    project: Project = None,
    url: Url = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """List keys, make one, or revoke one. A new key is shown once."""
    output = Output(as_json=as_json)
    if (create is not None and revoke is not None) or (create is None) != (role is None):
        raise UsageError("Give --create with --role, or --revoke, or none of them.")
    with connect(url, api_key) as client:
        if create is not None and role is not None:
            made = client.create_key(create, role=role, project=project)
            output.record(**made)
            output.say(f"{made['key']}")
            return
        if revoke is not None:
            client.revoke_key(revoke, project=project)
            output.record(id=revoke, revoked=True)
            output.say(f"{revoke} is revoked.")
            return
        rows = client.keys(project=project)
    for row in rows:
        output.record(**row)
    cells = [
        tuple(str(row[name] or "-") for name in ("id", "name", "role", "prefix", "expires_at", "last_used_at"))
        for row in rows
    ]
    output.table(("id", "name", "role", "prefix", "expires", "last used"), cells, empty="There is no key.")
