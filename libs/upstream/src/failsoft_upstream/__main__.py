"""`python -m failsoft_upstream`: a look-alike as a process of its own."""

import argparse
import asyncio
import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence

from failsoft_upstream.answer import Style
from failsoft_upstream.options import Options
from failsoft_upstream.server import serve
from failsoft_upstream.upstream import Upstream

_PROGRAM = "python -m failsoft_upstream"
_DEFAULT_PORT = 50070
_EXIT_BAD_CONFIGURATION = 2


_HOW_TO_FAIL = """\
How to use it:
  ask it       a target of a policy: {{provider: openai, endpoint: "{url}/v1",
               model: any, allow_private: true}}; docs/policy.md has every field;
               provider anthropic is there, too, and gemini at {url}/v1beta
  make it hang curl -X PUT {control}/control/fault -d hang
  heal it      curl -X DELETE {control}/control/fault
Other faults: status=503, status=429;retry_after=2, cut=3, stall=3, slow=5s, refuse, empty.
"""


def main(arguments: Sequence[str] | None = None, *, program: str = _PROGRAM) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code.

    Args:
        arguments: None: those of the process.
        program: How it was called.
    """
    options = _options(arguments, program)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(serve(options, announce=_announce))
    except OSError as error:
        sys.stderr.write(f"error: {error.strerror}\n")
        return _EXIT_BAD_CONFIGURATION
    return 0


def _announce(upstream: Upstream) -> None:
    sys.stdout.write(f"listening on {upstream.url}\n")
    if upstream.control_url != upstream.url:
        sys.stdout.write(f"control on {upstream.control_url}\n")
    sys.stdout.write(_HOW_TO_FAIL.format(url=upstream.url, control=upstream.control_url))
    sys.stdout.flush()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's where it is installed; None: asyncio's own."""
    if importlib.util.find_spec("uvloop") is None:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = importlib.import_module(
        "uvloop"
    ).new_event_loop
    return factory


def _options(arguments: Sequence[str] | None, program: str) -> Options:
    given = _parser(program).parse_args(arguments)
    return Options(
        host=given.host,
        port=given.port,
        control_port=given.control_port,
        api_key=given.api_key,
        models=tuple(given.model) if given.model else None,
        style=Style(
            chunks=given.chunks,
            tokens_per_chunk=given.tokens_per_chunk,
            first_delay=given.first_delay,
            chunk_delay=given.chunk_delay,
        ),
    )


def _parser(program: str) -> argparse.ArgumentParser:
    here = f"http://127.0.0.1:{_DEFAULT_PORT}"
    parser = argparse.ArgumentParser(
        prog=program,
        description="A look-alike of OpenAI, Anthropic and Gemini that fails on command.",
        epilog=_HOW_TO_FAIL.format(url=here, control=here),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--port", type=_port, default=_DEFAULT_PORT, help="0: any (default: %(default)s)")
    add("--control-port", type=_port, help="the control API's own port; refuse needs it")
    add("--api-key", help="ask callers for this key (default: ask nobody)")
    add("--model", action="append", help="a model there is; repeat (default: any name will do)")
    add("--chunks", type=_count, help="contents per answer (default: as the answer needs)")
    add("--tokens-per-chunk", type=_count, default=1, help="default: %(default)s")
    add("--first-delay", type=_seconds, default=0.0, help="seconds until the first content")
    add("--chunk-delay", type=_seconds, default=0.0, help="seconds between two contents")
    return parser


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is no port: 0 to 65535")
    return port


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError(f"{text} is too few: 1 at least")
    return count


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no time in seconds")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
