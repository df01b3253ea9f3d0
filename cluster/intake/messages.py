"""What a message asks for: a job, or jobs of new objects of S3. Pure: nothing is looked up here."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import unquote_plus

from db.intake import MessageName
from jobs.errors import InvalidInput
from jobs.fingerprint import canonical_json

_KEY = re.compile(r"[\x21-\x7e]{1,200}", re.ASCII)
"""As the header ``Idempotency-Key`` of the API."""
_OWN_FIELDS = ("idempotency_key", "project", "publish")
_MAX_PUBLISH = 10
_HALF_PAIR = re.compile(r"[\ud800-\udfff]")
"""Half of a UTF-16 pair, which JSON can write and UTF-8 cannot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest:
    """The body of ``POST /v1/jobs``, and what a header or the address would say."""

    name: MessageName
    body: Mapping[str, Any]
    project: str | None = None
    publish: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewObject:
    """An object of S3 that is there now."""

    bucket: str
    key: str
    version_id: str | None
    etag: str | None
    sequencer: str | None

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    def name(self, *, source: str, message_id: str, rule: str) -> MessageName:
        """The same in every message that tells of it: S3 may tell twice."""
        of_rule = ["s3", rule, self.bucket, self.key, self.version_id, self.etag, self.sequencer]
        digest = _sha256(of_rule)
        return MessageName(source=source, dedup_id=digest, digest=digest, message_id=message_id, label=self.url[:1000])


def read_message(body: str, *, source: str, message_id: str) -> JobRequest | list[NewObject]:
    """What the message asks for; an empty list: nothing, as S3's test messages. Raises ``InvalidInput``.

    Taken are a job as JSON, S3's notifications (also through SNS), and ``Object Created`` events of EventBridge.
    """
    data = _object_in(body)
    if data.get("Type") == "Notification" and isinstance(data.get("Message"), str) and "TopicArn" in data:
        data = _object_in(data["Message"])
    if data.get("Event") == "s3:TestEvent":
        return []
    try:
        if isinstance(data.get("Records"), list):
            return list(_objects_of_records(data["Records"]))
        if data.get("source") == "aws.s3" and "detail-type" in data:
            return list(_objects_of_event(data))
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidInput(
            f"The event of S3 lacks {error}.", remedy="Have the bucket itself send its events to the queue."
        ) from error
    return _job_in(data, source=source, message_id=message_id)


def _job_in(data: Mapping[str, Any], *, source: str, message_id: str) -> JobRequest:
    key, project, publish = (data.get(name) for name in _OWN_FIELDS)
    if key is not None and (not isinstance(key, str) or _KEY.fullmatch(key) is None):
        raise InvalidInput("idempotency_key is 1 to 200 printable ASCII characters.", field="idempotency_key")
    if project is not None and not isinstance(project, str):
        raise InvalidInput("project is the slug of a project.", field="project")
    if publish is not None and not _is_list_of_words(publish):
        raise InvalidInput(f"publish is a list of at most {_MAX_PUBLISH} ARNs.", field="publish")
    known_by = ["key", project, key] if key is not None else ["id", message_id]
    try:
        digest = _sha256(data)
    except (ValueError, RecursionError) as error:  # half of a UTF-16 pair, or a number that is none
        raise InvalidInput("The message holds text or numbers that cannot be stored.") from error
    name = MessageName(source=source, dedup_id=_sha256(known_by), digest=digest, message_id=message_id, label=key)
    body = {field: value for field, value in data.items() if field not in _OWN_FIELDS}
    return JobRequest(name=name, body=body, project=project, publish=tuple(publish or ()))


def _objects_of_records(records: Sequence[Any]) -> Iterator[NewObject]:
    for record in records:
        if record["eventSource"] != "aws:s3":
            raise InvalidInput("The message has records, and not of S3.")
        if not record["eventName"].startswith("ObjectCreated:"):
            continue
        about = record["s3"]["object"]
        yield NewObject(
            bucket=_word(record["s3"]["bucket"]["name"]),
            key=_decoded(about["key"]),
            version_id=_word_or_none(about.get("versionId")),
            etag=_word_or_none(about.get("eTag")),
            sequencer=_word_or_none(about.get("sequencer")),
        )


def _objects_of_event(data: Mapping[str, Any]) -> Iterator[NewObject]:
    """EventBridge does not encode keys."""
    if data["detail-type"] != "Object Created":
        return
    detail = data["detail"]
    about = detail["object"]
    yield NewObject(
        bucket=_word(detail["bucket"]["name"]),
        key=_word(about["key"]),
        version_id=_word_or_none(about.get("version-id")),
        etag=_word_or_none(about.get("etag")),
        sequencer=_word_or_none(about.get("sequencer")),
    )


def _decoded(key: object) -> str:
    """S3 writes keys into its notifications as forms are encoded: a space is a plus."""
    try:
        return _word(unquote_plus(_word(key), errors="strict"))
    except UnicodeDecodeError as error:
        raise InvalidInput("The key of the object is not UTF-8.") from error


def _word(value: object) -> str:
    if not isinstance(value, str) or not value or len(value) > 4096 or "\x00" in value or _HALF_PAIR.search(value):
        raise InvalidInput("A bucket, key or version of the event of S3 is not a name.")
    return value


def _word_or_none(value: object) -> str | None:
    return None if value is None else _word(value)


def _is_list_of_words(value: object) -> bool:
    return isinstance(value, list) and len(value) <= _MAX_PUBLISH and all(isinstance(each, str) for each in value)


def _object_in(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(
            f"The message is not JSON: {str(error)[:200]}.", remedy="Send the body of POST /v1/jobs."
        ) from error
    if not isinstance(data, dict):
        raise InvalidInput("The message is not a JSON object.", remedy="Send the body of POST /v1/jobs.")
    return data


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _sha256(value: object) -> str:
    return hashlib.sha256(canonical_json(value)).hexdigest()
