"""The end of TLS that is called: what a gRPC port shows, and whom it lets in.

gRPC asks for the certificate at each new connection, so a new one needs no new port. TLS 1.2 is
the oldest that it speaks.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self, cast

import grpc

from failsoft_kit.tls.followed import FollowedTls
from failsoft_kit.tls.pem import PairFiles, Pem, TlsFiles
from failsoft_kit.tls.settings import ServerTlsSettings

_NAMES = ("peer_uri", "peer_dns")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ServerTls:
    """TLS of the gRPC ports of one service.

    Attributes:
        followed: The pair that is shown, and who may vouch for callers.
        services: Names in certificates of callers that are services of ours.
    """

    followed: FollowedTls
    services: Collection[str] = field(default=frozenset())

    @classmethod
    def of(cls, settings: ServerTlsSettings) -> Self:
        """
        Raises:
            StartupError: a file cannot be used.
        """
        own = PairFiles(certificate=settings.certificate_file, key=settings.key_file)
        files = TlsFiles(own=own, authorities=settings.client_ca_file, serves=True)
        return cls(followed=FollowedTls(files), services=frozenset(settings.services))

    def credentials(self) -> grpc.ServerCredentials:
        """What one port is opened with."""
        given = self.followed.current

        def renewed() -> grpc.ServerCertificateConfiguration | None:
            """Called by gRPC, in threads of its own; None: it has the right one already."""
            nonlocal given
            current = self.followed.current
            if current is given:
                return None
            given = current
            return _configuration(current)

        return grpc.dynamic_ssl_server_credentials(
            _configuration(given),
            # gRPC's documentation has None for "no change", its stubs do not.
            cast("Callable[[], grpc.ServerCertificateConfiguration]", renewed),
            require_client_authentication=given.authorities is not None,
        )


def names_of_peer(facts: Mapping[str, Iterable[bytes]]) -> tuple[str, ...]:
    """The names in the certificate that a caller has shown: URIs and DNS names, no common name.

    Args:
        facts: The call's `auth_context`.
    """
    names = [name for kind in _NAMES for name in facts.get(kind, ())]
    return tuple(name.decode("utf-8", "replace") for name in names)


def _configuration(pem: Pem) -> grpc.ServerCertificateConfiguration:
    pairs = [] if pem.own is None else [(pem.own.key, pem.own.certificate)]
    return grpc.ssl_server_certificate_configuration(pairs, pem.authorities)
