"""How the farm talks to Kubernetes: names, patience and deadlines, each with its unit and the reason for its value."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from jobs.settings import FarmSettings


class KubeSettings(FarmSettings):
    """Read from ``RAYFARM_KUBE_*``."""

    model_config = SettingsConfigDict(env_prefix="RAYFARM_KUBE_", frozen=True)

    context: str | None = None
    """Context of the kubeconfig. None: in a pod its service account, elsewhere the kubeconfig's current context."""

    namespace: str = "rayfarm"
    """Namespace of the farm's RayService, RayClusters and RayJobs."""

    name: str | None = None
    """Name of the farm's RayService, or of its RayCluster where there is no RayService. None: the only one there is."""

    # --- calls ---
    request_timeout: timedelta = timedelta(seconds=30)
    """Longest that one call may take. The API server itself gives up after 60 s; lists of a large farm take seconds."""

    tries: Annotated[int, Field(ge=1)] = 6
    """How often a call is made that meets throttling (429), a server error (5xx) or a lost connection, before the
    command says so. With the pauses below that is half a minute: a restart of an API server."""

    retry_first: timedelta = timedelta(milliseconds=500)
    """First pause between two of these; doubles. A `Retry-After` of the server counts instead where it is longer."""

    retry_longest: timedelta = timedelta(seconds=10)
    """Longest pause of our own."""

    retry_after_longest: timedelta = timedelta(minutes=1)
    """A server that asks for a longer pause than this is told of instead of waited for."""

    conflict_tries: Annotated[int, Field(ge=1)] = 5
    """How often an object is read again and changed again because somebody else changed it meanwhile (409, or a failed
    `test` of the patch). The autoscaler writes the same object every few seconds, so one or two are usual."""

    watch_for: timedelta = timedelta(minutes=5)
    """Longest that one watch lasts before it is taken up again where it was; load balancers cut idle streams later."""

    # --- waiting ---
    poll_every: timedelta = timedelta(seconds=2)
    """How often workers and pods are looked at while one waits for them."""

    observed_within: timedelta = timedelta(minutes=1)
    """Longest that the KubeRay operator may take to see a change (`observedGeneration`). It takes seconds."""

    ready_within: timedelta = timedelta(minutes=30)
    """Longest that an upgrade waits for the new cluster: new machines, an image of some GB, the first engine."""

    hand_over_within: timedelta = timedelta(hours=5)
    """Longest that an upgrade waits for frames of the old cluster, as `RAYFARM_CLUSTER_DRAIN_TIMEOUT`: above the
    longest frame. Then what still renders is given back, and the new cluster renders it."""

    drain_within: timedelta = timedelta(hours=5)
    """Longest that a node drain waits for frames; likewise."""

    give_back: timedelta = timedelta(seconds=30)
    """What a worker gets to stop its engine and give its frames back once a deadline has passed."""

    evict_within: timedelta = timedelta(minutes=10)
    """Longest that pods may take to leave a node that renders nothing any more: their grace period, and whatever a
    PodDisruptionBudget waits for."""

    evict_every: timedelta = timedelta(seconds=5)
    """How often an eviction that a PodDisruptionBudget refused is asked for again, as `kubectl drain` does."""

    follow_within: timedelta = timedelta(days=7)
    """Longest that a RayJob is followed; the job goes on without."""

    spot_notice: timedelta = timedelta(seconds=120)
    """What a machine has left when its interruption notice names no time: two minutes on AWS. Set 30 s on Azure and
    Google Cloud."""
