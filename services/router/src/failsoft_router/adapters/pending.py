"""Answers that are on their way to the cache: bounded in number and in bytes."""

import sys
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from failsoft_kit.telemetry.context import SpanContext
from failsoft_model.chat import Part, Text, ToolCall
from failsoft_router.ports import Keeping, StoredAnswer

MAX_ANSWERS = 1024
MAX_BYTES = 32 * 1024 * 1024
"""What the waiting answers may hold in memory; beyond either bound the oldest is given up."""

_OVERHEAD_BYTES = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingAnswer:
    """One answer, where it belongs, who got it, and what it costs to keep it here."""

    tenant: str
    key: bytes
    answer: StoredAnswer
    keeping: Keeping
    walk: SpanContext
    cost: int


class PendingAnswers:
    """The newest answer for each key of each tenant, until it was sent."""

    def __init__(self) -> None:
        self._answers: OrderedDict[tuple[str, bytes], PendingAnswer] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._answers)

    def put(
        self, tenant: str, key: bytes, answer: StoredAnswer, keeping: Keeping, walk: SpanContext
    ) -> None:
        """Add an answer as the newest, in place of an earlier one that is no better.

        A fallback's answer is never fresh; the best target's, still on its way, is worth more.
        """
        earlier = self._answers.get((tenant, key))
        if earlier is not None and earlier.keeping.fresh_for > 0 and keeping.fresh_for <= 0:
            return
        pending = PendingAnswer(
            tenant=tenant,
            key=key,
            answer=answer,
            keeping=keeping,
            walk=walk,
            cost=_cost(answer),
        )
        self._remove((tenant, key))
        self._answers[tenant, key] = pending
        self._bytes += pending.cost
        while len(self._answers) > MAX_ANSWERS or self._bytes > MAX_BYTES:
            self._remove(next(iter(self._answers)))

    def get(self, tenant: str, key: bytes) -> PendingAnswer | None:
        """The answer that waits for this key, if there is one."""
        return self._answers.get((tenant, key))

    def batch(self, most: int) -> Sequence[PendingAnswer]:
        """The oldest answers of the tenant that has waited longest; there is one."""
        tenant = next(iter(self._answers))[0]
        found: list[PendingAnswer] = []
        for pending in self._answers.values():
            if pending.tenant == tenant:
                found.append(pending)
                if len(found) == most:
                    break
        return found

    def forget(self, batch: Sequence[PendingAnswer]) -> None:
        """They were sent; one that was replaced meanwhile stays."""
        for pending in batch:
            place = (pending.tenant, pending.key)
            if self._answers.get(place) is pending:
                self._remove(place)

    def _remove(self, place: tuple[str, bytes]) -> None:
        pending = self._answers.pop(place, None)
        if pending is not None:
            self._bytes -= pending.cost


def _cost(answer: StoredAnswer) -> int:
    choice = answer.choice
    texts = [choice.reasoning, choice.refusal]
    for part in choice.message.parts:
        texts += _texts(part)
    return _OVERHEAD_BYTES + sum(map(sys.getsizeof, texts))


def _texts(part: Part) -> Sequence[str]:
    match part:
        case Text(text=text):
            return (text,)
        case ToolCall(name=name, arguments_json=arguments):
            return (name, arguments)
        case _:
            return ()
