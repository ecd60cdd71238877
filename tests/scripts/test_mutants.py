"""What `make mutants` is told to excuse, and how it counts."""

import importlib.util
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "services" / "router" / "src" / "failsoft_router" / "core"
SURVIVORS = ROOT / "services" / "router" / "tests" / "core" / "survivors.toml"
ENTRIES = tomllib.loads(SURVIVORS.read_text())["survivor"]

MISSED = """\
# failsoft_router.core.depth.x_check_depth__mutmut_1: survived
--- src/failsoft_router/core/depth.py
+++ src/failsoft_router/core/depth.py
@@ -10,2 +10,2 @@
-    if depth >= MAX_ROUTERS:
+    if depth > MAX_ROUTERS:
         raise RouterLoop(
"""


@pytest.fixture
def mutants() -> ModuleType:
    """The script."""
    spec = importlib.util.spec_from_file_location("mutants", ROOT / "scripts" / "mutants.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def source_of(place: str) -> str:
    """The module that holds a function such as `mock.schema.check.Check._has_form`."""
    parts = place.split(".")
    files = (CORE.joinpath(*parts[:size]).with_suffix(".py") for size in range(1, len(parts)))
    return next(file.read_text() for file in files if file.is_file())


@pytest.mark.parametrize("entry", ENTRIES)
def test_what_is_explained_is_still_in_the_core(entry: dict[str, str]) -> None:
    original, _, _ = entry["change"].partition(" -> ")

    assert original in source_of(entry["where"])
    assert entry["reason"].endswith(".")


def test_no_change_is_explained_twice() -> None:
    changes = [(entry["where"], entry["change"]) for entry in ENTRIES]

    assert len(changes) == len(set(changes))


@pytest.mark.parametrize(
    ("mutant", "place"),
    [
        ("failsoft_router.core.depth.x_check_depth__mutmut_1", "depth.check_depth"),
        ("failsoft_router.core.mock.tokens.x__kind__mutmut_12", "mock.tokens._kind"),
        ("failsoft_router.core.gate.xǁ_Gateǁclose__mutmut_6", "gate._Gate.close"),
        (
            "failsoft_router.core.breaker.xǁBreakerǁ__init____mutmut_3",
            "breaker.Breaker.__init__",
        ),
    ],
)
def test_a_mutant_is_told_by_its_function(mutants: ModuleType, mutant: str, place: str) -> None:
    assert mutants.where(mutant) == place


def test_what_nobody_noticed_is_printed_and_counted(
    mutants: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    noticed, missed = (f"failsoft_router.core.depth.x_check_depth__mutmut_{n}" for n in (2, 1))

    assert mutants.report(["depth"], [noticed, missed], {missed: MISSED}) == 1

    printed = capsys.readouterr().out
    assert "+    if depth > MAX_ROUTERS:" in printed
    assert printed.splitlines()[-1].split() == ["all", "2", "1", "0", "1"]


def test_what_is_explained_makes_no_fuss(
    mutants: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    missed = "failsoft_router.core.depth.x_check_depth__mutmut_1"
    change = mutants.Change("depth.check_depth", mutants.change(MISSED))
    monkeypatch.setattr(mutants, "explained", lambda: {change})

    assert mutants.report(["depth"], [missed], {missed: MISSED}) == 0
    assert capsys.readouterr().out.splitlines()[-1].split() == ["all", "1", "0", "1", "0"]


def test_what_is_explained_and_noticed_is_told(
    mutants: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An explanation that outlives its reason would excuse the next mistake at that line."""
    gone = mutants.Change("depth.check_depth", "a -> b")
    monkeypatch.setattr(mutants, "explained", lambda: {gone})

    assert mutants.report(["depth"], [], {}) == 1
    assert "depth.check_depth: a -> b" in capsys.readouterr().out
    assert mutants.report(["gate"], [], {}) == 0
