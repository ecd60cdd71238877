"""The chart is the same under Helm 3 as under Helm 4."""

import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

pytestmark = pytest.mark.chart

KUBERNETES = ("--kube-version", "1.34.0")
"""Said to both, because what a Helm takes for granted differs."""

DRAWN = re.compile(r"\b[A-Za-z0-9+/]{80,}={0,2}|(?<=checksum/secret: )[0-9a-f]{64}")
"""What is made at random when a Secret is rendered, in base 64, and the digest of one."""


def test_helm_3_renders_what_helm_4_renders(
    helm: Callable[..., CompletedProcess[str]],
    helm3: Callable[..., CompletedProcess[str]],
    chart: Path,
    ci_values: Path,
) -> None:
    wanted = ("template", "failsoft", chart, "--values", ci_values, *KUBERNETES)

    ours, theirs = helm(*wanted), helm3(*wanted)

    assert theirs.returncode == 0, theirs.stderr
    assert documents(theirs.stdout) == documents(ours.stdout)


def test_the_chart_passes_helm_3s_strict_lint(
    helm3: Callable[..., CompletedProcess[str]], chart: Path, ci_values: Path
) -> None:
    lint = helm3("lint", "--strict", chart, "--values", ci_values, *KUBERNETES)

    assert lint.returncode == 0, lint.stdout + lint.stderr


def documents(rendered: str) -> list[str]:
    """Each object's text without what was drawn for it, in an order of our own."""
    return sorted(DRAWN.sub("drawn", rendered).split("\n---\n"))
