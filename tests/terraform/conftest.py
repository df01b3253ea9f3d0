"""Terraform with its provider for the tests of ``terraform/``."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.terraform.toolchain import NO_PROVIDER, Terraform, Unusable, prepare, running_provider

INIT = ("init", "-backend=false", "-input=false", "-no-color")


def refuse(why: object) -> None:
    """A check that could not run is red, unless somebody said that it shall not."""
    if os.environ.get("TERRAFORM_CHECK") == "skip":
        pytest.skip(str(why))
    pytest.fail(str(why), pytrace=False)


@pytest.fixture(scope="session")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """Terraform over a copy of the tree; the provider may still be missing."""
    try:
        return prepare(tmp_path_factory.mktemp("terraform"))
    except Unusable as error:
        refuse(error)
        raise


@pytest.fixture(scope="session")
def initialised(terraform: Terraform) -> Iterator[Terraform]:
    """The same with the provider at hand: one process for all, good for what has one configuration or none (mocks)."""
    done = terraform.run("farm", *INIT, check=False)
    if done.returncode != 0:
        refuse(NO_PROVIDER + done.stdout[-1500:] + done.stderr[-1500:])
    try:
        with running_provider(terraform, "farm") as reattachment:
            yield Terraform(
                tree=terraform.tree, environment=terraform.environment | {"TF_REATTACH_PROVIDERS": reattachment}
            )
    except Unusable as error:
        refuse(error)
