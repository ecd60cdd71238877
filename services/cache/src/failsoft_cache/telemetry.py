"""Every name that this service's telemetry uses besides kit's; docs/telemetry.md is made of it."""

from failsoft_cache.core.tier import Tier
from failsoft_kit.telemetry import AttributeName, MetricName, MetricType, Name, ValueType
from failsoft_model.walk import CacheStatus

CACHE_STATUS = "failsoft.cache.status"
CACHE_AGE = "failsoft.cache.age"
CACHE_TIER = "failsoft.cache.tier"
CACHE_STORED = "failsoft.cache.stored"
CACHE_REFUSED = "failsoft.cache.refused"
CACHE_REMOVED = "failsoft.cache.removed"
STORED, REFUSED = "stored", "refused"


def _answers(name: str, description: str) -> AttributeName:
    return AttributeName(name=name, type=ValueType.INT, description=description, unit="{answer}")


_STATUS = AttributeName(
    name=CACHE_STATUS,
    type=ValueType.STRING,
    description="What the cache said.",
    allowed=tuple(each.value for each in CacheStatus),
)
_STORE_OUTCOME = AttributeName(
    name="failsoft.cache.store.outcome",
    type=ValueType.STRING,
    description="What became of an answer that was to be kept.",
    allowed=(STORED, REFUSED),
)

LOOKUPS = MetricName(
    name="failsoft.cache.lookups",
    type=MetricType.COUNTER,
    unit="{lookup}",
    description="Look-ups for which the tiers were read.",
    labels=(_STATUS,),
)
AGE = MetricName(
    name=CACHE_AGE,
    type=MetricType.HISTOGRAM,
    unit="s",
    description="Age of the answers that were handed out.",
    labels=(_STATUS,),
    buckets=(
        *(1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0),
        *(4 * 3600.0, 12 * 3600.0, 86400.0, 3 * 86400.0, 7 * 86400.0),
    ),
)
STORES = MetricName(
    name="failsoft.cache.stores",
    type=MetricType.COUNTER,
    unit="{answer}",
    description="Answers that were to be kept.",
    labels=(_STORE_OUTCOME,),
)
DAMAGED = MetricName(
    name="failsoft.cache.damaged",
    type=MetricType.COUNTER,
    unit="{answer}",
    description="Entries that were not what was stored under their key, and were not used.",
)
LOCAL_ENTRIES = MetricName(
    name="failsoft.cache.local.entries",
    type=MetricType.UP_DOWN_COUNTER,
    unit="{answer}",
    description="Answers in the replica's own tier.",
)
LOCAL_BYTES = MetricName(
    name="failsoft.cache.local.size",
    type=MetricType.UP_DOWN_COUNTER,
    unit="By",
    description="What they take of its memory.",
)
SHARED_UP = MetricName(
    name="failsoft.cache.shared.up",
    type=MetricType.GAUGE,
    unit="",
    description="1 while Valkey does what it is asked; absent where none is configured.",
)

NAMES: tuple[Name, ...] = (
    *(_STATUS, _STORE_OUTCOME),
    AttributeName(
        name=CACHE_AGE, type=ValueType.FLOAT, description="Age of the stored answer.", unit="s"
    ),
    AttributeName(
        name=CACHE_TIER,
        type=ValueType.STRING,
        description="What was read or written: Valkey, or the replica's own memory without it.",
        allowed=tuple(each.value for each in Tier),
    ),
    _answers(CACHE_STORED, "Answers of a call that are kept."),
    _answers(CACHE_REFUSED, "Answers of a call that may not be kept."),
    _answers(CACHE_REMOVED, "Answers that a call has forgotten."),
    *(LOOKUPS, AGE, STORES, DAMAGED, LOCAL_ENTRIES, LOCAL_BYTES, SHARED_UP),
)
