"""A line of a service's log as people read it."""

import json
from collections.abc import Iterator, Mapping

_NO_FACTS = {"event", "time", "level", "service", "trace_id", "span_id", "trace_flags"}


def in_words(line: str) -> str:
    """The event and its facts; a line that is no event of ours stays as it is."""
    try:
        event = json.loads(line)
    except ValueError:
        return line
    if not isinstance(event, dict) or not isinstance(event.get("event"), str):
        return line
    facts = ", ".join(_facts(event))
    return f"{event['event']}: {facts}" if facts else event["event"]


def _facts(event: Mapping[str, object]) -> Iterator[str]:
    for name, value in event.items():
        if name not in _NO_FACTS:
            # A traceback says in its last line what happened.
            last_line = str(value).strip().rpartition("\n")[2]
            yield f"{name.replace('_', ' ')} {last_line}"
