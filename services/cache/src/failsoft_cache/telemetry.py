"""Every name that the cache's spans use besides kit's; docs/telemetry.md is generated from this."""

from failsoft_kit.telemetry import AttributeName, Name, ValueType
from failsoft_model.walk import CacheStatus

CACHE_STATUS = "failsoft.cache.status"

NAMES: tuple[Name, ...] = (
    AttributeName(
        name=CACHE_STATUS,
        type=ValueType.STRING,
        description="What the cache said.",
        allowed=tuple(each.value for each in CacheStatus),
    ),
)
