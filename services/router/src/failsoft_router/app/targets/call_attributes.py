"""What the span of each call says of its target, in OpenTelemetry's words for generative AI."""

import re
from urllib.parse import urlsplit

from failsoft_kit.telemetry.span import Attributes, Value
from failsoft_router import span_names
from failsoft_router.core.policy import Provider, TargetPolicy

_GRPC_TARGET = re.compile(
    r"(?:dns:(?://[^/]*/)?|ipv[46]:)?(?P<host>\[[^\]]+\]|[^\[\]:/,]+)(?::(?P<port>\d{1,5}))?"
)


def call_attributes(target: TargetPolicy) -> Attributes:
    """What every call to this target has in its span."""
    attributes: dict[str, Value] = {
        span_names.OPERATION: span_names.CHAT,
        span_names.PROVIDER: span_names.provider_name(target.provider),
        span_names.REQUEST_MODEL: target.model,
        span_names.STREAMED: True,
    }
    host, port = _server(target)
    if host:
        attributes[span_names.SERVER_ADDRESS] = host
    if host and port:
        attributes[span_names.SERVER_PORT] = port
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
