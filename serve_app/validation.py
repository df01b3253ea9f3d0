"""Turns what pydantic says about a wrong value into sentences that name the field and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, Field, ValidationError

from jobs.errors import InvalidInput, RayfarmError
from jobs.spec import VideoOutput

_Model = TypeVar("_Model", bound=BaseModel)

_SHOWN = 3
"""Errors that the sentence names; the others stand in ``errors``."""

MOST_ERRORS = 50
"""Wrong fields that an answer names; a body of millions of them must not become as many lines."""

_MOST_GUESSES = 3
"""Unknown names for which the one that was meant is sought: each is compared with all that there are, for about a
millisecond."""

_MOST_GUESSED_CHARS = 64
"""Longest of these names, of which all ours are shorter: the comparison takes the square of its length."""


_WITH_ZONE = "Write it with its time zone, like 2026-01-31T12:00:00Z or 2026-01-31T13:00:00+01:00."


class FieldError(BaseModel):
    """One thing that is wrong in a request."""

    field: str = Field(description="Where: dotted path in the body, or the name of the parameter.")
    message: str
    remedy: str | None = None


def describe_errors(errors: Iterable[Mapping[str, Any]], *, drop: int = 0, prefix: str = "") -> list[FieldError]:
    """One line for each of the first ``MOST_ERRORS``; ``drop`` leading parts of each location are left out and
    ``prefix`` is put before."""
    described = []
    errors = list(islice(errors, MOST_ERRORS))
    places = [tuple(error.get("loc", ())) for error in errors]
    for error in errors:
        place = tuple(error.get("loc", ()))
        if error.get("type") == "too_short" and any(
            len(other) > len(place) and other[: len(place)] == place for other in places
        ):
            continue  # what is too short is what was left of it without its wrong items
        location = [str(part) for part in place[drop:] if not _is_tag(part)]
        cause = cause_of(error)
        if cause is not None:
            described.append(FieldError(field=_path(prefix, location), message=cause.message, remedy=cause.remedy))
            continue
        message = str(error.get("msg", "is not valid")).removeprefix("Value error, ")
        if error.get("type") == "extra_forbidden":
            message = "There is no such field."
        remedy = _WITH_ZONE if error.get("type") == "timezone_aware" else None
        described.append(FieldError(field=_path(prefix, location), message=message, remedy=remedy))
    return described


def cause_of(error: Mapping[str, Any]) -> RayfarmError | None:
    """The error of ours that a validator was stopped by, which knows its remedy."""
    raised = (error.get("ctx") or {}).get("error")
    cause = getattr(raised, "__cause__", None)
    return cause if isinstance(cause, RayfarmError) else None


def sentence(errors: Sequence[FieldError], *, beyond: int = 0) -> str:
    """The first errors in one sentence each. ``beyond``: how many there are that are not described."""
    shown = " ".join(f"{error.field}: {_ended(error.message)}" for error in errors[:_SHOWN])
    rest = max(len(errors) - _SHOWN, 0) + beyond
    return f"{shown} (and {rest} more)" if rest > 0 else shown


def check_against(model: type[_Model], data: object, *, field: str, what: str) -> _Model:
    """Validate data that a request holds; ``InvalidInput`` names each wrong field, and the ones that there are."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raw = error.errors(include_url=False)
        errors = describe_errors(raw, prefix=field)
        unknown = (str(one["loc"][-1]) for one in raw if one["type"] == "extra_forbidden" and one["loc"])
        beyond = max(len(raw) - MOST_ERRORS, 0)
        raise InvalidInput(
            f"The {what} are not valid. {sentence(errors, beyond=beyond)}",
            field=errors[0].field,
            remedy=_remedy(model, unknown, what),
            errors=[one.model_dump(exclude_none=True) for one in errors],
        ) from error


def unknown_remedy(body: object, errors: Iterable[Mapping[str, Any]]) -> str | None:
    """The fields that there are where a request of the type ``body`` names one that there is not; None: it names
    none."""
    for error in errors:
        if error.get("type") == "extra_forbidden":
            *place, name = tuple(error["loc"])[1:]  # behind "body"
            model = _model_at(body, place)
            if model is not None:
                return _remedy(model, [str(name)], "fields")
    return None


def _model_at(annotation: object, place: Sequence[object]) -> type[BaseModel] | None:
    """The model whose fields pydantic looked for at this place."""
    models = list(_models_in(annotation))
    if len(models) > 1:  # of a union, whose member the place begins with: its tag
        tagged = [model for model in models if place and _has_tag(model, place[0])]
        return _model_at(tagged[0], place[1:]) if tagged else None
    if not models or not place:
        return models[0] if models else None
    if isinstance(place[0], int) or _is_tag(place[0]):
        return _model_at(models[0], place[1:])
    field = models[0].model_fields.get(str(place[0]))
    return _model_at(field.annotation, place[1:]) if field else None


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)


def _has_tag(model: type[BaseModel], tag: object) -> bool:
    return any(
        get_origin(field.annotation) is Literal and tag in get_args(field.annotation)
        for field in model.model_fields.values()
        if field.is_required()
    )


def require_storable(value: object, *, field: str) -> None:
    """Refuse text that no database column holds: NUL, or half of a UTF-16 pair."""
    if isinstance(value, str):
        if "\x00" in value or not _is_unicode(value):
            raise InvalidInput(
                f"{field} holds a character that cannot be stored.",
                field=field,
                remedy="Leave out NUL characters and unpaired surrogates.",
            )
    elif isinstance(value, Mapping):
        for key, item in value.items():
            require_storable(key, field=field)
            require_storable(item, field=f"{field}.{key}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            require_storable(item, field=f"{field}.{index}")


def _is_tag(part: object) -> bool:
    """pydantic names the member of a union that it tried: no field of the caller's."""
    return isinstance(part, str) and (part == VideoOutput.__name__ or part.endswith("]"))


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _remedy(model: type[BaseModel], unknown: Iterable[str], what: str) -> str:
    known = sorted(model.model_fields)
    near = {
        name: difflib.get_close_matches(name, known, n=1)
        for name in islice(unknown, _MOST_GUESSES)
        if len(name) <= _MOST_GUESSED_CHARS
    }
    guesses = [f"{found[0]} instead of {name}" for name, found in near.items() if found]
    listed = f"The {what} are: {', '.join(known)}." if known else f"There are no {what}."
    return f"Did you mean {', '.join(guesses)}? {listed}" if guesses else listed


def _path(prefix: str, location: Sequence[str]) -> str:
    return ".".join([part for part in (prefix, *location) if part]) or "body"


def _ended(message: str) -> str:
    return message if message.endswith((".", "!", "?")) else f"{message}."
