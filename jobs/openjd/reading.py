"""The text of a template becomes plain data: YAML without its powers, or JSON, within bounds.

Aliases (the "billion laughs"), tags, merge keys and repeated keys are refused before any object is made of the text:
the events of the YAML parser hold no more than the text itself. They come from libyaml, for the parser in Python takes
two seconds to find out that 60,000 brackets are none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml
from openjd.model import DocumentType, document_string_to_object

from jobs.errors import TooLarge
from jobs.openjd.refusals import InvalidTemplate, pointer_to

MAX_TEMPLATE_CHARS = 65_536
"""Characters of a template's text; it holds a command line and its parameters, a few thousand at most."""

MAX_DEPTH = 32
"""Levels of nesting; the specification's own end with about ten."""

MAX_EXPRESSIONS = 100
"""`{{ … }}` of one template. OpenJD's library looks at each against all that went wrong before it, so 8,000 unknown
names are 18 s of work."""

MAX_EXPRESSION_CHARS = 128
"""Characters of one, in which the longest name has 64; the library's parser takes the square of its length."""


def read_template(text: str) -> dict[str, Any]:
    """The mapping that the text holds. Raises ``TooLarge`` (too long) or ``InvalidTemplate`` (everything else)."""
    if len(text) > MAX_TEMPLATE_CHARS:
        raise TooLarge(
            f"The template is {len(text):,} characters long; {MAX_TEMPLATE_CHARS:,} are allowed.", field="template"
        )
    try:
        found = _read_json(text) if text.lstrip().startswith("{") else _read_yaml(text)
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError) as error:
        raise _invalid(f"The template is neither YAML nor JSON: {_in_a_line(error)}") from error
    if not isinstance(found, dict):
        raise _invalid("The template is not a mapping of keys to values.")
    _require_few_expressions(found)
    return found


def _read_json(text: str) -> Any:
    found = json.loads(text, object_pairs_hook=_distinct, parse_constant=_no_constant)
    _require_shallow(found)
    json.dumps(found, ensure_ascii=False).encode()  # raises for half of a UTF-16 pair, which no answer could repeat
    return found


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _invalid(f"The key {key!r} stands twice in one object.")
        found[key] = value
    return found


def _no_constant(name: str) -> Any:
    raise _invalid(f"{name} is no number of JSON.")


def _require_shallow(found: Any) -> None:
    level = [found]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return
    raise _invalid(f"The template is nested more than {MAX_DEPTH} levels deep.")


@dataclass(slots=True)
class _Open:
    """A mapping or sequence whose end has not come yet."""

    is_mapping: bool
    keys: set[str] = field(default_factory=set)
    key: str | None = None
    """Whose value comes next; None: a key comes next."""
    items: int = 0


def _read_yaml(text: str) -> Any:
    opened: list[_Open] = []
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _invalid(f"At {_where(opened)} stands an anchor or an alias; write the value out.")
        tag = getattr(event, "tag", None)
        if tag is not None:
            raise _invalid(f"At {_where(opened)} stands the tag {tag}; values carry no tags here.")
        match event:
            case yaml.ScalarEvent():
                _take_scalar(opened, event.value)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                if opened and opened[-1].is_mapping and opened[-1].key is None:
                    raise _invalid(f"At {_where(opened)} a mapping or a list stands for a key; keys are text.")
                if len(opened) >= MAX_DEPTH:
                    raise _invalid(f"The template is nested more than {MAX_DEPTH} levels deep.")
                opened.append(_Open(isinstance(event, yaml.MappingStartEvent)))
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                opened.pop()
                _pass_value(opened)
    found = document_string_to_object(document=text, document_type=DocumentType.YAML)
    _require_text_keys(found)
    return found


def _take_scalar(opened: list[_Open], value: str) -> None:
    if not opened or not opened[-1].is_mapping or opened[-1].key is not None:
        _pass_value(opened)
        return
    if value == "<<":
        raise _invalid(f"At {_where(opened)} stands a merge key (<<); write the values out.")
    if value in opened[-1].keys:
        raise _invalid(f"At {_where(opened)} the key {value!r} stands twice.")
    opened[-1].keys.add(value)
    opened[-1].key = value


def _pass_value(opened: list[_Open]) -> None:
    if opened:
        opened[-1].key = None
        opened[-1].items += 1


def _where(opened: list[_Open]) -> str:
    """For a refusal alone: a place is as long as the keys in it, and a list below a long one has many."""
    return pointer_to(*(_at(each) for each in opened)) or "the top"


def _at(each: _Open) -> str | int:
    return (each.key or "") if each.is_mapping else each.items


def _require_text_keys(found: Any) -> None:
    rest = [found]
    while rest:
        match rest.pop():
            case Mapping() as each:
                if odd := [key for key in each if not isinstance(key, str)]:
                    raise _invalid(f"The key {odd[0]!r} is no text; put it in quotes.")
                rest.extend(each.values())
            case list() as each:
                rest.extend(each)


def _require_few_expressions(found: Any) -> None:
    count = 0
    for text in _texts(found):
        pieces = text.split("{{")[1:]
        count += len(pieces)
        if count > MAX_EXPRESSIONS:
            raise _invalid(f"The template has more than {MAX_EXPRESSIONS} expressions ({{{{ … }}}}).")
        if any(len(piece.partition("}}")[0]) > MAX_EXPRESSION_CHARS for piece in pieces):
            raise _invalid(f"An expression ({{{{ … }}}}) is over {MAX_EXPRESSION_CHARS} characters long.")


def _texts(found: Any) -> Iterator[str]:
    """Every text, as it is without the escapes that it was written with."""
    rest = [found]
    while rest:
        match rest.pop():
            case str() as text:
                yield text
            case Mapping() as each:
                rest.extend(each.keys())
                rest.extend(each.values())
            case list() as each:
                rest.extend(each)


def _invalid(message: str) -> InvalidTemplate:
    return InvalidTemplate(message, field="template", remedy="Send the text of a job template, in YAML or JSON.")


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error).split())[:500] or type(error).__name__
