"""The telemetry names that serving HTTP uses; services that serve it register them."""

from failsoft_kit.rpc.names import CALL_DURATION
from failsoft_kit.telemetry.names import (
    AttributeName,
    MetricName,
    MetricType,
    Name,
    SpanName,
    ValueType,
)

METHOD = AttributeName(
    name="http.request.method",
    type=ValueType.STRING,
    description="GET, POST; `_OTHER` for a method that nothing is served with.",
)
ROUTE = AttributeName(
    name="http.route",
    type=ValueType.STRING,
    description="The path as its route names it; empty where nothing is served.",
)
STATUS = AttributeName(
    name="http.response.status_code",
    type=ValueType.INT,
    description="Status of an HTTP reply; 499: the client went away before there was one.",
)

REQUEST_DURATION = MetricName(
    name="http.server.request.duration",
    type=MetricType.HISTOGRAM,
    unit="s",
    description="Requests that were answered, streams until their end; without health checks.",
    labels=(METHOD, ROUTE, STATUS),
    buckets=CALL_DURATION.buckets,
)

HTTP_NAMES: tuple[Name, ...] = (
    SpanName(
        name="{method} {route}",
        description="An HTTP request that is answered: from its head to the end of its reply.",
    ),
    METHOD,
    ROUTE,
    STATUS,
    REQUEST_DURATION,
)
