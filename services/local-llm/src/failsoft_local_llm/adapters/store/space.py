"""Free space on a disk."""

import shutil
from collections.abc import Iterator
from pathlib import Path


def free_bytes(directory: Path) -> int | None:
    """Of the disk that the directory is on, or will be on; None: it cannot be told."""
    for place in _up(directory.absolute()):
        try:
            return shutil.disk_usage(place).free
        except FileNotFoundError:
            continue
        except OSError:
            return None
    return None


def _up(place: Path) -> Iterator[Path]:
    yield place
    yield from place.parents
