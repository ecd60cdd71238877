"""Reading a YAML file that is a model of its own, such as a policy."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from failsoft_kit.settings.document import Document, Trail, parse_document
from failsoft_kit.settings.errors import SettingsError
from failsoft_kit.settings.problems import dotted, wrong_places
from failsoft_kit.settings.types import FROM_TEXT

M = TypeVar("M", bound=BaseModel)

Check = Callable[[Mapping[str, object]], Iterable[tuple[Trail, str]]]
"""Finds what no single field can know; gets the raw values, which may be wrong in any way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One thing that is wrong in a file.

    Attributes:
        path: Of the value, as one would write it: `targets.a.limits.connect`.
        place: The file, and the line where it is known.
        wrong: The rest of a sentence that begins with the path: what is wrong and what is allowed.
    """

    path: str
    place: str
    wrong: str

    def __str__(self) -> str:
        return f"`{self.path}` ({self.place}) {self.wrong}"


class FileRefused(SettingsError):
    """A file is YAML, and not what it has to be; `mistakes` has the problems in their parts."""

    def __init__(self, *mistakes: Mistake) -> None:
        super().__init__(*map(str, mistakes))
        self.mistakes = mistakes


def load_content(model: type[M], content: bytes, *, name: str, check: Check) -> M:
    """Read the content of a whole file as a model.

    Args:
        model: A `Settings`.
        name: The file, for messages about it.
        check: Run besides the model's own validation, so that one reading lists every mistake.

    Raises:
        FileRefused: with every mistake, each with its path and line.
        SettingsError: it is no YAML, or no mapping.
    """
    document = parse_document(name, content)
    checked = list(check(document.values))
    try:
        whole = model.model_validate(document.values, context=FROM_TEXT)
    except ValidationError as error:
        found = wrong_places(error, model=model, values=document.values)
        raise _refusal(document, [*found, *checked]) from None
    if checked:
        raise _refusal(document, checked)
    return whole


def _refusal(document: Document, found: Iterable[tuple[Trail, str]]) -> FileRefused:
    return FileRefused(
        *(
            Mistake(path=dotted(trail), place=document.place(trail), wrong=wrong)
            for trail, wrong in found
        )
    )
