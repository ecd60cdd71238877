"""A service with TLS and its callers, all with Secrets that can be exchanged."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import grpc
from certificates import MountedSecret, TestAuthority

from failsoft_kit.identity import Access, Authority, ServiceToken
from failsoft_kit.rpc.server import running
from failsoft_kit.testing.echo import STREAM, UNARY, Echo
from failsoft_kit.testing.grpc import service_of
from failsoft_kit.tls.client import ClientTls
from failsoft_kit.tls.server import ServerTls
from failsoft_kit.tls.settings import ClientTlsSettings, ServerTlsSettings

SERVER = "cache.test"
ROUTER = "router.test"


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsStage:
    """Where the Secrets are, and who vouches for them."""

    folder: Path
    authority: TestAuthority
    server: MountedSecret

    @classmethod
    def in_folder(cls, folder: Path) -> Self:
        """A server's Secret, and nobody else's yet."""
        authority = TestAuthority()
        server = MountedSecret(folder / "server", authority, authority.issue(SERVER))
        return cls(folder=folder, authority=authority, server=server)

    def secret(
        self, name: str, *names: str, authority: TestAuthority | None = None
    ) -> MountedSecret:
        """A Secret for a caller with these names."""
        by = authority or self.authority
        return MountedSecret(self.folder / name, by, by.issue(*names))

    def server_tls(self, *, certificates: bool = True, services: Sequence[str] = ()) -> ServerTls:
        """
        Args:
            certificates: Whether callers have to show one.
        """
        settings = ServerTlsSettings(
            certificate_file=self.server.certificate,
            key_file=self.server.key,
            client_ca_file=self.server.authorities if certificates else None,
            services=list(services),
        )
        return ServerTls.of(settings)


def client_of(secret: MountedSecret, *, shows: bool = True) -> ClientTls:
    """A caller with that Secret.

    Args:
        shows: Whether it has a certificate of its own, or only trusts.
    """
    return ClientTls(
        ClientTlsSettings(
            ca_file=secret.authorities,
            certificate_file=secret.certificate if shows else None,
            key_file=secret.key if shows else None,
        )
    )


@asynccontextmanager
async def serving(
    tls: ServerTls,
    *,
    echo: Echo | None = None,
    access: Access = Access.TENANT,
    token: ServiceToken | None = None,
    authorities: Sequence[Authority] = (),
) -> AsyncIterator[str]:
    """Run a service with TLS inside the block; gives its address."""
    service = service_of(
        (echo or Echo()).register,
        access={UNARY: access, STREAM: access},
        token=token,
        authorities=authorities,
    )
    (listener,) = service.listeners
    async with running(replace(service, listeners=[replace(listener, tls=tls)])) as (port,):
        yield f"127.0.0.1:{port}"


def channel(client: ClientTls, address: str, *, server_name: str = SERVER) -> grpc.aio.Channel:
    """A channel that expects the server of the stage."""
    return client.open_channel(address, server_name=server_name)
