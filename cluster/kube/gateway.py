"""The few calls of the Kubernetes API that the farm makes, as plain JSON, behind one retry policy."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any

import yaml
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from cluster.kube.errors import NoCluster
from cluster.kube.retrying import Clock, Retrying
from cluster.kube.settings import KubeSettings

Json = dict[str, Any]
GROUP, VERSION = "ray.io", "v1"
MERGE, PATCH = "application/merge-patch+json", "application/json-patch+json"
_load_incluster: Callable[..., None] = config.load_incluster_config  # the client's types stop here
_load_kubeconfig: Callable[..., None] = config.load_kube_config
_PAGE = 500
"""Objects in one page of a list: what kubectl asks for."""
_READ_MARGIN_S = 10.0
"""Seconds beyond a watch's own end after which its connection counts as dead."""


class Kind(Enum):
    """KubeRay's kinds; the value is the plural in the address."""

    SERVICE = "rayservices"
    CLUSTER = "rayclusters"
    JOB = "rayjobs"


@dataclass(frozen=True, slots=True)
class Listed:
    """All objects of a list, and the version that a watch goes on from."""

    items: tuple[Json, ...]
    version: str


class KubeGateway:
    """One namespace of one cluster. Raises what ``cluster.kube.errors`` lists."""

    def __init__(self, *, api: client.ApiClient, settings: KubeSettings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or Clock()
        self.namespace = settings.namespace
        self._api = api
        self._custom = client.CustomObjectsApi(api)
        self._core = client.CoreV1Api(api)
        self._retrying = Retrying(settings=settings, clock=self.clock)
        self._limit_s = settings.request_timeout.total_seconds()

    # --- KubeRay's objects -----------------------------------------------------------------------------------------

    def get(self, kind: Kind, name: str) -> Json:
        return self._json(
            f"get {kind.value}/{name}",
            lambda: self._custom.get_namespaced_custom_object(*self._at(kind), name, _request_timeout=self._limit_s),
        )

    def list(self, kind: Kind, *, labels: str | None = None, name: str | None = None) -> Listed:
        fields = f"metadata.name={name}" if name else None
        return self._all_pages(
            f"list {kind.value}",
            lambda more: self._custom.list_namespaced_custom_object(
                *self._at(kind),
                label_selector=labels,
                field_selector=fields,
                limit=_PAGE,
                _continue=more,
                _request_timeout=self._limit_s,
            ),
        )

    def create(self, kind: Kind, body: Json) -> Json:
        name = body.get("metadata", {}).get("name")
        return self._json(
            f"create {kind.value}/{name}",
            lambda: self._custom.create_namespaced_custom_object(
                *self._at(kind), body, field_validation="Strict", _request_timeout=self._limit_s
            ),
        )

    def patch(self, kind: Kind, name: str, body: Sequence[Json] | Json, *, dry: bool = False) -> Json:
        """A list is a JSON patch, a mapping a merge patch. ``dry``: only say what would come of it."""
        return self._json(
            f"patch {kind.value}/{name}",
            lambda: self._custom.patch_namespaced_custom_object(
                *self._at(kind),
                name,
                body if isinstance(body, dict) else list(body),
                field_validation="Strict",
                dry_run="All" if dry else None,
                _content_type=MERGE if isinstance(body, dict) else PATCH,
                _request_timeout=self._limit_s,
            ),
        )

    def delete(self, kind: Kind, name: str) -> None:
        self._json(
            f"delete {kind.value}/{name}",
            lambda: self._custom.delete_namespaced_custom_object(
                *self._at(kind), name, propagation_policy="Foreground", _request_timeout=self._limit_s
            ),
        )

    def watch(self, kind: Kind, *, version: str, name: str | None, for_s: float) -> Iterator[Json]:
        """Events after ``version`` until the server ends the stream, bookmarks among them."""
        fields = f"metadata.name={name}" if name else None
        return self._stream(
            f"watch {kind.value}",
            for_s,
            lambda **more: self._custom.list_namespaced_custom_object(
                *self._at(kind), field_selector=fields, resource_version=version, **more
            ),
        )

    # --- nodes, pods, events ---------------------------------------------------------------------------------------

    def node(self, name: str) -> Json:
        return self._json(f"get nodes/{name}", lambda: self._core.read_node(name, _request_timeout=self._limit_s))

    def nodes(self) -> Listed:
        return self._all_pages(
            "list nodes",
            lambda more: self._core.list_node(limit=_PAGE, _continue=more, _request_timeout=self._limit_s),
        )

    def watch_nodes(self, *, version: str, for_s: float) -> Iterator[Json]:
        return self._stream("watch nodes", for_s, lambda **more: self._core.list_node(resource_version=version, **more))

    def events_of_node(self, name: str, *, reason: str) -> tuple[Json, ...]:
        """What was told of a node under this reason, in whatever namespace."""
        fields = f"involvedObject.kind=Node,involvedObject.name={name},reason={reason}"
        return self._all_pages(
            f"list events of {name}",
            lambda more: self._core.list_event_for_all_namespaces(
                field_selector=fields, limit=_PAGE, _continue=more, _request_timeout=self._limit_s
            ),
        ).items

    def set_unschedulable(self, name: str, *, unschedulable: bool) -> Json:
        return self._json(
            f"patch nodes/{name}",
            lambda: self._core.patch_node(
                name,
                {"spec": {"unschedulable": unschedulable}},
                _content_type=MERGE,
                _request_timeout=self._limit_s,
            ),
        )

    def pods(self, *, labels: str | None = None, node: str | None = None) -> tuple[Json, ...]:
        """Of the namespace by labels, or of every namespace by node."""
        if node is not None:
            return self._all_pages(
                f"list pods of {node}",
                lambda more: self._core.list_pod_for_all_namespaces(
                    field_selector=f"spec.nodeName={node}",
                    limit=_PAGE,
                    _continue=more,
                    _request_timeout=self._limit_s,
                ),
            ).items
        return self._all_pages(
            "list pods",
            lambda more: self._core.list_namespaced_pod(
                self.namespace, label_selector=labels, limit=_PAGE, _continue=more, _request_timeout=self._limit_s
            ),
        ).items

    def evict(self, *, namespace: str, name: str, uid: str) -> None:
        """Ask for a pod to leave, as budgets allow; of another pod that took its name meanwhile nothing is asked."""
        body = client.V1Eviction(
            metadata=client.V1ObjectMeta(name=name, namespace=namespace),
            delete_options=client.V1DeleteOptions(preconditions=client.V1Preconditions(uid=uid)),
        )
        self._json(
            f"evict pods/{name}",
            lambda: self._core.create_namespaced_pod_eviction(name, namespace, body, _request_timeout=self._limit_s),
        )

    # --- how -------------------------------------------------------------------------------------------------------

    def _at(self, kind: Kind) -> tuple[str, str, str, str]:
        return GROUP, VERSION, self.namespace, kind.value

    def _json(self, action: str, ask: Callable[[], Any]) -> Json:
        answer = self._retrying.call(action, ask)
        plain: Callable[[Any], Any] = self._api.sanitize_for_serialization
        return dict(plain(answer) or {})

    def _all_pages(self, action: str, ask: Callable[[str | None], Any]) -> Listed:
        items: list[Json] = []
        more: str | None = None
        while True:
            page = self._json(action, partial(ask, more))
            items += page.get("items") or []
            about: Mapping[str, Any] = page.get("metadata") or {}
            more = about.get("continue") or None
            if more is None:
                return Listed(tuple(items), str(about.get("resourceVersion") or ""))

    def _stream(self, action: str, for_s: float, ask: Callable[..., Any]) -> Iterator[Json]:
        def open_stream() -> Any:
            answer = ask(
                watch=True,
                allow_watch_bookmarks=True,
                timeout_seconds=max(1, round(for_s)),
                _preload_content=False,
                _request_timeout=(self._limit_s, for_s + _READ_MARGIN_S),
            )
            if not 200 <= answer.status <= 299:
                body = answer.read()
                raise ApiException(status=answer.status, reason=answer.reason, body=body.decode(errors="replace"))
            return answer

        with closing(self._retrying.call(action, open_stream)) as answer:
            for line in _lines(answer.stream(amt=None, decode_content=False)):
                yield json.loads(line)


def open_gateway(settings: KubeSettings) -> KubeGateway:
    """Of the kubeconfig's context, or in a pod of its service account. Raises ``NoCluster``."""
    made = client.Configuration()
    try:
        files = os.environ.get("KUBECONFIG") or None
        if settings.context is None and files is None and _is_in_pod():
            _load_incluster(client_configuration=made)
        else:
            _load_kubeconfig(config_file=files, context=settings.context, client_configuration=made)
    except (config.ConfigException, OSError) as error:
        raise NoCluster(
            f"There is no Kubernetes cluster to talk to: {error}",
            remedy="Set KUBECONFIG to a kubeconfig, or name one of its contexts with --context.",
        ) from error
    except (yaml.YAMLError, ValueError, TypeError, AttributeError) as error:  # the client reads what it finds unchecked
        raise NoCluster(
            f"The kubeconfig is damaged: {error}",
            remedy="Write it anew (as `aws eks update-kubeconfig` does); `kubectl config view` shows what is read.",
        ) from error
    made.retries = False  # ours is the one policy
    return KubeGateway(api=client.ApiClient(made), settings=settings)


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Whole lines of a stream; a last one that was cut off is dropped, it is sent again."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from (line for line in whole if line.strip())


def _is_in_pod() -> bool:
    try:
        _load_incluster(client_configuration=client.Configuration())
    except config.ConfigException:
        return False
    return True
