"""`failsoft status` against whatever may listen at its address."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from failsoft_cli import health
from failsoft_cli.__main__ import main
from failsoft_cli.supervisor.data_dir import DataDir

pytestmark = pytest.mark.integration

TOKEN = "a-service-token-of-enough-characters"
WELL = {
    "status": "ready",
    "why": [],
    "running_for": 5.0,
    "policy": {"in_force": "abc", "refused": None},
    "services": [],
    "targets": [],
    "walks": {
        "window": 300.0,
        "ended": 0,
        "fallback_share": None,
        "by_degradation": {},
        "unanswered": 0,
    },
    "of a later version": 1,
}


@contextmanager
def listening(status: int, body: bytes) -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    """A server that replies so to everything; its address, and what it was asked and shown."""
    asked: list[tuple[str, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers.get("authorization")))
            self.send_response(status)
            self.send_header("location", "http://127.0.0.1:1/")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            """Keep quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


Status = Callable[..., int]


@pytest.fixture
def status(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Status:
    """Runs the command in this process; gives its exit code."""

    def run(address: str, *arguments: str) -> int:
        line = ["failsoft", "status", "--address", address, "--data", str(tmp_path), *arguments]
        monkeypatch.setattr(sys, "argv", line)
        return main()

    return run


@pytest.mark.parametrize(
    ("said", "code"), [("ready", 0), ("degraded", 3), ("not_ready", 1), ("unheard of", 1)]
)
def test_the_exit_code_tells_a_script_how_it_is(
    status: Status, capsys: pytest.CaptureFixture[str], said: str, code: int
) -> None:
    with listening(200, json.dumps(WELL | {"status": said}).encode()) as (address, _):
        assert status(address) == code

    assert said.replace("_", " ") in capsys.readouterr().out


def test_the_document_is_written_as_it_came(
    status: Status, capsys: pytest.CaptureFixture[str]
) -> None:
    with listening(200, json.dumps(WELL).encode()) as (address, asked):
        assert status(address, "--json") == 0

    assert json.loads(capsys.readouterr().out) == WELL
    assert asked == [("/health", None)]


def test_the_service_token_is_shown_where_there_is_one(status: Status, tmp_path: Path) -> None:
    file = DataDir(tmp_path).service_token
    file.parent.mkdir(parents=True)
    file.write_text(TOKEN)

    with listening(200, json.dumps(WELL).encode()) as (address, asked):
        status(address)

    assert asked == [("/health", f"Bearer {TOKEN}")]


@pytest.mark.parametrize(
    ("reply", "body", "sentence"),
    [
        (401, b"{}", "does not tell strangers"),
        (404, b"{}", "is not the HTTP port of a router"),
        (302, b"", "is not the HTTP port of a router"),
        (200, b"<html>", "is not the HTTP port of a router"),
        (200, b"[]", "is not the HTTP port of a router"),
        (200, b"\xff", "is not the HTTP port of a router"),
    ],
)
def test_what_does_not_tell_is_explained(
    status: Status,
    capsys: pytest.CaptureFixture[str],
    reply: int,
    body: bytes,
    sentence: str,
) -> None:
    with listening(reply, body) as (address, _):
        assert status(address) == 1

    assert sentence in capsys.readouterr().err


def test_nobody_at_the_address_is_explained(
    status: Status, capsys: pytest.CaptureFixture[str], free_port_and_taken: tuple[int, int]
) -> None:
    free, _ = free_port_and_taken

    assert status(f"127.0.0.1:{free}") == 1
    assert "cannot be reached" in capsys.readouterr().err


def test_who_takes_the_call_and_says_nothing_is_left_in_time(
    status: Status,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    free_port_and_taken: tuple[int, int],
) -> None:
    monkeypatch.setattr(health, "_SECONDS", 0.3)
    _, silent = free_port_and_taken

    assert status(f"127.0.0.1:{silent}") == 1
    assert "does not answer in time" in capsys.readouterr().err
