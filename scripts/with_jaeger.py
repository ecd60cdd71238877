"""Run a command beside a real Jaeger, which ends with it.

    .venv/bin/python scripts/with_jaeger.py COMMAND...

The command finds in its environment:

    JAEGER_QUERY_URL   where Jaeger is asked for traces
    OTLP_ENDPOINT      where it takes spans, over gRPC
    JAEGER_BINARY      the program, which is a collector with tail sampling as well

Where the first two are there already, that Jaeger is used and none is started. The program is
JAEGER_BINARY, or `jaeger` on the PATH, or else it is built with Go from the module in
tests/tools/jaeger, pinned there: ten minutes the first time, seconds later.

Exit status: the command's; 0 without having run it where there is no Jaeger and no Go to build
one, or nowhere to fetch it from. What is missing is said then.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULE = ROOT / "tests" / "tools" / "jaeger"
BUILT = ROOT / "build" / "bin" / "jaeger"
PACKAGE = "github.com/jaegertracing/jaeger/cmd/jaeger"
GO_NEEDED = (1, 26)
GO_VARIABLES = {"CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": "-mod=readonly"}
NO_NETWORK = re.compile(r"dial tcp|lookup .* no such host|i/o timeout|proxyconnect")

GIVEN = ("JAEGER_QUERY_URL", "OTLP_ENDPOINT")
START_SECONDS = 60
LOOK_SECONDS = 0.2
END_SECONDS = 20


class NoJaeger(Exception):
    """There is none here and none can be had; the message says why."""


def main() -> int:
    """The command's exit status."""
    command = sys.argv[1:]
    if not command:
        sys.exit("which command? see the top of scripts/with_jaeger.py")
    if all(os.environ.get(name) for name in GIVEN):
        return run(command, {})
    try:
        program = find_program()
    except NoJaeger as reason:
        say(f"SKIPPED, nothing was tested: {reason}")
        return 0
    with jaeger(program) as variables:
        return run(command, variables)


def run(command: Sequence[str], variables: Mapping[str, str]) -> int:
    """The command's exit status; on Ctrl-C it is its turn to end."""
    with subprocess.Popen(command, env={**os.environ, **variables}) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:  # the terminal has told the command as well
                continue


def find_program() -> Path:
    """Jaeger's program, built if there is none.

    Raises:
        NoJaeger: It cannot be built here.
    """
    named = os.environ.get("JAEGER_BINARY") or shutil.which("jaeger")
    return Path(named) if named else build()


def build() -> Path:
    """Build what go.mod pins; Go itself knows whether anything has to be done.

    Raises:
        NoJaeger: There is no Go, an old one, or no network.
    """
    version = go_version()
    if version < GO_NEEDED:
        had = f"Go {'.'.join(map(str, version))} is here" if version else "there is no Go"
        needed = ".".join(map(str, GO_NEEDED))
        raise NoJaeger(
            f"no JAEGER_BINARY, no `jaeger` on the PATH, and {had} ({needed} builds one)"
        )
    say("building Jaeger with Go: ten minutes the first time")
    options = ("-buildvcs=false", "-trimpath", "-tags", "", "-ldflags", "-s -w")
    built = subprocess.run(
        ["go", "build", *options, "-o", str(BUILT), PACKAGE],
        cwd=MODULE,
        env={**os.environ, **GO_VARIABLES},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if built.returncode == 0:
        return BUILT
    if NO_NETWORK.search(built.stderr):
        raise NoJaeger(f"there is no network to fetch it from: {built.stderr.splitlines()[-1]}")
    sys.exit(f"Jaeger could not be built:\n{built.stderr}")


def go_version() -> tuple[int, ...]:
    """Of the Go on the PATH; empty: there is none."""
    if shutil.which("go") is None:
        return ()
    told = subprocess.run(
        ["go", "env", "GOVERSION"], capture_output=True, text=True, check=False
    ).stdout
    found = re.match(r"go(\d+)\.(\d+)", told)
    return tuple(map(int, found.groups())) if found else ()


@contextmanager
def jaeger(program: Path) -> Iterator[Mapping[str, str]]:
    """A Jaeger that runs while the block does; gives what the command has to know."""
    query, otlp = free_ports(2)
    process = subprocess.Popen(
        [str(program), "--config", str(MODULE / "config.yaml")],
        env={**os.environ, "QUERY_PORT": str(query), "OTLP_PORT": str(otlp)},
        process_group=0,  # Ctrl-C is for the command, whose last spans are still to come
    )
    try:
        url = f"http://127.0.0.1:{query}"
        wait_until_answering(f"{url}/api/v3/services", process)
        say(f"{program} answers at {url}")
        yield {
            "JAEGER_QUERY_URL": url,
            "OTLP_ENDPOINT": f"http://127.0.0.1:{otlp}",
            "JAEGER_BINARY": str(program.absolute()),
        }
    finally:
        process.terminate()
        process.wait(timeout=END_SECONDS)


def wait_until_answering(url: str, process: subprocess.Popen[bytes]) -> None:
    """Return when somebody does; ends the program when Jaeger has ended, or takes too long."""
    for _ in range(round(START_SECONDS / LOOK_SECONDS)):
        try:
            urllib.request.urlopen(url, timeout=START_SECONDS).close()  # noqa: S310 - it is ours
        except urllib.error.URLError:
            try:
                process.wait(LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                continue
            sys.exit(f"Jaeger ended with {process.returncode}: see above why")
        else:
            return
    sys.exit(f"Jaeger does not answer within {START_SECONDS} s")


def free_ports(count: int) -> list[int]:
    """That many different ports, free a moment ago."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def say(sentence: str) -> None:
    print(f"with-jaeger: {sentence}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
