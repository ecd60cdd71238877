"""What the engine's process does between two steps, without OpenVINO."""

from dataclasses import dataclass, field

import pytest

from failsoft_local_llm.adapters.openvino import child
from failsoft_local_llm.adapters.openvino.protocol import (
    Cancel,
    FromChild,
    Generate,
    Output,
    Stepped,
    ToChild,
    Tokenize,
    Tokens,
)

TOKENISING_SECONDS = 0.02


@dataclass(slots=True)
class Service:
    """Has always more texts to be tokenised."""

    time: float = 1000.0
    asked: int = 0
    said: list[FromChild] = field(default_factory=list)

    def now(self) -> float:
        return self.time

    def unix(self) -> float:
        return self.time

    def waiting(self) -> bool:
        return self.asked < 1000

    def receive(self) -> ToChild:
        self.asked += 1
        return Tokenize(id=self.asked, texts=["x"])

    def send(self, message: FromChild) -> None:
        self.said.append(message)

    def wait(self, runner: object, *, at_most: float | None) -> None:
        assert self.waiting()


@dataclass(slots=True)
class Pipeline:
    """Takes a while for each text."""

    service: Service
    busy: bool
    trying: bool = False

    def tokenize(self, texts: list[str]) -> list[list[int]]:
        self.service.time += TOKENISING_SECONDS
        return [[1] for _ in texts]

    def begin(self, order: Generate) -> None:
        raise AssertionError(order)

    def cancel(self, request: int) -> None:
        raise AssertionError(Cancel(id=request))

    def begin_tried(self) -> None:
        pass

    def step(self) -> list[Output]:
        return []


def said_in_a_turn(*, busy: bool = False, trying: bool = False) -> list[FromChild]:
    service = Service()
    pipeline = Pipeline(service, busy=busy, trying=trying)
    child._turn(service, pipeline, clock=service)  # type: ignore[arg-type]
    return service.said


@pytest.mark.parametrize("awaited", [{"busy": True}, {"trying": True}], ids=["answer", "trial"])
def test_whoever_has_texts_tokenised_without_end_keeps_nobody_from_an_answer(
    awaited: dict[str, bool],
) -> None:
    """Two clients that counted huge texts in a loop stopped every stream of every tenant.

    Where there was no stream yet, they kept everybody waiting whose form had long been tried.
    """
    *tokens, last = said_in_a_turn(**awaited)

    assert isinstance(last, Stepped)
    assert all(isinstance(each, Tokens) for each in tokens)
    assert len(tokens) <= 3


def test_where_nobody_is_answered_all_texts_are_tokenised_at_once() -> None:
    assert len(said_in_a_turn()) == 1000
