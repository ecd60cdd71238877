"""Checks of JSON values that reject with Google's words.

Every function takes the path of the value, such as `contents[0].parts[0]`.
"""

from collections.abc import Collection, Mapping, Sequence

from failsoft_upstream.gemini.errors import Rejected


def an_object(value: object, path: str, *, known: Collection[str] = ()) -> Mapping[str, object]:
    """The value as an object with no other fields than those that are known; none: with any."""
    if not isinstance(value, dict):
        raise _wrong(path, value)
    for name in value:
        if known and name not in known:
            raise Rejected(
                f"Invalid JSON payload received. Unknown name \"{name}\" at '{path}':"
                " Cannot find field."
            )
    return value


def an_array(value: object, path: str, *, most: int | None = None) -> Sequence[object]:
    """The value as an array of at most so many items; None: of any number."""
    if not isinstance(value, list):
        raise _wrong(path, value)
    if most is not None and len(value) > most:
        raise Rejected(f"* GenerateContentRequest.{path}: at most {most} are allowed")
    return value


def a_string(value: object, path: str) -> str:
    """The value as a string."""
    if not isinstance(value, str):
        raise _wrong(path, value)
    return value


def a_number(value: object, path: str, *, least: float, most: float, whole: bool = False) -> float:
    """The value as a number from `least` to `most`."""
    kinds = int if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds):
        raise _wrong(path, value)
    if not least <= value <= most:
        raise Rejected(f"* GenerateContentRequest.{path}: must be from {least} to {most}")
    return value


def one_of(value: object, path: str, allowed: Collection[str]) -> str:
    """The value as one of the strings allowed."""
    text = a_string(value, path)
    if text not in allowed:
        raise _wrong(path, text)
    return text


def _wrong(path: str, value: object) -> Rejected:
    return Rejected(f"Invalid value at '{path}', of type {type(value).__name__}")
