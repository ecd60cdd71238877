"""Whether weights can be where the engine looks for them."""

from failsoft_local_llm.core.catalogue import Hub, Weights
from failsoft_local_llm.core.profile.facts import Storage
from failsoft_local_llm.core.profile.units import MIB, gib

SPARE_BYTES = 64 * MIB
"""For the files beside the weights: tokenizer, configuration, manifest."""


def bytes_to_fetch(weights: Weights) -> int:
    """Space that a download of the weights takes; 0: they need none, for they are no download."""
    return weights.bytes + SPARE_BYTES if isinstance(weights.source, Hub) else 0


def obstacle(storage: Storage, weights: Weights) -> str | None:
    """Why the weights can neither be there nor be fetched; None: they are, or they can.

    Where the free space cannot be told it is thought to be enough: the download will ask again.
    """
    needed = bytes_to_fetch(weights)
    if weights.name in storage.complete or storage.free_bytes is None:
        return None
    if storage.free_bytes >= needed:
        return None
    return (
        f"it is not in {storage.directory}, where {gib(storage.free_bytes)} are free and"
        f" {gib(needed)} are needed: delete some, or take a bigger volume"
    )
