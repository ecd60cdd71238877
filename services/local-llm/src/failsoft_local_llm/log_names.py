"""Every event that local-llm logs besides kit's; docs/telemetry.md is made of it."""

from failsoft_kit.log_names import LogName, critical, info, warning

LOG_NAMES: tuple[LogName, ...] = (
    info("profile.chosen", "Which model is run how, and why."),
    warning("fallback.missing", "There is no smaller model to go back to."),
    info("engine.started", "An engine's process has begun; its model is not loaded yet."),
    info("engine.serving", "A model answers."),
    info("engine.ended", "An engine has ended, and why."),
    info("engine.next", "Which model is started next, and when."),
    critical("engine.broke", "The engine's side of this process met a mistake of ours."),
    warning("engine.warm_up_refused", "The engine cannot read a prompt that callers may send."),
)
