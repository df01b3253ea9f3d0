"""Open Job Description templates (revision 2023-09) become jobs of the farm, or are refused by name. Nothing is run."""

from jobs.openjd.importing import ImportedJob, import_template
from jobs.openjd.reading import MAX_TEMPLATE_CHARS
from jobs.openjd.refusals import InvalidTemplate, Unsupported, UnsupportedTemplate

__all__ = [
    "MAX_TEMPLATE_CHARS",
    "ImportedJob",
    "InvalidTemplate",
    "Unsupported",
    "UnsupportedTemplate",
    "import_template",
]
