"""The last words of a service, for people."""

import pytest

from failsoft_cli.supervisor.log_line import in_words


@pytest.mark.parametrize(
    ("line", "words"),
    [
        pytest.param(
            '{"event":"engine.failed","why":"no memory","restart_in":2.0,"level":"warning",'
            '"time":"2026-11-22T10:00:00Z","service":"failsoft-local-llm","trace_id":"0af7"}',
            "engine.failed: why no memory, restart in 2.0",
            id="an event and its facts, without what is the same in all of them",
        ),
        pytest.param(
            '{"event":"process.crashed","exception":"Traceback:\\n  File\\nKeyError: 3\\n"}',
            "process.crashed: exception KeyError: 3",
            id="a traceback by its last line",
        ),
        pytest.param('{"event":"server.started"}', "server.started", id="an event without facts"),
        pytest.param("* Ready to accept connections", "* Ready to accept connections", id="text"),
        pytest.param('{"a":1}', '{"a":1}', id="no event"),
        pytest.param("[1]", "[1]", id="no object"),
    ],
)
def test_an_event_is_told_in_words_and_all_else_as_it_is(line: str, words: str) -> None:
    assert in_words(line) == words
