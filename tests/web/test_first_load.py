"""What the first look at a job costs to load: a count of bytes, so it holds on any machine."""

from __future__ import annotations

from collections.abc import Callable

from jobs.access import ProjectRole
from loadtests.budgets import read_goals
from loadtests.web_scripts import EXPORT, LOADED, script_sizes
from tests.web.served_farm import ServedFarm
from tests.web.visitor import Visitor

Visit = Callable[..., Visitor]


def scripts_of(visitor: Visitor, path: str) -> dict[str, int]:
    """Size of each script as gzip, by its address, that the page has loaded once it is live."""
    visitor.go(path)
    page = visitor.live()
    page.wait_for_load_state("load")
    return script_sizes(page.evaluate(LOADED))


def test_the_job_page_loads_no_more_script_than_promised(visit: Visit, farm: ServedFarm) -> None:
    sizes = scripts_of(visit(ProjectRole.ARTIST), f"{farm.home}/jobs/{farm.world.large_job}/")
    most_kb = read_goals("web")["script_kb"].value
    assert 0 < sum(sizes.values()) <= most_kb * 1000, f"{sum(sizes.values()):,} bytes: {sizes}"


def test_viewers_of_scenes_come_when_they_are_asked_for(visit: Visit, farm: ServedFarm) -> None:
    heavy = {
        f"/{file.relative_to(EXPORT)}"
        for file in EXPORT.glob("_next/static/**/*.js")
        if b"WebGLRenderer" in (content := file.read_bytes()) or b"EXRLoader" in content
    }
    assert heavy, "no viewer is in the build"
    for path in (f"{farm.home}/jobs/", f"{farm.home}/jobs/{farm.world.large_job}/", f"{farm.home}/models/"):
        assert heavy.isdisjoint(scripts_of(visit(ProjectRole.ARTIST), path)), path


def test_a_script_is_sent_compressed_and_kept_for_ever(visit: Visit, farm: ServedFarm) -> None:
    page = visit(ProjectRole.ARTIST).go(f"{farm.home}/jobs/")
    sources: list[str] = page.evaluate("[...document.scripts].map((each) => each.src).filter(Boolean)")
    assert sources
    for source in sources:
        answer = page.request.get(source)
        is_small = len(answer.body()) < 1024
        assert is_small or answer.headers["content-encoding"] in ("br", "gzip"), source
        assert "immutable" in answer.headers["cache-control"], source
