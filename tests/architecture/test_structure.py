"""The tree keeps its shape: who may import whom, which library stays in which room, how long a file may be."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (
    "jobs",
    "models",
    "pipelines",
    "storage",
    "db",
    "cluster",
    "serve_app",
    "rayfarm",
    "rayfarm_addon",
    "observability",
)
CLIENTS = {
    "rayfarm": ROOT / "clients" / "python" / "rayfarm",
    "rayfarm_addon": ROOT / "clients" / "blender" / "rayfarm_addon",
}
FOLDERS = {name: ROOT / name for name in PACKAGES} | CLIENTS
MAX_LINES = 400

MAY_IMPORT = {
    "jobs": set(),
    "models": {"jobs"},
    "pipelines": {"jobs", "models"},
    "storage": {"jobs"},
    "db": {"jobs"},
    "cluster": {"jobs", "models", "pipelines", "storage", "db", "rayfarm"},
    "serve_app": {"jobs", "models", "pipelines", "storage", "db", "cluster"},
    "rayfarm": {"jobs", "models", "cluster"},
    "rayfarm_addon": set(),
    "observability": {"jobs", "cluster"},
}
"""Arrows that the design allows. The SDK takes pure logic, and the CLI's up/down/status the one-machine control; the
batch driver is a client of the farm like any other (``docs/adr/0005-batch-is-a-client.md``)."""

FENCES: dict[str, tuple[str, ...]] = {
    "ray": ("cluster/", "serve_app/deployments.py"),
    "sqlmodel": ("db/",),
    "sqlalchemy": ("db/",),
    "psycopg": ("db/",),
    "psycopg_pool": ("db/",),
    "alembic": ("db/",),
    "boto3": ("storage/", "cluster/intake/"),
    "botocore": ("storage/", "cluster/intake/"),
    "openjd": ("jobs/openjd/",),
    "standardwebhooks": ("jobs/webhooks.py", "clients/python/rayfarm/webhooks.py"),
    "fastapi": ("serve_app/",),
    "starlette": ("serve_app/",),
    "kubernetes": ("cluster/kube/",),
    "stripe": ("cluster/loops/stripe_sink.py",),
    "reportlab": ("serve_app/billing/pdf.py",),
    "bpy": ("pipelines/cycles/", "clients/blender/rayfarm_addon/"),
    "mathutils": ("pipelines/cycles/",),
    "mitsuba": ("pipelines/mitsuba/",),
    "torch": ("pipelines/splats/", "pipelines/diffusion/"),
    "gsplat": ("pipelines/splats/",),
    "numba": ("pipelines/splats/",),
    "diffusers": ("pipelines/diffusion/",),
}

DOMAIN_LIBRARIES = {
    "pydantic": ("jobs/",),
    "pydantic_settings": ("jobs/",),
    "standardwebhooks": ("jobs/webhooks.py",),
    "cryptography": ("jobs/sealed.py",),
    "openjd": ("jobs/openjd/",),
    "yaml": ("jobs/openjd/reading.py",),
}
"""All that the domain may import beside the standard library (``docs/adr/0009-formats-in-jobs.md``)."""

CONNECTING = frozenset({"socket", "ssl", "http", "urllib", "smtplib", "asyncio", "subprocess", "threading"})
RESOLVER = "jobs/egress.py"
"""Whether a name may be reached is only known of its addresses."""


def sources() -> Iterator[tuple[str, Path]]:
    for name, folder in FOLDERS.items():
        for path in sorted(folder.rglob("*.py")):
            yield name, path


@cache
def _imports(path: Path) -> tuple[tuple[str, int, bool], ...]:
    """(module, line, at module level) of each import. Every test asks for those of every file."""
    tree = ast.parse(path.read_text())
    top = set(map(id, tree.body))
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno, id(node) in top) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.append((node.module, node.lineno, id(node) in top))
    return tuple(found)


def imports_of(path: Path) -> Iterator[tuple[str, int, bool]]:
    """(top-level module, line, at module level) of each import."""
    for module, line, is_top in _imports(path):
        yield module.split(".")[0], line, is_top


def full_imports_of(path: Path) -> Iterator[str]:
    """The modules that a file imports, with their packages."""
    return (module for module, _, _ in _imports(path))


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_packages_below_it(package: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for name, path in sources()
        if name == package
        for module, line, _ in imports_of(path)
        if module in MAY_IMPORT and module != package and module not in MAY_IMPORT[package]
    ]
    assert not wrong


@pytest.mark.parametrize("library", sorted(FENCES))
def test_a_library_stays_behind_its_fence(library: str) -> None:
    wrong = [
        f"{relative}:{line}"
        for _, path in sources()
        for module, line, _ in imports_of(path)
        if module == library and not (relative := str(path.relative_to(ROOT))).startswith(FENCES[library])
    ]
    assert not wrong


def test_the_domain_imports_nothing_but_what_is_listed() -> None:
    wrong = [
        f"{relative}:{line} imports {module}"
        for name, path in sources()
        if name == "jobs"
        for module, line, _ in imports_of(path)
        if module != "jobs"
        and module not in sys.stdlib_module_names
        and not (relative := str(path.relative_to(ROOT))).startswith(DOMAIN_LIBRARIES.get(module, ("nowhere",)))
    ]
    assert not wrong


def test_the_domain_opens_no_connection() -> None:
    found = {
        str(path.relative_to(ROOT))
        for name, path in sources()
        if name == "jobs"
        for module in full_imports_of(path)
        if module.split(".")[0] in CONNECTING and module != "urllib.parse"
    }
    assert found == {RESOLVER}


def test_blender_is_imported_only_in_files_that_carry_its_licence() -> None:
    importers = [path for _, path in sources() if any(module == "bpy" for module, _, _ in imports_of(path))]
    assert importers
    for path in importers:
        head = path.read_text()[:400]
        assert "SPDX-License-Identifier: GPL-3.0-or-later" in head, path


def test_the_blender_add_on_needs_nothing_that_blender_does_not_ship() -> None:
    shipped = sys.stdlib_module_names | {"bpy", "certifi"}
    foreign = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for name, path in sources()
        if name == "rayfarm_addon"
        for module, line, _ in imports_of(path)
        if module not in shipped
    ]
    assert not foreign


def test_the_blender_add_on_keeps_blender_out_of_its_threads() -> None:
    plain = CLIENTS["rayfarm_addon"] / "farm"
    assert list(plain.glob("*.py"))
    assert not [path for path in plain.glob("*.py") if any(module == "bpy" for module, _, _ in imports_of(path))]


def test_each_file_of_the_blender_add_on_carries_its_licence() -> None:
    for name, path in sources():
        if name == "rayfarm_addon":
            assert path.read_text().startswith("# SPDX-License-Identifier: GPL-3.0-or-later\n"), path


def test_names_of_serve_applications_are_written_once() -> None:
    """Process names, API audiences and Grafana's ids may read the same; what asks Serve or its metrics may not."""
    named = re.compile(r'^rayfarm-(dispatcher|renderer)$|application="rayfarm-')
    wrong = [
        f"{relative}:{node.lineno}"
        for _, path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and named.search(node.value)
        if (relative := str(path.relative_to(ROOT))) != "cluster/applications.py"
    ]
    assert not wrong


def test_sql_files_live_in_db_only() -> None:
    stray = [path for path in ROOT.rglob("*.sql") if path.relative_to(ROOT).parts[0] not in ("db", ".venv", "build")]
    assert not stray


def test_no_file_is_longer_than_the_limit() -> None:
    roots = [*FOLDERS.values(), ROOT / "tests", ROOT / "loadtests", ROOT / "examples"]
    files = [path for root in roots for path in root.rglob("*.py") if "versions" not in path.parts]
    long = {str(path.relative_to(ROOT)): n for path in files if (n := len(path.read_text().splitlines())) > MAX_LINES}
    assert not long


def test_every_module_says_why_it_exists() -> None:
    silent = [
        str(path.relative_to(ROOT)) for _, path in sources() if not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert not silent


def test_no_room_is_called_utils() -> None:
    vague = {"utils", "util", "common", "helpers", "misc"}
    assert not [path for _, path in sources() if path.stem in vague or path.parent.name in vague]
