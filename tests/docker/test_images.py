"""The images hold what the farm needs, and no more; the compose file and its farm agree."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.serve.schema import ServeDeploySchema

from cluster.local.settings_check import READ_BY_THE_FARM
from serve_app import deployments
from tests.architecture.test_supply_chain import pins
from tests.kuberay.test_farm import unknown_keys

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
IMAGES = ("api", "renderer")
KUBERAY_NEEDS = ("bash", "wget")
"""Its probe of a worker is a command of these two."""


def dockerfile(name: str) -> str:
    return (DOCKER / f"{name}.Dockerfile").read_text().replace("\\\n", " ")


def last_stage(name: str) -> str:
    return "FROM" + dockerfile(name).rsplit("\nFROM", 1)[1]


def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_is_nobodys_root_tells_of_its_health_and_says_what_it_is(name: str) -> None:
    stage = last_stage(name)
    assert re.search(r"^USER 10001:10001$", stage, re.MULTILINE)
    assert stage.index("USER 10001") < stage.index("\nCMD")
    assert "HEALTHCHECK" in stage
    for label in ("title", "licenses", "version", "revision"):
        assert f"org.opencontainers.image.{label}=" in stage
    assert "wget" in stage


@pytest.mark.parametrize("name", IMAGES)
def test_every_base_is_an_argument_with_a_fixed_version(name: str) -> None:
    text = dockerfile(name)
    arguments = dict(re.findall(r"^ARG (\w+_IMAGE)=(\S+)$", text, re.MULTILINE))
    bases = re.findall(r"^FROM \$\{(\w+)\} AS \w+$", text, re.MULTILINE)
    assert len(bases) == len(re.findall(r"^FROM ", text, re.MULTILINE))
    assert set(bases) == set(arguments)
    for image in arguments.values():
        assert re.fullmatch(r"[a-z/]+:\d+\.\d+\.\d+[\w.-]*", image)
    wanted = pyproject()["project"]["requires-python"]  # >=3.11,<3.12
    assert arguments["PYTHON_IMAGE"].startswith(f"python:{wanted.partition(',')[0].removeprefix('>=')}.")


@pytest.mark.parametrize("name", IMAGES)
def test_the_wheel_is_built_of_all_its_packages(name: str) -> None:
    copied = set(re.findall(r"^COPY (\S+) \1$", dockerfile(name), re.MULTILINE))
    packages = pyproject()["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert {package.removesuffix("/rayfarm") for package in packages} <= copied


@pytest.mark.parametrize("name", IMAGES)
def test_what_is_copied_is_there_and_let_through(name: str) -> None:
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for line in re.findall(r"^COPY (?!--from)(.+)$", dockerfile(name), re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert any(source == each or source.startswith(f"{each}/") for each in let_through), source


def test_neither_secrets_nor_work_of_this_machine_come_into_an_image() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert next(line for line in lines if not line.startswith("#")) == "*"
    assert {"**/.env", "**/node_modules", "web/out", "web/.next"} <= set(lines)


def test_the_renderer_has_every_engine_and_the_libraries_they_load() -> None:
    text = dockerfile("renderer")
    (extras,) = set(re.findall(r'"\$\{wheel\}\[(cycles[^\]]*)\]"', text))
    asked = set(pyproject()["project"]["optional-dependencies"]) - {"dev"}
    assert set(extras.split(",")) == asked
    script = (ROOT / ".ci" / "system-packages").read_text()
    libraries = set(re.findall(r"\[lib[\w.]+\]=([\w.]+)", script))
    assert len(libraries) > 5
    installed = set(last_stage("renderer").replace("&&", " ").split())
    assert libraries <= installed
    assert "pipelines.splats.build_cuda" in text


def test_the_api_has_no_engine() -> None:
    text = dockerfile("api")
    assert "/dist/*.whl" in text
    assert "[cycles" not in text
    assert "torch" not in text


def test_tools_have_the_versions_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text()
    (pnpm,) = set(re.findall(r"pnpm@([\d.]+)", makefile))
    assert set(re.findall(r"pnpm@([\d.]+)", dockerfile("api"))) == {pnpm}
    assert len({version for name in IMAGES for version in re.findall(r"\buv==([\d.]+)", dockerfile(name))}) == 1


def test_the_kernels_are_compiled_for_the_cuda_of_torch() -> None:
    """torch 2.13.0 of PyPI is built for CUDA 13.0 (its dependency cuda-toolkit)."""
    assert "torch==2.13.0" in pyproject()["project"]["optional-dependencies"]["torch"]
    assert re.search(r"^ARG CUDA_IMAGE=nvidia/cuda:13\.0\.\d+-devel", dockerfile("renderer"), re.MULTILINE)


# -- compose ----------------------------------------------------------------------------------------------------------


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DOCKER / "docker-compose.yml").read_text())
    return loaded


def test_files_that_containers_are_given_are_there() -> None:
    for service in compose()["services"].values():
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            if source.startswith("../observability/") and not (ROOT / "observability").exists():
                continue  # a farm that is watched by others has left the folder out
            if source.startswith("."):
                assert (DOCKER / source).exists(), source
    for each in ("api", "renderer"):
        build = compose()["services"][each]["build"]
        assert (DOCKER / build["context"] / build["dockerfile"]).exists()


def test_its_farm_can_read_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [each for each in os.environ if each.startswith(("RAYFARM_", "RAY_"))]:
        monkeypatch.delenv(name)
    for service in ("api", "renderer", "migrate", "deploy"):
        for name, value in compose()["services"][service]["environment"].items():
            monkeypatch.setenv(name, re.sub(r"\$\{[^}]*\}", "0f" * 32, value))
        for path in (*READ_BY_THE_FARM, "db.settings:DatabaseSettings"):
            module, _, owner = path.partition(":")
            getattr(__import__(module, fromlist=[owner]), owner)()


def test_no_secret_is_written_out_and_make_env_makes_every_one() -> None:
    text = (DOCKER / "docker-compose.yml").read_text()
    asked = set(re.findall(r"\$\{(\w+):\?", text))
    assert asked == set(re.findall(r'echo "(\w+)=', (DOCKER / "make-env").read_text()))
    for service in compose()["services"].values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|TOKEN|ACCESS_KEY|_KEY$", name):
                assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", value), name


def test_make_env_writes_a_file_for_its_owner_alone_and_leaves_one_that_is_there(tmp_path: Path) -> None:
    script = tmp_path / "make-env"
    script.write_text((DOCKER / "make-env").read_text())
    script.chmod(0o755)
    for _ in range(2):
        subprocess.run([str(script)], check=True, capture_output=True)
        written = (tmp_path / ".env").read_text()
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    values = dict(line.split("=") for line in written.splitlines())
    assert len(set(values.values())) == len(values)
    assert (tmp_path / ".env").read_text() == written


def test_serve_finds_the_slots_that_its_nodes_have() -> None:
    config = yaml.safe_load((DOCKER / "serve.yaml").read_text())
    ServeDeploySchema.model_validate(config)
    assert unknown_keys(ServeDeploySchema, config) == []
    assert {each["name"] for each in config["applications"]} == {
        deployments.API, deployments.DISPATCHER, deployments.RENDERER}  # fmt: skip
    services = compose()["services"]
    assert '--resources={"control_slot":1}' in services["api"]["command"]
    assert '--resources={"render_slot":1}' in services["renderer"]["command"]


def test_ports_are_open_to_this_machine_alone() -> None:
    for name, service in compose()["services"].items():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), name


def test_ray_in_the_images_is_the_locked_one() -> None:
    assert str(pins((ROOT / "requirements.lock").read_text())["ray"]) in str(pyproject()["project"]["dependencies"])
    assert all("-c requirements.lock" in dockerfile(name) for name in IMAGES)
