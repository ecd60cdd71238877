"""Brings one file from a source into the store."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from failsoft_local_llm.adapters.store.part import Part
from failsoft_local_llm.adapters.store.source import Broken, Source
from failsoft_local_llm.core.profile.units import gib
from failsoft_local_llm.core.store.files import Expected, NotStored
from failsoft_local_llm.core.store.manifest import StoredFile

PAUSES = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0)
"""Seconds before each new try in a row that brought no byte; then it is given up."""


async def bring(
    source: Source,
    expected: Expected,
    place: Path,
    *,
    most: int,
    on_bytes: Callable[[int], None],
    pauses: Sequence[float] = PAUSES,
) -> StoredFile:
    """Goes on where an earlier process has stopped, and checks the whole before it gets its name.

    Args:
        place: Where the file will be.
        most: Bytes that are taken of a file whose size is not known.
        on_bytes: Told of each piece that is here; less than 0 where bytes were of no use.

    Raises:
        NotStored: the file could not be brought, or is not what it should be; says which and why.
    """
    with Part(place, expected) as part:
        await part.recall()
        on_bytes(part.size)
        receive_all = partial(
            _receive_all, source, expected, part, most=most, on_bytes=on_bytes, pauses=pauses
        )
        await receive_all()
        if part.mismatch() is not None and part.recalled:
            _start_over(part, on_bytes)
            await receive_all()
        if expected.size is None and part.size > most:
            part.discard()
            raise NotStored(
                f"{expected.path} from {source.place} does not end where weights of that size do,"
                f" after {gib(most)}, and nobody says how long it is: take another mirror"
            )
        if wrong := part.mismatch():
            part.discard()
            raise NotStored(f"{expected.path} from {source.place} is wrong: {wrong}")
        return part.finish()


async def _receive_all(
    source: Source,
    expected: Expected,
    part: Part,
    *,
    most: int,
    on_bytes: Callable[[int], None],
    pauses: Sequence[float],
) -> None:
    """Tries until the file is here, or as many tries in a row as there are pauses were in vain."""
    in_vain, farthest = 0, part.size
    while expected.size is None or part.size < expected.size:
        try:
            await _receive(source, expected, part, most=most, on_bytes=on_bytes)
        except Broken as broken:
            in_vain = 0 if part.size > farthest else in_vain + 1
            farthest = max(farthest, part.size)
            if in_vain == len(pauses):
                raise NotStored(
                    f"{expected.path} could not be fetched from {source.place}: {broken}"
                ) from broken
            await asyncio.sleep(pauses[in_vain])
        else:
            return


async def _receive(
    source: Source,
    expected: Expected,
    part: Part,
    *,
    most: int,
    on_bytes: Callable[[int], None],
) -> None:
    """Takes no more than shows that the file is too long."""
    async with source.stream(expected.path, start=part.size) as stream:
        if stream.start != part.size:
            _start_over(part, on_bytes)
        async for piece in stream.pieces:
            part.write(piece)
            on_bytes(len(piece))
            if part.size > (most if expected.size is None else expected.size):
                return
    if expected.size is not None and part.size < expected.size:
        raise Broken(f"it ended after {part.size} of {expected.size} bytes")


def _start_over(part: Part, on_bytes: Callable[[int], None]) -> None:
    on_bytes(-part.size)
    part.restart()
