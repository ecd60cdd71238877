"""The caller's wishes over the model's defaults."""

from failsoft_local_llm.core.decoding import Decoding, Defaults, decoding
from failsoft_model.chat import Sampling

DEFAULTS = Defaults(temperature=0.2, top_p=0.9, max_tokens=100)


def test_what_the_caller_leaves_open_is_the_models_default() -> None:
    made = decoding(Sampling(), room=1000, defaults=DEFAULTS)

    assert made == Decoding(max_tokens=100, temperature=0.2, top_p=0.9)


def test_every_wish_reaches_the_engine() -> None:
    sampling = Sampling(
        temperature=0.0,
        top_p=0.5,
        top_k=3,
        max_tokens=7,
        seed=-1,
        presence_penalty=0.5,
        frequency_penalty=-0.5,
    )

    assert decoding(sampling, room=1000, defaults=DEFAULTS) == Decoding(
        max_tokens=7,
        temperature=0.0,
        top_p=0.5,
        top_k=3,
        seed=-1,
        presence_penalty=0.5,
        frequency_penalty=-0.5,
    )


def test_an_answer_is_never_longer_than_the_context_has_room() -> None:
    assert decoding(Sampling(max_tokens=500), room=20, defaults=DEFAULTS).max_tokens == 20
    assert decoding(Sampling(), room=20, defaults=DEFAULTS).max_tokens == 20
