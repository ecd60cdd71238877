"""What has happened since this replica started."""

from dataclasses import dataclass

from failsoft_model.walk import CacheStatus


@dataclass(slots=True, kw_only=True)
class Counts:
    """Counters of one replica; they only grow."""

    hits_fresh: int = 0
    hits_stale: int = 0
    misses: int = 0
    stored: int = 0
    refused: int = 0
    damaged: int = 0
    """Entries that were not what was stored under their key, and were not used."""

    def looked_up(self, status: CacheStatus) -> None:
        """Count a look-up that read the tiers."""
        match status:
            case CacheStatus.HIT_FRESH:
                self.hits_fresh += 1
            case CacheStatus.HIT_STALE | CacheStatus.HIT_SWR:
                self.hits_stale += 1
            case _:
                self.misses += 1
