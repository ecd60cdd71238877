"""A target is asked to go on as it understands it, and in the conversation's own language."""

import pytest

from failsoft_model.chat import ChatRequest, Message, Role, Sampling, Text
from failsoft_model.walk import Capability
from failsoft_router.core.going_on import PLEASE, WORDLESS, asked_to_go_on, is_asked_to_go_on
from failsoft_router.core.language import Language, language_of
from failsoft_router.core.policy import Provider, TargetPolicy
from failsoft_router.core.prefill import REFUSED_FOR, Prefill, manner_of
from failsoft_router.core.rescue import Continuation
from failsoft_router.core.seam import Manner

SAID = "Il était une fois, "
GOING_ON = Continuation(text=SAID, block=0, next_block=1)


def question(text: str = "Raconte-moi une histoire.", **fields: object) -> ChatRequest:
    messages = (Message(role=Role.USER, parts=(Text(text=text),)),)
    return ChatRequest(model="chat", messages=messages, **fields)  # type: ignore[arg-type] # any field


def target(
    provider: Provider, model: str, capabilities: tuple[Capability, ...] = ()
) -> TargetPolicy:
    return TargetPolicy(
        name="t",
        provider=provider,
        model=model,
        endpoint="https://t.example.com",
        capabilities=frozenset(capabilities),
    )


def test_our_own_services_get_the_very_text() -> None:
    asked = asked_to_go_on(question(), GOING_ON, Manner.EXACT)

    assert asked.continue_from == SAID
    assert asked.messages == question().messages


def test_a_turn_that_was_begun_ends_without_blank_space() -> None:
    asked = asked_to_go_on(question(), GOING_ON, Manner.PREFILLED)

    assert asked.continue_from == "Il était une fois,"


def test_who_takes_no_such_turn_is_asked_in_the_language_of_the_conversation() -> None:
    asked = asked_to_go_on(question(), GOING_ON, Manner.INSTRUCTED)

    assert asked.continue_from == ""
    assert [(each.role, each.text) for each in asked.messages[1:]] == [
        (Role.ASSISTANT, "Il était une fois,"),
        (Role.USER, PLEASE[Language.FRENCH]),
    ]


@pytest.mark.parametrize("language", Language)
def test_every_language_asks_in_its_own_words(language: Language) -> None:
    assert language_of(PLEASE[language]) is language


def test_the_answers_language_counts_where_the_questions_is_not_known() -> None:
    asked = asked_to_go_on(question("42?"), GOING_ON, Manner.INSTRUCTED)

    assert asked.messages[-1].text == PLEASE[Language.FRENCH]


def test_in_a_language_that_nobody_knows_no_word_is_said() -> None:
    unknown = Continuation(text="xyzzy plugh", block=0, next_block=1)

    asked = asked_to_go_on(question("42?"), unknown, Manner.INSTRUCTED)

    assert asked.messages[-1].text == WORDLESS
    assert is_asked_to_go_on(asked)


def test_who_is_asked_to_go_on_may_have_nothing_to_add() -> None:
    """The answer may have been whole when its target died."""
    for manner in Manner:
        assert is_asked_to_go_on(asked_to_go_on(question(), GOING_ON, manner))
    assert not is_asked_to_go_on(question())


def test_what_was_said_is_no_longer_allowed_again() -> None:
    """19 letters, one of two bytes, are 5 tokens."""
    long = question(sampling=Sampling(max_tokens=100))
    short = question(sampling=Sampling(max_tokens=3))

    assert asked_to_go_on(long, GOING_ON, Manner.EXACT).sampling.max_tokens == 95
    assert asked_to_go_on(short, GOING_ON, Manner.EXACT).sampling.max_tokens == 1


def test_what_the_caller_had_said_before_took_nothing_of_its_limit() -> None:
    limited = question(sampling=Sampling(max_tokens=100), continue_from=SAID)

    assert asked_to_go_on(limited, GOING_ON, Manner.EXACT).sampling.max_tokens == 100


def test_another_answer_is_asked_for_as_the_first_one_was() -> None:
    anew = Continuation(text="", block=None, next_block=1)

    assert asked_to_go_on(question(), anew, Manner.INSTRUCTED) == question()


@pytest.mark.parametrize(
    ("provider", "model", "capabilities", "manner"),
    [
        (Provider.FAILSOFT, "llama-3.1-8b", (Capability.CONTINUE,), Manner.EXACT),
        (Provider.FAILSOFT, "chat", (), Manner.INSTRUCTED),
        (Provider.OPENAI, "gpt-5-mini", (), Manner.INSTRUCTED),
        (Provider.OPENAI, "mistral-small", (Capability.CONTINUE,), Manner.PREFILLED),
        (Provider.ANTHROPIC, "claude-3-5-haiku-20241022", (), Manner.PREFILLED),
        (Provider.ANTHROPIC, "claude-opus-4-20250514", (), Manner.PREFILLED),
        (Provider.ANTHROPIC, "claude-opus-4-1", (), Manner.PREFILLED),
        (Provider.ANTHROPIC, "claude-haiku-4-5-20251001", (), Manner.PREFILLED),
        (Provider.ANTHROPIC, "us.anthropic.claude-sonnet-4-5-v1:0", (), Manner.PREFILLED),
        (Provider.ANTHROPIC, "claude-sonnet-4-6", (), Manner.INSTRUCTED),
        (Provider.ANTHROPIC, "claude-opus-4-6", (Capability.CONTINUE,), Manner.INSTRUCTED),
        (Provider.ANTHROPIC, "claude-opus-4-10", (), Manner.INSTRUCTED),
        (Provider.ANTHROPIC, "claude-sonnet-5", (), Manner.INSTRUCTED),
        (Provider.ANTHROPIC, "somebody-elses", (), Manner.INSTRUCTED),
        (Provider.ANTHROPIC, "somebody-elses", (Capability.CONTINUE,), Manner.PREFILLED),
        (Provider.GEMINI, "gemini-2.5-flash", (), Manner.PREFILLED),
        (Provider.GEMINI, "gemma-3-27b-it", (), Manner.INSTRUCTED),
    ],
)
def test_who_takes_a_turn_that_was_begun_is_known(
    provider: Provider, model: str, capabilities: tuple[Capability, ...], manner: Manner
) -> None:
    assert manner_of(target(provider, model, capabilities)) is manner


def test_a_target_that_refused_is_asked_in_words_for_an_hour() -> None:
    gemini = target(Provider.GEMINI, "gemini-2.5-flash")
    prefill = Prefill()
    assert prefill.manner(gemini, 1000.0) is Manner.PREFILLED

    prefill.refused(1000.0)

    assert prefill.manner(gemini, 1000.0) is Manner.INSTRUCTED
    assert prefill.manner(gemini, 999.0 + REFUSED_FOR) is Manner.INSTRUCTED
    assert prefill.manner(gemini, 1000.0 + REFUSED_FOR) is Manner.PREFILLED
