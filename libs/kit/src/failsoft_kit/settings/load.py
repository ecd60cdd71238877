"""Reading a service's settings: variables over a file, checked as a whole."""

import copy
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from failsoft_kit.settings.document import EMPTY, Document, Trail, read_document
from failsoft_kit.settings.errors import SettingsError
from failsoft_kit.settings.fields import Leaf, leaves
from failsoft_kit.settings.problems import closest, dotted, sentences
from failsoft_kit.settings.types import FROM_TEXT
from failsoft_kit.settings.variables import Given, read_variables

M = TypeVar("M", bound=BaseModel)


def load(
    model: type[M],
    *,
    section: str,
    file: Path | None = None,
    environ: Mapping[str, str] = os.environ,
) -> M:
    """Read a service's settings.

    A setting at `<section>.<field>` of the file is overridden by the variable
    `FAILSOFT_<SECTION>_<FIELD>`; the fields of nested models are separated by `__`.
    Lists and mappings are written as YAML in a variable: `[a, b]`.
    A variable that is empty counts as not set. Other sections of the file are other services'.

    Args:
        model: A `Settings`, every field with a description.
        section: The service's key in the file, such as `router`.
        file: None: variables and defaults only.

    Raises:
        SettingsError: with every mistake in the file and in the variables.
    """
    known = list(leaves(model, section))
    given, problems = read_variables(known, section, environ)
    try:
        document = EMPTY if file is None else read_document(file)
        values = _section(document, section)
    except SettingsError as error:
        raise SettingsError(*error.problems, *problems) from error
    for each in given:
        _put(values, each)
    try:
        settings = model.model_validate(values, context=FROM_TEXT)
    except ValidationError as error:
        subject = _subjects(section, known, given, document)
        found = sentences(error, model=model, values=values, subject=subject)
        raise SettingsError(*problems, *found) from None
    if problems:
        raise SettingsError(*problems)
    return settings


def _section(document: Document, section: str) -> dict[str, object]:
    """A copy of the file's part for this service."""
    if section not in document.values:
        typo = closest(section, document.values)
        if typo:
            place = document.place((typo,))
            raise SettingsError(f"`{typo}` ({place}) is unknown; did you mean `{section}`?")
    values = document.values.get(section) or {}
    if not isinstance(values, dict):
        raise SettingsError(f"`{section}` ({document.place((section,))}) must be a mapping")
    return copy.deepcopy(values)


def _put(values: dict[str, object], given: Given) -> None:
    """Set a value; where the file has no mapping on the way to it, the file's mistake stays."""
    *parents, name = given.leaf.path[1:]
    for parent in parents:
        child = values.get(parent)
        if child is None:
            child = values[parent] = {}
        if not isinstance(child, dict):
            return
        values = child
    values[name] = given.value


def _subjects(
    section: str, known: Sequence[Leaf], given: Sequence[Given], document: Document
) -> Callable[[Trail], str]:
    """How a problem's sentence begins: the path, the variable, and the line that said it."""
    variables: dict[Trail, str] = {leaf.path: leaf.variable for leaf in known}
    set_by_variable: set[Trail] = {each.leaf.path for each in given}

    def subject(trail: Trail) -> str:
        path: Trail = (section, *trail)
        prefixes = (path[:length] for length in range(len(path), 0, -1))
        leaf = next((each for each in prefixes if each in variables), ())
        where = [variables[leaf]] if leaf else []
        if document is not EMPTY and leaf not in set_by_variable:
            where.append(document.place(path))
        return f"`{dotted(path)}`" + (f" ({'; '.join(where)})" if where else "")

    return subject
