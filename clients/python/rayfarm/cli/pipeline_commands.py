"""`rayfarm pipelines`: how the farm can make pixels, and what a job may set."""

from __future__ import annotations

from typing import Annotated

import typer

from rayfarm.cli._schema_rows import setting_rows
from rayfarm.cli.job_commands import connect
from rayfarm.cli.options import ApiKey, AsJson, Url
from rayfarm.cli.output import Output
from rayfarm.types import Json

_FAKE = "fake renders no scene: it makes small plain pictures, and faults on request, for tests of a farm."


def pipelines(
    name: Annotated[
        str | None, typer.Argument(help="Print the settings of this one.", metavar="[PIPELINE]", show_default=False)
    ] = None,
    url: Url = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """List the farm's pipelines: engine, models, ways to split a frame; or what `--set` takes for one of them."""
    output = Output(as_json=as_json)
    with connect(url, api_key) as client:
        found = client.pipelines() if name is None else [client.pipeline(name)]
    for pipeline in found:
        output.record(**pipeline)
    columns = ("pipeline", "engine", "on workers", "models", "split")
    output.table(columns, [_row(pipeline) for pipeline in found], empty="The farm has no pipeline.")
    if any(pipeline["name"] == "fake" for pipeline in found):
        output.say("")
        output.say(_FAKE)
    if name is not None:
        output.say("")
        rows = list(setting_rows(found[0].get("settings_schema") or {}))
        output.table(("setting", "takes", "default", "about"), rows, empty="It takes no settings.")
        output.say("")
        output.say("A default of - leaves it to the scene, or to the other settings. Set them with --set KEY=VALUE.")


def _row(pipeline: Json) -> tuple[str, ...]:
    return (
        str(pipeline["name"]),
        str(pipeline.get("installed") or "not installed"),
        ", ".join(pipeline.get("on_replicas") or ()) or "-",
        ", ".join(pipeline.get("model_kinds") or ()),
        ", ".join(pipeline.get("split_modes") or ()) or "-",
    )
