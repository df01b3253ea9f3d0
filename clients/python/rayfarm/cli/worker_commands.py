"""`rayfarm workers|drain|disable|enable`: the machines of the farm, and what an operator tells them."""

from __future__ import annotations

from typing import Annotated

import typer

from rayfarm.cli.job_commands import Limit, connect
from rayfarm.cli.options import ApiKey, AsJson, Url
from rayfarm.cli.output import Output, size
from rayfarm.types import Json, Replica

Worker = Annotated[
    str, typer.Argument(help="A replica's id, or a machine's name, as `rayfarm workers` prints them.", metavar="WORKER")
]
Reason = Annotated[str | None, typer.Option(help="Why, for people: shown with the worker and its frames.")]


def workers(
    history: Annotated[str | None, typer.Option(help="Print the last tries of this replica instead.")] = None,
    limit: Limit = 20,
    url: Url = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """List the farm's workers: their machines, what they keep loaded, what they do now, what they have done."""
    output = Output(as_json=as_json)
    rows = []
    with connect(url, api_key) as client:
        if history is not None:
            _say_history(output, client.replica_attempts(history, limit=limit))
            return
        for replica in client.replicas():
            output.record(**replica.raw)
            engines = ", ".join(f"{name} {version}" for name, version in replica.engines.items())
            held = sum(int(resident.get("size_bytes") or 0) for resident in replica.residents)
            loaded = f"{len(replica.residents)} ({size(held)})" if replica.residents else "none"
            done = f"{replica.frames}, {replica.failures} failed" if replica.failures else str(replica.frames)
            row = (replica.id, _state(replica), replica.node, replica.pool, engines, loaded, _sandbox(replica), done)
            rows.append((*row, _now(replica.current)))
    columns = ("id", "state", "machine", "pool", "engines", "loaded", "sandbox", "frames", "now")
    output.table(columns, rows, empty="No worker is up.")


def drain(
    worker: Worker,
    within: Annotated[
        float | None,
        typer.Option(min=0, help="Seconds until the machine goes, as a spot notice says; absent: frames finish."),
    ] = None,
    reason: Reason = None,
    url: Url = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Let a worker, or all workers of a machine, finish their frames, give the rest back and leave."""
    output = Output(as_json=as_json)
    with connect(url, api_key) as client:
        answer = client.drain(worker, reason=reason, within_s=within)
    output.record(**answer)
    output.say(f"{worker} drains.")


def disable(
    worker: Worker, reason: Reason = None, url: Url = None, api_key: ApiKey = None, as_json: AsJson = False
) -> None:
    """Give a worker, or a machine, no new work; what it renders it finishes."""
    output = Output(as_json=as_json)
    with connect(url, api_key) as client:
        answer = client.disable(worker, reason=reason)
    output.record(**answer)
    output.say(f"{worker} gets no new work.")


def enable(worker: Worker, url: Url = None, api_key: ApiKey = None, as_json: AsJson = False) -> None:
    """Give a disabled worker, or machine, work again."""
    output = Output(as_json=as_json)
    with connect(url, api_key) as client:
        answer = client.enable(worker)
    output.record(**answer)
    output.say(f"{worker} gets work again.")


def _state(replica: Replica) -> str:
    return f"{replica.state}, disabled" if replica.disabled else replica.state


def _sandbox(replica: Replica) -> str:
    """``partial (not: files confined)``; ``-`` before an engine has started."""
    found = replica.sandbox or {}
    missing = ", ".join(found.get("missing") or ())
    return f"{found.get('level') or '-'}{f' (not: {missing})' if missing else ''}"


def _now(current: Json | None) -> str:
    if not current:
        return "idle"
    frame = current.get("frame")
    if frame is None:
        return "busy"
    fraction = current.get("fraction")
    at = f" {float(fraction):.0%}" if fraction else ""
    return f"frame {frame}{at} of {current.get('job') or 'another project'}"


def _say_history(output: Output, attempts: list[Json]) -> None:
    rows = []
    for attempt in attempts:
        output.record(**attempt)
        cells = (attempt.get("ended_at"), attempt.get("outcome"), attempt.get("job"), attempt.get("frame"))
        rows.append(tuple(str(cell) for cell in (*cells, attempt.get("message") or "")))
    output.table(("ended", "outcome", "job", "frame", "message"), rows, empty="It has tried no frame yet.")
