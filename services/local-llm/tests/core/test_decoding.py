"""The caller's wishes over the model's defaults."""

import pytest

from failsoft_local_llm.core.decoding import Decoding, Defaults, Form, decoding
from failsoft_model.chat import ResponseFormat, ResponseFormatKind, Sampling

DEFAULTS = Defaults(temperature=0.2, top_p=0.9, max_tokens=100, frequency_penalty=0.3)


def test_what_the_caller_leaves_open_is_the_models_default() -> None:
    made = decoding(Sampling(), room=1000, defaults=DEFAULTS)

    assert made == Decoding(max_tokens=100, temperature=0.2, top_p=0.9, frequency_penalty=0.3)


def test_every_wish_reaches_the_engine() -> None:
    sampling = Sampling(
        temperature=0.0,
        top_p=0.5,
        top_k=3,
        max_tokens=7,
        seed=-1,
        presence_penalty=0.5,
        frequency_penalty=-0.5,
        logprobs=True,
        top_logprobs=2,
        logit_bias=((5, -100.0),),
    )

    assert decoding(sampling, room=1000, defaults=DEFAULTS) == Decoding(
        max_tokens=7,
        temperature=0.0,
        top_p=0.5,
        top_k=3,
        seed=-1,
        presence_penalty=0.5,
        frequency_penalty=-0.5,
        alternatives=2,
        logit_bias=((5, -100.0),),
    )


def test_no_token_is_told_unless_somebody_asks() -> None:
    """Zero alternatives are a wish, too."""
    asked = Sampling(logprobs=True)

    assert decoding(Sampling(), room=9, defaults=DEFAULTS).alternatives is None
    assert decoding(asked, room=9, defaults=DEFAULTS).alternatives == 0


@pytest.mark.parametrize(
    ("wish", "presence", "frequency"),
    [
        (Sampling(frequency_penalty=0.0), 0.0, 0.0),
        (Sampling(frequency_penalty=1.5), 0.0, 1.5),
        (Sampling(presence_penalty=0.5), 0.5, 0.0),
    ],
)
def test_who_speaks_of_repetition_gets_no_penalty_of_ours(
    wish: Sampling, presence: float, frequency: float
) -> None:
    """A caller who tunes one penalty would otherwise get the sum of two."""
    made = decoding(wish, room=1000, defaults=DEFAULTS)

    assert (made.presence_penalty, made.frequency_penalty) == (presence, frequency)


def test_an_answer_is_never_longer_than_the_context_has_room() -> None:
    assert decoding(Sampling(max_tokens=500), room=20, defaults=DEFAULTS).max_tokens == 20
    assert decoding(Sampling(), room=20, defaults=DEFAULTS).max_tokens == 20


def formed(response_format: ResponseFormat) -> Decoding:
    return decoding(Sampling(), room=1000, defaults=DEFAULTS, response_format=response_format)


def test_a_schema_reaches_the_engine_as_it_was_written() -> None:
    schema = '{"type": "array"}'
    wish = ResponseFormat(kind=ResponseFormatKind.JSON_SCHEMA, name="list", schema_json=schema)

    assert formed(wish).form == Form(schema_json=schema)


def test_any_json_object_is_a_schema_too() -> None:
    made = formed(ResponseFormat(kind=ResponseFormatKind.JSON_OBJECT))

    assert made.form == Form(schema_json='{"type":"object"}')


def test_json_is_not_penalised_for_its_quotes() -> None:
    assert formed(ResponseFormat(kind=ResponseFormatKind.JSON_OBJECT)).frequency_penalty == 0.0
