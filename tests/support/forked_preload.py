"""`preload` in a process that is there in milliseconds: forked from one that has imported it."""

import multiprocessing
import os
from multiprocessing.context import ForkServerProcess

from failsoft_local_llm.preload.command import preload
from failsoft_local_llm.preload.errand import Errand


def start_forked_preload(errand: Errand, *, endpoint: str) -> ForkServerProcess:
    """A process of its own, with the look-alike as its hub.

    Its exit code is the command's, less than 0 where a signal ended it.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([preload.__module__])
    process = context.Process(target=_run, args=(errand, endpoint))
    process.start()
    return process


def _run(errand: Errand, endpoint: str) -> None:
    os.environ["HF_ENDPOINT"] = endpoint
    raise SystemExit(preload(errand))
