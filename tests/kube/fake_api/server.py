"""A Kubernetes API server on loopback: the real protocol over HTTP, with faults and rights that a test sets."""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

from tests.kube.fake_api.discovery import discovery
from tests.kube.fake_api.patches import BadPatch, TestFailed, merged, patched
from tests.kube.fake_api.store import CORE, Change, Json, Refusal, Resource, Store, selects
from tests.kuberay.crds import VERSION, definitions, stored_schemas

PATH = re.compile(
    r"/(?:api/(?P<core>v1)|apis/(?P<group>[^/]+)/(?P<version>[^/]+))"
    r"(?:/namespaces/(?P<ns>[^/]+)(?=/))?/(?P<plural>[^/]+)(?:/(?P<name>[^/]+))?(?:/(?P<sub>status|eviction|log))?"
)
BOOKMARK_EVERY_S = 0.2


@dataclass
class Fault:
    """What happens to calls in place of an answer, or after it was done and before it is told."""

    method: str
    path: str
    """Part of the address, or a regular expression for one."""
    times: int = 1
    status: int | None = None
    """None: the connection is cut."""
    headers: dict[str, str] = field(default_factory=dict)
    done: bool = False
    """The call is carried out all the same; only its answer is lost."""
    raw: str | None = None
    """A body that is no Status."""


@dataclass(frozen=True)
class Asked:
    """One call, as the server understood it."""

    verb: str
    group: str
    resource: str
    namespace: str
    address: str
    content_type: str


class FakeKube(ThreadingHTTPServer):
    """Listens on ``url`` until the block of ``serving`` ends."""

    daemon_threads = True

    def __init__(self, *, kuberay: bool = True) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.store = Store()
        found = list(CORE)
        if kuberay:
            found += [
                Resource(each.group, VERSION, each.plural, each.kind, schema=stored_schemas()[each.kind])
                for each in definitions()
            ]
        self.store.resources = {each.plural: each for each in found}
        self.faults: list[Fault] = []
        self.asked: list[Asked] = []
        self.rules: list[Json] | None = None
        """RBAC rules of the one account; None: it may do everything."""
        self.on_call: Callable[[Asked], None] = lambda asked: None
        """Called before each call is carried out: where a test lets somebody else be quicker."""
        self.stopping = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no fault of the server."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def fault_for(self, method: str, address: str) -> Fault | None:
        for fault in self.faults:
            if fault.times > 0 and fault.method in (method, "*") and re.search(fault.path, address):
                fault.times -= 1
                return fault
        return None

    def calls(self, verb: str, resource: str) -> int:
        return sum((each.verb, each.resource) == (verb, resource) for each in self.asked)

    def require_right(self, asked: Asked) -> None:
        if self.rules is None:
            return
        for rule in self.rules:
            if (
                asked.verb in rule["verbs"]
                and asked.group in rule["apiGroups"]
                and asked.resource in rule["resources"]
                and rule.get("namespace") in (None, asked.namespace)
            ):
                rule["used"] = {*rule.get("used", ()), (asked.verb, asked.resource)}
                return
        raise Refusal(
            403,
            "Forbidden",
            f'{asked.resource} is forbidden: User "system:serviceaccount:rayfarm:operator" cannot {asked.verb} '
            f'resource "{asked.resource}" in API group "{asked.group}"',
        )


@contextmanager
def serving(*, kuberay: bool = True) -> Iterator[FakeKube]:
    server = FakeKube(kuberay=kuberay)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="fake-kube")
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        with server.store.changed:
            server.store.changed.notify_all()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FakeKube

    def log_message(self, format: str, *args: Any) -> None:
        return None

    def _handle(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.server.fault_for(self.command, self.path)
        if fault is not None and not fault.done:
            self._fail(fault)
            return
        try:
            answer = self._answer(raw)
        except Refusal as refusal:
            answer = (refusal.code, refusal.body)
        except TestFailed as failed:
            words = f"the server rejected our request due to an error in our request: {failed}"
            refused = Refusal(422, "Invalid", words)
            answer = (refused.code, refused.body)
        except BadPatch as bad:
            refused = Refusal(400, "BadRequest", str(bad))
            answer = (refused.code, refused.body)
        if fault is not None:
            self._fail(fault)
        elif answer is not None:
            self._send(*answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle

    def _fail(self, fault: Fault) -> None:
        if fault.status is None:
            self.close_connection = True
            self.connection.close()
        elif fault.raw is not None:
            self._send(fault.status, fault.raw, fault.headers)
        else:
            reason = "TooManyRequests" if fault.status == 429 else "InternalError"
            self._send(fault.status, Refusal(fault.status, reason, "injected").body, fault.headers)

    def _send(self, code: int, body: Json | str, headers: dict[str, str] | None = None) -> None:
        is_text = isinstance(body, str)
        content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(code)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "text/plain" if is_text else "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    # --- what is asked ---------------------------------------------------------------------------------------------

    def _answer(self, raw: bytes) -> tuple[int, Json | str] | None:
        parts = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if (about := discovery(self.server.store.resources.values(), parts.path)) is not None:
            return 200, about
        found = PATH.fullmatch(parts.path)
        resource = self.server.store.resources.get(found["plural"]) if found else None
        group, version = (found["group"] or "", found["core"] or found["version"]) if found else ("", "")
        if found is None or resource is None or (resource.group, resource.version) != (group, version):
            return 404, "404 page not found\n"
        name, sub, namespace = found["name"], found["sub"], found["ns"]
        if found["plural"] == "namespaces":
            namespace = None
        is_watch = query.get("watch") in ("true", "True", "1")
        verb = {"GET": "get" if name else "watch" if is_watch else "list", "POST": "create", "PUT": "update"}.get(
            self.command, self.command.lower()
        )
        asked = Asked(
            verb,
            group,
            resource.plural + (f"/{sub}" if sub else ""),
            namespace or "",
            self.path,
            self.headers.get("Content-Type") or "",
        )
        self.server.asked.append(asked)
        self.server.require_right(asked)
        self.server.on_call(asked)
        if "protobuf" in asked.content_type:
            raise Refusal(415, "UnsupportedMediaType", "this server speaks JSON")
        body = (yaml.load(raw, yaml.CSafeLoader) or {}) if raw else {}
        if is_watch and not name:
            self._watch(resource, namespace, query)
            return None
        return self._carry_out(verb, resource, namespace, name, sub, query, body)

    def _carry_out(
        self, verb: str, resource: Resource, ns: str | None, name: str | None, sub: str | None, query: Any, body: Any
    ) -> tuple[int, Json]:
        store, plural = self.server.store, resource.plural
        place = (ns or "") if resource.namespaced else ""
        strict = query.get("fieldValidation") == "Strict"
        if name is None:
            if verb == "list":
                return 200, self._list(resource, ns, query)
            return 201, store.create(plural, place, body, dry=bool(query.get("dryRun")), strict=strict)
        if sub == "eviction":
            uid = ((body.get("deleteOptions") or {}).get("preconditions") or {}).get("uid")
            store.evict(place, name, uid=uid)
            return 201, {"kind": "Status", "apiVersion": "v1", "status": "Success", "metadata": {}}
        part = "status" if sub == "status" else "spec"
        match verb:
            case "get":
                return 200, store.read(plural, place, name)
            case "update":
                return 200, store.update(plural, place, name, lambda _: body, part=part, strict=strict)
            case "patch":
                options = {"part": part, "strict": strict, "dry": bool(query.get("dryRun"))}
                return self._patch(resource, place, name, body, **options)
            case "delete":
                store.delete(plural, place, name)
                return 200, {"kind": "Status", "apiVersion": "v1", "status": "Success", "metadata": {}}
        raise Refusal(405, "MethodNotAllowed", verb)

    def _patch(self, resource: Resource, place: str, name: str, body: Any, **options: Any) -> tuple[int, Json]:
        store = self.server.store
        kind = (self.headers.get("Content-Type") or "").partition(";")[0]
        make: Callable[[Json], Json]
        match kind:
            case "application/json-patch+json":
                make = lambda before: patched(before, body)  # noqa: E731
            case "application/merge-patch+json":
                make = lambda before: merged(before, body)  # noqa: E731
            case "application/strategic-merge-patch+json" if resource.schema is None:
                make = lambda before: merged(before, body)  # noqa: E731
            case "application/apply-patch+yaml":
                if (resource.plural, place, name) not in store.objects:
                    return 201, store.create(resource.plural, place, body, strict=options["strict"])
                make = lambda before: merged(before, body)  # noqa: E731
            case _:
                raise Refusal(415, "UnsupportedMediaType", f"the body of the request was in an unknown format: {kind}")
        return 200, store.update(resource.plural, place, name, make, **options)

    def _list(self, resource: Resource, namespace: str | None, query: Any) -> Json:
        store = self.server.store
        with store.changed:
            start, version = 0, store.version
            if more := query.get("continue"):
                start, version = (int(part) for part in more.split("."))
                if version < store.oldest:
                    raise Refusal(410, "Expired", "The provided continue parameter is too old")
            things = [
                thing
                for thing in store.all(resource.plural, namespace)
                if selects(query.get("labelSelector", ""), query.get("fieldSelector", ""), thing)
            ]
        limit = int(query.get("limit") or 0) or len(things)
        page, rest = things[start : start + limit], len(things) - start - limit
        about: Json = {"resourceVersion": str(version)}
        if rest > 0:
            about |= {"continue": f"{start + limit}.{version}", "remainingItemCount": rest}
        return {
            "kind": f"{resource.kind}List",
            "apiVersion": resource.group_version,
            "metadata": about,
            "items": page,
        }

    # --- watches ---------------------------------------------------------------------------------------------------

    def _watch(self, resource: Resource, namespace: str | None, query: Any) -> None:
        store, since = self.server.store, int(query.get("resourceVersion") or 0)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        end = time.monotonic() + float(query.get("timeoutSeconds") or 30)
        wants_bookmarks = query.get("allowWatchBookmarks") in ("true", "True")

        def selected(thing: Json | None) -> bool:
            return thing is not None and selects(query.get("labelSelector", ""), query.get("fieldSelector", ""), thing)

        if not since:
            with store.changed:
                since = store.version
                there = [thing for thing in store.all(resource.plural, namespace) if selected(thing)]
            for thing in there:
                self._event("ADDED", thing)
        while not self.server.stopping.is_set():
            with store.changed:
                gone = since < store.oldest
                news = [change for change in store.log if change.version > since]
                if not gone and not news:
                    if time.monotonic() >= end:
                        break
                    store.changed.wait(min(BOOKMARK_EVERY_S, max(0.01, end - time.monotonic())))
                    news = [change for change in store.log if change.version > since]
                    gone = since < store.oldest
                version = store.version
            if gone:
                self._event("ERROR", Refusal(410, "Expired", f"too old resource version: {since}").body)
                break
            for change in news:
                since = change.version
                if change.key[0] == resource.plural and namespace in (None, change.key[1]):
                    self._tell(change, selected)
            if not news and wants_bookmarks:
                since = version
                about = {"resourceVersion": str(version), "creationTimestamp": None}
                self._event(
                    "BOOKMARK", {"kind": resource.kind, "apiVersion": resource.group_version, "metadata": about}
                )
            fault = self.server.fault_for("WATCH", self.path)
            if fault is not None:
                self.close_connection = True
                self.connection.close()
                return
        self.wfile.write(b"0\r\n\r\n")

    def _tell(self, change: Change, selected: Callable[[Json | None], bool]) -> None:
        was, is_now = selected(change.before), selected(change.after) and change.type != "DELETED"
        if is_now:
            self._event("MODIFIED" if was else "ADDED", change.after)
        elif was:
            self._event("DELETED", change.after)

    def _event(self, type_: str, thing: Json) -> None:
        line = json.dumps({"type": type_, "object": thing}).encode() + b"\n"
        self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
        self.wfile.flush()
