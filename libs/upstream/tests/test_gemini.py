"""Gemini's dialect: what it takes, what it says, and how it fails, as a raw client sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest

from failsoft_upstream import Options
from failsoft_upstream import running as upstream_running
from failsoft_upstream.gemini.errors import Rejected
from failsoft_upstream.gemini.request import parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from failsoft_upstream import Upstream
    from libs.upstream.tests.conftest import Caller, Reply

pytestmark = pytest.mark.integration

HI = {"role": "user", "parts": [{"text": "What is the capital of France?"}]}
CALL = {"functionCall": {"name": "f", "args": {}}}
RESULT = {"functionResponse": {"name": "f", "response": {"output": "x"}}}
UNARY, STREAM = "generateContent", "streamGenerateContent?alt=sse"
BOTH = pytest.mark.parametrize("method", [UNARY, STREAM], ids=["unary", "stream"])


async def ask(
    caller: Caller,
    method: str = STREAM,
    *,
    fault: str = "",
    model: str = "gemini-2.5-flash",
    key: str = "",
    **fields: object,
) -> Reply:
    headers = {"x-failsoft-fault": fault} if fault else {}
    headers |= {"x-goog-api-key": key} if key else {}
    body = orjson.dumps({"contents": [HI], **fields})
    return await caller.call("POST", f"/v1beta/models/{model}:{method}", body, headers=headers)


def replies(reply: Reply) -> list[dict[str, object]]:
    """Whole events of a stream, or the one document."""
    if reply.headers["content-type"].startswith("application/json"):
        return [reply.json()]
    blocks = reply.body.split(b"\r\n\r\n")[:-1]
    return [orjson.loads(block.removeprefix(b"data: ")) for block in blocks]


def candidates(reply: Reply) -> list[dict[str, object]]:
    found = []
    for each in replies(reply):
        listed = each.get("candidates", [])
        assert isinstance(listed, list)
        found += listed
    return found


def text(reply: Reply) -> str:
    said = ""
    for each in candidates(reply):
        content = each["content"]
        assert isinstance(content, dict)
        said += "".join(part.get("text", "") for part in content["parts"])
    return said


def error(reply: Reply) -> dict[str, object]:
    found = reply.json()["error"]
    assert isinstance(found, dict)
    return found


@BOTH
async def test_an_answer_is_whole_and_counted(caller: Caller, method: str) -> None:
    reply = await ask(caller, method)

    assert reply.status == 200
    assert text(reply).startswith("You asked: “What")
    last = replies(reply)[-1]
    assert candidates(reply)[-1]["finishReason"] == "STOP"
    assert last["modelVersion"] == "gemini-2.5-flash"
    usage = last["usageMetadata"]
    assert isinstance(usage, dict)
    assert usage["totalTokenCount"] == usage["promptTokenCount"] + usage["candidatesTokenCount"]


async def test_a_stream_and_a_whole_answer_say_the_same(caller: Caller) -> None:
    assert text(await ask(caller, UNARY)) == text(await ask(caller, STREAM))


async def test_probabilities_are_told_of_every_token(caller: Caller) -> None:
    reply = await ask(caller, generationConfig={"responseLogprobs": True, "logprobs": 2})

    told = [each["logprobsResult"] for each in candidates(reply) if "logprobsResult" in each]
    assert told
    assert all(isinstance(each, dict) and len(each["topCandidates"]) for each in told)


async def test_the_key_is_checked_as_google_checks_it(caller_of: type[Caller]) -> None:
    async with upstream_running(Options(api_key="right")) as upstream:
        caller = caller_of(upstream)
        none, bad, good = [await ask(caller, key=key) for key in ("", "wrong", "right")]

    assert (none.status, error(none)["status"]) == (403, "PERMISSION_DENIED")
    assert (bad.status, error(bad)["status"]) == (400, "INVALID_ARGUMENT")
    assert b"API_KEY_INVALID" in bad.body
    assert good.status == 200


@pytest.mark.parametrize(
    ("kind", "status", "word"),
    [
        ("invalid_api_key", 400, "INVALID_ARGUMENT"),
        ("forbidden", 403, "PERMISSION_DENIED"),
        ("unsupported_region", 400, "FAILED_PRECONDITION"),
        ("model_not_found", 404, "NOT_FOUND"),
        ("context_length_exceeded", 400, "INVALID_ARGUMENT"),
        ("rate_limit_exceeded", 429, "RESOURCE_EXHAUSTED"),
        ("insufficient_quota", 429, "RESOURCE_EXHAUSTED"),
        ("server_error", 500, "INTERNAL"),
        ("overloaded", 503, "UNAVAILABLE"),
    ],
)
@BOTH
async def test_a_providers_error_is_googles(
    caller: Caller, method: str, kind: str, status: int, word: str
) -> None:
    reply = await ask(caller, method, fault=f"error={kind}")

    assert (reply.status, error(reply)["code"], error(reply)["status"]) == (status, status, word)


@BOTH
async def test_a_blocked_prompt_is_a_reply_without_candidates(caller: Caller, method: str) -> None:
    reply = await ask(caller, method, fault="error=content_filter")

    assert reply.status == 200
    (only,) = replies(reply)
    assert only["promptFeedback"] == {"blockReason": "PROHIBITED_CONTENT"}
    assert "candidates" not in only


@pytest.mark.parametrize("fault", ["error=rate_limit_exceeded", "status=429"])
async def test_a_hint_of_its_own_is_in_the_body(caller: Caller, fault: str) -> None:
    reply = await ask(caller, fault=f"{fault};retry_after=7.5;form=reset")

    details = error(reply)["details"]
    assert isinstance(details, list)
    assert details[-1]["retryDelay"] == "7.5s"
    assert "retry-after" not in reply.headers


@pytest.mark.parametrize(
    ("fault", "finished"),
    [("cut=2", False), ("no-done", True), ("finish=length", True), ("stream_error=2", False)],
)
async def test_a_fault_in_mid_answer_is_played(caller: Caller, fault: str, finished: bool) -> None:
    reply = await ask(caller, fault=fault)

    told = [each for each in replies(reply) if "candidates" in each]
    assert len(told) >= 2
    assert ("finishReason" in orjson.dumps(told).decode()) is finished
    assert (b'"error"' in reply.body) is (fault == "stream_error=2")


async def test_a_model_may_carry_its_fault(caller: Caller) -> None:
    reply = await ask(caller, model="gemini-2.5-flash%23status=418")

    assert reply.status == 418


async def test_a_fault_hides_no_mistake_of_the_callers(caller: Caller) -> None:
    reply = await ask(caller, fault="hang", contents=[])

    assert (reply.status, error(reply)["status"]) == (400, "INVALID_ARGUMENT")


async def test_other_paths_are_not_there(caller: Caller) -> None:
    unknown = await caller.get("/v1beta/else")
    method = await ask(caller, "countTokens")
    array = await ask(caller, "streamGenerateContent")

    assert (unknown.status, unknown.headers["content-type"].partition(";")[0]) == (404, "text/html")
    assert (method.status, array.status) == (404, 404)


async def test_the_models_are_listed(caller: Caller) -> None:
    models = (await caller.get("/v1beta/models")).json()["models"]

    assert isinstance(models, list)
    assert models[0]["name"] == "models/gemini-2.5-flash"


async def test_one_look_alike_speaks_every_dialect(
    caller: Caller, upstream: Upstream, text_of: Callable[[list[bytes]], str]
) -> None:
    await ask(caller)
    await caller.chat()

    assert [each.path for each in upstream.received] == [
        "/v1beta/models/gemini-2.5-flash:streamGenerateContent",
        "/v1/chat/completions",
    ]


# What is refused.

BAD: dict[str, dict[str, object]] = {
    "no contents": {"contents": []},
    "another field": {"messages": []},
    "another role": {"contents": [{"role": "assistant", "parts": [{"text": "a"}]}]},
    "no parts": {"contents": [{"role": "user", "parts": []}]},
    "an empty text": {"contents": [{"role": "user", "parts": [{"text": ""}]}]},
    "two things in a part": {"contents": [{"parts": [{"text": "a", **CALL}]}]},
    "a call without its result": {
        "contents": [HI, {"role": "model", "parts": [CALL, CALL]}, {"parts": [RESULT]}]
    },
    "a result without a call": {"contents": [{"parts": [RESULT]}]},
    "a result without a name": {
        "contents": [
            HI,
            {"role": "model", "parts": [CALL]},
            {"parts": [{"functionResponse": {"name": "", "response": {"a": 1}}}]},
        ]
    },
    "another setting": {"generationConfig": {"max_tokens": 1}},
    "six stops": {"generationConfig": {"stopSequences": list("abcdef")}},
    "a wide seed": {"generationConfig": {"seed": 2**31}},
    "hot": {"generationConfig": {"temperature": 2.1}},
    "a schema of text": {"generationConfig": {"responseJsonSchema": {}}},
    "alternatives alone": {"generationConfig": {"logprobs": 2}},
    "a bad name": {"tools": [{"functionDeclarations": [{"name": "1st"}]}]},
    "a choice of nobody": {
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}}
    },
    "JSON and tools": {
        "tools": [{"functionDeclarations": [{"name": "f"}]}],
        "generationConfig": {"responseMimeType": "application/json"},
    },
}


@pytest.mark.parametrize("fields", [pytest.param(each, id=name) for name, each in BAD.items()])
def test_what_gemini_refuses_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(Rejected):
        parse(orjson.dumps({"contents": [HI], **fields}), model="gemini-2.5-flash")


def test_what_a_generation_does_not_know_is_refused() -> None:
    thinking = orjson.dumps(
        {"contents": [HI], "generationConfig": {"thinkingConfig": {"includeThoughts": True}}}
    )
    called = orjson.dumps(
        {"contents": [HI, {"role": "model", "parts": [CALL]}, {"parts": [RESULT]}]}
    )

    assert parse(thinking, model="gemini-2.5-flash").question.text.startswith("What")
    assert parse(called, model="gemini-2.5-flash").question.text.startswith("What")
    for body, model in ((thinking, "gemini-2.0-flash"), (called, "gemini-3-pro")):
        with pytest.raises(Rejected):
            parse(body, model=model)
