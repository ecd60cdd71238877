"""An answer that was begun is gone on with as the fault has it, in every dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest

from failsoft_upstream import Options, running
from failsoft_upstream.answer import Question, Style, resumption
from failsoft_upstream.begun import Begun, Turn, begun, resumed
from failsoft_upstream.faults import Resumption

if TYPE_CHECKING:
    from libs.upstream.tests.conftest import Caller, Reply

WHOLE = "The quick brown fox jumps over the lazy dog."
SAID = "The quick brown fox jumps"
HI = Turn(is_users=True, text="Hi?")
HALF = Turn(is_users=False, text=SAID)


@pytest.mark.parametrize(
    ("how", "comes"),
    [
        (Resumption.ON, " over the lazy dog."),
        (Resumption.OVER, WHOLE),
        (Resumption.REPEAT, "quick brown fox jumps over the lazy dog."),
    ],
)
def test_what_comes_is_the_rest_all_of_it_or_a_run_up(how: Resumption, comes: str) -> None:
    assert resumed(WHOLE, SAID, how) == comes


def test_who_is_given_another_s_beginning_tells_its_own_answer() -> None:
    assert resumed(WHOLE, "Once upon a time", Resumption.ON) == WHOLE


def test_a_begun_answer_is_the_last_turn_or_stands_before_the_last() -> None:
    please = Turn(is_users=True, text="Go on.")

    assert begun([HI, HALF]) == Begun(question="Hi?", said=SAID, is_last=True)
    assert begun([HI, HALF, please]) == Begun(question="Hi?", said=SAID, is_last=False)
    assert begun([HI]) is None
    assert begun([HALF]) is None
    assert begun([HI, please]) is None
    assert begun([]) is None


def test_without_a_beginning_the_answer_is_told_as_always() -> None:
    question = Question(model="m", text="Hi?", tokens=1)
    told = resumption(question, Style(), Resumption.ON)

    assert "".join(each.text for each in told.contents).startswith("You asked: “Hi?”")


async def ask(caller: Caller, dialect: str, turns: list[tuple[str, str]], fault: str) -> Reply:
    headers = {"x-failsoft-fault": fault, "anthropic-version": "2023-06-01"}
    messages = [{"role": role, "content": text} for role, text in turns]
    body: dict[str, object] = {"model": "m", "max_tokens": 64, "messages": messages}
    path = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}.get(dialect)
    if path is None:
        path = "/v1beta/models/gemini-2.5-flash:generateContent"
        roles = {"assistant": "model"}
        body = {
            "contents": [
                {"role": roles.get(role, role), "parts": [{"text": text}]} for role, text in turns
            ]
        }
    return await caller.call("POST", path, orjson.dumps(body), headers=headers)


@pytest.mark.integration
@pytest.mark.parametrize("dialect", ["openai", "anthropic", "gemini"])
async def test_every_dialect_goes_on_and_may_refuse_a_begun_turn(
    caller_of: type[Caller], dialect: str
) -> None:
    async with running(Options()) as upstream:
        caller = caller_of(upstream)
        half = [("user", "Hi?"), ("assistant", "You asked:")]
        refused = await ask(caller, dialect, half, "resume=on;begun=false")
        begun_turn = await ask(caller, dialect, half, "resume=on")
        asked = await ask(caller, dialect, [*half, ("user", "Go on.")], "resume=on;begun=false")

    assert refused.status == 400
    for reply in (begun_turn, asked):
        assert reply.status == 200
        assert " “Hi?” This is the answer of".encode() in reply.body
        assert b"You asked" not in reply.body
