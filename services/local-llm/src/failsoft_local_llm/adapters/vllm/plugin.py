"""Runs in each of vLLM's processes, by the entry point `vllm.general_plugins`."""


def prepare_process() -> None:
    """Asks the kernel for AMX."""
    import torch  # not at the top: entry points are looked at without vLLM, too

    if torch.cpu._is_amx_tile_supported():  # noqa: SLF001 - there is no public way
        torch.cpu._init_amx()  # noqa: SLF001 - vLLM uses its tiles without asking, and dies of it
