"""The machine that the tests run on, and what is kept on it."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from failsoft_kit.startup import StartupError
from failsoft_local_llm.adapters.hardware.machine import read_machine, read_storage
from failsoft_local_llm.core.catalogue import Catalogue, Directory
from failsoft_local_llm.core.known_models import CATALOGUE
from failsoft_local_llm.core.store.manifest import COMPLETE, folder_name

LLAMA = "llama-3.2-1b-instruct-bf16"
NOBODY = 65534


@pytest.fixture
def somebody() -> Iterator[None]:
    """Who runs the test is not root, who may read everything."""
    user = os.geteuid()
    os.seteuid(user or NOBODY)
    yield
    os.seteuid(user)


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


@pytest.mark.usefixtures("somebody")
def test_a_volume_that_may_not_be_read_is_named_with_who_may_not() -> None:
    """As root's is, where the storage does not give it to the pod's group."""
    directory = Path(tempfile.mkdtemp())
    directory.chmod(0)

    with pytest.raises(StartupError) as refused:
        read_storage(CATALOGUE, directory)
    directory.rmdir()

    assert f"'{directory}', which user {os.geteuid()} may not read" in str(refused.value)


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
