"""HTTP requests over real sockets: who is answered, how, and what ends them."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest

from failsoft_kit.call import current
from failsoft_kit.clock import SystemClock
from failsoft_kit.http.connection import MAX_HEAD_BYTES, MAX_WAITING
from failsoft_kit.http.exchange import Reply, Request, Response
from failsoft_kit.http.health import health_routes
from failsoft_kit.http.names import HTTP_NAMES
from failsoft_kit.http.routes import Route
from failsoft_kit.identity import Access, ServiceToken
from failsoft_kit.rpc.health import Health
from failsoft_kit.rpc.names import CALLS_REFUSED, RPC_NAMES
from failsoft_kit.rpc.server import Service
from failsoft_kit.telemetry import NameRegistry, Tracer
from failsoft_kit.testing.http import http_port, http_service
from failsoft_kit.testing.metrics import number
from failsoft_kit.testing.spans import RecordedSpans
from failsoft_model.errors import Overloaded

pytestmark = pytest.mark.integration

TOKEN = "a-service-token-of-enough-characters"

POST_SOFT = b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nsoft"
LAST_SOFT = POST_SOFT.replace(b"host: x", b"host: x\r\nconnection: close")
EXPECTING = POST_SOFT.replace(b"host: x", b"host: x\r\nexpect: 100-continue").removesuffix(b"soft")


def post(handler: Callable[[Request, Response], Awaitable[None]]) -> Route:
    return Route(method="POST", path="/echo", access=Access.TENANT, handler=handler)


async def echo(request: Request, response: Response) -> None:
    await response.reply(Reply(status=200, body=await request.body()))


async def tell_below(request: Request, response: Response) -> None:
    body = f"{request.below} of {current().principal.tenant}"
    await response.reply(Reply(status=200, body=body.encode()))


ROUTES = [
    post(echo),
    Route(method="GET", path="/things/*", access=Access.TENANT, handler=tell_below),
]


@asynccontextmanager
async def client_of(service: Service) -> AsyncIterator[aiohttp.ClientSession]:
    async with (
        http_port(service) as port,
        aiohttp.ClientSession(base_url=f"http://127.0.0.1:{port}") as session,
    ):
        yield session


async def raw(port: int, sent: bytes) -> bytes:
    """What comes back until the server closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent)
        return await reader.read()
    finally:
        writer.close()


async def test_a_body_comes_back_with_an_id_and_a_date() -> None:
    async with client_of(http_service(ROUTES)) as client:
        asked = {"x-request-id": "my-own.id"}
        async with client.post("/echo", data=b"soft", headers=asked) as reply:
            assert (reply.status, await reply.read()) == (200, b"soft")
            assert reply.headers["x-request-id"] == "my-own.id"
            assert reply.headers["date"].endswith(" GMT")
            assert "server" not in reply.headers


async def test_a_request_is_one_span_of_its_callers_trace() -> None:
    spans, names = RecordedSpans(), NameRegistry(strict=True)
    names.register((*RPC_NAMES, *HTTP_NAMES))
    tracer = Tracer(clock=SystemClock(), sink=spans, names=names)
    trace = "0af7651916cd43dd8448eb211c80319c"
    async with client_of(http_service(ROUTES, tracer=tracer)) as client:
        asked = {"traceparent": f"00-{trace}-b7ad6b7169203331-01", "tracestate": "vendor=value"}
        async with client.post("/echo", data=b"soft", headers=asked) as reply:
            assert reply.headers["x-request-id"] == trace
            await reply.read()

    span = spans.one("POST /echo")
    assert span.context.trace_hex == trace
    assert span.context.state == "vendor=value"
    assert span.attributes["http.response.status_code"] == 200
    assert span.attributes["failsoft.tenant.id"] == "default"


async def test_a_path_below_its_route_is_told_apart() -> None:
    async with (
        client_of(http_service(ROUTES)) as client,
        client.get("/things/meta-llama/Llama-3") as reply,
    ):
        assert await reply.text() == "meta-llama/Llama-3 of default"


@pytest.mark.parametrize(
    ("method", "path", "reason"),
    [
        ("GET", "/nothing", "PATH_NOT_FOUND"),
        ("GET", "/things/", "PATH_NOT_FOUND"),
        ("GET", "/echo", "METHOD_NOT_ALLOWED"),
        ("POST", "/things/one", "METHOD_NOT_ALLOWED"),
    ],
)
async def test_what_is_not_served_is_refused(method: str, path: str, reason: str) -> None:
    async with (
        client_of(http_service(ROUTES)) as client,
        client.request(method, path) as reply,
    ):
        assert (await reply.json())["reason"] == reason


@pytest.mark.parametrize("path", ["/echo", "/nothing"])
async def test_a_stranger_does_not_learn_what_is_served(path: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    token = ServiceToken.from_file(file)
    service = http_service(ROUTES, token=token, trust_loopback=False)
    async with client_of(service) as client:
        async with client.post(path) as refused:
            assert refused.status == 401
        shown = {"authorization": f"Bearer {TOKEN}", "failsoft-tenant": "acme"}
        async with client.get("/things/one", headers=shown) as answered:
            assert await answered.text() == "one of acme"


@pytest.mark.parametrize(
    ("takes_unknown_keys", "trust_loopback", "status"),
    [(True, True, 200), (False, True, 401), (True, False, 401)],
)
async def test_a_key_that_nobody_knows_is_a_strangers_where_those_are_let_in(
    takes_unknown_keys: bool, trust_loopback: bool, status: int, tmp_path: Path
) -> None:
    """OpenAI's clients cannot be made without a key."""
    file = tmp_path / "token"
    file.write_text(TOKEN)
    service = http_service(
        ROUTES,
        token=ServiceToken.from_file(file),
        takes_unknown_keys=takes_unknown_keys,
        trust_loopback=trust_loopback,
    )
    shown = {"authorization": "Bearer any", "failsoft-tenant": "acme"}
    async with client_of(service) as client, client.get("/things/one", headers=shown) as reply:
        assert reply.status == status
        assert "acme" not in await reply.text()


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://rebound.example:50080", 503),
        ("https://localhost.example", 503),
        ("http://[", 503),
        ("http://localhost:5173", 200),
        ("http://127.0.0.1:8000", 200),
        ("http://[::1]:8000", 200),
        ("null", 503),
        ("app://notes", 200),
    ],
)
async def test_where_strangers_are_let_in_pages_of_other_sites_are_not(
    origin: str, status: int
) -> None:
    """A site whose name leads to this machine spends its owner's keys, and reads the answers."""
    async with (
        client_of(http_service(ROUTES, takes_unknown_keys=True)) as client,
        client.post("/echo", headers={"origin": origin}) as reply,
    ):
        assert reply.status == status
        assert (b"PERMISSION_DENIED" in await reply.read()) is (status == 503)


async def test_a_page_that_shows_who_asks_may_be_anybodys(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    service = http_service(ROUTES, token=ServiceToken.from_file(token), trust_loopback=False)
    shown = {"origin": "https://chat.example", "authorization": f"Bearer {TOKEN}"}
    async with client_of(service) as client, client.post("/echo", headers=shown) as reply:
        assert reply.status == 200


async def test_health_is_told_to_strangers(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    health = Health(["part"])
    service = http_service(
        health_routes(health),
        health=health,
        token=ServiceToken.from_file(file),
        trust_loopback=False,
    )

    async def statuses(client: aiohttp.ClientSession) -> list[int]:
        found = []
        for path in ("/healthz", "/readyz"):
            async with client.get(path) as reply:
                found.append(reply.status)
        return found

    async with client_of(service) as client:
        assert await statuses(client) == [200, 503]
        health.set("part", serving=True, why="")
        assert await statuses(client) == [200, 200]


async def test_a_check_without_a_body_is_answered_without_one() -> None:
    """Some balancers ask by HEAD."""
    async with http_port(http_service(health_routes(Health()))) as port:
        reply = await raw(port, b"HEAD /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    assert reply.startswith(b"HTTP/1.1 200 OK\r\n")
    assert reply.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("told", [True, False], ids=["told", "in chunks"])
async def test_a_body_that_is_too_long_is_refused(told: bool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * 500

    body = b"x" * 1025 if told else pieces()
    async with (
        client_of(http_service(ROUTES, max_body_bytes=1024)) as client,
        client.post("/echo", data=body) as reply,
    ):
        assert (await reply.json())["reason"] == "BODY_TOO_LARGE"


async def test_no_more_are_answered_at_once_than_there_is_room_for() -> None:
    inside, cue = asyncio.Event(), asyncio.Event()

    async def wait(request: Request, response: Response) -> None:
        inside.set()
        await cue.wait()
        await response.reply(Reply(status=200, body=b""))

    service = http_service([post(wait)], max_calls=1)
    async with client_of(service) as client:
        async with asyncio.TaskGroup() as tasks:
            first = tasks.create_task(client.post("/echo").__aenter__())
            await inside.wait()
            async with client.post("/echo") as second:
                assert (await second.json())["reason"] == Overloaded.reason
            cue.set()
        assert first.result().status == 200
    assert number(service.telemetry.meter, CALLS_REFUSED) == 1


async def test_where_there_are_too_many_connections_the_longest_idle_one_gives_way() -> None:
    async with http_port(http_service([post(echo)], max_calls=1, spare_connections=1)) as port:
        used, idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        used[1].write(POST_SOFT)
        assert (await used[0].readuntil(b"soft")).startswith(b"HTTP/1.1 200 ")

        assert (await raw(port, LAST_SOFT)).endswith(b"soft")

        assert await idle[0].read() == b""
        used[1].write(POST_SOFT)
        assert (await used[0].readuntil(b"soft")).startswith(b"HTTP/1.1 200 ")
        for _, writer in (used, idle):
            writer.close()


async def test_a_connection_that_gives_way_is_gone_though_its_last_reply_was_not_read() -> None:
    """Who never reads would keep as many connections as it likes, beyond every bound."""
    whole, written = 16 * 1024 * 1024, asyncio.Event()

    async def tell_much(_request: Request, response: Response) -> None:
        await response.reply(Reply(status=200, body=bytes(whole)))
        written.set()

    service = http_service([post(tell_much)], max_calls=1, spare_connections=0)
    async with http_port(service) as port:
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(deaf, ("127.0.0.1", port))
            await loop.sock_sendall(deaf, POST_SOFT)
            await written.wait()

            assert (await raw(port, LAST_SOFT)).startswith(b"HTTP/1.1 200 ")

            read = 0
            with suppress(ConnectionResetError):
                while piece := await loop.sock_recv(deaf, 65536):
                    read += len(piece)
            assert read < whole


async def test_where_every_connection_has_a_request_the_next_one_is_refused() -> None:
    service = http_service([post(echo)], max_calls=2, spare_connections=0)
    async with http_port(service) as port:
        busy = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        for reader, writer in busy:
            writer.write(EXPECTING)
            assert await reader.readuntil(b"\r\n\r\n")

        refusal = await raw(port, b"")

        assert refusal.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 1" in refusal
        for _, writer in busy:
            writer.close()


async def test_a_check_is_answered_when_others_find_no_room_and_leaves_no_span(
    tmp_path: Path,
) -> None:
    """A monitor went blind in the moment that it was bought for."""
    file = tmp_path / "token"
    file.write_text(TOKEN)
    spans = RecordedSpans()
    route = Route(method="GET", path="/how", access=Access.TENANT, handler=echo, is_check=True)
    service = http_service(
        [route],
        tracer=Tracer(clock=SystemClock(), sink=spans),
        token=ServiceToken.from_file(file),
        trust_loopback=False,
        max_calls=0,
    )

    async with client_of(service) as client:
        async with client.get("/how", headers={"authorization": f"Bearer {TOKEN}"}) as reply:
            assert reply.status == 200
        async with client.get("/how") as refused:
            assert refused.status == 401

    assert spans.all() == ()


async def test_a_client_that_goes_away_ends_its_request() -> None:
    inside, ended = asyncio.Event(), asyncio.Event()
    spans = RecordedSpans()

    async def wait(request: Request, response: Response) -> None:
        inside.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.set()

    service = http_service([post(wait)], tracer=Tracer(clock=SystemClock(), sink=spans))
    async with http_port(service) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n")
        await inside.wait()
        writer.close()
        await ended.wait()

    span = spans.one("POST /echo")
    assert span.attributes["http.response.status_code"] == 499
    assert "error.type" not in span.attributes


async def test_a_request_is_ended_though_the_one_before_it_lingers() -> None:
    """Its own end was forgotten when the handler before it returned after its reply."""
    inside, go_on, left, ended = (asyncio.Event() for _ in range(4))

    async def linger(request: Request, response: Response) -> None:
        await response.reply(Reply(status=200, body=b"over"))
        await go_on.wait()
        left.set()

    async def wait(request: Request, response: Response) -> None:
        inside.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.set()

    first = Route(method="GET", path="/first", access=Access.TENANT, handler=linger)
    async with http_port(http_service([first, post(wait)])) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /first HTTP/1.1\r\nhost: x\r\n\r\n")
        await reader.readuntil(b"over")
        writer.write(b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n")
        await inside.wait()
        go_on.set()
        await left.wait()
        writer.close()
        async with asyncio.timeout(10):
            await ended.wait()


async def test_for_a_client_that_does_not_read_nothing_is_made_ready() -> None:
    """Else what nobody takes would fill the memory; there are others to be served."""
    full, taken = asyncio.Event(), asyncio.Event()

    async def flood(request: Request, response: Response) -> None:
        await response.begin(200, [])
        while not response.stuck:
            await response.write(b"x" * 65536)
        full.set()
        await response.write(b"x")
        taken.set()
        await response.end()

    routes = [post(flood), ROUTES[1]]
    async with http_port(http_service(routes)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
        writer.write(b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n")
        await full.wait()
        other = b"GET /things/one HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
        for _ in range(3):
            assert (await raw(port, other)).endswith(b"one of default")
        assert not taken.is_set()
        while not taken.is_set():
            await reader.read(65536)
        writer.close()


async def test_a_client_that_does_not_read_is_told_nothing_more() -> None:
    """The error would wait behind what it has not read, and the request with it."""
    over = asyncio.Event()

    async def flood(request: Request, response: Response) -> None:
        await response.begin(200, [])
        while not response.stuck:
            await response.write(b"x" * 65536)
        over.set()
        raise Overloaded("no more")

    async with http_port(http_service([post(flood)])) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
        writer.write(b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n")
        await over.wait()
        seen = b""
        with suppress(ConnectionError):
            while piece := await reader.read(65536):
                seen = piece
        writer.close()
    assert b"!OVERLOADED" not in seen
    assert not seen.endswith(b"0\r\n\r\n")


async def test_a_client_that_reads_nothing_gives_its_room_back() -> None:
    """One that showed no key could keep everybody else's."""
    ended = asyncio.Event()

    async def flood(request: Request, response: Response) -> None:
        await response.begin(200, [])
        try:
            while True:
                await response.write(b"x" * 65536)
        finally:
            ended.set()

    service = http_service([post(flood), ROUTES[1]], max_calls=1, unread_seconds=0.05)
    async with http_port(service) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
        writer.write(b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n")
        async with asyncio.timeout(10):
            await ended.wait()
        other = b"GET /things/one HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
        assert (await raw(port, other)).endswith(b"one of default")
        writer.close()


async def test_a_mistake_of_ours_is_told_without_its_words() -> None:
    async def crash(request: Request, response: Response) -> None:
        raise ValueError("what the caller said")

    async with client_of(http_service([post(crash)])) as client, client.post("/echo") as reply:
        assert (await reply.json())["reason"] == "INTERNAL"
        assert "caller" not in await reply.text()


async def test_a_head_without_an_end_is_refused() -> None:
    async with http_port(http_service(ROUTES)) as port:
        head = b"GET / HTTP/1.1\r\nhost: x\r\nx-much: " + b"y" * (MAX_HEAD_BYTES + 1)
        assert (await raw(port, head)).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("sent", [b"", b"GET /things/one HTTP/1.1\r\nhost: x\r\nx-slow: "])
async def test_a_head_that_does_not_come_costs_a_connection_for_a_moment_only(sent: bytes) -> None:
    async with http_port(http_service(ROUTES, head_seconds=0.05)) as port:
        assert await raw(port, sent) == b""


async def test_a_second_head_that_does_not_come_ends_the_connection_too() -> None:
    whole = b"GET /things/one HTTP/1.1\r\nhost: x\r\n\r\n"
    async with http_port(http_service(ROUTES, head_seconds=0.05)) as port:
        assert (await raw(port, whole + b"GET /things")).endswith(b"one of default")


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    async with http_port(http_service(ROUTES, body_seconds=0.05)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nso")
        assert b'"BODY_LATE"' in await reader.readuntil(b"}")
        writer.close()


@pytest.mark.parametrize(
    "twice",
    [
        b"content-length: 4\r\ntransfer-encoding: chunked\r\n",
        b"content-length: 4\r\ncontent-length: 5\r\n",
        b"transfer-encoding: chunked, identity\r\n",
        b"content-length: +4\r\n",
        b"x y: z\r\n",
    ],
)
async def test_a_request_that_can_be_read_in_two_ways_is_refused(twice: bytes) -> None:
    async with http_port(http_service(ROUTES)) as port:
        sent = b"POST /echo HTTP/1.1\r\nhost: x\r\n" + twice + b"\r\nsoft"
        reply = await raw(port, sent)
    assert reply.startswith(b"HTTP/1.1 400 ")
    assert reply.count(b"HTTP/1.1") == 1


async def test_pipelined_requests_are_answered_in_their_order() -> None:
    def request(body: bytes, more: bytes = b"") -> bytes:
        head = b"POST /echo HTTP/1.1\r\nhost: x\r\n" + more
        return head + b"content-length: %d\r\n\r\n" % len(body) + body

    async with http_port(http_service(ROUTES)) as port:
        replies = await raw(port, request(b"one") + request(b"two", b"connection: close\r\n"))
    assert replies.index(b"one") < replies.index(b"two")


async def test_requests_of_one_connection_are_no_family() -> None:
    """One began in the context of the other, and had its trace and its id."""
    spans = RecordedSpans()
    one = b"GET /things/one HTTP/1.1\r\nhost: x\r\n"
    service = http_service(ROUTES, tracer=Tracer(clock=SystemClock(), sink=spans))
    async with http_port(service) as port:
        await raw(port, one + b"\r\n" + one + b"connection: close\r\n\r\n")

    first, second = spans.all()
    assert first.context.trace_id != second.context.trace_id


async def test_a_flood_of_pipelined_requests_ends_their_connection() -> None:
    """Each read brought thousands more, whose heads filled the memory."""
    request = b"GET /things/one HTTP/1.1\r\nhost: x\r\n"
    last = request + b"connection: close\r\n\r\n"
    async with http_port(http_service(ROUTES)) as port:
        some = await raw(port, (request + b"\r\n") * MAX_WAITING + last)
        with suppress(ConnectionError):
            assert await raw(port, (request + b"\r\n") * (MAX_WAITING + 1) + last) == b""
    assert some.count(b"one of default") == 1 + MAX_WAITING


async def test_garbage_behind_a_running_request_gets_no_reply_of_its_own() -> None:
    """A second reply would be read as part of the first."""
    inside = asyncio.Event()

    async def begin(request: Request, response: Response) -> None:
        await response.begin(200, [])
        await response.write(b"begun")
        inside.set()
        await asyncio.get_running_loop().create_future()

    async with http_port(http_service([post(begin)])) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n")
        await inside.wait()
        seen = await reader.readuntil(b"begun\r\n")
        writer.write(b"\x00\x01garbage\r\n\r\n")
        with suppress(ConnectionError):
            seen += await reader.read()
        writer.close()
    assert b" 400 " not in seen


async def test_leave_to_send_a_body_is_given_only_where_it_is_read() -> None:
    head = b"POST %s HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 4\r\n"
    async with http_port(http_service(ROUTES)) as port:
        read = await raw(port, head % b"/echo" + b"connection: close\r\n\r\nsoft")
        refused = await raw(port, head % b"/nothing" + b"\r\n")
    assert read.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert refused.startswith(b"HTTP/1.1 404 ")
    assert b"connection: close" in refused


async def test_an_offer_of_another_protocol_is_passed_over() -> None:
    """Some clients of Java offer HTTP/2 with every request."""
    head = (
        b"POST /echo HTTP/1.1\r\nhost: x\r\nconnection: Upgrade, HTTP2-Settings\r\n"
        b"upgrade: h2c\r\nhttp2-settings: AAMAAABkAAQ\r\ncontent-length: 4\r\n\r\nsoft"
    )
    last = b"POST /echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    async with http_port(http_service(ROUTES)) as port:
        replies = await raw(port, head + last)
    assert replies.count(b"HTTP/1.1 200 OK\r\n") == 2
    assert b"\r\n\r\nsoft" in replies
