"""A YAML file as plain values, strictly read, that still knows on which line each of them stood."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import yaml

from failsoft_kit.settings.errors import SettingsError

Trail: TypeAlias = tuple[str | int, ...]
"""The way from the top of a document to one value: keys, and indices of lists."""

MAX_BYTES = 1024 * 1024
"""A file that is larger is none that somebody wrote; a ConfigMap holds no more either."""

_MAX_MERGED = 10_000
"""Keys that one mapping may take over by `<<`, each as often as it is taken over: a few
lines that merge each other would make the parser copy them for hours."""

_TEXT = "tag:yaml.org,2002:str"
_MERGE = "tag:yaml.org,2002:merge"

_QUOTED = re.compile(r"'[^'<]{2,}'")
"""What the parser quotes of the file, which may be a secret: one that begins with `*` or `!`."""


_SURROGATE = re.compile("[\ud800-\udfff]")
"""Half of a letter in UTF-16, which YAML can write down and neither UTF-8 nor pydantic can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What a file said."""

    name: str
    """The file, as it was named to us."""
    values: Mapping[str, object]
    """Plain dicts, lists and scalars; every key is text. Empty for an empty file."""
    lines: Mapping[Trail, int]
    """Line number, from 1, of each value that was written out (not those behind an alias)."""

    def place(self, trail: Trail) -> str:
        """Where the value is, or would be, in words: the file and the nearest known line."""
        while trail and trail not in self.lines:
            trail = trail[:-1]
        return f"{self.name}, line {self.lines[trail]}" if trail else self.name


EMPTY = Document(name="", values={}, lines={})
"""No file at all."""


def read_document(path: Path) -> Document:
    """Read a YAML file.

    Raises:
        SettingsError: it cannot be read, or see `parse_document`.
    """
    return parse_document(str(path), read_content(path))


def read_content(path: Path) -> bytes:
    """What is in a file.

    Raises:
        SettingsError: it cannot be read, or is larger than `MAX_BYTES`.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise SettingsError(f"{path}: is larger than 1 MiB")
    return content


def parse_document(name: str, content: bytes) -> Document:
    """Take the content of a YAML file apart.

    Args:
        name: The file, for messages about it.

    Raises:
        SettingsError: it is no YAML, is no mapping, or has a key twice, one that is no text (such
            as an unquoted `on`, which YAML takes for `true`), or one with a lone surrogate.
    """
    try:
        return _document(name, content)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f", line {mark.line + 1}" if mark else ""
        problem = _QUOTED.sub("…", error.problem or "")
        raise SettingsError(f"{name}{line}: is not valid YAML: {problem}") from None
    except yaml.YAMLError as error:
        raise SettingsError(f"{name}: is not valid YAML: {_one_line(error)}") from None
    except RecursionError:
        raise SettingsError(f"{name}: is nested too deeply") from None
    except ValueError:
        # The parser takes 2026-13-45 for a date; its words would quote the value.
        raise SettingsError(f"{name}: a number or date in it is none; put it in quotes") from None


def _document(name: str, content: bytes) -> Document:
    loader = yaml.SafeLoader(content)
    node = loader.get_single_node()
    if node is None:
        return Document(name=name, values={}, lines={})
    if not isinstance(node, yaml.MappingNode):
        raise SettingsError(f"{name}: must be a mapping of keys to values")
    survey = _Survey(name)
    survey.visit(node, ())
    if survey.problems:
        raise SettingsError(*survey.problems)
    return Document(name=name, values=loader.construct_document(node), lines=survey.lines)


class _Survey:
    """One walk over a document's nodes, each visited once, so that aliases cannot blow it up."""

    def __init__(self, name: str) -> None:
        self.lines: dict[Trail, int] = {}
        self.problems: list[str] = []
        self._name = name
        self._visited: set[int] = set()
        self._merged: dict[int, int] = {}

    def visit(self, node: yaml.Node, trail: Trail) -> None:
        if id(node) in self._visited:
            return
        self._visited.add(id(node))
        if isinstance(node, yaml.MappingNode):
            self._visit_mapping(node, trail)
        elif isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                self._visit_at((*trail, index), item, item)

    def _visit_mapping(self, node: yaml.MappingNode, trail: Trail) -> None:
        first_lines: dict[str, int] = {}
        for key, value in node.value:
            line = _line(key)
            if key.tag == _MERGE:
                if self._keys_of(value) > _MAX_MERGED:
                    self._problem(line, "`<<` takes over too many keys")
                continue
            if key.tag != _TEXT:
                self._problem(line, "a key must be text; put it in quotes")
            elif _SURROGATE.search(key.value):
                self._problem(line, "a key holds half a letter (`\\ud800` to `\\udfff`)")
            elif key.value in first_lines:
                first = first_lines[key.value]
                self._problem(line, f"the key `{key.value}` is already on line {first}")
            else:
                first_lines[key.value] = line
                self._visit_at((*trail, key.value), key, value)

    def _keys_of(self, node: yaml.Node) -> int:
        """Keys that merging the node copies; each node is counted once."""
        known = self._merged.get(id(node))
        if known is not None:
            return known
        self._merged[id(node)] = 0  # of one within itself, which the parser refuses
        count = 0
        if isinstance(node, yaml.SequenceNode):
            count = sum(self._keys_of(each) for each in node.value)
        elif isinstance(node, yaml.MappingNode):
            count = sum(
                self._keys_of(value) if key.tag == _MERGE else 1 for key, value in node.value
            )
        self._merged[id(node)] = count
        return count

    def _visit_at(self, trail: Trail, marked: yaml.Node, value: yaml.Node) -> None:
        self.lines[trail] = _line(marked)
        self.visit(value, trail)

    def _problem(self, line: int, text: str) -> None:
        self.problems.append(f"{self._name}, line {line}: {text}")


def _one_line(error: yaml.YAMLError) -> str:
    return " ".join(str(error).split())


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
