"""What is measured of a replica."""

from failsoft_cache import telemetry
from failsoft_cache.app.answers import Answers
from failsoft_cache.core.freshness import Verdict
from failsoft_kit.telemetry import Meter, current_context
from failsoft_model.walk import CacheStatus


class AgeMetrics:
    """Measures how old the answers are that are handed out."""

    def __init__(self, meter: Meter) -> None:
        self._ages = meter.histogram(telemetry.AGE)

    def handed_out(self, verdict: Verdict) -> None:
        """That came of a look-up; a miss has no age."""
        if verdict.age is not None:
            self._ages.cell(verdict.status.value).observe(verdict.age, current_context())


def watch(meter: Meter, answers: Answers) -> None:
    """Follow what a replica has done, and what it holds."""
    counts = answers.counts
    meter.watch(
        telemetry.LOOKUPS,
        lambda: {
            (CacheStatus.HIT_FRESH.value,): counts.hits_fresh,
            (CacheStatus.HIT_STALE.value,): counts.hits_stale,
            (CacheStatus.MISS.value,): counts.misses,
        },
    )
    meter.watch(
        telemetry.STORES,
        lambda: {(telemetry.STORED,): counts.stored, (telemetry.REFUSED,): counts.refused},
    )
    meter.watch(telemetry.DAMAGED, lambda: {(): counts.damaged})
    meter.watch(telemetry.LOCAL_ENTRIES, lambda: {(): answers.local_entries})
    meter.watch(telemetry.LOCAL_BYTES, lambda: {(): answers.local_bytes})
    meter.watch(
        telemetry.SHARED_UP,
        lambda: {(): float(answers.trouble is None)} if answers.is_shared else {},
    )
