"""How both clients call: where to, as whom, and for how long at most."""

import math
import ssl
from dataclasses import dataclass

import grpc

DEFAULT_TIMEOUT = 120.0

CHANNEL_OPTIONS: tuple[tuple[str, int | str], ...] = (
    # A retry would be a second walk, with a second bill; retries are the router's business.
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.max_receive_message_length", 8 * 1024 * 1024),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """How the router proves that it is the one.

    Attributes:
        authorities: Who may vouch for it, in PEM; None: those that gRPC brings along.
        server_name: What its certificate has to be for; empty: the target's host.

    Raises:
        ValueError: there is no certificate in `authorities`, which gRPC would take for None.
    """

    authorities: bytes | None = None
    server_name: str = ""

    def __post_init__(self) -> None:
        if self.authorities is not None and not _has_certificates(self.authorities):
            raise ValueError("authorities: no certificate in PEM is in it")

    @property
    def credentials(self) -> grpc.ChannelCredentials:
        """What a channel is opened with."""
        return grpc.ssl_channel_credentials(self.authorities)

    @property
    def options(self) -> tuple[tuple[str, int | str], ...]:
        """Options of such a channel."""
        if not self.server_name:
            return CHANNEL_OPTIONS
        return *CHANNEL_OPTIONS, ("grpc.ssl_target_name_override", self.server_name)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSettings:
    """What every call of one client carries.

    Attributes:
        timeout: Seconds for one call, its stream included.
        metadata: Whom the call is from.
    """

    timeout: float
    metadata: tuple[tuple[str, str], ...]

    def timeout_or(self, timeout: float | None) -> float:
        """The timeout of one call, where None means the client's own."""
        return self.timeout if timeout is None else _checked(timeout)


def call_settings(*, timeout: float, token: str | None, tenant: str | None) -> CallSettings:
    """Raises ValueError for a timeout that is none: calls without a deadline can hang for ever."""
    metadata: list[tuple[str, str]] = []
    if token is not None:
        metadata.append(("authorization", f"Bearer {token}"))
    if tenant is not None:
        metadata.append(("failsoft-tenant", tenant))
    return CallSettings(timeout=_checked(timeout), metadata=tuple(metadata))


def _has_certificates(pem: bytes) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        # Between certificates there may be words in any language; within one, they spoil it.
        context.load_verify_locations(cadata=pem.decode("ascii", "backslashreplace"))
    except (ValueError, ssl.SSLError):
        return False
    return True


def _checked(timeout: float) -> float:
    if not 0 < timeout < math.inf:
        raise ValueError("timeout: a number of seconds over 0 is needed")
    return timeout
