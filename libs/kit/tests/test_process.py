"""How a process ends tells who has to act: nobody, the operator, or us."""

import asyncio
import gc
import json
import resource
import signal

import pytest
import uvloop

from failsoft_kit import process
from failsoft_kit.process import StartupError
from failsoft_kit.settings import SettingsError

pytestmark = pytest.mark.usefixtures("own_logs")


def main_raising(error: BaseException) -> int:
    async def run() -> None:
        raise error

    return process.main(run)


def test_a_service_that_ends_by_itself_has_drained() -> None:
    loops: list[object] = []

    async def run() -> None:
        loops.append(asyncio.get_running_loop())

    assert process.main(run) == 0
    assert isinstance(loops[0], uvloop.Loop)


def test_bad_settings_are_told_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main_raising(SettingsError("`a` is missing", "`b` is unknown")) == 2
    assert capsys.readouterr().err == "`a` is missing\n`b` is unknown\n"


def test_a_refusal_to_start_is_told_without_a_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main_raising(StartupError("port 50050 is in use")) == 2
    assert capsys.readouterr().err == "port 50050 is in use\n"


def test_refusals_of_several_tasks_are_all_told(capsys: pytest.CaptureFixture[str]) -> None:
    inner = ExceptionGroup("tasks", [StartupError("b"), StartupError("c", "d")])

    assert main_raising(ExceptionGroup("tasks", [StartupError("a"), inner])) == 2
    assert capsys.readouterr().err == "a\nb\nc\nd\n"


def test_a_crash_beside_a_refusal_is_a_crash(capsys: pytest.CaptureFixture[str]) -> None:
    """A bug of ours must not hide behind the operator's mistake."""
    assert main_raising(ExceptionGroup("tasks", [StartupError("a"), LookupError("bug")])) == 1


def test_a_mistake_before_the_loop_runs_is_told_as_well() -> None:
    def run() -> None:
        raise StartupError("too early")

    assert process.main(run) == 2  # type: ignore[arg-type]


def test_a_crash_is_logged_with_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert main_raising(LookupError("bug")) == 1

    event = json.loads(capsys.readouterr().err)
    assert (event["event"], event["level"]) == ("process.crashed", "critical")
    assert "LookupError: bug" in event["exception"]


def test_an_interrupt_before_serving_is_no_crash(capsys: pytest.CaptureFixture[str]) -> None:
    async def run() -> None:
        signal.raise_signal(signal.SIGINT)

    assert process.main(run) == 130
    assert capsys.readouterr().err == ""


def test_what_was_made_at_start_is_left_alone_by_the_collector() -> None:
    before = gc.get_threshold()
    try:
        process.settle()
        assert gc.get_freeze_count() > 0
        assert gc.get_threshold()[0] == process.COLLECT_AFTER
        assert gc.isenabled()
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)


def test_a_process_may_open_as_many_files_as_the_system_allows() -> None:
    async def run() -> None:
        pass

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
    try:
        process.main(run)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == min(hard, process.MAX_FILES)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
