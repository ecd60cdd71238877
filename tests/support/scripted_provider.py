"""A provider of OpenAI's dialect that streams given choices, for what the look-alike never says."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import orjson
from aiohttp import web

Json = Mapping[str, object]


class ScriptedProvider:
    """Streams the same deltas to everybody; `asked` has the bodies of the requests."""

    def __init__(self, deltas: Sequence[Json], *, finish_reason: str) -> None:
        """
        Args:
            deltas: Of the one choice, in their order.
        """
        choices: list[Json] = [
            {"index": 0, "delta": delta, "finish_reason": None} for delta in deltas
        ]
        choices.append({"index": 0, "delta": {}, "finish_reason": finish_reason})
        usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
        chunks: list[Json] = [{"model": "scripted", "choices": [choice]} for choice in choices]
        chunks.append({"model": "scripted", "choices": [], "usage": usage})
        events = [b"data: " + orjson.dumps(chunk) + b"\n\n" for chunk in chunks]
        self._stream = b"".join(events) + b"data: [DONE]\n\n"
        self.asked: list[dict[str, object]] = []
        self.base_url = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(orjson.loads(await request.read()))
        return web.Response(body=self._stream, content_type="text/event-stream")


@asynccontextmanager
async def scripted_provider(
    *deltas: Json, finish_reason: str = "stop", port: int = 0
) -> AsyncIterator[ScriptedProvider]:
    """One that listens while the block runs, on any free port unless one is given."""
    provider = ScriptedProvider(deltas, finish_reason=finish_reason)
    application = web.Application()
    application.add_routes([web.post("/v1/chat/completions", provider.answer)])
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        host, port = runner.addresses[0][:2]
        provider.base_url = f"http://{host}:{port}/v1"
        yield provider
    finally:
        await runner.cleanup()
