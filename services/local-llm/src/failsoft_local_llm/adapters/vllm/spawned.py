"""The first that each of vLLM's processes does, seconds before it has imported torch.

`multiprocessing` imports the main module of the process that spawns into the one that is spawned,
unless it is a package's `__main__`, as ours is. So as long as vLLM spawns, this module counts as
the main one; it goes on to do so in the processes that they spawn.
"""

import contextlib
import ctypes
import importlib.util
import logging
import os
import signal
import sys
from collections.abc import Iterator

from failsoft_kit.logs import LogSettings, configure
from failsoft_local_llm.adapters.vllm.environment import SERVICE, log_level

_PARENT = "FAILSOFT_ENGINE_PARENT"
"""The process that spawns, for the one that is spawned."""
_LOG = "FAILSOFT_ENGINE_LOG"
"""The service's `LogSettings`, for all of them."""
_PR_SET_PDEATHSIG = 1


@contextlib.contextmanager
def prepared(log: LogSettings) -> Iterator[None]:
    """What `multiprocessing` spawns within the block begins with this module.

    Args:
        log: What the processes log, and how.
    """
    main = sys.modules["__main__"]
    kept = main.__spec__
    main.__spec__ = importlib.util.find_spec(__name__)
    os.environ |= {_PARENT: str(os.getpid()), _LOG: log.model_dump_json()}
    try:
        yield
    finally:
        main.__spec__ = kept


def log_what_vllm_says() -> None:
    """As this process logs what any library says, but by the level that vLLM was given."""
    logging.getLogger("vllm").setLevel(log_level(os.environ))


def _begin() -> None:
    os.setsid()  # Ctrl-C in a terminal is the service's, which drains first
    _die_with_parent()
    settings = LogSettings.model_validate_json(os.environ[_LOG])
    configure(settings, service=SERVICE, trace=lambda: None)
    logging.captureWarnings(capture=True)
    log_what_vllm_says()


def _die_with_parent() -> None:
    """A service that was killed takes its engine along, and the GPU's memory is free again."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(os.environ[_PARENT]):
        os.kill(os.getpid(), signal.SIGKILL)  # it has died too early for the kernel to tell
    os.environ[_PARENT] = str(os.getpid())


if __name__ == "__mp_main__":
    _begin()
