"""vLLM: the engine for GPUs, and by its CPU build for tests without one.

Its scheduler and model run in processes of their own; `AsyncLLM` speaks to them from ours.

    engine       the Engine port; knows orders, bytes and tokens
    launch       starts it in a thread, ends it, and gives up a start that takes too long
    environment  what vLLM reads from the environment
    spawned      what each of its processes does first: it dies with its parent, and logs as we do
    plugin       what vLLM runs in each of them
    runtime      vLLM itself  } the only modules that import it: that takes seconds,
    calls        its parsers  } and it need not be installed
    death        how one of its processes ended
    metrics      what it counts by itself
"""
