"""A policy is checked without a router."""

from pathlib import Path

import pytest

from failsoft_kit.process import REFUSED
from failsoft_router.check_policy import NO_MISTAKES, check_policy

GOOD = """
targets:
  openai: {provider: openai, model: gpt-5-mini, credential: {file: secrets/openai}}
routes:
  chat: {default: true, hops: [openai, mock]}
"""


def test_a_good_one_is_told_with_what_is_in_it_although_its_keys_are_elsewhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(GOOD)

    assert check_policy(file) == NO_MISTAKES
    assert capsys.readouterr().out.endswith(": targets openai; routes chat\n")


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        (GOOD.replace("mock]", "mok]"), ["`routes.chat.hops[1]`"]),
        (GOOD.replace("model:", "modle:"), ["`targets.openai.model`", "did you mean `model`?"]),
        ("targets: {", ["is not valid YAML"]),
    ],
    ids=["an unknown hop", "two at once", "no YAML"],
)
def test_each_mistake_of_a_bad_one_is_told(
    policy: str, told: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(policy)

    assert check_policy(file) == REFUSED
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == len(told)
    assert all(words in line for words, line in zip(told, lines, strict=True))


def test_a_file_that_is_not_there_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check_policy(tmp_path / "policy.yaml") == REFUSED
    assert "policy.yaml" in capsys.readouterr().err
