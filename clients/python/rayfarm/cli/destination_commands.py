"""`rayfarm destinations`: a project's own buckets, into which its files are put as they are committed."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from rayfarm._config import project_of
from rayfarm.cli.job_commands import connect
from rayfarm.cli.options import ApiKey, AsJson, Url, named_project
from rayfarm.cli.output import Output
from rayfarm.client import Client
from rayfarm.errors import UsageError

SECRET = "AWS_SECRET_ACCESS_KEY"  # noqa: S105 - the variable's name, which every tool of AWS reads
KEY_ID = "AWS_ACCESS_KEY_ID"


def destinations(
    name: Annotated[str | None, typer.Argument(help="Destination to add, test or remove.", show_default=False)] = None,
    bucket: Annotated[
        str | None,
        typer.Option(help=f"Add one that puts files into this bucket, with the key of {KEY_ID} and {SECRET}."),
    ] = None,
    prefix: Annotated[str, typer.Option(help="What precedes every key in the bucket.")] = "",
    region: Annotated[str, typer.Option(help="Of the bucket.")] = "us-east-1",
    endpoint_url: Annotated[
        str | None, typer.Option("--endpoint-url", help="Of another server than AWS; https.")
    ] = None,
    default: Annotated[bool, typer.Option("--default", help="Jobs that name no destination have this one.")] = False,
    test: Annotated[bool, typer.Option("--test", help="Write a small object there, and say how that went.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Put nothing more there; what is there stays.")] = False,
    project: Annotated[
        str | None, typer.Option(help="Slug of the project (RAYFARM_PROJECT). Default: default.", show_default=False)
    ] = None,
    url: Url = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """List the project's buckets, or add, test or remove one."""
    output = Output(as_json=as_json)
    slug = project_of(named=project) or "default"
    asked = [bucket is not None, test, remove]
    if sum(asked) != (0 if name is None else 1):
        raise UsageError("Name one destination with --bucket, --test or --remove; without a name, all are listed.")
    if bucket is None and (prefix or endpoint_url or default):
        raise UsageError("--prefix, --endpoint-url and --default go with --bucket.")
    key_id, secret = _key() if bucket is not None else ("", "")
    with connect(url, api_key) as client:
        if name is not None and bucket is not None:
            made = client.add_destination(
                name,
                bucket=bucket,
                access_key_id=key_id,
                secret_access_key=secret,
                project=slug,
                prefix=prefix,
                region=region,
                endpoint_url=endpoint_url,
                is_default=default,
            )
            output.record(**made)
            output.say(f"{name} is there; try it with: rayfarm destinations {name} --test")
            return
        if name is not None:
            found = client.destination(name, slug)
            if test:
                output.record(**client.test_destination(found["id"], slug))
                output.say(f"{name} took a file.")
            else:
                client.remove_destination(found["id"], slug)
                output.record(name=name, removed=True)
                output.say(f"{name} is removed; what was delivered stays in {found['bucket']}.")
            return
        rows = list(client.destinations(slug))
    for row in rows:
        output.record(**row)
    cells = [
        (row["name"], f"{row['bucket']}/{row['prefix']}", "yes" if row["is_default"] else "-", row["error"] or "-")
        for row in rows
    ]
    output.table(("destination", "bucket", "default", "trouble"), cells, empty="No destination yet.")


def destination_id(client: Client, name: str) -> str | None:
    """What a job's ``deliver_to`` is for the name that somebody gave: `default` the project's, `none` nowhere.

    Raises ``UsageError`` for a name that the project does not have.
    """
    if name in ("default", "none"):
        return "default" if name == "default" else None
    return str(client.destination(name, project_of(named=named_project()) or "default")["id"])


def _key() -> tuple[str, str]:
    """From the environment: a secret in an option would stand in the shell's history and in the list of processes."""
    key_id, secret = os.environ.get(KEY_ID), os.environ.get(SECRET)
    if not key_id or not secret:
        raise UsageError(
            f"The key for the bucket is read from {KEY_ID} and {SECRET}, and not both are set.",
            remedy="Give a key that may do no more than s3:PutObject below the prefix (docs/api/delivery.md).",
        )
    return key_id, secret
