"""Runs the router: `python -m failsoft_router [--config FILE]`."""

import argparse
import os
import sys
from pathlib import Path

from failsoft_kit import logs, process
from failsoft_kit.rpc.server import serve
from failsoft_kit.settings import load
from failsoft_kit.telemetry import current_span
from failsoft_router.settings import SECTION, RouterSettings
from failsoft_router.wiring import NAME, router


async def _run(file: Path | None) -> None:
    settings = load(RouterSettings, section=SECTION, file=file)
    logs.configure(
        settings.log, service=NAME, trace=lambda: span.context if (span := current_span()) else None
    )
    async with router(settings, environ=os.environ) as service:
        await serve(service)


def main() -> int:
    """Serve until a signal comes; see `failsoft_kit.process` for the exit codes."""
    parser = argparse.ArgumentParser(prog="failsoft_router", description=__doc__)
    parser.add_argument("--config", type=Path, metavar="FILE", help="YAML, section `router`")
    file: Path | None = parser.parse_args().config
    return process.main(lambda: _run(file))


if __name__ == "__main__":
    sys.exit(main())
