"""How many replicas a load needs, and what it costs: ``python -m loadtests.capacity``.

The formulas, in words: `docs/operations/capacity-and-cost.md`.
Arithmetic on measured figures, for a first answer. Whether the planner keeps so many replicas busy, ``make simulate``
says; what a frame of one's own takes, an estimate of the farm or a few frames of it.
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import dataclass

_HOUR_S = 3600.0
BUSY = 0.9
"""Part of a replica's time in which it renders. `make simulate` holds 0.99 while there is work; the rest is
machines that come and go, and the last frames of a job, which cannot be shared."""
FAILED = 0.02
"""Part of the tries that are tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is to be rendered by when."""

    frames: int
    frame_s: float
    """Of one frame on one replica, the scene loaded."""
    hours: float
    """Until all of it is to be there, from the first machine on."""
    load_s: float = 0.0
    """To load the scene, for each replica once a job; and for each time it was pushed out."""
    loads: int = 1
    """Scenes that each replica loads in that time."""
    frame_mb: float = 0.0
    price_hour: float = 0.0
    """Of a machine with one replica."""
    busy: float = BUSY
    failed: float = FAILED


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What it takes."""

    replicas: int
    replica_hours: float
    cost: float
    stored_gb: float
    upload_mbit_s: float
    """To storage, from all replicas together while they render."""


def need_of(load: Load) -> Need:
    """Raises ``ValueError`` where loading alone takes longer than there is time."""
    at_work_s = load.hours * _HOUR_S * load.busy - load.loads * load.load_s
    if at_work_s <= load.frame_s:
        raise ValueError("Loading the scenes leaves no time for a frame: more hours, or fewer scenes a replica.")
    rendering_s = load.frames * load.frame_s / (1 - load.failed)
    frames_each = math.floor(at_work_s / load.frame_s)  # a frame is not cut in two
    replicas = max(1, math.ceil(load.frames / (1 - load.failed) / frames_each))
    replica_hours = (rendering_s + replicas * load.loads * load.load_s) / load.busy / _HOUR_S
    stored_mb = load.frames * load.frame_mb
    return Need(
        replicas=replicas,
        replica_hours=replica_hours,
        cost=replica_hours * load.price_hour,
        stored_gb=stored_mb / 1000,
        upload_mbit_s=stored_mb * 8 / (replica_hours / replicas * _HOUR_S),
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m loadtests.capacity", description=(__doc__ or "").split("\n")[0])
    for name, kind, words in (
        ("frames", int, "how many"),
        ("frame-s", float, "seconds of one, the scene loaded"),
        ("hours", float, "until they are to be there"),
    ):
        parser.add_argument(f"--{name}", type=kind, required=True, help=words)
    parser.add_argument("--load-s", type=float, default=0.0, help="seconds to load a scene")
    parser.add_argument("--loads", type=int, default=1, help="scenes that each replica loads")
    parser.add_argument("--frame-mb", type=float, default=0.0, help="size of a result")
    parser.add_argument("--price-hour", type=float, default=0.0, help="of a machine with one replica")
    parser.add_argument("--busy", type=float, default=BUSY, help="part of the time in which it renders")
    parser.add_argument("--failed", type=float, default=FAILED, help="part of the tries that are tried again")
    load = Load(**vars(parser.parse_args()))
    try:
        need = need_of(load)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(
        f"replicas       {need.replicas}\nreplica hours  {need.replica_hours:,.1f}\ncost           {need.cost:,.2f}\n"
        f"stored         {need.stored_gb:,.1f} GB\nupload         {need.upload_mbit_s:,.0f} Mbit/s\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
