"""Texts that tests compare with files: `WRITE_GOLDEN=1 pytest …` writes them anew.

What was written is read before it is committed: it is what the test promises from then on.
"""

import os
from pathlib import Path


def is_written_anew() -> bool:
    """Whether what comes out is taken for what is promised."""
    return os.environ.get("WRITE_GOLDEN") == "1"


def golden(file: Path, text: str) -> str:
    """What the file holds; this text, where the files are to be written anew."""
    if is_written_anew():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return file.read_text()
