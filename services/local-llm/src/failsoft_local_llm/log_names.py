"""Every event that local-llm logs besides kit's; docs/telemetry.md is made of it."""

from failsoft_kit.log_names import LogName, critical, info, warning

LOG_NAMES: tuple[LogName, ...] = (
    info("profile.chosen", "Which model is run how, and why."),
    warning("fallback.missing", "There is no smaller model to go back to."),
    info("engine.started", "An engine's process has begun; its model is not loaded yet."),
    info("engine.serving", "A model answers."),
    warning("engine.failed", "A model could not be loaded, and why."),
    warning("engine.died", "An engine that has answered does no more, and why."),
    info("engine.replaced", "A better model answers in place of that one."),
    info("engine.unloaded", "Nobody asks for the model; the next request loads it."),
    info("engine.woken", "A request has the model loaded again."),
    info("engine.ended", "An engine has ended that was replaced or unloaded."),
    info("engine.next", "Which model is started next, and when."),
    critical("engine.broke", "The engine's side of this process met a mistake of ours."),
    warning("queue.refusing", "The first request is refused, why, and how full it is."),
    info("queue.recovered", "Requests are let in again; how many were refused meanwhile."),
    warning("engine.warm_up_refused", "The engine cannot read a prompt that callers may send."),
)
