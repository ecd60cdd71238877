"""What the tests of TLS share."""

from pathlib import Path

import pytest
from tls_stage import TlsStage


@pytest.fixture
def stage(tmp_path: Path) -> TlsStage:
    return TlsStage.in_folder(tmp_path)
