"""Texts that tests compare with files: `WRITE_GOLDEN=1 pytest …` writes them anew.

What was written is read before it is committed: it is what the test promises from then on.
"""

import os
from pathlib import Path


def golden(file: Path, text: str) -> str:
    """What the file holds; this text, where the files are to be written anew."""
    if os.environ.get("WRITE_GOLDEN") == "1":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return file.read_text()
