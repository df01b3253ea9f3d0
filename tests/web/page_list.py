"""The web app's own list of pages, read from its source: a page that is added there is visited here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from jobs.access import GRANTS, FarmRole, Permission, ProjectRole, Role
from jobs.states import JobState
from tests.web.api_process import ROOT
from tests.web.world import PROJECT, World

_PAGES = ROOT / "web" / "shared" / "shell" / "pages.ts"
_WORDS = ROOT / "web" / "strings" / "en" / "shell.ts"
_ENTRY = re.compile(r'\{ name: "(\w+)", section: "(\w+)", href: "([^"]+)", needs: "([\w:]+)"')

ROLES: tuple[Role, ...] = (*ProjectRole, *FarmRole)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageEntry:
    """One page, and who may see it."""

    name: str
    path: str
    needs: Permission
    label: str = ""
    """In the navigation; empty: it is reached from another page."""

    def is_for(self, role: Role) -> bool:
        return self.needs in GRANTS[role]


def navigation() -> list[PageEntry]:
    """Every page of the navigation, in its order."""
    labels = dict(re.findall(r'^    (\w+): "([^"]+)",$', _WORDS.read_text().split("pages: {")[1], re.MULTILINE))
    source = _PAGES.read_text()
    found = [
        PageEntry(
            name=name,
            path=href if href.startswith("/") else f"/projects/{PROJECT}/{href}",
            needs=Permission(needs),
            label=labels[name],
        )
        for name, _, href, needs in _ENTRY.findall(source)
    ]
    assert len(found) == source.count("name: ") - source.count("name: keyof"), "an entry of pages.ts is not understood"
    return found


def details(world: World) -> list[PageEntry]:
    """What pages of the navigation lead to."""
    read, manage, operate, admin = (
        Permission.PROJECT_READ,
        Permission.PROJECT_MANAGE,
        Permission.FARM_OPERATE,
        Permission.FARM_ADMIN,
    )
    home, job = f"/projects/{PROJECT}", world.jobs[JobState.RUNNING]
    done = world.jobs[JobState.SUCCEEDED]
    return [
        PageEntry(name="job", path=f"{home}/jobs/{job}/", needs=read),
        PageEntry(name="job-failed", path=f"{home}/jobs/{world.jobs[JobState.FAILED]}/?frame=1", needs=read),
        *(
            PageEntry(name=f"job-{tab}", path=f"{home}/jobs/{done}/?tab={tab}", needs=read)
            for tab in ("play", "compare", "outputs", "steps", "events", "details")
        ),
        PageEntry(name="model", path=f"{home}/models/{world.model}/", needs=read),
        PageEntry(name="webhook", path=f"{home}/webhooks/{world.webhook}/", needs=manage),
        PageEntry(name="worker", path=f"/farm/workers/{world.replica}/", needs=operate),
        PageEntry(name="project", path=f"/farm/projects/{PROJECT}/", needs=admin),
    ]


def for_role(pages: Iterable[PageEntry], role: Role) -> list[PageEntry]:
    return [page for page in pages if page.is_for(role)]
