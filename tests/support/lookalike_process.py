"""A provider look-alike as a process of its own, on ports that the kernel chose."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from failsoft_upstream.remote_control import RemoteControl


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAlike:
    """One that is running.

    Attributes:
        base_url: What a target of a policy has as its endpoint.
    """

    base_url: str
    control: RemoteControl


@contextmanager
def lookalike(*options: str) -> Iterator[LookAlike]:
    """One that is ended with the block.

    Args:
        options: Of its command line, beside the ports.
    """
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "failsoft_upstream"),
            *("--port", "0", "--control-port", "0", *options),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().removeprefix("listening on ").strip()
            control = process.stdout.readline().removeprefix("control on ").strip()
            yield LookAlike(base_url=f"{url}/v1", control=RemoteControl(control))
        finally:
            process.terminate()
