import dataclasses
import math

import pytest

from failsoft_cache.core.entry import Entry, Windows
from failsoft_cache.core.offer import MAX_WINDOW_SECONDS, Offer, refusal
from failsoft_model.walk import FinishReason

NOW = 1_800_000_000.0
ENTRY = Entry(answer=b"answer", created=NOW, windows=Windows(fresh_for=300.0))
OFFER = Offer(
    key=b"k" * 32,
    entry=ENTRY,
    finish_reason=FinishReason.STOP,
    served_by="openai-mini",
    has_content=True,
)


def why(offer: Offer) -> str | None:
    return refusal(offer, now=NOW, max_entry_bytes=6)


def with_entry(**changes: object) -> Offer:
    return dataclasses.replace(OFFER, entry=dataclasses.replace(ENTRY, **changes))  # type: ignore[arg-type] # any field


@pytest.mark.parametrize(
    "reason", [FinishReason.STOP, FinishReason.LENGTH, FinishReason.TOOL_CALLS]
)
def test_a_finished_answer_of_a_target_is_kept(reason: FinishReason) -> None:
    assert why(dataclasses.replace(OFFER, finish_reason=reason)) is None


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"finish_reason": None}, "unfinished"),
        ({"finish_reason": FinishReason.CONTENT_FILTER}, "content filter"),
        ({"served_by": ""}, "served_by"),
        ({"served_by": "cache"}, "'cache'"),
        ({"served_by": "mock"}, "'mock'"),
        ({"has_content": False}, "empty"),
        ({"key": b""}, "key"),
        ({"key": b"k" * 31}, "31"),
        ({"key": b"k" * 33}, "33"),
    ],
)
def test_what_must_never_be_served_again_is_refused(changes: dict[str, object], part: str) -> None:
    detail = why(dataclasses.replace(OFFER, **changes))  # type: ignore[arg-type] # any field

    assert detail is not None
    assert part in detail


def test_an_answer_that_is_too_long_is_refused() -> None:
    detail = why(with_entry(answer=b"answers"))

    assert detail == "the answer has 7 bytes, more than 6"


@pytest.mark.parametrize("name", ["fresh_for", "stale_while_revalidate", "stale_if_error"])
@pytest.mark.parametrize("seconds", [-0.001, MAX_WINDOW_SECONDS + 1.0, math.inf, math.nan])
def test_a_window_is_at_most_30_days(name: str, seconds: float) -> None:
    detail = why(with_entry(windows=dataclasses.replace(ENTRY.windows, **{name: seconds})))

    assert detail is not None
    assert name in detail


def test_a_window_of_30_days_is_kept() -> None:
    windows = Windows(
        fresh_for=MAX_WINDOW_SECONDS,
        stale_while_revalidate=MAX_WINDOW_SECONDS,
        stale_if_error=MAX_WINDOW_SECONDS,
    )

    assert why(with_entry(windows=windows)) is None


@pytest.mark.parametrize("created", [0.0, -1.0, math.inf, math.nan])
def test_an_answer_without_a_time_is_refused(created: float) -> None:
    detail = why(with_entry(created=created))

    assert detail is not None
    assert "created" in detail


@pytest.mark.parametrize(
    "changes", [{"windows": Windows()}, {"created": NOW - 300.0}, {"created": NOW - 301.0}]
)
def test_an_answer_that_nobody_could_be_given_is_refused(changes: dict[str, object]) -> None:
    detail = why(with_entry(**changes))

    assert detail is not None
    assert "never" in detail


def test_an_answer_from_a_clock_ahead_of_ours_is_kept() -> None:
    assert why(with_entry(created=NOW + 60.0)) is None
