"""`rayfarm zip`: a job's outputs in one file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from rayfarm.cli.job_commands import JobId, connect
from rayfarm.cli.options import ApiKey, AsJson, Url
from rayfarm.cli.output import Output, size


def zip_(
    job_id: JobId,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Default: NAME OF THE JOB.zip here.")
    ] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(help="Only files of this kind (frame, extra, video, preview …); repeatable.", metavar="KIND"),
    ] = None,
    url: Url = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Fetch what the job has made so far as one ZIP. It cannot be resumed: for a large job use `rayfarm sync`."""
    output = Output(as_json=as_json)
    with connect(url, api_key) as client:
        target = out or Path(f"{_file_name(client.job(job_id).name)}.zip")
        size_bytes = client.archive(job_id, target, kinds=kind or ())
    output.record(file=str(target), size_bytes=size_bytes)
    output.say(f"{target}, {size(size_bytes)}")


def _file_name(title: str) -> str:
    """Without folders, hidden names and what a file system refuses."""
    return re.sub(r"[^\w. -]", "_", title).strip(". ")[:100] or "job"
