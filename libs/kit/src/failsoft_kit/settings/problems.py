"""What pydantic found wrong, in words for the operator."""

import collections
import difflib
import json
import re
from collections.abc import Callable, Iterable, Iterator

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from failsoft_kit.settings.document import Trail
from failsoft_kit.settings.fields import alternatives, holds_secret, inner_types, is_model

_SHOWN_BITS = 1024
_SHOWN_CHARACTERS = 60
_SHOULD = re.compile(r"^\w+ should ")
_NOWHERE = object()


def sentences(
    error: ValidationError,
    *,
    model: type[BaseModel],
    values: object,
    subject: Callable[[Trail], str],
) -> Iterator[str]:
    """One sentence per place at which something is wrong; secrets' values are left out.

    Args:
        model: What the values were checked against.
        values: What was checked.
        subject: Names a place: the path, and where it was or can be set.
    """
    for trail, wrong in wrong_places(error, model=model, values=values):
        yield f"{subject(trail)} {wrong}"


def wrong_places(
    error: ValidationError, *, model: type[BaseModel], values: object
) -> Iterator[tuple[Trail, str]]:
    """Each place at which something is wrong, with the rest of a sentence that begins with it."""
    by_trail: dict[Trail, list[ErrorDetails]] = collections.defaultdict(list)
    for details in error.errors(include_url=False):
        by_trail[_trail(details, values)].append(details)
    for trail, found in by_trail.items():
        match found[0]["type"]:
            case "missing":
                wrong = "is missing"
            case "extra_forbidden":
                wrong = f"is unknown; {nearest(str(trail[-1]), _known_keys(model, trail))}"
            case _:
                wrong = _broken_rules(found, types_at(model, trail), _at(values, trail))
        yield trail, wrong


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was likely meant; None: nothing is like it."""
    return next(iter(difflib.get_close_matches(name, known, n=1)), None)


def nearest(name: str, known: Iterable[str]) -> str:
    """A half-sentence that helps who wrote an unknown name: the likeliest one, or all of them."""
    names = list(known)
    meant = closest(name, names)
    if meant:
        return f"did you mean `{meant}`?"
    return f"known are {', '.join(f'`{each}`' for each in names) or 'none'}"


def dotted(trail: Trail) -> str:
    """A place as one would write it: `targets[2].model`."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in trail)
    return "".join(steps).removeprefix(".")


def types_at(annotation: object, trail: Trail) -> list[object]:
    """What a value at that place may be; empty where nothing is expected."""
    if not trail:
        return list(alternatives(annotation))
    return [
        found
        for part in alternatives(annotation)
        for inner in inner_types(part, trail[0])
        for found in types_at(inner, trail[1:])
    ]


def _broken_rules(found: list[ErrorDetails], types: list[object], value: object) -> str:
    secret = any(holds_secret(part) for part in types)
    rules = dict.fromkeys(_rule(details, secret=secret) for details in found)
    return " or ".join(rules) + ("" if secret else _got(value))


def _rule(details: ErrorDetails, *, secret: bool) -> str:
    """What is allowed; of a secret only what pydantic itself says, which never quotes the value."""
    if details["type"] in {"value_error", "assertion_error"}:
        return "is not valid" if secret else str(details["ctx"]["error"])
    return _SHOULD.sub("must ", details["msg"])


def _got(value: object) -> str:
    """The offending value, where it is one that helps; nothing for whole structures."""
    if not isinstance(value, str | int | float | None):
        return ""
    if isinstance(value, int) and value.bit_length() > _SHOWN_BITS:
        return ""  # Python refuses to write down a number that is too long.
    shown = json.dumps(value, ensure_ascii=False)
    if len(shown) > _SHOWN_CHARACTERS:
        shown = f"{shown[:_SHOWN_CHARACTERS]}…"
    return f", got {shown}"


def _known_keys(model: type[BaseModel], trail: Trail) -> list[str]:
    parents = types_at(model, trail[:-1])
    return [name for parent in parents if is_model(parent) for name in parent.model_fields]


def _trail(details: ErrorDetails, values: object) -> Trail:
    """The error's place in the values; pydantic's own steps (members of unions) are left out."""
    trail: Trail = ()
    for step in details["loc"]:
        missing = details["type"] == "missing" and step == details["loc"][-1]
        if missing or _at(values, (*trail, step)) is not _NOWHERE:
            trail = (*trail, step)
    return trail


def _at(values: object, trail: Trail) -> object:
    for step in trail:
        values = _child(values, step)
    return values


def _child(value: object, step: str | int) -> object:
    match value:
        case dict():
            return value.get(step, _NOWHERE)
        case list() if isinstance(step, int) and step < len(value):
            return value[step]
        case _:
            return _NOWHERE
