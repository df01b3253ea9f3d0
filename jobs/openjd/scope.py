"""Values of the job's parameters, by OpenJD's own rules, and the texts of a template in which they stand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from openjd.model import FormatStringError, JobTemplate, SymbolTable, preprocess_job_parameters

from jobs.openjd.refusals import InvalidTemplate

ParameterInput = str | int | float
"""What is given for a job parameter."""

_REFERENCE = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_TASK_VALUE = re.compile(r"\{\{\s*Task\.(?:Raw)?Param\.(\w+)\s*\}\}")


class Scope:
    """The job parameters of one import. Raises ``InvalidTemplate`` for values that OpenJD refuses."""

    def __init__(self, template: JobTemplate, given: Mapping[str, ParameterInput]) -> None:
        try:
            values = preprocess_job_parameters(
                job_template=template,
                job_parameter_values={name: str(value) for name, value in given.items()},
                job_template_dir=Path(),
                current_working_dir=Path(),
                allow_job_template_dir_walk_up=True,  # no file is opened by such a path
            )
        except (ValueError, ArithmeticError) as error:
            raise InvalidTemplate(
                str(error)[:1000], field="parameters", remedy="Give the template's parameters values that it allows."
            ) from error
        self._symbols = SymbolTable()
        for name, parameter in values.items():
            self._symbols[f"Param.{name}"] = str(parameter.value)
            self._symbols[f"RawParam.{name}"] = str(parameter.value)

    def resolve(self, text: object) -> str:
        """A format string with its parameters put in. ``LookupError``, with its name, for what is no job parameter."""
        foreign = [name for name in _REFERENCE.findall(str(text)) if not name.startswith(("Param.", "RawParam."))]
        if foreign:
            raise LookupError(f"{{{{{foreign[0]}}}}}")
        if not hasattr(text, "resolve"):
            return str(text)
        try:
            return str(text.resolve(symtab=self._symbols))
        except FormatStringError as error:  # decoding has checked the names; a template built otherwise might not be
            raise LookupError(str(error)) from error


def task_parameter(text: object) -> str | None:
    """The name where the text is the value of a task's parameter and nothing else."""
    found = _TASK_VALUE.fullmatch(str(text).strip())
    return found[1] if found else None
