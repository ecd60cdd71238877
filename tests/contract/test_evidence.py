"""Every test that the documentation names as evidence is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EVIDENCE = (ROOT / "docs" / "evidence.md").read_text()
NAMED = sorted(set(re.findall(r"([\w./-]+\.py)::(test_\w+)", EVIDENCE)))


def test_the_evidence_names_tests() -> None:
    assert len(NAMED) > 30


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_a_test_that_is_named_as_evidence_exists(file: str, test: str) -> None:
    source = (ROOT / file).read_text()

    assert re.search(rf"^(async )?def {test}\(", source, re.MULTILINE)
