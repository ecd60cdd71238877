"""A stack that `failsoft up` keeps running, whatever befalls its parts."""

import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING

import psutil
import pytest

from failsoft_cli.addresses import on_loopback

if TYPE_CHECKING:
    from tests.e2e.conftest import Up  # type: ignore[import-not-found]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]
