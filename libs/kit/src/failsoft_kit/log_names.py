"""The events that may be in the log: declared once, documented, and checked by a test.

Each service declares its own in its `log_names`; docs/telemetry.md is generated from them.
Nothing looks at them at run time.
"""

import enum
from dataclasses import dataclass


class Severity(enum.Enum):
    """How bad an event is; `logs.Level` says from which on events are written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogName:
    """An event of the log, `noun.happened`.

    `severities` are those that it is logged with; empty: that of whoever says it.
    """

    name: str
    severities: tuple[Severity, ...]
    description: str


def debug(name: str, description: str) -> LogName:
    """Of interest to whoever looks for a fault."""
    return LogName(name=name, severities=(Severity.DEBUG,), description=description)


def info(name: str, description: str) -> LogName:
    """All is well, or well again."""
    return LogName(name=name, severities=(Severity.INFO,), description=description)


def warning(name: str, description: str) -> LogName:
    """Something is worse than it should be, and the service goes on."""
    return LogName(name=name, severities=(Severity.WARNING,), description=description)


def error(name: str, description: str) -> LogName:
    """A mistake, of ours or of who configured it, has cost something."""
    return LogName(name=name, severities=(Severity.ERROR,), description=description)


def critical(name: str, description: str) -> LogName:
    """A part of the service has died."""
    return LogName(name=name, severities=(Severity.CRITICAL,), description=description)


LOG_NAMES: tuple[LogName, ...] = (
    debug("rpc.answered", "A gRPC call was answered."),
    info("rpc.refused", "A gRPC call ended with a status that is the caller's own doing."),
    warning("rpc.failed", "A gRPC call ended with a status that is not the caller's doing."),
    error("rpc.crashed", "A gRPC call met a mistake of ours; the stack holds no values."),
    debug("http.answered", "An HTTP request was answered."),
    info("http.refused", "An HTTP request ended with a status that is the client's own doing."),
    warning("http.failed", "An HTTP request ended with a status from 500 on."),
    error("http.crashed", "An HTTP request met a mistake of ours; the stack holds no values."),
    info("service.serving", "All ports are open."),
    info("service.draining", "The service stops, and running calls may still end."),
    warning("service.calls_aborted", "Calls were ended that took longer than the drain."),
    info("service.stopped", "The last line of a service that ended in order."),
    critical("service.job_broke", "A job in the background broke, and is started again."),
    critical("process.crashed", "The process ends by a mistake of ours."),
    info("health.changed", "What health checks are told has changed, and why."),
    warning("identity.off", "No identity is configured: this machine's callers are one tenant."),
    info("identity.file_read", "A file of keys was read anew."),
    warning("identity.file_kept", "A file of keys has mistakes; the keys before it stay."),
    warning("identity.keys_not_fetched", "An issuer's keys cannot be fetched; those known stay."),
    info("tls.files_read", "Certificates were read anew, and are in use for new connections."),
    warning("tls.files_kept", "New certificates cannot be used; those before them stay."),
    info("metrics.serving", "Prometheus may read."),
    warning("telemetry.export_failing", "The collector takes no spans; they wait, then drop."),
    info("telemetry.export_recovered", "The collector takes spans again."),
    warning("telemetry.spans_refused", "The collector has refused spans of a batch for good."),
    warning("telemetry.spans_left_at_end", "The collector took too long when the service ended."),
    error("telemetry.spans_unencodable", "Spans hold what OTLP cannot say, and were dropped."),
    warning("telemetry.metrics_push_failing", "The collector takes no metrics."),
    info("telemetry.metrics_push_recovered", "The collector takes metrics again."),
    info("telemetry.metrics_not_taken", "There is no place for metrics at the collector."),
    error("telemetry.metric_unreadable", "A metric could not be read, and is left out."),
    warning("valkey.away", "Valkey does not answer, and what goes on without it."),
    info("valkey.connected", "Valkey answers, for the first time or again."),
    LogName(
        name="library.said",
        severities=(),
        description="A library logged something of its own, from `warning` on.",
    ),
)
