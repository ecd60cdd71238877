"""Words and times that stories and trees share."""

from google.protobuf.descriptor import EnumDescriptor
from google.protobuf.duration_pb2 import Duration

from failsoft.inference.v1 import walk_pb2
from failsoft_cli.console import harmless
from failsoft_cli.render import age, seconds, words
from failsoft_client import word


def told(enum: EnumDescriptor, number: int) -> str:
    """An enum's value for people: `circuit open`."""
    return words(word(enum, number))


def at(duration: Duration) -> str:
    """A moment of the walk: `1.25 s`."""
    return exact(seconds(duration))


def exact(moment: float) -> str:
    """Seconds; of less than a tenth the milliseconds: `1.25 s`, `0.004 s`, `0 s`."""
    rounded = round(moment, 3)
    if rounded == 0:
        return "0 s"
    return f"{rounded:.3f} s" if rounded < 0.1 else f"{rounded:.2f} s"


def probe_due(duration: Duration) -> str:
    """When a shut breaker lets a probe through: `a probe might go in 2.1 s`."""
    left = seconds(duration)
    return f"a probe might go in {age(left)}" if left > 0 else "a probe might go"


def due(duration: Duration) -> str:
    """How long it still was: `for another 12.0 s`."""
    return f"for another {age(max(0.0, seconds(duration)))}"


def attempt_end(attempt: walk_pb2.Attempt) -> float:
    """Seconds from the start of the walk."""
    return seconds(attempt.started) + seconds(attempt.latency)


def attempt_result(attempt: walk_pb2.Attempt) -> str:
    """What came of it: what was wrong, or how soon it spoke and the tokens."""
    facts = []
    if attempt.error_class:
        error = told(walk_pb2.ErrorClass.DESCRIPTOR, attempt.error_class)
        facts.append(": ".join(filter(None, (error, harmless(attempt.detail)))))
    status = f"HTTP {attempt.http_status}"
    if attempt.http_status and status not in attempt.detail:
        facts.append(status)
    if attempt.HasField("time_to_first_content"):
        facts.append(f"first content after {at(attempt.time_to_first_content)}")
    if attempt.HasField("usage"):
        facts.append(f"{attempt.usage.input_tokens} + {attempt.usage.output_tokens} tokens")
    return ", ".join(facts) or "it answered"
