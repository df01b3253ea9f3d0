"""The Content Security Policy, as the browser enforces it."""

from __future__ import annotations

from collections.abc import Callable

from jobs.access import ProjectRole
from tests.web.served_farm import ServedFarm
from tests.web.visitor import Visitor

Visit = Callable[..., Visitor]

_INJECTED = """() => {
  const script = document.createElement("script");
  script.textContent = "window.wasHere = true";
  document.body.append(script);
  document.body.insertAdjacentHTML("beforeend", "<img src='data:,' onerror='window.wasHere = true'>");
  const outside = document.createElement("script");
  outside.src = "https://elsewhere.example/script.js";
  document.body.append(outside);
}"""


def test_what_is_injected_into_a_page_does_not_run(visit: Visit, farm: ServedFarm) -> None:
    visitor = visit(ProjectRole.ARTIST)
    page = visitor.go(f"{farm.home}/jobs/{farm.world.large_job}/")
    assert visitor.policy_violations() == []
    page.evaluate(_INJECTED)
    page.wait_for_function("violations.length >= 3")
    assert set(visitor.policy_violations()) == {"script-src-elem", "script-src-attr"}
    assert page.evaluate("window.wasHere") is None


def test_no_text_is_run_as_a_script(visit: Visit) -> None:
    visitor = visit()
    page = visitor.go("/sign-in/")
    page.evaluate("() => { setTimeout('window.wasHere = true', 0) }")
    page.wait_for_function("violations.length === 1")
    assert page.evaluate("window.wasHere") is None


def test_another_page_cannot_frame_it(visit: Visit, farm: ServedFarm) -> None:
    page = visit().page
    page.goto(f"{farm.url}/v1/health/live")
    answer = page.request.get(f"{farm.url}/sign-in/")
    policy = answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in policy.split("script-src")[1].split(";")[0]
    assert "'unsafe-eval'" not in policy
