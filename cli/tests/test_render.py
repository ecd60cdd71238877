"""How facts look to people."""

import io

import pytest
from google.protobuf.duration_pb2 import Duration
from rich.console import Console, RenderableType

from failsoft.inference.v1 import chat_pb2, walk_pb2
from failsoft.inference.v1.inference_service_pb2 import Finished
from failsoft_cli.console import harmless
from failsoft_cli.render import (
    age,
    hop_notes,
    hops_table,
    summary,
    table_of,
)


def lines(renderable: RenderableType, *, columns: int) -> list[str]:
    """The lines of a table on a terminal of that width."""
    console = Console(file=io.StringIO(), width=columns)
    with console.capture() as capture:
        console.print(renderable, crop=False)
    return capture.get().splitlines()


def shown(renderable: RenderableType) -> list[str]:
    """The lines of a table, white space made one blank, without its head."""
    return [" ".join(line.split()) for line in lines(renderable, columns=160)[2:]]


def duration(value: float) -> Duration:
    message = Duration()
    message.FromMilliseconds(round(value * 1000))
    return message


FAILED = walk_pb2.Hop(
    position=1,
    target="cloud",
    outcome=walk_pb2.HOP_OUTCOME_FAILED,
    error_class=walk_pb2.ERROR_CLASS_TIMEOUT_FIRST_CONTENT,
    detail="no content",
    latency=duration(1.004),
)
SKIPPED = walk_pb2.Hop(
    position=2,
    target="spare",
    outcome=walk_pb2.HOP_OUTCOME_SKIPPED,
    skip_reason=walk_pb2.SKIP_REASON_NO_CREDENTIAL,
)
SERVED = walk_pb2.Hop(
    position=3,
    target="cache",
    outcome=walk_pb2.HOP_OUTCOME_SERVED,
    latency=duration(0.003),
)


def test_hops_say_who_was_tried_skipped_and_served_and_why() -> None:
    assert shown(hops_table([FAILED, SKIPPED, SERVED])) == [
        "1 cloud failed timeout first content: no content 1.00 s",
        "2 spare skipped no credential -",
        "3 cache served 0.00 s",
    ]


def test_the_last_line_says_who_served_how_old_over_which_hops_and_in_what_time() -> None:
    finished = Finished(
        served_by="cache",
        model="gpt-5-mini",
        degradation=chat_pb2.DEGRADATION_STALE_CACHE,
        cache_age=duration(7200),
        hops=[FAILED, SKIPPED, SERVED],
    )

    assert summary(finished, took=1.26) == (
        "served by cache (gpt-5-mini) · 2.0 h old · STALE_CACHE: a stale answer"
        " · cloud failed (timeout first content) → spare skipped (no credential) → cache served"
        " · 1.3 s"
    )


def test_neighbours_that_fared_alike_are_told_once() -> None:
    """Without a key none of the providers is asked, and the line would be long for nothing."""
    another = walk_pb2.Hop()
    another.CopyFrom(SKIPPED)
    another.target = "other"
    finished = Finished(
        served_by="cache",
        degradation=chat_pb2.DEGRADATION_NONE,
        hops=[SKIPPED, another, FAILED, SERVED],
    )

    assert summary(finished, took=0.5) == (
        "served by cache · spare, other skipped (no credential)"
        " → cloud failed (timeout first content) → cache served · 0.5 s"
    )


def test_an_answer_of_the_best_target_carries_no_label() -> None:
    finished = Finished(
        served_by="cloud", model="gpt", degradation=chat_pb2.DEGRADATION_NONE, hops=[]
    )

    assert summary(finished, took=0.5) == "served by cloud (gpt) · 0.5 s"


@pytest.mark.parametrize(
    ("tokens", "label"), [(256, "cut at 256 tokens (max_tokens)"), (0, "cut at max_tokens")]
)
def test_an_answer_that_would_have_gone_on_says_so(tokens: int, label: str) -> None:
    finished = Finished(
        served_by="cloud",
        finish_reason=walk_pb2.FINISH_REASON_LENGTH,
        usage=walk_pb2.Usage(output_tokens=tokens),
        degradation=chat_pb2.DEGRADATION_NONE,
    )

    assert summary(finished, took=0.5) == f"served by cloud · {label} · 0.5 s"


def test_what_passes_in_a_moment_is_why_another_answered() -> None:
    loading = walk_pb2.Hop(target="local", detail="it is not available (ENGINE_UNAVAILABLE)")
    starting = walk_pb2.Hop(target="other", detail="it is not available (UNAVAILABLE)")

    assert list(hop_notes([FAILED, loading, starting])) == [
        "local: the model is still loading or being started again; ask again in a moment",
        "other: nobody listens at its address, so it is starting or does not run;"
        " ask again in a moment",
    ]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.04, "0.0 s"), (59.9, "59.9 s"), (90, "1.5 min"), (5400, "1.5 h"), (129600, "1.5 d")],
)
def test_ages_are_told_as_people_tell_them(seconds: float, words: str) -> None:
    assert age(seconds) == words


def test_no_name_or_path_is_broken_however_narrow_the_terminal() -> None:
    """What cannot be copied whole cannot be used."""
    path = "/home/somebody/with-a-long-name/.failsoft/valkey/socket"
    table = table_of(("service", "state", "address"), [("valkey", "ready after 0.2 s", path)])

    assert path in "\n".join(lines(table, columns=30))


def test_a_name_in_brackets_is_shown_and_not_taken_for_a_style() -> None:
    hop = walk_pb2.Hop(position=1, target="[bold]x", outcome=walk_pb2.HOP_OUTCOME_SERVED)

    assert shown(hops_table([hop])) == ["1 [bold]x served 0.00 s"]


def test_an_answer_cannot_command_the_terminal() -> None:
    """Escape sequences can retitle windows, and on some terminals type for the user."""
    assert harmless("a\x1b]0;x\x07b\r\x9bc\n\té👩\u200d🚀") == "a]0;xbc\n\té👩\u200d🚀"
