"""Reading a YAML file that is a model of its own, such as a policy."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from failsoft_kit.settings.document import Document, Trail, read_document
from failsoft_kit.settings.errors import SettingsError
from failsoft_kit.settings.problems import dotted, sentences
from failsoft_kit.settings.types import FROM_TEXT

M = TypeVar("M", bound=BaseModel)

Check = Callable[[Mapping[str, object]], Iterable[tuple[Trail, str]]]
"""Finds what no single field can know; gets the raw values, which may be wrong in any way."""


def load_file(model: type[M], file: Path, *, check: Check) -> M:
    """Read a whole file as a model.

    Args:
        model: A `Settings`.
        check: Run besides the model's own validation, so that one reading lists every mistake.

    Raises:
        SettingsError: with every mistake, each with its path and line.
    """
    document = read_document(file)
    problems = [f"{_subject(document, trail)} {wrong}" for trail, wrong in check(document.values)]
    try:
        whole = model.model_validate(document.values, context=FROM_TEXT)
    except ValidationError as error:
        found = sentences(
            error,
            model=model,
            values=document.values,
            subject=lambda trail: _subject(document, trail),
        )
        raise SettingsError(*found, *problems) from None
    if problems:
        raise SettingsError(*problems)
    return whole


def _subject(document: Document, trail: Trail) -> str:
    return f"`{dotted(trail)}` ({document.place(trail)})"
