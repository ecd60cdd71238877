"""The request by which a target is asked to go on with an answer that another one began.

Who takes a turn that was begun gets the answer so far as one. Who does not gets it as the
assistant's turn, and a turn of the user's behind it that asks to go on: in the language of
the conversation, as far as that is recognised, else without a word.
"""

# ruff: noqa: RUF001 - these are texts in other scripts

from collections.abc import Mapping
from dataclasses import replace

from failsoft_model.chat import ChatRequest, Message, Role, Sampling, Text
from failsoft_router.core.language import Language, language_of
from failsoft_router.core.rescue import Continuation
from failsoft_router.core.seam import Manner
from failsoft_router.core.tokens import text_tokens

WORDLESS = "…"
"""Asks to go on in no language; some providers refuse a conversation that the user does not end."""

PLEASE: Mapping[Language, str] = {
    Language.ENGLISH: "Continue exactly where your answer broke off. Repeat nothing.",
    Language.GERMAN: "Setze die Antwort genau dort fort, wo sie abbricht. Wiederhole nichts.",
    Language.FRENCH: "Continue exactement là où ta réponse s'est interrompue. Ne répète rien.",
    Language.SPANISH: "Continúa exactamente donde se cortó tu respuesta. No repitas nada.",
    Language.ITALIAN: "Continua esattamente da dove la risposta si è interrotta. Non ripetere.",
    Language.PORTUGUESE: "Continue exatamente de onde a resposta foi cortada. Não repita nada.",
    Language.DUTCH: "Ga precies verder waar je antwoord afbrak. Herhaal niets.",
    Language.RUSSIAN: "Продолжи ровно с того места, где ответ оборвался. Ничего не повторяй.",
    Language.GREEK: "Συνέχισε ακριβώς από εκεί που κόπηκε η απάντησή σου. Μην επαναλάβεις τίποτα.",
    Language.ARABIC: "أكمل من حيث انقطعت إجابتك تمامًا. لا تكرر شيئًا.",
    Language.HEBREW: "המשך בדיוק מהמקום שבו התשובה נקטעה. אל תחזור על דבר.",
    Language.CHINESE: "请从回答中断的地方接着写，不要重复已写的内容。",
    Language.JAPANESE: "回答が途切れたところから、そのまま続けてください。繰り返しは不要です。",
    Language.KOREAN: "답변이 끊긴 곳에서 그대로 이어서 써 주세요. 반복하지 마세요.",
    Language.HINDI: "उत्तर जहाँ रुका था, ठीक वहीं से आगे लिखिए। कुछ भी न दोहराइए।",
}


_ASKING = frozenset((*PLEASE.values(), WORDLESS))


def asked_to_go_on(request: ChatRequest, going_on: Continuation, manner: Manner) -> ChatRequest:
    """The request as a target gets it that goes on in this manner."""
    if not going_on.text:
        return request
    new = going_on.text[len(request.continue_from) :]
    request = replace(request, sampling=_shorter(request.sampling, by=text_tokens(new)))
    match manner:
        case Manner.EXACT:
            return replace(request, continue_from=going_on.text)
        case Manner.PREFILLED:
            return replace(request, continue_from=going_on.text.rstrip())
        case Manner.INSTRUCTED:
            turns = (
                Message(role=Role.ASSISTANT, parts=(Text(text=going_on.text.rstrip()),)),
                Message(role=Role.USER, parts=(Text(text=_please(request, going_on.text)),)),
            )
            return replace(request, messages=(*request.messages, *turns), continue_from="")


def is_asked_to_go_on(request: ChatRequest) -> bool:
    """Whether an answer that another target began may be whole already, for all that we know."""
    if request.continue_from:
        return True
    match request.messages:
        case [*_, Message(role=Role.ASSISTANT), last]:
            return last.text in _ASKING
        case _:
            return False


def _please(request: ChatRequest, said: str) -> str:
    """The words that ask to go on, in the user's language, or else in the answer's."""
    users = [message.text for message in request.messages if message.role is Role.USER]
    for text in (*reversed(users), said):
        if language := language_of(text):
            return PLEASE[language]
    return WORDLESS


def _shorter(sampling: Sampling, *, by: int) -> Sampling:
    if sampling.max_tokens is None:
        return sampling
    return replace(sampling, max_tokens=max(1, sampling.max_tokens - by))
