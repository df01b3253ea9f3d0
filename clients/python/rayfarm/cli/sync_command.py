"""`rayfarm sync`: a folder that is kept like a job's outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rayfarm.cli.exit_codes import INTERRUPTED, JOB_FAILED
from rayfarm.cli.job_commands import JobId, connect
from rayfarm.cli.options import ApiKey, AsJson, Url
from rayfarm.cli.output import Output, size
from rayfarm.cli.render_command import check_folder
from rayfarm.downloads import Fetched
from rayfarm.syncing import FolderSync
from rayfarm.types import Artifact


def sync(
    job_id: JobId,
    folder: Annotated[Path, typer.Argument(help="Where the files go.", metavar="FOLDER", file_okay=False)],
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Stay until the job is over, and bring each frame as it is done.")
    ] = False,
    kind: Annotated[
        list[str] | None,
        typer.Option(help="Only files of this kind (frame, extra, video, preview …); repeatable.", metavar="KIND"),
    ] = None,
    url: Url = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Bring to FOLDER what of the job's outputs is not there yet, each file whole or not at all."""
    output = Output(as_json=as_json)
    check_folder(folder)

    def told(path: Path, artifact: Artifact, fetched: Fetched) -> None:
        output.record(file=str(path), artifact=artifact.id, kind=artifact.kind, fetched=str(fetched))
        if fetched is Fetched.DOWNLOADED:
            output.say(f"{path}  {size(artifact.size_bytes)}")

    with connect(url, api_key) as client:
        job = client.job(job_id)
        syncing = FolderSync(
            client=client, job=job, folder=folder, kinds=kind or ("frame", "extra", "video"), on_file=told
        )
        try:
            done = syncing.watch() if watch else syncing.once()
        except KeyboardInterrupt:
            output.note("\nStopped. The same command goes on where this one was.")
            raise typer.Exit(INTERRUPTED) from None
        job = client.job(job_id)
    output.record(
        result=job.state, job=job.id, downloaded=done.downloaded, same=done.same, gone=done.gone, folder=str(folder)
    )
    gone = f", {done.gone} no longer at the farm" if done.gone else ""
    output.say(
        f"{done.downloaded} files brought ({size(done.bytes_downloaded)}), {done.same} were there{gone}; "
        f"the job is {job.state}."
    )
    if watch and job.state != "succeeded":
        raise typer.Exit(JOB_FAILED)
