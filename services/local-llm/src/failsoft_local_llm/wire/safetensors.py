"""safetensors: whether a file of weights is whole.

length of the header, 8 bytes, little-endian
header: JSON, an object of tensors with their place in the data
data
"""

import struct

import msgspec

LENGTH = struct.Struct("<Q")
"""What stands at the beginning of each file: the bytes of its header."""

LONGEST_HEADER = 100 * 1024 * 1024
"""Bytes; the format allows no more."""


class _Tensor(msgspec.Struct, frozen=True):
    data_offsets: tuple[int, int]


def needed_bytes(header: bytes) -> int:
    """Bytes that the whole file has, by its header.

    Raises:
        msgspec.DecodeError: the header cannot be read.
    """
    entries = msgspec.json.decode(header, type=dict[str, msgspec.Raw])
    ends = (
        msgspec.json.decode(entry, type=_Tensor).data_offsets[1]
        for name, entry in entries.items()
        if name != "__metadata__"
    )
    return LENGTH.size + len(header) + max(ends, default=0)
