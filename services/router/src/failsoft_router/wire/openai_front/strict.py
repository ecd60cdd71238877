"""Reading a body as JSON, with the place of what is wrong in OpenAI's spelling."""

import json
import re
from collections.abc import Sequence

import msgspec

from failsoft_model.errors import FieldViolation, InvalidRequest
from failsoft_router.wire.openai_front.body import ChatBody

_decode = msgspec.json.Decoder(ChatBody).decode

_PLACE = re.compile(r"(?P<what>.*?)(?: - at `(?P<place>\$?[^`]*)`)?", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<field>\w+)`")
_NAME = re.compile(r"[A-Za-z0-9_]{1,64}")


def refused(param: str, description: str) -> InvalidRequest:
    """The error about one field; an empty `param` is about the body as a whole."""
    message = f"{param}: {description}" if param else f"the body {description}"
    return InvalidRequest(
        message, violations=[FieldViolation(field=param, description=description)] if param else ()
    )


def read(body: bytes) -> ChatBody:
    """The body's fields.

    Raises:
        InvalidRequest: It is not JSON, or a field has another type than it must have, is missing,
            or is written twice in one object, where readers would differ in which one counts.
    """
    try:
        chat = _decode(body)
        json.loads(body.decode(), object_pairs_hook=_refuse_twins)
    except msgspec.ValidationError as error:
        raise _wrong_type(str(error)) from None
    except RecursionError:
        raise refused("", "is nested too deeply") from None
    except _Twins as twins:
        raise refused(twins.key, "must not be written twice in one object") from None
    except (msgspec.DecodeError, ValueError):
        raise refused("", "must be a JSON object in UTF-8") from None
    return chat


class _Twins(Exception):
    """An object has a key twice; `key` is empty where it is no field's name."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key


def _refuse_twins(pairs: Sequence[tuple[str, object]]) -> None:
    """What is read is not kept; only that there is no key twice is of interest."""
    if len({key for key, _ in pairs}) == len(pairs):
        return
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            raise _Twins(key if _NAME.fullmatch(key) else "")
        seen.add(key)


def _wrong_type(told: str) -> InvalidRequest:
    """msgspec's own words name types and places; none of the caller's."""
    match = _PLACE.fullmatch(told)
    what, place = (match["what"], match["place"] or "") if match else (told, "")
    param = place.removeprefix("$").removeprefix(".").replace("[...]", "")
    missing = _MISSING.fullmatch(what)
    if missing:
        return refused(f"{param}.{missing['field']}".removeprefix("."), "required")
    if what.startswith("Object contains unknown field"):
        return refused(param, "has a field that is not known here")
    return refused(param, _lowered(what))


def _lowered(what: str) -> str:
    """`Expected `str`, got `int`` as the end of a sentence."""
    words = what.replace("`", "")
    return words[:1].lower() + words[1:]
