"""A day in the life of a whole stack: every way in, every way out, said in words of our own.

Whoever plays it knows each word that a caller, an operator or a provider has said, and each
secret that was shown, so that they can be looked for where they must not be.
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import aiohttp
import grpc
from api_keys import bearer
from canaries import Canary
from lookalike_process import LookAlike

from failsoft.inference.v1 import chat_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1 import inference_service_pb2_grpc as pb_grpc
from failsoft.router.v1 import admin_service_pb2 as admin_pb
from failsoft.router.v1 import admin_service_pb2_grpc as admin_grpc
from failsoft_kit.rpc.channel import open_channel
from failsoft_upstream import faults
from failsoft_upstream.faults import Fault

if TYPE_CHECKING:
    from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceAsyncStub

EVENTS = {"content-type": "text/event-stream"}
GONE = "hanging"
"""The route whose target says nothing, and whose caller hangs up."""

QUOTABLE = "Go on."
"""The last question is no canary: look-alikes quote it in their answers, which may be kept."""

STALLED = "stalled"
"""The route whose target stops half way, and whose answer starts over."""

Metadata = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What nobody may write down; each is said or shown at least once."""

    prompt: Canary
    system: Canary
    begun: Canary
    tool: Canary
    arguments: Canary
    result: Canary
    schema: Canary
    image: Canary
    stop: Canary
    header: Canary
    field: Canary
    path: Canary
    answer: Canary
    error: Canary
    provider_key: Canary
    service_token: Canary
    valkey_password: Canary
    user_key: Canary
    operator_key: Canary
    unknown_key: Canary
    token: Canary
    claim: Canary

    def all(self) -> tuple[Canary, ...]:
        """Every one."""
        return tuple(getattr(self, each.name) for each in fields(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Callers:
    """What callers show: the user its key or its token, the operator a key; others nothing good."""

    user: str
    token: str
    operator: str
    unknown: str


def ways_to_fail(words: Words) -> Mapping[str, Fault]:
    """What targets do, by the names of their routes; errors quote what was said and shown."""
    quoted = json.dumps({"error": {"message": _all_that_providers_know(words), "code": "%s"}})
    said = f"data: {json.dumps({'choices': [{'delta': {'content': words.answer.text}}]})}\n\n"
    broken = f"data: {quoted % 'server_error'}\n\n"
    return {
        "answer": faults.Status(status=200, headers=EVENTS, body=f"{said}{_STOP}"),
        "cut": faults.Status(status=200, headers=EVENTS, body=said),
        "no-json": faults.Status(
            status=200, headers=EVENTS, body=f"{said}data: {words.answer.text}\n\n"
        ),
        "error-inside": faults.Status(status=200, headers=EVENTS, body=f"{said}{broken}"),
        "callers-fault": faults.Status(status=400, body=quoted % "invalid_value"),
        "refused-key": faults.Status(status=401, body=quoted % "invalid_api_key"),
        "filtered": faults.Status(status=400, body=quoted % "content_filter"),
        "limited": faults.Status(status=429, body=quoted % "rate_limit_exceeded", retry_after=2.0),
        "bare-error": faults.Status(status=500, body=_all_that_providers_know(words)),
        "redirect": faults.Status(
            status=302, headers={"location": f"http://elsewhere.invalid/?{words.error.text}"}
        ),
        STALLED: faults.Stall(after=1),
        GONE: faults.Hang(),
        "reset": faults.Reset(after=1),
    }


def policy(upstream: LookAlike, key_file: str, words: Words) -> dict[str, dict[str, object]]:
    """A route for each way to fail, behind which the well one answers; others for each dialect.

    Args:
        key_file: Holds the key of all targets but one, for which `-refused` is appended.
    """
    names = ways_to_fail(words)
    base = {
        "endpoint": upstream.base_url,
        "allow_private": True,
        "credential": {"file": key_file},
        "capabilities": ["tools", "json_schema", "vision"],
    }
    gemini = upstream.base_url.removesuffix("/v1") + "/v1beta"
    targets: dict[str, object] = {
        **{name: {**base, "provider": "openai", "model": name} for name in names},
        STALLED: {**base, "provider": "openai", "model": STALLED, "limits": {"stall": "300ms"}},
        # Its quarantine is the credential's, which no other target may share.
        "refused-key": {
            **base,
            "provider": "openai",
            "model": "refused-key",
            "credential": {"file": f"{key_file}-refused"},
        },
        "claude": {**base, "provider": "anthropic", "model": "claude-haiku-4-5"},
        "gemini": {
            **base,
            "provider": "gemini",
            "model": "gemini-flash-latest",
            "endpoint": gemini,
        },
    }
    failing: dict[str, dict[str, object]] = {
        name: {"hops": list(dict.fromkeys([name, "answer", "cache", "mock"]))} for name in names
    }
    failing[STALLED]["midstream"] = "restart"
    alone = {f"only-{name}": {"hops": [name, "cache"]} for name in names}
    ours = {"local-llm": {"hops": ["local"]}}
    dialects = {"anthropic": {"hops": ["claude"]}, "google": {"hops": ["gemini"]}}
    return {
        "targets": targets,
        "routes": {**failing, **alone, **ours, **dialects},
        "tenants": {"acme": {"allow_mock": True}},
    }


class Day:
    """Plays it against a router."""

    def __init__(
        self,
        words: Words,
        callers: Callers,
        *,
        address: str,
        admin_address: str,
        base_url: str,
        request_id: str,
    ) -> None:
        """
        Args:
            request_id: What each request is known by; it may be written down.
        """
        self._words = words
        self._callers = callers
        self._address = address
        self._admin_address = admin_address
        self._base_url = base_url
        self._request_id = request_id
        self.told = ""
        """What operators are told of walks and targets."""

    async def play(self) -> None:
        """All of it."""
        routes = [*ways_to_fail(self._words)]
        async with open_channel(self._address) as channel, self._watching():
            stub: InferenceServiceAsyncStub = pb_grpc.InferenceServiceStub(channel)
            for name in (*routes, "local-llm", "anthropic", "google"):
                if name != GONE:
                    await self._ask(stub, name)
            for name in routes:
                if name != GONE:
                    await self._ask(stub, f"only-{name}")
            await self._hang_up(stub)
            await self._break_rules(stub)
        async with aiohttp.ClientSession() as session:
            await self._speak_http(session)

    async def _ask(self, stub: "InferenceServiceAsyncStub", route: str) -> None:
        """Both ways, twice, because the second one may find a stored answer."""
        for _ in range(2):
            for chat in (self._plain(route), self._full(route)):
                metadata = self._shown(self._callers.user)
                await _whatever_comes(
                    stub.Generate(pb.GenerateRequest(chat=chat), metadata=metadata)
                )
                await _whatever_comes(self._stream(stub, chat, self._shown(self._callers.token)))

    async def _stream(
        self, stub: "InferenceServiceAsyncStub", chat: chat_pb2.ChatRequest, metadata: Metadata
    ) -> None:
        async for _ in stub.StreamGenerate(pb.StreamGenerateRequest(chat=chat), metadata=metadata):
            pass

    async def _hang_up(self, stub: "InferenceServiceAsyncStub") -> None:
        chat, metadata = self._plain(f"only-{GONE}"), self._shown(self._callers.user)
        call = stub.StreamGenerate(pb.StreamGenerateRequest(chat=chat), metadata=metadata)
        await call.read()
        call.cancel()

    async def _break_rules(self, stub: "InferenceServiceAsyncStub") -> None:
        wrong = self._full("answer")
        wrong.sampling.temperature = 99.0
        wrong.messages[0].parts.add().tool_call.arguments_json = self._words.arguments.text
        for shown in (self._callers.user, self._callers.unknown, self._words.header.text):
            metadata = self._shown(shown)
            await _whatever_comes(stub.Generate(pb.GenerateRequest(chat=wrong), metadata=metadata))
            await _whatever_comes(stub.ListModels(pb.ListModelsRequest(), metadata=metadata))

    async def _speak_http(self, session: aiohttp.ClientSession) -> None:
        for shown in (self._callers.user, self._callers.token, self._callers.unknown):
            headers = dict(self._shown(shown))
            for asked in (*self._bodies("answer"), *self._bodies("only-bare-error")):
                for path in ("chat/completions", self._words.path.text):
                    url = f"{self._base_url}/{path}"
                    async with session.post(url, json=asked, headers=headers) as reply:
                        await reply.read()
            url = f"{self._base_url}/chat/completions"
            async with session.post(url, data=self._words.field.text, headers=headers) as reply:
                await reply.read()

    @asynccontextmanager
    async def _watching(self) -> AsyncIterator[None]:
        """An operator follows the hops meanwhile, and asks in the end."""
        metadata, told = self._shown(self._callers.operator), []
        async with open_channel(self._admin_address) as channel:
            admin = admin_grpc.RouterAdminServiceStub(channel)
            hops = admin.WatchHops(admin_pb.WatchHopsRequest(), metadata=metadata)
            await hops.initial_metadata()
            yield
            told.append(await hops.read())
            hops.cancel()
            told.append(await admin.ListTargets(admin_pb.ListTargetsRequest(), metadata=metadata))
            told.append(await admin.ListRoutes(admin_pb.ListRoutesRequest(), metadata=metadata))
            told.append(await admin.ReloadPolicy(admin_pb.ReloadPolicyRequest(), metadata=metadata))
            why = admin_pb.ExplainRequestRequest(any_id=self._request_id)
            told.append(await admin.ExplainRequest(why, metadata=metadata))
            check = admin_pb.CheckTargetRequest(target="refused-key")
            told.append(await admin.CheckTarget(check, metadata=metadata))
            nobody = self._shown(self._callers.unknown)
            await _whatever_comes(admin.ListTargets(admin_pb.ListTargetsRequest(), metadata=nobody))
        self.told = "\n".join(map(str, told))

    def _shown(self, credential: str) -> Metadata:
        return (
            *bearer(credential),
            ("x-request-id", self._request_id),
            ("baggage", f"user={self._words.header.text}"),
            ("x-anything", self._words.header.text),
        )

    def _plain(self, route: str) -> chat_pb2.ChatRequest:
        """What may be answered from the cache, by any target."""
        words = self._words
        return chat_pb2.ChatRequest(
            model=route,
            messages=[
                _message(chat_pb2.ROLE_SYSTEM, chat_pb2.Part(text=words.system.text)),
                _message(chat_pb2.ROLE_USER, chat_pb2.Part(text=words.prompt.text)),
                _message(chat_pb2.ROLE_ASSISTANT, chat_pb2.Part(text=words.begun.text)),
                _message(chat_pb2.ROLE_USER, chat_pb2.Part(text=QUOTABLE)),
            ],
            sampling=chat_pb2.Sampling(temperature=0.0, max_tokens=8, stop=[words.stop.text]),
            request_id=self._request_id,
        )

    def _full(self, route: str) -> chat_pb2.ChatRequest:
        """What has every kind of part."""
        words, chat = self._words, self._plain(route)
        every = chat_pb2.Sampling(
            top_p=0.9, top_k=40, seed=7, presence_penalty=0.5, frequency_penalty=0.5
        )
        chat.sampling.MergeFrom(every)
        arguments = json.dumps({"place": words.arguments.text})
        call = chat_pb2.ToolCall(id="call-1", name="weather", arguments_json=arguments)
        result = chat_pb2.ToolResult(tool_call_id="call-1", content=words.result.text)
        image = chat_pb2.Image(data=words.image.text.encode(), mime_type="image/png")
        chat.messages[1].parts.append(chat_pb2.Part(image=image))
        chat.messages.extend(
            [
                _message(chat_pb2.ROLE_ASSISTANT, chat_pb2.Part(tool_call=call)),
                _message(chat_pb2.ROLE_TOOL, chat_pb2.Part(tool_result=result)),
                _message(chat_pb2.ROLE_USER, chat_pb2.Part(text=QUOTABLE)),
            ]
        )
        chat.tools.append(
            chat_pb2.Tool(
                name="weather",
                description=words.tool.text,
                parameters_json=json.dumps(_schema(words.schema.text)),
            )
        )
        return chat

    def _bodies(self, route: str) -> list[dict[str, object]]:
        """The like in OpenAI's words, whole and as a stream, right and wrong."""
        words = self._words
        picture = base64.b64encode(words.image.text.encode()).decode()
        url = {"url": f"data:image/png;base64,{picture}"}
        said = [
            {"type": "text", "text": words.prompt.text},
            {"type": "image_url", "image_url": url},
        ]
        asked: dict[str, object] = {
            "model": route,
            "messages": [
                {"role": "system", "content": words.system.text},
                {"role": "user", "content": said},
                {"role": "assistant", "content": words.begun.text},
                {"role": "user", "content": QUOTABLE},
            ],
            "stop": words.stop.text,
        }
        return [
            asked,
            {**asked, "stream": True},
            {**asked, "stream": True, words.field.text: words.field.text},
            {**asked, "messages": words.field.text},
            {**asked, "temperature": words.field.text},
        ]


async def _whatever_comes(asked: Awaitable[object]) -> None:
    """An error is an answer here."""
    with suppress(grpc.aio.AioRpcError):
        async with asyncio.timeout(60.0):
            await asked


def _message(role: chat_pb2.Role.ValueType, part: chat_pb2.Part) -> chat_pb2.Message:
    return chat_pb2.Message(role=role, parts=[part])


def _schema(word: str) -> dict[str, object]:
    place = {"type": "string", "enum": [word]}
    return {"type": "object", "properties": {"place": place}, "required": ["place"]}


def _all_that_providers_know(words: Words) -> str:
    known = (words.prompt, words.system, words.answer, words.error, words.provider_key)
    return " ".join(canary.text for canary in known)


_STOP = 'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'
