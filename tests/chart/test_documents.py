"""What is generated from the chart and kept beside it is up to date."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.chart


def test_the_readmes_table_lists_every_value(root: Path) -> None:
    assert _complaint(root, "chart_readme.py") == ""


def test_what_the_chart_ships_is_what_stands_in_the_repository(root: Path) -> None:
    """The collector's configuration, the alert rules and the dashboard have one source."""
    assert _complaint(root, "chart_files.py") == ""


def test_the_rendered_examples_are_what_the_chart_renders(
    root: Path, helm: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """A reviewer sees in the diff what a change of the chart does to an installation."""
    assert helm("version").returncode == 0

    assert _complaint(root, "chart_examples.py") == ""


def _complaint(root: Path, script: str) -> str:
    check = subprocess.run(
        [sys.executable, str(root / "scripts" / script), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    return check.stderr
