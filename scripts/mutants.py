"""Change the router's core in small ways, one at a time, and print what no test notices.

    make mutants                     # every module of the core: takes a while
    make mutants MODULES="breaker"   # some of them

A mutant that survives is a missing test, or a change that makes no difference; the
latter are listed with their reasons in services/router/tests/core/survivors.toml. Exit 1
when there is any other, and when one is listed that is noticed or gone.

mutmut wants a folder of a shape of its own, so core and tests are copied to a temporary
one. It changes what is inside of plain functions: constants, defaults of fields and
properties are not touched.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "services" / "router" / "src" / "failsoft_router"
TESTS = ROOT / "services" / "router" / "tests" / "core"
SURVIVORS = TESTS / "survivors.toml"
CLASS = "ǁ"
"""Behind a class's name in what mutmut calls its methods."""

NOTICED = {"killed", "timeout"}
"""A test failed, or the change made an endless loop of one."""

# An endless loop ends after (5 s + what its tests took) x 2 x 2 of CPU time: enough for any
# mutant on a busy machine, where the start alone takes seconds, and not minutes for each loop.
SETTINGS = """\
[tool.mutmut]
source_paths = ["src"]
timeout_multiplier = 2.0
timeout_constant = 5.0
only_mutate = [{only}]
pytest_add_cli_args = ["-p", "no:randomly", "-p", "no:cacheprovider"]
pytest_add_cli_args_test_selection = ["tests"]

[tool.pytest.ini_options]
addopts = ["--import-mode=importlib"]
"""

# A mutant that is noticed need not be noticed by the smallest example, and a busy machine
# notices nothing: the same examples each time, however long they take.
CONFTEST = """\
from hypothesis import HealthCheck, Phase, settings

settings.register_profile(
    "mutants",
    phases=[Phase.explicit, Phase.generate],
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("mutants")
"""


def every_module() -> list[str]:
    """The modules and packages of the core."""
    return sorted({path.stem for path in (PACKAGE / "core").glob("[!_]*")})


def paths(modules: Sequence[str]) -> Iterator[str]:
    """How the paths of these modules begin, from the core's folder."""
    for name in modules:
        yield f"{name}/" if (PACKAGE / "core" / name).is_dir() else f"{name}.py"


def lay_out(folder: Path, modules: Sequence[str]) -> None:
    """Copy the core and its tests into the shape that mutmut wants."""
    package = folder / "src" / "failsoft_router"
    shutil.copytree(
        PACKAGE / "core", package / "core", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copy(PACKAGE / "__init__.py", package)
    shutil.copytree(TESTS, folder / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    with (folder / "tests" / "conftest.py").open("a") as conftest:
        conftest.write(CONFTEST)
    only = ", ".join(f'"src/failsoft_router/core/{name}*"' for name in paths(modules))
    (folder / "pyproject.toml").write_text(SETTINGS.format(only=only))


def mutmut(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run mutmut in the folder; its output is kept."""
    return subprocess.run(
        [sys.executable, "-m", "mutmut", *arguments],
        cwd=folder,
        env={**os.environ, "NO_COLOR": "1"},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )


def statuses(folder: Path) -> dict[str, str]:
    """What became of each mutant, by its name."""
    lines = mutmut(folder, "results", "--all", "true").stdout
    return dict(re.findall(r"^\s+(\S+): (.+)$", lines, re.MULTILINE))


def change(difference: str) -> str:
    """The changed line of a difference, as it is and as the mutant has it."""
    lines = [line for line in difference.splitlines() if re.match(r"[+-](?![+-])", line)]
    return " -> ".join(line[1:].strip() for line in lines)


@dataclass(frozen=True, slots=True)
class Change:
    """What a mutant is, however it is numbered.

    Attributes:
        where: The changed function, from the core's folder: `mock.tokens.words`.
        lines: The changed line, as it is and as the mutant has it.
    """

    where: str
    lines: str


def explained() -> set[Change]:
    """Changes that make no difference."""
    entries = tomllib.loads(SURVIVORS.read_text())["survivor"]
    return {Change(where=entry["where"], lines=entry["change"]) for entry in entries}


def where(mutant: str) -> str:
    """The function that a mutant is of: `core.mock.tokens.x_words__mutmut_3` is of `words`."""
    place = re.sub(r"__mutmut_\d+$", "", mutant).removeprefix("failsoft_router.core.")
    module, _, function = place.rpartition(".")
    return f"{module}.{function[2:].replace(CLASS, '.')}"


def module_of(place: str) -> str:
    """The module or package of the core that a function is in."""
    return place.split(".")[0]


def table(modules: Sequence[str], columns: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """How many functions' mutants of each module, and of all, are in each column."""
    counts = {title: Counter(map(module_of, places)) for title, places in columns.items()}
    yield "  ".join(["module".ljust(12), *counts])
    for name in modules:
        cells = [str(count[name]).rjust(len(title)) for title, count in counts.items()]
        yield "  ".join([name.ljust(12), *cells])
    cells = [str(count.total()).rjust(len(title)) for title, count in counts.items()]
    yield "  ".join(["all".ljust(12), *cells])


def report(modules: Sequence[str], every: Collection[str], differences: Mapping[str, str]) -> int:
    """Print what was not noticed, and what is explained though it was.

    Args:
        every: The mutants that were tried.
        differences: Of those that nobody noticed.

    Returns:
        The exit code.
    """
    known = explained()
    alive = {name: Change(where(name), change(shown)) for name, shown in differences.items()}
    missed = [name for name, what in alive.items() if what not in known]
    needless = {what for what in known if module_of(what.where) in modules} - set(alive.values())
    for name in missed:
        print(differences[name])
    for what in needless:
        print(f"explained, and noticed or gone: {what.where}: {what.lines}")
    columns = {
        "mutants": list(map(where, every)),
        "noticed": [where(name) for name in every if name not in alive],
        "explained": [where(name) for name in alive if name not in missed],
        "missed": list(map(where, missed)),
    }
    print(*table(modules, columns), sep="\n")
    return 1 if missed or needless else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    every = every_module()
    parser.add_argument("modules", nargs="*", default=every, metavar="MODULE")
    modules: list[str] = parser.parse_args().modules
    if unknown := set(modules) - set(every):
        parser.error(f"no such module: {', '.join(sorted(unknown))}; there are {', '.join(every)}")
    with tempfile.TemporaryDirectory(prefix="failsoft-mutants-") as name:
        folder = Path(name)
        lay_out(folder, modules)
        done = mutmut(folder, "run")
        if done.returncode:
            sys.exit("\n".join(done.stdout.splitlines()[-40:]))
        every_mutant = statuses(folder)
        alive = [mutant for mutant, status in every_mutant.items() if status not in NOTICED]
        differences = {mutant: mutmut(folder, "show", mutant).stdout for mutant in alive}
    sys.exit(report(modules, every_mutant, differences))


if __name__ == "__main__":
    main()
