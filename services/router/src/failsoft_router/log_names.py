"""Every event that the router logs besides kit's; docs/telemetry.md is made of it."""

from failsoft_kit.log_names import LogName, Severity, critical, error, info, warning

LOG_NAMES: tuple[LogName, ...] = (
    info("walk.fell_back", "Another than the best target answered, or a stored or made-up one."),
    warning("walk.failed", "Nobody answered, and that was not the caller's doing."),
    error("walk.untold", "A mistake of ours kept an ended walk from being counted or remembered."),
    LogName(
        name="breaker.changed",
        severities=(Severity.INFO, Severity.WARNING),
        description="A target's health breaker is in another state; `warning` when it opened.",
    ),
    warning("gate.shut", "A provider's refusal has shut a gate; it opens by itself after that."),
    warning("egress.down", "No provider can be connected to: it is our own way out."),
    info("egress.back", "A provider was connected to again."),
    error("attempt.crashed", "A call to a target met a mistake of ours; the walk went on."),
    warning("target.isolated", "An operator has taken a target out."),
    warning("target.released", "An operator has let a target in again."),
    warning("endpoints.not_told", "Nobody says which endpoints a target has: they stay as known."),
    info("endpoints.told_again", "The endpoints of a target are followed again."),
    warning(
        "endpoints.by_name", "Nobody has told them since the start; a service's name leads on."
    ),
    warning("endpoints.watch_cut", "Endpoints are told, and changes come late: no watch lasts."),
    info("endpoints.watch_holds", "Changes of endpoints are told at once again."),
    error("target.not_closed", "The connection to a former target could not be closed."),
    warning("credential.unusable", "What a credential's source holds is none."),
    info("policy.in_force", "Another policy is in force."),
    error("policy.refused", "The policy's file has mistakes; the one before it stays in force."),
    warning("notice.not_told", "Kubernetes does not take an event of the router's pod."),
    critical("policy.reload_broke", "A reload met a mistake of ours; the policy before stays."),
    critical("supervisor.task_broke", "What ran beside the walks met a mistake of ours."),
    warning("cache.away", "The cache does not answer; walks go on without it."),
    warning("cache.store_failed", "Answers cannot be stored."),
    info("cache.store_resumed", "Answers can be stored again."),
    warning("cache.answer_unwritable", "An answer holds what the contract has no words for."),
    warning("explain.walk_unwritable", "What a walk did cannot be written down for Valkey."),
)
