"""The replica's own small tier; when it is full, the least recently used entries leave."""

import collections

from failsoft_cache.core.entry import Entry
from failsoft_cache.core.freshness import left_of

_OVERHEAD_BYTES = 512
"""What an entry costs beside its answer: key, objects, its place in the table."""

_Name = tuple[str, bytes]


class LocalTier:
    """Entries by tenant and key. Not thread-safe: call it from one event loop.

    An entry whose time is over goes when it is asked for, or like any other when room is needed.
    """

    def __init__(self, capacity_bytes: int) -> None:
        """
        Args:
            capacity_bytes: What the entries may cost together; 0: nothing is kept.
        """
        self._capacity = capacity_bytes
        self._entries: collections.OrderedDict[_Name, Entry] = collections.OrderedDict()
        self._bytes = 0

    @property
    def bytes_used(self) -> int:
        """What the entries cost together; never more than the capacity."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, tenant: str, key: bytes, *, now: float) -> Entry | None:
        """The entry; None: there is none that is still of use.

        Args:
            now: Seconds since 1970.
        """
        entry = self._entries.get((tenant, key))
        if entry is None:
            return None
        if left_of(entry, now=now) <= 0.0:
            self.remove(tenant, key)
            return None
        self._entries.move_to_end((tenant, key))
        return entry

    def put(self, tenant: str, key: bytes, entry: Entry) -> None:
        """Keep an entry in place of the one before; one that is too big is not kept."""
        self.remove(tenant, key)
        if _cost(entry) > self._capacity:
            return
        self._entries[tenant, key] = entry
        self._bytes += _cost(entry)
        while self._bytes > self._capacity:
            _, oldest = self._entries.popitem(last=False)
            self._bytes -= _cost(oldest)

    def remove(self, tenant: str, key: bytes) -> bool:
        """Forget an entry; says whether there was one."""
        entry = self._entries.pop((tenant, key), None)
        if entry is None:
            return False
        self._bytes -= _cost(entry)
        return True

    def remove_all(self, tenant: str) -> int:
        """Forget a tenant's entries; says how many there were."""
        names = [name for name in self._entries if name[0] == tenant]
        for name in names:
            self.remove(*name)
        return len(names)


def _cost(entry: Entry) -> int:
    return len(entry.answer) + _OVERHEAD_BYTES
