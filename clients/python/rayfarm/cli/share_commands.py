"""`rayfarm licences|projects`: what workers and projects share, for the farm's administrators to set."""

from __future__ import annotations

from typing import Annotated

import typer

from rayfarm.cli.job_commands import connect
from rayfarm.cli.options import ApiKey, AsJson, Url
from rayfarm.cli.output import Output
from rayfarm.errors import UsageError


def licences(
    name: Annotated[str | None, typer.Argument(help="Licence to set or remove.", show_default=False)] = None,
    capacity: Annotated[
        int | None, typer.Option("--set", min=0, help="Chunks that may hold it at once, on the whole farm.")
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Forget it; jobs that ask for it wait.")] = False,
    url: Url = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """List the farm's counted licences, or set how many there are of one."""
    output = Output(as_json=as_json)
    if (name is None) != (capacity is None and not remove) or (remove and capacity is not None):
        raise UsageError("Name one licence with either --set or --remove; without a name, all are listed.")
    with connect(url, api_key) as client:
        if name is None:
            rows = client.licences()
            for row in rows:
                output.record(**row)
            cells = [(str(row["name"]), str(row["capacity"])) for row in rows]
            output.table(("licence", "capacity"), cells, empty="The farm has no licence.")
        elif capacity is None:
            client.drop_licence(name)
            output.record(name=name, removed=True)
            output.say(f"{name} is removed.")
        else:
            output.record(**client.set_licence(name, capacity))
            output.say(f"{capacity} chunks may hold {name} at once.")


def projects(
    project: Annotated[str | None, typer.Argument(help="Slug of the project to change.", show_default=False)] = None,
    weight: Annotated[
        int | None, typer.Option(min=1, help="Its share beside other projects; 200 gets twice of 100.")
    ] = None,
    url: Url = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """List the farm's projects and their shares, or change the share of one."""
    output = Output(as_json=as_json)
    if (project is None) != (weight is None):
        raise UsageError("Name a project together with --weight; without either, all are listed.")
    with connect(url, api_key) as client:
        if project is not None and weight is not None:
            output.record(**client.set_share(project, weight))
            output.say(f"{project} has weight {weight}.")
            return
        rows = client.projects()
    for row in rows:
        output.record(**row)
    cells = [(str(row["slug"]), str(row["name"]), str(row["weight"])) for row in rows]
    output.table(("project", "name", "weight"), cells, empty="The farm has no project.")
