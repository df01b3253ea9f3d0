"""Shows a job that is followed: a live bar on a terminal, a line per change in a pipe, JSON lines for programs."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from rich.console import Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from rayfarm.cli.output import Output, duration
from rayfarm.downloads import Fetched
from rayfarm.following import Figures
from rayfarm.types import Artifact, Event


def figures_line(figures: Figures) -> str:
    """The figures behind the bar, those that are known."""
    counts = figures.counts
    parts = []
    if counts.reused:
        parts.append(f"{counts.reused} reused")
    if counts.failed:
        parts.append(f"{counts.failed} failed")
    if figures.warm or figures.cold:
        parts.append(f"{figures.warm} warm / {figures.cold} cold")
    if figures.replicas:
        parts.append(f"{figures.replicas} worker{'s' if figures.replicas != 1 else ''}")
    if figures.seconds_per_frame is not None:
        parts.append(f"{duration(figures.seconds_per_frame)}/frame")
    if figures.job.eta_seconds is not None and not figures.job.is_over and counts.ended < counts.total:
        parts.append(f"ETA {duration(figures.job.eta_seconds)}")
    return " · ".join(parts)


def wait_line(figures: Figures) -> str | None:
    """Why nothing happens, if the farm says so; a job whose frames come in has no need to explain itself."""
    job, counts = figures.job, figures.counts
    if counts.ended >= counts.total > 0:  # reused, say; its outputs are made
        return None
    moves = job.state == "running" and (figures.replicas or figures.seconds_per_frame is not None)
    return f"waits: {job.wait_words}" if job.wait_words and not job.is_over and not moves else None


def retried_line(figures: Figures) -> str | None:
    """What goes wrong, for who looks while it does; the events of it may be long past."""
    job = figures.job
    return f"retried {job.retried_words}" if job.retried_words and not job.is_over else None


MOST_LINES = 3
"""Frames in flight that get a line of their own."""


def flight_lines(figures: Figures) -> list[str]:
    """Where the frames stand that render now, those that were told of last first."""
    lines = []
    for one in reversed(figures.in_flight[-MOST_LINES:]):
        parts = [f"frame {one.frame}: {one.fraction:.0%}"]
        if one.total and one.unit:
            parts.append(f"{one.done} of {one.total} {one.unit}")
        if one.eta_seconds is not None:
            parts.append(f"{duration(one.eta_seconds)} left")
        lines.append(" · ".join(parts))
    more = len(figures.in_flight) - MOST_LINES
    return [*lines, f"and {more} more"] if more > 0 else lines


class LiveView:
    """A bar that redraws itself."""

    def __init__(self, output: Output) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("frames"),
            TimeElapsedColumn(),
            console=output.console,
        )
        self._task = self._progress.add_task("queued", total=None)
        self._text = Text()
        self._live = Live(Group(self._progress, self._text), console=output.console, refresh_per_second=8)

    def __enter__(self) -> LiveView:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def show(self, figures: Figures) -> None:
        self._progress.update(
            self._task,
            description=figures.job.state,
            total=figures.counts.total or None,
            completed=figures.counts.done + sum(one.fraction for one in figures.in_flight),
        )
        lines = [
            line
            for line in (figures_line(figures), wait_line(figures), retried_line(figures), *flight_lines(figures))
            if line
        ]
        self._text.plain = "\n".join(lines)

    def event(self, event: Event) -> None:
        for line in trouble_lines(event):
            self._live.console.print(line, markup=False)

    def file(self, path: Path, artifact: Artifact, fetched: Fetched) -> None:
        return None  # the bar counts them, and the summary names the film


class PlainView:
    """A line whenever the state, the counts the reason to wait, or what goes wrong change."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._last: tuple[object, ...] = ()

    def __enter__(self) -> PlainView:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, figures: Figures) -> None:
        counts = figures.counts
        wait = wait_line(figures)
        retried = retried_line(figures)
        now = (figures.job.state, counts.ended, counts.total, wait, retried)
        if now == self._last:
            return
        self._last = now
        parts = (figures.job.state, f"{counts.done}/{counts.total} frames", figures_line(figures), wait, retried)
        self._output.say("  ".join(part for part in parts if part))

    def event(self, event: Event) -> None:
        for line in trouble_lines(event):
            self._output.say(line)

    def file(self, path: Path, artifact: Artifact, fetched: Fetched) -> None:
        self._output.say(f"{artifact.kind}: {path}{' (already here)' if fetched is Fetched.SAME else ''}")


class JsonView:
    """Each event and each file as a JSON line."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def __enter__(self) -> JsonView:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, figures: Figures) -> None:
        return None

    def event(self, event: Event) -> None:
        self._output.record(event=event.kind, id=event.id, at=event.at, data=dict(event.data))

    def file(self, path: Path, artifact: Artifact, fetched: Fetched) -> None:
        self._output.record(
            file=str(path),
            kind=artifact.kind,
            frame=artifact.frame,
            sha256=artifact.sha256,
            size_bytes=artifact.size_bytes,
            status=fetched.value,
        )


def open_view(output: Output) -> LiveView | PlainView | JsonView:
    """The view that fits where the output goes."""
    if output.as_json:
        return JsonView(output)
    return LiveView(output) if output.is_live else PlainView(output)


def trouble_lines(event: Event) -> list[str]:
    """What went wrong, worth a line of its own even beside a bar."""
    data = event.data
    if event.kind == "frames.failed":
        return [
            f"frame {frame.get('frame')} failed ({frame.get('reason')}): {frame.get('message') or ''}".rstrip(": ")
            for frame in data.get("frames") or ()
        ]
    if event.kind == "frame.retried":
        return [f"frame {data.get('frame')} is tried again ({data.get('reason')}): {data.get('message') or ''}"]
    if event.kind == "output.failed":
        return [f"{data.get('kind') or 'an output'} could not be made: {data.get('message') or ''}"]
    return []
