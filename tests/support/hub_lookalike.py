"""A look-alike of the Hugging Face hub: the two endpoints that are used, over real sockets.

It gives files out by Range and redirects to a second address, as the hub does, and misbehaves on
command: gates, cuts, wrong bytes, refusals, a callback after so many bytes.
"""

import asyncio
import hashlib
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

PIECE = 1 << 15
LFS_FROM = 4096
"""Bytes from which on the hub keeps a file apart from git, under its sha256."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request for a file's content."""

    path: str
    start: int


@dataclass(slots=True, kw_only=True)
class Gate:
    """Who may have the files of a repository."""

    known: frozenset[str] = frozenset()
    """Tokens that belong to somebody."""
    accepted: frozenset[str] = frozenset()
    """Those whose owner has accepted the licence."""


@dataclass(slots=True, kw_only=True)
class Hub:
    """One repository at one commit, and what goes wrong with it."""

    repo: str
    commit: str
    files: Mapping[str, bytes]
    url: str = ""
    gate: Gate | None = None
    with_metadata: bool = True
    """Whether sizes and checksums are told."""
    by_range: bool = True
    """Whether Range is obeyed."""
    served: dict[str, bytes] = field(default_factory=dict)
    """Content that is given out instead of the right one."""
    cuts: deque[int] = field(default_factory=deque)
    """After how many bytes the next answers end, each once."""
    refusals: deque[int] = field(default_factory=deque)
    """Statuses of the next answers, each once."""
    stalls: int = 0
    """How many of the next answers say nothing after their head."""
    in_circles: bool = False
    """Whether files are always somewhere else."""
    meeting: asyncio.Barrier | None = None
    """Where the next answers wait for each other."""
    asked: list[Asked] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)
    """Bytes of each file that went out, whether they arrived or not."""
    authorized_elsewhere: bool = False
    """Whether a token was sent to the second address."""
    _call: tuple[int, Callable[[], None]] | None = None

    def call_after(self, count: int, callback: Callable[[], None]) -> None:
        """Calls once so many bytes more went out, and hangs up on who asked for the last."""
        self._call = (self.sent.total() + count, callback)

    async def info(self, request: web.Request) -> web.Response:
        if self.refusals:
            return web.Response(status=self.refusals.popleft())
        if request.match_info["revision"] not in {self.commit, "main"}:
            return _refusal(404, "RevisionNotFound")
        blobs = request.query.get("blobs") == "true" and self.with_metadata
        siblings = [
            {"rfilename": path, **(_metadata(content) if blobs else {})}
            for path, content in self.files.items()
        ]
        return web.json_response({"id": self.repo, "sha": self.commit, "siblings": siblings})

    async def resolve(self, request: web.Request) -> web.StreamResponse:
        if refusal := self._refused(request):
            return refusal
        path = request.match_info["path"]
        if path not in self.files or request.match_info["revision"] != self.commit:
            return _refusal(404, "EntryNotFound")
        if self.in_circles:
            raise web.HTTPFound(request.url)
        port = request.url.port
        raise web.HTTPFound(f"http://localhost:{port}/elsewhere/{path}?signature=secret")

    async def content(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        if "authorization" in request.headers:
            self.authorized_elsewhere = True
        content = self.served.get(path, self.files[path])
        start = (request.http_range.start or 0) if self.by_range else 0
        self.asked.append(Asked(path=path, start=start))
        answer = web.StreamResponse(status=206 if start else 200)
        answer.content_length = len(content) - start
        await answer.prepare(request)
        if self.stalls:
            self.stalls -= 1
            await asyncio.Event().wait()
        if self.meeting is not None:
            await self.meeting.wait()
            self.meeting = None
        cut = self.cuts.popleft() if self.cuts else len(content)
        for begin in range(start, len(content), PIECE):
            piece = content[begin : begin + PIECE]
            if begin + len(piece) - start > cut:
                _hang_up(request)
                break
            await answer.write(piece)
            self.sent[path] += len(piece)
            if self._calls():
                _hang_up(request)
                break
        return answer

    def _refused(self, request: web.Request) -> web.Response | None:
        if self.refusals:
            return web.Response(status=self.refusals.popleft())
        if self.gate is None:
            return None
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token in self.gate.accepted:
            return None
        if token in self.gate.known:
            return _refusal(403, "GatedRepo")
        if not token:
            return _refusal(401, "GatedRepo")
        words = {"X-Error-Message": "Invalid credentials in Authorization header"}
        return web.Response(status=401, headers=words)

    def _calls(self) -> bool:
        if self._call is None or self.sent.total() < self._call[0]:
            return False
        self._call[1]()
        self._call = None
        return True


@asynccontextmanager
async def hub_lookalike(repo: str, commit: str, files: Mapping[str, bytes]) -> AsyncIterator[Hub]:
    """One that runs on this loop until the block ends."""
    hub = Hub(repo=repo, commit=commit, files=files)
    app = web.Application()
    app.router.add_get(f"/api/models/{repo}/revision/{{revision}}", hub.info)
    app.router.add_get(f"/{repo}/resolve/{{revision}}/{{path:.+}}", hub.resolve)
    app.router.add_get("/elsewhere/{path:.+}", hub.content)
    runner = web.AppRunner(app, shutdown_timeout=1.0, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        hub.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield hub
    finally:
        await runner.cleanup()


def _hang_up(request: web.Request) -> None:
    assert request.transport is not None
    request.transport.close()


def _metadata(content: bytes) -> dict[str, object]:
    head = f"blob {len(content)}\0".encode()
    known: dict[str, object] = {
        "size": len(content),
        "blobId": hashlib.sha1(head + content, usedforsecurity=False).hexdigest(),
    }
    if len(content) >= LFS_FROM:
        sha256 = hashlib.sha256(content).hexdigest()
        known["lfs"] = {"sha256": sha256, "size": len(content), "pointerSize": 134}
    return known


def _refusal(status: int, code: str) -> web.Response:
    return web.Response(status=status, headers={"X-Error-Code": code})
