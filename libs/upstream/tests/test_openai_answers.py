"""Healthy answers over a real socket."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest

from failsoft_upstream import Options, Style, Upstream, running

if TYPE_CHECKING:
    from collections.abc import Callable

    from libs.upstream.tests.conftest import Caller

pytestmark = pytest.mark.integration


async def test_a_unary_answer_is_one_document(caller: Caller) -> None:
    reply = await caller.chat()
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    answer = orjson.loads(reply.body)
    assert answer["object"] == "chat.completion"
    [choice] = answer["choices"]
    assert choice["message"]["content"] == "You asked: “What"
    assert choice["finish_reason"] == "stop"
    assert answer["usage"]["completion_tokens"] == 5


async def test_a_streamed_answer_is_a_sequence_of_events(
    caller: Caller, events: Callable[[bytes], list[bytes]]
) -> None:
    reply = await caller.chat(stream=True)
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    *chunks, done = events(reply.body)
    assert done == b"[DONE]"
    documents = [orjson.loads(chunk) for chunk in chunks]
    assert {document["object"] for document in documents} == {"chat.completion.chunk"}
    assert len({document["id"] for document in documents}) == 1
    assert not any("usage" in document for document in documents)
    choices = [document["choices"][0] for document in documents]
    role, *contents, finish = [choice["delta"] for choice in choices]
    assert role == {"role": "assistant", "content": "", "refusal": None}
    assert contents == [{"content": t} for t in ("You", " asked", ":", " “", "What")]
    assert finish == {}
    assert [c["finish_reason"] for c in choices] == [None] * 6 + ["stop"]


async def test_both_forms_say_the_same(
    caller: Caller,
    events: Callable[[bytes], list[bytes]],
    text_of: Callable[[list[bytes]], str],
) -> None:
    unary = orjson.loads((await caller.chat()).body)
    streamed = await caller.chat(stream=True)
    assert text_of(events(streamed.body)) == unary["choices"][0]["message"]["content"]


async def test_tokens_are_told_where_they_are_asked_for(
    caller: Caller, events: Callable[[bytes], list[bytes]]
) -> None:
    unary = orjson.loads((await caller.chat(logprobs=True, top_logprobs=2)).body)
    streamed = await caller.chat(stream=True, logprobs=True, top_logprobs=2)

    [choice] = unary["choices"]
    told = choice["logprobs"]["content"]
    chunks = [orjson.loads(event)["choices"][0] for event in events(streamed.body)[:-1]]
    pieces = [chunk["logprobs"]["content"] for chunk in chunks if chunk["delta"].get("content")]
    assert [token for piece in pieces for token in piece] == told
    assert (
        b"".join(bytes(token["bytes"]) for token in told).decode() == (choice["message"]["content"])
    )
    assert all(token["top_logprobs"][0]["token"] == token["token"] for token in told)
    assert {len(token["top_logprobs"]) for token in told} == {2}
    assert chunks[-1]["logprobs"] is None


async def test_tokens_are_told_without_alternatives_too(caller: Caller) -> None:
    unary = orjson.loads((await caller.chat(logprobs=True)).body)

    assert {len(t["top_logprobs"]) for t in unary["choices"][0]["logprobs"]["content"]} == {0}


async def test_usage_comes_last_in_a_stream_that_asks_for_it(
    caller: Caller, events: Callable[[bytes], list[bytes]]
) -> None:
    reply = await caller.chat(stream=True, stream_options={"include_usage": True})
    *chunks, usage = [orjson.loads(event) for event in events(reply.body)[:-1]]
    assert all(chunk["usage"] is None for chunk in chunks)
    assert usage["choices"] == []
    assert usage["usage"]["prompt_tokens"] == 13
    assert usage["usage"]["total_tokens"] == 18


async def test_a_limit_is_respected_and_said(caller: Caller) -> None:
    answer = orjson.loads((await caller.chat(max_completion_tokens=2)).body)
    [choice] = answer["choices"]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("You asked", "length")
    assert answer["usage"]["completion_tokens"] == 2


async def test_a_stop_ends_a_stream(
    caller: Caller,
    events: Callable[[bytes], list[bytes]],
    text_of: Callable[[list[bytes]], str],
) -> None:
    reply = await caller.chat(model="gpt-4.1-mini", stream=True, stop=["asked"])
    assert text_of(events(reply.body)) == "You "


async def test_one_connection_carries_many_answers(caller: Caller) -> None:
    async with caller.asking() as wire:
        first = await wire.reply()
        body = orjson.dumps({"model": "a", "messages": [{"role": "user", "content": "Hi"}]})
        wire.send("/v1/chat/completions", body, method="POST", headers={})
        second = await wire.reply()
    assert (first.status, second.status) == (200, 200)


async def test_a_bad_request_is_refused_whatever_fault_is_set(
    caller: Caller, upstream: Upstream
) -> None:
    """A fault must not hide the caller's own mistake, nor the mistake use up a script."""
    await caller.call("PUT", "/control/fault", b"status=503")
    reply = await caller.chat(temperature=9)
    assert (reply.status, reply.headers["content-type"]) == (400, "application/json")
    assert upstream.meter.by_fault == {}


async def test_models_are_listed(caller: Caller) -> None:
    listed = orjson.loads((await caller.get("/v1/models")).body)
    assert [model["id"] for model in listed["data"]] == ["gpt-5-mini"]


async def test_an_unknown_path_is_openais_404(caller: Caller) -> None:
    reply = await caller.get("/v1/nothing")
    assert reply.status == 404
    assert orjson.loads(reply.body)["error"]["message"] == "Invalid URL (GET /v1/nothing)"


async def test_only_the_models_there_are_answer(caller_of: type[Caller]) -> None:
    async with running(Options(models=("a", "b"))) as upstream:
        caller = caller_of(upstream)
        assert (await caller.chat(model="a#healthy")).status == 200
        reply = await caller.chat(model="c")
        listed = orjson.loads((await caller.get("/v1/models")).body)
    assert reply.status == 404
    assert orjson.loads(reply.body)["error"]["code"] == "model_not_found"
    assert [model["id"] for model in listed["data"]] == ["a", "b"]


async def test_a_key_is_asked_for_where_one_is_set(caller_of: type[Caller]) -> None:
    async with running(Options(api_key="sk-right")) as upstream:
        caller = caller_of(upstream)
        right = {"authorization": "Bearer sk-right"}
        wrong = await caller.chat(headers={"authorization": "Bearer sk-wröng"})
        assert (await caller.chat(headers=right)).status == 200
        assert (await caller.get("/v1/models", right)).status == 200
        assert (await caller.get("/v1/models")).status == 401
    assert wrong.status == 401
    assert orjson.loads(wrong.body)["error"]["code"] == "invalid_api_key"
    assert b"sk-" not in wrong.body, "a key is never repeated"


async def test_a_paced_answer_arrives_piece_by_piece(caller_of: type[Caller]) -> None:
    """The second content is still being thought about when the first has come."""
    async with running(Options(style=Style(chunks=2, chunk_delay=60))) as upstream:
        async with caller_of(upstream).asking(stream=True) as wire:
            await wire.head()
            role, first = await wire.chunk(), await wire.chunk()
        await upstream.meter.wait_until(lambda meter: meter.cancelled == 1)
    assert b'"role":"assistant"' in role
    assert b'"content":"You"' in first
    assert upstream.meter.tokens_out == 1
