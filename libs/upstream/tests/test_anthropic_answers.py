"""Messages over a real socket: healthy ones, and the errors that Anthropic would send."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest

from failsoft_upstream import Options, running
from failsoft_upstream.anthropic.errors import AnthropicErrors
from failsoft_upstream.faults import ErrorKind

if TYPE_CHECKING:
    from libs.upstream.tests.conftest import Caller, Reply

pytestmark = pytest.mark.integration

QUESTION = {"role": "user", "content": "What is the capital of France?"}
VERSION = {"anthropic-version": "2023-06-01"}


async def ask(caller: Caller, *, fault: str | None = None, **fields: object) -> Reply:
    body = {"model": "claude", "max_tokens": 64, "messages": [QUESTION], **fields}
    asked = {} if fault is None else {"x-failsoft-fault": fault}
    headers = {**VERSION, **asked}
    return await caller.call("POST", "/v1/messages", orjson.dumps(body), headers=headers)


def events(body: bytes) -> list[tuple[str, dict[str, object]]]:
    """Each event's name and its data."""
    found = []
    for block in body.decode().split("\n\n")[:-1]:
        name, data = block.split("\n")
        assert name.startswith("event: ")
        found.append((name.removeprefix("event: "), orjson.loads(data.removeprefix("data: "))))
    return found


async def test_a_unary_answer_is_one_message(caller: Caller) -> None:
    reply = await ask(caller)

    message = reply.json()
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    assert message["content"] == [{"type": "text", "text": "You asked: “What"}]
    assert (message["type"], message["stop_reason"]) == ("message", "end_turn")
    assert message["usage"]["output_tokens"] == 5  # type: ignore[index]


async def test_a_streamed_answer_is_a_sequence_of_named_events(caller: Caller) -> None:
    reply = await ask(caller, stream=True)

    told = events(reply.body)
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert all(name == data["type"] for name, data in told)
    assert [name for name, _ in told] == [
        "message_start",
        "content_block_start",
        *["content_block_delta"] * 5,
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    pieces = [data["delta"]["text"] for _, data in told[2:7]]  # type: ignore[index]
    assert pieces == ["You", " asked", ":", " “", "What"]
    assert told[-2][1] == {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 5},
    }


async def test_an_answer_is_cut_at_its_limit(caller: Caller) -> None:
    message = (await ask(caller, max_tokens=2)).json()

    assert message["content"] == [{"type": "text", "text": "You asked"}]
    assert message["stop_reason"] == "max_tokens"


@pytest.mark.parametrize("kind", ErrorKind)
@pytest.mark.parametrize("stream", [False, True])
async def test_an_error_is_told_by_status_and_type(
    caller: Caller, kind: ErrorKind, stream: bool
) -> None:
    reply = await ask(caller, fault=f"error={kind.value}", stream=stream)

    status, body = AnthropicErrors().of_kind(kind, model="claude")
    assert (reply.status, reply.body) == (status, body)
    assert reply.json()["type"] == "error"


@pytest.mark.parametrize(
    ("status", "type_"),
    [(401, "authentication_error"), (418, "invalid_request_error"), (503, "api_error")],
)
async def test_a_bare_status_has_an_error_body_of_anthropics(
    caller: Caller, status: int, type_: str
) -> None:
    reply = await ask(caller, fault=f"status={status}")

    assert reply.status == status
    assert reply.json()["error"]["type"] == type_  # type: ignore[index]


async def test_an_error_inside_a_stream_is_an_event(caller: Caller) -> None:
    reply = await ask(caller, fault="stream_error=2;error=overloaded", stream=True)

    told = events(reply.body)
    assert [name for name, _ in told[-2:]] == ["content_block_delta", "error"]
    assert told[-1][1]["error"] == {"type": "overloaded_error", "message": "Overloaded"}


async def test_a_limit_that_is_used_up_says_when_it_is_not(caller: Caller) -> None:
    reply = await ask(caller, fault="error=rate_limit_exceeded;retry-after=2;form=reset")

    assert reply.headers["anthropic-ratelimit-requests-remaining"] == "0"
    assert reply.headers["anthropic-ratelimit-requests-reset"].endswith("z")
    assert "x-ratelimit-reset-requests" not in reply.headers


async def test_a_fault_in_the_models_name_is_played(caller: Caller) -> None:
    assert (await ask(caller, model="claude#status=503")).status == 503


async def test_a_fault_that_is_none_is_the_callers_mistake(caller: Caller) -> None:
    assert (await ask(caller, fault="explode")).status == 400
    assert (await ask(caller, fault="refuse")).status == 400


async def test_keys_models_and_versions_are_checked(caller_of: type[Caller]) -> None:
    async with running(Options(api_key="secret", models=("claude",))) as upstream:
        caller = caller_of(upstream)
        body = orjson.dumps({"model": "claude", "max_tokens": 1, "messages": [QUESTION]})
        other = body.replace(b"claude", b"other")
        right = {"x-api-key": "secret", **VERSION}

        async def status(content: bytes, headers: dict[str, str]) -> int:
            return (await caller.call("POST", "/v1/messages", content, headers=headers)).status

        assert await status(body, right) == 200
        assert await status(other, right) == 404
        assert await status(body, VERSION) == 401
        assert await status(body, {**VERSION, "x-api-key": "wrong"}) == 401
        assert await status(body, {"x-api-key": "secret"}) == 400
