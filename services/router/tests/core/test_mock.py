"""The mock answer has the form that was asked for, and says what it is."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failsoft_model.chat import (
    ChatRequest,
    Message,
    ResponseFormat,
    ResponseFormatKind,
    Role,
    Sampling,
    Text,
    ToolChoice,
    ToolChoiceMode,
)
from failsoft_router.core.mock import CannotMock, mock_answer, why_no_mock
from failsoft_router.core.mock.tokens import tokens

JSON_OBJECT = ResponseFormat(kind=ResponseFormatKind.JSON_OBJECT)
JSON_SCHEMA = ResponseFormat(kind=ResponseFormatKind.JSON_SCHEMA, name="x")
TOO_LONG = "no JSON that fits is short enough, and free of the stop strings"
CONTRADICTION = "the schema contradicts itself, or is too intricate"
BROKEN = "the schema is broken, or nested too deeply"
NO_CHOICE = "no choice is short enough, and free of the stop strings"

SAMPLING = st.builds(
    Sampling,
    max_tokens=st.none() | st.integers(1, 40),
    seed=st.none() | st.integers(0, 5),
    stop=st.lists(st.sampled_from([".", "mock", '"', "\n"]), max_size=2).map(tuple),
)


def request(text: str = "hi", **fields: object) -> ChatRequest:
    asked = ChatRequest(model="chat", messages=(Message(role=Role.USER, parts=(Text(text=text),)),))
    return replace(asked, **fields)  # type: ignore[arg-type] # any field


def schema(**keywords: object) -> ResponseFormat:
    return ResponseFormat(
        kind=ResponseFormatKind.JSON_SCHEMA, name="x", schema_json=json.dumps(keywords)
    )


def one_of(*choices: str) -> ResponseFormat:
    return ResponseFormat(kind=ResponseFormatKind.CHOICE, choices=choices)


def refusal(asked: ChatRequest) -> str:
    with pytest.raises(CannotMock) as failure:
        mock_answer(asked)
    return str(failure.value)


def test_it_is_one_of_the_choices_and_not_always_the_same() -> None:
    answers = {
        mock_answer(request(response_format=one_of("red", "blue"), sampling=Sampling(seed=seed)))
        for seed in range(20)
    }

    assert {answer.text for answer in answers} == {"red", "blue"}
    assert not any(answer.cut for answer in answers)


@pytest.mark.parametrize("sampling", [Sampling(stop=("e",)), Sampling(max_tokens=1)])
def test_a_choice_is_never_cut(sampling: Sampling) -> None:
    """Half of one would be none of them."""
    whole = request(response_format=one_of("the one", "a"), sampling=sampling)
    cut = request(response_format=one_of("the one", "the other"), sampling=sampling)

    assert mock_answer(whole).text == "a"
    assert refusal(cut) == NO_CHOICE


def test_it_says_what_it_is() -> None:
    answer = mock_answer(request())

    assert answer.text.startswith("This is a mock answer: ")
    assert not answer.cut


def test_it_speaks_the_language_of_the_question() -> None:
    assert mock_answer(request("Wie geht es dir?")).text.startswith("Dies ")


def test_a_turn_that_tells_no_language_is_in_the_one_of_the_turn_before() -> None:
    turns = ("Wie geht es dir?", "12:30?")
    messages = tuple(Message(role=Role.USER, parts=(Text(text=turn),)) for turn in turns)

    assert "Mock-Antwort" in mock_answer(request(messages=messages)).text


def test_a_language_that_nobody_knows_is_answered_in_english() -> None:
    assert "mock answer" in mock_answer(request("Jak się masz, kolego?")).text


def test_a_question_that_tells_no_language_still_tells_the_length() -> None:
    assert mock_answer(request("xyzzy: 2 sentences")).text.count(".") == 2


def test_where_no_user_asked_anything_the_systems_words_are_the_question() -> None:
    said = Message(role=Role.SYSTEM, parts=(Text(text="in 1 sentence"),))

    assert mock_answer(request(messages=(said,))).text.count(".") == 1


def test_the_same_request_gets_the_same_answer_and_another_seed_another() -> None:
    answers = {mock_answer(request(sampling=Sampling(seed=seed))).text for seed in range(20)}

    assert mock_answer(request()) == mock_answer(request())
    assert len(answers) > 1


def test_max_tokens_cuts_it_and_it_says_so() -> None:
    answer = mock_answer(request(sampling=Sampling(max_tokens=4)))

    assert answer.text == "This is a mock"
    assert answer.cut


def test_a_limit_that_it_stays_under_cuts_nothing() -> None:
    def cut_at(limit: int) -> bool:
        return mock_answer(request("in one sentence", sampling=Sampling(max_tokens=limit))).cut

    size = len(tokens(mock_answer(request("in one sentence")).text))

    assert (cut_at(size), cut_at(size - 1)) == (False, True)


def test_it_ends_before_a_stop_string() -> None:
    assert mock_answer(request(sampling=Sampling(stop=(":",)))).text == "This is a mock answer"


def test_it_goes_on_from_what_was_said_with_a_space() -> None:
    assert mock_answer(request(continue_from="Paris is")).text.startswith(" This is a mock")


def test_an_object_that_is_free_says_what_it_is() -> None:
    answer = json.loads(mock_answer(request("¿Qué es esto?", response_format=JSON_OBJECT)).text)

    assert answer["mock"] is True
    assert answer["answer"].startswith("Esta es una respuesta simulada (mock)")


def test_json_is_whole() -> None:
    assert not mock_answer(request(response_format=JSON_OBJECT)).cut


def test_json_is_written_in_its_own_script() -> None:
    assert mock_answer(request(response_format=schema(const="größer"))).text == '"größer"'


def test_json_is_as_long_as_an_answer_may_be_and_no_longer() -> None:
    def sized(size: int) -> ChatRequest:
        return request(response_format=schema(const="x" * (size - len('""'))))

    assert len(mock_answer(sized(16_384)).text) == 16_384
    assert refusal(sized(16_385)) == TOO_LONG


@pytest.mark.parametrize(("limit", "text"), [(10, '{"mock": true}'), (2, "{}")])
def test_an_object_gets_as_small_as_max_tokens_asks(limit: int, text: str) -> None:
    """JSON that is cut is no JSON."""
    asked = request(response_format=JSON_OBJECT, sampling=Sampling(max_tokens=limit))

    assert mock_answer(asked).text == text


def test_a_string_that_is_free_says_what_it_is() -> None:
    asked = request(
        "Wie heißt du?",
        response_format=schema(
            type="object", properties={"name": {"type": "string"}}, required=["name"]
        ),
    )

    assert "Mock-Antwort" in json.loads(mock_answer(asked).text)["name"]


def test_a_rich_value_that_max_tokens_forbids_is_left_for_a_lean_one() -> None:
    form = schema(type="array", items={"type": "string"})

    assert mock_answer(request(response_format=form)).text != "[]"
    asked = request(response_format=form, sampling=Sampling(max_tokens=2))
    assert mock_answer(asked).text == "[]"


@pytest.mark.parametrize(
    ("form", "sampling", "reason"),
    [
        (schema(type="object"), Sampling(max_tokens=1), TOO_LONG),
        (JSON_OBJECT, Sampling(stop=("{",)), TOO_LONG),
        (
            schema(type="string", minLength=100_000),
            Sampling(),
            "the schema asks for a text that is too long",
        ),
        (schema(**{"if": {}}), Sampling(), "the schema uses `if`"),
        (schema(enum=[{"a": 1}], type="string"), Sampling(), CONTRADICTION),
        (schema(type=5), Sampling(), "the schema's `type` is broken or of an old draft"),
        (JSON_SCHEMA, Sampling(), BROKEN),
        (replace(JSON_SCHEMA, schema_json='{"const": [Infinity]}'), Sampling(), BROKEN),
    ],
)
def test_what_cannot_be_had_is_refused_with_a_reason(
    form: ResponseFormat, sampling: Sampling, reason: str
) -> None:
    assert refusal(request(response_format=form, sampling=sampling)) == reason


@pytest.mark.parametrize("mode", [ToolChoiceMode.REQUIRED, ToolChoiceMode.NAMED])
def test_it_calls_no_tools(mode: ToolChoiceMode) -> None:
    asked = request(tool_choice=ToolChoice(mode=mode, name="f"))

    assert why_no_mock(asked) == refusal(asked) == "a mock calls no tools, and a call is required"


def test_tools_that_need_not_be_called_are_no_hindrance() -> None:
    assert why_no_mock(request(tool_choice=ToolChoice(mode=ToolChoiceMode.AUTO))) is None


def test_it_does_not_go_on_from_the_middle_of_json() -> None:
    asked = request(response_format=JSON_OBJECT, continue_from='{"a": ')

    assert why_no_mock(asked) == refusal(asked) == "a mock cannot go on from the middle of JSON"


def test_half_a_surrogate_pair_is_escaped() -> None:
    """UTF-8 cannot carry one; a schema's `const`, being JSON itself, can."""
    answer = mock_answer(request(response_format=schema(const="\ud83d")))

    assert answer.text.encode() == b'"\\ud83d"'


@given(text=st.text(max_size=60), sampling=SAMPLING, form=st.sampled_from([None, JSON_OBJECT]))
def test_whatever_is_asked_the_answer_keeps_its_limits(
    text: str, sampling: Sampling, form: ResponseFormat | None
) -> None:
    asked = request(text, sampling=sampling, response_format=form or ResponseFormat())
    try:
        answer = mock_answer(asked)
    except CannotMock:
        assert form is not None
        return

    assert "".join(piece.text for piece in answer.pieces) == answer.text
    assert len(tokens(answer.text)) <= (sampling.max_tokens or 1000)
    assert not any(stop in answer.text for stop in sampling.stop)
    if form is not None:
        assert isinstance(json.loads(answer.text), dict)
