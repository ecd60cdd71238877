"""Answers that several calls told in turns, where a route goes on with those that broke off.

Every call says words of its own, so it shows in the answer whose they are.
"""

from collections.abc import Iterable

from failsoft_model.events import BlockKind, Started
from failsoft_router.core.policy import Midstream
from simulation.story import Asked, Call, Story

Said = tuple[tuple[BlockKind, str], ...]


def may_take_turns(story: Story, asked: Asked) -> bool:
    """Whether the request's route goes on with answers, in some policy of the run."""
    started = asked.events[0][1] if asked.events else None
    if not isinstance(started, Started):
        return False
    routes = [policy.routes.get(started.route) for policy in story.schedule.policies]
    return any(route is not None and route.midstream is Midstream.CONTINUE for route in routes)


def is_told_by_several(asked: Asked) -> bool:
    """Whether words of more than one call are in what the caller holds."""
    held = _text(asked.held.said)
    return sum(f"{call.attempt_id}#" in held for call in asked.calls) > 1


def told_in_turns(held: Said, calls: Iterable[Call], *, last: Call | None) -> bool:
    """Whether the text is that of calls that broke off, in their order, each from its beginning.

    Args:
        last: The call that ended it, with all of its text and its calls of tools; None: nobody
            did.
    """
    left = _words(held)
    if last is not None:
        end = _words(last.said.said)
        if left[len(left) - len(end) :] != end or _tools(held) != _tools(last.said.said):
            return False
        left = left[: len(left) - len(end)]
    for call in sorted(calls, key=lambda call: call.began):
        if call is not last:
            left = left[max(_common(left, _words(said)) for said in _sayings(call)) :]
    return not left


def _sayings(call: Call) -> tuple[Said, ...]:
    """What it had said each time that it started over, and in the end."""
    return (call.said.said, *call.voided)


def _text(said: Said) -> str:
    return "".join(text for kind, text in said if kind is BlockKind.TEXT)


def _words(said: Said) -> list[str]:
    """Whole ones: calls end and begin with them."""
    return _text(said).split()


def _tools(said: Said) -> list[str]:
    return [text for kind, text in said if kind is BlockKind.TOOL_CALL]


def _common(one: list[str], other: list[str]) -> int:
    """Words that both begin with."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
