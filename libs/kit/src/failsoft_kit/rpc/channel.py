"""Calling one of our services.

A channel never retries by itself (the walk decides about retries), comes back to a
peer that was dead within about a second, and spreads calls over all its addresses.
"""

from collections.abc import Mapping

import grpc

from failsoft_kit.identity import AUTHORIZATION_METADATA, TENANT_METADATA, ServiceToken
from failsoft_kit.rpc.authorized import AuthorizedChannel
from failsoft_kit.telemetry.context import SpanContext, carrier_of
from failsoft_kit.telemetry.span import Span

ATTEMPT_METADATA = "failsoft-attempt-id"
DEPTH_METADATA = "failsoft-depth"
FOLLOWING_METADATA = "failsoft-following"
"""In a stream's initial metadata: nothing that happens from now on is missed."""
REQUEST_ID_METADATA = "x-request-id"

Metadata = tuple[tuple[str, str], ...]
Options = Mapping[str, int | str]

MAX_MESSAGE_BYTES = 8 * 1024 * 1024
LONGEST_CALL_SECONDS = 660.0
"""For how long a call may go on over a connection that new ones no longer use: the 600 s that a
target has by default (`limits.total`), and a minute for what is around it."""

_OPTIONS: Options = {
    "grpc.enable_retries": 0,
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 1000,
    # By default half a minute, in which one whose pods were all replaced is looked for in vain.
    "grpc.dns_min_time_between_resolutions_ms": 1000,
    "grpc.keepalive_time_ms": 60_000,
    "grpc.keepalive_timeout_ms": 20_000,
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
    "grpc.service_config": '{"loadBalancingConfig": [{"round_robin": {}}]}',
}


def open_channel(
    target: str,
    *,
    token: ServiceToken | None = None,
    options: Options | None = None,
    tls: grpc.ChannelCredentials | None = None,
) -> grpc.aio.Channel:
    """Open a channel; it connects when it is first used.

    Args:
        target: As gRPC names it: `127.0.0.1:50051`, `dns:///failsoft-local-llm:50051`.
        token: Shown with every call; None: calls are made as nobody.
        options: gRPC channel arguments that differ from Failsoft's own.
        tls: Whom to trust at the other end; None: calls travel in the clear.
    """
    named = {**_OPTIONS, **(options or {})}
    arguments = tuple(named.items())
    if tls is None:
        channel = grpc.aio.insecure_channel(target, options=arguments)
    else:
        channel = grpc.aio.secure_channel(target, tls, options=arguments)
    return channel if token is None else AuthorizedChannel(channel, token)


def server_name_option(name: str) -> Options | None:
    """The argument of a channel whose peer's certificate is for `name` and not for the target's
    host; None for an empty one."""
    return {"grpc.ssl_target_name_override": name} if name else None


def outgoing_metadata(
    *,
    tenant: str | None = None,
    span: Span | SpanContext | None = None,
    attempt_id: str | None = None,
    depth: int | None = None,
    request_id: str | None = None,
    token: ServiceToken | None = None,
) -> Metadata:
    """The metadata of a call to one of our services.

    Args:
        tenant: Whose request it is; counts only if the call shows the token.
        span: What the callee's spans are children of.
        attempt_id: walk_id/hop/attempt, which becomes the engine's request id.
        depth: Routers that the request has gone through, the one that calls included.
        request_id: The caller's own id, for correlation.
        token: Only for a channel that doesn't show it already.
    """
    metadata: list[tuple[str, str]] = []
    if span is not None:
        context = span.context if isinstance(span, Span) else span
        metadata.extend(carrier_of(context).items())
    if tenant is not None:
        metadata.append((TENANT_METADATA, tenant))
    if attempt_id is not None:
        metadata.append((ATTEMPT_METADATA, attempt_id))
    if depth is not None:
        metadata.append((DEPTH_METADATA, str(depth)))
    if request_id is not None:
        metadata.append((REQUEST_ID_METADATA, request_id))
    if token is not None:
        metadata.append((AUTHORIZATION_METADATA, token.authorization()))
    return tuple(metadata)
