"""OpenAI's API as bytes on a socket: what is refused and how, what headers say, who hangs up."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import aiohttp
import orjson
import pytest
from router_under_test import Router, StartRouter, openai_target, two_hops

from failsoft_kit.identity.settings import IdentitySettings
from failsoft_upstream import Upstream, faults

pytestmark = pytest.mark.integration

CANARY = "canary-of-this-test"
USER = {"role": "user", "content": f"What is soft? {CANARY}"}
MODEL = "gpt-5-mini"
JSON = {"content-type": "application/json"}


@pytest.fixture
async def http(router: Router) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(base_url=f"{router.base_url}/") as session:
        yield session


def body(**fields: object) -> dict[str, object]:
    return {"model": MODEL, "messages": [USER], **fields}


def image(url: str) -> dict[str, object]:
    part = {"type": "image_url", "image_url": {"url": url}}
    return body(messages=[{"role": "user", "content": [part]}])


# What is wrong with a request.


@pytest.mark.parametrize(
    ("sent", "param"),
    [
        pytest.param(b"", None, id="no body"),
        pytest.param(b"{", None, id="no JSON"),
        pytest.param(b"[" * 200_000, None, id="deep"),
        pytest.param(orjson.dumps({"model": MODEL}), "messages", id="no messages"),
        pytest.param(orjson.dumps({"messages": [USER]}), "model", id="no model"),
        pytest.param(orjson.dumps(body(messages=CANARY)), "messages", id="messages of a type"),
        pytest.param(
            orjson.dumps(image(f"file:///{CANARY}")),
            "messages[0].content[0].image_url.url",
            id="a file",
        ),
        pytest.param(
            orjson.dumps(image(f"http://10.0.0.1/{CANARY}")),
            "messages[0].content[0].image_url.url",
            id="an address within",
        ),
        pytest.param(
            orjson.dumps(body(tools=[{"function": {"name": "a", "parameters": [CANARY]}}])),
            "tools[0].function.parameters",
            id="no schema",
        ),
        pytest.param(
            b'{"model": "a", "messages": [{"role": "user", "content": "x"}], "n": 1, "n": 1}',
            "n",
            id="a key twice",
        ),
    ],
)
async def test_what_is_wrong_is_told_in_openais_form_and_kept_nowhere(
    http: aiohttp.ClientSession,
    router: Router,
    first: Upstream,
    sent: bytes,
    param: str | None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with http.post("chat/completions", data=sent, headers=JSON) as reply:
        told = await reply.json()
        assert reply.status == 400
        assert reply.headers["x-should-retry"] == "false"
        assert reply.headers["x-request-id"] == told["failsoft"]["request_id"]
    assert told["error"].keys() == {"message", "type", "param", "code"}
    assert told["error"]["param"] == param
    assert told["error"]["type"] == "invalid_request_error"
    assert not first.received
    logged = capsys.readouterr()
    recorded = repr(router.spans.all())
    assert all(CANARY not in kept for kept in (logged.out, logged.err, recorded, str(told)))


@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        ({"content-type": "text/plain"}, b"{}"),
        ({"content-type": "application/x-www-form-urlencoded"}, b"model=a"),
        ({"content-type": "multipart/form-data; boundary=x"}, b"--x--"),
        ({**JSON, "content-encoding": "gzip"}, gzip.compress(b"{}")),
    ],
)
async def test_what_says_that_it_is_no_json_is_not_read(
    http: aiohttp.ClientSession, headers: dict[str, str], sent: bytes
) -> None:
    async with http.post("chat/completions", data=sent, headers=headers) as reply:
        assert reply.status == 415
        assert (await reply.json())["error"]["code"] == "media_type_unsupported"


async def test_two_megabytes_in_one_line_are_answered_and_nine_refused(
    http: aiohttp.ClientSession, first: Upstream
) -> None:
    def long(characters: int) -> BytesIO:
        message = {"role": "user", "content": "x" * characters}
        return BytesIO(orjson.dumps(body(messages=[message])))

    async with http.post("chat/completions", data=long(2_000_000), headers=JSON) as reply:
        assert reply.status == 200
    assert len(first.received[0].body) > 2_000_000
    async with http.post("chat/completions", data=long(9_000_000), headers=JSON) as reply:
        assert reply.status == 413
        assert (await reply.json())["error"]["code"] == "body_too_large"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "nothing", 404), ("GET", "chat/completions", 405), ("DELETE", "models/chat", 405)],
)
async def test_a_path_that_is_not_served_is_told_in_openais_form(
    http: aiohttp.ClientSession, method: str, path: str, status: int
) -> None:
    async with http.request(method, path) as reply:
        assert reply.status == status
        assert (await reply.json())["error"]["type"] == "invalid_request_error"


async def test_a_key_of_nobody_is_refused_where_callers_are_known(
    start_router: StartRouter, first: Upstream, tmp_path: Path
) -> None:
    policy = {
        "targets": {"first": openai_target(first)},
        "routes": {"chat": {"default": True, "hops": ["first"]}},
    }
    keys = tmp_path / "keys"
    keys.write_text("")
    router = await start_router(policy, identity=IdentitySettings(keys_file=keys))

    async with aiohttp.ClientSession(base_url=f"{router.base_url}/") as session:
        for headers in ({}, {"authorization": "Bearer sk-any"}, {"authorization": "Basic eDp5"}):
            async with session.post("chat/completions", json=body(), headers=headers) as reply:
                assert reply.status == 401
                assert reply.headers["www-authenticate"] == "Bearer"
                assert (await reply.json())["error"]["code"] == "invalid_api_key"
    assert not first.received


# What headers say.


async def test_headers_tell_a_stored_answer_and_its_age(
    start_router: StartRouter, first: Upstream, cache: str
) -> None:
    policy = {
        "targets": {"first": openai_target(first)},
        "routes": {"chat": {"default": True, "hops": ["first", "cache"], "cache": {}}},
    }
    router = await start_router(policy, cache=cache)
    told = []
    async with aiohttp.ClientSession(base_url=f"{router.base_url}/") as session:
        for fields in ({}, {}, {"stream": True}):
            asked = body(temperature=0, **fields)
            async with session.post("chat/completions", json=asked) as reply:
                assert reply.status == 200
                await reply.read()
                told.append((reply.headers["cache-status"], reply.headers.get("age")))
            await until_stored(session)

    assert told == [
        ("failsoft; fwd=uri-miss", None),
        ("failsoft; hit", "0"),
        ("failsoft; hit", "0"),
    ]


async def until_stored(session: aiohttp.ClientSession) -> None:
    """Answers are stored in the background; a stored one is all that the cache would give."""
    asked = body(temperature=0)
    while True:
        async with session.post("chat/completions", json=asked) as reply:
            if reply.headers["x-failsoft-served-by"] == "cache":
                return


async def test_a_walk_is_part_of_its_callers_trace(
    http: aiohttp.ClientSession, router: Router
) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    asked = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}

    async with http.post("chat/completions", json=body(), headers=asked) as reply:
        told = await reply.json()

    assert reply.headers["x-failsoft-trace-id"] == trace
    assert told["failsoft"]["trace_id"] == trace
    walk = router.spans.one("failsoft.walk")
    assert walk.parent == "POST /v1/chat/completions"
    assert walk.context.trace_hex == trace


# Who hangs up.


async def test_a_reader_that_hangs_up_ends_the_call_to_the_target(
    http: aiohttp.ClientSession, first: Upstream
) -> None:
    await first.set_fault(faults.Stall(after=2))

    async with http.post("chat/completions", json=body(stream=True)) as reply:
        await reply.content.readuntil(b"\n\n")
        reply.close()

    async with asyncio.timeout(5.0):
        await first.meter.wait_until(lambda meter: meter.cancelled == 1)


async def test_a_stream_that_is_running_survives_the_drain(
    start_router: StartRouter, first: Upstream, second: Upstream
) -> None:
    router = await start_router(two_hops(first, second), drain=30.0)
    await first.set_fault(faults.Stall(after=2, seconds=0.2))

    async with (
        aiohttp.ClientSession(base_url=f"{router.base_url}/") as session,
        session.post("chat/completions", json=body(stream=True)) as reply,
    ):
        begun = await reply.content.readuntil(b"\n\n")
        rest, _ = await asyncio.gather(reply.content.read(), router.stop())

    assert (begun + rest).endswith(b"data: [DONE]\n\n")
