"""How everything is, as tables and sentences."""

from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from failsoft_cli.console import harmless
from failsoft_cli.health import Health
from failsoft_cli.render import age, table_of, words

_STYLES = {"ready": "green", "degraded": "yellow"}


def headline(health: Health) -> Text:
    """In a line: how it is, for how long it has been running, under which policy."""
    status = words(str(health["status"]))
    policy = harmless(health["policy"]["in_force"])
    rest = f" · running for {age(health['running_for'])} · policy {policy}"
    return Text.assemble((status, _STYLES.get(status, "red")), rest)


def services_table(health: Health) -> Table:
    """Every service: how it is, for how long, and what runs its model."""
    rows = [
        (
            harmless(each["name"]),
            _state_of_service(each),
            age(each["age"]),
            _engine(each["engine"]),
        )
        for each in health["services"]
    ]
    return table_of(("service", "state", "for", "engine"), rows)


def _state_of_service(service: Health) -> Text:
    state = "not ready"
    if service["ready"]:
        state = "degraded" if service["degraded"] else "ready"
    return Text(state, style=_STYLES.get(state, "red"))


def _engine(engine: Health | None) -> str:
    if engine is None:
        return "-"
    model = "loading" if engine["loading"] else engine["answered_by"] or "nothing loaded"
    return harmless(f"{model} ({engine['profile']}, {engine['name']})")


def health_targets_table(health: Health, *, wide: bool = False) -> Table:
    """Every target: how it is, when time alone lets calls through, how fast it answers.

    Args:
        wide: Also its calls in flight, and failures of the breaker's window.
    """
    columns = ["target", "model", "state", "due in", "p50", "p95"]
    if wide:
        columns += ["calls", "failed"]
    return table_of(columns, [_target_row(each)[: len(columns)] for each in health["targets"]])


def _target_row(target: Health) -> Sequence[str | Text]:
    breaker, speed = target["breaker"], target["first_content"]
    left = _left(target)
    return (
        harmless(target["name"]),
        harmless(target["model"]),
        Text(", ".join(_states(target)), style="green" if target["ready"] else "yellow"),
        "-" if left is None else age(left),
        _seconds(speed["p50"]),
        _seconds(speed["p95"]),
        f"{target['calls_in_flight']} of {target['concurrency']}",
        f"{breaker['window_failures']} of {breaker['window_calls']}",
    )


def _states(target: Health) -> Iterator[str]:
    """In the words of its gates what keeps it from being tried, or that it is ready."""
    if target["ready"]:
        yield "ready"
    if target["credential"] == "missing":
        yield "no credential"
    breaker = target["breaker"]
    if breaker["state"] != "closed":
        yield f"breaker {words(breaker['state'])}"
    elif breaker["fallen_silent"]:
        yield "silent"
    yield from (words(gate["skip_reason"]) for gate in target["gates"] if gate["shut"])


def _left(target: Health) -> float | None:
    """Seconds until time alone lets calls through; None: nothing is shut for a known time."""
    dues = [target["breaker"]["due_in"], *(gate["due_in"] for gate in target["gates"])]
    return max((due for due in dues if due is not None), default=None)


def _seconds(number: float | None) -> str:
    return "-" if number is None else f"{number:.2f} s"


def walks_line(health: Health) -> str:
    """How the walks of the last minutes ended."""
    walks = health["walks"]
    head = f"walks in the last {age(walks['window'])}: {walks['ended']}"
    if not walks["ended"]:
        return head
    less = [
        f"{words(name)} {count}"
        for name, count in walks["by_degradation"].items()
        if count and name != "none"
    ]
    share = f"{walks['fallback_share']:.1%} got less than the best answer"
    detail = f" ({', '.join(less)})" if less else ""
    return f"{head} · {share}{detail} · {walks['unanswered']} got none"


def troubles(health: Health) -> Iterator[str]:
    """A sentence for each thing that is not as it should be."""
    return (harmless(each) for each in health["why"])
