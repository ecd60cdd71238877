"""Small files of the kernel."""

from pathlib import Path


def read_text(file: Path) -> str | None:
    """What is in it, without white space around; None: it is not there, or not for us."""
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def read_number(file: Path) -> int | None:
    """The number in it; None: there is none, as where it says `max`."""
    text = read_text(file)
    return int(text) if text is not None and text.lstrip("-").isdecimal() else None


def read_fields(file: Path, *, separator: str | None = None) -> dict[str, str]:
    """Lines of a name and a value, the first of each name; empty: it cannot be read."""
    fields: dict[str, str] = {}
    for line in (read_text(file) or "").splitlines():
        name, *rest = line.split(separator, 1)
        if rest:
            fields.setdefault(name.strip(), rest[0].strip())
    return fields
