"""A model's file where it may be written to: OpenVINO opens GGUF files so, and then only reads.

In a container the file belongs to another user or is on a read-only file system. It is copied for
as long as the model is being loaded: what is loaded needs no file.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def writable(file: Path) -> Iterator[Path]:
    """The file itself, or a copy among the temporary files until the block ends.

    Raises:
        OSError: there is no room for a copy.
    """
    if os.access(file, os.W_OK):
        yield file
        return
    with tempfile.TemporaryDirectory(prefix="failsoft-model-") as folder:
        yield Path(shutil.copyfile(file, Path(folder, file.name)))
