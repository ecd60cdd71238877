"""OpenAI's quick start on the embedded stack: its base URL is what `failsoft up` prints."""

from typing import TYPE_CHECKING

import pytest
from openai import OpenAI

if TYPE_CHECKING:
    from tests.e2e.conftest import Up

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


def test_a_quick_start_works_with_another_base_url(up: "Up") -> None:
    (told,) = [line for line in up.seen if line.startswith("OpenAI base URL ")]

    with OpenAI(base_url=told.split()[-1], api_key="sk-any") as client:
        completion = client.chat.completions.create(
            model="gpt-5-mini",
            messages=[{"role": "user", "content": "What is the capital of France?"}],
            temperature=0,
            max_tokens=32,
        )
        models = [model.id for model in client.models.list()]

    assert "Paris" in (completion.choices[0].message.content or "")
    assert completion.model == "smollm2-135m-instruct"
    assert "chat" in models
