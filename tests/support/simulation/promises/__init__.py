"""What holds in every run, whatever happens: each promise is one function over a story.

A promise gives a sentence for each time that it was broken, and nothing when it was kept.
"""

from collections.abc import Callable, Iterator

from simulation.promises import answers, gates, limits, skips, telling
from simulation.story import Story

Promise = Callable[[Story], Iterator[str]]

PROMISES: tuple[Promise, ...] = (
    *answers.PROMISES,
    *limits.PROMISES,
    *gates.PROMISES,
    *skips.PROMISES,
    *telling.PROMISES,
)


def broken(story: Story) -> list[str]:
    """The promises that were broken in this run, each with what happened; empty: none was."""
    if story.failure:
        return [f"every run comes to its end: {story.failure}"]
    return [
        f"{promise.__name__.replace('_', ' ')}: {what}"
        for promise in PROMISES
        for what in promise(story)
    ]
