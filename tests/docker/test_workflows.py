"""Workflows run what is there, with no right that they do not name, and nobody's code that can change under them."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".github" / "workflows"
NAMES = sorted(path.name for path in FOLDER.glob("*.yml"))
SCRIPTS = [
    *sorted(FOLDER.parent.rglob("*.yml")),
    *sorted(path for path in (ROOT / ".ci").rglob("*") if path.is_file() and path.read_bytes().startswith(b"#!")),
    ROOT / "docker/make-env",
    ROOT / "kuberay/overlays/dev/make-secrets",
    ROOT / "Makefile",
]
PINNED = re.compile(r"[\w./-]+@[0-9a-f]{40} # v\d+(\.\d+)*")


def workflow(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text())
    return loaded


def test_what_the_team_relies_on_is_there() -> None:
    assert set(NAMES) == {
        "ci.yml",
        "images.yml",
        "deploy.yml",
        "deploy-to.yml",
        "openapi-diff.yml",
        "release.yml",
        "nightly.yml",
    }


@pytest.mark.parametrize("name", NAMES)
def test_actions_of_others_are_pinned_by_commit(name: str) -> None:
    actions = "".join(path.read_text() for path in FOLDER.parent.glob("actions/*/action.yml"))
    used = re.findall(r"uses: (.+)$", (FOLDER / name).read_text() + actions, re.MULTILINE)
    assert used
    assert [each for each in used if not each.startswith("./") and not PINNED.fullmatch(each)] == []


BY_TAG = {"zricethezav/gitleaks:v8.30.1", "tufin/oasdiff:v1.11.7"}
"""By tag, for want of their digests (docs/operations/not-verified.md): without network, with nothing to write to."""


@pytest.mark.parametrize("name", NAMES)
def test_an_image_that_a_step_runs_is_pinned_by_digest_or_a_named_exception(name: str) -> None:
    lines = re.findall(r"docker run [^;]*?(?=\n\s+\w+ /|;|$)", (FOLDER / name).read_text(), re.MULTILINE)
    for line in lines:
        [image] = re.findall(r"(?<!\S)[\w./-]+/[\w.-]+(?::[\w.-]+|@sha256:[0-9a-f]{64})(?!\S)", line)
        assert image in BY_TAG or "@sha256:" in image, image
        if image in BY_TAG:
            assert "--network none" in line
            assert re.search(r'-v "\$PWD:/\w+:ro"', line), line
    assert len(lines) == (FOLDER / name).read_text().count("docker run")


def test_no_exception_is_left_over_and_each_is_told() -> None:
    text = "".join((FOLDER / name).read_text() for name in NAMES)
    told = (ROOT / "docs" / "operations" / "not-verified.md").read_text()
    assert all(image in text and image in told for image in BY_TAG)


@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_reads_and_each_job_names_what_else_it_may(name: str) -> None:
    loaded = workflow(name)
    assert loaded["permissions"] == {"contents": "read"}
    for job in loaded["jobs"].values():
        assert isinstance(job.get("permissions", {}), dict), "write-all"
        assert "uses" in job or "timeout-minutes" in job


@pytest.mark.parametrize("name", NAMES)
def test_it_calls_targets_and_programs_of_this_repository(name: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = (FOLDER / name).read_text()
    for line in re.findall(r"\bmake ((?:[a-z-]+ ?)+)", text):
        assert set(line.split()) <= targets, line
    for script in re.findall(r"(?<![\w/])(\.ci/[\w-]+)", text):
        assert (ROOT / script).exists()
    for module in re.findall(r"python -m ([\w.]+)", text):
        assert (ROOT / module.replace(".", "/")).with_suffix(".py").exists()
    for called in re.findall(r"uses: \./(.+)$", text, re.MULTILINE):
        assert (ROOT / called).exists()


def needed_packages(runs: list[str]) -> set[str]:
    """What `.ci/system-packages` is asked for by the targets of these steps, where nothing is set up yet."""
    lines = "\n".join(runs).replace(".ci/run --full", ".ci/run").replace(".ci/run", "make style openapi-lint test")
    asked = set()
    for targets in re.findall(r"\bmake ((?:[a-z-]+ ?)+)", lines):
        done = subprocess.run(
            ["make", "-n", "VENV=build/none", *targets.split()], cwd=ROOT, capture_output=True, text=True, check=True
        )
        asked |= set(" ".join(re.findall(r"\.ci/system-packages ([a-z ]+)$", done.stdout, re.MULTILINE)).split())
    return asked


@pytest.mark.parametrize("name", ["ci.yml", "nightly.yml", "openapi-diff.yml"])
def test_a_runner_that_is_not_root_has_the_system_packages_before_a_target_asks_for_them(name: str) -> None:
    for job, facts in workflow(name)["jobs"].items():
        runs = [step["run"] for step in facts["steps"] if "run" in step]
        installed = set(
            " ".join(re.findall(r"sudo \.ci/system-packages ([a-z ]+?)(?:$| >)", "\n".join(runs), re.M)).split()
        )
        assert needed_packages(runs) == installed, job
        if installed:
            text = "\n".join(runs)
            assert text.index("sudo .ci/system-packages") < min(
                text.find(each) for each in ("make ", ".ci/run") if text.find(each) >= 0
            ), job


def test_the_label_that_allows_a_break_asks_anew() -> None:
    on = yaml.load((FOLDER / "openapi-diff.yml").read_text(), Loader=yaml.BaseLoader)["on"]
    assert {"opened", "synchronize", "reopened", "labeled", "unlabeled"} <= set(on["pull_request"]["types"])


def test_production_comes_after_staging_and_both_are_environments_that_can_ask_somebody() -> None:
    jobs = workflow("deploy.yml")["jobs"]
    assert jobs["production"]["needs"] == "staging"
    assert jobs["staging"]["with"]["environment"] == "staging"
    assert workflow("deploy-to.yml")["jobs"]["deploy"]["environment"]["name"] == "${{ inputs.environment }}"
    for environment in ("staging", "production"):
        assert (ROOT / "kuberay" / "overlays" / environment / "kustomization.yaml").exists()


def test_ci_goes_from_lint_by_types_tests_and_web_to_the_build_and_its_scan() -> None:
    jobs = workflow("ci.yml")["jobs"]
    assert jobs["types"]["needs"] == jobs["test"]["needs"] == jobs["web"]["needs"] == "lint"
    assert set(jobs["build"]["needs"]) == {"types", "test", "web"}
    assert jobs["scan-dependencies"]["needs"] == "build"
    steps = [step.get("uses") for step in jobs["test"]["steps"]]
    assert "./.github/actions/kuberay-crds" in steps, "`make test` has check-deploy, which needs them"
    assert jobs["test"]["env"]["KUBERAY_CRDS"].endswith("/build/kuberay-crds")
    assert {"coverage", "codeql", "scan-secrets", "deploy-files"} <= set(jobs)


def test_the_operator_has_the_version_whose_schemas_the_manifests_are_held_to() -> None:
    chart = workflow("deploy-to.yml")["jobs"]["deploy"]["env"]["KUBERAY_CHART"]
    assert f"# v{chart}" in (ROOT / ".github" / "actions" / "kuberay-crds" / "action.yml").read_text()
    assert f"release v{chart}" in (ROOT / "tests" / "kuberay" / "crds.py").read_text()


def steps_of(name: str, job: str) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = workflow(name)["jobs"][job]["steps"]
    return steps


@pytest.mark.parametrize(
    ("name", "job", "reads"), [("images.yml", "image", "build"), ("deploy-to.yml", "deploy", "The im")]
)
def test_a_job_logs_in_by_the_kind_of_its_registry_before_it_reads_or_writes_there(
    name: str, job: str, reads: str
) -> None:
    steps = steps_of(name, job)
    logins = [(at, step) for at, step in enumerate(steps) if "docker/login-action" in step.get("uses", "")]
    [(first, forge), (second, ecr)] = logins
    assert forge["if"] == "${{ !contains(env.REGISTRY, '.dkr.ecr.') }}"
    assert forge["with"]["password"] == "${{ secrets.GITHUB_TOKEN }}"
    assert ecr["if"] == "contains(env.REGISTRY, '.dkr.ecr.')"
    assert set(ecr["with"]) == {"registry"}, "with a name and a password, the action does not ask for the role's token"
    [role] = [at for at, step in enumerate(steps) if "configure-aws-credentials" in step.get("uses", "")]
    [use] = [at for at, step in enumerate(steps) if step.get("id", step.get("name", "")).startswith(reads)]
    assert max(role, first) < second < use


@pytest.mark.parametrize(
    ("registry", "images", "name"),
    [
        ("ghcr.io", "Org/Farm", "ghcr.io/org/farm/rayfarm-api"),
        (
            "1.dkr.ecr.eu-central-1.amazonaws.com",
            "rayfarm-prod",
            "1.dkr.ecr.eu-central-1.amazonaws.com/rayfarm-prod/rayfarm-api",
        ),
    ],
)
def test_images_go_where_the_registry_has_a_place_for_them(
    tmp_path: Path, registry: str, images: str, name: str
) -> None:
    [script] = [step["run"] for step in steps_of("images.yml", "image") if step.get("name") == "Where it goes"]
    output = tmp_path / "output"
    environment = {
        "PATH": os.environ["PATH"],
        "REGISTRY": registry,
        "IMAGES": images,
        "NAME": "api",
        "GITHUB_OUTPUT": str(output),
    }
    subprocess.run(["bash", "-e", "-c", script], env=environment, check=True)
    assert output.read_text() == f"image={name}\n"


def test_the_repositories_of_terraform_end_as_the_images_are_called() -> None:
    made = re.findall(r'"\$\{local\.name\}/(rayfarm-\w+)"', (ROOT / "terraform" / "farm" / "main.tf").read_text())
    assert set(made) == {
        f"rayfarm-{name}" for name in workflow("images.yml")["jobs"]["image"]["strategy"]["matrix"]["name"]
    }


def test_whoever_calls_a_workflow_lends_it_the_rights_that_its_jobs_name() -> None:
    for name in NAMES:
        for job in workflow(name)["jobs"].values():
            if (called := job.get("uses", "")).startswith("./.github/workflows/"):
                for needs in workflow(Path(called).name)["jobs"].values():
                    assert needs.get("permissions", {}).items() <= job["permissions"].items(), (name, called)


def test_a_deployment_runs_where_its_cluster_can_be_reached_and_the_page_names_what_it_needs() -> None:
    assert workflow("deploy-to.yml")["jobs"]["deploy"]["runs-on"] == "${{ vars.DEPLOY_RUNNER || 'ubuntu-24.04' }}"
    page = (ROOT / "docs" / "operations" / "kubernetes.md").read_text().split("## Deployments by the workflow")[1]
    section = page.split("\n## ")[0]
    text = "".join((FOLDER / name).read_text() for name in ("images.yml", "deploy-to.yml"))
    for variable in set(re.findall(r"vars\.(\w+)", text)) - {"RDS_BUNDLE_SHA256"}:
        assert f"`{variable}`" in section, variable


def test_an_image_without_a_digest_is_not_applied(tmp_path: Path) -> None:
    """The step as it stands, by ``bash -e`` as the runner starts it, with programs that keep what they were asked."""
    steps = workflow("deploy-to.yml")["jobs"]["deploy"]["steps"]
    [script] = [step["run"] for step in steps if step.get("name") == "The manifests of these images"]
    (tmp_path / "kuberay/overlays/staging").mkdir(parents=True)
    (tmp_path / "programs").mkdir()
    for program in ("kustomize", "kubectl"):
        path = tmp_path / "programs" / program
        path.write_text('#!/bin/sh\necho "$1" >> "$ASKED"\nif [ "$1" = kustomize ]; then echo "image: $IMAGE"; fi\n')
        path.chmod(0o755)
    for digest, code in (("0" * 64, 1), ("0" * 63 + "1", 0)):
        asked = tmp_path / f"asked-{code}"
        environment = {
            "PATH": os.pathsep.join([str(tmp_path / "programs"), os.environ["PATH"]]),
            "ENVIRONMENT": "staging",
            "API": "api",
            "RENDERER": "renderer",
            "IMAGE": f"api@sha256:{digest}",
            "ASKED": str(asked),
        }
        done = subprocess.run(
            ["bash", "-e", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stderr
        assert ("an image has no digest" in done.stderr) == (code == 1)
        assert ("apply" in asked.read_text().split()) == (code == 0)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_check_is_a_negated_command_whose_failure_bash_overlooks(path: Path) -> None:
    """``set -e`` does not end a script at ``! grep …``, whatever that finds."""
    lines = [line.strip().lstrip("@") for line in path.read_text().splitlines()]
    assert [line for line in lines if re.match(r"(run: )?! ", line)] == []


def test_what_is_signed_is_verified_before_it_is_applied() -> None:
    steps = [step.get("name", "") for step in workflow("deploy-to.yml")["jobs"]["deploy"]["steps"]]
    assert steps.index("The images are this repository's own") < steps.index("The manifests of these images")
    signing = (FOLDER / "images.yml").read_text()
    assert "cosign sign --yes" in signing
    assert "cosign attest --yes --type spdxjson" in signing


DIGEST = f"registry.example.org/studio/rayfarm-api@sha256:{'0f' * 32}"
IMAGES_YML = "https://github.com/studio/rayfarm/.github/workflows/images.yml"


def step_of_deployment(name: str) -> str:
    (script,) = [
        each["run"] for each in workflow("deploy-to.yml")["jobs"]["deploy"]["steps"] if each.get("name") == name
    ]
    return str(script)


def verify(folder: Path, image: str) -> tuple[int, str]:
    """(how the step ends, whom it lets sign): the step itself, with a cosign that says what it was asked."""
    cosign = folder / "cosign"
    cosign.write_text('#!/bin/sh\nfor each; do last=$each; done; echo "$last"\n')
    cosign.chmod(0o755)
    environment = {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "API": image,
        "RENDERER": DIGEST,
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "studio/rayfarm",
    }
    command = ["bash", "-e", "-c", step_of_deployment("The images are this repository's own")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.partition("\n")[0]


@pytest.mark.parametrize(
    ("ref", "may"),
    [
        ("refs/heads/main", True),
        ("refs/tags/v1.20.3", True),
        ("refs/heads/main-but-mine", False),
        ("refs/heads/feature/main", False),
        ("refs/tags/v1.2.3-mine", False),
        ("refs/tags/x", False),
        ("refs/pull/7/merge", False),
    ],
)
def test_an_image_that_another_branch_signed_is_not_deployed(tmp_path: Path, ref: str, may: bool) -> None:
    code, signer = verify(tmp_path, DIGEST)
    assert code == 0
    assert bool(re.search(signer, f"{IMAGES_YML}@{ref}")) is may


@pytest.mark.parametrize(
    "image", ["registry.example.org/studio/rayfarm-api:latest", f"{DIGEST}0", f"--key x {DIGEST}", ""]
)
def test_an_image_that_is_named_by_no_digest_is_not_even_looked_at(tmp_path: Path, image: str) -> None:
    assert verify(tmp_path, image) == (1, "")


def test_the_migration_of_the_last_deployment_is_gone_before_the_manifests_are_tried() -> None:
    script = step_of_deployment("The manifests of these images")
    order = ("/namespace.yaml", "delete job rayfarm-migrate", "--dry-run=server")
    places = [script.index(words) for words in order]
    assert places == sorted(places)
    for environment in ("staging", "production"):
        assert (ROOT / "kuberay" / "overlays" / environment / "namespace.yaml").exists()
