"""Starts vLLM and ends it."""

import asyncio
import contextlib
import multiprocessing
import os
import threading
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import structlog
from structlog.typing import FilteringBoundLogger

from failsoft_kit.startup import StartupError
from failsoft_local_llm.adapters.hardware.machine import usable_cores
from failsoft_local_llm.adapters.model_directory import read_directory_facts, read_vocabulary
from failsoft_local_llm.adapters.vllm.engine import VllmEngine, Words
from failsoft_local_llm.adapters.vllm.environment import is_cpu_build, variables
from failsoft_local_llm.adapters.vllm.options import VllmOptions
from failsoft_local_llm.adapters.vllm.spawned import log_what_vllm_says, prepared
from failsoft_local_llm.core.facts import ModelFacts
from failsoft_local_llm.ports import EngineDied

if TYPE_CHECKING:
    from failsoft_local_llm.adapters.vllm.runtime import Runtime

_log: FilteringBoundLogger = structlog.get_logger()

_GRACE_SECONDS = 2.0
"""How long its processes may take to end by themselves."""
_LOOK_SECONDS = 0.1


@contextlib.asynccontextmanager
async def start_vllm(options: VllmOptions) -> AsyncIterator[VllmEngine]:
    """Loads the model into processes of its own; leaving the context ends them, and every answer.

    The files are checked each time: they may have been replaced since the last.

    Raises:
        EngineDied: the model or one of its adapters cannot be loaded.
    """
    try:
        facts = await asyncio.to_thread(read_directory_facts, options.model_directory)
        vocabulary = await asyncio.to_thread(read_vocabulary, options.model_directory)
    except StartupError as refusal:
        raise EngineDied(str(refusal)) from refusal
    runtime = await _loaded(options, facts)
    try:
        _log.info("engine.started", pids=[process.pid for process in runtime.processes])
        await runtime.load_adapters()
        yield VllmEngine(runtime, Words(vocabulary, facts), capacity=options.max_sequences)
    finally:
        runtime.break_off()
        await asyncio.to_thread(runtime.stop, grace=_GRACE_SECONDS)


async def _loaded(options: VllmOptions, facts: ModelFacts) -> "Runtime":
    """Loads in a thread, which cannot be cancelled: without its processes it fails by itself."""
    wanted = threading.Event()
    wanted.set()
    loading = asyncio.get_running_loop().run_in_executor(None, _load, options, facts, wanted)
    try:
        return await asyncio.shield(loading)
    except asyncio.CancelledError:
        wanted.clear()
        while not loading.done():
            for child in multiprocessing.active_children():
                child.kill()
            await asyncio.wait([loading], timeout=_LOOK_SECONDS)
        if loading.exception() is None:
            await asyncio.to_thread(loading.result().stop, grace=0.0)
        raise


def _load(options: VllmOptions, facts: ModelFacts, wanted: threading.Event) -> "Runtime":
    os.environ.update(
        variables(
            os.environ,
            cpu=is_cpu_build(),
            threads=options.threads,
            cores=usable_cores(),
            gpus=options.gpus,
        )
    )
    log_what_vllm_says()
    try:  # only now: it looks at the environment, and takes seconds
        from failsoft_local_llm.adapters.vllm.runtime import load
    except ImportError as error:  # a library that vLLM links against is missing
        raise EngineDied(f"vLLM cannot be imported: {error}") from error
    with prepared(options.log):
        return load(options, stop_tokens=sorted(facts.end_tokens), wanted=wanted)
