"""Quantities for people."""

GIB = 1 << 30
MIB = 1 << 20


def gib(count: int) -> str:
    """Bytes as `4.6 GiB`, or as `482 MiB` below one of these."""
    return f"{count / GIB:.1f} GiB" if count >= GIB else f"{count / MIB:.0f} MiB"


def counted(number: int, noun: str) -> str:
    """Such as `1 GPU` and `2 GPUs`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
