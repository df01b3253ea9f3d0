"""What keeps a job from every worker that is up, in words for its owner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from jobs.labels import DEVICE_LABEL, ON_GPU, has_labels
from jobs.planning import WaitReason


class Offer(Protocol):
    """What of a worker decides which jobs it can render."""

    @property
    def labels(self) -> Mapping[str, str]: ...

    @property
    def engines(self) -> Mapping[str, str]: ...

    @property
    def device_class(self) -> str: ...


def why_none_fits(
    *, pipeline: str, labels: Mapping[str, str], device_class: str | None = None, there: Sequence[Offer]
) -> str:
    """One sentence; ``there``: one of each kind of worker that takes work.

    Where one of them would fit it speaks of all that may be wrong: what is asked for is not what was planned with.
    """
    able = [offer for offer in there if pipeline in offer.engines]
    if there and not able:
        return (
            f"No worker has the pipeline {pipeline}: install it (make setup-pipelines), and stop and start the farm "
            "(make down, make up)."
        )
    lacking = {key: wish for key, wish in labels.items() if not any(has_labels({key: wish}, o.labels) for o in able)}
    if able and lacking.get(DEVICE_LABEL) == ON_GPU:
        return _no_gpu(pipeline, any(offer.labels.get(DEVICE_LABEL) == ON_GPU for offer in there))
    if able and lacking:
        return f"No worker{_with(pipeline, able, there)} has the label {_listed(lacking)}."
    labelled = [offer for offer in able if has_labels(labels, offer.labels)]
    if able and not labelled:
        return f"No worker{_with(pipeline, able, there)} has all labels that the job asks for: {_listed(labels)}."
    if labelled and device_class is not None and all(offer.device_class != device_class for offer in labelled):
        return f"The job has begun on workers of the device class {device_class}, and none of them is up."
    return WaitReason.NO_REPLICA_FITS.words


def _no_gpu(pipeline: str, elsewhere: bool) -> str:
    if elsewhere:
        return (
            f"No worker with a GPU has the pipeline {pipeline}: install it there (make setup-pipelines), or let the "
            "job's settings take any device (auto)."
        )
    return (
        "No worker has a GPU, and the job asks for one: let its settings take any device (auto), or start a worker on "
        "a machine with a GPU."
    )


def _with(pipeline: str, able: Sequence[Offer], there: Sequence[Offer]) -> str:
    return "" if len(able) == len(there) else f" with the pipeline {pipeline}"


def _listed(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{key}{'' if wish[:1] in ('<', '>') else '='}{wish}" for key, wish in sorted(labels.items()))
