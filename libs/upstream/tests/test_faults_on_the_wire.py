"""Every fault, unary and streamed, as a raw client sees it."""

from __future__ import annotations

import asyncio
import gzip
from typing import TYPE_CHECKING

import orjson
import pytest

from failsoft_upstream.faults import ErrorKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from failsoft_upstream import Upstream
    from libs.upstream.tests.conftest import Caller

    Events = Callable[[bytes], list[bytes]]
    TextOf = Callable[[list[bytes]], str]

pytestmark = pytest.mark.integration

BOTH = pytest.mark.parametrize("stream", [False, True], ids=["unary", "stream"])
WHOLE = "You asked: “What"


def is_finished(events: list[bytes]) -> bool:
    documents = [orjson.loads(event) for event in events if event != b"[DONE]"]
    return any(c["finish_reason"] for document in documents for c in document["choices"])


@BOTH
async def test_a_status_has_its_body_and_headers(caller: Caller, stream: bool) -> None:
    fault = {"kind": "status", "status": 418, "body": "short", "headers": {"X-Why": "tea"}}
    reply = await caller.chat(fault=orjson.dumps(fault).decode(), stream=stream)
    assert (reply.status, reply.body, reply.headers["x-why"]) == (418, b"short", "tea")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 413, 422, 429, 500, 502, 503, 504])
async def test_a_bare_status_has_an_error_body_of_openais(caller: Caller, status: int) -> None:
    reply = await caller.chat(fault=f"status={status}", stream=True)
    assert (reply.status, reply.headers["content-type"]) == (status, "application/json")
    error = orjson.loads(reply.body)["error"]
    assert set(error) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    ("kind", "status", "type_", "code"),
    [
        (ErrorKind.INVALID_API_KEY, 401, "invalid_request_error", "invalid_api_key"),
        (ErrorKind.FORBIDDEN, 403, "invalid_request_error", None),
        (
            ErrorKind.UNSUPPORTED_REGION,
            403,
            "request_forbidden",
            "unsupported_country_region_territory",
        ),
        (ErrorKind.MODEL_NOT_FOUND, 404, "invalid_request_error", "model_not_found"),
        (
            ErrorKind.CONTEXT_LENGTH_EXCEEDED,
            400,
            "invalid_request_error",
            "context_length_exceeded",
        ),
        (ErrorKind.CONTENT_FILTER, 400, None, "content_filter"),
        (ErrorKind.RATE_LIMIT_EXCEEDED, 429, "requests", "rate_limit_exceeded"),
        (ErrorKind.INSUFFICIENT_QUOTA, 429, "insufficient_quota", "insufficient_quota"),
        (ErrorKind.SERVER_ERROR, 500, "server_error", None),
        (ErrorKind.OVERLOADED, 503, "service_unavailable_error", "server_is_overloaded"),
    ],
)
@BOTH
async def test_a_providers_error_is_told_by_status_type_and_code(
    caller: Caller, kind: ErrorKind, status: int, type_: str | None, code: str | None, stream: bool
) -> None:
    reply = await caller.chat(fault=f"error={kind.value}", stream=stream)
    error = orjson.loads(reply.body)["error"]
    assert (reply.status, error["type"], error["code"]) == (status, type_, code)


async def test_a_rate_limit_says_when_to_come_back(caller: Caller) -> None:
    reply = await caller.chat(fault="error=rate_limit_exceeded;retry-after=2")
    assert (reply.status, reply.headers["retry-after"]) == (429, "2")


@BOTH
async def test_a_reset_before_the_headers(caller: Caller, stream: bool) -> None:
    async with caller.asking(fault="reset", stream=stream) as wire:
        with pytest.raises(ConnectionResetError):
            await wire.head()


@BOTH
async def test_a_reset_in_the_midst_of_an_answer(
    caller: Caller, upstream: Upstream, stream: bool
) -> None:
    reply = await caller.chat(fault="reset=2", stream=stream)
    assert (reply.status, reply.ended) == (200, "reset")
    assert upstream.meter.tokens_out == 2
    assert upstream.meter.cancelled == 0, "it was not the client who left"


async def test_a_reset_stream_says_what_came_before(
    caller: Caller, events: Events, text_of: TextOf
) -> None:
    reply = await caller.chat(fault="reset=2", stream=True)
    assert text_of(events(reply.body)) == "You asked"


@BOTH
async def test_a_hanging_target_says_nothing_at_all(
    caller: Caller, upstream: Upstream, stream: bool
) -> None:
    async with caller.asking(fault="hang", stream=stream) as wire:
        await upstream.meter.wait_until(lambda meter: meter.by_fault["hang"] == 1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await wire.reader.read(1)


@pytest.mark.parametrize(
    ("cover", "before"),
    [
        ("silence", b""),
        ("headers", b""),
        ("keep_alives", b": keep-alive\n\n"),
        ("role", b'data: {"id":"chatcmpl-1"'),
        ("empty_deltas", b'data: {"id":"chatcmpl-1"'),
    ],
)
async def test_a_slow_stream_ends_well(
    caller: Caller, events: Events, text_of: TextOf, cover: str, before: bytes
) -> None:
    reply = await caller.chat(fault=f"slow=50ms;cover={cover};every=20ms", stream=True)
    assert reply.body.startswith(before)
    assert text_of(events(reply.body)) == WHOLE
    assert is_finished(events(reply.body))


@pytest.mark.parametrize("cover", ["silence", "headers", "keep_alives", "role", "empty_deltas"])
async def test_a_slow_document_is_whole_in_the_end(caller: Caller, cover: str) -> None:
    reply = await caller.chat(fault=f"slow=20ms;cover={cover};every=10ms")
    assert orjson.loads(reply.body)["choices"][0]["message"]["content"] == WHOLE


async def test_headers_can_come_long_before_the_content(caller: Caller) -> None:
    async with caller.asking(fault="slow=60;cover=headers", stream=True) as wire:
        assert (await wire.head())[0] == 200


async def test_comments_keep_coming_before_the_content(caller: Caller) -> None:
    async with caller.asking(fault="slow=60;cover=keep_alives;every=1ms", stream=True) as wire:
        await wire.head()
        assert [await wire.chunk() for _ in range(3)] == [b": keep-alive\n\n"] * 3


@BOTH
async def test_a_stalled_answer_stays_open_without_a_word(
    caller: Caller, upstream: Upstream, stream: bool
) -> None:
    async with caller.asking(fault="stall=3", stream=stream) as wire:
        await wire.head()
        for _ in range(4):
            assert await wire.chunk()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await wire.chunk()
    assert upstream.meter.tokens_out == 3


async def test_a_cut_stream_ends_cleanly_without_a_finish_reason(
    caller: Caller, events: Events, text_of: TextOf
) -> None:
    reply = await caller.chat(fault="cut=3", stream=True)
    assert (reply.status, reply.ended) == (200, "end")
    assert text_of(events(reply.body)) == "You asked:"
    assert not is_finished(events(reply.body))
    assert b"[DONE]" not in reply.body


async def test_a_cut_document_has_the_length_it_claims(caller: Caller) -> None:
    reply = await caller.chat(fault="cut=3")
    assert (reply.ended, int(reply.headers["content-length"])) == ("end", len(reply.body))
    assert reply.body.endswith(b'"content":"You asked:')


@pytest.mark.parametrize("after", [0, 3])
async def test_a_malformed_chunk_is_one_bad_event_among_good_ones(
    caller: Caller, events: Events, text_of: TextOf, after: int
) -> None:
    reply = await caller.chat(fault=f"malformed={after}", stream=True)
    received = events(reply.body)
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(received.pop(1 + after))
    assert text_of(received) == WHOLE


async def test_a_chunk_that_is_not_utf8_is_json_otherwise(caller: Caller, events: Events) -> None:
    reply = await caller.chat(fault="malformed=1;form=utf8", stream=True)
    bad = events(reply.body)[2]
    with pytest.raises(UnicodeDecodeError):
        bad.decode()
    assert orjson.loads(bad.decode(errors="replace"))["choices"][0]["delta"]["content"]


@pytest.mark.parametrize("form", ["json", "utf8"])
async def test_a_malformed_document_cannot_be_read(caller: Caller, form: str) -> None:
    reply = await caller.chat(fault=f"malformed=1;form={form}")
    assert reply.status == 200
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(reply.body)


async def test_an_error_can_be_the_first_event_of_a_good_status(
    caller: Caller, events: Events
) -> None:
    reply = await caller.chat(fault="stream_error;error=overloaded", stream=True)
    [event] = events(reply.body)
    assert reply.status == 200
    assert orjson.loads(event)["error"]["code"] == "server_is_overloaded"


async def test_an_error_can_come_after_content(
    caller: Caller, events: Events, text_of: TextOf
) -> None:
    reply = await caller.chat(fault="stream_error=2", stream=True)
    *chunks, error = events(reply.body)
    assert text_of(chunks) == "You asked"
    assert orjson.loads(error)["error"]["type"] == "server_error"
    assert reply.ended == "end"


@pytest.mark.parametrize("after", [0, 2])
async def test_an_error_under_a_good_status_is_a_whole_document(caller: Caller, after: int) -> None:
    reply = await caller.chat(fault=f"stream_error={after}")
    assert reply.status == 200
    assert orjson.loads(reply.body).keys() == {"error"}


async def test_the_mark_of_the_end_can_be_missing(
    caller: Caller, events: Events, text_of: TextOf
) -> None:
    reply = await caller.chat(fault="no_done", stream=True)
    assert (reply.ended, text_of(events(reply.body))) == ("end", WHOLE)
    assert is_finished(events(reply.body))
    assert b"[DONE]" not in reply.body


async def test_a_finished_stream_can_be_left_open(caller: Caller) -> None:
    async with caller.asking(fault="left_open", stream=True) as wire:
        await wire.head()
        while b'"finish_reason":"stop"' not in await wire.chunk():
            pass
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await wire.reader.read(1)


async def test_an_empty_stream_has_a_role_and_a_finish_reason(
    caller: Caller, events: Events, text_of: TextOf
) -> None:
    reply = await caller.chat(fault="empty", stream=True)
    received = events(reply.body)
    assert (len(received), text_of(received), is_finished(received)) == (3, "", True)


async def test_an_empty_document_is_well_formed(caller: Caller) -> None:
    answer = orjson.loads((await caller.chat(fault="empty")).body)
    [choice] = answer["choices"]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("", "stop")
    assert answer["usage"]["completion_tokens"] == 0


@BOTH
async def test_a_body_can_be_missing(caller: Caller, stream: bool) -> None:
    reply = await caller.chat(fault="empty_body", stream=stream)
    assert (reply.status, reply.body, reply.ended) == (200, b"", "end")


@pytest.mark.parametrize("reason", ["length", "content_filter"])
async def test_an_answer_can_end_for_another_reason(
    caller: Caller, events: Events, text_of: TextOf, reason: str
) -> None:
    fault = f"finish={reason};after=2"
    streamed = events((await caller.chat(fault=fault, stream=True)).body)
    unary = orjson.loads((await caller.chat(fault=fault)).body)
    assert text_of(streamed) == unary["choices"][0]["message"]["content"] == "You asked"
    assert orjson.loads(streamed[-2])["choices"][0]["finish_reason"] == reason
    assert unary["choices"][0]["finish_reason"] == reason
    assert unary["usage"]["completion_tokens"] == 2


@BOTH
async def test_the_content_type_can_be_wrong(caller: Caller, stream: bool) -> None:
    reply = await caller.chat(fault="content_type=text/html", stream=stream)
    right = await caller.chat(stream=stream)
    assert reply.headers["content-type"] == "text/html"
    assert reply.body == right.body.replace(b"chatcmpl-2", b"chatcmpl-1")


async def test_a_line_can_be_huge(caller: Caller, events: Events, text_of: TextOf) -> None:
    reply = await caller.chat(fault="huge_line=1048576;after=1", stream=True)
    assert max(len(line) for line in reply.body.splitlines()) >= 1048576
    assert text_of(events(reply.body)) == "You" + "x" * 1048576 + WHOLE.removeprefix("You")


async def test_a_document_can_be_huge(caller: Caller) -> None:
    reply = await caller.chat(fault="huge_line=1048576")
    assert len(orjson.loads(reply.body)["choices"][0]["message"]["content"]) > 1048576


@BOTH
async def test_a_body_can_be_cut_anywhere(caller: Caller, stream: bool) -> None:
    """Also in the midst of a character: the answer has some of more than one byte."""
    async with caller.asking(fault="slice=7", stream=stream) as wire:
        await wire.head()
        pieces = [piece async for piece in wire.chunks()]
    whole = await caller.chat(stream=stream)
    assert {len(piece) for piece in pieces[:-1]} == {7}
    assert b"".join(pieces) == whole.body.replace(b"chatcmpl-2", b"chatcmpl-1")


@BOTH
async def test_a_body_can_be_gzipped_although_nobody_accepts_that(
    caller: Caller, stream: bool
) -> None:
    reply = await caller.chat(fault="compressed=1000000", stream=stream)
    right = await caller.chat(stream=stream)
    assert reply.headers["content-encoding"] == "gzip"
    assert len(reply.body) < 10_000
    unpacked = gzip.decompress(reply.body)
    assert len(unpacked) > 1_000_000
    assert unpacked.lstrip() == right.body.replace(b"chatcmpl-2", b"chatcmpl-1")


async def test_a_chunk_can_be_nested_ten_thousand_levels_deep(
    caller: Caller, events: Events
) -> None:
    reply = await caller.chat(fault="malformed=1;form=nested", stream=True)
    assert any(b"[" * 10_000 + b"]" * 10_000 in event for event in events(reply.body))


@pytest.mark.parametrize(
    ("filler", "sent"),
    [
        ("keep_alives", b": keep-alive\n\n"),
        ("empty_deltas", b'"content":""'),
        ("line", b"x" * 65536),
        ("text", b'"content":"x'),
        ("tool_calls", b'"index":7,'),
    ],
)
async def test_a_body_can_be_endless(caller: Caller, filler: str, sent: bytes) -> None:
    """It is sent for as long as it is read, and no longer."""
    async with caller.asking(fault=f"endless={filler};after=1", stream=True) as wire:
        status, _ = await wire.head()
        body = b""
        while len(body) < 1_000_000:
            body += await wire.chunk()
    assert status == 200
    assert sent in body
    await caller.upstream.meter.wait_until(lambda meter: meter.cancelled == 1)


async def test_an_errors_body_can_be_endless(caller: Caller) -> None:
    async with caller.asking(fault="endless=line;status=503") as wire:
        status, _ = await wire.head()
    assert status == 503


async def test_the_header_wins_over_the_models_suffix(caller: Caller) -> None:
    reply = await caller.chat(fault="status=503", model="gpt-5-mini#status=500")
    assert reply.status == 503
    assert (await caller.chat(model="gpt-5-mini#status=500")).status == 500


@pytest.mark.parametrize("fault", ["statsu=503", "refuse"])
async def test_a_bad_fault_in_a_request_is_the_callers_mistake(caller: Caller, fault: str) -> None:
    reply = await caller.chat(fault=fault)
    assert reply.status == 400
    assert orjson.loads(reply.body)["error"]["code"] == "invalid_fault"
