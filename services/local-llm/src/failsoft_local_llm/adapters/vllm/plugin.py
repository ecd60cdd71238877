"""Runs in each of vLLM's processes, by the entry point `vllm.general_plugins`."""

import multiprocessing
import os
import signal
import threading
from multiprocessing.process import BaseProcess


def prepare_process() -> None:
    """Asks the kernel for AMX; binds a child's life to its parent's and to nothing else."""
    import torch  # not at the top: entry points are looked at without vLLM, too

    if torch.cpu._is_amx_tile_supported():  # noqa: SLF001 - there is no public way
        torch.cpu._init_amx()  # noqa: SLF001 - vLLM uses its tiles without asking, and dies of it
    parent = multiprocessing.parent_process()
    if parent is not None:
        os.setsid()  # Ctrl-C in a terminal is the service's, which drains first
        threading.Thread(target=_die_with, args=(parent,), daemon=True).start()


def _die_with(parent: BaseProcess) -> None:
    """A service that was killed takes its engine along, and the GPU's memory is free again."""
    parent.join()
    os.kill(os.getpid(), signal.SIGKILL)
