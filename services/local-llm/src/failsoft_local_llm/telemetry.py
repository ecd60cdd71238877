"""Every name that this service's spans use besides kit's; docs/telemetry.md is made of it."""

from failsoft_kit.telemetry import AttributeName, Name, ValueType

ATTEMPT_ID = "failsoft.attempt.id"

NAMES: tuple[Name, ...] = (
    AttributeName(name=ATTEMPT_ID, type=ValueType.STRING, description="walk_id/hop/attempt."),
)
