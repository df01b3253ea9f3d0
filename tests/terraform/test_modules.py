"""The format, the types, and each module's own tests, of mocked AWS."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.terraform.conftest import INIT
from tests.terraform.toolchain import TREE, Terraform, Unusable, find_mirror

MODULES = sorted(path.name for path in (TREE / "modules").iterdir())


def test_every_file_is_formatted(terraform: Terraform) -> None:
    done = terraform.run(".", "fmt", "-check", "-recursive", "-diff", check=False)
    assert done.returncode == 0, f"run `terraform fmt -recursive terraform`\n{done.stdout}"


@pytest.mark.parametrize("folder", ["farm", "bootstrap"])
def test_what_is_applied_is_valid(initialised: Terraform, folder: str) -> None:
    if folder != "farm":
        initialised.run(folder, *INIT)
    initialised.run(folder, "validate", "-no-color")


def test_every_module_has_tests() -> None:
    assert not [name for name in MODULES if not list((TREE / "modules" / name / "tests").glob("*.tftest.hcl"))]


@pytest.mark.parametrize("module", MODULES)
def test_a_module_passes_its_tests(initialised: Terraform, module: str) -> None:
    folder = f"modules/{module}"
    initialised.run(folder, *INIT)
    done = initialised.run(folder, "test", "-no-color", timeout_s=240)
    assert "0 failed" in done.stdout


class TestMirror:
    def _mirror(self, at: Path) -> Path:
        (at / "registry.terraform.io/hashicorp/aws").mkdir(parents=True)
        return at

    def test_the_named_one_comes_first(self, tmp_path: Path) -> None:
        named, usual = self._mirror(tmp_path / "named"), self._mirror(tmp_path / "usual")
        assert find_mirror({"TF_PLUGIN_MIRROR": str(named)}, home=tmp_path, roots=(usual,)) == named

    def test_a_named_one_without_the_provider_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(Unusable, match="TF_PLUGIN_MIRROR"):
            find_mirror({"TF_PLUGIN_MIRROR": str(tmp_path)}, home=tmp_path, roots=())

    def test_a_configuration_of_the_user_is_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / ".terraformrc").write_text("")
        assert find_mirror({}, home=tmp_path, roots=(self._mirror(tmp_path / "usual"),)) is None

    def test_a_configuration_that_is_not_there_counts_for_nothing(self, tmp_path: Path) -> None:
        usual = self._mirror(tmp_path / "usual")
        gone = {"TF_CLI_CONFIG_FILE": str(tmp_path / "gone")}
        assert find_mirror(gone, home=tmp_path, roots=(tmp_path / "none", usual)) == usual

    def test_without_any_the_registry_is_asked(self, tmp_path: Path) -> None:
        assert find_mirror({}, home=tmp_path, roots=()) is None
