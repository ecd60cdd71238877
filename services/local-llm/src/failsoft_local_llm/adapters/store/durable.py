"""Changes to a directory that outlive a loss of power."""

import os
from pathlib import Path


def sync_directory(directory: Path) -> None:
    """Returns when the names in the directory are on the disk."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_durably(place: Path, content: bytes) -> None:
    """Writes a small file: after a crash it has its old content or the new one, nothing between."""
    draft = place.with_name(f"{place.name}.draft")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(place)
    sync_directory(place.parent)


def remove_durably(place: Path) -> None:
    """Deletes a file, if it is there."""
    place.unlink(missing_ok=True)
    sync_directory(place.parent)
