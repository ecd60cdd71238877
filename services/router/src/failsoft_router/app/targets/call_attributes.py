"""What the span of each call says of its target, in OpenTelemetry's words for generative AI."""

import re
from urllib.parse import urlsplit

from failsoft_kit.telemetry.span import Attributes, Value
from failsoft_router import telemetry
from failsoft_router.core.policy import Provider, TargetPolicy

_GRPC_TARGET = re.compile(
    r"(?:dns:(?://[^/]*/)?|ipv[46]:)?(?P<host>\[[^\]]+\]|[^\[\]:/,]+)(?::(?P<port>\d{1,5}))?"
)


def call_attributes(target: TargetPolicy) -> Attributes:
    """What every call to this target has in its span."""
    attributes: dict[str, Value] = {
        telemetry.OPERATION: telemetry.CHAT,
        telemetry.PROVIDER: telemetry.provider_name(target.provider),
        telemetry.REQUEST_MODEL: target.model,
        telemetry.STREAMED: True,
    }
    host, port = _server(target)
    if host:
        attributes[telemetry.SERVER_ADDRESS] = host
    if host and port:
        attributes[telemetry.SERVER_PORT] = port
    return attributes


def _server(target: TargetPolicy) -> tuple[str, int]:
    """Host and port that the policy names, behind a proxy too; empty or 0: it names none."""
    if target.provider is Provider.FAILSOFT:
        found = _GRPC_TARGET.fullmatch(target.endpoint)
        if found is None:
            return "", 0
        return found["host"].strip("[]"), int(found["port"] or 0)
    url = urlsplit(target.endpoint)
    return url.hostname or "", url.port or (443 if url.scheme == "https" else 80)
