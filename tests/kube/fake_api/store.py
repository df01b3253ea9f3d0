"""The objects of the fake API server: versions, generations, conflicts, watches, evictions."""

from __future__ import annotations

import copy
import re
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.kuberay.structural_schema import StructuralSchema

Json = dict[str, Any]
Key = tuple[str, str, str]
"""(plural, namespace, name); a plural is of one group here."""


class Refusal(Exception):
    """An answer that is no object."""

    def __init__(self, code: int, reason: str, message: str, causes: list[Json] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.body: Json = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "reason": reason,
            "code": code,
            "details": {"causes": causes} if causes else {},
        }


@dataclass(frozen=True)
class Change:
    version: int
    type: str
    key: Key
    before: Json | None
    after: Json


@dataclass
class Resource:
    """A kind that is served."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    has_status: bool = True
    schema: StructuralSchema | None = None

    @property
    def group_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


CORE = (
    Resource("", "v1", "nodes", "Node", namespaced=False),
    Resource("", "v1", "namespaces", "Namespace", namespaced=False),
    Resource("", "v1", "pods", "Pod"),
    Resource("", "v1", "events", "Event", has_status=False),
    Resource("", "v1", "services", "Service"),
    Resource("", "v1", "configmaps", "ConfigMap", has_status=False),
    Resource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget"),
)


@dataclass
class Store:
    """All state, behind one lock. ``reactions`` are the controllers of a test: called after each change."""

    resources: dict[str, Resource] = field(default_factory=dict)
    objects: dict[Key, Json] = field(default_factory=dict)
    log: list[Change] = field(default_factory=list)
    version: int = 100
    oldest: int = 0
    """Watches from before this version get a 410."""
    lingering: set[str] = field(default_factory=set)
    """Names of pods that stay, terminating, when they are evicted or deleted."""
    reactions: list[Callable[[Change], None]] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=lambda: threading.Condition(threading.RLock()))

    def read(self, plural: str, namespace: str, name: str) -> Json:
        with self.changed:
            found = self.objects.get((plural, namespace, name))
            if found is None:
                raise Refusal(404, "NotFound", f'{plural} "{name}" not found')
            return copy.deepcopy(found)

    def all(self, plural: str, namespace: str | None) -> list[Json]:
        with self.changed:
            return [
                copy.deepcopy(thing)
                for key, thing in sorted(self.objects.items())
                if key[0] == plural and namespace in (None, key[1])
            ]

    def create(self, plural: str, namespace: str, thing: Json, *, dry: bool = False, strict: bool = True) -> Json:
        resource = self.resources[plural]
        thing = copy.deepcopy(thing)
        about = thing.setdefault("metadata", {})
        if not about.get("name") and about.get("generateName"):
            about["name"] = about["generateName"] + uuid.uuid4().hex[:5]
        if not about.get("name"):
            raise Refusal(422, "Invalid", "name or generateName is required")
        if thing.get("kind", resource.kind) != resource.kind:
            raise Refusal(400, "BadRequest", f"the object is a {thing['kind']}, not a {resource.kind}")
        thing |= {"kind": resource.kind, "apiVersion": resource.group_version}
        if resource.schema is not None:
            thing.pop("status", None)
        self._check(resource, thing, strict=strict)
        key = (plural, namespace if resource.namespaced else "", about["name"])
        with self.changed:
            if key in self.objects:
                raise Refusal(409, "AlreadyExists", f'{plural} "{key[2]}" already exists')
            about |= {"uid": str(uuid.uuid4()), "generation": 1, "creationTimestamp": _now()}
            if resource.namespaced:
                about["namespace"] = namespace
            return thing if dry else self._commit("ADDED", key, None, thing)

    def update(self, plural: str, namespace: str, name: str, make: Callable[[Json], Json], **options: Any) -> Json:
        """``make``: the whole object after the change; ``part``: spec or status; ``dry``: nothing is kept."""
        resource, part = self.resources[plural], options.get("part", "spec")
        with self.changed:
            before = self.read(plural, namespace, name)
            after = copy.deepcopy(make(copy.deepcopy(before)))
            version = (after.get("metadata") or {}).get("resourceVersion")
            if version not in (None, "", before["metadata"]["resourceVersion"]):
                raise Refusal(
                    409,
                    "Conflict",
                    f'Operation cannot be fulfilled on {plural} "{name}": the object has been modified; please apply '
                    "your changes to the latest version and try again",
                )
            if part == "status":
                after = {**before, "status": after.get("status", {})}
            elif resource.has_status and resource.schema is not None:
                after.pop("status", None)
                after |= {"status": before["status"]} if "status" in before else {}
            own = ("uid", "namespace", "name", "creationTimestamp", "generation", "deletionTimestamp")
            kept = {field: before["metadata"][field] for field in own if field in before["metadata"]}
            after["metadata"] = {**(after.get("metadata") or {}), **kept}
            self._check(resource, after, strict=options.get("strict", True))
            _immutable(before, after)
            if part == "spec" and after.get("spec") != before.get("spec"):
                after["metadata"]["generation"] = before["metadata"].get("generation", 1) + 1
            if {**after, "metadata": {**after["metadata"], "resourceVersion": ""}} == {
                **before,
                "metadata": {**before["metadata"], "resourceVersion": ""},
            }:
                return before  # a change of nothing makes no new version
            if options.get("dry"):
                return after
            return self._commit("MODIFIED", (plural, before["metadata"].get("namespace", ""), name), before, after)

    def delete(self, plural: str, namespace: str, name: str, *, uid: str | None = None) -> Json:
        with self.changed:
            before = self.read(plural, namespace, name)
            if uid is not None and uid != before["metadata"]["uid"]:
                raise Refusal(409, "Conflict", f"Precondition failed: UID in precondition: {uid}")
            key = (plural, before["metadata"].get("namespace", ""), name)
            if name in self.lingering or before["metadata"].get("finalizers"):
                after = copy.deepcopy(before)
                after["metadata"]["deletionTimestamp"] = _now()
                return self._commit("MODIFIED", key, before, after)
            gone = self._commit("DELETED", key, before, before)
            for each, thing in list(self.objects.items()):  # as the garbage collector does
                if any(owner["uid"] == before["metadata"]["uid"] for owner in _owners(thing)):
                    self.delete(each[0], each[1], each[2])
            return gone

    def end(self, plural: str, namespace: str, name: str) -> None:
        """What lingers has stopped."""
        self.lingering.discard(name)
        self.delete(plural, namespace, name)

    def evict(self, namespace: str, name: str, *, uid: str | None) -> None:
        """As the eviction subresource does, PodDisruptionBudgets included."""
        with self.changed:
            pod = self.read("pods", namespace, name)
            labels = pod["metadata"].get("labels") or {}
            budgets = [
                budget
                for budget in self.all("poddisruptionbudgets", namespace)
                if (wanted := budget["spec"]["selector"]["matchLabels"]).items() <= labels.items() and wanted
            ]
            if len(budgets) > 1:
                raise Refusal(500, "InternalError", "This pod has more than one PodDisruptionBudget")
            for budget in budgets:
                about, allowed = budget["metadata"], budget.get("status", {}).get("disruptionsAllowed", 0)
                if allowed <= 0:
                    raise Refusal(
                        429,
                        "TooManyRequests",
                        "Cannot evict pod as it would violate the pod's disruption budget.",
                        [
                            {
                                "reason": "DisruptionBudget",
                                "message": f"The disruption budget {about['name']} needs more",
                            }
                        ],
                    )
                budget["status"]["disruptionsAllowed"] = allowed - 1
                self.update("poddisruptionbudgets", namespace, about["name"], lambda _, b=budget: b, part="status")
            self.delete("pods", namespace, name, uid=uid)

    def compact(self) -> None:
        """Forget the past: a watch that goes on from before now is refused."""
        with self.changed:
            self.version += 1
            self.oldest = self.version
            self.log.clear()
            self.changed.notify_all()

    def _commit(self, type_: str, key: Key, before: Json | None, after: Json) -> Json:
        self.version += 1
        after = copy.deepcopy(after)
        after["metadata"]["resourceVersion"] = str(self.version)
        if type_ == "DELETED":
            del self.objects[key]
        else:
            self.objects[key] = after
        change = Change(self.version, type_, key, before, after)
        self.log.append(change)
        self.changed.notify_all()
        for react in self.reactions:
            react(change)
        return copy.deepcopy(self.objects.get(key, after))

    def _check(self, resource: Resource, thing: Json, *, strict: bool) -> None:
        if resource.schema is None:
            return
        unknown = resource.schema.prune(thing)
        if unknown and strict:
            told = ", ".join(f'unknown field "{path}"' for path in unknown)
            raise Refusal(
                400, "BadRequest", f"{resource.kind} in version {resource.version!r} cannot be handled: {told}"
            )
        resource.schema.complete(thing)
        if faults := resource.schema.causes(thing):
            name = thing["metadata"].get("name")
            causes = [{"reason": "FieldValueInvalid", "field": path, "message": words} for path, words in faults]
            raise Refusal(
                422, "Invalid", f'{resource.kind} "{name}" is invalid: {faults[0][0]}: {faults[0][1]}', causes
            )


def _immutable(before: Json, after: Json) -> None:
    """The CEL rules of the CRDs that an update can break."""
    old, new = ((thing.get("spec") or {}).get("managedBy") for thing in (before, after))
    if old is not None and old != new:
        raise Refusal(422, "Invalid", "spec.managedBy: the managedBy field is immutable", [{"field": "spec.managedBy"}])


def _owners(thing: Json) -> list[Json]:
    return thing["metadata"].get("ownerReferences") or []


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def selects(labels: str, fields: str, thing: Json) -> bool:
    """Whether an object is meant by a label and a field selector."""
    has = thing["metadata"].get("labels") or {}
    return all(_label(term, has) for term in _terms(labels)) and all(_field(term, thing) for term in _terms(fields))


def _terms(selector: str) -> list[str]:
    return [term.strip() for term in re.split(r",(?![^(]*\))", selector or "") if term.strip()]


def _label(term: str, labels: Json) -> bool:
    if found := re.fullmatch(r"(\S+)\s+(in|notin)\s+\(([^)]*)\)", term):
        is_in = labels.get(found[1]) in [value.strip() for value in found[3].split(",")]
        return is_in if found[2] == "in" else not is_in
    if "!=" in term:
        name, _, value = term.partition("!=")
        return bool(labels.get(name) != value)
    if "=" in term:
        name, _, value = term.replace("==", "=").partition("=")
        return bool(labels.get(name) == value)
    return term[1:] not in labels if term.startswith("!") else term in labels


FIELDS = ("metadata.name", "metadata.namespace", "spec.nodeName", "status.phase", "reason", "involvedObject.kind",
          "involvedObject.name")  # fmt: skip


def _field(term: str, thing: Json) -> bool:
    name, _, value = term.replace("==", "=").partition("=")
    negated = name.endswith("!")
    if name.rstrip("!") not in FIELDS:
        raise Refusal(400, "BadRequest", f"field label not supported: {name}")
    found: Any = thing
    for part in name.rstrip("!").split("."):
        found = (found or {}).get(part)
    return (str(found or "") == value) is not negated
