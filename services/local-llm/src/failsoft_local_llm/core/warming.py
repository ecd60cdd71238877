"""What an engine is to do before callers are let in, so that none of them is the first."""

from collections.abc import Iterator

SHORTEST = 64
_STEP = 8
_OUTPUT = 2


def prompt_lengths(*, longest: int, context_tokens: int) -> Iterator[int]:
    """Tokens of a prompt for each class of lengths: 64, 512, 4096 and so on.

    Engines make kernels and buffers by size at the first use of each; a class further apart than
    that costs a start more than it saves a caller.

    Args:
        longest: No prompt is longer.
        context_tokens: An answer has to fit behind each.
    """
    length = SHORTEST
    while length <= min(longest, context_tokens - _OUTPUT):
        yield length
        length *= _STEP
