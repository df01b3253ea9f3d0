"""Writes the pages that the code knows best: settings, `.env.example`, job states. ``python -m docs.generate``.

Nothing here is typed twice: defaults and types come from the settings classes, their descriptions from the docstrings
below the attributes, states and end reasons from the tables in ``jobs.states``. `tests/docs` compares the committed
files with what this module would write.
"""

from __future__ import annotations

import ast
import inspect
import json
import shlex
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ByteSize
from pydantic_settings import BaseSettings

import cluster.local.services
from cluster.batch_settings import BatchSettings
from cluster.intake.settings import IntakeSettings
from cluster.kube.settings import KubeSettings
from cluster.local.settings import LocalFarmSettings
from cluster.logs import LogSettings
from cluster.loops.invoicer import InvoiceSettings
from cluster.loops.settings import LoopSettings
from cluster.loops.stripe_sink import StripeSettings
from cluster.production import ProfileSettings
from cluster.settings import ClusterSettings
from cluster.tracing import TracingSettings
from db.settings import DatabaseSettings
from docs.metrics_page import metrics_page
from jobs.delivery import DeliverySettings
from jobs.egress import EgressSettings
from jobs.frame_actions import FRAME_ACTIONS
from jobs.limits import FarmLimits
from jobs.mail import MailSettings
from jobs.notices import NoticeSettings
from jobs.planning import PlanSettings
from jobs.settings import type_words, variable_of
from jobs.states import JOB_TRANSITIONS, REASONS, TERMINAL_JOB_STATES, FrameState, JobState, WorkKind, WorkState
from jobs.webhooks import WebhookSettings
from pipelines.settings import EngineSettings
from serve_app.oidc.settings import OidcSettings
from serve_app.settings import ApiSettings
from storage.settings import StorageSettings

ROOT = Path(__file__).resolve().parents[1]
COMMAND = "python -m docs.generate"

SECTIONS: tuple[tuple[type[BaseSettings], str], ...] = (
    (ProfileSettings, "What the farm is for"),
    (LocalFarmSettings, "The farm of one machine"),
    (DatabaseSettings, "Database"),
    (StorageSettings, "Storage"),
    (ApiSettings, "API"),
    (OidcSettings, "Single sign-on"),
    (ClusterSettings, "Dispatcher, replicas and their pool"),
    (LoopSettings, "Loops behind the dispatcher"),
    (InvoiceSettings, "Invoices"),
    (StripeSettings, "Stripe"),
    (WebhookSettings, "Webhooks"),
    (DeliverySettings, "Delivery"),
    (NoticeSettings, "Notices to people"),
    (MailSettings, "E-mail"),
    (IntakeSettings, "Intake from queues"),
    (EgressSettings, "Where users may send things"),
    (PlanSettings, "Planning"),
    (FarmLimits, "Limits"),
    (EngineSettings, "Engine processes"),
    (TracingSettings, "Traces"),
    (LogSettings, "Logs"),
    (BatchSettings, "Batch renders on a Ray cluster of nobody's"),
    (KubeSettings, "Kubernetes, for `rayfarm cluster`"),
)
"""Every settings class of the farm, in the order of the page."""

OF_THE_MACHINE = {"RAYFARM_NUM_CPUS": "every core"}
"""Defaults that differ from machine to machine, in words."""

CLIENT_VARIABLES = {
    "RAYFARM_URL": "Address of the farm that `rayfarm` and the SDK talk to. Unset: the farm in `RAYFARM_HOME`.",
    "RAYFARM_API_KEY": "Key that they present. Unset: the farm's own `admin_key`, for the farm of this machine only.",
}
"""Read by `rayfarm._config`, which has no settings class: a client stays light."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One variable."""

    name: str
    type: str
    default: Any
    required: bool
    words: str


def settings_of(owner: type[BaseSettings]) -> Iterator[Setting]:
    """The settings of one class, in the order of its source."""
    docstrings = attribute_docstrings(owner)
    for name, field in owner.model_fields.items():
        yield Setting(
            name=variable_of(owner, name),
            type=type_words(name, field),
            default=None if field.is_required() else field.get_default(call_default_factory=True),
            required=field.is_required(),
            words=(docstrings.get(name) or field.description or "").replace("None:", "Unset:"),
        )


def attribute_docstrings(owner: type[BaseSettings]) -> dict[str, str]:
    """Attribute -> the string that stands below it in the source."""
    body = ast.parse(textwrap.dedent(inspect.getsource(owner))).body[0]
    assert isinstance(body, ast.ClassDef)
    found: dict[str, str] = {}
    for attribute, below in zip(body.body, body.body[1:], strict=False):
        if (
            isinstance(attribute, ast.AnnAssign)
            and isinstance(attribute.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
            and isinstance(below.value.value, str)
        ):
            found[attribute.target.id] = " ".join(below.value.value.split())
    return found


def given_by_the_supervisor() -> frozenset[str]:
    """Variables that `rayfarm up` sets for the farm's processes, whatever the environment says."""
    tree = ast.parse(inspect.getsource(cluster.local.services.farm_environment))
    keys = [key for node in ast.walk(tree) if isinstance(node, ast.Dict) for key in node.keys]
    return frozenset(key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str))


# -- pages ------------------------------------------------------------------------------------------------------------


def configuration_page() -> str:
    """`docs/configuration.md`."""
    ours = {setting.name for setting in settings_of(LocalFarmSettings)}
    given = given_by_the_supervisor()
    lines = [
        f"<!-- Written by `{COMMAND}` from the settings classes; edit those. -->",
        "# Configuration",
        "",
        "Everything is set by environment variables, and everything but the database's address has a default. Nothing",
        "reads an `.env` file by itself: `cp .env.example .env`, then `set -a; . ./.env; set +a; rayfarm up`. A farm",
        "reads its environment when it starts, so `rayfarm down` and `rayfarm up` make a change take effect.",
        "",
        "- **duration**: ISO 8601 (`PT30S`, `PT0.5S`, `PT10M`) or `HH:MM:SS`; a bare number is refused.",
        "- **size**: bytes, or with a unit (`16MiB`). **bytes**: a whole number of bytes.",
        '- **JSON**: `{"gpu": "a"}` or `["a", "b"]`.',
        "- † is set by `rayfarm up` for the farm's processes; what you set is not used on a one-machine farm.",
        "",
    ]
    for owner, title in SECTIONS:
        lines += [f"## {title}", "", f"`{owner.__module__}.{owner.__name__}`", ""]
        lines += ["| Variable | Type | Default | What it does |", "|---|---|---|---|"]
        for setting in settings_of(owner):
            mark = " †" if setting.name in given - ours else ""
            row = (f"`{setting.name}`{mark}", setting.type, _shown(setting), setting.words.replace("``", "`"))
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |")
        lines.append("")
    lines += ["## Clients", "", "| Variable | What it does |", "|---|---|"]
    lines += [f"| `{name}` | {words} |" for name, words in CLIENT_VARIABLES.items()]
    return "\n".join(lines) + "\n"


def environment_example() -> str:
    """`.env.example`: each variable at its default, commented out."""
    lines = [
        f"# Every setting at its default. Written by `{COMMAND}`; docs/configuration.md has the same as a page.",
        "# Remove the # of what you change, then: set -a; . ./.env; set +a; rayfarm up",
    ]
    written: set[str] = set()
    given = given_by_the_supervisor() - {setting.name for setting in settings_of(LocalFarmSettings)}
    for owner, title in SECTIONS:
        lines += ["", f"# == {title} =="]
        for setting in settings_of(owner):
            if setting.name in written or setting.name in given:
                continue
            written.add(setting.name)
            lines += ["", *textwrap.wrap(setting.words, 118, initial_indent="# ", subsequent_indent="# ")]
            lines.append(
                f"#{setting.name}={shlex.quote(environment_value(setting)) if environment_value(setting) else ''}"
            )
    lines += ["", "# == Clients =="]
    for name, words in CLIENT_VARIABLES.items():
        lines += ["", *textwrap.wrap(words, 118, initial_indent="# ", subsequent_indent="# "), f"#{name}="]
    return "\n".join(lines) + "\n"


def job_states_page() -> str:
    """`docs/architecture/job-states.md`."""
    lines = [
        f"<!-- Written by `{COMMAND}` from jobs/states.py and jobs/frame_actions.py; edit those. -->",
        "# States and end reasons",
        "",
        "A job changes its state only by a command of this table, in one function, which writes the event in the same",
        "transaction. A terminal state is left only by `retry` or `requeue`, a new generation of the job.",
        "",
        "```mermaid",
        "stateDiagram-v2",
        f"    [*] --> {JobState.QUEUED}",
        f"    [*] --> {JobState.BLOCKED}",
    ]
    for command, moves in JOB_TRANSITIONS.items():
        lines += [f"    {before} --> {after}: {command}" for before, after in moves.items()]
    lines += [f"    {state} --> [*]" for state in JobState if state in TERMINAL_JOB_STATES]
    lines += ["```", "", "| Command | Allowed in | Leads to |", "|---|---|---|"]
    for command, moves in JOB_TRANSITIONS.items():
        after = ", ".join(dict.fromkeys(moves.values()))
        lines.append(f"| `{command}` | {', '.join(moves)} | {after} |")
    lines += [
        "",
        "## End reasons",
        "",
        "Why a job, a frame or an attempt ended. Only a fault of the *task* spends one of the job's tries; *worker*",
        "and *resource* have ceilings of their own (`RAYFARM_LIMITS_*`), an *interruption* costs nothing.",
        "",
        "| Reason | Fault | Tried again | What the user reads |",
        "|---|---|---|---|",
    ]
    for reason, facts in REASONS.items():
        lines.append(f"| `{reason}` | {facts.fault} | {'yes' if facts.retryable else 'no'} | {facts.words} |")
    lines += [
        "",
        "## Frames and work rows",
        "",
        "A frame has no row of its own until it has an outcome: its state is its result's, else that of the work row",
        "that holds it ([why](../adr/0002-row-shape.md)).",
        "",
        f"- Frame: {', '.join(_marked(state, state.is_terminal) for state in FrameState)}",
        f"- Work row: {', '.join(f'`{state}`' for state in WorkState)}",
        f"- Kinds of work: {', '.join(f'`{kind}`' for kind in WorkKind)}",
        "",
        "Terminal states are in bold.",
        "",
        "## Actions on frames",
        "",
        "Of `POST /v1/jobs/{id}/frames/actions`: all frames that it names, or none. An empty cell refuses, and then",
        "nothing is changed. `reopen`: rendered in a new generation; the results so far stay as history.",
        "",
        f"| Frame is | {' | '.join(f'`{action}`' for action in FRAME_ACTIONS)} |",
        "|---|" + "---|" * len(FRAME_ACTIONS),
    ]
    for state in FrameState:
        lines.append(f"| `{state}` | {' | '.join(moves.get(state, '') for moves in FRAME_ACTIONS.values())} |")
    return "\n".join(lines) + "\n"


PAGES: dict[Path, Callable[[], str]] = {
    Path("docs/configuration.md"): configuration_page,
    Path(".env.example"): environment_example,
    Path("docs/operations/metrics.md"): partial(metrics_page, written_by=COMMAND),
    Path("docs/architecture/job-states.md"): job_states_page,
}
"""Path from the root of the repository -> what writes it."""


# -- words ------------------------------------------------------------------------------------------------------------


def environment_value(setting: Setting) -> str:
    """The default as an environment variable holds it; empty where nothing is the default."""
    value = setting.default
    if setting.required:
        return setting.words
    if value is None or setting.name in OF_THE_MACHINE:
        return ""
    if isinstance(value, timedelta):
        return f"PT{value.total_seconds():.10g}S"
    if isinstance(value, ByteSize):
        return _size(int(value)).replace(" ", "")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | tuple | list):
        return json.dumps(value)
    return str(value)


def _shown(setting: Setting) -> str:
    """The default as a person reads it."""
    value = setting.default
    if setting.required:
        return "**required**"
    if setting.name in OF_THE_MACHINE:
        return OF_THE_MACHINE[setting.name]
    if value is None:
        return "–"
    if isinstance(value, timedelta):
        return _duration(value)
    if isinstance(value, ByteSize) or (setting.type.startswith("bytes") and value):
        return _size(int(value))
    return f"`{environment_value(setting)}`"


def _duration(value: timedelta) -> str:
    seconds = value.total_seconds()
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length and seconds % length == 0 and seconds != length:
            return f"{seconds / length:g} {unit}"
    return f"{seconds:g} s" if seconds >= 1 else f"{seconds * 1000:g} ms"


def _size(value: int) -> str:
    for unit, length in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if value >= length and value % length == 0:
            return f"{value // length} {unit}"
    return f"{value} B"


def _marked(name: str, bold: bool) -> str:
    return f"**`{name}`**" if bold else f"`{name}`"


def main() -> int:
    """Write every page that differs; says which."""
    for path, page in PAGES.items():
        text, target = page(), ROOT / path
        if not target.exists() or target.read_text() != text:
            target.write_text(text)
            sys.stdout.write(f"wrote {path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
