"""Starting, or refusing to, in words for the operator."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from failsoft_cache.settings import SECTION, CacheSettings
from failsoft_cache.wiring import build
from failsoft_kit.clock import SystemClock
from failsoft_kit.settings import load
from failsoft_kit.startup import StartupError
from failsoft_kit.telemetry import Telemetry, Tracer


def start(settings: CacheSettings) -> None:
    clock = SystemClock()
    build(settings, clock=clock, telemetry=Telemetry(tracer=Tracer(clock=clock)))


async def test_an_explicit_secret_that_is_missing_is_not_made(tmp_path: Path) -> None:
    """Replicas that make one each would share nothing, and nobody would notice."""
    path = tmp_path / "secret"

    with pytest.raises(StartupError):
        start(CacheSettings(data_dir=tmp_path, secret_file=path))

    assert not path.exists()


async def test_a_wrong_url_ends_the_start_without_being_shown(tmp_path: Path) -> None:
    with pytest.raises(StartupError) as raised:
        start(CacheSettings(data_dir=tmp_path, valkey_url=SecretStr("http://:secret@host")))

    assert str(raised.value).startswith("cache.valkey_url: must be a URL")
    assert "secret" not in str(raised.value)


async def test_a_url_file_that_is_missing_ends_the_start(tmp_path: Path) -> None:
    with pytest.raises(StartupError) as raised:
        start(CacheSettings(data_dir=tmp_path, valkey_url_file=tmp_path / "missing"))

    assert str(raised.value).startswith("cache.valkey_url_file: ")
    assert "No such file" in str(raised.value)


async def test_two_urls_are_one_too_many(tmp_path: Path) -> None:
    url = SecretStr("valkey://:secret@host")

    with pytest.raises(StartupError) as raised:
        start(CacheSettings(data_dir=tmp_path, valkey_url=url, valkey_url_file=tmp_path / "url"))

    assert "not both" in str(raised.value)
    assert "secret" not in str(raised.value)


def test_the_url_hides_itself() -> None:
    environ = {"FAILSOFT_CACHE_VALKEY_URL": "valkey://:secret@host"}

    settings = load(CacheSettings, section=SECTION, environ=environ)

    assert "secret@" not in repr(settings)


def test_the_settings_of_the_chart_are_understood(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(
        "cache:\n  address: 0.0.0.0:50052\n  secret_file: /etc/secret\n"
        "  service_token_file: /etc/token\n  valkey_url_file: /etc/url\n  drain: 15s\n"
        "  local_bytes: 64MiB\n  max_entry_bytes: 2MiB\n  log: {level: debug}\n"
    )

    settings = load(CacheSettings, section=SECTION, file=file, environ={})

    assert settings.drain == 15.0
    assert settings.local_bytes == 64 * 2**20


@pytest.mark.integration
def test_a_process_with_wrong_settings_says_all_of_them_and_ends(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("cache:\n  drain: 15\n  local_bytes: many\n  adress: here\n")

    ended = subprocess.run(
        [sys.executable, "-m", "failsoft_cache", "--config", str(file)],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, "PYTHONWARNINGS": "error"},
        check=False,
    )

    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 3
    for name in ("drain", "local_bytes", "adress"):
        assert name in ended.stderr
    assert "Traceback" not in ended.stderr
