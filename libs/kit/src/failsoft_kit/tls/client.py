"""The end of TLS that calls: channels to our services, by certificates that may change.

gRPC cannot give a channel another certificate. So there is a new channel for the next call when
the files have changed, and the old one is closed when the calls on it are over.
"""

import asyncio

import grpc

from failsoft_kit.followed import CHECK_SECONDS
from failsoft_kit.identity import ServiceToken
from failsoft_kit.rpc.channel import LONGEST_CALL_SECONDS, open_channel, server_name_option
from failsoft_kit.tls.followed import FollowedTls
from failsoft_kit.tls.pem import PairFiles, TlsFiles
from failsoft_kit.tls.renewed import RenewedChannel
from failsoft_kit.tls.settings import ClientTlsSettings


class ClientTls:
    """Opens channels to our services; `run` renews them when the files have changed."""

    def __init__(self, settings: ClientTlsSettings) -> None:
        """
        Raises:
            StartupError: a file cannot be used.
        """
        own = None
        if settings.certificate_file is not None and settings.key_file is not None:
            own = PairFiles(certificate=settings.certificate_file, key=settings.key_file)
        files = TlsFiles(own=own, authorities=settings.ca_file, serves=False)
        self._followed = FollowedTls(files)
        self._channels: set[RenewedChannel] = set()

    def open_channel(
        self,
        target: str,
        *,
        token: ServiceToken | None = None,
        authorities: bytes | None = None,
        server_name: str = "",
    ) -> grpc.aio.Channel:
        """Open a channel, see `failsoft_kit.rpc.channel.open_channel`.

        Args:
            authorities: Who may vouch for this peer, in PEM; None: those of the settings.
            server_name: What the peer's certificate has to be for; empty: the target's host.
        """

        def open_() -> grpc.aio.Channel:
            tls, options = self._credentials(authorities), server_name_option(server_name)
            return open_channel(target, token=token, options=options, tls=tls)

        channel = RenewedChannel(open_, on_close=self._channels.discard)
        self._channels.add(channel)
        return channel

    async def run(self) -> None:
        """Look at the files once a second, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                await asyncio.sleep(CHECK_SECONDS)
                for old in await self.renew():
                    tasks.create_task(old.close(LONGEST_CALL_SECONDS))

    async def renew(self) -> list[grpc.aio.Channel]:
        """Look at the files, and give every channel what they say if that is new.

        Returns:
            The channels that were in use, to be closed when their calls are over.
        """
        if not await asyncio.to_thread(self._followed.look):
            return []
        return [channel.renew() for channel in self._channels]

    def _credentials(self, authorities: bytes | None) -> grpc.ChannelCredentials:
        pem = self._followed.current
        roots = authorities or pem.authorities
        if pem.own is None:
            return grpc.ssl_channel_credentials(roots)
        return grpc.ssl_channel_credentials(roots, pem.own.key, pem.own.certificate)
