"""Every event that the cache logs besides kit's; docs/telemetry.md is made of it."""

from failsoft_kit.log_names import LogName, info, warning

LOG_NAMES: tuple[LogName, ...] = (
    warning("entry.damaged", "An entry is not what was stored; the 1st, 10th, 100th … is told."),
    info("secret.made", "There was no secret for the keys, so one was made."),
)
