"""Certificates are exchanged under running calls, and none of them notices."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import grpc
import pytest
from certificates import MountedSecret, TestAuthority
from google.protobuf.wrappers_pb2 import StringValue
from tls_stage import ROUTER, SERVER, TlsStage, channel, client_of, serving

from failsoft_kit.rpc.channel import open_channel
from failsoft_kit.testing.echo import Echo, EchoStub
from failsoft_kit.tls import client as tls_client
from failsoft_kit.tls.client import ClientTls
from failsoft_kit.tls.renewed import RenewedChannel

pytestmark = pytest.mark.integration

STREAMS = 8
PATIENCE = 30.0
WORDS = "a stream that goes on"
LONGEST_STREAM = 600.0
"""Seconds: a target's `limits.total`, where a policy says nothing else."""


class Held:
    """Streams that say one letter, and the others when they are let go."""

    def __init__(self) -> None:
        self.let_go = asyncio.Event()
        self.echo = Echo(stream=self._stream)

    async def _stream(self, request: StringValue, context: object) -> AsyncIterator[StringValue]:
        yield StringValue(value=request.value[0])
        await self.let_go.wait()
        for letter in request.value[1:]:
            yield StringValue(value=letter)


async def begin(stub: EchoStub) -> AsyncIterator[StringValue]:
    """A stream that has begun to answer."""
    replies = aiter(stub.stream(StringValue(value=WORDS), timeout=2 * PATIENCE))
    assert (await anext(replies)).value == WORDS[0]
    return replies


async def rest_of(replies: AsyncIterator[StringValue]) -> str:
    return "".join([reply.value async for reply in replies])


async def answers(stub: EchoStub) -> bool:
    """Whether a new call comes through."""
    try:
        await stub.unary(StringValue(), timeout=PATIENCE)
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.UNAVAILABLE:
            raise
        return False
    return True


@asynccontextmanager
async def following(*clients: ClientTls) -> AsyncIterator[None]:
    """Have clients follow their files inside the block, as a service does in the background."""
    async with asyncio.TaskGroup() as tasks:
        jobs = [tasks.create_task(client.run()) for client in clients]
        yield
        for job in jobs:
            job.cancel()


async def test_all_certificates_are_exchanged_and_no_stream_is_lost(stage: TlsStage) -> None:
    """By those of another authority, so that who still has an old one would be refused."""
    router, newcomer = stage.secret("router", ROUTER), TestAuthority()
    client, held, tls = client_of(router), Held(), stage.server_tls(services=[ROUTER])
    late = client_of(stage.secret("late", ROUTER, authority=newcomer))
    async with (
        asyncio.timeout(2 * PATIENCE),
        following(client),
        serving(tls, echo=held.echo) as address,
        channel(client, address) as opened,
    ):
        stub = EchoStub(opened)
        streams = [await begin(stub) for _ in range(STREAMS)]
        async with channel(late, address) as too_early:
            assert not await answers(EchoStub(too_early))

        stage.server.put(newcomer, newcomer.issue(SERVER))
        router.put(newcomer, newcomer.issue(ROUTER))
        async with channel(late, address) as in_time:
            while not await answers(EchoStub(in_time)):
                pass
        while not await answers(stub):
            pass

        held.let_go.set()
        said = [await rest_of(stream) for stream in streams]

    assert said == [WORDS[1:]] * STREAMS


async def test_the_channel_that_was_replaced_is_closed_when_its_calls_are_over(
    stage: TlsStage,
) -> None:
    """It would go on connecting, with a certificate whose time is over."""
    router, held = stage.secret("router", ROUTER), Held()
    client = client_of(router)
    async with (
        asyncio.timeout(2 * PATIENCE),
        following(client),
        serving(stage.server_tls(services=[ROUTER]), echo=held.echo) as address,
        client.open_channel(address, server_name=SERVER) as opened,
    ):
        assert isinstance(opened, RenewedChannel)
        stub, before = EchoStub(opened), opened.current
        stream = await begin(stub)
        router.put(stage.authority, stage.authority.issue(ROUTER))
        while opened.current is before:
            assert await answers(stub)
        assert before.get_state() is grpc.ChannelConnectivity.READY

        held.let_go.set()
        assert await rest_of(stream) == WORDS[1:]
        while before.get_state() is not grpc.ChannelConnectivity.SHUTDOWN:
            assert await answers(stub)


async def test_calls_have_their_whole_time_on_the_channel_that_was_replaced(
    stage: TlsStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer of ten minutes had to be longer than any test to be missed."""
    router, graces = stage.secret("router", ROUTER), asyncio.Queue[float | None]()

    class Overheard(RenewedChannel):
        async def close(self, grace: float | None = None) -> None:
            graces.put_nowait(grace)
            await super().close(grace)

    def overheard(target: str, **options: Any) -> grpc.aio.Channel:  # noqa: ANN401 - of any type
        opened = partial(open_channel, target, **options)
        return Overheard(opened, on_close=lambda _: None)

    monkeypatch.setattr(tls_client, "open_channel", overheard)
    client = client_of(router)
    async with asyncio.timeout(PATIENCE), following(client), channel(client, "127.0.0.1:1"):
        router.put(stage.authority, stage.authority.issue(ROUTER))
        grace = await graces.get()

    assert grace is not None
    assert grace >= LONGEST_STREAM


async def test_a_new_connection_shows_the_server_s_new_certificate(stage: TlsStage) -> None:
    tls, caller = stage.server_tls(certificates=False), stage.secret("caller")
    async with serving(tls) as address:
        stage.server.put(stage.authority, stage.authority.issue("renamed.test"))
        tls.followed.look()
        client = client_of(caller, shows=False)
        async with channel(client, address, server_name="renamed.test") as opened:
            assert await answers(EchoStub(opened))
        async with channel(client, address) as opened:
            assert not await answers(EchoStub(opened))


async def test_a_service_follows_its_files_by_itself(stage: TlsStage) -> None:
    caller = client_of(stage.secret("caller"), shows=False)
    async with asyncio.timeout(PATIENCE), serving(stage.server_tls(certificates=False)) as address:
        stage.server.put(stage.authority, stage.authority.issue("renamed.test"))
        async with channel(caller, address, server_name="renamed.test") as opened:
            while not await answers(EchoStub(opened)):
                pass


@pytest.mark.parametrize("bad", ["a key that does not fit", "an expired certificate"])
async def test_a_bad_pair_keeps_the_old_one_in_use(stage: TlsStage, bad: str) -> None:
    tls, caller = stage.server_tls(certificates=False), stage.secret("caller")
    async with serving(tls) as address:
        spoil(stage, stage.server, bad)
        tls.followed.look()
        async with channel(client_of(caller, shows=False), address) as opened:
            assert await answers(EchoStub(opened))


@pytest.mark.parametrize("bad", ["a key that does not fit", "an expired certificate"])
async def test_a_caller_s_bad_pair_keeps_its_channel(stage: TlsStage, bad: str) -> None:
    router = stage.secret("router", ROUTER)
    client = client_of(router)
    async with (
        serving(stage.server_tls(services=[ROUTER])) as address,
        channel(client, address) as opened,
    ):
        spoil(stage, router, bad)
        assert await client.renew() == []
        assert await answers(EchoStub(opened))


async def test_a_closed_channel_is_not_renewed(stage: TlsStage) -> None:
    """A router opens and closes them with every change of its policy, for months."""
    router = stage.secret("router", ROUTER)
    client = client_of(router)
    async with channel(client, "127.0.0.1:1"):
        pass

    router.put(stage.authority, stage.authority.issue(ROUTER))

    assert await client.renew() == []


def spoil(stage: TlsStage, secret: MountedSecret, how: str) -> None:
    """Exchange a Secret for one that is of no use."""
    good, name = stage.authority.issue(SERVER), SERVER
    if how == "an expired certificate":
        secret.put(stage.authority, stage.authority.issue(name, days=(-3, -1)))
    else:
        secret.put(stage.authority, good, key=stage.authority.issue(name).key)
