"""An answer is asked once more where it surely lacks its form, and believed otherwise."""

import pytest

from failsoft_model.chat import (
    ChatRequest,
    Message,
    Part,
    ResponseFormat,
    ResponseFormatKind,
    Role,
    Sampling,
    Text,
    ToolCall,
)
from failsoft_model.events import Choice
from failsoft_model.walk import FinishReason
from failsoft_router.core.form import is_misformed

KIND = ResponseFormatKind
SCHEMA = ResponseFormat(
    kind=KIND.JSON_SCHEMA, name="n", schema_json='{"type":"object","required":["a"]}'
)


def judged(
    text: str,
    form: ResponseFormat,
    *,
    finish: FinishReason = FinishReason.STOP,
    continue_from: str = "",
    refusal: str = "",
    calls: bool = False,
    stop: tuple[str, ...] = (),
) -> bool:
    call = (ToolCall(id="c", name="f", arguments_json="{}"),) if calls else ()
    parts: tuple[Part, ...] = (Text(text=text), *call)
    choice = Choice(message=Message(role=Role.ASSISTANT, parts=parts), refusal=refusal)
    request = ChatRequest(
        model="m",
        messages=(Message(role=Role.USER, parts=(Text(text="hi"),)),),
        response_format=form,
        continue_from=continue_from,
        sampling=Sampling(stop=stop),
    )
    return is_misformed(choice, request, finish)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("no JSON", SCHEMA),
        ('{"b":1}', SCHEMA),
        ('{"a":1', SCHEMA),
        ("", SCHEMA),
        ("[" * 100_000, SCHEMA),
        ("[]", ResponseFormat(kind=KIND.JSON_OBJECT)),
        ("maybe", ResponseFormat(kind=KIND.CHOICE, choices=("yes", "no"))),
    ],
)
def test_what_surely_lacks_its_form_is_misformed(text: str, form: ResponseFormat) -> None:
    assert judged(text, form)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ('{"a":1}', SCHEMA),
        ('\n {"a":1} ', SCHEMA),
        ("{}", ResponseFormat(kind=KIND.JSON_OBJECT)),
        ('{"pi":-3' + "1" * 5000 + "}", ResponseFormat(kind=KIND.JSON_OBJECT)),
        ("yes", ResponseFormat(kind=KIND.CHOICE, choices=("yes", "no"))),
        ("anything", ResponseFormat(kind=KIND.REGEX, regex="(a+)+b")),
        ("anything", ResponseFormat()),
    ],
)
def test_other_answers_are_believed(text: str, form: ResponseFormat) -> None:
    assert not judged(text, form)


def test_an_answer_that_was_cut_at_its_limit_or_calls_or_refuses_has_another_form() -> None:
    assert not judged('{"a":1', SCHEMA, finish=FinishReason.LENGTH)
    assert not judged("", SCHEMA, calls=True)
    assert not judged("", SCHEMA, refusal="I cannot.")


def test_an_answer_that_the_caller_has_cut_at_a_stop_sequence_is_believed() -> None:
    """Providers say `stop` of it, as of an answer that ended; every target would cut it there."""
    assert not judged('{"a":1', SCHEMA, stop=("}",))
    assert judged('{"a":1', SCHEMA)


def test_what_the_caller_began_is_part_of_the_document() -> None:
    assert not judged(":1}", SCHEMA, continue_from='{"a"')
