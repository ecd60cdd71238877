"""`preload` in a process that is there in milliseconds: forked from one that has imported it."""

import multiprocessing
import os
from multiprocessing.context import ForkServerProcess

from failsoft_local_llm.preload.command import preload
from failsoft_local_llm.preload.order import Order


def start_forked_preload(order: Order, *, endpoint: str) -> ForkServerProcess:
    """A process of its own, with the look-alike as its hub.

    Its exit code is the command's, less than 0 where a signal ended it.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([preload.__module__])
    process = context.Process(target=_run, args=(order, endpoint))
    process.start()
    return process


def _run(order: Order, endpoint: str) -> None:
    os.environ["HF_ENDPOINT"] = endpoint
    raise SystemExit(preload(order))
