"""The declared names of spans and metrics are those that the sources use: no more, no fewer.

That nothing else is emitted at run time is seen where registries are strict, and by what a
collector gets of whole stacks.
"""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

import failsoft_cache.telemetry
import failsoft_kit.http.names
import failsoft_kit.rpc.names
import failsoft_kit.telemetry.process_metrics
import failsoft_local_llm.telemetry
import failsoft_router.metric_names
import failsoft_router.span_names
from failsoft_kit.telemetry import EventName, MetricName, Name, NameRegistry, SpanName

ROOT = Path(__file__).parents[2]
FOLDERS = ("libs/kit/src", "services/router/src", "services/cache/src", "services/local-llm/src")
DECLARED: dict[ModuleType, tuple[Name, ...]] = {
    failsoft_kit.rpc.names: failsoft_kit.rpc.names.RPC_NAMES,
    failsoft_kit.http.names: failsoft_kit.http.names.HTTP_NAMES,
    failsoft_kit.telemetry.process_metrics: failsoft_kit.telemetry.process_metrics.PROCESS_NAMES,
    failsoft_router.span_names: failsoft_router.span_names.SPAN_NAMES,
    failsoft_router.metric_names: failsoft_router.metric_names.METRICS,
    failsoft_cache.telemetry: failsoft_cache.telemetry.NAMES,
    failsoft_local_llm.telemetry: failsoft_local_llm.telemetry.NAMES,
}


class Sources:
    """What the sources mention: every word that is loaded, and every text that is said."""

    def __init__(self, files: Iterable[Path]) -> None:
        self.words: set[str] = set()
        self.texts: set[str] = set()
        self.told: dict[str, str] = {}
        """Texts that are given to a span by name, and where."""
        declaring = {Path(str(module.__file__)) for module in DECLARED}
        for file in files:
            tree = ast.parse(file.read_text())
            parts = _functions(tree) if file in declaring else [tree]
            for part in parts:
                self._read(part, str(file.relative_to(ROOT)))

    def _read(self, tree: ast.AST, file: str) -> None:
        for node in ast.walk(tree):
            match node:
                case ast.Name(id=word, ctx=ast.Load()) | ast.Attribute(attr=word, ctx=ast.Load()):
                    self.words.add(word)
                case ast.Constant(value=str(text)):
                    self.texts.add(text)
                case ast.Call(func=ast.Attribute(attr="set" | "event"), args=[first, *_]):
                    self._tell(first, file)
                case ast.keyword(arg="attributes", value=ast.Dict(keys=keys)):
                    for key in keys:
                        self._tell(key, file)

    def _tell(self, key: ast.expr | None, file: str) -> None:
        match key:
            case ast.Constant(value=str(text)) if "." in text:
                self.told[text] = f"{file}:{key.lineno}"

    def use(self, name: Name, words: Iterable[str]) -> bool:
        """Whether it is mentioned, by itself or by a word that stands for it."""
        return name.name in self.texts or not self.words.isdisjoint(words)


def _functions(tree: ast.Module) -> Iterator[ast.AST]:
    """What a module that declares names does besides."""
    doing = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return (node for node in tree.body if isinstance(node, doing))


@pytest.fixture(scope="module")
def sources() -> Sources:
    return Sources(file for folder in FOLDERS for file in sorted((ROOT / folder).rglob("*.py")))


def words_for(name: Name) -> set[str]:
    """What the modules that declare names call this one."""
    return {
        word
        for module in DECLARED
        for word, value in vars(module).items()
        if value is name or value == name.name or getattr(value, "name", None) == name.name
    }


def everything() -> list[Name]:
    """Every name once, but for spans whose names are made at run time, and labels."""
    labels = {
        label
        for names in DECLARED.values()
        for name in names
        if isinstance(name, MetricName)
        for label in name.labels
    }
    found = dict.fromkeys(name for names in DECLARED.values() for name in names)
    return [name for name in found if name not in labels and "{" not in name.name]


@pytest.mark.parametrize(
    "name", everything(), ids=lambda name: f"{type(name).__name__} {name.name}"
)
def test_what_is_declared_is_used(sources: Sources, name: Name) -> None:
    assert sources.use(name, words_for(name))


def registry() -> NameRegistry:
    names = NameRegistry(strict=True)
    for each in DECLARED.values():
        names.register(each)
    return names


def test_what_spans_are_told_by_name_is_declared(sources: Sources) -> None:
    declared = {name.name for name in registry().names()}

    assert {text: at for text, at in sources.told.items() if text not in declared} == {}


@pytest.mark.parametrize("module", DECLARED, ids=lambda module: module.__name__)
def test_a_constant_that_looks_like_a_name_is_declared(module: ModuleType) -> None:
    """Else a span could be told of it wherever no test is strict."""
    declared = {name.name for name in registry().names()}
    texts = {
        text
        for word, text in vars(module).items()
        if word.isupper() and isinstance(text, str) and text.startswith(("failsoft.", "gen_ai."))
    }
    assert texts - declared - set(getattr(module, "CALLED_METHODS", ())) == set()


def test_a_name_that_nobody_uses_is_found(sources: Sources) -> None:
    """Else the tests above would hold for sources that they cannot read."""
    for kind in (SpanName, EventName):
        assert not sources.use(kind(name="failsoft.nobody", description=""), {"NOBODY_SAYS_THIS"})
