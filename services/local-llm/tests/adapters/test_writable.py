"""The file that OpenVINO is given, which it opens for writing."""

import os
import tempfile
from pathlib import Path

import pytest

from failsoft_local_llm.adapters.openvino.writable import writable


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    made = tmp_path / "model.gguf"
    made.write_bytes(b"GGUF")
    return made


def test_a_file_that_may_be_written_is_not_copied(file: Path) -> None:
    with writable(file) as given:
        assert given == file


def test_a_file_of_others_is_copied_until_it_was_read(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container with a read-only root. Who runs this may be root, who may write it all."""
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)

    with writable(file) as given:
        assert given != file
        assert (given.name, given.read_bytes()) == ("model.gguf", b"GGUF")

    assert not given.exists()
    assert list((file.parent / "tmp").iterdir()) == []
