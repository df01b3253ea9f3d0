"""`rayfarm admin maintenance|queues|blocklists|restart|schedules`: what an operator looks at and says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from rayfarm.cli.job_commands import connect
from rayfarm.cli.options import ApiKey, AsJson, Url
from rayfarm.cli.output import Output, duration
from rayfarm.cli.worker_commands import Reason, Worker
from rayfarm.errors import UsageError


def maintenance(
    switch: Annotated[Literal["on", "off"] | None, typer.Argument(help="Without it, how it is now.")] = None,
    message: Annotated[str, typer.Option("--message", "-m", help="For people: why, and until when.")] = "",
    drain: Annotated[bool, typer.Option("--drain", help="Hand out no work either; frames that render finish.")] = False,
    url: Url = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Make the farm read-only, or end that."""
    output = Output(as_json=as_json)
    if switch != "on" and (message or drain):
        raise UsageError("--message and --drain go with `on`.")
    with connect(url, api_key) as client:
        if switch is None:
            state = client.maintenance()
        else:
            state = client.set_maintenance(active=switch == "on", drain=drain, message=message)
    output.record(**state)
    if not state["active"]:
        output.say("The farm is not under maintenance.")
        return
    work = "hands out no work" if state["drain"] else "goes on to hand out work"
    output.say(f"Under maintenance since {state['since']}: read-only, {work}. {state['message']}".rstrip())


def queues(url: Url = None, api_key: ApiKey = None, as_json: AsJson = False) -> None:
    """What waits, how long, for what and for whom."""
    output = Output(as_json=as_json)
    with connect(url, api_key) as client:
        seen = client.queues()
    output.record(**seen)
    output.table(
        ("class", "waiting", "running", "held", "frames", "oldest", "waits for"),
        [
            (*_counts(row, "priority", "waiting", "running", "held", "frames"), _age(row["oldest_s"]), _waits(row))
            for row in seen["classes"]
        ],
        empty="No job waits or runs.",
    )
    if seen["projects"]:
        output.say("")
        output.table(
            ("project", "share", "used", "waiting", "running", "frames", "chunks", "stopped"),
            [
                (
                    str(row["project"]),
                    f"{row['share']:.0%}",
                    f"{row['used']:.0%}",
                    *_counts(row, "waiting", "running", "frames", "chunks"),
                    row["stopped"] or "-",
                )
                for row in seen["projects"]
            ],
            empty="",
        )
    if seen["pools"]:
        output.say("")
        names = ("name", "desired", "replicas", "accepting", "busy", "draining", "disabled")
        output.table(
            ("pool", *names[1:]), [_counts(row, *names) for row in seen["pools"]], empty="No pool has a worker."
        )
    if seen["tasks"]:
        output.say("")
        rows = [(*_counts(row, "kind", "waiting", "running"), _age(row["oldest_s"])) for row in seen["tasks"]]
        output.table(("task", "waiting", "running", "oldest"), rows, empty="")


def blocklists(
    node: Annotated[str | None, typer.Option(help="Only this machine.")] = None,
    reset: Annotated[str | None, typer.Option(metavar="NODE", help="Forget the failures of this machine.")] = None,
    url: Url = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Machines that have failed jobs of any project, or forget what one has cost."""
    output = Output(as_json=as_json)
    with connect(url, api_key) as client:
        if reset is not None:
            jobs = client.reset_blocklists(reset)
            output.record(node=reset, jobs=jobs)
            output.say(f"{jobs} jobs may use {reset} again.")
            return
        rows = client.blocklists(node=node)
    for row in rows:
        output.record(**row)
    cells = [
        (*_counts(row, "node", "project", "job_name", "job", "failures"), "blocked" if row["blocked"] else "-")
        for row in rows
    ]
    output.table(("machine", "project", "name", "job", "failures", "blocked"), cells, empty="No machine has failed.")


def restart(
    worker: Worker, reason: Reason = None, url: Url = None, api_key: ApiKey = None, as_json: AsJson = False
) -> None:
    """Let a worker, or all workers of a machine, finish their frames and be replaced by new processes."""
    output = Output(as_json=as_json)
    with connect(url, api_key) as client:
        answer = client.restart(worker, reason=reason)
    output.record(**answer)
    output.say(f"{worker} restarts once its frame is done.")


def schedules(
    name: Annotated[str | None, typer.Argument(help="Schedule to set or remove.", show_default=False)] = None,
    file: Annotated[
        Path | None, typer.Option("--set", exists=True, dir_okay=False, help="JSON of the schedule (docs/operations).")
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Forget it; its machines render at any time.")] = False,
    url: Url = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """List when machines may render, or set one schedule."""
    output = Output(as_json=as_json)
    if (name is None) != (file is None and not remove) or (remove and file is not None):
        raise UsageError("Name one schedule with either --set or --remove; without a name, all are listed.")
    with connect(url, api_key) as client:
        if name is not None and file is not None:
            output.record(**client.set_schedule(name, _read(file)))
            output.say(f"{name} holds within seconds.")
            return
        if name is not None:
            client.drop_schedule(name)
            output.record(name=name, removed=True)
            output.say(f"{name} is removed.")
            return
        rows = client.schedules()
    for row in rows:
        output.record(**row)
    output.table(("schedule", "machines", "hours", "idle", "open now"), [_schedule(row) for row in rows], empty="None.")


def flags(
    name: Annotated[str | None, typer.Argument(help="Flag to set.", show_default=False)] = None,
    switch: Annotated[Literal["on", "off", "reset"] | None, typer.Argument(help="reset: back to its default.")] = None,
    project: Annotated[
        list[str] | None, typer.Option("--project", metavar="SLUG", help="On for this project; repeatable.")
    ] = None,
    percent: Annotated[
        int | None, typer.Option(min=0, max=100, help="On for so many of all projects; default: all, or those named.")
    ] = None,
    note: Annotated[str, typer.Option("--note", "-m", help="Why, for whoever is refused.")] = "",
    url: Url = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """List features that can be turned off, or turn one on, off, or on for some projects."""
    output = Output(as_json=as_json)
    if (name is None) != (switch is None):
        raise UsageError("Name one flag and `on`, `off` or `reset`; without either, all are listed.")
    if switch != "on" and (project or percent is not None):
        raise UsageError("--project and --percent go with `on`.")
    with connect(url, api_key) as client:
        if name is not None and switch == "reset":
            client.reset_flag(name)
            output.record(name=name, reset=True)
            output.say(f"{name} is as this version of the farm has it.")
            return
        if name is not None:
            state = client.set_flag(name, enabled=switch == "on", projects=project or (), percent=percent, note=note)
            output.record(**state)
            output.say(f"{name} is {_flag(state)}.")
            return
        rows = client.flags()
    for row in rows:
        output.record(**row)
    cells = [(str(row["name"]), _flag(row), row["changed_by"] or "-", row["note"] or row["turns"]) for row in rows]
    output.table(("flag", "state", "set by", "note, or what it turns"), cells, empty="None.")


def _flag(row: Any) -> str:
    if not row["enabled"] or (not row["projects"] and not row["percent"]):
        return "off"
    some = [*([f"{row['percent']}% of projects"] if row["percent"] else []), *row["projects"]]
    return "on" if row["percent"] == 100 else f"on for {', '.join(some)}"


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UsageError(f"{path} is no JSON: {error}.") from error


def _schedule(row: Any) -> tuple[str, ...]:
    labels = ", ".join(f"{key}={value}" for key, value in row["labels"].items())
    hours = "; ".join(f"{','.join(each['days'])} {each['begin']}-{each['end']}" for each in row["windows"])
    idle = row["only_when_idle_min"]
    return (
        str(row["name"]),
        row["node"] or labels,
        f"{hours} {row['time_zone']}" if hours else "at any time",
        f"{idle} min" if idle else "-",
        "off" if not row["enabled"] else "yes" if row["open"] else "no",
    )


def _counts(row: Any, *names: str) -> tuple[str, ...]:
    return tuple("-" if row[name] is None else str(row[name]) for name in names)


def _age(seconds: float | None) -> str:
    return "-" if seconds is None else duration(seconds)


def _waits(row: Any) -> str:
    return ", ".join(f"{each['reason']} ({each['jobs']})" for each in row["waits"]) or "-"
