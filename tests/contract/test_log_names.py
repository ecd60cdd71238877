"""What services log is what the documentation lists: constant events, each of them declared."""

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from failsoft_cache.log_names import LOG_NAMES as CACHE_NAMES
from failsoft_kit.log_names import LOG_NAMES as KIT_NAMES
from failsoft_kit.log_names import LogName, Severity
from failsoft_local_llm.log_names import LOG_NAMES as LOCAL_LLM_NAMES
from failsoft_router.log_names import LOG_NAMES as ROUTER_NAMES

ROOT = Path(__file__).parents[2]
SOURCES: Mapping[str, Sequence[LogName]] = {
    "libs/kit/src": KIT_NAMES,
    "services/router/src": ROUTER_NAMES,
    "services/cache/src": CACHE_NAMES,
    "services/local-llm/src": LOCAL_LLM_NAMES,
}
SAYING = {each.value for each in Severity}


class Line(NamedTuple):
    """A place in the sources that logs; what is no constant there is None, or empty."""

    where: str
    event: str | None
    severity: str


def lines_in(folder: str) -> list[Line]:
    """Every place below it."""
    return [
        line
        for file in sorted((ROOT / folder).rglob("*.py"))
        for line in _lines(ast.parse(file.read_text()), str(file.relative_to(ROOT)))
    ]


def _lines(tree: ast.AST, file: str) -> Iterator[Line]:
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        method = node.func.attr
        if method not in {*SAYING, "log", "exception"} or not _is_a_log(node.func.value):
            continue
        said = node.args[1 if method == "log" else 0]
        event = said.value if isinstance(said, ast.Constant) else None
        severity = method if method in SAYING else ""
        yield Line(f"{file}:{node.lineno}", event if isinstance(event, str) else None, severity)


def _is_a_log(owner: ast.expr) -> bool:
    name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
    return name in ("log", "_log")


def undeclared(lines: Iterable[Line], names: Iterable[LogName]) -> list[Line]:
    """Those that no name allows."""
    allowed = {(name.name, severity) for name in names for severity in _severities(name)}
    return [line for line in lines if (line.event, line.severity) not in allowed]


def _severities(name: LogName) -> Sequence[str]:
    return [each.value for each in name.severities] or [""]


@pytest.mark.parametrize("folder", SOURCES)
def test_every_event_that_is_logged_is_declared(folder: str) -> None:
    assert undeclared(lines_in(folder), SOURCES[folder]) == []


@pytest.mark.parametrize("folder", SOURCES)
def test_every_declared_event_is_logged_somewhere(folder: str) -> None:
    logged = {(line.event, line.severity) for line in lines_in(folder)}
    declared = {(name.name, severity) for name in SOURCES[folder] for severity in _severities(name)}
    assert declared - logged == set()


def test_an_event_has_one_meaning_in_all_services() -> None:
    names = [name.name for names in SOURCES.values() for name in names]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    "source",
    [
        '_log.info("thing.happened")',
        'self._log.warning(event, target="x")',
        '_log.info(f"{thing}.happened")',
        '_log.exception("known.happened")',
        '_log.error("known.happened")',
        'log.log(level, "known.happened")',
    ],
)
def test_a_line_that_is_not_as_declared_is_found(source: str) -> None:
    """Else the tests above would hold for sources that they cannot read."""
    known = LogName(name="known.happened", severities=(Severity.INFO,), description="")

    assert len(undeclared(_lines(ast.parse(source), "a.py"), [known])) == 1
