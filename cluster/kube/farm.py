"""What these commands need of the farm: its machines, and the drain that every operator uses."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from cluster.kube.gateway import Json, KubeGateway

CLUSTER_LABEL, NODE_TYPE_LABEL = "ray.io/cluster", "ray.io/node-type"
"""On every pod that KubeRay makes."""

Tell = Callable[[str], None]
"""Hears what was done, a line each."""


class Farm(Protocol):
    """The farm's API, as ``GET /v1/nodes``, ``GET /v1/replicas`` and the drains speak."""

    def nodes(self) -> list[dict[str, Any]]: ...
    def replicas(self) -> list[dict[str, Any]]: ...
    def drain(self, worker: str, *, reason: str, within_s: float | None) -> bool:
        """False: there is no such worker any more."""
        ...

    def enable(self, worker: str) -> bool:
        """Give a machine work again that a drain disabled. False: there is no such worker any more."""
        ...


@dataclass(frozen=True, slots=True)
class Worker:
    """What is drained as one: a machine of the farm, or one replica where a machine serves two clusters."""

    name: str
    told: bool
    """It drains already, or gets no new work."""
    busy: int
    """Replicas that render."""
    leaving: int
    """Replicas that were told to leave and are still there."""

    @property
    def is_over(self) -> bool:
        """Nothing of it renders, and nothing of it will: a replica that Serve starts on a disabled machine is idle."""
        return self.told and not self.busy and not self.leaving


@dataclass(frozen=True, slots=True)
class HandOver:
    """How it went to take the work from some workers."""

    drained: tuple[str, ...]
    given_back: tuple[str, ...]
    """Those that still rendered at the deadline and were told to give it back."""
    still_busy: tuple[str, ...]
    """Those that did not even do that."""

    @property
    def is_complete(self) -> bool:
        return not self.still_busy


def pods_of_cluster(gateway: KubeGateway, cluster: str) -> tuple[Json, ...]:
    """The worker pods of a RayCluster."""
    return gateway.pods(labels=f"{CLUSTER_LABEL}={cluster},{NODE_TYPE_LABEL}=worker")


def workers_of(farm: Farm, names: Iterable[str], *, cluster: str | None = None) -> list[Worker]:
    """The farm's machines of these names, and those of the Ray cluster ``cluster``.

    A machine's name is ``RAYFARM_CLUSTER_NODE``: the pod's name by default, the node's where a manifest says so. A
    machine that serves another Ray cluster too is taken replica by replica: the farm drains a machine whole.
    """
    wanted = set(names)
    listed, replicas = farm.nodes(), farm.replicas()
    workers: list[Worker] = []
    for node in listed:
        if node["name"] not in wanted and (cluster is None or node["cluster"] != cluster):
            continue
        here = [each for each in replicas if (each["node"], each["cluster"]) == (node["name"], node["cluster"])]
        others = [each for each in listed if each["name"] == node["name"] and each["cluster"] != node["cluster"]]
        if cluster is None or not any(each["replicas"] for each in others):
            busy = sum(bool(each["current"]) for each in here)
            is_told = node["disabled"] and not any(each["current"] and not each["draining"] for each in here)
            workers.append(Worker(node["name"], is_told, busy, sum(bool(each["draining"]) for each in here)))
        elif node["cluster"] == cluster:
            workers += [Worker(str(e["id"]), bool(e["draining"]), int(bool(e["current"])), 1) for e in here]
    return workers


def hand_over(
    gateway: KubeGateway,
    farm: Farm,
    look: Callable[[], list[Worker]],
    *,
    within: timedelta,
    reason: str,
    tell: Tell,
) -> HandOver:
    """Drain what ``look`` lists, also what joins meanwhile, and wait: frames finish until the deadline ``within``.

    Then what still renders is told that its machine goes: it gives its frames back, for others to render again.
    """
    settings, clock = gateway.settings, gateway.clock
    deadline = clock.now() + within.total_seconds()
    drained: dict[str, None] = {}
    while True:
        workers = look()
        for worker in workers:
            if not worker.told and farm.drain(worker.name, reason=reason, within_s=None):
                tell(f"{worker.name} drains")
            drained[worker.name] = None
        left = [worker for worker in workers if not worker.is_over]
        if not left:
            return HandOver(tuple(drained), (), ())
        if clock.now() >= deadline:
            break
        clock.sleep(settings.poll_every.total_seconds())
    late = {worker.name for worker in left}
    give_back_s = settings.give_back.total_seconds()
    given_back: dict[str, None] = {}
    end = clock.now() + 2 * give_back_s
    while True:
        # One that was told in the last look may have begun a frame since: it is waited for like those that render.
        here = [worker for worker in look() if worker.name in late and not worker.is_over]
        for worker in here:
            if worker.busy and worker.name not in given_back:
                farm.drain(worker.name, reason=f"{reason} The time for it is over.", within_s=give_back_s)
                tell(
                    f"{worker.name} still renders after {within}: it gives its frames back within {settings.give_back}"
                )
                given_back[worker.name] = None
        if not here or clock.now() >= end:
            break
        clock.sleep(settings.poll_every.total_seconds())
    still = tuple(worker.name for worker in here if worker.busy)
    return HandOver(tuple(drained), tuple(given_back), still)
