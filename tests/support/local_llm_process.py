"""local-llm with its real small model, as a process of its own."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from processes import free_ports, process, wait_until_serving

INFERENCE = "failsoft.inference.v1.InferenceService"
MODEL = "smollm2-135m-instruct"
PROGRAM = "failsoft_local_llm.adapters.openvino.child"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalLlm:
    """A service whose model is loading or loaded."""

    process: psutil.Process
    address: str

    def wait_until_serving(self) -> None:
        """Return once the model answers."""
        wait_until_serving(self.address, INFERENCE)

    def engine(self) -> psutil.Process | None:
        """The process that runs or loads the model; None: there is none just now."""
        for child in self.process.children():
            try:
                if PROGRAM in child.cmdline():
                    return child
            except psutil.NoSuchProcess:
                continue
        return None


@contextmanager
def local_llm(
    folder: Path, *, environ: Mapping[str, str] | None = None, **settings: str
) -> Iterator[LocalLlm]:
    """A service on a free port; its first start is under way."""
    (port,) = free_ports(1)
    given = {"address": f"127.0.0.1:{port}", **settings}
    variables = {f"FAILSOFT_LOCAL_LLM_{name.upper()}": value for name, value in given.items()}
    environment = {**variables, **(environ or {})}
    with process(["-m", "failsoft_local_llm"], folder=folder, variables=environment) as started:
        yield LocalLlm(process=psutil.Process(started.pid), address=given["address"])
