"""What a request is taken for before it was tokenised."""

from dataclasses import replace

import pytest

from failsoft_local_llm.core.admission.guess import guessed_work
from failsoft_local_llm.core.admission.ticket import Work
from failsoft_local_llm.core.decoding import Defaults
from failsoft_model.chat import ChatRequest, Message, Role, Sampling, Text, Tool, ToolCall

DEFAULTS = Defaults(temperature=0.0, top_p=1.0, max_tokens=256, frequency_penalty=0.0)


def request(text: str, *, max_tokens: int | None = None) -> ChatRequest:
    message = Message(role=Role.USER, parts=(Text(text=text),))
    return ChatRequest(model="", messages=(message,), sampling=Sampling(max_tokens=max_tokens))


def test_the_prompt_is_guessed_and_the_answer_is_the_longest_that_is_allowed() -> None:
    assert guessed_work(request("x" * 400), defaults=DEFAULTS, context_tokens=8192) == Work(
        prompt=101, output=256
    )


def test_what_was_said_what_was_called_and_what_may_be_are_read_too() -> None:
    call = ToolCall(id="c", name="f", arguments_json="x" * 400)
    asked = replace(
        request(""),
        messages=(Message(role=Role.ASSISTANT, parts=(call,)),),
        continue_from="x" * 40,
        tools=(Tool(name="f", description="x" * 20, parameters_json="{" + " " * 178 + "}"),),
    )

    assert guessed_work(asked, defaults=DEFAULTS, context_tokens=None).prompt == 161


@pytest.mark.parametrize("length", [4, 40_000, 4_000_000])
def test_no_request_is_taken_for_more_than_the_context(length: int) -> None:
    """A question of two letters that allowed 131072 tokens was refused as too much work."""
    asked = request("x" * length, max_tokens=131_072)

    work = guessed_work(asked, defaults=DEFAULTS, context_tokens=8192)

    assert work.tokens == 8192
    assert work.output >= 0
    assert guessed_work(asked, defaults=DEFAULTS, context_tokens=None).output == 131_072
