"""The part of the Kubernetes API that tells EndpointSlices and takes events, over real HTTP,
failing on command."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from aiohttp import web

_PATH = "/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
_EVENTS = "/api/v1/namespaces/{namespace}/events"
_LABEL = "kubernetes.io/service-name="


@dataclass(kw_only=True)
class KubernetesApi:
    """One namespace of a cluster; each change of a service is an event with a version.

    Attributes:
        base_url: Where it listens.
        refusal: The status that everybody is answered with; 0: nobody is refused.
        answers: It answers at all; what is asked meanwhile hangs.
        breaks_json: Lists and events are no JSON.
        oldest: Watches from before this version are refused as expired.
        expires_in_stream: They are refused by an event, as a server does that finds out late.
        cuts_watches: Each is cut as soon as it is open.
        lists: How often all slices were asked for.
        watched_from: The version that each watch began at.
        tokens: The credential of each request.
        created: Events that it was given, each with its namespace.
    """

    base_url: str = ""
    refusal: int = 0
    answers: bool = True
    breaks_json: bool = False
    oldest: int = 0
    expires_in_stream: bool = True
    cuts_watches: bool = False
    lists: int = 0
    watched_from: list[int] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    created: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    _version: int = 100
    _slices: dict[str, dict[str, object]] = field(default_factory=dict)
    _events: list[tuple[int, str, str, dict[str, object]]] = field(default_factory=list)
    _watches: set["asyncio.Event"] = field(default_factory=set)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _asked: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def serve(
        self, service: str, ready: Sequence[str] = (), unready: Sequence[str] = ()
    ) -> None:
        """These are the service's endpoints from now on, each `host:port`."""
        ports = {address.rpartition(":")[2] for address in (*ready, *unready)}
        for port in ports | self._ports_of(service):
            pods = [_pod(each, ready=True) for each in ready if each.endswith(f":{port}")]
            pods += [_pod(each, ready=False) for each in unready if each.endswith(f":{port}")]
            await self._put(service, port, pods)

    async def bookmark(self) -> None:
        """Tell watches that a version has passed in which nothing of theirs has changed."""
        self._version += 1
        await self._tell("BOOKMARK", "", {"metadata": {"resourceVersion": str(self._version)}})

    def end_watches(self) -> None:
        """End all that are open, as a server does that is restarted."""
        for watch in self._watches:
            watch.set()

    async def until(self, asked: Callable[[], bool]) -> None:
        """Until this is so; looked at again with each request."""
        async with self._asked:
            await self._asked.wait_for(asked)

    def _ports_of(self, service: str) -> set[str]:
        prefix = f"{service}-"
        return {name.removeprefix(prefix) for name in self._slices if name.startswith(prefix)}

    async def _put(self, service: str, port: str, pods: Sequence[object]) -> None:
        """Pods behind one service have one port each here, so each port has a slice."""
        name = f"{service}-{port}"
        self._version += 1
        kind = "MODIFIED" if name in self._slices else "ADDED"
        self._slices[name] = {
            "metadata": {"name": name, "resourceVersion": str(self._version)},
            "addressType": "IPv4",
            "endpoints": pods,
            "ports": [{"name": "grpc", "port": int(port), "protocol": "TCP"}],
        }
        await self._tell(kind, service, self._slices[name])

    async def _tell(self, kind: str, service: str, object_: dict[str, object]) -> None:
        async with self._changed:
            self._events.append((self._version, kind, service, object_))
            self._changed.notify_all()

    async def create(self, request: web.Request) -> web.StreamResponse:
        """Take an event."""
        refused = await self._admit(request)
        if refused is not None:
            return refused
        async with self._asked:
            self.created.append((request.match_info["namespace"], await request.json()))
            self._asked.notify_all()
        return web.json_response({}, status=201)

    async def _admit(self, request: web.Request) -> web.Response | None:
        """What the request is refused with; None: it is not."""
        async with self._asked:
            self.tokens.append(request.headers.get("Authorization", ""))
            self._asked.notify_all()
        if not self.answers:
            await asyncio.Event().wait()
        if not self.refusal:
            return None
        status = {"kind": "Status", "code": self.refusal, "reason": "Refused"}
        return web.json_response(status, status=self.refusal)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """List or watch slices."""
        refused = await self._admit(request)
        if refused is not None:
            return refused
        service = request.query["labelSelector"].removeprefix(_LABEL)
        if request.query.get("watch") == "true":
            return await self._watch(request, service)
        return await self._list(service)

    async def _list(self, service: str) -> web.Response:
        async with self._asked:
            self.lists += 1
            self._asked.notify_all()
        if self.breaks_json:
            return web.Response(body=b"<html>")
        slices = [each for name, each in self._slices.items() if name.startswith(f"{service}-")]
        version = str(self._version)
        return web.json_response({"metadata": {"resourceVersion": version}, "items": slices})

    async def _watch(self, request: web.Request, service: str) -> web.StreamResponse:
        since = int(request.query["resourceVersion"])
        async with self._asked:
            self.watched_from.append(since)
            self._asked.notify_all()
        expired = {"kind": "Status", "code": 410, "reason": "Expired"}
        if since < self.oldest and not self.expires_in_stream:
            return web.json_response(expired, status=410)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        if since < self.oldest:
            await response.write(_line("ERROR", expired))
            return response
        if self.cuts_watches and request.transport is not None:
            request.transport.abort()
            return response
        ended = asyncio.Event()
        self._watches.add(ended)
        try:
            async with asyncio.timeout(float(request.query["timeoutSeconds"])):
                await self._follow(response, service, since, ended)
        except TimeoutError:
            pass
        finally:
            self._watches.discard(ended)
        return response

    async def _follow(
        self, response: web.StreamResponse, service: str, since: int, ended: asyncio.Event
    ) -> None:
        async with asyncio.TaskGroup() as tasks:
            telling = tasks.create_task(self._stream(response, service, since))
            await ended.wait()
            telling.cancel()

    async def _stream(self, response: web.StreamResponse, service: str, since: int) -> None:
        told = since
        while True:
            async with self._changed:
                await self._changed.wait_for(partial(self._has_events_after, told))
            for version, kind, of, object_ in list(self._events):
                if version > told and of in (service, ""):
                    line = b"{\n" if self.breaks_json else _line(kind, object_)
                    await response.write(line)
                told = version

    def _has_events_after(self, version: int) -> bool:
        return bool(self._events) and self._events[-1][0] > version


def _pod(address: str, *, ready: bool) -> dict[str, object]:
    conditions = {"ready": ready, "serving": ready, "terminating": not ready}
    return {"addresses": [address.rpartition(":")[0]], "conditions": conditions}


def _line(kind: str, object_: object) -> bytes:
    return json.dumps({"type": kind, "object": object_}).encode() + b"\n"


@asynccontextmanager
async def kubernetes_lookalike() -> AsyncIterator[KubernetesApi]:
    """One that listens on any free port while the block runs."""
    api = KubernetesApi()
    application = web.Application()
    application.add_routes([web.get(_PATH, api.answer), web.post(_EVENTS, api.create)])
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        api.base_url = f"http://{host}:{port}"
        yield api
    finally:
        await runner.cleanup()
