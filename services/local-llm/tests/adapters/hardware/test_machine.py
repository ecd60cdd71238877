"""The machine that the tests run on, and what is kept on it."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from failsoft_local_llm.adapters.hardware.machine import read_machine, read_storage
from failsoft_local_llm.core.catalogue import Catalogue, Directory
from failsoft_local_llm.core.known_models import CATALOGUE
from failsoft_local_llm.core.store.manifest import COMPLETE, folder_name

LLAMA = "llama-3.2-1b-instruct-bf16"


def test_this_machine_is_read_as_it_is(tmp_path: Path) -> None:
    machine = read_machine(CATALOGUE, tmp_path)

    assert 1 <= machine.cpu.cores <= (os.cpu_count() or 1) == machine.cpu.installed
    assert 0 < machine.memory.free_bytes <= machine.memory.total_bytes
    assert machine.memory.total_bytes <= psutil.virtual_memory().total
    assert machine.storage.free_bytes is not None
    assert bool(machine.gpus.found) != bool(machine.gpus.note)


def test_reading_imports_no_engine() -> None:
    """It must cost milliseconds, not the seconds that torch takes."""
    program = (
        "import sys; from pathlib import Path;"
        "from failsoft_local_llm.adapters.hardware.machine import read_machine;"
        "from failsoft_local_llm.core.known_models import CATALOGUE;"
        "read_machine(CATALOGUE, Path('/'));"
        "print([m for m in ('torch', 'vllm', 'openvino', 'openvino_genai') if m in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert done.stdout.strip() == "[]", done.stderr


def test_weights_are_here_only_when_their_download_was_completed(tmp_path: Path) -> None:
    folder = tmp_path / folder_name(CATALOGUE.named(LLAMA)[0])
    folder.mkdir()
    assert LLAMA not in read_storage(CATALOGUE, tmp_path).complete

    (folder / COMPLETE).touch()

    assert LLAMA in read_storage(CATALOGUE, tmp_path).complete


def test_weights_of_a_folder_are_here_when_it_is(tmp_path: Path) -> None:
    [llama] = CATALOGUE.named(LLAMA)
    here = Directory(path=str(tmp_path))
    gone = Directory(path=str(tmp_path / "gone"))
    catalogue = Catalogue(
        weights=tuple(
            type(llama)(
                name=name,
                model=llama.model,
                format=llama.format,
                quantisation=llama.quantisation,
                source=source,
                licence=llama.licence,
            )
            for name, source in (("here", here), ("gone", gone))
        )
    )

    assert read_storage(catalogue, tmp_path).complete == {"here"}


@pytest.mark.parametrize("below", ["", "not/yet/there"])
def test_free_space_is_that_of_the_disk_below(tmp_path: Path, below: str) -> None:
    storage = read_storage(CATALOGUE, tmp_path / below)

    assert storage.free_bytes is not None
    assert storage.free_bytes > 0
